"""Pairing: the same patient's row in both files, or a clear word on why they cannot be paired."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from codman.errors import BadInput
from codman.evaluate.columns import BoolArray, column_of, label, numbers
from codman.evaluate.estimates import FloatArray, IntArray
from codman.evaluate.sample import read_table
from codman.spine.comparison_spec import ComparisonSpec
from codman.tables.source import Source

ONLY_A: Final = "row only in A"
ONLY_B: Final = "row only in B"
NO_ID: Final = "id missing"


class NotPaired(BadInput):
    """Rows of the two files do not belong to the same patients."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Paired:
    """Rows of A and B side by side, before any is left out."""

    table: pa.Table  # A's rows that have a partner, with the columns both models share
    row_a: IntArray  # (n,) row of A
    row_b: IntArray  # (n,) row of B
    event: BoolArray  # (n,)
    label_missing: BoolArray  # (n,)
    a: FloatArray  # (n,) score, NaN where missing
    b: FloatArray  # (n,)
    unpaired: dict[str, int]  # rows without a partner, by reason


def pair(a: Source, b: Source, spec: ComparisonSpec, shared: Sequence[str]) -> Paired:
    """Join two prediction files row by row.

    Args:
        a: Predictions of model A.
        b: Predictions of model B, on the same patients.
        spec: Names the columns; with `id` the rows are joined by it, else they must stand in the same order.
        shared: Columns of the patients (groupings, patient, weight), read from A, or from B where A has none.

    Raises:
        NotPaired: Lengths or labels differ, or an id stands twice; the first row that differs is named, no value shown.
        BadInput: A column is missing or not what it must be.
    """
    keys = [] if spec.id is None else [spec.id]
    from_b = [c for c in shared if c not in a.columns and c in b.columns]
    table_a = read_table(a, [spec.label, spec.score, *keys, *(c for c in shared if c not in from_b)])
    table_b = read_table(b, [spec.label, spec.score_of_b, *keys, *from_b, *_checked(spec, b, from_b)])
    unpaired: dict[str, int] = {}
    if spec.id is None:
        row_a = row_b = _same_order(table_a, table_b, a, b)
    else:
        row_a, row_b, unpaired = _joined(table_a, table_b, spec.id, a, b)
    event_a, missing_a = label(table_a, spec.label, a, positive=spec.positive)
    event_b, missing_b = label(table_b, spec.label, b, positive=spec.positive)
    differs = (event_a[row_a] != event_b[row_b]) | (missing_a[row_a] != missing_b[row_b])
    if np.any(differs):
        raise _differ(f"label {spec.label!r}", int(np.argmax(differs)), row_a, row_b, a, b)
    patients = table_a.take(pa.array(row_a))
    for column in from_b:
        patients = patients.append_column(column, table_b.column(column).take(pa.array(row_b)))
    for column in _checked(spec, b, from_b):
        ours, theirs = (_texts(_whole(one)) for one in (column_of(patients, column), column_of(table_b, column)))
        same = pc.equal(pc.fill_null(ours, ""), pc.fill_null(theirs.take(pa.array(row_b)), ""))
        if not pc.all(same).as_py():
            raise _differ(f"column {column!r}", pc.index(same, False).as_py(), row_a, row_b, a, b)
    return Paired(
        table=patients,
        row_a=row_a,
        row_b=row_b,
        event=event_a[row_a],
        label_missing=missing_a[row_a],
        a=numbers(table_a, spec.score, a)[row_a],
        b=numbers(table_b, spec.score_of_b, b)[row_b],
        unpaired=unpaired,
    )


def _checked(spec: ComparisonSpec, b: Source, from_b: Sequence[str]) -> list[str]:
    """The patient's column must say the same in both files where both have it."""
    return (
        [spec.subject] if spec.subject is not None and spec.subject in b.columns and spec.subject not in from_b else []
    )


def _same_order(table_a: pa.Table, table_b: pa.Table, a: Source, b: Source) -> IntArray:
    if table_a.num_rows != table_b.num_rows:
        raise NotPaired(
            what=f"{a.uri} and {b.uri} cannot be compared row by row",
            why=f"{a.uri} has {table_a.num_rows:,} rows, {b.uri} has {table_b.num_rows:,}",
            fix="name the column that identifies a row in both files with --id",
        )
    return np.arange(table_a.num_rows, dtype=np.int64)


def _differ(which: str, first: int, row_a: IntArray, row_b: IntArray, a: Source, b: Source) -> NotPaired:
    return NotPaired(
        what=f"{a.uri} and {b.uri} disagree on {which}",
        why=f"first at {a.row_of(int(row_a[first]))} of {a.uri}, {b.row_of(int(row_b[first]))} of {b.uri}",
        fix="give both models' predictions for the same rows; name the column that identifies a row with --id",
    )


def _joined(
    table_a: pa.Table, table_b: pa.Table, column: str, a: Source, b: Source
) -> tuple[IntArray, IntArray, dict[str, int]]:
    ids_a, ids_b = _whole(column_of(table_a, column)), _whole(column_of(table_b, column))
    for ids, source in ((ids_a, a), (ids_b, b)):
        if pa.types.is_nested(ids.type):
            raise BadInput(
                what=f"rows cannot be joined by column {column!r} of {source.uri}",
                why=f"its type is {ids.type}: each row holds several values",
                fix="join by a column with one value a row",
            )
    if not (pa.types.is_integer(ids_a.type) and ids_a.type == ids_b.type):
        ids_a, ids_b = _texts(ids_a), _texts(ids_b)
    for ids, source in ((ids_a, a), (ids_b, b)):
        _once(ids, column, source)
    place = pc.index_in(ids_a, value_set=ids_b, skip_nulls=True)
    found = pc.and_(pc.is_valid(ids_a), pc.is_valid(place)).to_numpy(zero_copy_only=False).astype(bool)
    row_a = np.flatnonzero(found).astype(np.int64)
    row_b = place.filter(pa.array(found)).to_numpy(zero_copy_only=False).astype(np.int64)
    without = ids_a.null_count + ids_b.null_count
    only_a = len(ids_a) - ids_a.null_count - len(row_a)
    only_b = len(ids_b) - ids_b.null_count - len(row_b)
    if len(row_a) == 0:
        raise NotPaired(
            what=f"{a.uri} and {b.uri} have no row in common",
            why=f"no value of {column!r} stands in both",
            fix="name the column that identifies a row in both files with --id",
        )
    counted = {ONLY_A: only_a, ONLY_B: only_b, NO_ID: without}
    return row_a, row_b, {reason: count for reason, count in counted.items() if count}


def _whole(column: pa.ChunkedArray) -> pa.Array:
    whole = column.combine_chunks()
    if isinstance(whole, pa.ChunkedArray):  # combine_chunks keeps a chunked array when there are no chunks
        whole = pa.concat_arrays(whole.chunks) if whole.num_chunks else pa.array([], type=whole.type)
    return whole


def _texts(whole: pa.Array) -> pa.Array:
    """Ids as text, so that 7 in one file meets "7" in the other."""
    if pa.types.is_floating(whole.type) and pc.all(pc.equal(whole, pc.floor(whole))).as_py():
        whole = whole.cast(pa.int64())  # integers with gaps are read as floats
    return whole.cast(pa.large_string())


def _once(ids: pa.Array, column: str, source: Source) -> None:
    codes = ids.dictionary_encode().indices
    seen = codes.drop_null().to_numpy(zero_copy_only=False)
    if len(seen) == 0 or len(np.unique(seen)) == len(seen):
        return
    order = np.argsort(seen, kind="stable")
    repeats = order[1:][seen[order][1:] == seen[order][:-1]]
    valid_rows = np.flatnonzero(codes.is_valid().to_numpy(zero_copy_only=False))
    raise NotPaired(
        what=f"column {column!r} of {source.uri} does not identify a row",
        why=f"{source.row_of(int(valid_rows[repeats.min()]))} repeats an earlier row's id",
        fix="name a column with a different value in every row; the patient's column belongs in --subject",
    )
