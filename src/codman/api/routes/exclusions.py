"""Exclusions: that a requirement does not apply to a use, said by one person and agreed to by a second."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import BaseModel

from codman.api import replies
from codman.api.call import Call
from codman.api.operation import Answer, Body, Operation
from codman.api.replies import Reply
from codman.api.routes.lists import CONFIG
from codman.flows.review import excluding
from codman.spine.exclusion import Exclusion
from codman.spine.policy import RequirementId
from codman.spine.record import Prose


class NewExclusion(BaseModel):
    """That a requirement does not apply to the use."""

    model_config = CONFIG

    requirement: RequirementId
    why: Prose


class ExclusionRefusal(BaseModel):
    """Why the requirement does apply."""

    model_config = CONFIG

    why: Prose


def operations() -> Iterator[Operation]:
    """What can be done with exclusions; a review says which there are."""
    one = {"id": "The exclusion's id"}
    yield Operation(
        method="POST",
        path="/reviews/{id}/exclusions",
        name="exclude_requirement",
        tag="reviews",
        action="exclusion.create",
        summary="Say that a requirement does not apply",
        description="Of one that nothing is filed for. It waits for a second person who has no hand in the use, and "
        "ends with the first change of the use.",
        do=_say,
        parameters={"id": "The review's id"},
        body=Body(NewExclusion, "Which requirement, and why"),
        problems=(409,),
        answers=(Answer(200, "It waits for a second person", Exclusion, headers=("ETag",)),),
    )
    yield Operation(
        method="POST",
        path="/exclusions/{id}/agreement",
        name="agree_to_exclusion",
        tag="reviews",
        action="exclusion.agree",
        summary="Agree that a requirement does not apply",
        description="As the second person: not who said it, and without a hand in the use.",
        do=lambda call: replies.record(
            excluding.agree(call.house, call.reader, call.id("exclusion"), call.revision(), request=call.request)
        ),
        parameters=one,
        edits=True,
        problems=(409,),
        answers=(Answer(200, "It is passed over", Exclusion, headers=("ETag",)),),
    )
    yield Operation(
        method="POST",
        path="/exclusions/{id}/refusal",
        name="refuse_exclusion",
        tag="reviews",
        action="exclusion.create",
        summary="Say that a requirement does apply",
        description="Refuse what waits, end what was agreed on, or take back what one said.",
        do=_refuse,
        parameters=one,
        body=Body(ExclusionRefusal, "Why"),
        edits=True,
        problems=(409,),
        answers=(Answer(200, "It is judged again", Exclusion, headers=("ETag",)),),
    )


def _say(call: Call) -> Reply:
    new = call.fields(NewExclusion)
    case = call.id("case")
    return replies.record(
        excluding.say_not_applicable(call.house, call.reader, case, new.requirement, new.why, request=call.request)
    )


def _refuse(call: Call) -> Reply:
    why = call.fields(ExclusionRefusal).why
    name = call.id("exclusion")
    return replies.record(excluding.refuse(call.house, call.reader, name, call.revision(), why, request=call.request))
