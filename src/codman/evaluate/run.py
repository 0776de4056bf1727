"""evaluate: predictions in, Measurements out. Start here."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from typing import Final

from codman.evaluate.differences import between_groups
from codman.evaluate.result import Evaluation, TaskResult
from codman.evaluate.rows import measurements
from codman.spine.evaluation_spec import EvaluationSpec
from codman.spine.measurement import Measurement, Measurements
from codman.tables.source import Source

TASKS: Final = {
    "binary": "codman.evaluate.tasks.binary",
    "multiclass": "codman.evaluate.tasks.multiclass",
    "multilabel": "codman.evaluate.tasks.multilabel",
    "regression": "codman.evaluate.tasks.regression",
    "survival": "codman.evaluate.tasks.survival",
}  # loaded when a task runs, so that a binary evaluation does not pay for survival


def run(source: Source, spec: EvaluationSpec, *, others: Mapping[str, Source] | None = None) -> Evaluation:
    """Measure predictions as `spec` says.

    Args:
        source: The predictions.
        spec: What to measure.
        others: Other inputs by name: rows thresholds are chosen on, rows the censoring weights come from.

    Raises:
        BadInput: A column, a value or an argument cannot be used.
    """
    task = importlib.import_module(TASKS[spec.task])
    found: TaskResult = task.measure(source, spec, others or {})
    return Evaluation(
        measurements=Measurements(_written(found)), curves=found.curves, rows=found.rows, spec=found.spec
    )


def _written(found: TaskResult) -> Iterator[Measurement]:
    yield from measurements(found.estimates, found.standing)
    yield from between_groups(found.estimates, found.standing, found.spec.reference, found.spec.metrics)
    for other in found.also:
        yield from _written(other)
