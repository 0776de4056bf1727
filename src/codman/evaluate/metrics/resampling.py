"""Bootstrap by patient for metrics that are weighted functions of rows: Poisson weights, percentile or BCa intervals.

A patient's weight in a replicate comes from (seed, replicate, patient) alone, as in the kernels, so the same seed gives
the same interval whatever else is measured.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from codman.evaluate.distributions import norm_cdf, norm_ppf
from codman.evaluate.estimates import BoolArray, Bounds, Estimates, FloatArray, IntArray
from codman.evaluate.kernels.library import poisson_bytes
from codman.evaluate.sample import Sample
from codman.spine.evaluation_spec import EvaluationSpec

MOST_UNDEFINED: Final = 0.05  # with more replicates than this without a value, the rest no longer stand for all


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """Metrics that share their sums: values with analytic intervals, and what resampling needs."""

    estimates: list[Estimates]
    points: Callable[[FloatArray], list[FloatArray]]  # (n,) times each row counts -> the same metrics' values (S,)
    influence: Callable[[int], list[FloatArray]]  # grouping -> each metric's (n,) share of each row in its error


def joined(families: list[Family], sample: Sample, spec: EvaluationSpec) -> list[Estimates]:
    """All estimates of the wanted metrics, with bootstrap intervals where the spec asks for them.

    Source: Efron & Tibshirani 1993, chapters 13 and 14; BCa: Efron 1987, doi:10.1080/01621459.1987.10478410.
    """
    found = [estimate for family in families for estimate in family.estimates]
    if spec.interval != "analytic":
        found = _resampled(families, sample, spec)
    if spec.metrics is None:
        return found
    return [e for e in found if any(name == e.metric or name.startswith(f"{e.metric}_") for name in spec.metrics)]


def _resampled(families: list[Family], sample: Sample, spec: EvaluationSpec) -> list[Estimates]:
    ids = (sample.row if sample.subject is None else sample.subject).astype(np.uint32)
    drawn: list[list[FloatArray]] = []
    for replicate in range(spec.replicates):
        times = poisson_bytes(ids, spec.seed, replicate).astype(np.float64)
        drawn.append([value for family in families for value in family.points(times)])
    out: list[Estimates] = []
    position = 0
    for family in families:
        accelerations = _accelerations(family, sample) if spec.interval == "bca" else None
        for k, estimate in enumerate(family.estimates):
            replicates = np.array([values[position] for values in drawn])  # (B, S)
            acceleration = None if accelerations is None else accelerations[k]
            out.append(_with_interval(estimate, replicates, acceleration, spec))
            position += 1
    return out


def _with_interval(
    estimate: Estimates, replicates: FloatArray, acceleration: FloatArray | None, spec: EvaluationSpec
) -> Estimates:
    defined = np.isfinite(replicates).mean(axis=0) >= 1 - MOST_UNDEFINED
    notes = {
        s: estimate.notes.get(s, "too few replicates have a value: no bootstrap interval")
        for s in np.flatnonzero(~defined).tolist()
    }
    replicates = np.where(np.isfinite(replicates), replicates, np.nan)
    kind = "bootstrap" if acceleration is None else "bootstrap-bca"
    bounds = _quantiles(estimate.value, np.sort(replicates, axis=0), defined, acceleration)
    return replace(
        estimate, bounds=bounds, method=f"{kind}:{spec.replicates}:seed={spec.seed}", notes={**estimate.notes, **notes}
    )


def _quantiles(value: FloatArray, ordered: FloatArray, defined: BoolArray, acceleration: FloatArray | None) -> Bounds:
    def at(level: float) -> tuple[FloatArray, FloatArray]:
        lower, upper = np.full(len(value), np.nan), np.full(len(value), np.nan)
        for s in np.flatnonzero(defined & np.isfinite(value)):
            of_slice = ordered[:, s]
            of_slice = of_slice[~np.isnan(of_slice)]
            tails = [(1 - level) / 2, (1 + level) / 2]
            if acceleration is not None:
                tails = [_bca(tail, of_slice, float(value[s]), float(acceleration[s])) for tail in tails]
            if all(0 < tail < 1 for tail in tails):
                lower[s], upper[s] = np.quantile(of_slice, tails)
        return lower, upper

    return at


def _bca(tail: float, ordered: FloatArray, value: float, acceleration: float) -> float:
    """The tail a percentile interval should have had; 0 where it cannot be known."""
    slack = 1e-12 * max(1.0, abs(value))
    below = (np.searchsorted(ordered, value - slack) + np.searchsorted(ordered, value + slack, side="right")) / 2
    share = below / len(ordered)
    if not 0 < share < 1 or not np.isfinite(acceleration):
        return 0.0
    bias = norm_ppf(float(share))
    moved = bias + norm_ppf(tail)
    return norm_cdf(bias + moved / (1 - acceleration * moved))


def _accelerations(family: Family, sample: Sample) -> list[FloatArray]:
    """(S,) skewness of patients' influence over 6, for every metric. Source: Efron 1987, section 7."""
    count = sample.slices.count
    out = [np.full(count, np.nan) for _ in family.estimates]
    for g in range(len(sample.slices.groupings)):
        of_row = sample.slices.of_rows(g).astype(np.int64)
        for k, influence in enumerate(family.influence(g)):
            of_patient, of_slice = patient_sums(sample, of_row, influence)
            second = np.bincount(of_slice, of_patient**2, minlength=count)
            third = np.bincount(of_slice, of_patient**3, minlength=count)
            members = sample.slices.members(g)
            with np.errstate(divide="ignore", invalid="ignore"):
                out[k][members] = (third / (6 * second**1.5))[members]
    return out


def patient_sums(sample: Sample, of_row: IntArray, values: FloatArray) -> tuple[FloatArray, IntArray]:
    """Sums per patient within each slice of one grouping, and each sum's slice; rows where each row is a patient."""
    if not sample.repeats or sample.subject is None:
        return values, of_row
    patients = int(sample.subject.max()) + 1
    key, inverse = np.unique(of_row * patients + sample.subject, return_inverse=True)
    sums = np.bincount(inverse, values, minlength=len(key)).astype(np.float64)
    return sums, (key // patients).astype(np.int64)
