"""Regression: a number foretold, a number observed."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from codman.errors import BadInput
from codman.evaluate.columns import BoolArray, numbers
from codman.evaluate.estimates import FloatArray
from codman.evaluate.metrics.regression import regression
from codman.evaluate.metrics.resampling import joined
from codman.evaluate.metrics.uncertainty import of_intervals
from codman.evaluate.result import TaskResult
from codman.evaluate.rows import Standing
from codman.evaluate.sample import Exclusions, count, make_sample, patients, read_table, shared_columns
from codman.evaluate.suppression import suppressed
from codman.evaluate.tasks.asked import one_column, refuse_what_does_not_apply
from codman.spine.evaluation_spec import EvaluationSpec
from codman.tables.source import Source

LARGEST = 1e100  # squares and their sums still fit


def measure(
    source: Source,
    spec: EvaluationSpec,
    others: Mapping[str, Source],  # noqa: ARG001 (every task is called alike)
) -> TaskResult:
    """Measure predicted numbers against observed ones.

    Args:
        source: Has the label column (observed), the score column (predicted), and both columns of a stated interval
            where `spec.interval_columns` names them.
        spec: What to measure.
        others: Not used by this task.

    Raises:
        BadInput: A value is infinite or no number (its row is named), or the spec asks for what has no meaning here.
    """
    refuse_what_does_not_apply(spec, allowed={"interval_columns"})
    label, score = one_column(spec.label, "label"), one_column(spec.score, "score")
    ends = spec.interval_columns or ()
    table = read_table(source, [label, score, *ends, *shared_columns(spec)])
    exclusions = Exclusions(table.num_rows)
    observed = finite_numbers(numbers(table, label, source), label, source)
    predicted = finite_numbers(numbers(table, score, source), score, source)
    exclusions.without_score(np.isnan(predicted))
    exclusions.drop(np.isnan(observed), "label missing")
    sample = make_sample(table, spec, source, exclusions)
    keep = exclusions.keep
    families = [regression(sample, observed[keep], predicted[keep])]
    if spec.interval_columns is not None:
        lower, upper = (numbers(table, column, source) for column in spec.interval_columns)
        refuse_crossed(lower, upper, spec.interval_columns, source)
        families.append(of_intervals(sample, observed[keep], lower[keep], upper[keep]))
    there = patients(sample)
    standing = Standing(
        slices=sample.slices,
        n=count(sample),
        positives=None,
        hidden=suppressed(sample.slices, there, strict=spec.suppression == "strict"),
        level=spec.level,
        patients=there if sample.repeats else None,
    )
    return TaskResult(
        estimates=joined(families, sample, spec), standing=standing, rows=exclusions.rows(sample.patients), spec=spec
    )


def finite_numbers(values: FloatArray, column: str, source: Source) -> FloatArray:
    """The same numbers, none of them infinite.

    Raises:
        BadInput: One is; its row is named.
    """
    unusable = np.abs(values) > LARGEST
    if unusable.any():
        raise BadInput(
            what=f"column {column!r} of {source.uri} cannot be used",
            why=f"{source.row_of(int(np.argmax(unusable)))} is infinite, or too large to be squared",
            fix="write a missing value as null, or a number",
        )
    return values


def refuse_crossed(lower: FloatArray, upper: FloatArray, columns: tuple[str, str], source: Source) -> None:
    """Raise where an interval's lower end lies above its upper end.

    Raises:
        BadInput: One does; its row is named.
    """
    crossed: BoolArray = lower > upper
    if crossed.any():
        raise BadInput(
            what=f"columns {columns[0]!r} and {columns[1]!r} of {source.uri} are no intervals",
            why=f"in {source.row_of(int(np.argmax(crossed)))} the lower end lies above the upper end",
            fix="name the lower end first",
        )
