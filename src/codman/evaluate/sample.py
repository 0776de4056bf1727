"""Sample: the rows an evaluation judges, with who they are, how much they weigh, and which slices they belong to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa

from codman.errors import BadInput, nearest
from codman.evaluate.columns import BoolArray, codes, identities, numbers
from codman.evaluate.estimates import FloatArray, IntArray
from codman.evaluate.groups import CodeArray, Factor, Slices, band, make_slices
from codman.evaluate.kernels.library import order_by_patient, patient_squares
from codman.spine.evaluation_spec import EvaluationSpec
from codman.spine.statement import Rows
from codman.tables.source import Source

MOST_SLICES: Final = 20_000
LARGEST_WEIGHT: Final = 1e9  # squares of sums of weights stay exact enough
MOST_FRACTIONS: Final = 50  # different values of a column of fractions that is still a grouping


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """The rows that are judged, whatever the task."""

    slices: Slices
    subject: CodeArray | None  # (n,) patient of each row, 0…; None: each row is a patient
    weight: FloatArray | None  # (n,) sampling weights, above 0
    row: IntArray  # (n,) position in the source, so that bootstrap weights do not depend on exclusions
    repeats: bool  # True when some patient has several rows

    @property
    def n(self) -> int:
        """Rows judged."""
        return len(self.row)

    @property
    def patients(self) -> int | None:
        """Different patients among them; None where no column says who they are."""
        return None if self.subject is None else int(self.subject.max(initial=-1)) + 1


class Exclusions:
    """Accounts for rows: each is dropped for its first reason only."""

    def __init__(self, rows: int) -> None:
        self.keep: BoolArray = np.ones(rows, dtype=bool)
        self.reasons: dict[str, int] = {}
        self.scored = rows

    def drop(self, where: BoolArray, reason: str) -> None:
        """Leave out the rows where `where`, if they are still in."""
        dropped = int(np.count_nonzero(where & self.keep))
        if dropped:
            self.reasons[reason] = self.reasons.get(reason, 0) + dropped
        self.keep &= ~where

    def without_score(self, where: BoolArray) -> None:
        """Leave out rows the model did not score; these are not `scored`."""
        self.scored = int(len(where) - np.count_nonzero(where))
        self.drop(where, "score missing")

    def rows(self, patients: int | None = None) -> Rows:
        """The account a statement carries; `patients` where a column says who they are."""
        return Rows(
            eligible=len(self.keep),
            scored=self.scored,
            excluded=dict(self.reasons),
            evaluated=int(np.count_nonzero(self.keep)),
            patients=patients,
        )


def grouping_columns(spec: EvaluationSpec) -> list[str]:
    """The columns that groupings are read from; a band's own column stands for `<column>_band`."""
    needed = [_source_column(column, spec.bands) for grouping in spec.by for column in grouping]
    return list(dict.fromkeys(needed))


def shared_columns(spec: EvaluationSpec) -> list[str]:
    """Columns every task reads: groupings, patient, weight."""
    return list(dict.fromkeys([*grouping_columns(spec), *filter(None, (spec.subject, spec.weight))]))


def _source_column(column: str, bands: Mapping[str, Sequence[float]]) -> str:
    base = column.removesuffix("_band")
    return base if column.endswith("_band") and base in bands else column


def read_table(source: Source, columns: Sequence[str]) -> pa.Table:
    """Only these columns, each once.

    Raises:
        BadInput: A column is missing (the nearest name is suggested) or the table has no rows.
    """
    wanted = list(dict.fromkeys(columns))
    for column in wanted:
        if column not in source.columns:
            raise BadInput(
                what=f"there is no column {column!r} in {source.uri}",
                why=f"the file has {len(source.columns)} columns",
                fix=_meant(column, source.columns),
            )
    table = source.read(wanted)
    if table.num_rows == 0:
        raise BadInput(
            what=f"{source.uri} has no rows", why="there is nothing to evaluate", fix="give a file with patients in it"
        )
    return table


def _meant(column: str, columns: Sequence[str]) -> str:
    base = column.removesuffix("_band")
    same = [name for name in columns if base != column and name.casefold() == base.casefold()]
    if same:
        return f"the bands that --band {same[0]}=0,40,65 makes are called '{same[0]}_band'"
    return nearest(column, columns)


def make_sample(table: pa.Table, spec: EvaluationSpec, source: Source, exclusions: Exclusions) -> Sample:
    """Groupings, patients and weights of the rows that stay.

    A row without a patient or with a weight that is missing or zero is excluded and counted.

    Raises:
        BadInput: A weight below zero, or so many groups that no one could read them.
    """
    subject: CodeArray | None = None
    if spec.subject is not None:
        subject, _ = identities(table, spec.subject)
        exclusions.drop(subject < 0, "subject missing")
    weight: FloatArray | None = None
    if spec.weight is not None:
        weight = numbers(table, spec.weight, source)
        unusable = (weight < 0) | (weight > LARGEST_WEIGHT)
        if np.any(unusable):
            raise BadInput(
                what=f"weight column {spec.weight!r} of {source.uri} cannot be used",
                why=f"{source.row_of(int(np.argmax(unusable)))} is negative, infinite or above {LARGEST_WEIGHT:g}",
                fix="give sampling weights above zero",
            )
        exclusions.drop(np.isnan(weight) | (weight == 0), "weight missing or zero")
    _known_columns(spec, source)
    keep = exclusions.keep
    if not keep.any():
        raise BadInput(
            what=f"no row of {source.uri} is left to evaluate",
            why="; ".join(f"{n:,} {reason}" for reason, n in exclusions.reasons.items()),
            fix="give rows with a score and a known outcome",
        )
    everything_kept = bool(keep.all())
    factors = {name: _factor(name, table, spec, source) for name in dict.fromkeys(c for by in spec.by for c in by)}
    if not everything_kept:
        factors = {name: Factor(name=name, codes=f.codes[keep], levels=f.levels) for name, f in factors.items()}
    row = np.flatnonzero(keep)
    slices = make_slices(factors, spec.by, len(row))
    if slices.count > MOST_SLICES:
        raise BadInput(
            what=f"the groupings make {slices.count:,} groups",
            why=f"at most {MOST_SLICES:,} can be judged at once",
            fix="group by columns with fewer levels, or cut numeric ones with --band",
        )
    if subject is not None:
        subject = _dense(subject[keep])
    return Sample(
        slices=slices,
        subject=subject,
        weight=None if weight is None else weight[keep],
        row=row,
        repeats=subject is not None and len(subject) > 0 and int(subject.max()) + 1 < len(subject),
    )


def _dense(codes_of: CodeArray) -> CodeArray:
    if len(codes_of) == 0:
        return codes_of
    seen = np.zeros(int(codes_of.max()) + 1, dtype=bool)
    seen[codes_of] = True
    return (np.cumsum(seen, dtype=np.int32) - 1)[codes_of]


def _known_columns(spec: EvaluationSpec, source: Source) -> None:
    """Refuse a band or a reference of a column that plays no part, and a band that would hide a column."""
    for column in spec.bands:
        if column not in source.columns:
            raise BadInput(
                what=f"there is no column {column!r} in {source.uri} to cut into bands",
                why=f"the file has {len(source.columns)} columns",
                fix=nearest(column, source.columns),
            )
        if f"{column}_band" in source.columns:
            raise BadInput(
                what=f"bands of {column!r} would hide the column '{column}_band' of {source.uri}",
                why="bands take that name",
                fix=f"group by '{column}_band' without --band, or rename the column",
            )
    grouped = {column for grouping in spec.by for column in grouping}
    for column in spec.reference:
        if column not in grouped:
            raise BadInput(
                what=f"a reference group is named for {column!r}, which no grouping uses",
                why="there is no difference to take against it",
                fix=f"add --by {column}, or {nearest(column, grouped)}",
            )


def _factor(name: str, table: pa.Table, spec: EvaluationSpec, source: Source) -> Factor:
    base = _source_column(name, spec.bands)
    if base == name:
        factor = codes(table, name)
        if pa.types.is_floating(table.schema.field(name).type) and len(factor.levels) > MOST_FRACTIONS:
            values = numbers(table, name, source)
            if np.any(np.mod(values[~np.isnan(values)], 1) != 0):
                raise BadInput(
                    what=f"column {name!r} of {source.uri} is no grouping",
                    why=f"it holds {len(factor.levels):,} different fractions",
                    fix=f"cut it into bands: --band {name}=…, then --by {name}_band",
                )
        return factor
    return band(numbers(table, base, source), spec.bands[base], name=base, source=source.uri)


def patients(sample: Sample, where: BoolArray | None = None) -> IntArray:
    """(S,) distinct patients in each slice, or those with a row where `where`; rows where no subject was given."""
    slices = sample.slices
    if sample.subject is None or not sample.repeats:
        return count(sample, where)
    subject, cell = (sample.subject, slices.cell) if where is None else (sample.subject[where], slices.cell[where])
    order = order_by_patient(subject)
    of_each = patient_squares(
        subject[order], cell[order] * 2, None, slices.count, np.ascontiguousarray(slices.of_cell.T)
    )
    return of_each[:, 0].astype(np.int64)


def count(sample: Sample, where: BoolArray | None = None) -> IntArray:
    """(S,) rows in each slice, or those of them where `where`."""
    per_cell = np.bincount(
        sample.slices.cell if where is None else sample.slices.cell[where], minlength=sample.slices.of_cell.shape[1]
    )
    return sample.slices.totals(per_cell.astype(np.float64)).astype(np.int64)
