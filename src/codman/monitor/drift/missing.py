"""Shares of rows on both sides: missing values, alerts, events; current minus reference, with an interval."""

from __future__ import annotations

from typing import Any

import numpy as np

from codman.evaluate.estimates import BoolArray, FloatArray, IntArray
from codman.evaluate.intervals import of_two, wilson
from codman.monitor.drift.clusters import kish, largest
from codman.monitor.drift.shift import Frame, Shift
from codman.monitor.drift.side import Side


def rate_difference(
    metric: str,
    yes: tuple[BoolArray, BoolArray],
    known: tuple[BoolArray, BoolArray] | None,
    frame: Frame,
    params: dict[str, Any] | None = None,
) -> Shift:
    """The current share minus the reference's.

    Args:
        metric: A word of the vocabulary, ending in `_difference`.
        yes: (nr,) and (nc,) rows that count.
        known: Rows that are judged; None: all.
        frame: The two sides.
        params: What else names it.

    Returns:
        −1 to 1, with MOVER's interval of two Wilson intervals, on effective rows where patients repeat.

    Source: Newcombe 1998, doi:10.1002/(SICI)1097-0258(19980430)17:8<873::AID-SIM779>3.0.CO;2-I; Zou & Donner 2008.
    """
    sides = (frame.reference, frame.current)
    kept = (None, None) if known is None else known
    counted = [_share(side, of, who) for side, of, who in zip(sides, yes, kept, strict=True)]
    (before, n_before, worth_before), (now, n_now, worth_now) = counted
    value = now - before
    lower, upper = of_two(now, wilson(now, worth_now), 1.0, before, wilson(before, worth_before), -1.0)(frame.level)
    clustered = any(side.clustered for side in sides)
    return Shift(
        metric=metric,
        value=value,
        lower=lower,
        upper=upper,
        n=(n_before, n_now),
        method="newcombe-wilson, effective n" if clustered else "newcombe-wilson",
        params=params or {},
        slice_params={"reference": before, "current": now},
    )


def _by_slice(side: Side, rows: BoolArray) -> FloatArray:
    """(S,) how many of these rows each slice has."""
    cells = side.slices.of_cell.shape[1]
    if cells == 1 or not rows.any():
        return np.full(side.slices.count, float(np.count_nonzero(rows)))
    return side.slices.totals(np.bincount(side.slices.cell[rows], minlength=cells).astype(np.float64))


def _share(side: Side, yes: BoolArray, known: BoolArray | None) -> tuple[FloatArray, IntArray, FloatArray]:
    """(S,) share, rows, and independent rows it is worth."""
    slices = side.slices
    n = side.rows.astype(np.float64) if known is None else _by_slice(side, known)
    positive = _by_slice(side, yes if known is None else yes & known)
    counts = np.stack([n - positive, positive], axis=1)
    effect = np.ones(slices.count)
    if side.clustered:
        bins = yes.astype(np.uint16)
        if known is not None:
            bins[~known] = 2
        for g, arranged in enumerate(side.arranged):
            members = slices.members(g)
            ordered = bins if arranged.order is None else bins[arranged.order]
            varies = (counts[members] > 0).all(axis=1)
            by_patient = largest(arranged, ordered, counts[members])
            effect[members] = np.where(varies, by_patient, kish(arranged, len(members)))
    with np.errstate(divide="ignore", invalid="ignore"):
        return counts[:, 1] / n, n.astype(np.int64), n / effect
