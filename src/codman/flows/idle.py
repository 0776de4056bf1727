"""What was asked for and moves nothing: refused by name, because a statement must not promise what it does not hold."""

from __future__ import annotations

from codman.errors import BadInput
from codman.spine.evaluation_spec import EvaluationSpec
from codman.spine.measurement import Measurements
from codman.tables.reader import require
from codman.tables.source import Source


class IdleArgument(BadInput):
    """An argument that would change no number."""

    def __init__(self, argument: str, why: str, fix: str) -> None:
        super().__init__(what=f"{argument} moves nothing", why=why, fix=fix)


def refuse_idle(spec: EvaluationSpec, source: Source) -> None:
    """Refuse a reference group of no grouping, and bands of no column, before the table is read.

    Raises:
        NoSuchColumn: A column to be cut into bands is not there.
        IdleArgument: A reference is in no `--by`.
    """
    require(source, list(spec.bands))
    grouped = {column for grouping in spec.by for column in grouping}
    for column in spec.reference:
        if column not in grouped:
            raise IdleArgument(f"--reference {column}", f"no --by names {column}", f"add --by {column}")


def refuse_unmeasured(spec: EvaluationSpec, found: Measurements) -> None:
    """Refuse where a metric was asked for by name and nothing at all came of it.

    Raises:
        IdleArgument: It is not of this task, or it needs a threshold, a horizon or a unit that was not given.
    """
    measured = {m.metric for m in found}
    for metric in spec.metrics or []:
        if metric not in measured:
            raise IdleArgument(
                f"--metrics {metric}",
                f"nothing was measured under that name for the task {spec.task!r}",
                "leave it out, choose another --task, or give what it needs: --threshold, --horizon, --by, --unit",
            )
