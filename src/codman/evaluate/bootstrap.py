"""Bootstrap intervals of binary metrics: patients resampled by Poisson weights, ties exact, every slice at once.

A replicate is one hash per patient, one sweep per grouping and one sum of columns, so a million rows in 90 slices cost
about ten milliseconds a replicate. The weights come from (seed, replicate, patient) alone: shards of the data that
never
meet draw the same ones. Sources: Efron 1987 (BCa), doi:10.1080/01621459.1987.10478410; Hanley & MacGibbon 2006 (Poisson
weights), doi:10.1016/j.cmpb.2006.04.006.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from codman.evaluate.distributions import norm_cdf, norm_ppf
from codman.evaluate.estimates import Bounds, Estimates, FloatArray
from codman.evaluate.kernels.library import (
    ByteArray,
    Longs,
    bootstrap_sweep,
    poisson_bytes,
    probability_columns,
    side_by_side,
    weighted_sums,
)
from codman.evaluate.ranked import Ranked

MOST_FAILED: Final = 0.05  # share of replicates without a value above which no interval is given
JACKKNIFE_GROUPS: Final = 200
Values = Callable[[Ranked], list[FloatArray]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Which bootstrap."""

    replicates: int
    seed: int
    corrected: bool  # BCa instead of percentile

    @property
    def method(self) -> str:
        """As a Measurement names it."""
        return f"{'bootstrap-bca' if self.corrected else 'bootstrap'}:{self.replicates}:seed={self.seed}"


def rebounded(ranked: Ranked, estimates: Sequence[Estimates], values: Values, plan: Plan) -> list[Estimates]:
    """The same estimates with bootstrap intervals, where they had an interval.

    Args:
        ranked: The rows.
        estimates: What was measured.
        values: Computes the same estimates' values, in order, for the rows under other weights.
        plan: How many replicates, from which seed.
    """
    patients = patient_ids(ranked)
    drawn = side_by_side(lambda b: values(under(ranked, poisson_bytes(patients, plan.seed, b))), range(plan.replicates))
    found = accelerations(ranked, values) if plan.corrected else None
    out = []
    for k, estimate in enumerate(estimates):
        if estimate.bounds is None:
            out.append(estimate)
            continue
        replicates = np.stack([draw[k] for draw in drawn])
        acceleration = None if found is None else found[k]
        out.append(replace(estimate, bounds=bounds_of(replicates, estimate.value, acceleration), method=plan.method))
    return out


def patient_ids(ranked: Ranked) -> NDArray[np.uint32]:
    """(n,) what a replicate's weight depends on: the patient, else the row's place in the source."""
    return (ranked.row if ranked.subject is None else ranked.subject).astype(np.uint32)


def under(ranked: Ranked, weight: ByteArray) -> Ranked:
    """The rows under replicate weights."""
    w = weight.astype(np.float64) if ranked.weight is None else ranked.weight * weight
    return replace(ranked, weight=w, sorted_weight=np.ascontiguousarray(w[ranked.order][::-1]))


def bounds_of(replicates: FloatArray, value: FloatArray, acceleration: FloatArray | None) -> Bounds:
    """Percentile bounds from (B, S) replicates; bias-corrected and accelerated where an acceleration is given."""
    failed = np.isnan(replicates).mean(axis=0) > MOST_FAILED
    ordered = np.sort(replicates, axis=0)  # NaN last
    usable = np.maximum((~np.isnan(replicates)).sum(axis=0), 1)

    def at(share: FloatArray) -> FloatArray:
        place = np.clip(share, 0, 1) * (usable - 1)
        low = np.floor(place).astype(np.int64)
        high = np.minimum(low + 1, usable - 1)
        columns = np.arange(ordered.shape[1])
        part = place - low
        picked: FloatArray = ordered[low, columns] * (1 - part) + ordered[high, columns] * part
        return picked

    @cache
    def bounds(level: float) -> tuple[FloatArray, FloatArray]:
        tails = np.full(len(value), (1 - level) / 2), np.full(len(value), (1 + level) / 2)
        if acceleration is not None:
            tails = _corrected(replicates, value, acceleration, usable, level)
        lower, upper = (np.where(failed | np.isnan(value), np.nan, at(tail)) for tail in tails)
        return lower, upper

    return bounds


def _corrected(
    replicates: FloatArray, value: FloatArray, acceleration: FloatArray, usable: Any, level: float
) -> tuple[FloatArray, FloatArray]:
    below = (replicates < value).sum(axis=0) + 0.5 * (replicates == value).sum(axis=0)
    share = np.clip(below / usable, 0.5 / usable, 1 - 0.5 / usable)
    bias = np.array([norm_ppf(s) for s in share])
    ends = []
    for z in (norm_ppf((1 - level) / 2), norm_ppf((1 + level) / 2)):
        shifted = bias + (bias + z) / (1 - acceleration * (bias + z))
        ends.append(np.array([norm_cdf(x) for x in shifted]))
    return ends[0], ends[1]


def accelerations(ranked: Ranked, values: Values) -> list[FloatArray]:
    """(S,) acceleration of every estimate, by leaving out groups of patients."""
    distinct, dense = np.unique(patient_ids(ranked), return_inverse=True)
    groups = min(len(distinct), JACKKNIFE_GROUPS)
    group = (dense * 7919) % len(distinct) % groups  # neighbours in the file end in different groups
    left_out = side_by_side(lambda g: values(under(ranked, (group != g).astype(np.uint8))), range(groups))
    out = []
    for k in range(len(left_out[0])):
        stacked = np.stack([found[k] for found in left_out])
        with np.errstate(divide="ignore", invalid="ignore"):
            gap = np.nansum(stacked, axis=0) / np.isfinite(stacked).sum(axis=0) - stacked  # NaN where none has a value
            a = np.nansum(gap**3, axis=0) / (6 * np.nansum(gap**2, axis=0) ** 1.5)
        out.append(np.where(np.isfinite(a), a, 0.0))
    return out


@dataclass(frozen=True, slots=True, kw_only=True)
class Replicates:
    """Sums of every replicate, from which ranking, Brier and every metric at a threshold follow."""

    positives: FloatArray  # (B, S)
    negatives: FloatArray
    mann_whitney: FloatArray
    precision_sum: FloatArray
    flagged: FloatArray  # (B, S, T, 2) true and false positives at each threshold
    columns: FloatArray  # (B, S, 7) as probability_columns, NaN where not asked for; (B, S, 0) without risks


def fast_replicates(
    ranked: Ranked, thresholds: Sequence[float], plan: Plan, *, risks: bool, columns: Collection[int] = range(2, 7)
) -> Replicates:
    """All replicates by the compiled sweep; only for rows of equal weight.

    Args:
        ranked: The rows.
        thresholds: Where patients are flagged.
        plan: How many replicates, from which seed.
        risks: Whether the scores are risks.
        columns: Which of the columns that probability metrics add up are needed, beside rows and events.
    """
    slices = ranked.slices
    ids = np.ascontiguousarray(patient_ids(ranked)[ranked.order][::-1])
    fresh = ranked.fresh
    alone = (fresh & np.append(fresh[1:], 1)).astype(np.uint8)
    cuts = np.sort(np.asarray(thresholds, dtype=np.float64))[::-1]
    place: Longs = np.searchsorted(-ranked.sorted_score, -cuts, side="right").astype(np.int64)
    slice_of = np.ascontiguousarray(slices.of_cell.T)
    kept = sorted(columns)
    table = np.ascontiguousarray(_arranged_columns(ranked)[:, kept]) if risks and kept else None
    b, s, t = plan.replicates, slices.count, len(cuts)
    out = Replicates(
        positives=np.empty((b, s)),
        negatives=np.empty((b, s)),
        mann_whitney=np.empty((b, s)),
        precision_sum=np.empty((b, s)),
        flagged=np.empty((b, s, t, 2)),
        columns=np.full((b, s, 7 if risks else 0), np.nan),
    )

    def one(replicate: int) -> None:
        weight = poisson_bytes(ids, plan.seed, replicate)
        sums = bootstrap_sweep(ranked.sorted_code, fresh, alone, weight, s, slice_of, place)
        out.positives[replicate], out.negatives[replicate] = sums[:, 0], sums[:, 1]
        out.mann_whitney[replicate], out.precision_sum[replicate] = sums[:, 2], sums[:, 3]
        out.flagged[replicate] = sums[:, 4:].reshape(s, t, 2)
        if risks:
            out.columns[replicate, :, 0], out.columns[replicate, :, 1] = sums[:, 0] + sums[:, 1], sums[:, 0]
        if table is not None:
            cells = weighted_sums(table, ranked.sorted_code, weight, slices.of_cell.shape[1])
            out.columns[replicate][:, kept] = slices.totals(cells)

    side_by_side(one, range(plan.replicates))
    falling = {float(cut): k for k, cut in enumerate(cuts)}
    return replace(out, flagged=out.flagged[:, :, [falling[float(x)] for x in thresholds]])


def _arranged_columns(ranked: Ranked) -> FloatArray:
    return probability_columns(np.ascontiguousarray(ranked.sorted_score), ranked.sorted_code, None, 1e-12)
