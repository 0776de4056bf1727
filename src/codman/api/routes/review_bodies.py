"""What a request about a review carries."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from codman.api.routes.lists import CONFIG
from codman.spine.policy import Checkpoint, RequirementId
from codman.spine.record import Day, Id, Line, Prose
from codman.spine.review import CaseOutcome, Choice, Conflict, Procedure, Sha256
from codman.spine.site import Planned, PlannedMode
from codman.spine.use import Stage


class NewReview(BaseModel):
    """A use brought before a checkpoint. Its policy is chosen by tier, task, setting and kind."""

    model_config = CONFIG

    use: Id
    checkpoint: Checkpoint
    leads_to: Stage | None = Field(
        default=None, description="The stage it asks for; the checkpoint's own where left out"
    )
    procedure: Procedure = Procedure.FULL
    version: Id | None = None
    sites: Annotated[list[Id], Field(max_length=1000)] = Field(
        default_factory=list,
        description="Where the decision will hold; where left out, those where it runs or is planned",
    )
    planned: Planned | None = Field(
        default=None,
        description="Of them those where it is yet to run, with the mode meant there; as the use has it where left out",
    )
    quorum: Annotated[
        int, Field(ge=1, le=100, description="Of a full case; another takes as many as its procedure")
    ] = 3
    disciplines: Annotated[list[Line], Field(max_length=20)] = Field(default_factory=list)
    chair: Id | None = None
    due_on: Day | None = None


class Replanned(BaseModel):
    """Where a use is yet to run by a case, as it is to be."""

    model_config = CONFIG

    planned: Annotated[dict[Id, PlannedMode | None], Field(max_length=1000)] = Field(
        description="The mode meant, by site; null takes a site away, and those not named stay"
    )


class NewReviewer(BaseModel):
    """Somebody asked to review."""

    model_config = CONFIG

    person: Id
    discipline: Line


class Interest(BaseModel):
    """What a reviewer says of their own interests."""

    model_config = CONFIG

    conflict: Literal[Conflict.NONE, Conflict.CONFLICT]
    note: Prose | None = None


class Delegation(BaseModel):
    """Who votes in one's place; null takes it back."""

    model_config = CONFIG

    to: Id | None


class NewVote(BaseModel):
    """A vote."""

    model_config = CONFIG

    choice: Choice
    on: Sha256 = Field(description="What was read: the case's `table`; the vote is refused once that is another")
    reason: Prose | None = None
    of: Id | None = Field(default=None, description="Whose, where one is their delegate; one's own where left out")


class NewRemark(BaseModel):
    """A question or an answer."""

    model_config = CONFIG

    text: Prose
    requirement: RequirementId | None = None
    answers: Id | None = None


class NewCondition(BaseModel):
    """What the decision will ask for."""

    model_config = CONFIG

    sentence: Prose
    owner: Id
    due_on: Day
    requirement: RequirementId | None = None
    document: Line | None = None
    patients_needed: Annotated[int, Field(ge=1)] | None = None


class NewAcceptance(BaseModel):
    """An inconclusive requirement accepted in writing, under the condition that will decide it."""

    model_config = CONFIG

    requirement: RequirementId
    reason: Prose
    condition: NewCondition


class Closing(BaseModel):
    """How a case ends."""

    model_config = CONFIG

    outcome: CaseOutcome
    reasons: Prose
    on: Sha256 | None = Field(
        default=None, description="What was read: the case's `table`; it is refused once that is another"
    )
    expires_on: Day | None = None
