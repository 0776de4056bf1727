"""Seats of a case: what a reviewer judges it as, one excused, a stated conflict lifted, who presides instead."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pydantic import BaseModel

from codman.api import replies
from codman.api.call import Call
from codman.api.operation import Answer, Body, Operation
from codman.api.replies import Reply
from codman.api.routes.edits import Because, edit
from codman.api.routes.lists import CONFIG
from codman.flows.review import chairing, seats
from codman.spine.record import Id, Line, Prose
from codman.spine.review import Case, Reviewer

_ONE: Final = "The reviewer's id; a review says which there are"


class Discipline(BaseModel):
    """What a reviewer judges the case as."""

    model_config = CONFIG

    discipline: Line


class NewChair(BaseModel):
    """Who presides from now on, and why."""

    model_config = CONFIG

    chair: Id
    why: Prose


def operations() -> Iterator[Operation]:
    """What can be done with a reviewer or a chair who was named."""
    yield edit(
        "/reviews/{id}/chair",
        "case",
        "name_chair",
        "Say who presides over a review instead",
        "For one whose chair is away: by another who may close it, with a reason that stands in the minutes. Neither "
        "has a hand in the use, a conflict of interest or a vote in it. Who presides may hand it on too.",
        chairing.name_chair,
        tag="reviews",
        action="case.decide",
        parameter="The review's id",
        body=Body(NewChair, "Who presides, and why"),
        answer=Answer(200, "They preside", Case, headers=("ETag",)),
    )
    yield edit(
        "/reviewers/{id}/discipline",
        "reviewer",
        "correct_discipline",
        "Correct what a reviewer judges a case as",
        "Before anybody voted in it; by somebody else than the reviewer, without a hand in the use.",
        seats.correct_discipline,
        tag="reviews",
        action="case.change",
        parameter=_ONE,
        body=Body(Discipline, "As what they judge it"),
        answer=Answer(200, "It is corrected", Reviewer, headers=("ETag",)),
    )
    yield edit(
        "/reviewers/{id}/lifting",
        "reviewer",
        "lift_conflict",
        "Lift a stated conflict of interest",
        "With a reason, by who presides over the case; the reviewer then states their interest anew.",
        seats.lift_conflict,
        tag="reviews",
        action="case.decide",
        parameter=_ONE,
        body=Body(Because, "Why it stands in the way no more"),
        answer=Answer(200, "It is lifted", Reviewer, headers=("ETag",)),
    )
    yield Operation(
        method="DELETE",
        path="/reviewers/{id}",
        name="excuse_reviewer",
        tag="reviews",
        action="case.change",
        summary="Excuse a reviewer",
        description="Take them off the case, by who has no hand in the use. Who voted, or stated a conflict of "
        "interest, stays on it. The log keeps that they were there.",
        do=_excuse,
        parameters={"id": _ONE},
        edits=True,
        problems=(409,),
        answers=(Answer(204, "They review it no more"),),
    )


def _excuse(call: Call) -> Reply:
    seats.excuse_reviewer(call.house, call.reader, call.id("reviewer"), call.revision(), request=call.request)
    return replies.nothing()
