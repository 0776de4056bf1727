"""What a request about a concern carries."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field, StrictBool

from codman.api.routes.lists import CONFIG
from codman.flows.concerns.raising import Said
from codman.spine.concern import ActionKind, ClockRule, ConcernCategory, ConcernSeverity, Pause
from codman.spine.record import Day, Fields, Id, Line, Prose


class NewConcern(Said):
    """Something that is wrong. Write nothing that names a patient."""

    model_config = CONFIG

    use: Id | None = None
    site: Id | None = None
    named: StrictBool = Field(default=True, description="Whether it is kept who raised it")


class KnownByNow(Fields):
    """What is known of a concern by now."""

    severity: ConcernSeverity = ConcernSeverity.UNKNOWN
    category: ConcernCategory = ConcernCategory.OTHER
    use: Id | None = None
    site: Id | None = None
    event_reference: Line | None = Field(default=None, description="Its number in the hospital's own event system")


class PauseStep(BaseModel):
    """What becomes of a pause."""

    model_config = CONFIG

    pause: Pause
    reason: Prose | None = Field(default=None, description="Needed to take and to decline it")


class ClockStep(BaseModel):
    """Which duty to report runs; null says that none applies."""

    model_config = CONFIG

    rule: ClockRule | None
    why: Prose
    aware_on: Day | None = Field(
        default=None, description="When medical personnel became aware; else when it was raised"
    )


class ReportStep(BaseModel):
    """The day on which a report went out."""

    model_config = CONFIG

    on: Day


class NewAction(BaseModel):
    """Something to do because of a concern."""

    model_config = CONFIG

    kind: ActionKind
    sentence: Prose
    owner: Id
    due_on: Day


class ActionDone(BaseModel):
    """What an action did."""

    model_config = CONFIG

    result: Prose


class Finding(BaseModel):
    """What was found."""

    model_config = CONFIG

    finding: Prose


class ConcernExportQuestion(BaseModel):
    """As what kind of file the counts come."""

    model_config = CONFIG

    format: Annotated[Literal["csv", "json"], Field(description="The kind of file")] = "json"
