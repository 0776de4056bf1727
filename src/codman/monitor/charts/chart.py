"""Chart: points over time with a centre, limits, and the signals that rules raised.

Made by the chart files of this room; read by reports and pages, which draw it from `rows`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from itertools import pairwise
from typing import Any, Final

import numpy as np

from codman.errors import BadInput
from codman.evaluate.estimates import BoolArray, FloatArray, IntArray

FEWEST: Final = 11  # patients behind a point that may be shown
SUPPRESSED: Final = "suppressed"
BEYOND: Final = "beyond a limit"


class ChartImpossible(BadInput):
    """The numbers given cannot make this chart."""


class Happening(StrEnum):
    """What an annotation says happened."""

    DEPLOYMENT = "deployment"
    INCIDENT = "incident"
    CODE_FREEZE = "code freeze"
    NOTE = "note"


@dataclass(frozen=True, slots=True, kw_only=True)
class Annotation:
    """Something that happened, beside the points it may explain."""

    at: str  # ISO 8601; without a zone it is UTC
    kind: Happening
    text: str = ""
    until: str | None = None  # end of a code freeze or an incident, exclusive
    breaks: bool = False  # True: centre and limits start anew here, as after a deployment


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """One point at which one rule fired."""

    point: int  # index of the point
    rule: str  # which rule, by name
    side: str  # "above" or "below" the centre; "" where the rule has no side


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """What a control chart says, as numbers. NaN is a point that could not be computed; `hidden` is one of too few.

    `value` and `second` are what is plotted: most charts have only `value`; a CUSUM has its upper sum in `value` and
    its lower sum, as a negative number, in `second`.
    """

    kind: str  # "p", "u", "xbar", "s", "individuals", "ewma", "cusum", "risk-adjusted cusum"
    at: tuple[str, ...]  # (n,) when each point's window starts, or its number
    value: FloatArray  # (n,)
    centre: FloatArray  # (n,)
    lower: FloatArray  # (n,)
    upper: FloatArray  # (n,)
    n: FloatArray  # (n,) patients, or exposure, behind each point
    phase: IntArray  # (n,) 0 until the first break, then 1, …
    signals: tuple[Signal, ...]
    annotations: tuple[Annotation, ...] = ()
    second: FloatArray | None = None  # (n,)
    hidden: BoolArray | None = None  # (n,) fewer than 11 patients: the value is NaN on purpose
    method: str = ""  # how centre and limits were computed
    in_control_run: float | None = None  # points between two false signals, on average
    notes: tuple[str, ...] = ()


def rows(chart: Chart) -> list[dict[str, Any]]:
    """The chart's points for drawing, one dict a point, with nulls where there is no number.

    Each has `at value centre lower upper n phase signals annotations note`, and `second` where the chart has one.
    `signals` are the names of the rules that fired there; `annotations` those that fall between this point and the
    next, and those that span it.
    """
    fired: dict[int, list[str]] = {}
    for signal in chart.signals:
        fired.setdefault(signal.point, []).append(signal.rule)
    beside = _beside(chart.at, chart.annotations)
    drawn = []
    for i, at in enumerate(chart.at):
        row: dict[str, Any] = {
            "at": at,
            "value": number(chart.value[i]),
            "centre": number(chart.centre[i]),
            "lower": number(chart.lower[i]),
            "upper": number(chart.upper[i]),
            "n": number(chart.n[i]),
            "phase": int(chart.phase[i]),
            "signals": fired.get(i, []),
            "annotations": beside[i],
            "note": None,
        }
        if chart.second is not None:
            row["second"] = number(chart.second[i])
        if chart.hidden is not None and chart.hidden[i]:
            row |= {"n": None, "note": SUPPRESSED}
        drawn.append(row)
    return drawn


def number(x: float) -> float | None:
    """The number, or None where it is NaN or infinite."""
    return float(x) if math.isfinite(x) else None


def times(at: Sequence[str] | None, n: int) -> tuple[str, ...]:
    """What the points are called: their times, or their numbers from 1.

    Raises:
        ChartImpossible: There are more or fewer times than points.
    """
    if at is None:
        return tuple(str(i + 1) for i in range(n))
    if len(at) != n:
        raise ChartImpossible(
            what="the times do not fit the points", why=f"{len(at)} times, {n} points", fix="give one time a point"
        )
    return tuple(at)


def phases(at: Sequence[str], annotations: Sequence[Annotation]) -> IntArray:
    """(n,) the phase of each point: how many breaking annotations stand at or before it.

    Raises:
        ChartImpossible: An annotation breaks the chart, and the points are numbers and not times, or out of order.
    """
    breaks = sorted(instant(one.at) for one in annotations if one.breaks)
    if not breaks:
        return np.zeros(len(at), dtype=np.int64)
    when = [instant(one) for one in at]
    if any(later < earlier for earlier, later in pairwise(when)):
        raise ChartImpossible(what="the points are out of order", why="a break divides earlier from later", fix="sort")
    return np.array([sum(one <= point for one in breaks) for point in when], dtype=np.int64)


def instant(text: str) -> datetime:
    """An ISO 8601 date or time as a time with its zone; UTC where it has none.

    Raises:
        ChartImpossible: It is no such time.
    """
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise ChartImpossible(
            what="a time cannot be read",
            why=f"{text!r} is not ISO 8601",
            fix="write 2026-03-01 or 2026-03-01T08:00:00Z",
        ) from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _beside(at: Sequence[str], annotations: Sequence[Annotation]) -> list[list[dict[str, str]]]:
    beside: list[list[dict[str, str]]] = [[] for _ in at]
    if not annotations:
        return beside
    when = [instant(one) for one in at]
    for one in annotations:
        start = instant(one.at)
        end = None if one.until is None else instant(one.until)
        said = {"kind": one.kind.value, "text": one.text, "at": one.at}
        before = [i for i, point in enumerate(when) if point <= start]
        first = before[-1] if before else 0  # the window it fell in is the last that had started
        for i, point in enumerate(when):
            if i == first or (end is not None and start <= point < end):
                beside[i].append(said)
    return beside


def by_phase(phase: IntArray, usable: BoolArray, first: int | None) -> Iterator[tuple[BoolArray, BoolArray]]:
    """Each phase's points, and those that its centre and spread are worked out from: the first so many usable ones.

    Args:
        phase: (n,) the phase of each point.
        usable: (n,) whether a point has a value.
        first: How many of them; all without it.
    """
    for which in np.unique(phase):
        mine = np.asarray(phase == which)
        base = mine & usable
        yield mine, base if first is None else base & (np.cumsum(base) <= first)


def in_sigmas(value: FloatArray, centre: FloatArray, sigma: FloatArray) -> FloatArray:
    """(n,) how many sigmas each point is from its centre; NaN where it has none."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(sigma > 0, (value - centre) / sigma, np.nan)


def beyond(value: FloatArray, lower: FloatArray, upper: FloatArray, rule: str = BEYOND) -> list[Signal]:
    """A signal at every point strictly outside its limits."""
    with np.errstate(invalid="ignore"):
        high, low = value > upper, value < lower
    return [Signal(point=int(i), rule=rule, side="above" if high[i] else "below") for i in np.flatnonzero(high | low)]


def as_floats(numbers: Sequence[float] | FloatArray) -> FloatArray:
    """The numbers as a flat float array.

    Raises:
        ChartImpossible: They are not one row of numbers, or there are none.
    """
    array = np.asarray(numbers, dtype=np.float64)
    if array.ndim != 1 or array.size == 0:
        raise ChartImpossible(what="there is nothing to chart", why=f"shape {array.shape}", fix="give a row of numbers")
    return array
