"""Limits of a share or a rate from the binomial or Poisson distribution itself, where a normal's would mislead."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np

from codman.evaluate.estimates import FloatArray, IntArray

_SPAN = 40  # standard deviations either side of the mean that can hold a tail worth drawing


def binomial_limits(
    share: FloatArray, n: FloatArray, tail: float, *, smooth: bool = False
) -> tuple[FloatArray, FloatArray]:
    """(n,) lower and upper limits of an observed share: what lies beyond one has a chance of at most `tail`.

    `smooth` draws them between counts, as a funnel has them; then what lies beyond is a little likelier.

    Source: Spiegelhalter 2005, doi:10.1002/sim.1970, appendix A.1.1.
    """
    ends = [_ends(round(size), float(p), tail, smooth=smooth) for p, size in zip(share, n, strict=True)]
    return np.array([low for low, _ in ends]), np.array([high for _, high in ends])


def poisson_limits(
    rate: FloatArray, exposure: FloatArray, tail: float, *, smooth: bool = False
) -> tuple[FloatArray, FloatArray]:
    """(n,) lower and upper limits of an observed rate: what lies beyond one has a chance of at most `tail`.

    `smooth` draws them between counts, as a funnel has them; then what lies beyond is a little likelier.

    Source: Spiegelhalter 2005, doi:10.1002/sim.1970, appendix A.1.1.
    """
    ends = [_poisson_ends(float(u), float(size), tail, smooth=smooth) for u, size in zip(rate, exposure, strict=True)]
    return np.array([low for low, _ in ends]), np.array([high for _, high in ends])


@lru_cache(maxsize=4096)
def _ends(n: int, p: float, tail: float, *, smooth: bool) -> tuple[float, float]:
    if n == 0 or not math.isfinite(p):
        return math.nan, math.nan
    if p <= 0 or p >= 1:
        return p, p
    reach = _SPAN * math.sqrt(n * p * (1 - p)) + 10
    k = np.arange(max(0, math.floor(n * p - reach)), min(n, math.ceil(n * p + reach)) + 1)
    log_choose = np.array([math.lgamma(n + 1) - math.lgamma(x + 1) - math.lgamma(n - x + 1) for x in k])
    low, high = _quantiles(k, np.exp(log_choose + k * math.log(p) + (n - k) * math.log1p(-p)), tail, smooth=smooth)
    return max(low / n, 0.0), min(high / n, 1.0)


@lru_cache(maxsize=4096)
def _poisson_ends(rate: float, exposure: float, tail: float, *, smooth: bool) -> tuple[float, float]:
    if exposure <= 0 or not math.isfinite(rate):
        return math.nan, math.nan
    if rate <= 0:
        return 0.0, 0.0
    mean = rate * exposure
    reach = _SPAN * math.sqrt(mean) + 10
    k = np.arange(max(0, math.floor(mean - reach)), math.ceil(mean + reach) + 1)
    log_factorial = np.array([math.lgamma(x + 1) for x in k])
    low, high = _quantiles(k, np.exp(k * math.log(mean) - mean - log_factorial), tail, smooth=smooth)
    return max(low / exposure, 0.0), high / exposure


def _quantiles(k: IntArray, chance: FloatArray, tail: float, *, smooth: bool) -> tuple[float, float]:
    """The counts beyond which lies at most `tail`, or between each and the next inner one where the tail is exact."""
    under = np.cumsum(chance) - chance  # P(K < k)
    over = np.cumsum(chance[::-1])[::-1] - chance  # P(K > k), from the top, or the upper tail drowns in 1
    low = int(np.flatnonzero(under <= tail)[-1])
    high = int(np.flatnonzero(over <= tail)[0])
    if not smooth:
        return float(k[low]), float(k[high])
    return (
        float(k[low] - 1 + (tail - under[low]) / chance[low]),
        float(k[high] - (tail - over[high]) / chance[high]),
    )
