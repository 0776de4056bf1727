"""compare: two prediction files in, Measurements of B minus A out. Start here."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from codman.errors import BadInput, nearest
from codman.evaluate.binary import measure_scores
from codman.evaluate.columns import BoolArray
from codman.evaluate.compare.anytime import anytime
from codman.evaluate.compare.arms import compare_arms
from codman.evaluate.compare.bootstrap import resampled
from codman.evaluate.compare.change import Change
from codman.evaluate.compare.changes import Named, changes_of
from codman.evaluate.compare.cohort import Cohort, Group, make_cohort
from codman.evaluate.compare.margins import check_margins
from codman.evaluate.compare.pairing import Paired, pair
from codman.evaluate.compare.pairs import Pairs
from codman.evaluate.compare.rates import AT_THRESHOLD, OF_RISK
from codman.evaluate.compare.written import hidden, written
from codman.evaluate.rows import measurements
from codman.evaluate.sample import Exclusions, Sample, make_sample, shared_columns
from codman.spine.comparison_spec import ComparisonSpec
from codman.spine.evaluation_spec import EvaluationSpec
from codman.spine.measurement import Measurement, Measurements
from codman.spine.statement import Rows
from codman.tables.source import Source

OVERALL: Final = ("auroc", "auprc", *OF_RISK)
THRESHOLDED: Final = (*(m for m in AT_THRESHOLD if m != "f1"), "balanced_accuracy", "f1")
COMPARABLE: Final = (*OVERALL, *THRESHOLDED, "mcnemar")


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What a comparison found."""

    measurements: Measurements
    rows: Rows
    spec: ComparisonSpec


class NotComparable(BadInput):
    """A metric was asked for that cannot be compared between two models here."""


def run(a: Source, b: Source, spec: ComparisonSpec) -> Comparison:
    """Measure how much better or worse model B is than model A: on the same patients, or each on its own.

    Args:
        a: Predictions of model A (the one in use).
        b: Predictions of model B (the challenger).
        spec: What to compare.

    Returns:
        For every metric and slice: A's own value and B's (`params.model`), the change B minus A with its interval,
        and where a margin was given the conclusion in `params.conclusion`.

    Raises:
        BadInput: Rows cannot be paired, or a column, a value or an argument cannot be used.
    """
    wanted = _wanted(spec)
    shape = _evaluation(spec, list(wanted))
    if spec.design == "ab":
        found, rows = compare_arms(a, b, spec, shape, _names(wanted, spec))
        return Comparison(measurements=Measurements(found), rows=rows, spec=spec)
    paired = pair(a, b, spec, shared_columns(shape))
    sample, rows = _sample(paired, shape, a)
    event = paired.event[sample.row]
    models = [measure_scores(sample, event, score[sample.row], shape, curves=False) for score in (paired.a, paired.b)]
    cohort = make_cohort(sample, event, *(model.ranked for model in models))
    own = [
        row.model_copy(update={"params": {**row.params, "model": name}})
        for name, model in zip("ab", models, strict=True)
        for row in measurements(model.estimates, model.standing)
    ]
    changes = _changes(cohort, models[0].standing.hidden, spec, wanted)
    return Comparison(measurements=Measurements([*changes, *own]), rows=rows, spec=spec)


def _wanted(spec: ComparisonSpec) -> tuple[str, ...]:
    """The models' own metrics to compare, margins checked against them."""
    check_margins(spec.margins)
    for name in [*(spec.metrics or ()), *spec.margins]:
        if name not in COMPARABLE:
            raise NotComparable(
                what=f"{name!r} cannot be compared between two models",
                why="it has no paired interval here",
                fix=nearest(name, COMPARABLE),
            )
    asked = COMPARABLE if spec.metrics is None else tuple(dict.fromkeys([*spec.metrics, *spec.margins]))
    for name in asked if spec.metrics is not None else spec.margins:
        if name not in OVERALL and not spec.thresholds:
            raise NotComparable(
                what=f"{name} needs a threshold",
                why="no --threshold was given",
                fix="say from which score on a patient is flagged, for example --threshold 0.2",
            )
    return asked if spec.thresholds else tuple(name for name in asked if name in OVERALL)


def _names(wanted: tuple[str, ...], spec: ComparisonSpec) -> list[Named]:
    """Each metric, and each threshold of one that has them."""
    names: list[Named] = [(name, None) for name in wanted if name in OVERALL]
    return names + [(name, t) for name in wanted if name not in OVERALL for t in spec.thresholds]


def _evaluation(spec: ComparisonSpec, metrics: list[str]) -> EvaluationSpec:
    """What is asked of each model alone."""
    return EvaluationSpec(
        task="binary",
        label=spec.label,
        score=spec.score,
        positive=spec.positive,
        by=spec.by,
        bands=spec.bands,
        thresholds=spec.thresholds,
        subject=spec.subject,
        weight=spec.weight,
        metrics=[name for name in metrics if name != "mcnemar"],
        interval="analytic" if spec.interval == "anytime" else spec.interval,
        replicates=spec.replicates,
        level=spec.level,
        suppression=spec.suppression,
        seed=spec.seed,
    )


def _sample(paired: Paired, shape: EvaluationSpec, a: Source) -> tuple[Sample, Rows]:
    exclusions = Exclusions(len(paired.event))
    exclusions.drop(paired.label_missing, "label missing")
    exclusions.without_score(np.isnan(paired.a) | np.isnan(paired.b))
    sample = make_sample(paired.table, shape, a, exclusions)
    counted = exclusions.rows(sample.patients)
    excluded = {**paired.unpaired, **counted.excluded}
    rows = counted.model_copy(update={"eligible": counted.evaluated + sum(excluded.values()), "excluded": excluded})
    return sample, rows


def _changes(cohort: Cohort, few: BoolArray, spec: ComparisonSpec, wanted: tuple[str, ...]) -> Iterator[Measurement]:
    names = _names(wanted, spec)
    found = changes_of(cohort, names, spec.level, shown=~few)
    if spec.interval != "analytic":
        found = [
            None if of_slice is None else _again(of_slice, group, spec)
            for of_slice, group in zip(found, cohort.groups, strict=True)
        ]
    for k, (metric, threshold) in enumerate(names):
        for s, (of_slice, name) in enumerate(zip(found, cohort.slices.names, strict=True)):
            if of_slice is None:
                yield hidden(metric, threshold, name)
            else:
                yield written(of_slice[k], name, spec, _subjects(of_slice[k], cohort, s))


def _again(found: list[Change], group: Group, spec: ComparisonSpec) -> list[Change]:
    """The changes with the intervals that were asked for, in place of the analytic ones."""
    if spec.planned is None:
        return _resampled(found, group.pairs(), spec)
    return [anytime(change, group, level=spec.level, planned=spec.planned) for change in found]


def _resampled(found: list[Change], pairs: Pairs, spec: ComparisonSpec) -> list[Change]:
    """The changes with bootstrap intervals; McNemar's test keeps its own."""
    changes = [change for change in found if change.metric != "mcnemar"]
    again = iter(
        resampled(changes, pairs, kind=spec.interval, replicates=spec.replicates, level=spec.level, seed=spec.seed)
    )
    return [change if change.metric == "mcnemar" else next(again) for change in found]


def _subjects(change: Change, cohort: Cohort, s: int) -> dict[str, int]:
    """How many patients a change that rests on all rows of its slice is about, where rows repeat patients."""
    group = cohort.groups[s]
    return {} if cohort.subject is None or change.n != group.n else {"subjects": group.patients}
