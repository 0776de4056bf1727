"""Change control: what changes reopened, what a change would reopen, change plans, and pauses that are proposed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from codman.api import replies
from codman.api.call import Call
from codman.api.operation import Answer, Body, Operation
from codman.api.replies import Reply
from codman.api.routes.edits import Because, edit
from codman.api.routes.lists import CONFIG, listing
from codman.flows import change_control
from codman.flows.review import pausing, plans
from codman.spine.pausing import PauseProposal
from codman.spine.policy import RequirementId
from codman.spine.record import Day, Id, Prose
from codman.spine.reopening import Changed, ChangePlan, Reopening

Word = Literal["version", "site", "population", "threshold", "data source", "EHR build"]
Value = Annotated[str, Field(min_length=1, max_length=300)]
Allowed = Annotated[list[Value | float], Field(min_length=1, max_length=200)]


class Range(BaseModel):
    """A range of numbers; an end that is left out is open."""

    model_config = CONFIG

    at_least: float | None = None
    at_most: float | None = None


class NewPlan(BaseModel):
    """A predetermined change control plan, in its three parts."""

    model_config = CONFIG

    use: Id
    modifications: Annotated[list[Word], Field(min_length=1, max_length=6)] = Field(
        description="Part 1: what may change"
    )
    allows: dict[Word, Allowed | Range] = Field(
        description="By what changes: what it may become. `3.*` is every one that begins so"
    )
    protocol: Prose = Field(description="Part 2: how data, training, evaluation and update are done")
    requirements: Annotated[list[RequirementId], Field(min_length=1, max_length=100)] = Field(
        description="What evidence must meet again"
    )
    impact: Prose = Field(description="Part 3: benefits and risks, and how they are mitigated")
    valid_to: Day | None = None


class BeforeCase(BaseModel):
    """The case a plan is laid before."""

    model_config = CONFIG

    case: Id


class ChangeQuestion(BaseModel):
    """A change that is not made yet."""

    model_config = CONFIG

    changed: Word = Field(description="What would change")
    to: Value | None = Field(
        default=None, description="What it would become: a version or site (id or name), a threshold, a source, a build"
    )


class WouldReopen(BaseModel):
    """One requirement that the change would reopen."""

    model_config = CONFIG

    policy: str
    requirement: str
    title: str
    because: str
    evidence: str | None = Field(description="sha256 of the statement that meets it now")
    plan: str | None = Field(description="The approved change plan that the change is inside of")


class Preview(BaseModel):
    """What a change would reopen."""

    model_config = CONFIG

    items: list[WouldReopen]


def operations() -> Iterator[Operation]:
    """What can be done about changes."""
    yield listing(
        "/reopenings",
        "List what was reopened",
        "Requirements that must be shown again since something changed, each with its reason and what settled it.",
        change_control.list_reopenings,
        tag="changes",
        action="review.read",
        of=Reopening,
        filters=change_control.REOPENING_FILTERS,
    )
    yield Operation(
        method="GET",
        path="/uses/{id}/reopening",
        name="preview_change",
        tag="changes",
        action="review.read",
        summary="Ask what a change would reopen",
        description="Nothing is written. Without a decision in force a use has nothing to reopen.",
        do=_preview,
        parameters={"id": "The use's id"},
        query=ChangeQuestion,
        answers=(Answer(200, "The requirements", Preview),),
    )
    yield listing(
        "/change-plans",
        "List change plans",
        "A plan without a case is a draft; it holds once its case is decided and granted.",
        change_control.list_plans,
        tag="changes",
        action="review.read",
        of=ChangePlan,
        filters=change_control.PLAN_FILTERS,
    )
    yield Operation(
        method="POST",
        path="/change-plans",
        name="create_change_plan",
        tag="changes",
        action="plan.create",
        summary="Draft a change plan",
        description="What may change without a new decision, if evidence meets its requirements again.",
        do=_draft,
        body=Body(NewPlan, "The plan"),
        problems=(404, 409),
        once=True,
        answers=(Answer(201, "It is drafted", ChangePlan, headers=("ETag", "Location")),),
    )
    yield Operation(
        method="POST",
        path="/change-plans/{id}/case",
        name="lay_plan_before_case",
        tag="changes",
        action="plan.create",
        summary="Lay a draft before a case",
        description="Before its reviewers vote. If the case is granted, the plan is approved with it.",
        do=_lay_before,
        parameters={"id": "The plan's id"},
        body=Body(BeforeCase, "The case"),
        edits=True,
        problems=(409,),
        answers=(Answer(200, "It is laid before the case", ChangePlan, headers=("ETag",)),),
    )
    yield listing(
        "/pause-proposals",
        "List proposed pauses",
        "Uses that run on a condition that lapsed or a decision that ran out.",
        pausing.list_pause_proposals,
        tag="changes",
        action="review.read",
        of=PauseProposal,
        filters=pausing.FILTERS,
    )
    yield from _answers()


def _answers() -> Iterator[Operation]:
    for word, name, action, summary, do in (
        ("confirmation", "confirm_pause", "use.pause", "Pause the use, as proposed", pausing.confirm_pause),
        ("refusal", "decline_pause", "case.change", "Let the use go on, and say why", pausing.decline_pause),
    ):
        yield edit(
            f"/pause-proposals/{{id}}/{word}",
            "pause_proposal",
            name,
            summary,
            "Nothing is paused without a person, and who answers for a use never lets it go on.",
            do,
            tag="changes",
            action=action,
            parameter="The proposal's id",
            body=Body(Because, "Why"),
            answer=Answer(200, "It is settled", PauseProposal, headers=("ETag",)),
        )


def _preview(call: Call) -> Reply:
    found = change_control.would_reopen(
        call.house, call.reader, call.id("use"), Changed(call.query.changed), call.query.to
    )
    items = [
        WouldReopen(
            policy=one.policy,
            requirement=one.requirement,
            title=one.title,
            because=one.because,
            evidence=one.evidence,
            plan=one.plan,
        )
        for one in found
    ]
    return replies.plain(Preview(items=items))


def _draft(call: Call) -> Reply:
    fields = call.fields(NewPlan).model_dump(exclude_none=True)
    made = plans.draft_plan(call.house, call.reader, fields, request=call.request, once=call.once())
    return replies.record(made, status=201, location=f"/api/v1/change-plans/{made.id}")


def _lay_before(call: Call) -> Reply:
    case = call.fields(BeforeCase).case
    name, revision = call.id("change_plan"), call.revision()
    return replies.record(plans.put_before(call.house, call.reader, name, case, revision, request=call.request))
