"""Triage: the tier of a use with its reasons, another one set by people, and what was determined about research."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from pydantic import BaseModel, Field

from codman.api import replies
from codman.api.call import Call
from codman.api.operation import Answer, Body, Operation
from codman.api.replies import Reply
from codman.api.routes.lists import CONFIG
from codman.flows import triage as triaging
from codman.flows.triage_record import look
from codman.spine.determination import Determination, Outcome
from codman.spine.intake import TriageRecord
from codman.spine.record import Day, Line, Prose
from codman.spine.use import Tier


class NewTier(BaseModel):
    """Another tier than the one that holds."""

    model_config = CONFIG

    tier: Tier
    why: Prose | None = Field(default=None, description="Needed to go down")


class TierRefusal(BaseModel):
    """Why a lower tier is not agreed to."""

    model_config = CONFIG

    why: Prose


class NewDetermination(BaseModel):
    """What was determined about research, and by whom."""

    model_config = CONFIG

    outcome: Outcome
    determined_by: Line = Field(description="The board, office or person, e.g. IRB panel B")
    determined_on: Day
    reference: Line | None = Field(default=None, description="The board's own number of it")
    exempt_category: Annotated[int, Field(ge=1, le=8)] | None = Field(default=None, description="45 CFR 46.104(d)")
    expires_on: Day | None = None
    covers: Prose = Field(description="What was determined: the plan as it was put to them")


class ClassFound(BaseModel):
    """The class a scheme gives."""

    model_config = CONFIG

    scheme: str
    title: str
    found: str | None = Field(description="null where it does not apply, or nothing decides it yet")
    could_be: str | None = Field(description="A higher class that an answer could still give")


class OpenQuestion(BaseModel):
    """A question whose answer could still raise the tier."""

    model_config = CONFIG

    question: str
    ask: str
    could_raise_to: Tier


class TriageRead(BaseModel):
    """What is known of a use's tier."""

    model_config = CONFIG

    standing: TriageRecord | None = Field(description="What holds; null where it was never triaged")
    pending: TriageRecord | None = Field(description="A lower tier that waits for a second person")
    changed: bool = Field(description="Whether answers or rules have changed since")
    would_be: Tier = Field(description="What would hold if it were triaged again now")
    classes: list[ClassFound] = Field(description="What each scheme says by the answers as they are now")
    unknown: list[OpenQuestion]
    forbidden: list[str] = Field(description="Why it must not run at all, whatever its tier")
    determination: Determination | None
    determination_needed: bool | None = Field(description="null until the answers say")
    history: list[TriageRecord] = Field(description="The newest first")


def operations() -> Iterator[Operation]:
    """What can be done with tiers."""
    use, record = {"id": "The use's id"}, {"id": "The triage record's id"}
    yield Operation(
        method="GET",
        path="/uses/{id}/triage",
        name="get_triage",
        tag="triage",
        action="review.read",
        summary="Read a use's tier and its reasons",
        description="What holds, what waits for a second person, and what the rules would give today.",
        do=_read,
        parameters=use,
        answers=(Answer(200, "The tier", TriageRead),),
    )
    yield Operation(
        method="POST",
        path="/uses/{id}/triage",
        name="triage_use",
        tag="triage",
        action="use.triage",
        summary="Triage a use",
        description="The rules are held against what the book says now. A tier that rises holds at once; one that "
        "would fall waits for a second person.",
        do=lambda call: replies.record(
            triaging.triage_again(call.house, call.reader, call.id("use"), why=call.reason(), request=call.request)
        ),
        parameters=use,
        answers=(Answer(200, "What holds, or what waits", TriageRecord, headers=("ETag",)),),
    )
    yield Operation(
        method="POST",
        path="/uses/{id}/tier",
        name="set_tier",
        tag="triage",
        action="triage.change",
        summary="Set another tier",
        description="Up at once; down once a second person agrees, neither of whom has a hand in the use.",
        do=_set,
        parameters=use,
        body=Body(NewTier, "The tier, and why"),
        problems=(409,),
        answers=(Answer(200, "What holds, or what waits", TriageRecord, headers=("ETag",)),),
    )
    yield Operation(
        method="POST",
        path="/triages/{id}/agreement",
        name="agree_to_tier",
        tag="triage",
        action="triage.agree",
        summary="Agree to a lower tier",
        description="As the second person: not who asked for it, and without a hand in the use.",
        do=lambda call: replies.record(
            triaging.agree(call.house, call.reader, call.id("triage"), call.revision(), request=call.request)
        ),
        parameters=record,
        edits=True,
        problems=(409,),
        answers=(Answer(200, "It holds", TriageRecord, headers=("ETag",)),),
    )
    yield Operation(
        method="POST",
        path="/triages/{id}/refusal",
        name="refuse_tier",
        tag="triage",
        action="triage.change",
        summary="Refuse a lower tier, or take the request back",
        description="By who may agree to it, or who asked for it.",
        do=_refuse,
        parameters=record,
        body=Body(TierRefusal, "Why"),
        edits=True,
        problems=(409,),
        answers=(Answer(200, "It is refused", TriageRecord, headers=("ETag",)),),
    )
    yield Operation(
        method="POST",
        path="/uses/{id}/determinations",
        name="create_determination",
        tag="triage",
        action="use.triage",
        summary="Record whether a use is research",
        description="Quality improvement, research without human subjects, exempt, expedited or full board: as it was "
        "determined. The last one counts.",
        do=_determine,
        parameters=use,
        body=Body(NewDetermination, "What was determined, by whom and when"),
        answers=(Answer(201, "It is recorded", Determination, headers=("ETag",)),),
    )


def _read(call: Call) -> Reply:
    found = look(call.house, call.reader, call.id("use"))
    return replies.plain(
        TriageRead(
            standing=found.standing,
            pending=found.pending,
            changed=found.changed,
            would_be=found.would_be,
            classes=[
                ClassFound(scheme=one.scheme, title=one.title, found=one.found, could_be=one.could_be)
                for one in found.fresh.classes
            ],
            unknown=[
                OpenQuestion(question=one.question, ask=found.asks[one.question], could_raise_to=one.could_raise_to)
                for one in found.fresh.unknown
            ],
            forbidden=[one.why for one in found.fresh.forbidden],
            determination=found.determination,
            determination_needed=found.determination_needed,
            history=list(found.history),
        )
    )


def _set(call: Call) -> Reply:
    new = call.fields(NewTier)
    why = new.why or call.reason()
    return replies.record(
        triaging.set_tier(call.house, call.reader, call.id("use"), new.tier, why=why, request=call.request)
    )


def _refuse(call: Call) -> Reply:
    why = call.fields(TierRefusal).why
    return replies.record(
        triaging.refuse(call.house, call.reader, call.id("triage"), call.revision(), why, request=call.request)
    )


def _determine(call: Call) -> Reply:
    new = call.fields(NewDetermination)
    fields = new.model_dump(mode="json")
    return replies.record(
        triaging.determine(call.house, call.reader, call.id("use"), fields, request=call.request), status=201
    )
