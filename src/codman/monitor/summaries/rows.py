"""A table's rows, ready to be counted on a grid."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from codman.errors import BadInput
from codman.evaluate.columns import codes, identities, label, numbers
from codman.evaluate.groups import MISSING, CodeArray, Factor
from codman.monitor.drift.column import as_days, is_a_date
from codman.monitor.drift.season import times_of
from codman.monitor.summaries.day import Day
from codman.monitor.summaries.grid import Grid
from codman.tables.source import Source


def rows_of(
    grid: Grid,
    table: pa.Table,
    source: Source,
    *,
    timestamp: str,
    score: str | None = None,
    label_column: str | None = None,
    positive: str | None = None,
    subject: str | None = None,
) -> Day:
    """Read the grid's columns out of a table.

    Args:
        grid: Where they will be counted.
        table: The rows.
        source: Where they come from, for errors.
        timestamp: Column of when each row was scored; its day, in UTC, is the row's.
        score: Column of the score, where the grid counts one.
        label_column: Column of what happened; missing where it is not known yet.
        positive: The label's value that means the event.
        subject: Column of the patient.

    Raises:
        BadInput: A column is missing or holds something else, or a row has no time.
    """
    times = times_of(table, timestamp, source)
    if np.isnat(times).any():
        raise BadInput(
            what=f"a row of {source.uri} has no time",
            why=f"{source.row_of(int(np.argmax(np.isnat(times))))} is missing in {timestamp!r}",
            fix="leave such rows out, or give them their time",
        )
    columns: dict[str, np.ndarray] = {}
    for column in grid.columns:
        if not column.numeric:
            columns[column.name] = places(codes(table, column.name), column.levels)
        elif is_a_date(table, column.name):
            columns[column.name] = as_days(table, column.name)
        else:
            columns[column.name] = numbers(table, column.name, source)
    known = label_column is not None and table.column(label_column).null_count < table.num_rows
    event, unknown = label(table, str(label_column), source, positive=positive) if known else (None, None)
    return Day(
        day=times.astype("M8[D]"),
        columns=columns,
        by={
            name: np.where((code := places(codes(table, name), levels)) < 0, len(levels), code)
            for name, levels in grid.by
        },
        score=None if score is None else numbers(table, score, source),
        label=event,
        labelled=None if unknown is None else ~unknown,
        subject=None if subject is None else identities(table, subject)[0],
    )


def places(factor: Factor, levels: tuple[str, ...]) -> CodeArray:
    """(n,) place among the levels; their number where it is none of them, −1 where missing and missing is no level.

    Args:
        factor: A column by its own levels.
        levels: The grid's.
    """
    place = {MISSING: -1} | {level: code for code, level in enumerate(levels)}
    to = np.array([place.get(level, len(levels)) for level in factor.levels], np.int32)
    found: CodeArray = to[factor.codes] if len(to) else factor.codes
    return found
