"""Paired bootstrap by patient: both models are judged on the same resampled patients, so what they share cancels."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from codman.evaluate.compare.change import NO_VARIANCE, Change
from codman.evaluate.compare.influence import influence_of
from codman.evaluate.compare.pairs import Pairs, summed
from codman.evaluate.compare.rates import AT_THRESHOLD, OF_RISK, Ratio
from codman.evaluate.distributions import norm_cdf, norm_ppf
from codman.evaluate.estimates import FloatArray, IntArray

MOST_UNDEFINED: Final = 0.05  # with more replicates than this without a value, the rest no longer stand for all
STRATIFIED: Final = (
    "auroc",
    "sensitivity",
    "specificity",
)  # known given the class: drawn within classes
_ROUNDING: Final = 1e-12  # a replicate this near the value is the value, summed in another order
_CELLS: Final = 4_000_000  # replicates × rows held at once

Replicate = Callable[[FloatArray], FloatArray]  # (R, patients) weights -> (R,) change


def resampled(
    changes: list[Change], pairs: Pairs, *, kind: str, replicates: int, level: float, seed: int
) -> list[Change]:
    """The same changes with percentile or BCa intervals from resampled patients.

    Args:
        changes: From changes_of, with their values.
        pairs: The slice's rows.
        kind: `percentile` or `bca`.
        replicates: How many times the patients are drawn.
        level: Of the interval.
        seed: The same seed gives the same interval.

    Returns:
        The changes with new `lower`, `upper` and `method`, without p values; NaN with a note where fewer than 95 % of
        the replicates have a value.

    Source: Efron & Tibshirani 1993, chapters 13 and 14; BCa: Efron 1987, doi:10.1080/01621459.1987.10478410.
    """
    out = list(changes)
    for stratified in (False, True):
        chosen = [
            i for i, c in enumerate(changes) if not math.isnan(c.value) and (c.metric in STRATIFIED) is stratified
        ]
        if not chosen:
            continue
        rules = [_replicate(changes[i], pairs) for i in chosen]
        draws: list[list[FloatArray]] = [[] for _ in chosen]
        for weights in _weights(pairs, replicates, seed, stratified):
            for found, rule in zip(draws, rules, strict=True):
                found.append(rule(weights))
        for i, found in zip(chosen, draws, strict=True):
            out[i] = _with_interval(changes[i], pairs, np.concatenate(found), kind, replicates, level, seed)
    return out


def _weights(pairs: Pairs, replicates: int, seed: int, stratified: bool) -> Iterator[FloatArray]:
    """How often each patient is drawn: (R, patients) at a time."""
    random = np.random.Generator(np.random.Philox(key=[seed, int(stratified)]))
    patients = pairs.patients
    at_once = max(1, _CELLS // max(pairs.n, 1))
    strata = _strata(pairs) if stratified else [np.arange(patients, dtype=np.int64)]
    for start in range(0, replicates, at_once):
        rows = min(at_once, replicates - start)
        weights = np.zeros((rows, patients))
        for members in strata:
            drawn = random.integers(0, len(members), (rows, len(members)))
            drawn += np.arange(rows)[:, None] * len(members)
            counts = np.bincount(drawn.ravel(), minlength=rows * len(members)).reshape(rows, len(members))
            weights[:, members] = counts
        yield weights


def _strata(pairs: Pairs) -> list[IntArray]:
    """Patients with an event, and patients without."""
    had = (
        pairs.event if pairs.subject is None else np.bincount(pairs.subject[pairs.event], minlength=pairs.patients) > 0
    )
    return [members for members in (np.flatnonzero(had), np.flatnonzero(~had)) if len(members)]


def _replicate(change: Change, pairs: Pairs) -> Replicate:
    if change.metric == "auroc":
        a, b = _Ranking(pairs, pairs.a), _Ranking(pairs, pairs.b)
        return lambda weights: b.auroc(weights) - a.auroc(weights)
    if change.metric == "auprc":
        a, b = _Ranking(pairs, pairs.a), _Ranking(pairs, pairs.b)
        return lambda weights: b.auprc(weights) - a.auprc(weights)
    if change.metric == "balanced_accuracy":
        halves = [_ratios(half, change.threshold, pairs) for half in ("sensitivity", "specificity")]
        return lambda weights: sum((half(weights) for half in halves), np.zeros(len(weights))) / 2.0
    return _ratios(change.metric, change.threshold, pairs)


def _ratios(metric: str, threshold: float | None, pairs: Pairs) -> Replicate:
    """Sums by patient, so that a replicate is one product of matrices."""

    def of(score: FloatArray) -> Ratio:
        if threshold is None:
            return OF_RISK[metric](pairs.event, score)
        return AT_THRESHOLD[metric](pairs.event, score >= threshold, threshold)

    def by_patient(rows: FloatArray) -> FloatArray:
        weighted = rows if pairs.weight is None else rows * pairs.weight
        if pairs.subject is None:
            return weighted
        return summed(weighted, pairs.subject, pairs.patients)

    a, b = of(pairs.a), of(pairs.b)
    sums = np.column_stack([by_patient(rows) for rows in (a.top, a.bottom, b.top, b.bottom)])

    def change(weights: FloatArray) -> FloatArray:
        top_a, bottom_a, top_b, bottom_b = (weights @ sums).T
        with np.errstate(invalid="ignore", divide="ignore"):
            moved: FloatArray = top_b / bottom_b - top_a / bottom_a
        return moved

    return change


class _Ranking:
    """One model's rows from the lowest score up, so that a replicate needs no sorting."""

    def __init__(self, pairs: Pairs, score: FloatArray) -> None:
        order = np.argsort(score, kind="stable")
        ranked = score[order]
        self.event = pairs.event[order]
        self.subject: NDArray[np.integer] = order if pairs.subject is None else pairs.subject[order]
        self.weight = None if pairs.weight is None else pairs.weight[order]
        self.first = np.flatnonzero(np.append(True, np.diff(ranked) != 0))  # first row of each block of ties

    def _blocks(self, weights: FloatArray) -> tuple[FloatArray, FloatArray]:
        """(R, blocks) weight of rows with and without the event."""
        drawn = weights[:, self.subject]
        if self.weight is not None:
            drawn = drawn * self.weight
        hits = np.add.reduceat(np.where(self.event, drawn, 0.0), self.first, axis=1)
        return hits, np.add.reduceat(drawn, self.first, axis=1) - hits

    def auroc(self, weights: FloatArray) -> FloatArray:
        hits, misses = self._blocks(weights)
        below = np.cumsum(misses, axis=1)
        pairs = (hits * (below - misses / 2.0)).sum(axis=1)
        with np.errstate(invalid="ignore", divide="ignore"):
            share: FloatArray = pairs / (hits.sum(axis=1) * below[:, -1])
        return share

    def auprc(self, weights: FloatArray) -> FloatArray:
        hits, misses = self._blocks(weights)
        true = np.cumsum(hits[:, ::-1], axis=1)
        flagged = true + np.cumsum(misses[:, ::-1], axis=1)
        with np.errstate(invalid="ignore", divide="ignore"):
            precision = np.where(flagged > 0, true / flagged, 0.0)
            mean: FloatArray = (hits[:, ::-1] * precision).sum(axis=1) / true[:, -1]
        return mean


def _with_interval(
    change: Change, pairs: Pairs, draws: FloatArray, kind: str, replicates: int, level: float, seed: int
) -> Change:
    method = f"bootstrap:{kind}:{replicates}:seed={seed}"
    plain = replace(change, lower=math.nan, upper=math.nan, p_value=None, p_above=None, method=method, params={})
    known = draws[np.isfinite(draws)]
    if len(known) < (1.0 - MOST_UNDEFINED) * len(draws):
        return replace(plain, note=f"{len(draws) - len(known)} of {len(draws)} replicates have no value")
    if float(np.ptp(known)) <= NO_VARIANCE:
        # the analytic change has said already whether no spread means alike or unknown
        return replace(plain, lower=change.lower, upper=change.upper)
    tail = (1.0 - level) / 2.0
    low, high = (tail, 1.0 - tail) if kind == "percentile" else _bca(change, pairs, known, tail)
    lower, upper = np.quantile(known, [low, high])
    return replace(plain, lower=float(lower), upper=float(upper))


def _bca(change: Change, pairs: Pairs, draws: FloatArray, tail: float) -> tuple[float, float]:
    """The quantiles that correct for bias and for a spread that changes with the value."""
    tied = np.abs(draws - change.value) <= _ROUNDING
    below = float(np.mean((draws < change.value) & ~tied) + np.mean(tied) / 2.0)
    below = min(max(below, 0.5 / len(draws)), 1.0 - 0.5 / len(draws))
    bias = norm_ppf(below)
    moved = influence_of(change.metric, change.threshold, pairs)
    spread = float((moved**2).sum())
    acceleration = float((moved**3).sum()) / (6.0 * spread**1.5) if spread > 0.0 else 0.0

    def corrected(p: float) -> float:
        z = bias + norm_ppf(p)
        return norm_cdf(bias + z / (1.0 - acceleration * z))

    return corrected(tail), corrected(1.0 - tail)
