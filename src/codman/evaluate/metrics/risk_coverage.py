"""AURC: the error rate as the model keeps more and more patients, most confident first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from codman.evaluate.columns import BoolArray
from codman.evaluate.estimates import Estimates, FloatArray, IntArray
from codman.evaluate.metrics.bounds import student_log
from codman.evaluate.metrics.moments import moments, steady_df
from codman.evaluate.metrics.resampling import Family, patient_sums
from codman.evaluate.sample import Sample


def aurc(
    sample: Sample, error: BoolArray, confidence: FloatArray, *, params: Mapping[str, Any] | None = None
) -> Family:
    """Mean error rate over all shares of patients kept, most confident first.

    Each patient's own confidence is used as the cut in turn; the error rate among all patients at least as confident is
    averaged over patients. Patients of the same confidence enter together, as one block.

    Args:
        sample: The rows.
        error: (n,) True where the judgement is wrong.
        confidence: (n,) higher is surer; no NaN.
        params: What else names the errors.

    Interval: influence function on the log scale, clustered by patient; Student's t with Satterthwaite's degrees of
    freedom, since a few confident errors may carry most of the variance. None where nobody is misjudged.

    Source: Geifman & El-Yaniv 2017, arXiv:1705.08500; Geifman, Uziel & El-Yaniv 2019, arXiv:1805.08206.
    """
    ranked = _Ranked(sample, error, confidence)
    count = sample.slices.count
    value = ranked.value(None)
    square, fourth = np.zeros(count), np.zeros(count)
    for g in range(len(sample.slices.groupings)):
        of_patient, of_slice = patient_sums(sample, sample.slices.of_rows(g).astype(np.int64), ranked.influence(g))
        square += np.bincount(of_slice, of_patient**2, minlength=count)
        fourth += np.bincount(of_slice, of_patient**4, minlength=count)
    sums = moments(sample, [])
    patients = sums.effective
    with np.errstate(divide="ignore", invalid="ignore"):
        variance = square * patients / (patients - 1)
    flawless = np.flatnonzero(value == 0)
    estimate = Estimates(
        metric="aurc",
        value=value,
        bounds=student_log(value, variance, steady_df(square, fourth, patients)),
        method="influence-log-clustered" if sample.repeats else "influence-log",
        params=dict(params or {}),
        notes={int(s): "no one is misjudged: no interval" for s in flawless},
    )
    return Family(
        estimates=[estimate],
        points=lambda times: [ranked.value(times)],
        influence=lambda grouping: [ranked.influence(grouping)],
    )


class _Ranked:
    """Rows from the most confident down, within each slice of each grouping."""

    def __init__(self, sample: Sample, error: BoolArray, confidence: FloatArray) -> None:
        self.sample = sample
        self.error = error.astype(np.float64)
        self.weight = np.ones(sample.n) if sample.weight is None else sample.weight
        self.confidence = confidence
        self.down = np.argsort(-confidence, kind="stable")

    def value(self, times: FloatArray | None) -> FloatArray:
        """(S,) AURC with each row counted so many times."""
        weight = self.weight if times is None else self.weight * times
        out = np.full(self.sample.slices.count, np.nan)
        for g in range(len(self.sample.slices.groupings)):
            order, of_row, last = self._order(g)
            _, risk = self._kept(order, of_row, last, weight)
            w = weight[order]
            members = self.sample.slices.members(g)
            with np.errstate(divide="ignore", invalid="ignore"):
                found = np.bincount(of_row, np.where(w > 0, w * risk, 0.0), minlength=len(out)) / np.bincount(
                    of_row, w, minlength=len(out)
                )
            out[members] = found[members]
        return out

    def influence(self, grouping: int) -> FloatArray:
        """(n,) share of each row in the error of its slice's AURC, in the rows' own order."""
        order, of_row, last = self._order(grouping)
        kept, risk = self._kept(order, of_row, last, self.weight)
        w, wrong = self.weight[order], self.error[order]
        count = self.sample.slices.count
        total = np.bincount(of_row, w, minlength=count)
        area = np.bincount(of_row, w * risk, minlength=count) / np.where(total > 0, total, 1.0)
        # a row moves the risk at its own confidence and at every lower one
        per_kept, risk_per_kept = _from_here_on(w / kept, of_row, last), _from_here_on(w * risk / kept, of_row, last)
        share = w * (risk - area[of_row] + wrong * per_kept - risk_per_kept) / total[of_row]
        out = np.empty(len(share))
        out[order] = share
        return out

    def _order(self, grouping: int) -> tuple[IntArray, IntArray, IntArray]:
        """Rows sorted by slice, then confidence; their slices; the last row of each one's block of equal confidence."""
        of_all = self.sample.slices.of_rows(grouping)
        by_slice = np.argsort(of_all[self.down], kind="stable")
        order = self.down[by_slice]
        of_row, level = of_all[order].astype(np.int64), self.confidence[order]
        n = len(order)
        ends = np.ones(n, dtype=bool)
        ends[:-1] = (of_row[1:] != of_row[:-1]) | (level[1:] != level[:-1])
        at = np.flatnonzero(ends)
        return order, of_row, at[np.searchsorted(at, np.arange(n))]

    def _kept(
        self, order: IntArray, of_row: IntArray, last: IntArray, weight: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Weight kept at each row's confidence, and the error rate among those kept."""
        w = weight[order]
        kept, wrong = _so_far(w, of_row)[last], _so_far(w * self.error[order], of_row)[last]
        with np.errstate(divide="ignore", invalid="ignore"):
            return kept, np.where(kept > 0, wrong / kept, 0.0)


def _so_far(values: FloatArray, of_row: IntArray) -> FloatArray:
    """Running sums that start anew in each slice; rows come sorted by slice."""
    running = np.cumsum(values)
    if len(running) == 0:
        return running
    first = np.concatenate([[True], of_row[1:] != of_row[:-1]])
    start = np.maximum.accumulate(np.where(first, np.arange(len(values)), 0))
    before = np.where(start > 0, running[start - 1], 0.0)
    out: FloatArray = running - before
    return out


def _from_here_on(values: FloatArray, of_row: IntArray, last: IntArray) -> FloatArray:
    """Sums from a row's block to the end of its slice."""
    so_far = _so_far(values, of_row)
    if len(values) == 0:
        return so_far
    total = np.bincount(of_row, values)[of_row]
    first_of_block = np.concatenate([[True], last[1:] != last[:-1]])
    start = np.maximum.accumulate(np.where(first_of_block, np.arange(len(values)), 0))
    out: FloatArray = total - so_far[start] + values[start]
    return out
