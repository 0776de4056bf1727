"""The normal distribution over arrays, without scipy: its distribution function and the logarithm of it."""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from codman.evaluate.distributions import norm_cdf
from codman.evaluate.estimates import FloatArray

_REACH: Final = 8.5  # beyond it the upper tail is lost in 1 anyway
_A_STEP: Final = 64  # knots a unit: five terms from the nearest are right to 1e-13
_AT: Final = np.arange(-_REACH * _A_STEP, _REACH * _A_STEP + 1) / _A_STEP
_CDF: Final = np.array([norm_cdf(x) for x in _AT])
_PDF: Final = np.exp(-(_AT**2) / 2) / math.sqrt(2 * math.pi)


def cdf(x: FloatArray) -> FloatArray:
    """Chance that a standard normal is at most each x, to 1e-13; NaN stays NaN."""
    inside = np.clip(np.nan_to_num(x, nan=0.0), -_REACH, _REACH)
    knot = np.rint((inside + _REACH) * _A_STEP).astype(np.int64)
    at, d = _AT[knot], inside - _AT[knot]
    # Taylor's series: the derivatives of the density are Hermite polynomials times the density
    series = d * (1 + d * (-at / 2 + d * ((at**2 - 1) / 6 + d * (-(at**3) + 3 * at) / 24)))
    fifth = (at**4 - 6 * at**2 + 3) / 120 * d**5
    return np.where(np.isnan(x), np.nan, np.clip(_CDF[knot] + _PDF[knot] * (series + fifth), 0.0, 1.0))


def log_cdf(x: FloatArray) -> FloatArray:
    """Logarithm of the same; below −8 it is taken at −8."""
    return np.log(cdf(np.maximum(x, -8.0)))
