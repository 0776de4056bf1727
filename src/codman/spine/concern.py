"""Concern: somebody says that something is wrong; and what is done about it.

Made by flows/concerns, also from people without an account; kept by registry; read by review, monitor, report
and the doors. Words may hold anything, a patient too: they stand where they can be erased, never in evidence.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from codman.spine.record import Day, Fields, Id, Line, Prose, Record
from codman.spine.review import Sha256
from codman.spine.statement import Instant

ConcernNumber = Annotated[str, Field(pattern=r"^C-[0-9]{4}-[0-9]{4,9}$")]
ClockRule = Annotated[str, Field(pattern=r"^[a-z0-9-]+/[a-z0-9-]+$", max_length=100)]


class ConcernCategory(StrEnum):
    """What it is about, in the ward's words."""

    WRONG_OUTPUT = "wrong or misleading output"
    MISSED = "it missed something"
    TOO_MANY = "too many alerts"
    SOME_PATIENTS = "works worse for some patients"
    NOT_WORKING = "not working or not shown"
    HARD_TO_USE = "hard to use or confusing"
    PRIVACY = "privacy"
    OTHER = "other"


class ConcernSeverity(StrEnum):
    """What happened to a patient, as far as is known."""

    NO_HARM = "no harm"
    NEAR_MISS = "near miss"
    HARM = "harm"
    SERIOUS = "serious harm or death"
    UNKNOWN = "unknown"


class Pause(StrEnum):
    """Whether the use is to stop because of it."""

    PROPOSED = "proposed"
    TAKEN = "taken"
    DECLINED = "declined"


class ConcernState(StrEnum):
    """How far it has come."""

    RAISED = "raised"
    ACKNOWLEDGED = "acknowledged"  # a clinician has it
    CLOSED = "closed"


class ConcernFields(Fields):
    """A concern about a use."""

    number: ConcernNumber | None = Field(
        default=None, description="To say on the phone: C-2026-0041; by house and year"
    )
    use: Id | None = Field(default=None, description="None where nobody could say which")
    site: Id | None = None
    ward: Line | None = Field(default=None, description="The ward or unit, as they wrote it")
    category: ConcernCategory
    severity: ConcernSeverity = ConcernSeverity.UNKNOWN
    words: Prose | None = Field(default=None, description="What they wrote")
    contact: Line | None = Field(default=None, description="How to reach them, if they said so")
    raised_by: Id | None = Field(default=None, description="None where they have no account, or did not sign in")
    happened_on: Day | None = Field(default=None, description="The day it happened, as they say")
    raised_at: Instant
    see_by: Instant = Field(description="When a clinician must have seen it")
    state: ConcernState = ConcernState.RAISED
    acknowledged_by: Id | None = None
    acknowledged_at: Instant | None = None
    event_reference: Line | None = Field(default=None, description="Its number in the hospital's own event system")
    pause: Pause | None = None
    pause_by: Id | None = Field(
        default=None, description="Who proposed, took or declined it; none where harm alone did"
    )
    pause_at: Instant | None = None
    pause_why: Prose | None = Field(default=None, description="Why it was taken or declined")
    clock: ClockRule | None = Field(
        default=None, description="The rule whose clock runs, e.g. 21-cfr-803/user-facility-death"
    )
    clock_due: Day | None = None
    clock_met_on: Day | None = None
    finding: Prose | None = Field(default=None, description="What was found")
    closed_at: Instant | None = None
    statement: Sha256 | None = Field(default=None, description="The concern statement in the log, without the words")
    escalated_at: Instant | None = None
    in_flood: bool = Field(default=False, description="More had come by its way than people send; kept for the harm")
    repeats: Id | None = Field(default=None, description="The one whose words it repeats in a flood; seen to last")


class Concern(Record, ConcernFields):
    """A concern as the book has it."""


class ActionKind(StrEnum):
    """Corrective and preventive action (21 CFR 820.100's words)."""

    CORRECTIVE = "corrective"
    PREVENTIVE = "preventive"


class CorrectiveActionFields(Fields):
    """What somebody does because of a concern."""

    concern: Id
    use: Id | None = None
    kind: ActionKind
    sentence: Prose
    owner: Id
    due_on: Day
    done_on: Day | None = None
    result: Prose | None = Field(default=None, description="What it did, and how that was checked")


class CorrectiveAction(Record, CorrectiveActionFields):
    """A corrective or preventive action as the book has it."""
