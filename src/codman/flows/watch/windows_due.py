"""Which windows of a plan are due: all whose day has come, the oldest first."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from itertools import islice
from typing import Final

from codman.review.watching.plan import needs_outcomes
from codman.review.watching.windows import Span, due_on, following
from codman.spine.monitor_plan import MonitorPlan, Watched

COMPLETE: Final = 0.9  # of a window's outcomes, from which on a final number counts although some never came
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
    plan: MonitorPlan, starts_on: date, today: date, looked: Collection[tuple[str, str, str, str]]
) -> list[Due]:
    """The windows of a plan that are due and were not looked at, by the day they were due.

    A requirement that counts rows has no calendar, and none of its windows is ever due here.

    Args:
        plan: The plan.
        starts_on: The first day that is watched.
        today: Up to which day.
        looked: What was looked at already, by `Due.key`.
    """
    found: dict[tuple[str, Span, date], list[Watched]] = defaultdict(list)
    for one in plan.requires:
        delay = plan.label_delay_days if needs_outcomes(one.requirement) else 0
        for span in islice(following(one.watch.window, starts_on), MOST):
            day = due_on(span, label_delay_days=delay, due_days=one.watch.due_days)
            if day > today:
                break
            found[one.watch.window, span, day].append(one)
    listed = [Due(rule, span, day, tuple(some)) for (rule, span, day), some in found.items()]
    return sorted((one for one in listed if one.key not in looked), key=lambda one: (one.due_on, one.span, one.rule))
