"""Challengers: a version in shadow, or beside the one in use, judged on the events of both."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, Field, StrictBool

from codman.api import replies
from codman.api.call import Call
from codman.api.operation import Answer, Body, Operation
from codman.api.replies import Reply
from codman.api.routes.lists import CONFIG
from codman.flows.watch.refusals import CHALLENGE
from codman.spine.record import Line
from codman.spine.statement import Instant

_MOST_METRICS: Final = 30


class NewChallenge(BaseModel):
    """A look at a challenger."""

    model_config = CONFIG

    challenger: Line = Field(description="The version to judge, by its label or id")
    champion: Line | None = Field(default=None, description="The version in use; the one that runs where left out")
    planned: Annotated[int, Field(ge=1, le=1_000_000_000)] = Field(
        description="Patients you expect by the decision; fixed at the first look"
    )
    design: Literal["paired", "ab"] = Field(
        default="paired", description="paired: both score the same patients; ab: each patient was shown one of the two"
    )
    margins: dict[Line, float] = Field(
        default_factory=dict, max_length=_MOST_METRICS, description="By metric, the loss that would be accepted"
    )
    thresholds: list[float] = Field(
        default_factory=list, max_length=_MOST_METRICS, description="Flagged is at or above; the plan's where left out"
    )
    within_minutes: Annotated[float, Field(ge=0, le=1440)] = Field(
        default=5.0, description="The most that two predictions of a pair differ in time"
    )
    at: Instant | None = Field(default=None, description="As of this time; now where left out")
    file: StrictBool = Field(default=False, description="File it as evidence of the use, signed by the house")


class ChallengeFound(BaseModel):
    """What came of a look at a challenger."""

    model_config = CONFIG

    digest: str = Field(description="sha256 of the canonical statement")
    filed: bool
    statement: dict[str, Any] = Field(description="The comparison statement")


def operations() -> Iterator[Operation]:
    """What can be done about challengers."""
    yield Operation(
        method="POST",
        path="/uses/{id}/challenges",
        name="challenge_use",
        tag="monitoring",
        action=CHALLENGE,
        summary="Look at a challenger of a use",
        description="Compares a version in shadow, or beside the one in use, on the events of both since the "
        "challenger's first prediction. The intervals hold at all looks together; which attempt at a better model it "
        "is, the book counts.",
        do=_challenge,
        parameters={"id": "The use's id"},
        body=Body(NewChallenge, "What to compare"),
        problems=(409,),
        once=True,
        answers=(Answer(200, "What was found", ChallengeFound),),
    )


def _challenge(call: Call) -> Reply:
    said = call.fields(NewChallenge)
    # loaded now: the engines take as long as the whole server does to start
    challenging: Any = importlib.import_module("codman.flows.watch.challenging")
    asked = challenging.Challenge(
        use=call.id("use"),
        challenger=said.challenger,
        champion=said.champion,
        planned=said.planned,
        margins=said.margins,
        thresholds=tuple(said.thresholds),
        within=timedelta(minutes=said.within_minutes),
        design=said.design,
        at=None if said.at is None else datetime.fromisoformat(said.at),
    )
    found = challenging.challenge(
        call.house, call.reader, asked, keep=said.file, request=call.request, once=call.once() if said.file else None
    )
    answer = ChallengeFound(
        digest=found.digest, filed=found.filed, statement=found.statement.model_dump(mode="json", by_alias=True)
    )
    return replies.plain(answer)
