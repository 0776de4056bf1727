"""Uncertainty: do stated sets and intervals hold what happened, and does declining to judge spare errors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from codman.evaluate.columns import BoolArray
from codman.evaluate.estimates import Bounds, Estimates, FloatArray
from codman.evaluate.intervals import wilson_ends
from codman.evaluate.metrics.bounds import student
from codman.evaluate.metrics.moments import Moments, moments
from codman.evaluate.metrics.proportion import share_bounds, share_method
from codman.evaluate.metrics.resampling import Family, joined
from codman.evaluate.metrics.risk_coverage import aurc
from codman.evaluate.sample import Sample
from codman.spine.evaluation_spec import EvaluationSpec


def estimates(
    sample: Sample,
    spec: EvaluationSpec,
    *,
    error: BoolArray | None = None,
    confidence: FloatArray | None = None,
    declined: tuple[BoolArray, BoolArray] | None = None,
    sets: tuple[BoolArray, FloatArray, BoolArray, int] | None = None,
    params: Mapping[str, Any] | None = None,
) -> list[Estimates]:
    """Whatever can be said about a classifier's uncertainty from what is given.

    Args:
        sample: The rows.
        spec: Interval kind, replicates, seed and wanted metrics.
        error: (n,) True where the judgement is wrong (binary: at the one threshold).
        confidence: (n,) higher is surer; binary: max(p, 1 − p).
        declined: (n,) True where the model abstains, and (n,) True where that is known.
        sets: (n,) True where the set holds what happened, (n,) its number of classes, (n,) True where a set is stated,
            and the number of classes there are.
        params: What else names error and confidence, e.g. the threshold.
    """
    named = dict(params or {})
    families: list[Family] = []
    if sets is not None:
        families.append(of_sets(sample, *sets))
    if declined is not None:
        families.append(of_abstention(sample, error, *declined, params=named))
    if error is not None and confidence is not None:
        families.append(aurc(sample, error, confidence, params=named))
    return joined(families, sample, spec)


def of_sets(sample: Sample, covered: BoolArray, size: FloatArray, stated: BoolArray, classes: int) -> Family:
    """Coverage and mean size of prediction sets.

    Args:
        sample: The rows.
        covered: (n,) True where the set holds what happened.
        size: (n,) number of classes in the set; an empty set has none and covers nothing.
        stated: (n,) True where a set is stated; other rows are left out and `n` says so.
        classes: How many classes there are.

    Intervals: coverage Wilson; size Student's t, and where every set has the same size, what Wilson allows for the
    share of sets that differ (between 0 and `classes` classes each).

    Source: Vovk, Gammerman & Shafer 2005, doi:10.1007/b106715.
    """
    return _stated(sample, covered, size, stated, most=float(classes))


def of_intervals(sample: Sample, observed: FloatArray, lower: FloatArray, upper: FloatArray) -> Family:
    """Coverage and mean width of stated intervals, ends included; a row without both ends is left out.

    Args:
        sample: The rows.
        observed: (n,) what happened.
        lower: (n,) lower ends; may be −inf.
        upper: (n,) upper ends; may be inf, and then the mean width has no value.
    """
    stated = ~(np.isnan(lower) | np.isnan(upper))
    covered = stated & (lower <= observed) & (observed <= upper)
    with np.errstate(invalid="ignore"):
        width = np.where(stated, upper - lower, 0.0)
    return _stated(sample, covered, width, stated, most=None)


def of_abstention(
    sample: Sample,
    error: BoolArray | None,
    declined: BoolArray,
    known: BoolArray,
    *,
    params: Mapping[str, Any] | None = None,
) -> Family:
    """How often the model declines to judge, and its error rate where it does not.

    Args:
        sample: The rows.
        error: (n,) True where the judgement is or would have been wrong; None: only the abstention rate.
        declined: (n,) True where the model abstains.
        known: (n,) True where the file says so; other rows are left out.
        params: What else names the errors.

    Source: Chow 1970, doi:10.1109/TIT.1970.1054406; El-Yaniv & Wiener 2010, JMLR 11:1605.
    """
    rate = _Column(sample, "abstention_rate", declined.astype(np.float64), known, {})
    if error is None:
        return rate.family()
    risk = _Column(sample, "selective_risk", error.astype(np.float64), known & ~declined, dict(params or {}))
    return _both(risk.family("every patient is declined"), rate.family())


class _Column:
    """The mean of one column over some rows, as a metric."""

    def __init__(
        self, sample: Sample, metric: str, column: FloatArray, keep: BoolArray, params: dict[str, Any]
    ) -> None:
        self.sample, self.metric, self.column, self.keep, self.params = sample, metric, column, keep, params
        self.sums = moments(sample, [column], keep=keep)

    def points(self, times: FloatArray) -> list[FloatArray]:
        return [moments(self.sample, [self.column], keep=self.keep, times=times).mean[:, 0]]

    def influence(self, grouping: int) -> list[FloatArray]:
        share = self.sums.influence(np.ones((len(self.sums.weight), 1)))[self.sample.slices.of_rows(grouping)]
        weight = 1.0 if self.sample.weight is None else self.sample.weight
        inside = np.where(self.keep, np.where(np.isfinite(self.column), self.column, 0.0), 0.0)
        return [np.where(self.keep, weight * (share[:, 0] + share[:, 1] * inside), 0.0)]

    def family(
        self, why_empty: str = "no row states it", bounds: Bounds | None = None, method: str | None = None
    ) -> Family:
        estimate = Estimates(
            metric=self.metric,
            value=self.sums.mean[:, 0],
            bounds=bounds or share_bounds(self.sums, 0, self.sample),
            n=self.sums.rows,
            method=method or share_method(self.sample),
            params=self.params,
            notes={int(s): why_empty for s in np.flatnonzero(self.sums.rows == 0)},
        )
        return Family(estimates=[estimate], points=self.points, influence=self.influence)


def _both(one: Family, other: Family) -> Family:
    return Family(
        estimates=[*one.estimates, *other.estimates],
        points=lambda times: [*one.points(times), *other.points(times)],
        influence=lambda grouping: [*one.influence(grouping), *other.influence(grouping)],
    )


def _stated(sample: Sample, covered: BoolArray, size: FloatArray, stated: BoolArray, *, most: float | None) -> Family:
    coverage = _Column(sample, "coverage", covered.astype(np.float64), stated, {})
    unbounded = stated & ~np.isfinite(size)
    column = _Column(sample, "set_size", np.where(unbounded, 0.0, size), stated, {})
    family = column.family(bounds=_size_bounds(column.sums, most), method=_size_method(sample))
    if unbounded.any():
        endless = sample.slices.totals(
            np.bincount(sample.slices.cell[unbounded], minlength=sample.slices.of_cell.shape[1]).astype(np.float64)
        )
        (found,) = family.estimates
        why = dict.fromkeys(np.flatnonzero(endless > 0).tolist(), "an interval has no end: no mean width")
        notes = {**found.notes, **why}
        value = np.where(endless > 0, np.nan, found.value)
        family = replace(family, estimates=[replace(found, value=value, notes=notes)])
    return _both(coverage.family(), family)


def _size_method(sample: Sample) -> str:
    return "student-t-clustered" if sample.repeats else "student-t"


def _size_bounds(sums: Moments, most: float | None) -> Bounds:
    value = sums.mean[:, 0]
    variance = sums.variance(np.ones((len(value), 1)))
    same = variance <= 1e-18 * np.maximum(value, 1.0) ** 2
    by_t = student(value, variance, sums.effective - 1)

    def at(level: float) -> tuple[FloatArray, FloatArray]:
        lower, upper = by_t(level)
        if most is None:  # a width that never varies is a constant of the method, not luck
            return np.where(same, value, lower), np.where(same, value, upper)
        _, others = wilson_ends(np.zeros(len(value)), np.where(sums.effective > 0, sums.effective, np.nan), level)
        low, high = value * (1 - others), value + (most - value) * others
        return np.where(same, low, np.maximum(lower, 0.0)), np.where(same, high, np.minimum(upper, most))

    return at
