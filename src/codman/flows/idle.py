"""What was asked for and moves nothing: refused by name, because a statement must not promise what it does not hold."""

from __future__ import annotations

from typing import Final

from codman.errors import BadInput
from codman.spine.comparison_spec import ComparisonSpec
from codman.spine.drift_spec import DriftSpec
from codman.spine.estimate_spec import EstimateSpec
from codman.spine.evaluation_spec import EvaluationSpec
from codman.spine.measurement import Measurements
from codman.tables.reader import require
from codman.tables.source import Source

Spec = EvaluationSpec | ComparisonSpec | DriftSpec | EstimateSpec
_MOST_LEVELS: Final = 50  # of a column that may be what it claims, however few its patients
_FEWEST_ROWS: Final = 3  # a level on average, under which it stands for one patient


class IdleArgument(BadInput):
    """An argument that would change no number."""

    def __init__(self, argument: str, why: str, fix: str) -> None:
        super().__init__(what=f"{argument} moves nothing", why=why, fix=fix)


class NamesPatients(BadInput):
    """A grouping whose levels are patients: evidence would list them by name."""

    def __init__(self, grouping: str, why: str) -> None:
        super().__init__(
            what=f"--by {grouping} would name patients in the evidence",
            why=why,
            fix="group by a column that many patients share; an identifier belongs in --subject or --unit",
        )


def refuse_idle(spec: EvaluationSpec, source: Source) -> None:
    """Refuse a reference group of no grouping, and bands of no column, before the table is read.

    Raises:
        NamesPatients: A grouping is by patient or encounter.
        NoSuchColumn: A column to be cut into bands is not there.
        IdleArgument: A reference is in no `--by`.
    """
    require(source, list(spec.bands))
    refuse_identifiers(spec, spec.subject, spec.unit.column if spec.unit is not None else None)
    grouped = {column for grouping in spec.by for column in grouping}
    for column in spec.reference:
        if column not in grouped:
            raise IdleArgument(f"--reference {column}", f"no --by names {column}", f"add --by {column}")


def refuse_identifiers(spec: Spec, *identifiers: str | None) -> None:
    """Refuse a grouping by a column that is said to identify patients, encounters or rows.

    Raises:
        NamesPatients: There is one.
    """
    grouped = {column for grouping in spec.by for column in grouping}
    for column in identifiers:
        if column in grouped:
            raise NamesPatients(str(column), f"{column} identifies a patient, an encounter or a row")


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


def refuse_names(spec: Spec, found: Measurements, rows: int) -> None:
    """Refuse a column with a level for every patient or two: it is an identifier, whatever it is called.

    Args:
        spec: What was asked.
        found: What was measured.
        rows: How many rows were judged.

    Raises:
        NamesPatients: There is one.
    """
    alone = {grouping[0] for grouping in spec.by if len(grouping) == 1}
    levels: dict[str, set[str]] = {column: set() for column in alone}
    for m in found:
        if len(m.slice) == 1:
            ((column, level),) = m.slice.items()
            if column in levels:
                levels[column].add(level)
    for column, named in levels.items():
        if len(named) > _MOST_LEVELS and rows < _FEWEST_ROWS * len(named):
            raise NamesPatients(column, f"it has {len(named):,} levels in {rows:,} rows")
