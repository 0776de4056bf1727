"""Domain: a classifier that tries to tell the current rows from the reference's, on all columns together.

If it cannot, nothing that it could see has changed (Lopez-Paz & Oquab 2017, arXiv:1610.06545). Its odds, fitted on
other rows, are how much more of a patient's kind there is now: the density ratio (Bickel 2009, JMLR 10:2137).

The learner: a logistic model that adds up one effect a bin of every column (numbers by pooled quantiles, a missing
value its own bin), each shrunk towards nought, fitted by cyclic Newton steps in C. It sees any change of a column's own
distribution and of sums of them; what moves only in how columns hang together is MMD's and the reconstruction's to see.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from codman.evaluate.distributions import norm_sf
from codman.evaluate.estimates import FloatArray, IntArray
from codman.evaluate.groups import CodeArray, Slices
from codman.evaluate.intervals import logit_scale
from codman.evaluate.kernels.library import side_by_side
from codman.evaluate.metrics.discrimination import sweep
from codman.evaluate.ranked import rank
from codman.evaluate.sample import Sample
from codman.monitor.drift.column import Pair
from codman.monitor.kernels.library import ByteArray, additive_fit, additive_margin, place

FEWEST_ROWS: Final = 50  # of either side
MOST_WEIGHT: Final = 20.0  # of a reference row: beyond it a few rows would speak for all
_MOST_LEVELS: Final = 250
_SAMPLED: Final = 50_000  # rows that tell where a column's bins begin
_MANY_ROWS: Final = 20_000  # from which bins are finer
_FOLDS: Final = 2
_RIDGE: Final = 8.0  # rows' worth that an effect must overcome
_CYCLES: Final = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Domain:
    """What the classifier found. nr reference rows, nc current rows."""

    auroc: float
    lower: float
    upper: float
    p_value: float  # of telling no better than chance
    folds: int
    ratio: FloatArray  # (nr,) how much more of this kind there is among the current rows; mean 1
    clipped: int  # ratios that were cut to the most
    overlap: float  # how much of the current rows the reference has the like of; about 1, much less where it lacks them
    leaders: dict[str, float]  # columns that tell most: share of the spread of the log odds
    columns: tuple[str, ...]

    @property
    def effective_n(self) -> float:
        """How many of the reference's rows are left once they weigh as the current rows do (Kish)."""
        return float(self.ratio.sum() ** 2 / (self.ratio**2).sum())


def tell_apart(
    pairs: Sequence[Pair],
    *,
    subjects: tuple[CodeArray, CodeArray] | None = None,
    level: float = 0.95,
    seed: int = 7,
) -> Domain | None:
    """Fit on some rows, judge on the others, each fold in turn; rows of a patient stay in one fold.

    Args:
        pairs: The columns.
        subjects: (nr,) and (nc,) patient of each row, the same code in both; None where rows are independent.
        level: Of the interval.
        seed: Of the folds.

    Returns:
        None where either side has fewer than 50 rows, or there is no column.
    """
    if not pairs or min(len(pairs[0].reference), len(pairs[0].current)) < FEWEST_ROWS:
        return None
    before, now = len(pairs[0].reference), len(pairs[0].current)
    n = before + now
    label = np.repeat(np.array([0, 1], np.uint8), [before, now])
    subject = None if subjects is None else np.concatenate(subjects)
    order, edges, fold = _folds(label, subject, _FOLDS, seed)
    count = 8 if n < _MANY_ROWS / 4 else 16 if n < _MANY_ROWS else 32
    bins = np.empty((len(pairs), n), np.uint8)
    widths = np.empty(len(pairs), np.int64)

    def put(c: int) -> None:
        placed, widths[c] = _binned(pairs[c], count)
        bins[c] = placed[order]

    side_by_side(put, range(len(pairs)))
    first = np.concatenate([[0], np.cumsum(widths)]).astype(np.int64)
    kept, margin = label[order], np.empty(n)

    def fit(k: int) -> FloatArray:
        rows = (int(edges[k]), int(edges[k + 1]))
        ones = int(label.sum() - kept[rows[0] : rows[1]].sum())
        intercept = math.log(ones / (n - (rows[1] - rows[0]) - ones))
        effect = additive_fit(
            bins, kept, first, rows, intercept=intercept, ridge=_RIDGE, tolerance=0.02 * math.sqrt(n), cycles=_CYCLES
        )
        additive_margin(bins, first, rows, 0.0, effect, margin)
        return effect

    effects = side_by_side(fit, range(_FOLDS))
    unsorted = np.empty(n)
    unsorted[order] = margin
    value, lower, upper, p = _judged(unsorted, label, fold, subject, level)
    ratio = np.exp(np.minimum(unsorted[:before], 50.0))
    covered = float(ratio.mean())  # 1 where every kind of current row is among the reference's
    ratio *= before / ratio.sum()
    clipped = int(np.count_nonzero(ratio > MOST_WEIGHT))
    ratio = np.minimum(ratio, MOST_WEIGHT)
    ratio *= before / ratio.sum()
    return Domain(
        auroc=value, lower=lower, upper=upper, p_value=p, folds=_FOLDS, ratio=ratio, clipped=clipped, overlap=covered,
        leaders=_leaders(pairs, bins, first, np.mean(effects, axis=0)), columns=tuple(pair.name for pair in pairs),
    )  # fmt: skip


def density_ratio(reference: FloatArray, current: FloatArray) -> FloatArray:
    """(n,) how much more of each reference row's kind there is among the current rows, by a classifier that did not see
    it; mean 1, at most 20.

    Args:
        reference: (n, d) numbers, NaN where missing, at least 50 rows.
        current: (m, d) the same.
    """
    pairs = [
        Pair(
            name=str(c),
            read_as="numbers",
            why="numbers",
            reference=reference[:, c].copy(),
            current=current[:, c].copy(),
        )
        for c in range(reference.shape[1])
    ]
    found = tell_apart(pairs)
    return np.ones(len(reference)) if found is None else found.ratio


def _folds(label: ByteArray, subject: CodeArray | None, folds: int, seed: int) -> tuple[IntArray, IntArray, CodeArray]:
    """Rows in order of their fold, where each fold begins, and each row's fold; classes evenly spread."""
    rng = np.random.default_rng(seed)
    fold = np.empty(len(label), np.int32)
    if subject is None:
        for which in (0, 1):
            rows = np.flatnonzero(label == which)
            fold[rng.permutation(rows)] = np.arange(len(rows), dtype=np.int32) % folds
    else:
        patients = int(subject.max()) + 1
        of_patient = np.empty(patients, np.int32)
        of_patient[rng.permutation(patients)] = np.arange(patients, dtype=np.int32) % folds
        fold = of_patient[subject]
    order = np.argsort(fold.astype(np.uint8), kind="stable")
    edges = np.concatenate([[0], np.cumsum(np.bincount(fold, minlength=folds))]).astype(np.int64)
    return order, edges, fold


def _binned(pair: Pair, count: int) -> tuple[ByteArray, int]:
    """(n,) bin of each row, reference first, and how many bins there are; missing is the last."""
    if pair.numeric:
        both = np.concatenate([pair.reference, pair.current]).astype(np.float64, copy=False)
        some = both[:: max(len(both) // _SAMPLED, 1)]
        some = some[np.isfinite(some)]
        edges = np.unique(np.quantile(some, np.arange(1, count) / count)) if len(some) else np.empty(0)
        placed = place(both, np.ascontiguousarray(edges, np.float64), missing=len(edges) + 1)
        return placed.astype(np.uint8), len(edges) + 2
    both = np.concatenate([pair.reference, pair.current])
    most = min(len(pair.levels), _MOST_LEVELS)
    if len(pair.levels) > most:  # the rarest together
        order = np.argsort(-np.bincount(both[both >= 0], minlength=len(pair.levels)), kind="stable")
        to = np.full(len(pair.levels), most, np.int32)
        to[order[:most]] = np.arange(most)
        both = np.where(both < 0, -1, to[both])
    return np.where(both < 0, most + 1, both).astype(np.uint8), most + 2


def _judged(
    margin: FloatArray, label: ByteArray, fold: CodeArray, subject: CodeArray | None, level: float
) -> tuple[float, float, float, float]:
    """Mean of the folds' AUROCs, each judged by itself, with DeLong's interval (Obuchowski's where patients repeat).

    The two are taken as wholly correlated: where nothing changed, both measure how far the halves' chance differences
    agree, which is one number. The p value is one-sided.
    """
    folds = int(fold.max()) + 1
    slices = Slices(
        names=tuple({"fold": str(k)} for k in range(folds)),
        grouping=np.zeros(folds, np.int64),
        groupings=(("fold",),),
        cell=fold,
        of_cell=np.arange(folds, dtype=np.int32)[None, :],
    )
    repeats = subject is not None and len(np.unique(subject)) < len(subject)
    sample = Sample(slices=slices, subject=subject, weight=None, row=np.arange(len(label)), repeats=repeats)
    found = sweep(rank(sample, label.astype(bool), margin))
    weight = np.bincount(fold, minlength=folds) / len(fold)
    value = float((weight * found.auroc).sum())
    se = float((weight * np.sqrt(found.auroc_variance)).sum())
    if not se > 0:
        return value, math.nan, math.nan, math.nan
    lower, upper = logit_scale(np.array([value]), np.array([se]))(level)
    return value, float(lower[0]), float(upper[0]), norm_sf((value - 0.5) / se)


def _leaders(pairs: Sequence[Pair], bins: ByteArray, first: IntArray, effect: FloatArray) -> dict[str, float]:
    """The five columns that spread the log odds most, as shares of what all spread them."""
    spread = np.empty(len(pairs))
    for c in range(len(pairs)):
        of = effect[first[c] : first[c + 1]]
        share = np.bincount(bins[c, :: max(bins.shape[1] // _SAMPLED, 1)], minlength=len(of))[: len(of)]
        share = share / share.sum()
        spread[c] = float((share * of**2).sum() - (share * of).sum() ** 2)
    whole = spread.sum()
    most = np.argsort(-spread, kind="stable")[:5]
    return {pairs[c].name: round(float(spread[c] / whole), 4) for c in most} if whole > 0 else {}
