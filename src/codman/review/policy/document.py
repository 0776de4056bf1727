"""A requirement that a document of some type be filed: `document: model-card`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, cast

from codman.review.policy.exhibit import Exhibit
from codman.review.policy.requirement import Change, Fault, RequirementKind
from codman.spine.article import capital_article, with_article
from codman.spine.policy import Ask, Name, Requirement
from codman.spine.statement import Kind
from codman.spine.verdict import Finding, Outcome


class DocumentAsk(Ask):
    """The type of document, as `codman evidence document --type` names it."""

    type: Name


class DocumentKind:
    """Documents that must be filed."""

    key: Final = "document"
    asks: Final = DocumentAsk
    as_text: Final = frozenset({"document"})
    default_evidence: Final[Kind | None] = Kind.DOCUMENT

    def form(self, written: Any) -> Any:
        """The type stands alone after the key."""
        return {"type": written}

    def faults(self, requirement: Requirement) -> Iterator[Fault]:
        """A document is carried by a document statement and by no other."""
        if requirement.evidence is not Kind.DOCUMENT:
            why = f"a document never comes as evidence of kind {requirement.evidence.value}"
            yield Fault("evidence", why, "leave 'evidence' out")

    def contradicts(self, _one: Requirement, _other: Requirement) -> str | None:
        """Two documents can both be filed."""
        return None

    def advice(self, _requirement: Requirement) -> Iterator[str]:
        """A document that is there is there."""
        return iter(())

    def answers(self, ask: Ask, exhibit: Exhibit) -> bool:
        """Whether it is of the type asked."""
        return exhibit.predicate.get("document") == cast("DocumentAsk", ask).type

    def wants(self, ask: Ask) -> str:
        """The type, as a sentence says it."""
        return cast("DocumentAsk", ask).type.replace("-", " ")

    def judge(self, requirement: Requirement, exhibit: Exhibit, _level: float) -> Finding:
        """It is filed."""
        sentence = (
            f"{capital_article(self.wants(requirement.asks))} of {exhibit.day} ({exhibit.origin.value}) is filed."
        )
        return Finding(outcome=Outcome.MET, said=sentence, evidence=exhibit.digest)

    def outcome(self, _requirement: Requirement, _exhibit: Exhibit, _level: float) -> Outcome:
        """What is there is there."""
        return Outcome.MET

    def compare(self, old: Ask, new: Ask) -> Iterator[Change]:
        """Another type is another demand."""
        if old != new:
            yield Change("changed", f"{with_article(self.wants(new))} instead of {with_article(self.wants(old))}")


KIND: Final[RequirementKind] = DocumentKind()
