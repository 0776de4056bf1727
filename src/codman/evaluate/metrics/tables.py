"""Two-by-two tables of flag against event, every slice and threshold, with the second moments of patients' sums.

Everything at a threshold is a function of the four totals; its variance is the quadratic form of its gradient in the
moments. For independent rows of equal weight the moments are the counts themselves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from codman.evaluate.distributions import t_quantiles, z_of_level
from codman.evaluate.estimates import Bounds, FloatArray
from codman.evaluate.groups import Slices
from codman.evaluate.intervals import wilson, wilson_ends
from codman.evaluate.kernels.library import count_between, gram, patient_moments, side_by_side
from codman.evaluate.ranked import Ranked

TP, FP, FN, TN = 0, 1, 2, 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """One threshold on S slices."""

    threshold: float
    totals: FloatArray  # (S, 4) weight of true positives, false positives, false negatives, true negatives
    rows: FloatArray  # (S, 4) rows
    moments: FloatArray  # (S, 4, 4) second moments of patients' sums
    units: FloatArray  # (S,) patients
    plain: bool  # independent rows of equal weight
    df: FloatArray | None = None  # (S,) degrees of freedom of variances by patient

    def sum(self, parts: Sequence[int]) -> FloatArray:
        """(S,) total of some of the four."""
        total: FloatArray = np.sum(self.totals[:, parts], axis=1)
        return total

    def variance(self, gradient: FloatArray) -> FloatArray:
        """(S,) variance of a smooth function whose gradient in the totals is (S, 4) and sums to nothing along them."""
        square: FloatArray = np.maximum(np.einsum("si,sij,sj->s", gradient, self.moments, gradient), 0)
        with np.errstate(divide="ignore", invalid="ignore"):
            return square if self.plain else square * self.units / (self.units - 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """A proportion of two parts of a table, with the number of independent patients it is worth."""

    value: FloatArray  # (S,)
    worth: FloatArray  # (S,) denominator, or Korn–Graubard's effective number
    patients: FloatArray  # (S,) Kish's number of patients in the denominator, for the t correction
    plain: bool

    def bounds(self) -> Bounds:
        """Wilson; clustered or weighted, with Korn and Graubard's effective n (1998) and t for few patients."""
        if self.plain:
            return wilson(self.value, self.worth)

        def bounded(level: float) -> tuple[FloatArray, FloatArray]:
            z = z_of_level(level)
            t = t_quantiles(0.5 + level / 2, self.patients - 1)
            return wilson_ends(self.value, self.worth * (z / t) ** 2, level)

        return bounded

    @property
    def method(self) -> str:
        """How the interval is computed."""
        return "wilson" if self.plain else "wilson-korn-graubard"


def share(table: Table, numerator: Sequence[int], denominator: Sequence[int]) -> Share:
    """A proportion and what it is worth. Source: Korn & Graubard 1998, Survey Methodology 24:193."""
    top, bottom = table.sum(numerator), table.sum(denominator)
    with np.errstate(divide="ignore", invalid="ignore"):
        value = top / bottom
        if table.plain:
            return Share(value=value, worth=bottom, patients=bottom, plain=True)
        pick, among = _mask(numerator), _mask(denominator)
        gradient = (pick[None, :] - value[:, None] * among[None, :]) / bottom[:, None]
        variance = table.variance(gradient)
        kish = bottom**2 / np.einsum("i,sij,j->s", among, table.moments, among)
        worth = np.where(variance > 0, value * (1 - value) / variance, kish)
        worth = np.minimum(worth, np.sum(table.rows[:, denominator], axis=1))
    return Share(value=value, worth=worth, patients=kish, plain=False)


def correlation(
    table: Table, one: tuple[Sequence[int], Sequence[int]], other: tuple[Sequence[int], Sequence[int]]
) -> FloatArray:
    """(S,) correlation of two proportions of one table, each (numerator, denominator); 0 where one does not vary."""
    gradients = []
    for numerator, denominator in (one, other):
        bottom = table.sum(denominator)
        with np.errstate(divide="ignore", invalid="ignore"):
            value = table.sum(numerator) / bottom
            gradients.append((_mask(numerator)[None] - value[:, None] * _mask(denominator)[None]) / bottom[:, None])
    with np.errstate(divide="ignore", invalid="ignore"):
        first, second = (np.einsum("si,sij,sj->s", g, table.moments, g) for g in gradients)
        both = np.einsum("si,sij,sj->s", gradients[0], table.moments, gradients[1])
        joint: FloatArray = np.nan_to_num(both / np.sqrt(first * second)).clip(-1, 1)
    return joint


def _mask(parts: Sequence[int]) -> FloatArray:
    out = np.zeros(4)
    out[list(parts)] = 1.0
    return out


def tables(ranked: Ranked, thresholds: Sequence[float]) -> list[Table]:
    """Two-by-two tables at each threshold; positive is score >= threshold."""
    if not thresholds:
        return []
    if ranked.subject is not None:
        if ranked.weight is None:
            return _by_patients(ranked, thresholds)
        return [_by_patient(ranked, threshold) for threshold in thresholds]
    above, everyone = counts_above(ranked, thresholds)
    below = everyone[None] - above if ranked.weight is None else _counts_below(ranked, thresholds)
    return _by_row(ranked.slices, above, below, thresholds, plain=ranked.weight is None, df=ranked.df)


def counts_above(ranked: Ranked, thresholds: Sequence[float]) -> tuple[FloatArray, FloatArray]:
    """(T, S, 2, 3) rows, weight, squared weight by event at or above each threshold, and (S, 2, 3) of all."""
    cuts = np.asarray(thresholds, dtype=np.float64)
    falling = np.argsort(-cuts, kind="stable")
    # the arranged scores fall, so the rows at or above a cut are the first ones
    ends = np.searchsorted(-ranked.sorted_score, -cuts[falling], side="right")
    edges = np.concatenate([[0], ends, [len(ranked.score)]]).astype(np.int64)
    cells = ranked.slices.of_cell.shape[1]
    between = count_between(edges, ranked.sorted_code, ranked.sorted_weight, cells * 2)
    above_cells = np.cumsum(between, axis=0).reshape(len(cuts) + 1, cells, 2, 3)
    by_slice = ranked.slices.totals(np.ascontiguousarray(above_cells.transpose(1, 0, 2, 3))).transpose(1, 0, 2, 3)
    above = np.empty_like(by_slice[:-1])
    above[falling] = by_slice[:-1]
    return above, by_slice[-1]


def _counts_below(ranked: Ranked, thresholds: Sequence[float]) -> FloatArray:
    """(T, S, 2, 3) as counts_above, of who is below: summed, as a small weight is lost in large ones' difference."""
    cuts = np.asarray(thresholds, dtype=np.float64)
    rising = np.argsort(cuts, kind="stable")
    starts = np.searchsorted(-ranked.sorted_score, -cuts[rising], side="right")
    cells = ranked.slices.of_cell.shape[1]
    edges = np.concatenate([[0], starts[::-1], [len(ranked.score)]]).astype(np.int64)
    between = count_between(edges, ranked.sorted_code, ranked.sorted_weight, cells * 2)
    below_cells = np.cumsum(between[:0:-1], axis=0).reshape(len(cuts), cells, 2, 3)
    out = np.empty((len(cuts), ranked.slices.count, 2, 3))
    out[rising] = ranked.slices.totals(np.ascontiguousarray(below_cells.transpose(1, 0, 2, 3))).transpose(1, 0, 2, 3)
    return out


def _by_row(
    slices: Slices,
    above: FloatArray,
    below: FloatArray,
    thresholds: Sequence[float],
    *,
    plain: bool,
    df: FloatArray | None,
) -> list[Table]:
    out = []
    for t, threshold in enumerate(thresholds):
        four = np.stack([above[t, :, 1], above[t, :, 0], below[t, :, 1], below[t, :, 0]], axis=1)  # (S, 4, 3)
        moments = np.zeros((slices.count, 4, 4))
        moments[:, range(4), range(4)] = four[:, :, 2]
        out.append(
            Table(
                threshold=threshold,
                totals=four[:, :, 1],
                rows=four[:, :, 0],
                moments=moments,
                units=four[:, :, 0].sum(axis=1),
                plain=plain,
                df=df,
            )
        )
    return out


@dataclass(frozen=True, slots=True)
class Moments:
    """Second moments of patients' sums at ascending thresholds; names as in `patient_moments`."""

    at: FloatArray  # (S, T, 9) a, b, aa, bb, ab, aP, aN, bP, bN
    whole: FloatArray  # (S, 6) P, N, PP, NN, PN, patients


def moments_by_patient(ranked: Ranked, rising: FloatArray) -> Moments:
    """Every slice at once, one pass a grouping whatever the number of thresholds; rows of equal weight only."""
    subject = ranked.subject
    assert subject is not None  # noqa: S101 (callers checked)
    slices = ranked.slices
    reached = np.searchsorted(rising, ranked.score, side="right").astype(np.int32)
    at, whole = np.empty((slices.count, len(rising), 9)), np.empty((slices.count, 6))

    def one(g: int) -> None:
        members = slices.members(g)
        of_cell = np.ascontiguousarray(slices.of_cell[g] - int(members[0]))
        at[members], whole[members] = patient_moments(subject, ranked.code, reached, len(members), of_cell, len(rising))

    side_by_side(one, range(len(slices.groupings)))
    return Moments(at, whole)


def _by_patients(ranked: Ranked, thresholds: Sequence[float]) -> list[Table]:
    rising = np.unique(np.asarray(thresholds, dtype=np.float64))
    found = moments_by_patient(ranked, rising)
    p, n, pp, nn, pn, units = found.whole.T
    out = []
    for threshold in thresholds:
        a, b, aa, bb, ab, a_p, a_n, b_p, b_n = found.at[:, int(np.searchsorted(rising, threshold))].T
        totals = np.stack([a, b, p - a, n - b], axis=1)
        upper = {
            (TP, TP): aa, (FP, FP): bb, (TP, FP): ab, (TP, FN): a_p - aa, (TP, TN): a_n - ab, (FP, FN): b_p - ab,
            (FP, TN): b_n - bb, (FN, FN): pp - 2 * a_p + aa, (TN, TN): nn - 2 * b_n + bb, (FN, TN): pn - a_n - b_p + ab,
        }  # fmt: skip
        moments = np.empty((len(p), 4, 4))
        for (i, j), part in upper.items():
            moments[:, i, j] = moments[:, j, i] = part
        out.append(
            Table(
                threshold=threshold, totals=totals, rows=totals, moments=moments, units=units, plain=False, df=ranked.df
            )
        )
    return out


def _by_patient(ranked: Ranked, threshold: float) -> Table:
    flagged = ranked.score >= threshold
    part = np.where(ranked.event, np.where(flagged, TP, FN), np.where(flagged, FP, TN))
    columns = np.zeros((len(part), 4))
    columns[np.arange(len(part)), part] = 1.0 if ranked.weight is None else ranked.weight
    slices = ranked.slices
    totals, moments, units = (np.empty((slices.count, *shape)) for shape in ((4,), (4, 4), ()))

    def one(g: int) -> None:
        members = slices.members(g)
        of_cell = np.ascontiguousarray(slices.of_cell[g] - int(members[0]))
        totals[members], moments[members], units[members] = gram(
            columns, slices.cell, of_cell, len(members), ranked.subject
        )

    side_by_side(one, range(len(slices.groupings)))
    per_cell = np.zeros((slices.of_cell.shape[1], 4))
    np.add.at(per_cell, (slices.cell, part), 1.0)
    return Table(
        threshold=threshold,
        totals=totals,
        rows=slices.totals(per_cell),
        moments=moments,
        units=units,
        plain=False,
        df=ranked.df,
    )
