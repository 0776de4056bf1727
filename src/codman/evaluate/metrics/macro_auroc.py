"""Macro AUROC: the mean over classes of how well each is told from all others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from codman.evaluate.estimates import Bounds, Estimates, FloatArray, IntArray
from codman.evaluate.intervals import chosen, wilson
from codman.evaluate.kernels.library import rank_influence, rank_sweep
from codman.evaluate.metrics.bounds import student_logit
from codman.evaluate.metrics.moments import moments, steady_df
from codman.evaluate.metrics.resampling import Family, patient_sums
from codman.evaluate.ranked import Ranked, rank
from codman.evaluate.sample import Sample

FEW: Final = 30  # of any class: the normal approximation is no longer trusted, as for AUROC itself


@dataclass(frozen=True, slots=True, kw_only=True)
class _Swept:
    auroc: FloatArray  # (slices of one grouping,)
    sums: FloatArray


def macro_auroc(sample: Sample, truth: IntArray, scores: FloatArray, classes: Sequence[str]) -> Family:
    """Mean over classes of the one-against-rest AUROC; every class counts the same, ties count half.

    Args:
        sample: The rows.
        truth: (n,) class of each row.
        scores: (n, K) score of each class; no NaN.
        classes: (K,) names.

    Interval: each row's DeLong influence is summed over classes before it is squared, so that the covariance of the
    classes' AUROCs counts (patients' influences first where they repeat); logit scale, Student's t with
    Satterthwaite's degrees of freedom. Under 30 rows of
    any class, or at zero variance, Wilson with n = the smallest class (`wilson-min`). Null where a class is absent.

    Sources: DeLong 1988, doi:10.2307/2531595; Obuchowski 1997, doi:10.2307/2533958; macro average as in Provost &
    Domingos 2003, doi:10.1023/A:1024099825458, with equal weights.
    """
    one_row = _rows_apart(sample)
    ranks = [rank(one_row, truth == c, np.ascontiguousarray(scores[:, c])) for c in range(len(classes))]
    count = sample.slices.count
    value = _value(ranks, sample, None)
    occurs = _class_rows(sample, truth, len(classes))
    sums = moments(sample, [])
    square, fourth = np.zeros(count), np.zeros(count)
    for g in range(len(sample.slices.groupings)):
        of_patient, of_slice = patient_sums(sample, sample.slices.of_rows(g).astype(np.int64), _influence(ranks, g))
        square += np.bincount(of_slice, of_patient**2, minlength=count)
        fourth += np.bincount(of_slice, of_patient**4, minlength=count)
    with np.errstate(divide="ignore", invalid="ignore"):
        variance = square * sums.effective / (sums.effective - 1)
    worth = np.min(
        [moments(sample, [], keep=kept).effective for c in range(len(classes)) for kept in (truth == c, truth != c)],
        axis=0,
    )
    small = (np.minimum(occurs.min(axis=1), worth) < FEW) | ~(variance > 0)
    main = "delong-logit-clustered" if sample.repeats else "delong-logit"
    bounds: Bounds = chosen(
        small, wilson(value, worth), student_logit(value, variance, steady_df(square, fourth, sums.effective))
    )
    absent = {
        int(s): f"class {classes[int(np.argmin(occurs[s]))]!r} does not occur"
        for s in np.flatnonzero(occurs.min(axis=1) == 0)
    }
    absent |= {
        int(s): f"every row is of class {classes[int(np.argmax(occurs[s]))]!r}"
        for s in np.flatnonzero((occurs > 0).sum(axis=1) == 1)
    }
    estimate = Estimates(
        metric="macro_auroc",
        value=value,
        bounds=bounds,
        method=["wilson-min" if few else main for few in small],
        notes=absent,
    )
    return Family(
        estimates=[estimate],
        points=lambda times: [_value(ranks, sample, times)],
        influence=lambda grouping: [_influence(ranks, grouping)],
    )


def _rows_apart(sample: Sample) -> Sample:
    """The same rows in their own order: patients are summed here, over classes first."""
    return Sample(slices=sample.slices, subject=None, weight=sample.weight, row=sample.row, repeats=False)


def _class_rows(sample: Sample, truth: IntArray, classes: int) -> IntArray:
    cells = sample.slices.of_cell.shape[1]
    per_cell = np.bincount(sample.slices.cell.astype(np.int64) * classes + truth, minlength=cells * classes)
    return sample.slices.totals(per_cell.reshape(cells, classes).astype(np.float64)).astype(np.int64)


def _sweep(ranked: Ranked, grouping: int, weight: FloatArray | None) -> _Swept:
    members = ranked.slices.members(grouping)
    of_cell = np.ascontiguousarray(ranked.slices.of_cell[grouping] - int(members[0]))
    sums = rank_sweep(ranked.sorted_code, ranked.fresh, weight, len(members), of_cell)
    with np.errstate(divide="ignore", invalid="ignore"):
        return _Swept(auroc=np.clip(sums[:, 2] / (sums[:, 0] * sums[:, 1]), 0.0, 1.0), sums=sums)


def _value(ranks: list[Ranked], sample: Sample, times: FloatArray | None) -> FloatArray:
    out = np.zeros(sample.slices.count)
    for ranked in ranks:
        weight = ranked.sorted_weight
        if times is not None:
            down = np.ascontiguousarray(times[ranked.order[::-1]])
            weight = down if weight is None else weight * down
        for g in range(len(sample.slices.groupings)):
            out[sample.slices.members(g)] += _sweep(ranked, g, weight).auroc / len(ranks)
    return out


def _influence(ranks: list[Ranked], grouping: int) -> FloatArray:
    total: FloatArray = np.zeros(len(ranks[0].score))
    for ranked in ranks:
        members = ranked.slices.members(grouping)
        of_cell = np.ascontiguousarray(ranked.slices.of_cell[grouping] - int(members[0]))
        sums = _sweep(ranked, grouping, ranked.sorted_weight).sums
        own = rank_influence(ranked.order, ranked.sorted_code, ranked.fresh, ranked.sorted_weight, of_cell, sums)
        total += own[:, 0] / len(ranks)
    return total
