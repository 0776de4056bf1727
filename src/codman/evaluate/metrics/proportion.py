"""Shares of patients: Wilson's interval, on an effective number of rows where patients repeat or rows are weighted."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from codman.evaluate.distributions import z_of_level
from codman.evaluate.estimates import Bounds, FloatArray
from codman.evaluate.intervals import wilson_ends
from codman.evaluate.metrics.moments import Moments
from codman.evaluate.sample import Sample


def share_bounds(sums: Moments, column: int, sample: Sample) -> Bounds:
    """Interval of the mean of a yes-or-no column.

    Source: Wilson 1927, doi:10.1080/01621459.1927.10502953; with clusters or weights on n* = p(1−p)/variance, scaled by
    (z/t)² for the number of patients, at most the rows (Korn & Graubard 1998). At a share of 0 or 1, where the variance
    says nothing, n* is the effective number of patients.
    """
    share, worth = sums.mean[:, column], share_worth(sums, column, sample)
    return lambda level: wilson_ends(share, worth(level), level)


def share_worth(sums: Moments, column: int, sample: Sample) -> Callable[[float], FloatArray]:
    """How many independent rows a share is worth, by the level of the interval (Student's t for few patients)."""
    share, rows = sums.mean[:, column], sums.rows.astype(np.float64)
    if not sample.repeats and sample.weight is None:
        return lambda _: rows
    gradient = np.zeros_like(sums.mean)
    gradient[:, column] = 1.0
    with np.errstate(divide="ignore", invalid="ignore"):
        by_variance = share * (1 - share) / sums.variance(gradient)
    edge = (share <= 0) | (share >= 1)

    def worth(level: float) -> FloatArray:
        with np.errstate(divide="ignore", invalid="ignore"):
            effective = np.minimum(by_variance * (z_of_level(level) / sums.t(level)) ** 2, rows)
        return np.where(edge, sums.effective, effective)

    return worth


def share_method(sample: Sample) -> str:
    """What `share_bounds` is called in a Measurement."""
    if sample.repeats:
        return "wilson-korn-graubard"
    return "wilson" if sample.weight is None else "wilson-effective-n"
