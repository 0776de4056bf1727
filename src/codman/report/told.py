"""Told: what the book says of one use at one moment; every generated document is made from it and from nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from codman.evidence.checkpoint import Checkpoint
from codman.registry.coverage import Answer, State
from codman.registry.documents import not_stated
from codman.report import words
from codman.spine.measurement import Measurement
from codman.spine.product import Product, Vendor, Version
from codman.spine.statement import EvaluationPredicate
from codman.spine.use import Use

SMALL: Final = (
    "Groups of fewer than 11 patients, or with fewer than 11 with or without the event, are not shown, nor what would "
    "give them away"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A use, its product, and what is said and shown of both."""

    use: Use
    product: Product
    vendor: Vendor | None
    version: Version | None  # the one that is described
    others: tuple[str, ...]  # labels of other versions that run as well
    classes: Mapping[str, str]  # by scheme, where the triage that holds settled one
    answers: Mapping[tuple[str, str], Answer]  # by framework and field
    evaluations: Sequence[Evaluation]
    statements: Sequence[Cited]  # every statement that something here rests on
    uncounted: int  # evaluations that nobody signed, or whose key was revoked
    of_others: int  # evaluations that count, of versions that are not described
    log: Checkpoint
    at: str  # when the book was asked
    address: str  # where this house's pages answer; empty where it does not say
    codman: str  # the version of Codman that asked

    @property
    def day(self) -> str:
        """The day of it."""
        return self.at[:10]

    @property
    def gap(self) -> str:
        """What stands where nobody answered."""
        return not_stated(self.day)

    @property
    def title(self) -> str:
        """The product and its version."""
        return self.product.name if self.version is None else f"{self.product.name} {self.version.label}"

    def said(self, framework_name: str, field: str) -> str | None:
        """The words of an answer; None where there are none."""
        found = self.answers[framework_name, field]
        return None if found.state is State.MISSING else found.value

    def of_origin(self, *origins: str) -> Evaluation | None:
        """The newest evaluation of one of these origins."""
        found = [one for one in self.evaluations if one.predicate.origin in origins]
        return max(found, key=lambda one: one.predicate.evaluated_at, default=None)

    def made_from(self, counts: Mapping[State, int]) -> str:
        """What a document was made from, in one paragraph without a line break.

        Args:
            counts: How many of its fields rest on what.
        """
        tally = ", ".join(f"{counts.get(state, 0)} {RESTS_ON[state]}" for state in reversed(State))
        of = f"Of {sum(counts.values())} fields, {tally}"
        return f"{MADE} {self.log.origin} as of {self.at}: {self.log_state}. {of}. {self.sources}"

    @property
    def log_state(self) -> str:
        """The log's size and root."""
        return f"log of {self.log.size:,} entries, root sha256:{self.log.root.hex()}"

    @property
    def sources(self) -> str:
        """Which statements, and what is left out of them."""
        listed = "; ".join(one.line for one in self.statements)
        said = [f"Statements: {listed}." if listed else "No signed statement stands behind it.", *self.left_out]
        return " ".join([*said, f"{SMALL}."])

    @property
    def left_out(self) -> tuple[str, ...]:
        """Evaluations that are filed and not used, as sentences."""
        said = (
            (self.uncounted, "without a signature that counts"),
            (self.of_others, "of other versions"),
        )
        return tuple(f"{words.many(count, 'evaluation')} {which}: left out." for count, which in said if count)


MADE: Final = "Made by Codman from the registry"  # how the paragraph begins, so that it is known again
RESTS_ON: Final = {
    State.EVIDENCE: "shown by evidence",
    State.DOCUMENT: "in a document",
    State.CLAIM: "claimed",
    State.MISSING: "not stated",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Cited:
    """A filed statement whose signature counts."""

    digest: str
    kind: str
    origin: str | None
    evaluated_at: str | None
    version: str | None  # as the book knows it, by id
    why: str  # whose signature

    @property
    def line(self) -> str:
        """It as one clause."""
        origin = f", origin {self.origin}" if self.origin else ""
        at = f", {self.evaluated_at[:10]}" if self.evaluated_at else ""
        return f"sha256:{self.digest} ({self.kind}{origin}{at}, {self.why})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """An evaluation that counts, with the numbers of it that may leave the house."""

    cited: Cited
    predicate: EvaluationPredicate
    measurements: Sequence[Measurement]
    hidden: Sequence[Mapping[str, str]]  # groups too small to show, by name
