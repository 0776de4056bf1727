"""What a spec asks for that a task cannot give: refused by name, never passed over in silence."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

from codman.errors import BadInput
from codman.spine.evaluation_spec import EvaluationSpec

OF_SOME_TASKS: Final[dict[str, str]] = {
    "thresholds": "--threshold",
    "chosen": "a chosen threshold",
    "unit": "--unit",
    "time": "--time",
    "horizons": "--horizon",
    "survival": "--survival",
    "censoring_from": "--censoring-from",
    "prediction_set": "--prediction-set",
    "interval_columns": "--interval-columns",
    "abstain": "--abstain",
    "positive": "--positive",
}


def refuse_what_does_not_apply(spec: EvaluationSpec, *, allowed: Collection[str]) -> None:
    """Raise when the spec asks for something this task has no meaning for.

    Raises:
        BadInput: It does; the argument is named.
    """
    for field, argument in OF_SOME_TASKS.items():
        if field not in allowed and _given(getattr(spec, field)):
            raise BadInput(
                what=f"{argument} cannot be used here",
                why=f"it has no meaning for the task {spec.task!r}",
                fix=f"leave {argument} out, or choose another --task",
            )


def _given(value: Any) -> bool:
    return value is not None and value != [] and value != {}


def one_column(column: Any, what: str) -> str:
    """The one column this is.

    Raises:
        BadInput: Several, or one per class.
    """
    if isinstance(column, str):
        return column
    if isinstance(column, list) and len(column) == 1:
        return str(column[0])
    raise BadInput(
        what=f"this task takes one {what} column",
        why=f"{len(column)} were given",
        fix=f"name one {what} column, or choose another --task",
    )
