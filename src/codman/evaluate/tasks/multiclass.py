"""One class of several, with a probability for each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

import numpy as np
import pyarrow as pa

from codman.errors import BadInput, nearest
from codman.evaluate.binary import measure_scores
from codman.evaluate.columns import BoolArray, codes, numbers
from codman.evaluate.estimates import FloatArray, IntArray
from codman.evaluate.groups import MISSING
from codman.evaluate.metrics.macro_auroc import macro_auroc
from codman.evaluate.metrics.multiclass import Confusion, judged, log_loss
from codman.evaluate.metrics.resampling import joined
from codman.evaluate.metrics.uncertainty import estimates as uncertainty
from codman.evaluate.prediction_sets import read_declined, read_sets
from codman.evaluate.result import TaskResult
from codman.evaluate.rows import Standing
from codman.evaluate.sample import Exclusions, Sample, count, make_sample, patients, read_table, shared_columns
from codman.evaluate.suppression import suppressed
from codman.evaluate.tasks.asked import one_column, refuse_what_does_not_apply
from codman.evaluate.tasks.drawings import named_curves
from codman.evaluate.tasks.regression import finite_numbers
from codman.spine.evaluation_spec import EvaluationSpec
from codman.spine.statement import Curves
from codman.tables.source import Source

SUM_SLACK: Final = 1e-3  # probabilities written with three decimals still sum to 1


def measure(
    source: Source,
    spec: EvaluationSpec,
    others: Mapping[str, Source],  # noqa: ARG001 (every task is called alike)
) -> TaskResult:
    """Measure class probabilities against the class that happened.

    The class called is the one with the highest score; among equals, the first as the spec lists them. Each class is
    also judged against all others by the binary engine, with `params.class`. Scores that are no probabilities (outside
    0 to 1, or a row whose sum is off 1 by more than 0.001) are ranked and called; log loss is null and says why.

    Args:
        source: Has the label column and one score column a class (`spec.score` maps class to column).
        spec: What to measure; thresholds apply to every class against the rest.
        others: Not used by this task.

    Raises:
        BadInput: A label that is no class, or an infinite score (the row is named), or what has no meaning here.
    """
    refuse_what_does_not_apply(spec, allowed={"thresholds", "prediction_set", "abstain"})
    label = one_column(spec.label, "label")
    if not isinstance(spec.score, dict) or len(spec.score) < 2:
        raise BadInput(
            what="several classes need a score column each",
            why="no class was matched to its column" if not isinstance(spec.score, dict) else "there is one class only",
            fix="name every class: --score CLASS=COLUMN,CLASS=COLUMN",
        )
    classes, columns = list(spec.score), list(spec.score.values())
    extra = [column for column in (spec.prediction_set, spec.abstain) if column is not None]
    table = read_table(source, [label, *columns, *extra, *shared_columns(spec)])
    exclusions = Exclusions(table.num_rows)
    scores = np.column_stack([finite_numbers(numbers(table, column, source), column, source) for column in columns])
    exclusions.without_score(np.any(np.isnan(scores), axis=1))
    truth = class_codes(table, label, classes, source)
    exclusions.drop(truth < 0, "label missing")
    sample = make_sample(table, spec, source, exclusions)
    keep = exclusions.keep
    truth, scores = truth[keep], scores[keep]
    called = np.argmax(scores, axis=1) if len(scores) else np.zeros(0, dtype=np.int64)
    of_truth = scores[np.arange(len(truth)), truth]
    found = joined(
        [
            judged(Confusion(sample, truth, called, classes)),
            macro_auroc(sample, truth, scores, classes),
            log_loss(sample, of_truth, why_not=not_probabilities(scores)),
        ],
        sample,
        spec,
    )
    found += uncertainty(
        sample,
        spec,
        error=called != truth,
        confidence=scores.max(axis=1, initial=-np.inf),
        declined=None if spec.abstain is None else _kept(read_declined(table, spec.abstain, source), keep),
        sets=None
        if spec.prediction_set is None
        else read_sets(table, spec.prediction_set, label, source, classes=classes).kept(keep),
    )
    there = patients(sample)
    strict = spec.suppression == "strict"
    standing = Standing(
        slices=sample.slices,
        n=count(sample),
        positives=None,
        hidden=suppressed(
            sample.slices,
            there,
            strict=strict,
            smaller_class=smallest(sample, truth, classes) if strict else None,
        ),
        level=spec.level,
        patients=there if sample.repeats else None,
    )
    result = TaskResult(estimates=found, standing=standing, rows=exclusions.rows(sample.patients), spec=spec)
    return _with_each_class(result, sample, truth, scores, classes)


def class_codes(table: pa.Table, label: str, classes: list[str], source: Source) -> IntArray:
    """(n,) class of each row by printed text; -1 where missing.

    Raises:
        BadInput: A label that is no class; its row is named, its value is not shown.
    """
    found = codes(table, label)
    place = {name: k for k, name in enumerate(classes)} | {MISSING: -1}
    unknown = [level for level in found.levels if level not in place]
    if unknown:
        bad = np.isin(found.codes, [found.levels.index(level) for level in unknown])
        raise BadInput(
            what=f"column {label!r} of {source.uri} holds {len(unknown)} values that are no class",
            why=f"first in {source.row_of(int(np.argmax(bad)))}; the classes are {', '.join(map(repr, classes[:12]))}",
            fix=f"{nearest(unknown[0], classes)}; every class needs its CLASS=COLUMN in --score",
        )
    of_level = np.array([place[level] for level in found.levels], dtype=np.int64)
    return of_level[found.codes] if len(of_level) else np.zeros(0, dtype=np.int64)


def not_probabilities(scores: FloatArray) -> str | None:
    """Why the rows of scores are no probabilities; None where they are."""
    if len(scores) == 0:
        return None
    if scores.min() < 0 or scores.max() > 1:
        return "scores lie outside 0 to 1: they rank classes but are no probabilities"
    off = np.abs(scores.sum(axis=1) - 1) > SUM_SLACK
    if off.any():
        return f"in {int(off.sum())} of {len(off)} rows the classes' probabilities do not sum to 1"
    return None


def smallest(sample: Sample, truth: IntArray, classes: list[str]) -> IntArray:
    """(S,) patients of the rarest class, for strict suppression."""
    out: IntArray = np.stack([patients(sample, truth == k) for k in range(len(classes))]).min(axis=0)
    return out


def _kept(pair: tuple[BoolArray, BoolArray], keep: BoolArray) -> tuple[BoolArray, BoolArray]:
    return pair[0][keep], pair[1][keep]


def _with_each_class(
    result: TaskResult, sample: Sample, truth: IntArray, scores: FloatArray, classes: list[str]
) -> TaskResult:
    also: list[TaskResult] = []
    curves = Curves()
    for k, name in enumerate(classes):
        params = {"class": name}
        one = measure_scores(sample, truth == k, np.ascontiguousarray(scores[:, k]), result.spec, params=params)
        also.append(TaskResult(estimates=one.estimates, standing=one.standing, rows=result.rows, spec=result.spec))
        curves = named_curves(curves, one.curves, params)
    return replace(result, also=tuple(also), curves=curves)
