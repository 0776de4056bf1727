"""Limits of a share or a rate from the binomial or Poisson distribution itself, where a normal's would mislead."""

from __future__ import annotations

import math

import numpy as np

from codman.evaluate.estimates import FloatArray, IntArray

_SPAN = 40  # standard deviations either side of the mean that can hold a tail worth drawing


def binomial_limits(share: FloatArray, n: FloatArray, tail: float) -> tuple[FloatArray, FloatArray]:
    """(n,) lower and upper limits of an observed share, each cutting off `tail`, interpolated between counts.

    Source: Spiegelhalter 2005, doi:10.1002/sim.1970, appendix A.1.1.
    """
    ends = [_ends(round(size), float(p), tail) for p, size in zip(share, n, strict=True)]
    return np.array([low for low, _ in ends]), np.array([high for _, high in ends])


def poisson_limits(rate: FloatArray, exposure: FloatArray, tail: float) -> tuple[FloatArray, FloatArray]:
    """(n,) lower and upper limits of an observed rate, each cutting off `tail`, interpolated between counts.

    Source: Spiegelhalter 2005, doi:10.1002/sim.1970, appendix A.1.1.
    """
    ends = [_poisson_ends(float(u), float(size), tail) for u, size in zip(rate, exposure, strict=True)]
    return np.array([low for low, _ in ends]), np.array([high for _, high in ends])


def _ends(n: int, p: float, tail: float) -> tuple[float, float]:
    if n == 0 or not math.isfinite(p):
        return math.nan, math.nan
    if p <= 0 or p >= 1:
        return p, p
    reach = _SPAN * math.sqrt(n * p * (1 - p)) + 10
    k = np.arange(max(0, math.floor(n * p - reach)), min(n, math.ceil(n * p + reach)) + 1)
    log_choose = np.array([math.lgamma(n + 1) - math.lgamma(x + 1) - math.lgamma(n - x + 1) for x in k])
    low, high = _quantiles(k, np.exp(log_choose + k * math.log(p) + (n - k) * math.log1p(-p)), tail)
    return max(low / n, 0.0), min(high / n, 1.0)


def _poisson_ends(rate: float, exposure: float, tail: float) -> tuple[float, float]:
    if exposure <= 0 or not math.isfinite(rate):
        return math.nan, math.nan
    if rate <= 0:
        return 0.0, 0.0
    mean = rate * exposure
    reach = _SPAN * math.sqrt(mean) + 10
    k = np.arange(max(0, math.floor(mean - reach)), math.ceil(mean + reach) + 1)
    log_factorial = np.array([math.lgamma(x + 1) for x in k])
    low, high = _quantiles(k, np.exp(k * math.log(mean) - mean - log_factorial), tail)
    return max(low / exposure, 0.0), high / exposure


def _quantiles(k: IntArray, chance: FloatArray, tail: float) -> tuple[float, float]:
    """Quantiles of a count at `tail` and 1 − `tail`, between the two counts whose chances straddle it."""
    below = np.cumsum(chance)
    above = np.cumsum(chance[::-1])[::-1]  # from the top, or the upper tail drowns in 1
    r = int(np.searchsorted(below, tail))
    low = k[r] - (below[r] - tail) / chance[r]
    # the smallest r with P(K > r) <= tail
    over = np.append(above[1:], 0.0)
    s = int(np.argmax(over <= tail))
    high = k[s] - (tail - over[s]) / chance[s]
    return float(low), float(high)
