"""A tier from answers, with its reasons, and what is not known that could raise it.

An answer that is missing is never taken for a harmless one: until it is given, `binding` is the tier that its worst
answer would give.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from codman.review.intake.condition import Settled
from codman.review.triage.rules import Rule, Rules, Scheme, Source
from codman.spine.use import Impact, Tier

ORDER: Final = (Tier.LOW, Tier.MEDIUM, Tier.HIGH)
_OMB: Final = "omb-impact"
_OMB_HIGH: Final = "high-impact"


@dataclass(frozen=True, slots=True)
class Reason:
    """A rule that holds."""

    rule: str
    why: str
    source: Source
    clause: str
    pushes_to: Tier
    because_of: tuple[str, ...]  # the questions whose answers made it hold

    @property
    def cited(self) -> str:
        """Where it stands, as a page prints it."""
        said = f"{self.source.title} ({self.source.edition}), {self.clause}"
        return said if self.source.checked else f"{said}; from memory, not yet checked"


@dataclass(frozen=True, slots=True)
class Unknown:
    """A question whose answer could still raise the tier or a class."""

    question: str
    could_raise_to: Tier
    rules: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Sorted:
    """The class a scheme gives."""

    scheme: str
    title: str
    found: str | None  # None where it does not apply, or nothing decides it yet
    could_be: str | None  # a higher class that an answer could still give
    applies: bool | None  # None where it is not known whether it speaks of this use


@dataclass(frozen=True, slots=True)
class Triage:
    """How closely a use is to be looked at.

    Made by `triage`; read by flows, which keep it, and by the doors.
    """

    edition: str
    tier: Tier  # what the answers establish
    reasons: tuple[Reason, ...]  # the strongest first
    unknown: tuple[Unknown, ...]  # what could raise it most first
    classes: tuple[Sorted, ...]
    forbidden: tuple[Reason, ...]  # it must not run at all, whatever its tier

    @property
    def binding(self) -> Tier:
        """The tier to act on: what is not answered counts as its worst answer."""
        return highest((self.tier, *(one.could_raise_to for one in self.unknown)))

    @property
    def settled(self) -> bool:
        """Whether no answer can raise the tier any more."""
        return self.binding is self.tier

    @property
    def settled_classes(self) -> dict[str, str]:
        """What each scheme says, where no answer can change it any more; empty where it does not apply."""
        return {
            one.scheme: one.found or ""
            for one in self.classes
            if one.could_be is None and (one.applies is False or (one.applies and one.found is not None))
        }

    def sorted_by(self, scheme: str) -> Sorted:
        """What one scheme says. Raises KeyError for one that there is not."""
        found = next((one for one in self.classes if one.scheme == scheme), None)
        if found is None:
            raise KeyError(scheme)
        return found

    @property
    def impact(self) -> Impact | None:
        """High-impact as OMB M-25-21 has it; None until it is known.

        That what is presumed so is not: only a person determines that, so it is never given here.
        """
        omb = self.sorted_by(_OMB)
        if omb.found == _OMB_HIGH:
            return Impact.HIGH
        return None if omb.could_be else Impact.NOT_HIGH


def triage(rules: Rules, known: Settled) -> Triage:
    """Hold every rule against the answers.

    Args:
        rules: The rules of one edition.
        known: The answers that count, from a filled form or from the book (`fill` with what `answers_of` gives).
    """
    held = [(rule, rule.when.holds(known)) for rule in rules.rules]
    holding = [rule for rule, holds in held if holds]
    open_ = [rule for rule, holds in held if holds is None]
    reasons = sorted((_reason(rules, rule, known) for rule in holding), key=lambda r: -_rank(r.pushes_to))
    tier = highest((Tier.LOW, *(rule.pushes_to for rule in holding)))
    classes = tuple(_sorted(scheme, holding, open_, known) for scheme in rules.schemes)
    forbidding = {rule.id for rule in holding if rule.forbids}
    return Triage(
        edition=rules.edition,
        tier=tier,
        reasons=tuple(reasons),
        unknown=_unknown(open_, tier, classes, known),
        classes=classes,
        forbidden=tuple(reason for reason in reasons if reason.rule in forbidding),
    )


def highest(tiers: Iterable[Tier]) -> Tier:
    """The highest of some tiers."""
    return max(tiers, key=_rank)


def _rank(tier: Tier) -> int:
    return ORDER.index(tier)


def _reason(rules: Rules, rule: Rule, known: Settled) -> Reason:
    answered = tuple(sorted(rule.when.mentions() & known.values.keys()))
    return Reason(rule.id, rule.why, rules.source[rule.source], rule.clause, rule.pushes_to, answered)


def _sorted(scheme: Scheme, holding: Sequence[Rule], open_: Sequence[Rule], known: Settled) -> Sorted:
    applies = scheme.applies.holds(known)
    if applies is False:
        return Sorted(scheme.id, scheme.title, None, None, applies=False)
    place = scheme.classes.index
    given = [rule.gives for rule in holding if rule.scheme == scheme.id and rule.gives is not None]
    found = max(given, key=place, default=scheme.otherwise)
    possible = [rule.gives for rule in open_ if rule.scheme == scheme.id and rule.gives is not None]
    worst = max(possible, key=place, default=None)
    could_be = worst if worst is not None and (found is None or place(worst) > place(found)) else None
    if found == scheme.otherwise and could_be is not None:
        found = None  # that nothing speaks for more is no finding while something may
    return Sorted(scheme.id, scheme.title, found, could_be, applies)


def _unknown(open_: Sequence[Rule], tier: Tier, classes: Sequence[Sorted], known: Settled) -> tuple[Unknown, ...]:
    """The missing answers that could raise something, each with the highest tier it could lead to."""
    undecided = {one.scheme for one in classes if one.could_be is not None}
    raising = [rule for rule in open_ if _rank(rule.pushes_to) > _rank(tier) or rule.scheme in undecided]
    by_question: dict[str, list[Rule]] = {}
    for rule in raising:
        for question in sorted(rule.when.mentions() - known.values.keys() - known.closed):
            by_question.setdefault(question, []).append(rule)
    found = [
        Unknown(question, highest((tier, *(rule.pushes_to for rule in about))), tuple(rule.id for rule in about))
        for question, about in by_question.items()
    ]
    return tuple(sorted(found, key=lambda one: (-_rank(one.could_raise_to), one.question)))
