"""What a server says of reviews: a case with its requirements, minutes, the ways of a use, policies, controls."""

from __future__ import annotations

from typing import Any

from codman.client.answers import Answered
from codman.spine.exclusion import Exclusion
from codman.spine.review import Acceptance, Case, Condition, Remark, Reviewer, Vote


class Requirement(Answered):
    """One requirement as the evidence stands now."""

    id: str
    title: str
    outcome: str
    sentence: str
    severity: str
    value: float | None
    lower: float | None
    upper: float | None
    limit: str | None
    evidence: str | None
    controls: list[str]
    accepted: bool
    stops: bool


class CaseRead(Answered):
    """A case and everything in it."""

    case: Case
    requirements: list[Requirement]
    notes: list[str]
    reviewers: list[Reviewer]
    votes: list[Vote]
    table: str
    stale_votes: list[str]
    remarks: list[Remark]
    conditions: list[Condition]
    acceptances: list[Acceptance]
    exclusions: list[Exclusion]
    interested: dict[str, str]
    votes_lead_to: str | None
    lacking: list[str]
    unseated: list[str]


class Minutes(Answered):
    """The minutes of a case; what the evidence does not decide is said first."""

    case: str
    use: str
    product: str
    version: str | None
    checkpoint: str
    procedure: str
    policy: str
    state: str
    opened_at: str
    submitted_by: str
    chair: str | None
    handed_on: list[str]
    sites: list[str]
    present: list[dict[str, Any]]
    not_known: list[dict[str, Any]]
    known: list[dict[str, Any]]
    remarks: list[dict[str, Any]]
    votes: list[dict[str, Any]]
    lacking: list[str]
    outcome: str | None
    reasons: str | None
    decided_at: str | None
    expires_on: str | None
    conditions: list[dict[str, Any]]
    signatures: list[str]
    decision: str | None
    titles: dict[str, str]


class Way(Answered):
    """A stage a use could go to, and what still stands in the way."""

    to: str
    lacks: list[str]


class Ways(Answered):
    """Where a use stands, and where it could go."""

    stage: str
    ways: list[Way]


class PolicyLine(Answered):
    """A policy of a pack, as lists show it."""

    policy: str
    checkpoint: str
    applies_to: dict[str, list[str]]
    requirements: int


class PackLine(Answered):
    """A pack with its dates, and how it stands on the day that was asked for."""

    pack: str
    edition: str
    title: str
    technique: str
    own: bool
    valid_from: str
    valid_to: str | None
    holds: bool
    standing: str
    requirements: int
    policies: list[PolicyLine]


class PolicyRead(Answered):
    """A policy with everything it demands, and the pack it is from."""

    pack: str
    standing: str
    policy: dict[str, Any]


class FrameworkLine(Answered):
    """A framework with its dates, and how it stands on the day that was asked for."""

    framework: str
    edition: str
    title: str
    status: str
    valid_from: str
    valid_to: str | None
    applies_from: str | None
    holds: bool
    standing: str
    checked: bool
    controls: int


class FrameworkRead(FrameworkLine):
    """A framework with its sources and controls."""

    source: list[dict[str, Any]]
    listed: list[dict[str, Any]]


class CoveredControl(Answered):
    """How one control stands for a use, and why."""

    framework: str
    control: str
    title: str
    standing: str
    why: str


class Coverage(Answered):
    """The coverage matrix of a use on a day."""

    use: str
    on: str
    counts: dict[str, dict[str, int]]
    items: list[CoveredControl]
