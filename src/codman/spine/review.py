"""Review: one look at one use at one checkpoint; who looked, what they asked, how they voted, on which conditions.

Made by flows/review; kept by registry; read by review (to count votes), report and the doors. A case is never edited
once it is decided: a later case supersedes it.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Final

from pydantic import Field

from codman.spine.policy import Checkpoint, RequirementId
from codman.spine.record import Day, Fields, Id, Line, Prose, Record
from codman.spine.site import Planned
from codman.spine.statement import Instant
from codman.spine.use import Stage, Tier

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$", description="64 hexadecimal digits")]


class CaseState(StrEnum):
    """Whether a case can still be worked on."""

    OPEN = "open"  # evidence is gathered, questions are asked
    VOTING = "voting"  # reviewers are named, votes come in
    DECIDED = "decided"
    WITHDRAWN = "withdrawn"


class Procedure(StrEnum):
    """How a case is decided."""

    FULL = "full"  # quorum and votes
    EXPEDITED = "expedited"  # one reviewer and the chair; expires
    EMERGENCY = "emergency"  # the chair or an officer alone; expires soon, and a full case follows


EXPEDITED_TIERS: Final = frozenset({Tier.LOW, Tier.MEDIUM})  # what a few may decide


class CaseOutcome(StrEnum):
    """How a case ended."""

    APPROVED = "approved"
    CONDITIONAL = "approved with conditions"
    DEFERRED = "deferred"
    REJECTED = "rejected"
    RETIRED = "retired"


APPROVALS: Final = frozenset({CaseOutcome.APPROVED, CaseOutcome.CONDITIONAL})  # it may run, or go on
GRANTED: Final = APPROVALS | {CaseOutcome.RETIRED}  # what was asked for was granted, be it the end


class CaseFields(Fields):
    """A use before a checkpoint."""

    use: Id
    checkpoint: Checkpoint
    procedure: Procedure = Procedure.FULL
    state: CaseState = CaseState.OPEN
    leads_to: Stage = Field(description="The stage it asks for")
    version: Id | None = Field(default=None, description="The version it is about; none is any that is deployed")
    sites: list[Id] = Field(default_factory=list, max_length=1000, description="Sites that the decision will name")
    planned: Planned = Field(
        default_factory=dict, description="Of those sites, the ones where it is yet to run, with the mode meant there"
    )
    plans: list[Id] = Field(default_factory=list, max_length=100, description="Change plans laid before it")
    policy: Line = Field(description="Name of the policy it is judged by")
    edition: Line = Field(description="The policy's edition")
    policy_digest: Sha256 = Field(description="sha256 of the policy as canonical JSON")
    proposed_by: Id = Field(description="Who submitted it, and so may not decide it")
    chair: Id | None = Field(default=None, description="Who presides and closes it")
    quorum: int = Field(
        default=3,
        ge=0,
        le=100,
        description="Least votes, abstentions not counted; none in an emergency, one if expedited",
    )
    disciplines: list[Line] = Field(default_factory=list, max_length=20, description="Disciplines that must have voted")
    due_on: Day | None = None
    outcome: CaseOutcome | None = None
    reasons: Prose | None = Field(default=None, description="Why it was decided so")
    decided_at: Instant | None = None
    expires_on: Day | None = Field(default=None, description="From this day on the decision no longer stands")
    decision: Sha256 | None = Field(default=None, description="The signed decision statement")
    voted_on: Sha256 | None = Field(default=None, description="What the votes that counted were cast on")
    supersedes: Id | None = None


class Case(Record, CaseFields):
    """A case as the book has it."""


class Conflict(StrEnum):
    """What a reviewer says about their own interests."""

    NOT_STATED = "not stated"
    NONE = "none"
    CONFLICT = "conflict"  # may ask and comment, never vote


class ReviewerFields(Fields):
    """Somebody asked to review a case."""

    case: Id
    person: Id
    discipline: Line = Field(description="What they judge it as, e.g. clinical, safety, statistics, legal, equity, IT")
    conflict: Conflict = Conflict.NOT_STATED
    conflict_note: Prose | None = None
    delegate: Id | None = Field(default=None, description="Who votes in their place")


class Reviewer(Record, ReviewerFields):
    """A reviewer as the book has it."""


class Choice(StrEnum):
    """A vote."""

    APPROVE = "approve"
    WITH_CONDITIONS = "approve with conditions"
    DEFER = "defer"
    REJECT = "reject"
    ABSTAIN = "abstain"


class VoteFields(Fields):
    """One reviewer's vote in one case; changed until the case is decided, never after."""

    case: Id
    person: Id = Field(description="Whose vote it is")
    cast_by: Id = Field(description="Who cast it: they themselves, or their delegate")
    choice: Choice
    reason: Prose | None = None
    statement: Sha256 | None = Field(default=None, description="Where it was signed through the notary")
    cast_on: Sha256 | None = Field(
        default=None,
        description="What it was cast on: the stage asked for, sites, conditions, and how each requirement stood",
    )


class Vote(Record, VoteFields):
    """A vote as the book has it."""


class RemarkFields(Fields):
    """A question or an answer in a case."""

    case: Id
    author: Id
    requirement: RequirementId | None = Field(default=None, description="The requirement it is about")
    answers: Id | None = Field(default=None, description="The question it answers")
    text: Prose


class Remark(Record, RemarkFields):
    """A remark as the book has it."""


class AcceptanceFields(Fields):
    """That somebody accepted, in writing, a requirement that evidence could not decide; only with a condition."""

    case: Id
    requirement: RequirementId
    person: Id
    reason: Prose
    condition: Id


class Acceptance(Record, AcceptanceFields):
    """An acceptance as the book has it."""


class ConditionState(StrEnum):
    """What became of a condition."""

    OPEN = "open"
    HANDED_IN = "handed in"  # a document came, and waits for somebody without a hand in the use to accept it
    CLOSED = "closed"  # evidence came, or the office says so with a reason
    LAPSED = "lapsed"  # the day passed
    WITHDRAWN = "withdrawn"


class ConditionFields(Fields):
    """What a decision asks for afterwards: of whom, by when, closed by what."""

    use: Id
    case: Id
    sentence: Prose
    owner: Id
    due_on: Day
    requirement: RequirementId | None = Field(default=None, description="Closed when evidence meets this requirement")
    document: Line | None = Field(default=None, description="Closed when a document of this type is accepted")
    patients_needed: int | None = Field(default=None, ge=1, description="How many more patients would decide it")
    state: ConditionState = ConditionState.OPEN
    handed_in: Sha256 | None = Field(default=None, description="The document that waits to be accepted, or was")
    handed_in_at: Instant | None = None
    handed_in_by: Id | None = Field(default=None, description="Who filed it, and so may not accept it")
    returned_at: Instant | None = Field(default=None, description="When one was not accepted; only a later one counts")
    said_done: Prose | None = Field(default=None, description="What its owner says was done; it closes nothing")
    said_done_at: Instant | None = None
    shown_by: Sha256 | None = Field(default=None, description="The document or statement that its owner names for it")
    closed_at: Instant | None = None
    closed_by: Sha256 | None = Field(default=None, description="The statement that closed it")
    note: Prose | None = Field(default=None, description="Why it was closed or withdrawn by hand")


class Condition(Record, ConditionFields):
    """A condition as the book has it."""
