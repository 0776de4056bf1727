"""evaluate: predictions in, Measurements out. Start here."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np
import pyarrow as pa

from codman.errors import BadInput
from codman.evaluate.columns import codes, numbers
from codman.evaluate.differences import between_groups
from codman.evaluate.groups import MISSING
from codman.evaluate.result import Evaluation, TaskResult
from codman.evaluate.rows import measurements
from codman.evaluate.sample import read_table
from codman.spine.evaluation_spec import EvaluationSpec, Task
from codman.spine.measurement import Measurement, Measurements
from codman.tables.source import Source, open_source

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
    return Evaluation(measurements=Measurements(_written(found)), curves=found.curves, rows=found.rows, spec=found.spec)


def evaluate(
    source: Any,
    *,
    label: str | list[str],
    score: str | list[str] | dict[str, str],
    by: Sequence[str | Sequence[str]] = (),
    bands: Mapping[str, Sequence[float]] | None = None,
    thresholds: Sequence[float] = (),
    task: Task | None = None,
    **asked: Any,
) -> Measurements:
    """Measure predictions: the door for notebooks.

    Args:
        source: A path, or a polars, pandas or Arrow table.
        label: Column of what happened.
        score: Column of the score; per class `{"class": "column"}`, per label a list.
        by: Groupings: `["sex", ["sex", "age_band"]]`, or `"sex,age_band"` for an intersection.
        bands: Edges that cut a numeric column into bands: `{"age": [0, 40, 65]}`.
        thresholds: Scores at or above which patients are flagged.
        task: Told from the columns where unambiguous.
        **asked: Any other field of EvaluationSpec: subject, weight, unit, level, metrics, interval, …

    Returns:
        Every number with its interval; `polars.DataFrame(result.rows())` makes a table.

    Raises:
        BadInput: A column, a value or an argument cannot be used.
    """
    opened = open_source(source)
    spec = EvaluationSpec(
        task=task or infer_task(opened, label, score, asked.get("time"), asked.get("positive")),
        label=label,
        score=score,
        by=[one.split(",") if isinstance(one, str) else list(one) for one in by],
        bands={column: list(edges) for column, edges in (bands or {}).items()},
        thresholds=list(thresholds),
        **asked,
    )
    return run(opened, spec).measurements


def infer_task(
    source: Source,
    label: str | list[str],
    score: str | list[str] | dict[str, str],
    time: str | None = None,
    positive: str | None = None,
) -> Task:
    """The task, where the arguments and the label's values leave no doubt.

    Raises:
        BadInput: They do not.
    """
    if time is not None:
        return "survival"
    if isinstance(label, list):
        return "multilabel"
    if isinstance(score, dict):
        return "multiclass"
    if positive is not None:
        return "binary"  # one value is the event, so all others are not
    table = read_table(source, [label])
    kind = table.column(label).type
    levels = [] if pa.types.is_floating(kind) else [level for level in codes(table, label).levels if level != MISSING]
    if pa.types.is_floating(kind):
        levels = [str(v) for v in np.unique(numbers(table, label, source)) if v == v][:3]
    if len(levels) <= 2:
        return "binary"
    raise BadInput(
        what=f"the task is not clear from label {label!r} of {source.uri}",
        why="it holds more than two different values",
        fix="an event: --positive VALUE; classes: --score CLASS=COLUMN,… for each; numbers: --task regression",
    )


def _written(found: TaskResult) -> Iterator[Measurement]:
    yield from measurements(found.estimates, found.standing)
    yield from between_groups(found.estimates, found.standing, found.spec.reference, found.spec.metrics)
    for other in found.also:
        yield from _written(other)
