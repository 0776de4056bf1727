"""Verdict: a policy held against evidence, one outcome and one sentence a requirement.

Made by review/policy; read by report, flows, registry and the doors.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import Final, NamedTuple

from codman.spine.policy import Checkpoint, Severity


class Outcome(StrEnum):
    """How a requirement, or the whole policy, came out."""

    MET = "met"
    NOT_MET = "not-met"
    UNVERIFIABLE = "unverifiable"
    MISSING = "missing"
    STALE = "stale"
    INCONCLUSIVE = "inconclusive"
    NOT_APPLICABLE = "not-applicable"


WORST_FIRST: Final = (
    Outcome.NOT_MET,
    Outcome.UNVERIFIABLE,
    Outcome.MISSING,
    Outcome.STALE,
    Outcome.INCONCLUSIVE,
    Outcome.MET,
    Outcome.NOT_APPLICABLE,  # passed over: counts only where nothing else is left
)
_RANK: Final = {outcome: rank for rank, outcome in enumerate(WORST_FIRST)}
EXIT_MET, EXIT_NOT_MET, EXIT_UNDECIDED = 0, 1, 3


def rank(outcome: Outcome) -> int:
    """0 is the worst; for `min` and `sorted`."""
    return _RANK[outcome]


def worst(outcomes: Sequence[Outcome]) -> Outcome:
    """The worst of several; `not-applicable` where there is nothing else."""
    return next((one for one in WORST_FIRST if one in outcomes), Outcome.NOT_APPLICABLE)


Words = str | Callable[[], str]  # as they are, or how they are found once somebody asks


@dataclass(frozen=True, kw_only=True, init=False)
class Finding:
    """What one kind of requirement found in one statement; its words are made when they are read.

    A portfolio of thousands of uses is judged by outcomes; composing every sentence would take most of that time.
    """

    outcome: Outcome
    said: Words = field(compare=False)  # the sentence
    evidence: str | None = None  # digest of the statement it rests on, 64 hexadecimal digits
    value: float | None = None
    lower: float | None = None
    upper: float | None = None
    limited: Words | None = field(default=None, compare=False)  # the limit

    def __init__(
        self,
        *,
        outcome: Outcome,
        said: Words,
        evidence: str | None = None,
        value: float | None = None,
        lower: float | None = None,
        upper: float | None = None,
        limited: Words | None = None,
    ) -> None:
        # all at once: setting seven frozen fields one by one is a tenth of judging
        self.__dict__.update(
            outcome=outcome, said=said, evidence=evidence, value=value, lower=lower, upper=upper, limited=limited
        )

    @cached_property
    def sentence(self) -> str:
        """For a clinician: what was measured, what the limit is, what would decide it."""
        return self.said if isinstance(self.said, str) else self.said()

    @cached_property
    def limit(self) -> str | None:
        """In words: "at least 0.75"; None where nothing was held against one."""
        return self.limited if self.limited is None or isinstance(self.limited, str) else self.limited()


class Result(NamedTuple):  # made for every requirement of every use: a dataclass takes twice as long
    """One requirement's outcome."""

    id: str
    title: str
    finding: Finding
    severity: Severity = Severity.BLOCK
    controls: tuple[str, ...] = ()
    line: int = 0  # where the requirement stands in the policy's file

    @property
    def outcome(self) -> Outcome:
        """How it came out."""
        return self.finding.outcome

    @property
    def sentence(self) -> str:
        """Why, for a clinician."""
        return self.finding.sentence

    @property
    def evidence(self) -> str | None:
        """`sha256:…` of the statement it rests on."""
        return None if self.finding.evidence is None else f"sha256:{self.finding.evidence}"

    @property
    def blocks(self) -> bool:
        """Whether it counts for the whole."""
        return self.severity is Severity.BLOCK


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """A policy held against evidence."""

    policy: str
    edition: str
    checkpoint: Checkpoint
    results: tuple[Result, ...]
    verified: bool  # every statement that a result rests on is signed by a key that was given
    judged_at: str  # ISO 8601, UTC
    product: str | None = None
    version: str | None = None
    use: str | None = None
    policy_file: str = ""
    notes: tuple[str, ...] = ()

    @property
    def outcome(self) -> Outcome:
        """The worst of the blocking ones; `not-applicable` when nothing was left to judge."""
        return worst([r.outcome for r in self.results if r.blocks])

    @property
    def exit_code(self) -> int:
        """0 met, 1 not met, 3 for everything that cannot be decided."""
        return {Outcome.MET: EXIT_MET, Outcome.NOT_MET: EXIT_NOT_MET}.get(self.outcome, EXIT_UNDECIDED)
