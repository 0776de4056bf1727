"""Exclusion: that a requirement does not apply to a use, said by one person and agreed to by a second.

Made by flows/review; kept by registry; read by flows (to judge) and the doors. A statement of applicability calls it so
(ISO/IEC 42001, 6.1.3). It counts neither as met nor as missing, and ends with the first change of the use.
"""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from codman.spine.policy import RequirementId
from codman.spine.record import Fields, Id, Line, Prose, Record
from codman.spine.review import Sha256
from codman.spine.statement import Instant


class ExclusionState(StrEnum):
    """Whether a requirement is passed over."""

    ASKED = "asked"  # waits for the second person
    STANDING = "standing"
    REFUSED = "refused"  # the second person did not agree, or who asked took it back
    ENDED = "ended"  # the use changed since, or somebody ended it


class ExclusionFields(Fields):
    """Why one requirement of one policy does not apply to a use."""

    use: Id
    case: Id = Field(description="The case it was said in")
    policy: Line
    requirement: RequirementId
    asks: Sha256 = Field(description="sha256 of what the requirement asks: one that asks otherwise is not passed over")
    version: Id | None = Field(default=None, description="The version the case was about")
    sites: list[Id] = Field(default_factory=list, max_length=1000, description="The sites the case was about")
    why: Prose
    asked_by: Id
    log_index: int = Field(ge=0, description="A change that the log tells of from here on ends it")
    state: ExclusionState = ExclusionState.ASKED
    agreed_by: Id | None = None
    agreed_at: Instant | None = None
    refused: Prose | None = Field(default=None, description="Why somebody says that it does apply")
    ended: Line | None = Field(default=None, description="Which change of the use ended it")


class Exclusion(Record, ExclusionFields):
    """An exclusion as the book has it."""
