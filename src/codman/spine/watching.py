"""Monitor, signal, incident: what is watched of a use in the book, what was seen, and what people do about it.

Made by flows/watch; kept by registry; read by portfolio, report and the doors. The plan's words are kept as they were
written; numbers stand in signed statements, and a signal names its statement.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from codman.spine.measurement import Window
from codman.spine.record import Day, Fields, Id, Line, Prose, Record
from codman.spine.retraining import Retraining
from codman.spine.review import Sha256
from codman.spine.statement import Instant


class MonitorState(StrEnum):
    """Whether a plan is followed."""

    PLANNED = "planned"  # before go-live
    ACTIVE = "active"
    STOPPED = "stopped"  # the use runs no more, or a newer plan took its place


class MonitorFields(Fields):
    """A use's monitoring plan in the book; a new edition is a new monitor."""

    use: Id
    name: Line
    edition: Line
    plan: Annotated[str, Field(max_length=1024 * 1024, description="The plan, YAML, word for word")]
    digest: Sha256 = Field(description="Of those words")
    state: MonitorState = MonitorState.PLANNED
    owner: Id = Field(description="Who hears of what it sees")
    version: Id | None = Field(default=None, description="The version it was planned for; any where left out")
    reference: Sha256 | None = Field(
        default=None, description="The statement or data set later windows are held against"
    )
    starts_on: Day
    looked_until: Day | None = Field(default=None, description="The last window's end that was looked at, exclusive")
    rollback_case: Id | None = Field(
        default=None, description="The decision that allowed going back to an earlier version; none allowed it"
    )
    rollback_unattended: bool = Field(
        default=False, description="That decision lets it happen before a person confirms"
    )


class Monitor(Record, MonitorFields):
    """A monitor as the book has it."""


class WatchState(StrEnum):
    """What one window came to; as the monitoring statement says it."""

    QUIET = "quiet"
    WATCH = "watch"  # something may be wrong: a warning is not met, or nobody can tell yet
    ALARM = "alarm"  # a requirement that blocks is not met
    BLIND = "blind"  # nothing could be judged


class LookNumber(BaseModel):
    """The number that a requirement was held against, as it stands in the statement."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    value: float | None = None
    lower: float | None = None
    upper: float | None = None
    level: float | None = Field(default=None, description="Of the interval")
    n: int | None = Field(default=None, description="Rows it rests on")


class LookFields(Fields):
    """One window of a plan that was looked at, once: what was filed of it, and what it came to."""

    use: Id
    monitor: Id
    rule: Annotated[str, Field(max_length=20, description="How long the window is, as the plan says")]
    starts_on: Day
    ends_on: Day = Field(description="Exclusive")
    due_on: Day
    state: WatchState
    outcomes: dict[str, str] = Field(description="By requirement")
    sentences: dict[str, str] = Field(default_factory=dict, description="By requirement, in a clinician's words")
    numbers: dict[str, LookNumber] = Field(default_factory=dict, description="By requirement that has one")
    statements: list[Sha256] = Field(default_factory=list, max_length=10, description="What was filed of it")
    events: int = Field(default=0, ge=0, description="Predictions in the window")
    labelled: int = Field(default=0, ge=0, description="Of these, with a known outcome")
    looked_at: Instant


class Look(Record, LookFields):
    """A look as the book has it."""


class SignalKind(StrEnum):
    """What sort of thing was seen."""

    PERFORMANCE = "performance"  # a requirement of the plan is not met
    DRIFT = "drift"
    SILENCE = "no events"
    NO_LABELS = "labels stopped"
    STALE = "model has aged"  # its age, its last validation, its data's end
    LATE = "report is late"


class SignalFields(Fields):
    """Something seen that a person may have to act on; the same thing in the same window is one signal."""

    use: Id
    monitor: Id
    kind: SignalKind
    about: Line = Field(description="What makes it one signal: requirement, metric, slice and window")
    requirement: Line | None = None
    metric: Line | None = None
    feature: Line | None = None
    slice: dict[str, str] = Field(default_factory=dict, max_length=20)
    window: Window | None = None
    value: float | None = None
    lower: float | None = None
    upper: float | None = None
    evidence: float | None = Field(default=None, description="For a shift, as an e-value")
    sentence: Line = Field(description="In words a clinician understands; the house's own, never a person's")
    severe: bool = False
    statement: Sha256 | None = Field(default=None, description="Where its number stands")
    raised_at: Instant
    incident: Id | None = None
    ended_at: Instant | None = Field(default=None, description="When a later window was back within its bound")


class Signal(Record, SignalFields):
    """A signal as the book has it."""


class IncidentState(StrEnum):
    """Where an incident stands; monitor/alarms/duty says which way it can go."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    SNOOZED = "snoozed"
    RESOLVED = "resolved"


class CareVerdict(StrEnum):
    """Whether the model got worse, or care changed the outcome; see monitor/effect_of_care."""

    WORSENED = "the model got worse"
    CARE = "care changed the outcome"
    UNRESOLVED = "unresolved"


class IncidentStep(BaseModel):
    """One thing that happened to an incident, and who did it; words stand in the log, where they can be erased."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    at: Instant
    did: Annotated[str, Field(max_length=40)]
    by: Annotated[str, Field(max_length=64, description="A person's id, or codman where time did it")]
    until: Instant | None = None
    to: Annotated[str, Field(max_length=64)] | None = None


class IncidentFields(Fields):
    """Signals that belong together, on somebody's desk."""

    use: Id
    title: Line = Field(description="What was seen, in the house's words")
    cause: Line | None = Field(default=None, description="What probably moved first, in the house's words")
    owner: Id
    holder: Id = Field(description="Who is expected to answer: the owner, or who it was escalated to")
    severe: bool = False
    state: IncidentState = IncidentState.OPEN
    opened_at: Instant
    answer_by: Instant | None = None
    rung: int = Field(default=0, ge=0, le=20, description="How often it was escalated")
    steps: list[IncidentStep] = Field(default_factory=list, max_length=500)
    why: Prose | None = Field(default=None, description="Why it is snoozed or was reopened")
    care: CareVerdict | None = None
    finding: Prose | None = Field(default=None, description="What was found")
    resolved_at: Instant | None = None


class Incident(Record, IncidentFields):
    """An incident as the book has it."""


class StepTaken(StrEnum):
    """What was done about an incident, by a person or by what the decision allowed beforehand."""

    PAUSE = "pause proposed"
    ROLLBACK = "rolled back"
    ROLLBACK_PROPOSED = "rollback proposed"
    TICKET = "ticket"
    TOLD = "told"
    RETRAINING = "retraining proposed"


class WatchStepFields(Fields):
    """One action that followed from an incident; each is in the log, and happens once."""

    incident: Id
    use: Id
    kind: StepTaken
    to_version: Id | None = Field(default=None, description="For a rollback: the approved version, else the procedure")
    instead_of: dict[Id, Id | None] = Field(
        default_factory=dict, description="For a rollback that was ordered: the version that ran then, by deployment"
    )
    state: Annotated[str, Field(pattern=r"^(proposed|confirmed|declined|done|failed)$")]
    told: list[Id] = Field(default_factory=list, max_length=50, description="Who was told of it")
    acknowledged: list[Id] = Field(default_factory=list, max_length=50, description="Who says they know")
    decided_by: Id | None = None
    done_at: Instant | None = None
    reason: Prose | None = None
    proposal: Retraining | None = Field(default=None, description="For a retraining: what speaks for it")
    case: Id | None = Field(default=None, description="For a retraining that was filed: the case that reviews it")


class WatchStep(Record, WatchStepFields):
    """An action as the book has it."""
