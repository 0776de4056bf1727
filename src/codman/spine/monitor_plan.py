"""Monitor plan: what is watched of a use, in which windows, within which bounds, by whom, and what follows.

Made from a policy by review/watching, edited by people, kept by registry; read by flows/watch and the doors.
A watched requirement is a policy's requirement with its window, its day and its people beside it.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, field_validator

from codman.spine.policy import Name, Requirement
from codman.spine.record import Day

COMPLETE: Final = 0.9  # of a window's outcomes, from which on a final number counts although some never came
CODMAN: Final = "codman"  # who is responsible where the house computes the number itself
WindowRule = Annotated[
    str, Field(pattern=r"^(day|week|month|quarter|half-year|year|rows:[1-9][0-9]{0,8})$", description="How long one is")
]


class Age(StrEnum):
    """How much of a window's outcomes must be known before its number counts."""

    FINAL = "final"  # all that will ever be known
    PARTIAL = "partial"  # those known so far, weighted for the ones to come
    ESTIMATED = "estimated"  # none: what the scores lead to expect


class WatchAction(StrEnum):
    """What follows when a requirement is not met."""

    SIGNAL = "signal"  # it stands in the owner's queue
    TELL = "tell"  # and is sent: mail, webhook, ticket
    PROPOSE_PAUSE = "propose-pause"
    ROLL_BACK = "roll-back"  # only where the decision allowed it beforehand


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class Due(_Strict):
    """One window and the day its number is due."""

    start: Day
    end: Day = Field(description="Exclusive")
    due_on: Day


class Watch(_Strict):
    """What `watch:` holds: when a requirement is looked at, by whom, and what follows."""

    window: WindowRule = "month"
    age: Age = Age.FINAL
    due_days: int = Field(
        default=14, ge=0, le=400, strict=True, description="Days after the window's outcomes are known"
    )
    responsible: Name = Field(default=CODMAN, description="Who computes it: codman, or a partner's name")
    accountable: Name | None = Field(
        default=None, description="Who answers for it in the house: a person's id or e-mail"
    )
    actions: tuple[WatchAction, ...] = Field(default=(WatchAction.SIGNAL,), min_length=1)
    format: Name | None = Field(default=None, description="How a partner sends it, in a contract")
    due: tuple[Due, ...] = Field(default=(), max_length=100, description="The next windows, in a contract")

    @field_validator("actions")
    @classmethod
    def _once(cls, actions: tuple[WatchAction, ...]) -> tuple[WatchAction, ...]:
        if len(set(actions)) != len(actions):
            raise ValueError("an action stands twice")
        return actions


class Watched(_Strict):
    """A requirement that is held again in each window."""

    requirement: Requirement
    watch: Watch


class FromPolicy(_Strict):
    """The policy a plan was made from."""

    policy: Name
    edition: Name
    digest: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None


class Days(_Strict):
    """Some days."""

    start: Day
    end: Day = Field(description="Exclusive")


class AlarmRules(_Strict):
    """What `alarms:` holds: when windows together raise an alarm, and when it is over."""

    level: float = Field(
        default=0.05, gt=0, lt=1, strict=True, description="Of a year's alarms, the share expected to be false"
    )
    persistence: tuple[int, int] | None = Field(
        default=None, description="k of the last n windows must be beyond the limit; 2 of 3 up to a week, else 1 of 1"
    )
    quiet: int = Field(
        default=3, ge=1, le=52, strict=True, description="Windows that together must be back within the limit"
    )

    @field_validator("persistence")
    @classmethod
    def _k_of_n(cls, said: tuple[int, int] | None) -> tuple[int, int] | None:
        if said is not None and not 1 <= said[0] <= said[1] <= 52:
            raise ValueError("say k of n with 1 <= k <= n <= 52, like [2, 3]")
        return said


class MonitorPlan(_Strict):
    """Everything that is watched of one use."""

    plan: Name
    edition: Name
    partner: Name | None = Field(default=None, description="Whose part of a plan this is, in a contract")
    product: Name | None = None
    use: Name | None = None
    made_from: FromPolicy | None = None
    label_delay_days: int = Field(
        default=0, ge=0, le=3650, strict=True, description="Days from a prediction until its outcome is known"
    )
    starts_on: Day | None = Field(default=None, description="The first window's first day")
    level: float = Field(default=0.95, gt=0.5, lt=1, strict=True)
    thresholds: tuple[Annotated[float, Field(allow_inf_nan=False)], ...] = Field(
        default=(), max_length=20, description="Scores at or above which a patient is flagged"
    )
    bands: dict[Name, tuple[float, ...]] = Field(
        default_factory=dict, max_length=20, description="Edges that cut a numeric feature into groups"
    )
    reference: Days | None = Field(
        default=None, description="The use's own days that later ones are held against; those before the first without"
    )
    silence_days: int = Field(default=3, ge=1, le=400, strict=True, description="Without events, after which it counts")
    labels_days: int = Field(
        default=14, ge=1, le=400, strict=True, description="Without outcomes beyond their delay, after which it counts"
    )
    oldest_days: int | None = Field(
        default=None,
        ge=1,
        le=4000,
        strict=True,
        description="The age of a version, or of its last validation, that counts",
    )
    alarms: AlarmRules = Field(default=AlarmRules(), description="When windows together raise an alarm")
    requires: tuple[Watched, ...] = Field(min_length=1, max_length=1000)
    file: str = Field(default="", exclude=True, repr=False)

    def partners(self) -> list[str]:
        """Everybody but the house itself who is responsible for a number, by name."""
        return sorted({one.watch.responsible for one in self.requires} - {CODMAN})
