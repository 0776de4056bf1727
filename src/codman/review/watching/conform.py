"""Whether what a partner would send fits the contract: told before the first day it is due, requirement by requirement.

A number may miss its bound and the report still conform: that is what reports are for. What does not conform cannot be
judged at all.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from codman.review.policy.bound import Bound
from codman.review.policy.exhibit import Exhibit
from codman.review.policy.judge import judge_exhibits
from codman.review.watching.plan import policy_of_plan
from codman.review.watching.windows import is_window, window_of
from codman.spine.measurement import Measurement
from codman.spine.monitor_plan import MonitorPlan, Watched
from codman.spine.verdict import Outcome, Result

_CANNOT_BE_JUDGED: Final = (Outcome.MISSING, Outcome.STALE, Outcome.UNVERIFIABLE, Outcome.NOT_APPLICABLE)


@dataclass(frozen=True, slots=True)
class Conformity:
    """How one requirement of a contract fares with what was given."""

    id: str
    title: str
    problems: tuple[str, ...]
    outcome: Outcome
    sentence: str

    @property
    def conforms(self) -> bool:
        """Whether it can be judged as it is."""
        return not self.problems

    def answer(self) -> dict[str, Any]:
        """As plain JSON types."""
        return {
            "id": self.id,
            "title": self.title,
            "conforms": self.conforms,
            "problems": list(self.problems),
            "outcome": self.outcome.value,
            "sentence": self.sentence,
        }


def conform(plan: MonitorPlan, exhibits: Sequence[Exhibit], at: datetime | None = None) -> tuple[Conformity, ...]:
    """Hold statements against a contract, or against a whole plan.

    Args:
        plan: The contract.
        exhibits: What would be sent, each statement once.
        at: The time of judging; now where left out.

    Raises:
        MixedEvidence: The statements are about several products, versions or uses.
    """
    verdict = judge_exhibits(policy_of_plan(plan), exhibits, at)
    return tuple(
        _fares(plan, one, result, exhibits) for one, result in zip(plan.requires, verdict.results, strict=True)
    )


def _fares(plan: MonitorPlan, one: Watched, result: Result, exhibits: Sequence[Exhibit]) -> Conformity:
    finding = result.finding
    problems = list(_about_another(plan, exhibits))
    if finding.outcome in _CANNOT_BE_JUDGED:
        problems.append(finding.sentence)
    else:
        exhibit = next((e for e in exhibits if e.digest == finding.evidence), None)
        if exhibit is not None and isinstance(one.requirement.asks, Bound):
            problems += _ill_formed(plan, one, one.requirement.asks, exhibit)
    return Conformity(
        id=result.id,
        title=result.title,
        problems=tuple(dict.fromkeys(problems)),
        outcome=finding.outcome,
        sentence=finding.sentence,
    )


def _about_another(plan: MonitorPlan, exhibits: Sequence[Exhibit]) -> Iterator[str]:
    for exhibit in exhibits:
        for what, wanted, said in (("product", plan.product, exhibit.product), ("use", plan.use, exhibit.use)):
            if wanted is not None and said is None:
                yield f"{exhibit.label} names no {what}; it must be {wanted}."
            elif wanted is not None and said != wanted:
                yield f"{exhibit.label} is about the {what} {said}, not {wanted}."


def _ill_formed(plan: MonitorPlan, one: Watched, bound: Bound, exhibit: Exhibit) -> Iterator[str]:
    for m in exhibit.about(bound.place):
        if not bound.picks(m):
            continue
        yield from _without_window(one.watch.window, m)
        if m.value is None:
            yield f"It has no value: {m.note or 'no reason is given'}."
            continue
        if m.lower is None or m.upper is None or m.level is None:
            yield "It has no interval: give lower, upper and level."
        elif m.level < plan.level:
            yield f"Its interval is at level {m.level:g}; at least {plan.level:g} is judged."
        if not m.method:
            yield "It does not say how value and interval were computed: give method."
        if m.n is None:
            yield "It does not say how many rows it rests on: give n."
        if m.positives is None and (bound.min_positives or bound.min_negatives):
            yield "It does not say how many rows had the event: give positives."


def _without_window(rule: str, m: Measurement) -> Iterator[str]:
    if m.window is None:
        yield f"It names no window; each number is about one {_spoken(rule)}: give window with start and end."
    elif not is_window(rule, m.window.start, m.window.end):
        meant = _meant(rule, m.window.start)
        yield f"Its window {m.window.start} to {m.window.end} is not one {_spoken(rule)}{meant}."


def _meant(rule: str, start: str) -> str:
    try:
        span = window_of(rule, datetime.fromisoformat(start).date())
    except ValueError:
        return ""
    return "" if span is None else f"; the one it begins in is {span.start} to {span.end}, the end exclusive"


def _spoken(rule: str) -> str:
    return f"block of {rule.removeprefix('rows:')} rows" if rule.startswith("rows:") else rule
