"""A column of categories: chi-square, PSI, Jensen–Shannon and Hellinger on every slice."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from codman.evaluate.estimates import FloatArray
from codman.monitor.drift.chi2 import FEWEST_EXPECTED, chi2, chi2_p
from codman.monitor.drift.clusters import mean
from codman.monitor.drift.column import Pair
from codman.monitor.drift.numbers import of_shares
from codman.monitor.drift.shift import Frame, Shift

_ONE = "there is one category in both: nothing to compare"
_FEW = "a category is expected in fewer than 5 rows: the p value is rough"


def counts_of(pair: Pair, frame: Frame) -> FloatArray:
    """(2, S, K) rows of each category, missing ones left out."""
    count, width = frame.current.slices.count, max(len(pair.levels), 1)
    found = np.zeros((2, count, width))
    for which, (side, code) in enumerate(((frame.reference, pair.reference), (frame.current, pair.current))):
        cells = side.slices.of_cell.shape[1]
        place = code + np.int32(1)  # missing ones first, and left out
        if cells > 1:
            place = side.slices.cell.astype(np.int64) * (width + 1) + place
        counts = np.bincount(place, minlength=cells * (width + 1)).reshape(cells, width + 1)
        found[which] = side.slices.totals(counts[:, 1:].astype(np.float64))
    return found


def shifts(pair: Pair, counts: FloatArray, frame: Frame) -> Iterator[Shift]:
    """Every statistic of a column of categories.

    Args:
        pair: The column.
        counts: What `counts_of` gave.
        frame: The two sides.
    """
    rows = counts.sum(axis=2).astype(np.int64)
    n = (rows[0], rows[1])
    effect = _effects(pair, counts, frame)
    square, free, fewest = chi2(counts[0], counts[1])
    with np.errstate(divide="ignore", invalid="ignore"):
        # each side's share of the variance of the difference, under no change
        joint = (effect[0] / rows[0] + effect[1] / rows[1]) / (1 / rows[0] + 1 / rows[1])
        worth = rows / effect
        unseen = counts[1, :, pair.known :].sum(axis=1) / rows[1]
    vanished = ((counts[0] > 0) & (counts[1] == 0)).sum(axis=1)
    new = ((counts[0] == 0) & (counts[1] > 0)).sum(axis=1)
    p = np.array([chi2_p(*x) if np.isfinite(x[0]) else np.nan for x in zip(square, free, joint, strict=True)])
    clustered = frame.reference.clustered or frame.current.clustered
    notes = {int(s): _FEW for s in np.flatnonzero(np.isfinite(square) & (fewest < FEWEST_EXPECTED))}
    notes |= {int(s): _ONE for s in np.flatnonzero(~np.isfinite(square) & (rows > 0).all(axis=0))}
    yield Shift(
        metric="chi2",
        value=square,
        p_value=p,
        n=n,
        method="pearson, rao-scott" if clustered else "pearson",
        notes=notes,
        slice_params={
            "degrees_of_freedom": free,
            "unseen_rate": unseen,
            "unseen_levels": np.where(rows[1] > 0, new, np.nan),
            "vanished_levels": np.where(rows[1] > 0, vanished, np.nan),
            **({"design_effect": joint} if clustered else {}),
        },
    )
    yield from of_shares(counts, (worth[0], worth[1]), n, frame, "categories")


def _effects(pair: Pair, counts: FloatArray, frame: Frame) -> Any:
    """(2, S) mean design effects."""
    found = np.ones((2, frame.current.slices.count))
    width = counts.shape[2]
    for which, (side, code) in enumerate(((frame.reference, pair.reference), (frame.current, pair.current))):
        if not side.clustered:
            continue
        bins = np.where(code < 0, width, code).astype(np.uint16)
        for g, arranged in enumerate(side.arranged):
            members = side.slices.members(g)
            ordered = bins if arranged.order is None else bins[arranged.order]
            found[which, members] = mean(arranged, ordered, counts[which, members])
    return found
