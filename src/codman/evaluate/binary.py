"""The binary engine: a score against a yes-or-no outcome, every metric on every slice.

Used by the binary task, and by multiclass and multilabel one class or label at a time.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np

from codman.evaluate.binary_bootstrap import bootstrapped
from codman.evaluate.bootstrap import Plan
from codman.evaluate.curves import calibration, decision, drawn, ranking
from codman.evaluate.estimates import BoolArray, Estimates, FloatArray
from codman.evaluate.intervals import nowhere
from codman.evaluate.metrics.calibration import ece, points_by_rank, smoothed_errors
from codman.evaluate.metrics.discrimination import auprc, auroc, sweep
from codman.evaluate.metrics.probability import NOT_RISKS, are_risks, prevalence, probability, sums
from codman.evaluate.metrics.recalibration import fit, recalibration
from codman.evaluate.metrics.tables import tables
from codman.evaluate.metrics.thresholds import at_threshold
from codman.evaluate.metrics.utility import utility
from codman.evaluate.ranked import Ranked, rank
from codman.evaluate.rows import Standing
from codman.evaluate.sample import Sample, patients
from codman.evaluate.suppression import suppressed
from codman.spine.evaluation_spec import EvaluationSpec
from codman.spine.statement import Curves
from codman.spine.vocabulary import CHANGE, DIFFERENCE, ESTIMATED, RATIO

RANKING: Final = frozenset({"auroc", "auprc"})
PROBABILITY: Final = frozenset({"brier", "brier_skill", "log_loss", "oe_ratio", "spiegelhalter_z"})
SMOOTHED: Final = frozenset({"ici", "e50", "e90"})
RECALIBRATION: Final = frozenset({"calibration_slope", "calibration_intercept"})
UTILITY: Final = frozenset({"net_benefit", "standardized_net_benefit", "interventions_avoided"})
THRESHOLDED: Final = frozenset(
    {
        "sensitivity", "specificity", "ppv", "npv", "accuracy", "alert_rate", "balanced_accuracy", "f1", "mcc",
        "number_needed_to_evaluate", "likelihood_ratio_positive", "likelihood_ratio_negative",
    }
)  # fmt: skip
LARGE_SAMPLE: Final = frozenset(
    {
        "mcc",
        "likelihood_ratio_positive",
        "likelihood_ratio_negative",
        "brier",
        "brier_skill",
        "log_loss",
        "standardized_net_benefit",
    }
)
LARGE_SAMPLE_BY_PATIENT: Final = RECALIBRATION
TOO_FEW: Final = "no interval: with fewer than 30 patients with the event, or without it, it would not hold its level"
ALL: Final = RANKING | PROBABILITY | SMOOTHED | RECALIBRATION | UTILITY | THRESHOLDED | {"prevalence", "ece"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """What the engine found of one score."""

    ranked: Ranked
    estimates: list[Estimates]
    standing: Standing
    curves: Curves = field(default_factory=Curves)


def measure_scores(
    sample: Sample,
    event: BoolArray,
    score: FloatArray,
    spec: EvaluationSpec,
    *,
    params: Mapping[str, Any] | None = None,
    curves: bool = True,
) -> Scored:
    """Measure one score against one outcome on every slice.

    Args:
        sample: Whose rows these are.
        event: (n,) True where the event happened.
        score: (n,) higher is likelier; infinities rank, NaN is not allowed.
        spec: Thresholds, level and which metrics.
        params: What else names these measurements: the class, the label, the unit.
        curves: Whether to draw.
    """
    ranked = rank(sample, event, score)
    wanted = _wanted(spec.metrics)
    strict = spec.suppression == "strict"
    there = patients(sample)
    stays = spec.unit is not None and spec.subject == spec.unit.column  # what stands for patients may be stays
    hidden = suppressed(
        sample.slices,
        there,
        strict=strict,
        smaller_class=np.minimum(patients(sample, event), patients(sample, ~event)) if strict else None,
    )
    standing = Standing(
        slices=ranked.slices,
        n=ranked.n,
        positives=ranked.positives,
        hidden=hidden,
        level=spec.level,
        patients=there if sample.repeats and not stays else None,
    )
    risks = are_risks(score)
    estimates = measured(ranked, spec, params or {}, wanted, risks=risks)
    if spec.interval != "analytic":
        estimates = bootstrapped(
            ranked,
            estimates,
            lambda rows, names: measured(rows, spec, params or {}, names, risks=risks),
            list(dict.fromkeys(spec.thresholds)),
            Plan(replicates=spec.replicates, seed=spec.seed, corrected=spec.interval == "bca"),
            risks=risks,
        )
    drawing = Curves()
    if curves and spec.metrics is None and len(score):
        shown = drawn(ranked.slices, hidden)
        roc, recall = ranking(ranked, shown)
        drawing = Curves(roc=roc, precision_recall=recall)
        if risks:
            points = points_by_rank(ranked)
            errors, smooths = smoothed_errors(points, params or {})
            estimates += errors
            drawing = Curves(
                roc=roc,
                precision_recall=recall,
                calibration=calibration(points, smooths, ranked.slices, shown, spec.level),
                decision=decision(ranked, shown, spec.level),
            )
    elif risks and SMOOTHED & frozenset(wanted):
        estimates += [e for e in smoothed_errors(points_by_rank(ranked), params or {})[0] if e.metric in wanted]
    return Scored(ranked=ranked, estimates=estimates, standing=standing, curves=drawing)


def _wanted(metrics: Collection[str] | None) -> Collection[str]:
    """The engine's metrics that were asked for; a difference asks for its metric."""
    if metrics is None:
        return ALL
    plain = {m.removeprefix(ESTIMATED) for m in metrics}
    for suffix in (DIFFERENCE, RATIO, CHANGE):
        plain |= {m.removesuffix(suffix) for m in plain if m not in ALL}
    return frozenset(plain) & ALL


def withheld(estimate: Estimates, ranked: Ranked, few: BoolArray) -> Estimates:
    """No interval where it is known not to hold its level, by simulation: docs/coverage.md."""
    listed = LARGE_SAMPLE if ranked.plain else LARGE_SAMPLE | LARGE_SAMPLE_BY_PATIENT
    large = estimate.metric in listed or "kind" in estimate.params
    if not large or estimate.bounds is None or not few.any():
        return estimate
    notes = {int(s): TOO_FEW for s in np.flatnonzero(few)} | dict(estimate.notes)
    return replace(estimate, bounds=nowhere(few, estimate.bounds), notes=notes)


def measured(
    ranked: Ranked, spec: EvaluationSpec, params: Mapping[str, Any], wanted: Collection[str], *, risks: bool
) -> list[Estimates]:
    """Some metrics of rows already sorted, on every slice, with their analytic intervals."""
    few = ranked.few
    return [
        withheld(e, ranked, few) for e in _estimates(ranked, spec, params, wanted, risks=risks) if e.metric in wanted
    ]


def _estimates(
    ranked: Ranked, spec: EvaluationSpec, params: Mapping[str, Any], wanted: Collection[str], *, risks: bool
) -> Iterator[Estimates]:
    wanted = frozenset(wanted)
    if wanted & RANKING:
        found = sweep(ranked)
        yield auroc(ranked, found, params, spec.auroc_interval)
        yield auprc(ranked, found, params)
    cut = [*dict.fromkeys(spec.thresholds)]
    counted = tables(ranked, [*cut, -np.inf]) if wanted & (THRESHOLDED | UTILITY | {"prevalence"}) else []
    if "prevalence" in wanted:
        yield prevalence(counted[-1], params)
    if risks:
        if wanted & PROBABILITY:
            yield from probability(ranked, sums(ranked), params)
        if wanted & RECALIBRATION:
            yield from recalibration(ranked, fit(ranked), params)
        if "ece" in wanted:
            yield ece(ranked, params)
    else:
        yield from _refused(ranked, params, PROBABILITY | RECALIBRATION | SMOOTHED | {"ece"})
    for table in counted[:-1]:
        yield from at_threshold(table, params)
        if risks:
            yield from utility(table, params)


def _refused(ranked: Ranked, params: Mapping[str, Any], metrics: Collection[str]) -> Iterator[Estimates]:
    nothing = np.full(ranked.slices.count, np.nan)
    notes = dict.fromkeys(range(ranked.slices.count), NOT_RISKS)
    for metric in sorted(metrics):
        yield Estimates(metric=metric, value=nothing, method="none", params=params, notes=notes, compared=False)
