"""Windows of a plan: which days each covers, and the day its number is due. Pure: days in, days out, UTC."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final

_MONTHS: Final = {"month": 1, "quarter": 3, "half-year": 6, "year": 12}
_DAYS: Final = {"day": 1, "week": 7}
_LAST_YEAR: Final = 9990  # no window is looked for beyond the years that a date can have


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """Some days, the last exclusive."""

    start: date
    end: date


def window_of(rule: str, day: date) -> Span | None:
    """The window a day is in: weeks begin on Monday, quarters in January. None where a rule counts rows."""
    if rule.startswith("rows:"):
        return None
    if rule == "day":
        return Span(day, day + timedelta(days=1))
    if rule == "week":
        first = day - timedelta(days=day.weekday())
        return Span(first, first + timedelta(days=7))
    months = _MONTHS[rule]
    index = (day.year * 12 + day.month - 1) // months * months
    return Span(_month(index), _month(index + months))


def following(rule: str, start: date) -> Iterator[Span]:
    """The windows from a day on that begin on it or after it: a window is never cut short by the plan's start."""
    span = window_of(rule, start)
    while span is not None and span.start.year < _LAST_YEAR:
        if span.start >= start:
            yield span
        span = window_of(rule, span.end)


def filled(rule: str, start: date, before: date, per_day: Mapping[date, int]) -> Iterator[Span]:
    """The windows of a rule that counts rows: each is the fewest whole days, one after the other, that hold so many.

    Args:
        rule: `rows:N`.
        start: The first day.
        before: The first day that is not over.
        per_day: Rows of each day that has any.
    """
    size, held = int(rule.removeprefix("rows:")), 0
    for day in sorted(one for one in per_day if start <= one < before):
        held += per_day[day]
        if held >= size:
            end = day + timedelta(days=1)
            yield Span(start, end)
            start, held = end, 0


def due_on(span: Span, *, label_delay_days: int, due_days: int) -> date:
    """The day a window's number is due: its outcomes must be known first."""
    return span.end + timedelta(days=label_delay_days + due_days)


def is_window(rule: str, start: str, end: str) -> bool:
    """Whether a stated span of time is one of the rule's windows."""
    if rule.startswith("rows:"):
        return True
    first, last = _midnight(start), _midnight(end)
    return first is not None and last is not None and window_of(rule, first) == Span(first, last)


def _midnight(said: str) -> date | None:
    """The day that begins at a moment; None where none does."""
    try:
        at = datetime.fromisoformat(said)
    except ValueError:
        return None
    if at.tzinfo is not None:
        at = at.astimezone(UTC)
    return at.date() if (at.hour, at.minute, at.second, at.microsecond) == (0, 0, 0, 0) else None


def _month(index: int) -> date:
    return date(index // 12, index % 12 + 1, 1)
