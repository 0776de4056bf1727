"""Grid: where a day's values are counted, decided once from the reference.

Two summaries add up only on the same grid, so its digest goes with every one of them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np

from codman.errors import BadInput
from codman.evaluate.estimates import FloatArray, IntArray
from codman.monitor.drift.bins import DECILES, interpolated
from codman.monitor.drift.column import Pair

VERSION: Final = 1
STEPS: Final = 100  # quantiles a numeric column is counted between: every tenth is a decile, so PSI and JS stay exact
SCORE_BINS: Final = 1024
_CENTILES: Final = np.linspace(0, 1, STEPS + 1)
_REACH: Final = 12.0  # log odds from which on a score is in the first or last bin
LABELS: Final = 3  # none, no event, event


class GridsDiffer(BadInput):
    """Summaries counted on different grids do not add up."""

    def __init__(self) -> None:
        super().__init__(
            what="these summaries cannot be added",
            why="they were counted on different grids",
            fix="count the days again on one grid, the one of the reference they are held against",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """How one column is counted."""

    name: str
    edges: tuple[float, ...] = ()  # of numbers: bins [a, b), the first and the last open
    levels: tuple[str, ...] = ()  # of categories: the reference's; what is unseen has one bin for all
    deciles: tuple[int, ...] = ()  # of numbers: which edges are the reference's deciles

    @property
    def numeric(self) -> bool:
        """Whether it is counted as numbers."""
        return not self.levels

    @property
    def bins(self) -> int:
        """Bins of values: those between edges, or the levels and one for unseen ones."""
        return len(self.edges) + 1 if self.numeric else len(self.levels) + 1

    @property
    def width(self) -> int:
        """Places it takes: its bins and one for missing."""
        return self.bins + 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """Where everything is counted."""

    columns: tuple[Column, ...]
    by: tuple[tuple[str, tuple[str, ...]], ...] = ()  # grouping columns and their levels; the last is for all others
    thresholds: tuple[float, ...] = ()  # of the score: edges of the grid, so that rates at them are exact
    score: bool = False

    @property
    def cells(self) -> int:
        """Finest groups: every combination of levels."""
        count = 1
        for _, levels in self.by:
            count *= len(levels) + 1
        return count

    @property
    def score_edges(self) -> FloatArray:
        """(1023 + thresholds,) where the score's bins begin: even in log odds, and at each threshold."""
        logits = np.linspace(-_REACH, _REACH, SCORE_BINS - 1)
        return np.unique(np.concatenate([1 / (1 + np.exp(-logits)), np.asarray(self.thresholds, np.float64)]))

    @property
    def first(self) -> IntArray:
        """(columns + 2,) where each column's counts begin, then the score's, then the end."""
        widths = [column.width for column in self.columns]
        score = LABELS * (len(self.score_edges) + 2) if self.score else 0
        return np.concatenate([[0], np.cumsum([*widths, score])]).astype(np.int64)

    @property
    def width(self) -> int:
        """Counts a cell keeps."""
        return int(self.first[-1])

    def as_json(self) -> str:
        """The grid as text: the same grid, the same text."""
        return json.dumps({"version": VERSION, **asdict(self)}, sort_keys=True, separators=(",", ":"))

    @property
    def digest(self) -> str:
        """sha256 of that text."""
        return hashlib.sha256(self.as_json().encode()).hexdigest()


def grid_of(text: str) -> Grid:
    """The grid that `as_json` wrote.

    Raises:
        BadInput: It is of another version, or no grid.
    """
    try:
        said: dict[str, Any] = json.loads(text)
        if said.pop("version") != VERSION:
            raise ValueError
        columns = tuple(
            Column(name=c["name"], edges=tuple(c["edges"]), levels=tuple(c["levels"]), deciles=tuple(c["deciles"]))
            for c in said["columns"]
        )
        by = tuple((name, tuple(levels)) for name, levels in said["by"])
        return Grid(columns=columns, by=by, thresholds=tuple(said["thresholds"]), score=bool(said["score"]))
    except (ValueError, KeyError, TypeError):
        raise BadInput(
            what="the summaries' grid cannot be read",
            why=f"it is not of version {VERSION}",
            fix="count the days again with this version of Codman",
        ) from None


def make_grid(
    reference: Sequence[Pair],
    *,
    by: Mapping[str, Sequence[str]] | None = None,
    thresholds: Sequence[float] = (),
    score: bool = False,
) -> Grid:
    """Decide from the reference where everything is counted.

    Args:
        reference: Columns as monitor/drift reads them; only their reference is looked at.
        by: Grouping columns and their levels.
        thresholds: Scores at which rates must be exact.
        score: Whether a score, and its label where known, are counted too.
    """
    return Grid(
        columns=tuple(_column(pair) for pair in reference),
        by=tuple((name, tuple(levels)) for name, levels in (by or {}).items()),
        thresholds=tuple(sorted(set(thresholds))),
        score=score,
    )


def _column(pair: Pair) -> Column:
    if not pair.numeric:
        return Column(name=pair.name, levels=pair.levels[: pair.known] or ("(none)",))
    values = np.asarray(pair.reference, np.float64)
    there = np.sort(values[~np.isnan(values)])
    return numeric_column(pair.name, len(there), lambda places: there[places])


def numeric_column(name: str, n: int, value_at: Callable[[IntArray], FloatArray]) -> Column:
    """How a column of numbers is counted.

    Args:
        name: The column.
        n: How many values the reference has.
        value_at: The values at these places, were they sorted.
    """
    if n == 0:
        return Column(name=name)
    found = interpolated(n, _CENTILES, value_at)
    deciles = np.unique(interpolated(n, DECILES, value_at))[1:-1]
    deciles = deciles[np.isfinite(deciles)]
    edges = np.unique(np.concatenate([found[1:-1], deciles]))
    edges = edges[np.isfinite(edges)] + 0.0  # no negative nought: it would be another grid's text
    return Column(
        name=name,
        edges=tuple(edges.tolist()),
        deciles=tuple(np.searchsorted(edges, deciles).tolist()),
    )


def places_of_edges(n: int) -> IntArray:
    """Which of n sorted values the edges of a column are made of, in order."""
    asked: list[IntArray] = []

    def none(places: IntArray) -> FloatArray:
        asked.append(places)
        return np.zeros(len(places))

    for shares in (_CENTILES, DECILES):
        interpolated(n, shares, none)
    return np.unique(np.concatenate(asked))
