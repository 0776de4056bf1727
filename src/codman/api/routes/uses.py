"""Uses: found as the inventory finds them; their deployments, all sites of a use as one action; acceptance."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Annotated, Any, Final

from pydantic import BaseModel, Field, create_model
from sqlalchemy import select

from codman.api import replies
from codman.api.call import Call, NotTheSame
from codman.api.operation import JSON, MERGE_PATCH, Answer, Body, Operation
from codman.api.replies import Reply
from codman.api.routes.lists import CONFIG, asked, filters_of, list_of, order_of
from codman.flows import records, rollout
from codman.flows.planning import as_seen
from codman.flows.record_rules import KINDS
from codman.registry.access import paths_for
from codman.registry.inventory import AT, CONTRACT_ENDS, FILTERS, MOST_A_PAGE, ORDERS, RUNS, Question, search
from codman.registry.schema import uses
from codman.spine.record import Id
from codman.spine.site import Deployment
from codman.spine.use import Use

FILTER_NAMES: Final = (*FILTERS, RUNS, AT, CONTRACT_ENDS)
USE_QUESTION: Final = asked(
    "UseQuestion", filters=FILTER_NAMES, orders=tuple(ORDERS), words=True, first="name", opposites=True
)
Sites = Annotated[list[Id], Field(min_length=1, max_length=5000)]


class Rollout(BaseModel):
    """A use put to work at many sites as one action."""

    model_config = CONFIG

    sites: Sites = Field(description="Where; a site where it runs already is left as it is")
    fields: dict[str, Any] = Field(description="The deployment's fields but `use` and `site`, the same everywhere")


class Everywhere(BaseModel):
    """A change at many sites of a use as one action."""

    model_config = CONFIG

    sites: Sites | None = Field(default=None, description="Only at these; at every site within reach where left out")
    patch: dict[str, Any] = Field(description="A JSON Merge Patch of each deployment")


class Accepted(BaseModel):
    """What is accepted at a site."""

    model_config = CONFIG

    on: Id | None = Field(
        default=None,
        description="The case of the decision that was read, `undecided` where there was none; it is refused once "
        "another decision is in force there. Without it, what is in force is accepted unread",
    )


Changed = create_model(
    "DeploymentsChanged",
    __config__=CONFIG,
    __doc__="The deployments as they are now.",
    items=(list[Deployment], Field(description="Each of them")),
)


def question_of(query: Any, today: date) -> Question:
    """A request's query as the inventory asks it, on this day."""
    order, descending = order_of(query)
    return Question(
        words=query.q,
        where=filters_of(query, FILTER_NAMES),
        not_where=filters_of(query, FILTER_NAMES, "not_"),
        order=order,
        descending=descending,
        limit=getattr(query, "limit", MOST_A_PAGE),
        cursor=getattr(query, "cursor", None),
        today=today.isoformat(),
    )


def operations() -> Iterator[Operation]:
    """What can be done with uses beside adding and changing one."""
    yield Operation(
        method="GET",
        path="/uses",
        name="list_uses",
        tag="uses",
        action="inventory.read",
        summary="List uses",
        description="The uses within the reader's reach that answer a question, a page at a time. Several filters all "
        "hold; a filter given several times means any of its values.",
        do=_list,
        query=USE_QUESTION,
        answers=(Answer(200, "A page of them", list_of(Use, "UseList")),),
    )
    where = {"id": "The use's id"}
    yield Operation(
        method="GET",
        path="/uses/{id}/deployments",
        name="list_deployments_of_use",
        tag="deployments",
        action="inventory.read",
        summary="List all deployments of a use",
        description="Every site within reach where it runs. The ETag stands for all of them together.",
        do=_deployments,
        parameters=where,
        answers=(Answer(200, "All of them", list_of(Deployment, "DeploymentsOfUse")),),
    )
    yield Operation(
        method="POST",
        path="/uses/{id}/deployments",
        name="deploy_use",
        tag="deployments",
        action="deployment.create",
        summary="Deploy a use at many sites",
        description="One action: all sites or none. Where it runs already, it stays as it is.",
        do=_deploy,
        parameters=where,
        body=Body(Rollout, "Where, and how"),
        problems=(409,),
        answers=(Answer(202, "It runs there now", Changed),),
    )
    yield Operation(
        method="PATCH",
        path="/uses/{id}/deployments",
        name="change_deployments_of_use",
        tag="deployments",
        action="deployment.change",
        summary="Change a use at all its sites",
        description="One action for all the sites: all of it is done or none. If-Match names the ETag of the list.",
        do=_change_everywhere,
        parameters=where,
        body=Body(Everywhere, "What changes, and where", (JSON, MERGE_PATCH)),
        edits=True,
        answers=(Answer(202, "The deployments as they are now", Changed, headers=("ETag",)),),
    )
    yield Operation(
        method="POST",
        path="/deployments/{id}/acceptance",
        name="accept_deployment",
        tag="deployments",
        action="deployment.accept",
        summary="Accept a deployment",
        description="The accountable clinician whom the deployment names accepts it; nobody else can. `on` names the "
        "decision they read.",
        do=_accept,
        query=Accepted,
        parameters={"id": "The deployment's id"},
        edits=True,
        answers=(Answer(200, "The deployment, accepted", Deployment, headers=("ETag",)),),
    )


def _list(call: Call) -> Reply:
    with call.house.database.reading() as connection:
        found = search(
            connection, question_of(call.query, call.house.database.today()), paths_for(call.reader, "inventory.read")
        )
        names = [item.id for item in found.items]
        rules = KINDS["use"].records
        rows = connection.execute(select(uses).where(uses.c.id.in_(names))).all() if names else []
        by_id = {row.id: as_seen(connection, call.reader, "use", rules.read(row)) for row in rows}
    return replies.listed([by_id[name] for name in names], found.next)


def _deployments(call: Call) -> Reply:
    found = rollout.deployments_of(call.house, call.reader, call.id("use"))
    body = replies.listed(found, None).body
    return Reply(body=body, headers={"ETag": f'"{rollout.state_tag(found)}"'})


def _deploy(call: Call) -> Reply:
    asked_for = call.fields(Rollout)
    made = rollout.deploy_at(
        call.house,
        call.reader,
        call.id("use"),
        asked_for.sites,
        asked_for.fields,
        why=call.reason(),
        request=call.request,
    )
    return replies.plain({"items": made}, status=202)


def _change_everywhere(call: Call) -> Reply:
    state = call.if_match().strip('"')
    asked_for = call.fields(Everywhere)
    try:
        changed = rollout.change_everywhere(
            call.house,
            call.reader,
            call.id("use"),
            asked_for.patch,
            sites=asked_for.sites,
            state=state,
            why=call.reason(),
            request=call.request,
        )
    except rollout.SeenOtherwise as error:
        raise NotTheSame(f'"{error.now}"') from None
    now = rollout.deployments_of(call.house, call.reader, call.id("use"))
    tag = {"ETag": f'"{rollout.state_tag(now)}"'}
    return replies.plain({"items": changed}, status=202, headers=tag)


def _accept(call: Call) -> Reply:
    accepted = records.accept_deployment(
        call.house,
        call.reader,
        call.id("deployment"),
        call.revision(),
        on=call.query.on,
        why=call.reason(),
        request=call.request,
    )
    return replies.record(accepted)
