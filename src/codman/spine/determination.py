"""Research or quality improvement: the record of who determined which, and until when it holds.

Made by flows/triage; kept by registry; read by review and the doors. Who determines it is the hospital's to say; this
keeps the outcome.

Source: 45 CFR 46.102(l) (what research is), 46.104 (exemptions), 46.109 and 46.110 (review by an IRB), subparts B, C
and D (pregnant women and newborns, prisoners, children).
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Final, Self

from pydantic import Field, model_validator

from codman.spine.record import Day, Fields, Id, Line, Prose, Record


class Outcome(StrEnum):
    """What was determined."""

    QUALITY_IMPROVEMENT = "quality improvement, not research"
    NOT_HUMAN_SUBJECTS = "research without human subjects"
    EXEMPT = "exempt research"
    EXPEDITED = "research, expedited review"
    FULL_BOARD = "research, review by the full board"


# Outcomes that only an IRB gives, under a number of its own
BY_AN_IRB: Final = frozenset({Outcome.EXPEDITED, Outcome.FULL_BOARD})


class DeterminationFields(Fields):
    """Whether a use is research, as somebody determined it."""

    use: Id
    outcome: Outcome
    determined_by: Line = Field(description="The board, office or person, e.g. IRB panel B")
    determined_on: Day
    recorded_by: Id
    reference: Line | None = Field(default=None, description="The board's own number of it")
    exempt_category: Annotated[int, Field(ge=1, le=8)] | None = Field(default=None, description="45 CFR 46.104(d)")
    expires_on: Day | None = Field(default=None, description="The last day on which it holds")
    covers: Prose = Field(description="What was determined: the plan as it was put to them")

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.outcome in BY_AN_IRB and self.reference is None:
            raise ValueError("what an IRB approved has a reference: give the board's number")
        if (self.outcome is Outcome.EXEMPT) != (self.exempt_category is not None):
            raise ValueError("an exemption, and nothing else, names its category, 1 to 8")
        if self.expires_on is not None and self.expires_on < self.determined_on:
            raise ValueError("it expires before it was determined")
        return self

    def stands(self, on: str) -> bool:
        """Whether it holds on a day, ISO 8601."""
        return self.determined_on <= on and (self.expires_on is None or on <= self.expires_on)


class Determination(Record, DeterminationFields):
    """A determination as the book has it."""
