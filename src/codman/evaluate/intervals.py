"""Intervals, vectorised over slices: each takes an estimate and gives bounds at any level.

NaN in, NaN out: a bound that cannot be computed is null, never a guess.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from codman.evaluate.distributions import t_quantiles, z_of_level
from codman.evaluate.estimates import BoolArray, Bounds, FloatArray


def wilson_ends(share: FloatArray, n: FloatArray, level: float) -> tuple[FloatArray, FloatArray]:
    """Wilson's score interval of a share; n may be an effective number.

    Source: Wilson 1927, doi:10.1080/01621459.1927.10502953.
    """
    z2 = z_of_level(level) ** 2
    with np.errstate(divide="ignore", invalid="ignore"):
        centre = (share * n + z2 / 2) / (n + z2)
        half = np.sqrt(z2) / (n + z2) * np.sqrt(n * share * (1 - share) + z2 / 4)
        lower = np.where(share <= 0, 0.0, np.maximum(centre - half, 0.0))
        upper = np.where(share >= 1, 1.0, np.minimum(centre + half, 1.0))
    empty = ~(n > 0) | np.isnan(share)
    return np.where(empty, np.nan, lower), np.where(empty, np.nan, upper)


def wilson(share: FloatArray, n: FloatArray) -> Bounds:
    """Wilson's score interval as bounds at any level."""
    return lambda level: wilson_ends(share, n, level)


def reach(level: float, df: FloatArray | None) -> FloatArray | float:
    """Standard errors to each side: z; Student's t where a variance rests on few patients (df, one a slice)."""
    return z_of_level(level) if df is None else t_quantiles(0.5 + level / 2, df)


def normal(value: FloatArray, se: FloatArray, df: FloatArray | None = None) -> Bounds:
    """Value ± z (or t) standard errors."""

    def bounds(level: float) -> tuple[FloatArray, FloatArray]:
        half = reach(level, df) * se
        return value - half, value + half

    return bounds


def log_scale(value: FloatArray, se: FloatArray, df: FloatArray | None = None) -> Bounds:
    """For numbers above 0: symmetric on the log scale (delta method)."""

    def bounds(level: float) -> tuple[FloatArray, FloatArray]:
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            half = reach(level, df) * se / value
            lower, upper = value * np.exp(-half), value * np.exp(half)
        usable = (value > 0) & np.isfinite(upper)
        return np.where(usable, lower, np.nan), np.where(usable, upper, np.nan)

    return bounds


def logit_scale(value: FloatArray, se: FloatArray, df: FloatArray | None = None) -> Bounds:
    """For shares inside (0, 1): symmetric on the logit scale (delta method)."""

    def bounds(level: float) -> tuple[FloatArray, FloatArray]:
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            centre = np.log(value) - np.log1p(-value)
            half = reach(level, df) * se / (value * (1 - value))
            lower, upper = 1 / (1 + np.exp(half - centre)), 1 / (1 + np.exp(-half - centre))
        usable = (value > 0) & (value < 1) & np.isfinite(half)
        return np.where(usable, lower, np.nan), np.where(usable, upper, np.nan)

    return bounds


def fisher_z(value: FloatArray, se: FloatArray, df: FloatArray | None = None) -> Bounds:
    """For correlations inside (−1, 1): symmetric on Fisher's z scale (delta method)."""

    def bounds(level: float) -> tuple[FloatArray, FloatArray]:
        with np.errstate(divide="ignore", invalid="ignore"):
            half = reach(level, df) * se / (1 - value**2)
            lower, upper = np.tanh(np.arctanh(value) - half), np.tanh(np.arctanh(value) + half)
        usable = (np.abs(value) < 1) & np.isfinite(half)
        return np.where(usable, lower, np.nan), np.where(usable, upper, np.nan)

    return bounds


def mapped(bounds: Bounds, to: Callable[[FloatArray], FloatArray], *, turns: bool = False) -> Bounds:
    """The interval of a monotone function of what `bounds` bounds; `turns` when it falls."""

    def new(level: float) -> tuple[FloatArray, FloatArray]:
        with np.errstate(divide="ignore", invalid="ignore"):
            lower, upper = (to(end) for end in bounds(level))
        return (upper, lower) if turns else (lower, upper)

    return new


def of_two(
    one: FloatArray, of_one: Bounds, k: FloatArray | float, other: FloatArray, of_other: Bounds, m: FloatArray | float,
    correlation: FloatArray | float = 0.0,
) -> Bounds:  # fmt: skip
    """Interval of k·one + m·other from their own intervals and the correlation of their estimates.

    Source: MOVER, Zou & Donner 2008, doi:10.1002/sim.3095.
    """
    value = k * one + m * other
    turned = np.sign(k) * np.sign(m) * correlation

    def bounds(level: float) -> tuple[FloatArray, FloatArray]:
        down, up = [], []
        for estimate, of, times in ((one, of_one, k), (other, of_other, m)):
            lower, upper = of(level)
            to_lower, to_upper = np.abs(times) * (estimate - lower), np.abs(times) * (upper - estimate)
            down.append(np.where(np.sign(times) > 0, to_lower, to_upper))
            up.append(np.where(np.sign(times) > 0, to_upper, to_lower))
        with np.errstate(over="ignore", invalid="ignore"):  # ends that few patients carry reach beyond any number
            ends = [np.sqrt(np.maximum(a**2 + b**2 + 2 * turned * a * b, 0)) for a, b in (down, up)]
        return value - ends[0], value + ends[1]

    return bounds


def chosen(where: BoolArray, one: Bounds, other: Bounds) -> Bounds:
    """The first interval where `where` is true, else the second."""

    def bounds(level: float) -> tuple[FloatArray, FloatArray]:
        (a, b), (c, d) = one(level), other(level)
        return np.where(where, a, c), np.where(where, b, d)

    return bounds


def nowhere(where: BoolArray, bounds: Bounds) -> Bounds:
    """Null where `where` is true: an interval known not to hold its level is not given."""

    def fewer(level: float) -> tuple[FloatArray, FloatArray]:
        lower, upper = bounds(level)
        return np.where(where, np.nan, lower), np.where(where, np.nan, upper)

    return fewer
