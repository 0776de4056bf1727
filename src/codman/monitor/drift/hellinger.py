"""Hellinger distance: between the roots of shares."""

from __future__ import annotations

import numpy as np

from codman.evaluate.estimates import FloatArray
from codman.monitor.drift.bins import distance_ends


def hellinger(reference: FloatArray, current: FloatArray) -> FloatArray:
    """Distance between two sets of shares: 0 where they are the same, 1 where they have nothing in common.

    Args:
        reference: (..., K) shares of each bin or category, summing to 1.
        current: (..., K) the same of the current rows.

    Source: Hellinger 1909, doi:10.1515/crll.1909.136.210.
    """
    found: FloatArray = np.sqrt(((np.sqrt(reference) - np.sqrt(current)) ** 2).sum(axis=-1) / 2)
    return np.minimum(found, 1.0)


def hellinger_ends(
    reference: FloatArray, current: FloatArray, n: tuple[FloatArray, FloatArray], level: float
) -> tuple[FloatArray, FloatArray]:
    """Interval of the distance; n: (...,) independent rows of the reference and of the current rows."""
    with np.errstate(divide="ignore", invalid="ignore"):
        slope = (
            np.where(reference > 0, 4 * (1 - np.sqrt(current / reference)), 0.0),
            np.where(current > 0, 4 * (1 - np.sqrt(reference / current)), 0.0),
        )
    lower, upper = distance_ends(8 * hellinger(reference, current) ** 2, slope, (reference, current), n, level)
    return np.sqrt(lower / 8), np.minimum(np.sqrt(upper / 8), 1.0)
