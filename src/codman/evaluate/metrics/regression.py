"""Regression: how far predicted numbers lie from observed ones, how much of their variance is explained, agreement."""

from __future__ import annotations

from typing import Final

import numpy as np

from codman.evaluate.estimates import Bounds, Estimates, FloatArray
from codman.evaluate.metrics.bounds import spread_log, spread_reach, student, student_log
from codman.evaluate.metrics.moments import Moments, moments
from codman.evaluate.metrics.resampling import Family
from codman.evaluate.sample import Sample

WIDTH: Final = 1.96  # the limits of agreement are defined with it, whatever the level of their intervals
HEAVY: Final = 4.5  # kurtosis of the differences (normal: 3) above which intervals of spread hold less than they say
HEAVY_TAILS: Final = "the differences have heavy tails: the interval may hold the truth less often than it says"
OF_SPREAD: Final = frozenset({"rmse", "r2", "limits_of_agreement_lower", "limits_of_agreement_upper"})
_D, _ABS, _D2, _Y, _Y2 = range(5)  # columns: difference, its size, its square, outcome, its square


def regression(sample: Sample, observed: FloatArray, predicted: FloatArray) -> Family:
    """MAE, RMSE, R squared, bias and limits of agreement of every slice.

    Args:
        sample: The rows.
        observed: (n,) what happened, finite.
        predicted: (n,) what was foretold, finite, in the same unit.

    Returns:
        Six metrics in the outcome's unit (R squared has none). Null with a note where they have no value (R squared of
        a constant outcome) or no interval (one patient, or every difference the same).

    Intervals, all clustered by patient and weighted:
        mae: log scale, t with the sandwich variance.
        rmse: log scale with Bonett's small-sample terms (2006, doi:10.1016/j.csda.2004.10.003).
        r2: log of 1 − R squared by its influence, the same small-sample terms.
        bias: Student's t.
        limits of agreement: mean ± 1.96 SD as in Bland & Altman 1999, doi:10.1177/096228029900800204. Their interval
            supposes normal differences and covers only 70 to 85 % where tails are heavy; here the intervals of mean and
            SD are joined by MOVER (Zou 2013, doi:10.1177/0962280211402548), the SD's with the kurtosis of the data and
            with the correlation of the two. It is approximate; with normal differences it agrees with the exact one.

    Coverage by simulation, 10,000 replicates, n = 30 to 200: 94.6 to 96.3 % with normal errors for all; with t₅ or
    Laplace errors mae 93.4 to 94.8, r2 92.8 to 95.1, rmse and limits 91 to 94 %; with exponential errors at n = 30 rmse
    90 and the limits 85 to 89 %. A note says so where the differences' kurtosis is above 4.5.
    """
    centre_d, centre_y = _mean(predicted - observed), _mean(observed)

    def columns() -> list[FloatArray]:
        # centred once, so that a large common shift does not swallow the digits of a small spread
        d = predicted - observed
        moved, y = d - centre_d, observed - centre_y
        return [moved, np.abs(d), moved * moved, y, y * y]

    parts = columns()
    sums = moments(sample, parts)
    gradients = _gradients(sums, centre_d)

    def points(times: FloatArray) -> list[FloatArray]:
        return list(_values(moments(sample, parts, times=times), centre_d).values())

    def influence(grouping: int) -> list[FloatArray]:
        of_row = sample.slices.of_rows(grouping)
        weight = 1.0 if sample.weight is None else sample.weight
        out: list[FloatArray] = []
        for gradient in gradients.values():
            share = sums.influence(gradient)[of_row]
            with np.errstate(invalid="ignore"):  # no slope where every difference, or every outcome, is the same
                out.append(weight * (share[:, 0] + sum(share[:, k + 1] * part for k, part in enumerate(parts))))
        return out

    return Family(estimates=_estimates(sums, gradients, centre_d, sample.repeats), points=points, influence=influence)


def _mean(values: FloatArray) -> float:
    return float(np.mean(values)) if len(values) else 0.0


def _values(sums: Moments, centre: float) -> dict[str, FloatArray]:
    """Every metric on every slice; NaN where it has none."""
    with np.errstate(divide="ignore", invalid="ignore"):
        mean, sd = sums.mean[:, _D] + centre, np.sqrt(_unbiased(sums, _difference_variance(sums)))
        square = _mean_square(sums, centre)
        return {
            "mae": sums.mean[:, _ABS],
            "rmse": np.sqrt(square),
            "r2": 1 - square / _outcome_variance(sums),
            "bias": mean,
            "limits_of_agreement_lower": mean - WIDTH * sd,
            "limits_of_agreement_upper": mean + WIDTH * sd,
        }


def _mean_square(sums: Moments, centre: float) -> FloatArray:
    return np.maximum(sums.mean[:, _D2] + 2 * centre * sums.mean[:, _D] + centre**2, 0.0)


def _difference_variance(sums: Moments) -> FloatArray:
    return _noise_free(sums.mean[:, _D2], sums.mean[:, _D])


def _outcome_variance(sums: Moments) -> FloatArray:
    variance = _noise_free(sums.mean[:, _Y2], sums.mean[:, _Y])
    return np.where(variance > 0, variance, np.nan)


def _noise_free(square: FloatArray, mean: FloatArray) -> FloatArray:
    """Variance from the mean square; what rounding alone could have left counts as none."""
    variance = square - mean**2
    out: FloatArray = np.where(variance > 1e-13 * np.maximum(square, 0), variance, 0.0)
    return out


def _unbiased(sums: Moments, variance: FloatArray) -> FloatArray:
    """Divided by rows less one; with weights, by Kish's effective number of rows less one."""
    rows = sums.row_effective
    out: FloatArray = np.where(rows > 1 + 1e-9, variance * rows / (rows - 1), np.nan)
    return out


def _gradients(sums: Moments, centre: float) -> dict[str, FloatArray]:
    """Slope of each metric in the five means, on the scale the influence is wanted on: the metric's own."""
    slices = len(sums.weight)
    with np.errstate(divide="ignore", invalid="ignore"):
        square, outcome = _mean_square(sums, centre), _outcome_variance(sums)
        of_square = _slope(slices, {_D: np.full(slices, 2 * centre), _D2: np.ones(slices)})
        of_outcome = _slope(slices, {_Y: -2 * sums.mean[:, _Y], _Y2: np.ones(slices)})
        mean, sd = _slope(slices, {_D: np.ones(slices)}), _sd_slope(sums)
        return {
            "mae": _slope(slices, {_ABS: np.ones(slices)}),
            "rmse": of_square / (2 * np.sqrt(square))[:, None],
            "r2": -of_square / outcome[:, None] + of_outcome * (square / outcome**2)[:, None],
            "bias": mean,
            "limits_of_agreement_lower": mean - WIDTH * sd,
            "limits_of_agreement_upper": mean + WIDTH * sd,
        }


def _slope(slices: int, of: dict[int, FloatArray]) -> FloatArray:
    out = np.zeros((slices, 5))
    for column, values in of.items():
        out[:, column] = values
    return out


def _sd_slope(sums: Moments) -> FloatArray:
    slices = len(sums.weight)
    of_variance = _slope(slices, {_D: -2 * sums.mean[:, _D], _D2: np.ones(slices)})
    with np.errstate(divide="ignore", invalid="ignore"):
        out: FloatArray = of_variance / (2 * np.sqrt(_difference_variance(sums)))[:, None]
    return out


def _estimates(sums: Moments, gradients: dict[str, FloatArray], centre: float, clustered: bool) -> list[Estimates]:
    values = _values(sums, centre)
    df = sums.effective - 1
    with np.errstate(divide="ignore", invalid="ignore"):
        square = _mean_square(sums, centre)
        log_square = sums.variance(gradients["rmse"]) * 4 / square
        unexplained = square / _outcome_variance(sums)
        log_unexplained = sums.variance(gradients["r2"]) / unexplained**2
        of_log_square = spread_log(np.log(square), log_square, df)
        of_unexplained = spread_log(np.log(unexplained), log_unexplained, df, centred=False)
    bounds: dict[str, tuple[Bounds, str]] = {
        "mae": (student_log(values["mae"], sums.variance(gradients["mae"]), df), "sandwich-log"),
        "rmse": (_root(of_log_square), "bonett-log"),
        "r2": (_one_minus(of_unexplained), "influence-log"),
        "bias": (student(values["bias"], sums.variance(gradients["bias"]), df), "student-t"),
        "limits_of_agreement_lower": (_limit(sums, values["limits_of_agreement_lower"], -1), "bland-altman-mover"),
        "limits_of_agreement_upper": (_limit(sums, values["limits_of_agreement_upper"], +1), "bland-altman-mover"),
    }
    notes = _notes(sums, df)
    heavy = {int(s): HEAVY_TAILS for s in np.flatnonzero(_kurtosis(sums) > HEAVY)}
    flat = np.flatnonzero(np.isnan(_outcome_variance(sums)))
    constant = dict.fromkeys(flat.tolist(), "the outcome is the same in every row")
    return [
        Estimates(
            metric=metric,
            value=values[metric],
            bounds=interval,
            method=f"{method}-clustered" if clustered else method,
            notes=(heavy if metric in OF_SPREAD else {}) | notes | (constant if metric == "r2" else {}),
        )
        for metric, (interval, method) in bounds.items()
    ]


def _kurtosis(sums: Moments) -> FloatArray:
    """Of the differences, as their variance's own variance shows it."""
    with np.errstate(divide="ignore", invalid="ignore"):
        relative = 4 * sums.variance(_sd_slope(sums)) / _difference_variance(sums)
    out: FloatArray = relative * (sums.effective - 1) + 1
    return out


def _notes(sums: Moments, df: FloatArray) -> dict[int, str]:
    same = np.flatnonzero(_difference_variance(sums) == 0)
    notes: dict[int, str] = dict.fromkeys(same.tolist(), "every difference is the same: no interval")
    notes |= {int(s): "one patient: no interval" for s in np.flatnonzero(df < 0.5)}
    return notes | {int(s): "no rows" for s in np.flatnonzero(sums.rows == 0)}


def _root(of: Bounds) -> Bounds:
    def at(level: float) -> tuple[FloatArray, FloatArray]:
        lower, upper = of(level)
        return np.sqrt(lower), np.sqrt(upper)

    return at


def _one_minus(of: Bounds) -> Bounds:
    def at(level: float) -> tuple[FloatArray, FloatArray]:
        lower, upper = of(level)
        return 1 - upper, 1 - lower

    return at


def _limit(sums: Moments, limit: FloatArray, side: int) -> Bounds:
    """Interval of mean ± 1.96 SD from those of mean and SD, joined by MOVER with their correlation."""
    of_mean, of_sd = _slope(len(limit), {_D: np.ones(len(limit))}), _sd_slope(sums)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean_variance, sd_variance = sums.variance(of_mean), sums.variance(of_sd)
        correlation = np.clip(sums.covariance(of_mean, of_sd) / np.sqrt(mean_variance * sd_variance), -1, 1)
        sd = np.sqrt(_unbiased(sums, _difference_variance(sums)))
        log_variance = 4 * sd_variance / _difference_variance(sums)
    df = sums.effective - 1

    def at(level: float) -> tuple[FloatArray, FloatArray]:
        with np.errstate(divide="ignore", invalid="ignore"):
            shrunk, grown = spread_reach(log_variance, df, level)
            of_mean_only = sums.t(level) * np.sqrt(mean_variance)
            shrink = WIDTH * sd * (1 - np.exp(-shrunk / 2))
            grow = WIDTH * sd * (np.exp(grown / 2) - 1)
            down, up = (shrink, grow) if side > 0 else (grow, shrink)
            twice = 2 * side * correlation * of_mean_only
            lower = limit - np.sqrt(np.maximum(of_mean_only**2 + down**2 + twice * down, 0))
            upper = limit + np.sqrt(np.maximum(of_mean_only**2 + up**2 + twice * up, 0))
        return lower, upper

    return at
