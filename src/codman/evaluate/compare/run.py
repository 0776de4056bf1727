"""compare: two prediction files in, Measurements of B minus A out. Start here."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import pyarrow as pa

from codman.errors import BadInput, nearest
from codman.evaluate.columns import BoolArray
from codman.evaluate.compare.bootstrap import resampled
from codman.evaluate.compare.change import Change, undefined
from codman.evaluate.compare.changes import change_of
from codman.evaluate.compare.discordance import mcnemar_of
from codman.evaluate.compare.margins import check_margins, judged
from codman.evaluate.compare.pairing import Paired, pair
from codman.evaluate.compare.pairs import Pairs
from codman.evaluate.compare.rates import AT_THRESHOLD, OF_RISK
from codman.evaluate.estimates import IntArray
from codman.evaluate.groups import Slices
from codman.evaluate.rows import finite
from codman.evaluate.run import run as evaluate
from codman.evaluate.sample import Exclusions, Sample, make_sample, shared_columns
from codman.evaluate.suppression import suppressed
from codman.spine.comparison_spec import ComparisonSpec
from codman.spine.evaluation_spec import EvaluationSpec
from codman.spine.measurement import SUPPRESSED, Measurement, Measurements
from codman.spine.statement import Rows
from codman.spine.vocabulary import CHANGE
from codman.tables.source import Source, open_source

OVERALL: Final = ("auroc", "auprc", *OF_RISK)
THRESHOLDED: Final = (*(m for m in AT_THRESHOLD if m != "f1"), "balanced_accuracy", "f1")
COMPARABLE: Final = (*OVERALL, *THRESHOLDED, "mcnemar")
_EVENT, _SCORE = "\0event", "\0score"
NO_WEIGHTS: Final = "weights have no place in McNemar's test; see accuracy_change"


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What a comparison found."""

    measurements: Measurements
    rows: Rows
    spec: ComparisonSpec


class NotComparable(BadInput):
    """A metric was asked for that cannot be compared between two models here."""


def run(a: Source, b: Source, spec: ComparisonSpec) -> Comparison:
    """Measure how much better or worse model B is than model A on the same patients.

    Args:
        a: Predictions of model A (the one in use).
        b: Predictions of model B (the challenger).
        spec: What to compare.

    Returns:
        For every metric and slice: A's own value and B's (`params.model`), the change B minus A with its paired
        interval, and where a margin was given the conclusion in `params.conclusion`.

    Raises:
        BadInput: Rows cannot be paired, or a column, a value or an argument cannot be used.
    """
    wanted = _wanted(spec)
    shape = _evaluation(spec, list(wanted))
    paired = pair(a, b, spec, shared_columns(shape))
    sample, rows = _sample(paired, shape, a)
    pairs = Pairs(
        event=paired.event[sample.row],
        a=paired.a[sample.row],
        b=paired.b[sample.row],
        weight=sample.weight,
        subject=sample.subject,
    )
    if pairs.n == 0:
        raise BadInput(
            what=f"no row of {a.uri} and {b.uri} can be compared",
            why="; ".join(f"{count:,} × {reason}" for reason, count in rows.excluded.items()),
            fix="give files in which both models scored the same labelled patients",
        )
    own = [
        m.model_copy(update={"params": {**m.params, "model": model}})
        for model, score in (("a", pairs.a), ("b", pairs.b))
        for m in _own(paired, sample, shape, pairs.event, score)
    ]
    return Comparison(
        measurements=Measurements([*_changes(pairs, sample.slices, spec, wanted), *own]), rows=rows, spec=spec
    )


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
        interval=spec.interval,
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


def _own(
    paired: Paired, sample: Sample, shape: EvaluationSpec, event: BoolArray, score: np.ndarray
) -> Iterator[Measurement]:
    """One model's own measurements on the rows that both scored."""
    if not shape.metrics:
        return
    judged_rows = pa.array(sample.row)
    columns = {c: paired.table.column(c).take(judged_rows) for c in shared_columns(shape)}
    # names no file has: patients grouped by A's own score or label must stay in A's groups when B is judged
    columns |= {_EVENT: pa.array(event), _SCORE: pa.array(score)}
    alone = shape.model_copy(update={"label": _EVENT, "score": _SCORE, "positive": None})
    for row in evaluate(open_source(pa.table(columns)), alone).measurements:
        if row.metric in shape.metrics:
            yield row


def _changes(pairs: Pairs, slices: Slices, spec: ComparisonSpec, wanted: tuple[str, ...]) -> Iterator[Measurement]:
    names: list[tuple[str, float | None]] = [(name, None) for name in wanted if name in OVERALL]
    names += [(name, t) for name in wanted if name not in OVERALL for t in spec.thresholds]
    members = _members(pairs, slices)
    hidden = suppressed(
        slices,
        np.array([_patients(pairs, rows) for rows in members]),
        strict=spec.suppression == "strict",
        smaller_class=np.array(
            [
                min(_patients(pairs, rows[pairs.event[rows]]), _patients(pairs, rows[~pairs.event[rows]]))
                for rows in members
            ]
        ),
    )
    found = [None if hidden[s] else _on_slice(pairs.take(rows), names, spec) for s, rows in enumerate(members)]
    for k, (metric, threshold) in enumerate(names):
        for s, name in enumerate(slices.names):
            of_slice = found[s]
            yield _hidden(metric, threshold, name) if of_slice is None else _written(of_slice[k], name, spec)


def _members(pairs: Pairs, slices: Slices) -> list[IntArray]:
    """Rows of each slice; a patient's rows side by side, so that sums by patient run through memory in order."""
    order = np.arange(pairs.n) if pairs.subject is None else np.argsort(pairs.subject, kind="stable")
    found: list[IntArray] = []
    for s in range(slices.count):
        rows = slices.of_rows(int(slices.grouping[s]))[order] == s
        found.append(order[rows].astype(np.int64, copy=False))
    return found


def _patients(pairs: Pairs, rows: IntArray) -> int:
    if pairs.subject is None:
        return len(rows)
    return int(np.count_nonzero(np.diff(np.sort(pairs.subject[rows]), prepend=-1)))


def _on_slice(pairs: Pairs, names: list[tuple[str, float | None]], spec: ComparisonSpec) -> list[Change]:
    found: list[Change] = []
    for metric, threshold in names:
        if metric == "mcnemar":
            assert threshold is not None  # noqa: S101 (mcnemar is asked for only with thresholds)
            test = mcnemar_of(threshold, pairs, spec.level)
            found.append(test if pairs.weight is None else undefined(metric, threshold, pairs, NO_WEIGHTS))
        else:
            found.append(change_of(metric, threshold, pairs, spec.level))
    if spec.interval == "analytic":
        return found
    tests = [k for k, change in enumerate(found) if change.metric == "mcnemar"]
    again = resampled(
        [replace(change, value=math.nan) if k in tests else change for k, change in enumerate(found)],
        pairs,
        kind=spec.interval,
        replicates=spec.replicates,
        level=spec.level,
        seed=spec.seed,
    )
    return [found[k] if k in tests else change for k, change in enumerate(again)]


def _named(metric: str) -> str:
    return metric if metric == "mcnemar" else metric + CHANGE


def _hidden(metric: str, threshold: float | None, name: dict[str, str]) -> Measurement:
    params = {} if threshold is None else {"threshold": threshold}
    return Measurement(metric=_named(metric), slice=name, value=None, params=params, note=SUPPRESSED)


def _written(change: Change, name: dict[str, str], spec: ComparisonSpec) -> Measurement:
    params = {} if change.threshold is None else {"threshold": change.threshold}
    params |= change.params
    if change.metric in spec.margins:
        params |= judged(change, spec.margins[change.metric], spec.level)
    lower, upper = finite(change.lower), finite(change.upper)
    bounded = lower is not None and upper is not None
    return Measurement(
        metric=_named(change.metric),
        slice=name,
        value=finite(change.value),
        lower=lower if bounded else None,
        upper=upper if bounded else None,
        level=spec.level if bounded else None,
        p_value=change.p_value,
        n=change.n,
        positives=change.positives,
        method=change.method,
        params=params,
        note=change.note,
    )
