"""Intervals from a value and its standard error, on the scale where the value is nearly normal.

Each takes arrays over slices and gives a function of the level, because differences between groups ask for several.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from codman.evaluate.distributions import z_of_level
from codman.evaluate.estimates import Bounds, FloatArray
from codman.evaluate.metrics.moments import t_of


def student(value: FloatArray, variance: FloatArray, df: FloatArray) -> Bounds:
    """value ± t·SE. NaN where the variance is zero: no interval can be read from patients that are all the same."""
    return _on(value, variance, df, lambda x: x)


def student_log(value: FloatArray, variance: FloatArray, df: FloatArray) -> Bounds:
    """exp(log value ± t·SE(log value)), for values above zero; `variance` is that of the value itself."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return _on(np.log(value), variance / value**2, df, np.exp)


def student_logit(value: FloatArray, variance: FloatArray, df: FloatArray) -> Bounds:
    """Interval on the logit scale, for values strictly between 0 and 1; `variance` is that of the value itself."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return _on(np.log(value / (1 - value)), variance / (value * (1 - value)) ** 2, df, _expit)


def student_fisher(value: FloatArray, variance: FloatArray, df: FloatArray) -> Bounds:
    """Interval on Fisher's z scale, for values strictly between −1 and 1; `variance` is that of the value itself."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return _on(np.arctanh(value), variance / (1 - value**2) ** 2, df, np.tanh)


def spread_log(log_value: FloatArray, log_variance: FloatArray, df: FloatArray, *, centred: bool = True) -> Bounds:
    """exp(log c·value ± c·t·√(V + 3/(m(m−1)))), m = df + 1, c = m/(m − z), for sums of squares of few numbers.

    Source: Bonett 2006, doi:10.1016/j.csda.2004.10.003, its kurtosis term written as the (cluster-robust) variance V of
    the log, and t in place of z. NaN at m up to 2z, where the factor c has no meaning. Not `centred` leaves c out of
    the middle, for a ratio of two sums of squares, whose biases cancel.
    """

    def at(level: float) -> tuple[FloatArray, FloatArray]:
        down, up = spread_reach(log_variance, df, level, centred=centred)
        return np.exp(log_value - down), np.exp(log_value + up)

    return at


def spread_reach(
    log_variance: FloatArray, df: FloatArray, level: float, *, centred: bool = True
) -> tuple[FloatArray, FloatArray]:
    """How far `spread_log` reaches down and up on the log scale."""
    patients = df + 1
    z = z_of_level(level)
    with np.errstate(divide="ignore", invalid="ignore"):
        factor = np.where(patients > 2 * z, patients / (patients - z), np.nan)
        reach = factor * t_of(level, df) * np.sqrt(log_variance + 3 / (patients * (patients - 1)))
        middle = np.log(factor) if centred else np.zeros_like(factor)
    reach = np.where(log_variance > 0, reach, np.nan)
    return reach - middle, reach + middle


def _expit(x: FloatArray) -> FloatArray:
    with np.errstate(over="ignore"):
        out: FloatArray = 1 / (1 + np.exp(-x))
    return out


def _on(centre: FloatArray, variance: FloatArray, df: FloatArray, back: Callable[[FloatArray], FloatArray]) -> Bounds:
    def at(level: float) -> tuple[FloatArray, FloatArray]:
        with np.errstate(invalid="ignore", over="ignore"):
            reach = np.where(variance > 0, t_of(level, df) * np.sqrt(variance), np.nan)
            return back(centre - reach), back(centre + reach)

    return at
