"""KS: the largest gap between two distribution functions."""

from __future__ import annotations

import numpy as np

from codman.evaluate.estimates import FloatArray
from codman.monitor.drift.kolmogorov import kolmogorov_quantile, kolmogorov_sf
from codman.monitor.kernels.library import two_samples


def ks(reference: FloatArray, current: FloatArray) -> float:
    """The largest gap between the distribution functions of two samples, ties taken as blocks.

    Args:
        reference: (m,) numbers, no NaN, at least one; infinities count as the largest or smallest.
        current: (n,) the same.

    Returns:
        0 to 1.

    Source: Smirnov 1939.
    """
    return two_samples(np.sort(np.asarray(reference, np.float64)), np.sort(np.asarray(current, np.float64)))[0]


def ks_p(distance: float, reference: float, current: float) -> float:
    """Two-sided asymptotic p value; the counts are of independent rows."""
    together = round(reference * current / (reference + current))
    return kolmogorov_sf(distance, max(together, 1))


def ks_ends(distance: float, reference: float, current: float, level: float) -> tuple[float, float]:
    """Interval from the band that holds both distribution functions everywhere at once: honest about the search for
    the largest gap, and wider than its level for it.
    """
    reach = kolmogorov_quantile(level) * np.sqrt(1 / reference + 1 / current)
    return max(distance - reach, 0.0), min(distance + reach, 1.0)
