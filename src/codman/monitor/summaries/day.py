"""Summary: the counts of some days' rows, a line a day and cell; two on the same grid add up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from codman.evaluate.estimates import BoolArray, FloatArray, IntArray
from codman.evaluate.groups import CodeArray
from codman.monitor.kernels.library import count_bins, place
from codman.monitor.summaries.grid import LABELS, Grid, GridsDiffer

Counts = NDArray[np.uint32]  # half the room of whole longs; a window's sums are longs
SUMS: Final = 2  # of each column: of values and of their squares
SCORE_SUMS: Final = 4  # squared distance to the label, score, score of labelled rows, log loss


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """Some rows of one or several days, ready to be counted."""

    day: NDArray[np.datetime64]  # (n,) M8[D]
    columns: Mapping[str, FloatArray | CodeArray]  # numbers, NaN where missing; codes of the grid's levels
    by: Mapping[str, CodeArray]  # codes of the grid's levels; their number is for all others
    score: FloatArray | None = None  # (n,) NaN where missing
    label: BoolArray | None = None
    labelled: BoolArray | None = None
    subject: CodeArray | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """L lines, one a day and finest cell that has rows, in order of day and cell."""

    grid: Grid
    day: NDArray[np.datetime64]  # (L,) M8[D]
    cell: CodeArray  # (L,)
    counts: Counts  # (L, grid.width)
    rows: IntArray  # (L,)
    patients: IntArray  # (L,) distinct within the day and cell; of added ones the most: there are no fewer
    sums: FloatArray  # (L, columns, 2) of values and squares
    least: FloatArray  # (L, columns) smallest finite value; +inf where there is none
    most: FloatArray  # (L, columns)
    score_sums: FloatArray  # (L, 4)

    def __add__(self, other: Summary) -> Summary:
        """Both together, lines of the same day and cell made one.

        Raises:
            GridsDiffer: They were counted on different grids.
        """
        return add([self, other])

    def between(self, start: str, end: str) -> Summary:
        """The lines of days from `start`, before `end`."""
        kept = (self.day >= np.datetime64(start, "D")) & (self.day < np.datetime64(end, "D"))
        return _of_lines(self, np.flatnonzero(kept))


def summarise(grid: Grid, rows: Day) -> Summary:
    """Count rows once.

    Args:
        grid: Where.
        rows: What.
    """
    n = len(rows.day)
    cell = np.zeros(n, np.int64)
    for name, levels in grid.by:
        cell = cell * (len(levels) + 1) + np.minimum(rows.by[name], len(levels))
    day = rows.day.astype("M8[D]").astype(np.int64)
    lines, line = np.unique(day * grid.cells + cell, return_inverse=True)
    line = np.ascontiguousarray(line.reshape(-1), np.int32)
    count = len(lines)
    counts = np.zeros((count, grid.width), np.int64)
    sums = np.zeros((count, len(grid.columns), SUMS))
    least, most = np.full((count, len(grid.columns)), np.inf), np.full((count, len(grid.columns)), -np.inf)
    for c, column in enumerate(grid.columns):
        values = rows.columns[column.name]
        if column.numeric:
            numbers = np.ascontiguousarray(values, np.float64)
            bins = place(numbers, np.asarray(column.edges, np.float64), missing=column.bins)
            finite = np.isfinite(numbers)
            known, of = numbers[finite], line[finite]
            for k, weights in enumerate((known, known**2)):
                sums[:, c, k] = np.bincount(of, weights=weights, minlength=count)
            np.minimum.at(least[:, c], of, known)
            np.maximum.at(most[:, c], of, known)
        else:
            codes = np.asarray(values, np.int32)
            unseen = len(column.levels)
            bins = np.where(codes < 0, column.bins, np.minimum(codes, unseen)).astype(np.uint16)
        count_bins(bins, line, int(grid.first[c]), counts)
    score_sums = np.zeros((count, SCORE_SUMS))
    if grid.score and rows.score is not None:
        _count_score(grid, rows, line, counts, score_sums)
    total = np.bincount(line, minlength=count).astype(np.int64)
    return Summary(
        grid=grid,
        day=(lines // grid.cells).astype("M8[D]"),
        cell=(lines % grid.cells).astype(np.int32),
        counts=counts.astype(np.uint32),
        rows=total,
        patients=total if rows.subject is None else _distinct(line, rows.subject, count),
        sums=sums,
        least=least,
        most=most,
        score_sums=score_sums,
    )


def add(summaries: Sequence[Summary]) -> Summary:
    """All together; the order they come in does not matter, to the last bit of every count.

    Raises:
        GridsDiffer: They were counted on different grids.
    """
    grid = summaries[0].grid
    if any(one.grid != grid for one in summaries):
        raise GridsDiffer
    key = np.concatenate([one.day.astype(np.int64) * grid.cells + one.cell for one in summaries])
    lines, line = np.unique(key, return_inverse=True)
    if len(lines) == len(key):  # no line stands twice: put them in order, nothing to add
        order = np.argsort(key, kind="stable")
        together = _joined(summaries)
        return _of_lines(together, order)
    together = _joined(summaries)
    line = line.reshape(-1)
    order = np.argsort(line, kind="stable")
    begin = np.flatnonzero(np.append(True, np.diff(line[order]) != 0))
    return Summary(
        grid=grid,
        day=(lines // grid.cells).astype("M8[D]"),
        cell=(lines % grid.cells).astype(np.int32),
        counts=np.add.reduceat(together.counts[order], begin, axis=0, dtype=np.int64).astype(np.uint32),
        rows=np.add.reduceat(together.rows[order], begin),
        patients=np.maximum.reduceat(together.patients[order], begin),
        sums=np.add.reduceat(together.sums[order], begin, axis=0),
        least=np.minimum.reduceat(together.least[order], begin, axis=0),
        most=np.maximum.reduceat(together.most[order], begin, axis=0),
        score_sums=np.add.reduceat(together.score_sums[order], begin, axis=0),
    )


def _joined(summaries: Sequence[Summary]) -> Summary:
    parts = {
        name: np.concatenate([getattr(one, name) for one in summaries])
        for name in ("day", "cell", "counts", "rows", "patients", "sums", "least", "most", "score_sums")
    }
    return Summary(grid=summaries[0].grid, **parts)


def _of_lines(summary: Summary, lines: IntArray) -> Summary:
    parts = {
        name: getattr(summary, name)[lines]
        for name in ("day", "cell", "counts", "rows", "patients", "sums", "least", "most", "score_sums")
    }
    return Summary(grid=summary.grid, **parts)


def _count_score(grid: Grid, rows: Day, line: CodeArray, counts: IntArray, sums: FloatArray) -> None:
    assert rows.score is not None  # noqa: S101 (the caller looked)
    edges = grid.score_edges
    width = len(edges) + 2  # the last for a missing score
    bins = place(np.ascontiguousarray(rows.score, np.float64), edges, missing=width - 1)
    label = np.zeros(len(bins), np.uint16)
    if rows.label is not None:
        known = np.ones(len(bins), bool) if rows.labelled is None else rows.labelled
        label = np.where(known, 1 + rows.label, 0).astype(np.uint16)
    place_of = (label * width + bins).astype(np.uint16)
    count_bins(place_of, line, int(grid.first[len(grid.columns)]), counts)
    there = ~np.isnan(rows.score)
    judged = there & (label > 0)
    y = (label == LABELS - 1).astype(np.float64)
    s = np.where(there, rows.score, 0.0)
    inside = np.clip(s, 1e-12, 1 - 1e-12)
    loss = -(y * np.log(inside) + (1 - y) * np.log1p(-inside))
    for k, (weights, kept) in enumerate((((s - y) ** 2, judged), (s, there), (s, judged), (loss, judged))):
        sums[:, k] = np.bincount(line[kept], weights=weights[kept], minlength=len(sums))


def _distinct(line: CodeArray, subject: CodeArray, count: int) -> IntArray:
    pairs = np.unique(line.astype(np.int64) * (int(subject.max(initial=0)) + 1) + subject)
    return np.bincount(pairs // (int(subject.max(initial=0)) + 1), minlength=count).astype(np.int64)
