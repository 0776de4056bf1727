"""Stages, decisions and conditions of a use: where it stands, where it could go, what was decided, under what."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import BaseModel, Field

from codman.api import replies
from codman.api.call import Call
from codman.api.operation import Answer, Body, Operation
from codman.api.replies import Reply
from codman.api.routes.lists import CONFIG, listing
from codman.flows.house import House
from codman.flows.recorded import undecided_of
from codman.flows.review import conditions, reading, said_done, staging
from codman.registry.access import Reader
from codman.registry.records import Page
from codman.spine.record import Day, Id, Prose
from codman.spine.review import Case, Condition
from codman.spine.use import Stage, Use


class Ahead(BaseModel):
    """A stage a use could go to."""

    model_config = CONFIG

    to: Stage
    lacks: list[str] = Field(description="What still stands in the way; nothing where it may go now")


class Ways(BaseModel):
    """Where a use stands, and where it could go."""

    model_config = CONFIG

    stage: Stage
    ways: list[Ahead]
    undecided: list[str] = Field(description="Where it runs without a decision, and why none covers it")


class NextStage(BaseModel):
    """The stage a use goes to."""

    model_config = CONFIG

    to: Stage


class HandClosing(BaseModel):
    """What shows that a condition is done."""

    model_config = CONFIG

    note: Prose


class Done(BaseModel):
    """What somebody says who owes a condition."""

    model_config = CONFIG

    said_done: Prose
    shown_by: Id | None = Field(
        default=None, description="A document's id, or the digest of a document or statement that shows it"
    )


class Withdrawal(BaseModel):
    """Why a condition is not asked for after all."""

    model_config = CONFIG

    why: Prose


class AnotherDay(BaseModel):
    """Another day for a condition, and why."""

    model_config = CONFIG

    due_on: Day
    why: Prose


def operations() -> Iterator[Operation]:
    """What can be done with stages, decisions and conditions."""
    use, condition = {"id": "The use's id"}, {"id": "The condition's id"}
    yield Operation(
        method="GET",
        path="/uses/{id}/stage",
        name="get_stage",
        tag="uses",
        action="review.read",
        summary="Read where a use could go",
        description="Its stage, for each way on from it what is still lacking, and what runs without a decision.",
        do=_ways,
        parameters=use,
        answers=(Answer(200, "The ways", Ways, headers=("ETag",)),),
    )
    yield Operation(
        method="POST",
        path="/uses/{id}/stage",
        name="move_use",
        tag="uses",
        action="inventory.read",
        summary="Take a use to another stage",
        description="Where a decision in force, its sites' acceptance and the rest allow it; its deployments follow. "
        "Each way asks for its own right. To stop, to go back and to retire, say why in the header Codman-Reason.",
        do=_move,
        parameters=use,
        body=Body(NextStage, "Where to"),
        edits=True,
        problems=(409,),
        answers=(Answer(200, "The use as it is now", Use, headers=("ETag",)),),
    )
    yield listing(
        "/decisions",
        "List decisions",
        "Cases that were decided, the newest first; `decision` is the digest of the signed statement, read at "
        "/evidence/{digest}.",
        _decided,
        tag="decisions",
        action="review.read",
        of=Case,
        called="Decision",
        filters=("use", "checkpoint", "procedure", "outcome"),
        orders=("decided_at", "expires_on"),
        first="-decided_at",
    )
    yield listing(
        "/conditions",
        "List conditions",
        "What decisions asked for: of whom, by when, what closes each and whether it is closed.",
        reading.list_conditions,
        tag="decisions",
        action="review.read",
        of=Condition,
        filters=("use", "case", "owner", "state"),
        orders=("due_on", "created_at"),
        first="due_on",
    )
    yield Operation(
        method="POST",
        path="/conditions/{id}/closing",
        name="close_condition",
        tag="decisions",
        action="condition.change",
        summary="Close a condition by hand",
        description="One that no evidence closes, or a document that was handed in: who closes it accepts it. Never "
        "one's own.",
        do=_close,
        parameters=condition,
        body=Body(HandClosing, "What shows that it is done"),
        edits=True,
        problems=(409,),
        answers=(Answer(200, "It is closed", Condition, headers=("ETag",)),),
    )
    yield Operation(
        method="POST",
        path="/conditions/{id}/completion",
        name="say_condition_done",
        tag="decisions",
        action="review.read",
        summary="Say that one's own condition is done",
        description="By whoever owes it, with what shows it. It closes nothing and moves no day: who presides closes "
        "it, or gives it back with a reason. Only for a condition that no evidence and no document closes.",
        do=_say_done,
        parameters=condition,
        body=Body(Done, "What was done"),
        edits=True,
        problems=(409,),
        answers=(Answer(200, "It waits for who presides", Condition, headers=("ETag",)),),
    )
    yield Operation(
        method="POST",
        path="/conditions/{id}/return",
        name="return_condition",
        tag="decisions",
        action="case.change",
        summary="Give a condition back to who owes it",
        description="Its document, or the word that it is done, is not accepted: it is open again, and only a later "
        "document counts. By who presides, with a reason.",
        do=_hand_back,
        parameters=condition,
        body=Body(Withdrawal, "Why"),
        edits=True,
        problems=(409,),
        answers=(Answer(200, "It is open again", Condition, headers=("ETag",)),),
    )
    yield Operation(
        method="POST",
        path="/conditions/{id}/withdrawal",
        name="withdraw_condition",
        tag="decisions",
        action="case.change",
        summary="Withdraw a condition",
        description="Before the case is decided, by who presides, with a reason.",
        do=_withdraw,
        parameters=condition,
        body=Body(Withdrawal, "Why"),
        edits=True,
        problems=(409,),
        answers=(Answer(200, "It is withdrawn", Condition, headers=("ETag",)),),
    )
    yield Operation(
        method="POST",
        path="/conditions/{id}/prolongation",
        name="prolong_condition",
        tag="decisions",
        action="case.change",
        summary="Give a condition another day",
        description="By who presides, with a reason, and never for one's own.",
        do=_prolong,
        parameters=condition,
        body=Body(AnotherDay, "The day, and why"),
        edits=True,
        problems=(409,),
        answers=(Answer(200, "It has another day", Condition, headers=("ETag",)),),
    )


def _ways(call: Call) -> Reply:
    name = call.id("use")
    found = staging.ways(call.house, call.reader, name)
    ahead = [Ahead(to=one.to, lacks=list(one.lacks)) for one in found.ways]
    read = Ways(stage=found.stage, ways=ahead, undecided=undecided_of(call.house, call.reader, name))
    return replies.plain(read, headers={"ETag": replies.revision_tag(found.revision)})


def _move(call: Call) -> Reply:
    to = call.fields(NextStage).to
    return replies.record(
        staging.move(
            call.house, call.reader, call.id("use"), to, call.revision(), reason=call.reason(), request=call.request
        )
    )


def _decided(house: House, reader: Reader, *, where: Mapping[str, Sequence[str]], **wanted: Any) -> Page[Case]:
    return reading.list_cases(house, reader, where={**where, "state": ["decided"]}, **wanted)


def _close(call: Call) -> Reply:
    note = call.fields(HandClosing).note
    name, revision = call.id("condition"), call.revision()
    return replies.record(conditions.close_by_hand(call.house, call.reader, name, revision, note, request=call.request))


def _say_done(call: Call) -> Reply:
    done = call.fields(Done)
    name, revision = call.id("condition"), call.revision()
    return replies.record(
        said_done.say_done(call.house, call.reader, name, revision, done.said_done, done.shown_by, request=call.request)
    )


def _hand_back(call: Call) -> Reply:
    why = call.fields(Withdrawal).why
    name, revision = call.id("condition"), call.revision()
    return replies.record(conditions.hand_back(call.house, call.reader, name, revision, why, request=call.request))


def _withdraw(call: Call) -> Reply:
    why = call.fields(Withdrawal).why
    name, revision = call.id("condition"), call.revision()
    return replies.record(
        conditions.withdraw_condition(call.house, call.reader, name, revision, why, request=call.request)
    )


def _prolong(call: Call) -> Reply:
    asked_for = call.fields(AnotherDay)
    return replies.record(
        conditions.prolong(
            call.house,
            call.reader,
            call.id("condition"),
            call.revision(),
            asked_for.due_on,
            asked_for.why,
            request=call.request,
        )
    )
