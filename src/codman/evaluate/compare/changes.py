"""Which method fits which metric: one change on one slice, by how the rows are paired."""

from __future__ import annotations

import math
from typing import Final

from codman.evaluate.compare.change import Change, by_patient, linear, normal, undefined
from codman.evaluate.compare.delong import AurocChange, auroc_change, place
from codman.evaluate.compare.pairs import Pairs
from codman.evaluate.compare.precision_recall import average_precision
from codman.evaluate.compare.rate_changes import ONE_CLASS, balanced_accuracy, nobody, predictive, proportions
from codman.evaluate.compare.rates import AT_THRESHOLD, NEEDS_RISK_THRESHOLD, OF_RISK, SAME_PATIENTS, Ratio

FEWEST_OF_A_CLASS: Final = 30  # below it DeLong's normal quantile gives too narrow an interval


def change_of(metric: str, threshold: float | None, pairs: Pairs, level: float) -> Change:
    """How much one metric changes from A to B, with its paired interval and test.

    Args:
        metric: auroc, auprc, brier, log_loss, or a metric at a threshold.
        threshold: Positive is score >= threshold; None for the first four.
        pairs: The slice's rows.
        level: Of the interval.

    Returns:
        The change; NaN with a note where it is not defined.
    """
    if metric == "auroc":
        return _auroc(pairs, level)
    if metric == "auprc":
        return _auprc(pairs, level)
    if metric in OF_RISK:
        return _risk(metric, pairs, level)
    assert threshold is not None  # noqa: S101 (run.py asks for these only with a threshold)
    return _flagged(metric, threshold, pairs, level)


def _auroc(pairs: Pairs, level: float) -> Change:
    if not 0 < pairs.positives < pairs.n:
        return undefined("auroc", None, pairs, ONE_CLASS)
    a, b = place(pairs.event, pairs.a, pairs.weight), place(pairs.event, pairs.b, pairs.weight)
    found: AurocChange = auroc_change(pairs.event, a, b, pairs.subject if pairs.clustered else None)
    degrees = math.inf if found.clusters >= FEWEST_OF_A_CLASS and not pairs.clustered else max(found.clusters - 1, 1)
    plain = "obuchowski-paired" if pairs.clustered else "delong-paired"
    note = None
    if found.clusters < FEWEST_OF_A_CLASS:
        note = f"fewer than {FEWEST_OF_A_CLASS} patients in a class: t quantile with {degrees} degrees of freedom"
    return normal(
        "auroc",
        None,
        pairs,
        value=found.change,
        variance=found.variance,
        degrees=degrees,
        level=level,
        method=plain if pairs.weight is None else f"{plain}:weighted",
        influence=by_patient(b.influence - a.influence, pairs),
        note=note,
    )


def _auprc(pairs: Pairs, level: float) -> Change:
    if not 0 < pairs.positives < pairs.n:
        return undefined("auprc", None, pairs, ONE_CLASS)
    value_a, moved_a = average_precision(pairs.event, pairs.a, pairs.weight)
    value_b, moved_b = average_precision(pairs.event, pairs.b, pairs.weight)
    return linear("auprc", None, pairs, value_b - value_a, moved_b - moved_a, pairs.event, level, "influence-paired")


def _risk(metric: str, pairs: Pairs, level: float) -> Change:
    for model, score in (("A", pairs.a), ("B", pairs.b)):
        if score.min(initial=0.0) < 0.0 or score.max(initial=1.0) > 1.0:
            return undefined(metric, None, pairs, f"scores of {model} lie outside 0 to 1, so they are not risks")
    a, b = OF_RISK[metric](pairs.event, pairs.a), OF_RISK[metric](pairs.event, pairs.b)
    return _ratio(metric, None, pairs, a, b, level, "mean-paired")


def _flagged(metric: str, threshold: float, pairs: Pairs, level: float) -> Change:
    if metric in NEEDS_RISK_THRESHOLD and not 0.0 < threshold < 1.0:
        return undefined(metric, threshold, pairs, "needs a threshold between 0 and 1")
    flag_a, flag_b = pairs.a >= threshold, pairs.b >= threshold
    if metric == "balanced_accuracy":
        return balanced_accuracy(threshold, pairs, flag_a, flag_b, level)
    rule = AT_THRESHOLD[metric]
    a, b = rule(pairs.event, flag_a, threshold), rule(pairs.event, flag_b, threshold)
    if metric in SAME_PATIENTS:
        return proportions(metric, threshold, pairs, a, b, level)
    if metric in ("ppv", "npv"):
        return predictive(metric, threshold, pairs, a, b, level)
    return _ratio(metric, threshold, pairs, a, b, level, "delta-paired" if metric == "f1" else "mean-paired")


def _ratio(metric: str, threshold: float | None, pairs: Pairs, a: Ratio, b: Ratio, level: float, method: str) -> Change:
    value = b.value(pairs.weight) - a.value(pairs.weight)
    if math.isnan(value):
        return undefined(metric, threshold, pairs, nobody(metric, a, b))
    moved = b.influence(pairs.weight) - a.influence(pairs.weight)
    return linear(metric, threshold, pairs, value, moved, (a.bottom > 0) | (b.bottom > 0), level, method)
