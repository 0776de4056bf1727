"""Drawings made here: intervals on one scale, and curves. Each stands beside its numbers, never instead of them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

WIDTH: Final = 200
_MARGIN: Final = 8.0
_CURVE: Final = 300.0
_LEFT: Final = 40.0
_BOTTOM: Final = 34.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A value and its interval as places on a line of WIDTH."""

    x: str
    low: str
    high: str
    even: str  # where nothing differs: 0 or 1; empty where that is no part of the scale


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """What the ends of a line mean."""

    low: float
    high: float

    def at(self, value: float) -> str:
        """Where a value stands, in the drawing's units."""
        span = (self.high - self.low) or 1.0
        share = min(1.0, max(0.0, (value - self.low) / span))
        return f"{_MARGIN + share * (WIDTH - 2 * _MARGIN):.1f}"


def scale_of(numbers: Iterable[float | None]) -> Scale:
    """A scale that holds all of these."""
    known = [number for number in numbers if number is not None and math.isfinite(number)]
    return Scale(low=min(known), high=max(known)) if known else Scale(low=0.0, high=1.0)


def interval(
    value: float | None, lower: float | None, upper: float | None, scale: Scale, even: float | None
) -> Interval | None:
    """The drawing of one number; None where it has no value."""
    if value is None:
        return None
    return Interval(
        x=scale.at(value),
        low=scale.at(value if lower is None else lower),
        high=scale.at(value if upper is None else upper),
        even=scale.at(even) if even is not None and scale.low < even < scale.high else "",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class AgainstLimit:
    """A value and its interval on a line of WIDTH, with the part of the line that is allowed."""

    x: str
    low: str
    high: str
    from_: str  # where the allowed part begins
    width: str
    limits: tuple[str, ...]


def against_limit(
    value: float | None, lower: float | None, upper: float | None, least: float | None, most: float | None
) -> AgainstLimit | None:
    """The drawing of a number held against a limit; None where it has no value, or there is no limit.

    The line leaves a sixth of its width free on either side, so that a limit never stands on its end.
    """
    if value is None or (least is None and most is None):
        return None
    held = scale_of([value, lower, upper, least, most])
    free = (held.high - held.low) / 4 or abs(held.high) / 10 or 0.1
    scale = Scale(low=held.low - free, high=held.high + free)
    begin = scale.at(scale.low if least is None else least)
    end = scale.at(scale.high if most is None else most)
    return AgainstLimit(
        x=scale.at(value),
        low=scale.at(value if lower is None else lower),
        high=scale.at(value if upper is None else upper),
        from_=begin,
        width=f"{float(end) - float(begin):.1f}",
        limits=tuple(scale.at(one) for one in (least, most) if one is not None),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """A number on an axis."""

    at: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A curve of one slice of patients."""

    points: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CurveDrawing:
    """A curve with its axes."""

    title: str
    alt: str
    x_title: str
    y_title: str
    box: str
    lines: tuple[Line, ...]
    diagonal: tuple[str, str, str, str] | None
    zero: str  # where nothing is gained or lost, if the scale goes below it
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    left: str
    bottom: str
    right: str
    top: str


def curve(
    title: str,
    titles: tuple[str, str],
    curves: Sequence[tuple[str, Sequence[float], Sequence[float | None]]],
    *,
    diagonal: bool,
) -> CurveDrawing:
    """Curves on common axes.

    Args:
        title: What it shows.
        titles: Of the x and the y axis.
        curves: The patients' name, x and y.
        diagonal: Whether a line from corner to corner says what chance, or perfect agreement, would give.
    """
    xs = scale_of([0.0, *(x for _, xs, _ in curves for x in xs)])
    ys = scale_of([0.0, *(y for _, _, ys in curves for y in ys)])
    x_scale = Scale(low=min(0.0, xs.low), high=1.0 if 0.5 < xs.high <= 1 else xs.high)
    y_scale = Scale(low=min(0.0, ys.low), high=1.0 if 0.5 < ys.high <= 1 else ys.high)
    if diagonal:
        most = max(x_scale.high, y_scale.high)
        x_scale = y_scale = Scale(low=0.0, high=most)
    width, top, bottom = _CURVE, 10.0, _CURVE - _BOTTOM
    right = width - 12.0

    def x_at(value: float) -> float:
        return _LEFT + (value - x_scale.low) / ((x_scale.high - x_scale.low) or 1) * (right - _LEFT)

    def y_at(value: float) -> float:
        return bottom - (value - y_scale.low) / ((y_scale.high - y_scale.low) or 1) * (bottom - top)

    return CurveDrawing(
        title=title,
        alt=f"{title}: {titles[1]} against {titles[0]}, for {', '.join(name for name, _, _ in curves)}",
        x_title=titles[0],
        y_title=titles[1],
        box=f"0 0 {width:g} {_CURVE:g}",
        lines=tuple(
            Line(
                name=name,
                points=" ".join(
                    f"{x_at(x):.1f},{y_at(y):.1f}" for x, y in zip(x_values, y_values, strict=True) if y is not None
                ),
            )
            for name, x_values, y_values in curves
        ),
        diagonal=(
            (f"{x_at(0):.1f}", f"{y_at(0):.1f}", f"{x_at(x_scale.high):.1f}", f"{y_at(y_scale.high):.1f}")
            if diagonal
            else None
        ),
        zero=f"{y_at(0):.1f}" if y_scale.low < 0 else "",
        x_ticks=tuple(Tick(at=f"{x_at(one):.1f}", text=f"{one:.2g}") for one in ticks(x_scale)),
        y_ticks=tuple(Tick(at=f"{y_at(one):.1f}", text=f"{one:.2g}") for one in ticks(y_scale)),
        left=f"{_LEFT:g}",
        bottom=f"{bottom:g}",
        right=f"{right:g}",
        top=f"{top:g}",
    )


def ticks(scale: Scale) -> list[float]:
    """Round places on a scale: two to seven of them, one, two or five of a power of ten apart."""
    span = scale.high - scale.low
    if span <= 0:
        return [scale.low]
    power = 10.0 ** math.floor(math.log10(span / 4))
    step = next(power * times for times in (1, 2, 5, 10) if span / (power * times) <= 6)
    first = math.ceil(scale.low / step - 1e-9)
    return [step * number for number in range(first, math.floor(scale.high / step + 1e-9) + 1)]
