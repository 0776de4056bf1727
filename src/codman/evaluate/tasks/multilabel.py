"""Several yes-or-no outcomes, each with its own score."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from codman.errors import BadInput
from codman.evaluate.binary import measure_scores
from codman.evaluate.columns import label, numbers
from codman.evaluate.estimates import BoolArray
from codman.evaluate.result import TaskResult
from codman.evaluate.sample import Exclusions, Sample, make_sample, read_table, shared_columns
from codman.evaluate.tasks.asked import refuse_what_does_not_apply
from codman.evaluate.tasks.drawings import named_curves
from codman.spine.evaluation_spec import EvaluationSpec
from codman.spine.statement import Curves
from codman.tables.source import Source


def measure(
    source: Source,
    spec: EvaluationSpec,
    others: Mapping[str, Source],  # noqa: ARG001 (every task is called alike)
) -> TaskResult:
    """Measure several labels, each by the binary engine with `params.label`.

    A row without one label, or without its score, is left out for that label only: `n` is that label's, and
    `params.left_out` counts the rows. A row without any label and score is excluded and counted.

    Args:
        source: Has the label columns and the score columns, in the same order.
        spec: What to measure; thresholds apply to every label.
        others: Not used by this task.

    Raises:
        BadInput: As many scores as labels are needed; a label that is not yes or no; what has no meaning here.
    """
    refuse_what_does_not_apply(spec, allowed={"thresholds", "positive"})
    labels, scores = _pairs(spec)
    table = read_table(source, [*labels, *scores, *shared_columns(spec)])
    exclusions = Exclusions(table.num_rows)
    risks = [numbers(table, column, source) for column in scores]
    read = [label(table, column, source, positive=spec.positive) for column in labels]
    exclusions.without_score(np.all([np.isnan(risk) for risk in risks], axis=0))
    known = [~np.isnan(risk) & ~missing for risk, (_, missing) in zip(risks, read, strict=True)]
    exclusions.drop(~np.any(known, axis=0), "every label missing")
    sample = make_sample(table, spec, source, exclusions)
    keep = exclusions.keep
    results: list[TaskResult] = []
    curves = Curves()
    for column, risk, (event, _), usable in zip(labels, risks, read, known, strict=True):
        inside = usable[keep]
        params: dict[str, object] = {"label": column}
        if not inside.all():
            params["left_out"] = int(np.count_nonzero(~inside))
        one = measure_scores(part_of(sample, inside), event[keep][inside], risk[keep][inside], spec, params=params)
        results.append(
            TaskResult(estimates=one.estimates, standing=one.standing, rows=exclusions.rows(sample.patients), spec=spec)
        )
        curves = named_curves(curves, one.curves, {"label": column})
    return replace(results[0], also=tuple(results[1:]), curves=curves)


def part_of(sample: Sample, inside: BoolArray) -> Sample:
    """The same sample over some of its rows; slices stay, even where they lose all rows."""
    if inside.all():
        return sample
    subject = None
    if sample.subject is not None:
        subject = np.unique(sample.subject[inside], return_inverse=True)[1].astype(np.int32)
    return Sample(
        slices=sample.slices.subset(inside),
        subject=subject,
        weight=None if sample.weight is None else sample.weight[inside],
        row=sample.row[inside],
        repeats=subject is not None and len(subject) > 0 and int(subject.max()) + 1 < len(subject),
    )


def _pairs(spec: EvaluationSpec) -> tuple[list[str], list[str]]:
    labels = [spec.label] if isinstance(spec.label, str) else list(spec.label)
    if isinstance(spec.score, dict):
        missing = [name for name in labels if name not in spec.score]
        scores = [] if missing else [spec.score[name] for name in labels]
    else:
        scores = [spec.score] if isinstance(spec.score, str) else list(spec.score)
    if len(labels) != len(scores) or not labels:
        raise BadInput(
            what="every label needs its own score",
            why=f"{len(labels)} label columns and {len(scores)} score columns were given",
            fix="give both in the same order: --label A,B --score RISK_A,RISK_B",
        )
    if len(set(labels)) < len(labels):
        raise BadInput(
            what="a label is named twice", why="its measurements could not be told apart", fix="name it once"
        )
    return labels, scores
