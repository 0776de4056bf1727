"""Vendors, products, versions, sites, people, uses, deployments, facts: listed, read, added, changed the same way."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from pydantic import BaseModel, Field, create_model

from codman.api import replies
from codman.api.call import Call
from codman.api.openapi import Patch
from codman.api.operation import JSON, MERGE_PATCH, Answer, Body, Operation
from codman.api.replies import Reply
from codman.api.routes.lists import asked, list_of, wanted
from codman.flows import records
from codman.flows.record_rules import KINDS
from codman.flows.recorded import follow
from codman.spine.record import Id


class Noun(NamedTuple):
    """How a kind of record is called in the API."""

    kind: str
    plural: str
    one: str  # a clause that says what one is
    orders: tuple[str, ...]


NOUNS: Final = (
    Noun(
        "vendor",
        "vendors",
        "who supplies a product, and what the contract says",
        ("id", "name", "contract_ends", "updated_at"),
    ),
    Noun("product", "products", "an AI product, whoever uses it", ("id", "name", "kind", "updated_at")),
    Noun("version", "versions", "one edition of a product", ("id", "label", "released_on", "updated_at")),
    Noun(
        "site", "sites", "a place in the hierarchy of the health system", ("id", "name", "level", "path", "updated_at")
    ),
    Noun(
        "person",
        "people",
        "somebody who signs in, answers for a use, or sits on a committee",
        ("id", "name", "updated_at"),
    ),
    Noun("use", "uses", "one product for one purpose, population and role in the decision", ()),
    Noun("deployment", "deployments", "a use at one site", ("id", "use", "site", "mode", "since", "updated_at")),
    Noun(
        "fact",
        "facts",
        "an answer to a framework's question, and whose word it is",
        ("id", "field", "about", "updated_at"),
    ),
)


_UNDECIDED: Final = (
    " What is there is recorded, decided or not; GET /uses/{id}/stage says what runs without a decision. Where that "
    "reaches patients a pause is proposed, or a proposal is begun in your name."
)


def operations() -> Iterator[Operation]:
    """The operations on every plain record; the list of uses is the inventory's."""
    for noun in NOUNS:
        if noun.kind != "use":
            yield _listing(noun)
        yield _reading(noun)
        yield _creating(noun)
        yield _changing(noun)


def new_of(kind: str) -> type[BaseModel]:
    """The body that makes a record: its fields, and an id where the sender has one."""
    fields = KINDS[kind].records.fields
    more: dict[str, Any] = {}
    if kind == "product":
        more["another"] = (bool, Field(default=False, description="It is another one than that of its name and vendor"))
    return create_model(
        f"New{kind.capitalize()}",
        __base__=fields,
        __doc__=f"A new {kind}.",
        id=(
            Id | None,
            Field(default=None, description="The sender's own, if they see all such records; a fresh one without"),
        ),
        **more,
    )


def create(call: Call, kind: str, model: type[BaseModel], plural: str) -> Reply:
    """Put a record into the book as a request asks."""
    given = call.fields(model).model_dump(mode="json")
    name, another = given.pop("id", None), given.pop("another", False)
    made = records.create(
        call.house,
        call.reader,
        kind,
        given,
        name=name,
        why=call.reason(),
        request=call.request,
        once=call.once(),
        another=another,
    )
    if kind == "deployment":
        follow(call.house, call.reader, made.use)
    return replies.record(made, status=201, location=f"/api/v1/{plural}/{made.id}")


def listed(call: Call, kind: str) -> Reply:
    """A page of the records of a kind, as a request asks."""
    found = records.page(
        call.house,
        call.reader,
        kind,
        words=getattr(call.query, "q", None),
        **wanted(call, KINDS[kind].filters),
    )
    return replies.listed(found.items, found.next)


def read(call: Call, kind: str) -> Reply:
    """One record of a kind, by the id in the path."""
    return replies.record(records.get(call.house, call.reader, kind, call.id(kind)))


def _listing(noun: Noun) -> Operation:
    rules = KINDS[noun.kind]
    query = asked(
        f"{rules.records.record.__name__}Question",
        filters=rules.filters,
        orders=noun.orders,
        words=bool(rules.words),
        first=noun.orders[1],
    )

    return Operation(
        method="GET",
        path=f"/{noun.plural}",
        name=f"list_{noun.plural}",
        tag=noun.plural,
        action=rules.read,
        summary=f"List {noun.plural}",
        description=f"The {noun.plural} within the reader's reach, a page at a time.",
        do=lambda call: listed(call, noun.kind),
        query=query,
        answers=(Answer(200, "A page of them", list_of(rules.records.record, f"{rules.records.record.__name__}List")),),
    )


def _reading(noun: Noun) -> Operation:
    rules = KINDS[noun.kind]
    return Operation(
        method="GET",
        path=f"/{noun.plural}/{{id}}",
        name=f"get_{noun.kind}",
        tag=noun.plural,
        action=rules.read,
        summary=f"Read a {noun.kind}",
        description=f"A {noun.kind}: {noun.one}. One at a site out of reach is answered as if it were not there.",
        do=lambda call: read(call, noun.kind),
        parameters={"id": f"The {noun.kind}'s id"},
        answers=(Answer(200, f"The {noun.kind}", rules.records.record),),
    )


def _creating(noun: Noun) -> Operation:
    rules = KINDS[noun.kind]
    model = new_of(noun.kind)
    return Operation(
        method="POST",
        path=f"/{noun.plural}",
        name=f"create_{noun.kind}",
        tag=noun.plural,
        action=rules.create,
        summary=f"Add a {noun.kind}",
        description=f"Adds a {noun.kind}: {noun.one}. An id that is used already with the same fields gives the record "
        "that is there; with others, 409." + (_UNDECIDED if noun.kind == "deployment" else ""),
        do=lambda call: create(call, noun.kind, model, noun.plural),
        body=Body(model, f"The new {noun.kind}"),
        problems=(409,),
        once=True,
        answers=(Answer(201, "It is in the book", rules.records.record, headers=("ETag", "Location")),),
    )


def _changing(noun: Noun) -> Operation:
    rules = KINDS[noun.kind]

    def do(call: Call) -> Reply:
        revision = call.revision()
        kept = records.change(
            call.house,
            call.reader,
            noun.kind,
            call.id(noun.kind),
            call.patch(rules.records.fields),
            revision,
            why=call.reason(),
            request=call.request,
        )
        if noun.kind == "deployment":
            follow(call.house, call.reader, kept.use)
        return replies.record(kept)

    decides = "|use.decide" if noun.kind == "use" else ""
    return Operation(
        method="PATCH",
        path=f"/{noun.plural}/{{id}}",
        name=f"change_{noun.kind}",
        tag=noun.plural,
        action=rules.change + decides,
        summary=f"Change a {noun.kind}",
        description="Changes some fields; what is left out stays, null empties a field."
        + (" Stage, decision, tier and impact are what a review sets: they need `use.decide`." if decides else ""),
        do=do,
        parameters={"id": f"The {noun.kind}'s id"},
        body=Body(Patch(rules.records.fields), "What changes", (MERGE_PATCH, JSON)),
        problems=(409,),
        edits=True,
        answers=(Answer(200, f"The {noun.kind} as it is now", rules.records.record, headers=("ETag",)),),
    )
