"""Jensen–Shannon distance: the root of the divergence from the middle, base 2."""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from codman.evaluate.estimates import FloatArray
from codman.monitor.drift.bins import distance_ends

_NEAR_NOUGHT: Final = 8 * math.log(2)  # the divergence times this is a chi-square's squared distance


def js_distance(reference: FloatArray, current: FloatArray) -> FloatArray:
    """Distance between two sets of shares: 0 where they are the same, 1 where they have nothing in common.

    Args:
        reference: (..., K) shares of each bin or category, summing to 1.
        current: (..., K) the same of the current rows.

    Source: Endres & Schindelin 2003, doi:10.1109/TIT.2003.813506.
    """
    return np.sqrt(_divergence(reference, current))


def js_ends(
    reference: FloatArray, current: FloatArray, n: tuple[FloatArray, FloatArray], level: float
) -> tuple[FloatArray, FloatArray]:
    """Interval of the distance; n: (...,) independent rows of the reference and of the current rows."""
    middle = (reference + current) / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        slope = tuple(
            np.where(share > 0, np.log2(share / middle) / 2, 0.0) * _NEAR_NOUGHT for share in (reference, current)
        )
    square = _divergence(reference, current) * _NEAR_NOUGHT
    lower, upper = distance_ends(square, (slope[0], slope[1]), (reference, current), n, level)
    return np.sqrt(lower / _NEAR_NOUGHT), np.minimum(np.sqrt(upper / _NEAR_NOUGHT), 1.0)


def _divergence(reference: FloatArray, current: FloatArray) -> FloatArray:
    middle = (reference + current) / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        parts = [np.where(share > 0, share * np.log2(share / middle), 0.0) for share in (reference, current)]
    found: FloatArray = np.clip((parts[0] + parts[1]).sum(axis=-1) / 2, 0.0, 1.0)
    return np.where(np.isnan(middle.sum(axis=-1)), np.nan, found)
