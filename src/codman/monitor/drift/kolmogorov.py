"""The distribution of Kolmogorov's distance between a sample of n and the truth.

Two samples of m and n are asymptotically one of mn/(m+n), rounded; scipy's asymptotic p value is this one, and the
tests hold it to 1e-9. Which formula serves where: Simard & L'Ecuyer 2011, doi:10.18637/jss.v039.i11.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Final

import numpy as np

from codman.evaluate.estimates import FloatArray

_SMALL: Final = 140  # samples up to which exact formulas are cheap
_TERMS: Final = 2048  # of Smirnov's sum that are added up; a longer one is smooth enough to take every s-th
_EXACT_UP_TO: Final = 100_000
_SERIES: Final = 40  # terms, the last far below a double's precision


@lru_cache(maxsize=4096)
def kolmogorov_sf(distance: float, n: int) -> float:
    """Chance that a sample's distribution function strays further than `distance` from the truth.

    Args:
        distance: 0 to 1.
        n: Rows, at least 1.
    """
    if distance >= 1:
        return 0.0
    reach = n * distance
    if reach <= 0.5:
        return 1.0
    if reach <= 1:  # Ruben & Gambino 1982
        return 1 - math.exp(math.lgamma(n + 1) + n * math.log((2 * reach - 1) / n))
    if reach >= n - 1:
        return 2 * (1 - distance) ** n
    square = reach * distance
    if square >= 370:
        return 0.0
    if distance >= 0.5 or square >= (4 if n <= _SMALL else 2.2):
        return min(2 * _smirnov_sf(distance, n), 1.0)
    if n <= _SMALL or (n <= _EXACT_UP_TO and n * distance**1.5 <= 1.4):
        cdf = _durbin(distance, n)
    else:
        cdf = _pelz_good(distance, n)
    return min(max(1 - cdf, 0.0), 1.0)


@lru_cache(maxsize=64)
def kolmogorov_quantile(level: float) -> float:
    """What sqrt(n) times the distance stays below with this chance, as n grows: 1.358 at 0.95."""
    low, high = 0.1, 10.0
    for _ in range(100):
        middle = (low + high) / 2
        tail = 2 * sum((-1) ** (k - 1) * math.exp(-2 * (k * middle) ** 2) for k in range(1, 200))
        low, high = (middle, high) if 1 - tail < level else (low, middle)
    return (low + high) / 2


def kolmogorov_limit(reach: FloatArray) -> FloatArray:
    """(...,) chance that sqrt(n) times the distance goes beyond, as n grows: what is left of a tail when n is large."""
    k = np.arange(1.0, 101.0)
    z = np.maximum(np.asarray(reach, np.float64), 0.05)[..., None]  # below it the chance is 1 to a double's precision
    found: FloatArray = np.clip(
        2 * (np.where(k % 2 == 1, 1.0, -1.0) * np.exp(-2 * (k * z) ** 2)).sum(axis=-1), 0.0, 1.0
    )
    return np.where(np.isnan(reach), np.nan, found)


def _smirnov_sf(distance: float, n: int) -> float:
    """The one-sided distance's tail. Its terms are smooth in j and vanish at both ends, so every s-th of them, s times,
    is the sum to a double's precision. Source: Birnbaum & Tingey 1951, doi:10.1214/aoms/1177729550.
    """
    if n <= _TERMS:
        j = np.arange(0, math.floor(n * (1 - distance)) + 1, dtype=np.float64)
        j = j[1 - distance - j / n > 0]
        choose = math.lgamma(n + 1) - np.array([math.lgamma(k + 1) + math.lgamma(n - k + 1) for k in j.tolist()])
        exact = choose + j * np.log(distance + j / n) + (n - j) * np.log(1 - distance - j / n)
        return float(distance * (np.exp(exact) / (distance + j / n)).sum())
    stride = n / _TERMS
    j = np.arange(1.0, _TERMS) * stride
    j = j[j < n * (1 - distance)]
    rest = n - j
    moved: FloatArray = j * np.log1p(n * distance / j) + rest * np.log1p(-n * distance / rest)
    stirling = (1 / n - 1 / j - 1 / rest) / 12 - 0.5 * np.log(2 * math.pi * j * rest / n)  # no large sums cancel
    logs = moved + stirling
    return float(distance * stride * (np.exp(logs) / (distance + j / n)).sum())


def _durbin(distance: float, n: int) -> float:
    """Exact, by the n-th power of a matrix. Source: Marsaglia, Tsang & Wang 2003, doi:10.18637/jss.v008.i18."""
    reach = n * distance
    k = math.floor(reach) + 1
    size, over = 2 * k - 1, k - reach
    row, column = np.indices((size, size))
    steps = row - column + 1
    h = np.where(steps < 0, 0.0, 1.0)
    powers = over ** np.arange(1, size + 1)
    h[:, 0] -= powers
    h[-1, :] -= powers[::-1]
    h[-1, 0] += max(2 * over - 1, 0.0) ** size
    factorial = np.concatenate([[1.0], np.cumprod(np.arange(1.0, size + 1))])
    h /= factorial[np.maximum(steps, 0)]
    power, scale = np.eye(size), 0.0
    base, base_scale, left = h, 0.0, n
    while left:
        if left & 1:
            power, scale = _kept(power @ base, scale + base_scale)
        base, base_scale = _kept(base @ base, 2 * base_scale)
        left >>= 1
    middle = float(power[k - 1, k - 1])
    if middle <= 0:
        return 0.0
    return math.exp(math.log(middle) + scale + math.lgamma(n + 1) - n * math.log(n))


def _kept(matrix: FloatArray, scale: float) -> tuple[FloatArray, float]:
    """The same matrix with its largest entry 1, and the logarithm of what was taken out."""
    largest = float(np.abs(matrix).max())
    return matrix / largest, scale + math.log(largest)


def _pelz_good(distance: float, n: int) -> float:
    """Expansion in powers of 1/sqrt(n). Source: Pelz & Good 1976, doi:10.1111/j.2517-6161.1976.tb01579.x."""
    z = distance * math.sqrt(n)
    z2 = z * z
    odd = (math.pi * (np.arange(_SERIES) + 0.5)) ** 2
    even = (math.pi * np.arange(1, _SERIES)) ** 2
    of_odd, of_even = np.exp(-odd / (2 * z2)), np.exp(-even / (2 * z2))
    zeroth = of_odd.sum() / z
    first = ((odd - z2) * of_odd).sum() / (6 * z**4)
    second = ((6 * z2**3 + 2 * z2**2 + (2 * z2**2 - 5 * z2) * odd + (1 - 2 * z2) * odd**2) * of_odd).sum() / (72 * z**7)
    second -= (even * of_even).sum() / (36 * z**3)
    third = (
        (
            (5 - 30 * z2) * odd**3
            + (212 * z2**2 - 60 * z2) * odd**2
            + (135 * z2**2 - 96 * z2**3) * odd
            - (30 * z2**3 + 90 * z2**4)
        )
        * of_odd
    ).sum() / (6480 * z**10)
    third += ((3 * z2 * even - even**2) * of_even).sum() / (216 * z**6)
    root = math.sqrt(n)
    return float(math.sqrt(2 * math.pi) * (zeroth + first / root + second / n + third / (n * root)))
