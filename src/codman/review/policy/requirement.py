"""What a kind of requirement is: the one interface behind measurement.py, document.py and presence.py."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from codman.review.policy.exhibit import Exhibit
from codman.spine.policy import Ask, Requirement
from codman.spine.statement import Kind
from codman.spine.verdict import Finding, Outcome


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a requirement can never be met, or is not allowed; `key` is the part of the ask it is about."""

    key: str | None
    why: str
    fix: str


@dataclass(frozen=True, slots=True)
class Change:
    """How one requirement differs from an older edition's: tightened, loosened or changed, in words."""

    way: str
    words: str


class RequirementKind(Protocol):
    """One kind of requirement. A new kind is one file with one of these, and its line in catalog.py."""

    @property
    def key(self) -> str:
        """The key of a requirement that holds its ask: `measurement`."""

    @property
    def asks(self) -> type[Ask]:
        """The strict model of what it asks."""

    @property
    def as_text(self) -> frozenset[str]:
        """Keys of the ask whose values are kept as they were written."""

    @property
    def default_evidence(self) -> Kind | None:
        """The kind of statement that answers it where the requirement names none."""

    def form(self, written: Any) -> Any:
        """What was written under the key, as the fields of `asks`."""

    def faults(self, requirement: Requirement) -> Iterator[Fault]:
        """What makes it impossible or forbidden."""

    def contradicts(self, one: Requirement, other: Requirement) -> str | None:
        """Why both cannot be met by the same statement; None where they can."""

    def advice(self, requirement: Requirement) -> Iterator[str]:
        """What its writer may have forgotten."""

    def answers(self, ask: Ask, exhibit: Exhibit) -> bool:
        """Whether a statement of the right kind can be an answer at all."""

    def wants(self, ask: Ask) -> str:
        """What is asked, for the sentence that says it is missing."""

    def judge(self, requirement: Requirement, exhibit: Exhibit, level: float) -> Finding:
        """Hold the newest right statement against the requirement."""

    def outcome(self, requirement: Requirement, exhibit: Exhibit, level: float) -> Outcome:
        """The outcome of `judge`, for who asks nothing else of it: thousands of uses are judged so."""

    def compare(self, old: Ask, new: Ask) -> Iterator[Change]:
        """How the ask changed between two editions."""


def of_origin(exhibits: Sequence[Exhibit], requirement: Requirement) -> list[Exhibit]:
    """The statements of the right kind and from an origin that counts."""
    return [
        e
        for e in exhibits
        if e.kind is requirement.evidence and (not requirement.origin or e.origin in requirement.origin)
    ]


def plain(ask: Ask) -> Mapping[str, Any]:
    """An ask's fields that say something."""
    return ask.model_dump(exclude_none=True, exclude_defaults=True)
