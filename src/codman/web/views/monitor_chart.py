"""A number window after window, drawn: each age with its own sign and interval, limits, and what happened meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from codman.flows.watch.ages import AGES, Note, Track
from codman.report import words as said
from codman.web.render import day
from codman.web.views.drawing import Scale, Tick, scale_of, ticks

_HEIGHT: Final = 220.0
_LEFT: Final = 50.0
_TOP: Final = 22.0
_BOTTOM: Final = 190.0
_ROOM: Final = 590.0  # for all windows together, where they are few
_NARROWEST: Final = 30.0  # a window
_WIDEST: Final = 98.0
_LABEL: Final = 74.0  # room of a window's day
_APART: Final = {"estimated": -0.22, "partial": 0.0, "final": 0.22}
_SIZE: Final = 4.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """One number: a sign of its age at its value, and its interval."""

    age: str
    x: str
    low: str
    high: str
    points: str  # of the sign: a square, a diamond; empty is a circle
    y: str
    beyond: bool  # its whole interval is outside the limits


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """A limit of the plan."""

    y: str
    text: str
    text_y: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteMark:
    """Where something happened, by its number in the list beside."""

    x: str
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """The drawing of one track."""

    alt: str
    box: str
    width: str
    left: str
    right: str
    top: str
    bottom: str
    marks: tuple[Mark, ...]
    limits: tuple[Limit, ...]
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    notes: tuple[NoteMark, ...]


def chart(track: Track, title: str, windows: Sequence[tuple[str, str]], notes: Sequence[Note]) -> Chart | None:
    """The drawing of a track; None where nothing of it has a value.

    Args:
        track: The numbers.
        title: What they are.
        windows: Every window that was looked at, by its days: one without a number stays empty.
        notes: What happened, in the order of its list.
    """
    shown = [one for one in track.numbers if one.m.value is not None]
    if not shown:
        return None
    ends = scale_of([end for one in shown for end in (one.m.value, one.m.lower, one.m.upper)] + [track.low, track.high])
    free = (ends.high - ends.low) * 0.08 or abs(ends.high) / 10 or 0.1
    scale = Scale(low=ends.low - free, high=ends.high + free)
    step = min(_WIDEST, max(_NARROWEST, _ROOM / len(windows)))
    place = {window: _LEFT + (number + 0.5) * step for number, window in enumerate(windows)}
    right = _LEFT + len(windows) * step

    def y_at(value: float) -> float:
        return _BOTTOM - (value - scale.low) / ((scale.high - scale.low) or 1) * (_BOTTOM - _TOP)

    marks = []
    for one in shown:
        x = place[one.starts_on, one.ends_on] + _APART[one.age] * step
        value = one.m.value or 0.0
        low, high = (value if end is None else end for end in (one.m.lower, one.m.upper))
        beyond = (track.low is not None and high < track.low) or (track.high is not None and low > track.high)
        marks.append(
            Mark(
                age=one.age, x=f"{x:.1f}", y=f"{y_at(value):.1f}", low=f"{y_at(low):.1f}", high=f"{y_at(high):.1f}",
                points=_sign(one.age, x, y_at(value)), beyond=beyond and one.age == "final",
            )
        )  # fmt: skip
    every = max(1, round(_LABEL / step + 0.49))
    return Chart(
        alt=_alt(track, title),
        box=f"0 0 {right + 12:g} {_HEIGHT:g}",
        width=f"{right + 12:g}",
        left=f"{_LEFT:g}",
        right=f"{right:g}",
        top=f"{_TOP:g}",
        bottom=f"{_BOTTOM:g}",
        marks=tuple(marks),
        limits=tuple(_limits(track, y_at)),
        x_ticks=tuple(
            Tick(at=f"{x:.1f}", text=day(start).removeprefix("1 ") if start.endswith("-01") else day(start)[:-5])
            for number, ((start, _end), x) in enumerate(place.items())
            if number % every == 0
        ),
        y_ticks=tuple(Tick(at=f"{y_at(one):.1f}", text=f"{one:.3g}") for one in ticks(scale)),
        notes=tuple(_placed(notes, place, step)),
    )


def _sign(age: str, x: float, y: float) -> str:
    """Final is a square, partial a diamond, estimated a circle."""
    corners = {
        "final": ((-1, -1), (1, -1), (1, 1), (-1, 1)),
        "partial": ((0, -1.4), (1.4, 0), (0, 1.4), (-1.4, 0)),
    }.get(age, ())
    return " ".join(f"{x + _SIZE * right:.1f},{y + _SIZE * down:.1f}" for right, down in corners)


def _limits(track: Track, y_at: Callable[[float], float]) -> list[Limit]:
    found = []
    for words, value, below in (("at least", track.low, 12), ("at most", track.high, -5)):
        if value is not None:
            y = y_at(value)
            found.append(Limit(y=f"{y:.1f}", text=f"{words} {value:g}", text_y=f"{y + below:.1f}"))
    return found


def _placed(notes: Sequence[Note], place: Mapping[tuple[str, str], float], step: float) -> list[NoteMark]:
    """Notes at their day within a window; those of one window stand side by side, as far as there is room."""
    found = []
    taken: dict[tuple[str, str], int] = {}
    for number, one in enumerate(notes, 1):
        window = next(((start, end) for start, end in place if start <= one.on < end), None)
        if window is None:
            continue
        before = taken.get(window, 0)
        taken[window] = before + 1
        x = min(place[window] - step / 2 + 6 + 11 * before, place[window] + step / 2)
        found.append(NoteMark(x=f"{x:.1f}", number=number))
    return found


def _alt(track: Track, title: str) -> str:
    parts = []
    for age in AGES:
        mine = [one for one in track.numbers if one.age == age and one.m.value is not None]
        if mine:
            first, last = mine[0], mine[-1]
            parts.append(
                f"{age} {said.with_interval(last.m)} in the last window"
                + (f", {said.number(first.m.value)} in the first of {len(mine)}" if len(mine) > 1 else "")
            )
    limits = " and ".join(
        f"{words} {value:g}" for words, value in (("at least", track.low), ("at most", track.high)) if value is not None
    )
    return f"{title}: {'; '.join(parts)}" + (f"; the limit is {limits}" if limits else "")
