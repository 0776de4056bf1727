"""How much the model relies on each column: as its team says, or by how the score hangs together with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from codman.evaluate.estimates import FloatArray
from codman.monitor.drift.bins import decile_edges
from codman.monitor.drift.column import Pair
from codman.monitor.kernels.library import place

ASSOCIATION: Final = "association with the score"
GIVEN: Final = "given"
_SAMPLED: Final = 50_000


def reliance(
    pairs: Sequence[Pair], score: FloatArray | None, given: Mapping[str, float], aside: Sequence[str | None]
) -> tuple[dict[str, float], str]:
    """Each column's share of the whole, and where it comes from.

    Without a scorer a column cannot be shuffled to see what the score does, so its correlation ratio stands in: the
    share of the score's spread (in ranks) that lies between the column's deciles or categories, missing ones included.
    It overstates columns that only go along with one the model uses.

    Args:
        pairs: The columns.
        score: (nr,) the reference's score, NaN where missing; None where there is none.
        given: By column, what the model's team says; empty where nobody does.
        aside: Columns that are no features: the score, the label.

    Returns:
        Empty where there is neither a score nor anything given.

    Source: Pearson 1905 (the correlation ratio); Fisher, Rudin & Dominici 2019, JMLR 20:177, for what it stands in for.
    """
    features = [pair for pair in pairs if pair.name not in aside]
    if given:
        whole = sum(given.get(pair.name, 0.0) for pair in features)
        return {p.name: given.get(p.name, 0.0) / whole for p in features} if whole > 0 else {}, GIVEN
    if score is None:
        return {}, ASSOCIATION
    rows = np.flatnonzero(~np.isnan(score))
    rows = rows[:: max(len(rows) // _SAMPLED, 1)]
    if len(rows) < 2:
        return {}, ASSOCIATION
    rank = np.empty(len(rows))
    _, rank_of, ties = np.unique(score[rows], return_inverse=True, return_counts=True)
    rank = (np.cumsum(ties) - ties / 2)[rank_of]
    spread = float(rank.var())
    found = {pair.name: _ratio(pair, rows, rank, spread) for pair in features}
    whole = sum(found.values())
    return {name: share / whole for name, share in found.items()} if whole > 0 else {}, ASSOCIATION


def _ratio(pair: Pair, rows: np.ndarray, rank: FloatArray, spread: float) -> float:
    if spread <= 0:
        return 0.0
    if pair.numeric:
        values = np.asarray(pair.reference, np.float64)[rows]
        there = np.sort(values[~np.isnan(values)])
        bins = place(np.ascontiguousarray(values), decile_edges(there) if len(there) else np.empty(0), missing=10)
        of = bins.astype(np.int64)
    else:
        of = pair.reference[rows].astype(np.int64) + 1
    count = np.bincount(of).astype(np.float64)
    held = count > 0
    means = np.bincount(of, weights=rank)[held] / count[held]
    between = float((count[held] * (means - rank.mean()) ** 2).sum() / len(rows))
    free = (int(held.sum()) - 1) * spread / len(rows)  # what as many bins would take by chance
    return max(between - free, 0.0) / spread
