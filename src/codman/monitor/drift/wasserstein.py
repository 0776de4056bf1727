"""Wasserstein: how far values must move, on average, to turn one distribution into the other."""

from __future__ import annotations

from typing import Final

import numpy as np

from codman.evaluate.distributions import norm_ppf
from codman.evaluate.estimates import FloatArray
from codman.monitor.kernels.library import two_samples

_POINTS: Final = 512  # at which the size of chance is added up


def wasserstein(reference: FloatArray, current: FloatArray) -> float:
    """The area between the distribution functions of two samples, in the values' own unit.

    Args:
        reference: (m,) numbers, no NaN, at least one.
        current: (n,) the same.

    Returns:
        0 or more; not finite where a value is not.

    Source: Vallender 1974, doi:10.1137/1118101.
    """
    return two_samples(np.sort(np.asarray(reference, np.float64)), np.sort(np.asarray(current, np.float64)))[1]


def area_of_chance(ascending: FloatArray) -> float:
    """The expected area between a sample's distribution function and the truth, times the root of its rows.

    Args:
        ascending: (n,) the sample, sorted and finite.
    """
    n = len(ascending)
    at = np.linspace(0, n - 1, min(_POINTS, n)).round().astype(np.int64)
    share = (at + 0.5) / n
    height = np.sqrt(share * (1 - share))
    return float(np.sqrt(2 / np.pi) * ((height[1:] + height[:-1]) / 2 * np.diff(ascending[at])).sum())


def wasserstein_ends(
    distance: FloatArray, chance: FloatArray, deviation: FloatArray, n: FloatArray, level: float
) -> tuple[FloatArray, FloatArray]:
    """Interval that chance alone stays within, and wider than its level: the expected area between each sample and the
    truth, and a Gaussian bound on how far that strays (Borell's inequality: the area is the largest mean difference of
    a function that changes no faster than the values do, and such a function varies no more than they).

    Args:
        distance: (...,) what was found.
        chance: (2, ...) `area_of_chance` of the reference and of the current rows.
        deviation: (2, ...) standard deviations.
        n: (2, ...) independent rows.
        level: Of the interval.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        reach = (chance / np.sqrt(n)).sum(axis=0) + norm_ppf(level) * np.sqrt((deviation**2 / n).sum(axis=0))
        return np.maximum(distance - reach, 0.0), distance + reach
