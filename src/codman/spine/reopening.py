"""Reopening: a change took the ground from under requirements that were met; and the plan that allows some changes.

Made by flows/change_control; kept by registry; read by review and the doors.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, NamedTuple

from pydantic import Field

from codman.spine.policy import RequirementId
from codman.spine.record import Day, Fields, Id, Line, Prose, Record
from codman.spine.review import Sha256
from codman.spine.statement import Instant


class Changed(StrEnum):
    """What changed."""

    VERSION = "version"
    SITE = "site"
    POPULATION = "population"
    TIER = "tier"
    THRESHOLD = "threshold"
    DATA_SOURCE = "data source"
    EHR_BUILD = "EHR build"
    POLICY = "policy edition"
    FRAMEWORK = "framework edition"
    CONDITION = "condition lapsed"
    EVIDENCE = "evidence"  # newer evidence fails, or what it rested on was revoked


class ReopeningState(StrEnum):
    """What became of it."""

    OPEN = "open"
    IN_PLAN = "in plan"  # an approved change plan allows it, and evidence holds it
    CLOSED = "closed"


class SettledVersion(NamedTuple):
    """A version whose change reopened requirements of a policy, all of which were shown again, or are in plan."""

    version: str
    policy: str
    since: str  # when the first of them was reopened, ISO 8601


class ReopeningFields(Fields):
    """One requirement of one use that must be shown again."""

    use: Id
    policy: Line
    requirement: RequirementId
    changed: Changed
    because: Line = Field(description="In words: what it was and what it is")
    became: Line | None = Field(
        default=None, description="What it is now, where that has a name: a version, a site, an edition, a number"
    )
    log_index: int | None = Field(default=None, ge=0, description="The entry of the change")
    plan: Id | None = None
    state: ReopeningState = ReopeningState.OPEN
    closed_at: Instant | None = None
    closed_by: Sha256 | None = None


class Reopening(Record, ReopeningFields):
    """A reopening as the book has it."""


class ChangePlanFields(Fields):
    """A predetermined change control plan (FDA PCCP, three parts) that a decision approved."""

    use: Id
    case: Id | None = Field(default=None, description="The case that approved it; none is a draft")
    modifications: list[Line] = Field(
        min_length=1, max_length=50, description="Part 1: what may change: words of Changed"
    )
    allows: Annotated[
        dict[str, Any], Field(description="By what changes: what it may be, e.g. versions, thresholds")
    ] = Field(default_factory=dict)
    protocol: Prose = Field(description="Part 2: how data, training, evaluation and update are done")
    requirements: list[RequirementId] = Field(min_length=1, max_length=100, description="What evidence must meet again")
    impact: Prose = Field(description="Part 3: benefits and risks, and how they are mitigated")
    valid_to: Day | None = None


class ChangePlan(Record, ChangePlanFields):
    """A change plan as the book has it."""
