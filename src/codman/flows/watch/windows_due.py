"""Which windows of a plan are due: all whose day has come, the oldest first."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from itertools import chain, islice
from typing import Final

from codman.review.watching.plan import needs_outcomes
from codman.review.watching.windows import Span, due_on, filled, following
from codman.spine.monitor_plan import MonitorPlan, Watched

MOST: Final = 400  # windows of one requirement in one go: a year and more of days


@dataclass(frozen=True, slots=True)
class Due:
    """One window whose number is due, and the requirements that are held against it."""

    rule: str
    span: Span
    due_on: date
    requires: tuple[Watched, ...]

    @property
    def key(self) -> tuple[str, str, str, str]:
        """What names a look in its monitor."""
        return self.rule, self.span.start.isoformat(), self.span.end.isoformat(), self.due_on.isoformat()


def windows_due(
    plan: MonitorPlan,
    starts_on: date,
    today: date,
    looked: Collection[tuple[str, str, str, str]],
    per_day: Mapping[date, int],
) -> list[Due]:
    """The windows of a plan that are due and were not looked at, by the day they were due.

    Args:
        plan: The plan.
        starts_on: The first day that is watched.
        today: Up to which day.
        looked: What was looked at already, by `Due.key`.
        per_day: Predictions of each day that has any; they make the windows of requirements that count rows.
    """
    found: dict[tuple[str, Span, date], list[Watched]] = defaultdict(list)
    for one in plan.requires:
        delay = plan.label_delay_days if needs_outcomes(one.requirement) else 0
        for span in islice(_spans(one.watch.window, starts_on, today, looked, per_day), MOST):
            day = due_on(span, label_delay_days=delay, due_days=one.watch.due_days)
            if day > today:
                break
            found[one.watch.window, span, day].append(one)
    listed = [Due(rule, span, day, tuple(some)) for (rule, span, day), some in found.items()]
    return sorted((one for one in listed if one.key not in looked), key=lambda one: (one.due_on, one.span, one.rule))


def counts_rows(plan: MonitorPlan) -> bool:
    """Whether a requirement's windows are made of so many predictions."""
    return any(one.watch.window.startswith("rows:") for one in plan.requires)


def _spans(
    rule: str, starts_on: date, today: date, looked: Collection[tuple[str, str, str, str]], per_day: Mapping[date, int]
) -> Iterator[Span]:
    """The windows of a rule. Where it counts rows, what was looked at keeps its days, whatever came late."""
    if not rule.startswith("rows:"):
        return following(rule, starts_on)
    known = sorted(
        {Span(date.fromisoformat(start), date.fromisoformat(end)) for of, start, end, _ in looked if of == rule}
    )
    return chain(known, filled(rule, known[-1].end if known else starts_on, today, per_day))
