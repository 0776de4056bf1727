"""Bins that PSI, Jensen–Shannon and Hellinger share: the reference's deciles, or the categories.

An interval of each stands here too, because the three are one distance near nought: a chi-square's.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np

from codman.evaluate.distributions import z_of_level
from codman.evaluate.estimates import FloatArray, IntArray

DECILES: Final = np.linspace(0, 1, 11)


def decile_edges(ascending: FloatArray) -> FloatArray:
    """The inner edges between the reference's deciles: linear quantiles, unique, the ends open.

    Args:
        ascending: (n,) the reference's values, sorted, no NaN, at least one.

    Returns:
        At most 9 edges; none where the deciles are all one value.
    """
    inner = np.unique(quantiles(ascending, DECILES))[1:-1]
    return np.ascontiguousarray(inner[np.isfinite(inner)])


def quantiles(ascending: FloatArray, shares: FloatArray) -> FloatArray:
    """Linear quantiles of sorted values, to the bit what numpy's quantile gives; NaN beside an infinite value."""
    return interpolated(len(ascending), shares, lambda places: ascending[places])


def interpolated(n: int, shares: FloatArray, value_at: Callable[[IntArray], FloatArray]) -> FloatArray:
    """The same of n values that are known only at some places.

    Args:
        n: How many values there are, at least one.
        shares: (k,) 0 to 1.
        value_at: The values at these places, from 0, were they sorted.
    """
    at = (n - 1) * shares
    below = np.floor(at).astype(np.int64)
    part = at - below
    with np.errstate(invalid="ignore"):
        low, high = value_at(below), value_at(np.minimum(below + 1, n - 1))
        step = high - low
        found: FloatArray = np.where(part < 0.5, low + step * part, high - step * (1 - part))
    return found


def counts_between(ascending: FloatArray, edges: FloatArray) -> FloatArray:
    """(edges + 1,) rows in each bin [a, b) of sorted values; the first and the last are open."""
    below = np.searchsorted(ascending, edges, side="left")
    counts: FloatArray = np.diff(np.concatenate([[0], below, [len(ascending)]])).astype(np.float64)
    return counts


def shares(counts: FloatArray) -> FloatArray:
    """Counts as shares of their sum, along the last axis; NaN where there is none."""
    with np.errstate(invalid="ignore", divide="ignore"):
        share: FloatArray = counts / counts.sum(axis=-1, keepdims=True)
    return share


def distance_ends(
    square: FloatArray,
    slope: tuple[FloatArray, FloatArray],
    of: tuple[FloatArray, FloatArray],
    n: tuple[FloatArray, FloatArray],
    level: float,
) -> tuple[FloatArray, FloatArray]:
    """Interval of a squared distance between two sets of shares, scaled to be a chi-square's near nought.

    Wide enough for both of two things: that it is drawn upward by chance (a noncentral chi-square, its normal interval
    inverted), and that far from nought each share has its own variance (delta method on the multinomials). Sides that
    are more alike than chance makes them get the upper end of what chance makes on average: never an interval of
    no width, which would say that a handful of rows has shown there is no shift.

    Args:
        square: (...,) the distance, about the sum of (p − q)²/p where p and q are close.
        slope: (..., K) what it changes by with each share of the reference, and of the current rows.
        of: (..., K) the shares.
        n: (...,) how many independent rows each rests on.
        level: Of the interval.

    Returns:
        Lower and upper end, 0 or more; NaN where there are fewer than two bins.
    """
    z = z_of_level(level)
    with np.errstate(invalid="ignore", divide="ignore"):
        together = n[0] * n[1] / (n[0] + n[1])
        free = ((of[0] + of[1]) > 0).sum(axis=-1) - 1.0
        over = square * together - free
        lower, upper = (
            (beyond + 2 * z**2 + side * z * np.sqrt(np.maximum(4 * beyond + 4 * z**2 + 2 * free, 0.0))) / together
            for side, beyond in ((-1, over), (1, np.maximum(over, 0.0)))
        )
        variance = np.zeros_like(square)
        for gradient, share, rows in zip(slope, of, n, strict=True):
            mean = (gradient * share).sum(axis=-1)
            variance = variance + np.maximum((gradient**2 * share).sum(axis=-1) - mean**2, 0.0) / rows
        middle, half = square - free / together, z * np.sqrt(variance)
    low, high = np.maximum(np.minimum(lower, middle - half), 0.0), np.maximum(upper, middle + half)
    nothing = ~(free >= 1) | ~np.isfinite(square)
    return np.where(nothing, np.nan, low), np.where(nothing, np.nan, np.maximum(high, 0.0))
