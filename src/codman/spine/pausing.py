"""PauseProposal: a use runs on a decision that no longer holds; somebody must say whether it is paused.

Made by flows/review/pausing.py; kept by registry; read by the doors. Nothing is paused without a person.
"""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from codman.spine.record import Fields, Id, Line, Prose, Record
from codman.spine.statement import Instant


class PauseCause(StrEnum):
    """Why a pause is proposed."""

    CONDITION = "condition lapsed"
    DECISION = "decision expired"
    UNDECIDED = "runs without a decision"
    MONITORING = "monitoring"  # an incident of its monitor stands, and its plan says so
    REJECTED = "rejected"  # the committee refused it, and it still runs


class PauseState(StrEnum):
    """What became of the proposal."""

    OPEN = "open"
    PAUSED = "paused"  # somebody confirmed it
    KEPT = "kept running"  # somebody says that it goes on, and why
    WITHDRAWN = "withdrawn"  # its cause is gone, or the use runs no more


class PauseProposalFields(Fields):
    """A pause that is proposed."""

    use: Id
    cause: PauseCause
    because: Line = Field(description="In words: what lapsed or ran out, and when")
    case: Id | None = Field(default=None, description="The decision it is about; none where nothing was decided")
    condition: Id | None = Field(default=None, description="The condition that lapsed")
    incident: Id | None = Field(default=None, description="The incident of its monitor")
    state: PauseState = PauseState.OPEN
    settled_at: Instant | None = None
    settled_by: Id | None = Field(default=None, description="Who confirmed or declined it")
    why: Prose | None = Field(default=None, description="Why it is paused, or goes on")


class PauseProposal(Record, PauseProposalFields):
    """A proposal as the book has it."""
