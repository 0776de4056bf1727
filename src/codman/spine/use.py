"""Use: one product, for one purpose and population, with one role in the decision.

Made by people, imports and intake; kept by registry; read by review, monitor's plans, portfolio, report and the doors.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

from codman.spine.record import Day, Fields, Id, Line, Prose, Record
from codman.spine.site import Planned


class Stage(StrEnum):
    """Where in its life a use is."""

    PROPOSED = "proposed"
    TRIAGED = "triaged"
    IN_REVIEW = "in-review"
    SILENT = "silent"
    PILOT = "pilot"
    LIVE = "live"
    PAUSED = "paused"
    RETIRED = "retired"


RUNNING: Final = frozenset({Stage.SILENT, Stage.PILOT, Stage.LIVE})


class Decision(StrEnum):
    """What was decided about it."""

    UNDECIDED = "undecided"
    LEGACY = "undecided (legacy)"  # it ran before anybody asked
    APPROVED = "approved"
    CONDITIONAL = "approved with conditions"
    DEFERRED = "deferred"
    REJECTED = "rejected"
    RETIRED = "retired"  # by a case: nothing that was decided before is in force


FAVOURABLE: Final = frozenset({Decision.APPROVED, Decision.CONDITIONAL})


class Impact(StrEnum):
    """High-impact as OMB M-25-21 defines it."""

    HIGH = "high-impact"
    PRESUMED = "presumed high-impact, determined not"
    NOT_HIGH = "not high-impact"


class Tier(StrEnum):
    """The risk tier that decides which checkpoints it passes."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class DecisionRole(StrEnum):
    """What it does to the clinical decision (HTI-1, 45 CFR 170.315(b)(11)(iv)(B) 2.iv)."""

    INFORMS = "informs"
    AUGMENTS = "augments"
    REPLACES = "replaces"


# what a use is, as people say: another of these makes another use of it
WHAT_IT_IS: Final = (
    "population",
    "care_setting",
    "purpose",
    "decision_role",
    "autonomy",
    "users",
    "alert_destination",
)


class UseFields(Fields):
    """A use of an AI product."""

    product: Id
    name: Line
    organisation: Line | None = Field(default=None, description="Who uses it, as the source says")
    site: Id | None = Field(default=None, description="The site that answers for it; none is the whole house")
    purpose: Prose | None = None
    population: Prose | None = Field(default=None, description="The patients it is for")
    care_setting: Line | None = Field(default=None, description="e.g. inpatient, emergency, imaging, outpatient")
    decision_role: DecisionRole | None = None
    autonomy: Line | None = Field(default=None, description="What it may do without a person")
    users: Line | None = Field(default=None, description="Who sees its output, e.g. ward nurse")
    alert_destination: Line | None = None
    downtime_procedure: Prose | None = None
    demographic_inputs: Annotated[list[Line], Field(max_length=50)] | None = Field(
        default=None, description="Race, sex, age and the like it takes in; an empty list says: none"
    )
    stage: Stage = Stage.PROPOSED
    stage_since: Day | None = None
    impact: Impact | None = None
    tier: Tier | None = None
    decision: Decision = Decision.UNDECIDED
    owner: Id | None = Field(default=None, description="The person who answers for it")
    monitoring: Prose | None = Field(default=None, description="How it is watched, as somebody says")
    topic: Line | None = None
    planned: Planned = Field(
        default_factory=dict, description="Sites where it is to run and does not yet, each with the mode meant there"
    )


class Use(Record, UseFields):
    """A use as the book has it."""


class Listed(BaseModel):
    """A use as a list shows it, with the names of what it refers to."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    id: str
    product: str
    product_id: str
    name: str
    organisation: str | None
    stage: str
    stage_since: str | None
    impact: str | None
    tier: str | None
    owner: str | None
    owner_id: str | None
    vendor: str | None
    kind: str | None
    decision: str
    monitoring: str | None
    sites: list[str] = Field(description="Where it runs, by name")
    revision: int
    updated_at: str
