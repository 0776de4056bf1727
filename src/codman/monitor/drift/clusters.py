"""What rows of the same patients are worth: design effects of shares, by slice.

Rows of one patient resemble each other, so n rows tell less than n patients would. A share's design effect is its
variance by patient over its variance as if rows were independent; n over it is the effective number of rows.

Source: Kish 1965, Survey Sampling; Rao & Scott 1981, doi:10.1080/01621459.1981.10477633.
"""

from __future__ import annotations

import numpy as np

from codman.evaluate.estimates import FloatArray
from codman.monitor.drift.side import Arranged
from codman.monitor.kernels.library import Bins, patient_bins


def largest(arranged: Arranged, bins: Bins, counts: FloatArray) -> FloatArray:
    """The largest design effect among cumulative shares: what a test of the whole distribution must allow for.

    Args:
        arranged: The rows of one grouping.
        bins: (n,) bin of each row in that order; the number of bins where missing.
        counts: (members, bins) rows of each bin.

    Returns:
        (members,) 1 or more.
    """
    effects, spread = _effects(arranged, bins, counts, cumulative=True)
    found: FloatArray = np.maximum(np.where(spread > 0, effects, 0.0).max(axis=1, initial=0.0), 1.0)
    return found


def mean(arranged: Arranged, bins: Bins, counts: FloatArray) -> FloatArray:
    """(members,) mean design effect of the shares, as Rao & Scott weigh it, 1 or more; arguments as `largest`."""
    effects, spread = _effects(arranged, bins, counts, cumulative=False)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = counts / counts.sum(axis=1, keepdims=True)
        free = (counts > 0).sum(axis=1) - 1
        weighed = np.where(spread > 0, (1 - share) * effects, 0.0).sum(axis=1) / free
    found: FloatArray = np.maximum(np.nan_to_num(weighed, nan=1.0, posinf=1.0), 1.0)
    return found


def kish(arranged: Arranged, members: int) -> FloatArray:
    """(members,) rows over the effective number of patients: what a row is worth where nothing varies."""
    if arranged.run is None or arranged.slice_of_run is None:
        return np.ones(members)
    sizes = np.diff(arranged.run).astype(np.float64)
    squares = np.bincount(arranged.slice_of_run, weights=sizes**2, minlength=members)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.maximum(np.nan_to_num(squares / np.diff(arranged.edges), nan=1.0), 1.0)


def _effects(arranged: Arranged, bins: Bins, counts: FloatArray, *, cumulative: bool) -> tuple[FloatArray, FloatArray]:
    """(members, bins) design effect of each share, and the share's own variance: where that is 0, there is none."""
    members, width = counts.shape
    if arranged.run is None or arranged.slice_of_run is None:
        return np.ones((members, width)), np.zeros((members, width))
    sums = patient_bins(arranged.run, arranged.slice_of_run, bins, width, members, cumulative=cumulative)
    squares, products, sizes = sums[:, :width], sums[:, width : 2 * width], sums[:, -1:]
    patients = np.bincount(arranged.slice_of_run, minlength=members)[:, None].astype(np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        rows = counts.sum(axis=1, keepdims=True)
        share = (np.cumsum(counts, axis=1) if cumulative else counts) / rows
        spread = np.maximum(share * (1 - share), 0.0) / rows
        by_patient = np.maximum(squares - 2 * share * products + share**2 * sizes, 0.0) / rows**2
        by_patient = by_patient * patients / (patients - 1)
        effects = by_patient / spread
    spread = np.where(spread > 1e-12, spread, 0.0)
    return np.nan_to_num(effects, nan=1.0, posinf=1.0), spread
