"""PSI: the population stability index."""

from __future__ import annotations

from typing import Final

import numpy as np

from codman.evaluate.estimates import FloatArray
from codman.monitor.drift.bins import distance_ends

LEAST_SHARE: Final = 1e-4  # an empty bin would make it infinite


def psi(reference: FloatArray, current: FloatArray) -> FloatArray:
    """How far shares have moved, each move weighted by the logarithm of its ratio.

    Args:
        reference: (..., K) shares of each bin or category, summing to 1.
        current: (..., K) the same of the current rows.

    Returns:
        (...,) 0 where nothing moved; no upper end. Shares are clipped at 1e-4; natural logarithm.

    Source: Siddiqi 2006, Credit Risk Scorecards, chapter 8.
    """
    p, q = np.maximum(reference, LEAST_SHARE), np.maximum(current, LEAST_SHARE)
    return ((q - p) * np.log(q / p)).sum(axis=-1)  # type: ignore[no-any-return]


def psi_ends(
    reference: FloatArray, current: FloatArray, n: tuple[FloatArray, FloatArray], level: float
) -> tuple[FloatArray, FloatArray]:
    """Interval of the index; n: (...,) independent rows of the reference and of the current rows."""
    p, q = np.maximum(reference, LEAST_SHARE), np.maximum(current, LEAST_SHARE)
    slope = (np.log(p / q) + 1 - q / p, np.log(q / p) + 1 - p / q)
    return distance_ends(psi(reference, current), slope, (reference, current), n, level)
