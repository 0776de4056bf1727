"""Totals: the days of one window added up, for every slice."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from codman.evaluate.estimates import FloatArray, IntArray
from codman.evaluate.groups import Factor, Slices, make_slices
from codman.monitor.summaries.day import Summary
from codman.monitor.summaries.grid import Grid
from codman.spine.measurement import Window

OTHERS: Final = "(others)"
Every = Literal["day", "week", "month"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """One window's counts by slice."""

    grid: Grid
    window: Window | None
    names: tuple[dict[str, str], ...]  # (S,)
    counts: IntArray  # (S, grid.width)
    rows: IntArray  # (S,)
    patients: IntArray  # (S,) at least so many different ones
    sums: FloatArray  # (S, columns, 2)
    least: FloatArray  # (S, columns)
    most: FloatArray
    score_sums: FloatArray  # (S, 4)

    def of_column(self, c: int) -> IntArray:
        """(S, width) counts of a column: its bins, then the missing ones."""
        return self.counts[:, self.grid.first[c] : self.grid.first[c + 1]]

    def of_score(self) -> IntArray:
        """(S, 3, bins + 1) counts of the score by label: unknown, no event, event; a missing score last."""
        whole = self.counts[:, self.grid.first[len(self.grid.columns)] :]
        return whole.reshape(len(whole), 3, -1)


def slices_of(grid: Grid, by: Sequence[Sequence[str]]) -> Slices:
    """Groupings as sums of the grid's cells."""
    code = np.arange(grid.cells)
    factors: dict[str, Factor] = {}
    for name, levels in reversed(grid.by):
        width = len(levels) + 1
        factors[name] = Factor(name=name, codes=(code % width).astype(np.int32), levels=(*levels, OTHERS))
        code = code // width
    return make_slices(factors, by, grid.cells)


def total(
    summary: Summary, *, by: Sequence[Sequence[str]] = (), start: str | None = None, end: str | None = None
) -> Totals:
    """Add up the days from `start`, before `end`, for every slice.

    Args:
        summary: The days.
        by: Groupings; each a few of the grid's grouping columns.
        start: First day, ISO 8601; None: from the first there is.
        end: The day after the last.
    """
    first, last = np.datetime64(start or "0001-01-01", "D"), np.datetime64(end or "9999-12-31", "D")
    lines = np.flatnonzero((summary.day >= first) & (summary.day < last))
    slices = slices_of(summary.grid, by)
    cells = summary.cell[lines]
    place = slices.cell  # the grid's cells among those the groupings tell apart
    window = None if start is None or end is None else Window(start=f"{start}T00:00:00Z", end=f"{end}T00:00:00Z")

    def added(name: str, kind: type = np.float64) -> np.ndarray:
        """Line by line, in order of days: faster on such wide rows than numpy, and the same every time."""
        values = getattr(summary, name)
        of_cell = np.zeros((slices.of_cell.shape[1], *values.shape[1:]), kind)
        for line, cell in zip(lines.tolist(), place[cells].tolist(), strict=True):
            of_cell[cell] += values[line]
        out = np.zeros((slices.count, *values.shape[1:]), kind)
        for mapping in slices.of_cell:
            for s, part in zip(mapping.tolist(), of_cell, strict=True):
                out[s] += part
        return out

    def extreme(name: str, ufunc: np.ufunc, nothing: float) -> np.ndarray:
        values = getattr(summary, name)
        out = np.full((slices.count, *values.shape[1:]), nothing)
        for g in range(len(slices.groupings)):
            ufunc.at(out, slices.of_rows(g)[cells], values[lines])
        return out

    return Totals(
        grid=summary.grid,
        window=window,
        names=slices.names,
        counts=added("counts", np.int64),
        rows=added("rows", np.int64),
        patients=extreme("patients", np.maximum, 0).astype(np.int64),  # no fewer than on the day with most
        sums=added("sums"),
        least=extreme("least", np.minimum, np.inf),
        most=extreme("most", np.maximum, -np.inf),
        score_sums=added("score_sums"),
    )


def windows(summary: Summary, every: Every) -> Iterator[tuple[str, str]]:
    """First day and day after the last of each window that has rows: calendar months, weeks from Monday, or days."""
    days = np.unique(summary.day)
    if every == "month":
        months = np.unique(days.astype("M8[M]"))
        for month in months:
            yield str(month.astype("M8[D]")), str((month + 1).astype("M8[D]"))
        return
    step = 7 if every == "week" else 1
    number = days.astype(np.int64)
    starts = np.unique(number - (number + 3) % 7) if every == "week" else number  # 1970-01-01 was a Thursday
    for day in starts:
        yield str(np.datetime64(int(day), "D")), str(np.datetime64(int(day) + step, "D"))
