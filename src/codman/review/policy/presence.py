"""A requirement that a statement of some kind be there at all: `evidence: scan` and nothing more."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from codman.review.policy.exhibit import Exhibit
from codman.review.policy.requirement import Change, Fault, RequirementKind
from codman.spine.article import capital_article
from codman.spine.policy import Ask, Requirement
from codman.spine.statement import Kind
from codman.spine.verdict import Finding, Outcome


class Presence(Ask):
    """Nothing beyond the statement itself."""


class PresenceKind:
    """Statements that must be there."""

    key: Final = "evidence"
    asks: Final = Presence
    as_text: Final[frozenset[str]] = frozenset()
    default_evidence: Final[Kind | None] = None

    def form(self, _written: Any) -> Any:
        """The key names the kind of statement; nothing is asked beyond it."""
        return {}

    def faults(self, _requirement: Requirement) -> Iterator[Fault]:
        """A statement can always be there."""
        return iter(())

    def contradicts(self, _one: Requirement, _other: Requirement) -> str | None:
        """Two statements can both be there."""
        return None

    def advice(self, requirement: Requirement) -> Iterator[str]:
        """A statement of measurements that nobody reads proves little."""
        if requirement.evidence in (Kind.EVALUATION, Kind.COMPARISON, Kind.MONITORING):
            yield f"it asks only that a statement of kind {requirement.evidence.value} exists, whatever it measured"

    def answers(self, _ask: Ask, _exhibit: Exhibit) -> bool:
        """Any statement of the kind."""
        return True

    def wants(self, _ask: Ask) -> str:
        """Nothing beyond the kind."""
        return ""

    def judge(self, requirement: Requirement, exhibit: Exhibit, _level: float) -> Finding:
        """It is there."""
        statement = capital_article(f"{requirement.evidence.value} statement")
        sentence = f"{statement} of {exhibit.day} ({exhibit.origin.value}) is there."
        return Finding(outcome=Outcome.MET, said=sentence, evidence=exhibit.digest)

    def outcome(self, _requirement: Requirement, _exhibit: Exhibit, _level: float) -> Outcome:
        """What is there is there."""
        return Outcome.MET

    def compare(self, _old: Ask, _new: Ask) -> Iterator[Change]:
        """There is nothing to change."""
        return iter(())


KIND: Final[RequirementKind] = PresenceKind()
