"""One number of a monitor as a page shows it: its drawing, the same numbers as a table, how good its estimates were."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from codman.flows.watch.ages import AGES, Note, Number, Track
from codman.report import words as said
from codman.spine.measurement import SUPPRESSED
from codman.web.views.monitor_chart import Chart, chart
from codman.web.views.monitor_marks import AGES_SAID, window_words

_FIRST: Final = ("auroc", "oe_ratio", "sensitivity", "ppv", "alert_rate", "prevalence")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One number at one age."""

    value: str
    span: str
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One window of a table: its number at each age."""

    window: str
    cells: tuple[Cell, ...]
    n: str
    href: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One number: what it means, its drawing, the same numbers as a table, and how good its estimates have been."""

    key: str
    title: str
    meaning: str
    limit: str
    drawing: Chart | None
    ages: tuple[str, ...]  # the columns of the table
    rows: tuple[Row, ...]
    kept: str


def ordered(tracks: Sequence[Track]) -> list[Track]:
    """For everyone: what the plan asks first, then in the usual order."""
    return sorted((one for one in tracks if not one.slice), key=place)


def place(track: Track) -> tuple[bool, int, str, str]:
    """What the plan asks about first, then in the usual order."""
    known = _FIRST.index(track.metric) if track.metric in _FIRST else len(_FIRST)
    return not track.requires, known, track.metric, said.group(dict(track.slice))


def panel(key: str, track: Track, windows: Sequence[tuple[str, str]], notes: Sequence[Note]) -> Panel:
    """A track as a page shows it.

    Args:
        key: What names it on the page.
        track: The numbers.
        windows: Every window that was looked at, by its days.
        notes: What happened meanwhile.
    """
    name = {} if track.threshold is None else {"threshold": track.threshold}
    title = said.capital(said.named(track.metric, name))
    if track.feature:
        title = f"{track.feature}: {title}"
    if track.slice:
        title = f"{title}, {said.group(dict(track.slice))}"
    meaning = said.meaning(track.metric)
    ages = tuple(age for age in AGES if any(one.age == age for one in track.numbers))
    by_window: dict[tuple[str, str], dict[str, Number]] = {window: {} for window in windows}
    for one in track.numbers:
        by_window[one.starts_on, one.ends_on][one.age] = one
    return Panel(
        key=key,
        title=title,
        meaning="" if meaning is None else meaning.meaning,
        limit=_limit(track),
        drawing=chart(track, title, windows, notes),
        ages=tuple(AGES_SAID[age] for age in ages),
        rows=tuple(
            Row(
                window=window_words(*window), cells=tuple(_cell(at.get(age)) for age in ages),
                n=said.count(max((one.m.n for one in at.values() if one.m.n is not None), default=None)),
                href=f"/evidence/{list(at.values())[-1].statement}" if at else "",
            )
            for window, at in reversed(by_window.items())
        ),
        kept="" if track.kept is None else track.kept.note or "",
    )  # fmt: skip


def _cell(one: Number | None) -> Cell:
    if one is None:
        return Cell(value="–", span="", note="")
    value = "not shown" if one.m.suppressed else said.number(one.m.value)
    note = "possibly biased" if one.m.params.get("possibly_biased") else ""
    return Cell(value=value, span="" if one.m.lower is None else said.span(one.m), note=note)


def warnings_of(tracks: Sequence[Track]) -> tuple[str, ...]:
    """What the newest number of each age says beside its value, each once."""
    found: dict[str, None] = {}
    for track in tracks:
        for age in AGES:
            newest = next((one.m.note for one in reversed(track.numbers) if one.age == age and one.m.note), None)
            if newest is not None and newest != SUPPRESSED:
                found[f"{AGES_SAID[age]}: {newest}."] = None
    return tuple(found)


def _limit(track: Track) -> str:
    parts = [
        f"{words} {value:g}" for words, value in (("at least", track.low), ("at most", track.high)) if value is not None
    ]
    return f"The plan wants {' and '.join(parts)}." if parts else ""
