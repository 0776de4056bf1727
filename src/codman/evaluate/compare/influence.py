"""Influence: how far each patient moves a change, for bootstrap intervals that correct for skewness (BCa)."""

from __future__ import annotations

import numpy as np

from codman.evaluate.compare.delong import place
from codman.evaluate.compare.pairs import Pairs, summed
from codman.evaluate.compare.precision_recall import average_precision
from codman.evaluate.compare.rates import AT_THRESHOLD, OF_RISK, Ratio
from codman.evaluate.estimates import FloatArray


def influence_of(metric: str, threshold: float | None, pairs: Pairs) -> FloatArray:
    """How far each patient moves the change of a metric from A to B.

    Args:
        metric: auroc, auprc, brier, log_loss, or a metric at a threshold; its change has a value.
        threshold: Positive is score >= threshold; None for the first four.
        pairs: The slice's rows.

    Returns:
        (patients,) derivative in the patient's weight; sums to zero.
    """
    rows = _of_rows(metric, threshold, pairs)
    return rows if pairs.subject is None else summed(rows, pairs.subject, pairs.patients)


def influence_on(metric: str, threshold: float | None, pairs: Pairs) -> FloatArray:
    """The same of A's own metric: (patients,) how far each patient moves it; sums to zero."""
    rows = _of_model(metric, threshold, pairs, pairs.a)
    return rows if pairs.subject is None else summed(rows, pairs.subject, pairs.patients)


def _of_rows(metric: str, threshold: float | None, pairs: Pairs) -> FloatArray:
    """(n,) how far each row moves the change."""
    of_a, of_b = (_of_model(metric, threshold, pairs, score) for score in (pairs.a, pairs.b))
    return of_b - of_a


def _of_model(metric: str, threshold: float | None, pairs: Pairs, score: FloatArray) -> FloatArray:
    if metric == "balanced_accuracy":
        first, second = (_of_model(half, threshold, pairs, score) for half in ("sensitivity", "specificity"))
        return (first + second) / 2.0
    if metric == "prevalence":
        return Ratio(pairs.event.astype(np.float64), np.ones(pairs.n)).influence(pairs.weight)
    if metric == "auroc":
        return place(pairs.event, score, pairs.weight).influence
    if metric == "auprc":
        return average_precision(pairs.event, score, pairs.weight)[1]
    ratio: Ratio
    if threshold is None:
        ratio = OF_RISK[metric](pairs.event, score)
    else:
        ratio = AT_THRESHOLD[metric](pairs.event, score >= threshold, threshold)
    moved = ratio.influence(pairs.weight)
    return moved if pairs.weight is None else moved * pairs.weight
