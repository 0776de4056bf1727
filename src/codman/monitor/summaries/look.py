"""Look: what the columns of a table hold, found batch by batch: types, categories, groups, times."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa

from codman.evaluate.columns import codes, numbers
from codman.evaluate.estimates import FloatArray
from codman.evaluate.groups import MISSING
from codman.monitor.drift.column import (
    FEW_LEVELS,
    MOST_LEVELS,
    NOT_COMPARED,
    NotComparable,
    NotTheSameColumn,
    as_days,
    like_an_identifier,
    sort_of,
)
from codman.monitor.drift.season import Times
from codman.monitor.summaries.packed import packed, unpacked
from codman.tables.source import Source

_ENOUGH: Final = MOST_LEVELS + 1  # categories after which a column is certainly none of them
_GLANCE: Final = 4096  # rows that tell most columns of many different values
_AS_NUMBERS: Final[dict[str, str]] = {"false": "0", "true": "1"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnLook:
    """One column of some rows."""

    sort: str  # numbers, dates, text, truth values, lists or nothing
    values: int = 0  # rows that are not missing
    missing: bool = False  # whether some are
    few: bool = True  # of numbers: whole ones only, and at most ten different
    levels: frozenset[str] | None = frozenset()  # as categories; None: more than a column of categories has


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """All columns of some rows."""

    rows: int  # in the reference's season, where there is one
    kept: int  # of them, those that say whose they are
    columns: Mapping[str, ColumnLook]
    times: Times  # (2 · months,) the first and the last of each month


def look_at(table: pa.Table, source: Source, columns: Sequence[str], *, rows: int, times: Times | None) -> Look:
    """Some rows of a table.

    Args:
        table: Those that count.
        source: Where they come from, for errors.
        columns: What to look at.
        rows: How many there were before those without a patient were left out.
        times: (n,) when they were scored, where a column says.
    """
    return Look(
        rows=rows,
        kept=table.num_rows,
        columns={name: _look_at(table, name, source) for name in columns},
        times=np.zeros(0, "M8[us]") if times is None else _of_months(times[~np.isnat(times)]),
    )


def add_looks(parts: Sequence[Look]) -> Look:
    """Several parts as one."""
    return Look(
        rows=sum(one.rows for one in parts),
        kept=sum(one.kept for one in parts),
        columns={name: _added([one.columns[name] for one in parts]) for name in parts[0].columns},
        times=_of_months(np.concatenate([one.times for one in parts])),
    )


def look_bytes(look: Look) -> bytes:
    """A look on its way."""
    columns = {
        name: [one.sort, one.values, one.missing, one.few, None if one.levels is None else sorted(one.levels)]
        for name, one in look.columns.items()
    }
    return packed([look.rows, look.kept, columns], {"times": look.times.astype(np.int64)})


def look_of(whole: bytes) -> Look:
    """What `look_bytes` gave."""
    (rows, kept, columns), arrays = unpacked(whole)
    return Look(
        rows=rows,
        kept=kept,
        columns={
            name: ColumnLook(
                sort=sort, values=values, missing=missing, few=few, levels=None if levels is None else frozenset(levels)
            )
            for name, (sort, values, missing, few, levels) in columns.items()
        },
        times=arrays["times"].astype("M8[us]"),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadAs:
    """How a column is compared."""

    numeric: bool
    why: str  # for a reader
    levels: tuple[str, ...] = ()  # of categories: the reference's, then the unseen ones
    known: int = 0  # how many of them the reference has


def read_as(name: str, both: tuple[ColumnLook, ColumnLook], rows: int, *, categorical: bool, numeric: bool) -> ReadAs:
    """The same answer as `drift.column.read_pair` gives, which sees all rows at once.

    Args:
        name: The column.
        both: Of the reference and of the current rows.
        rows: How many both have together.
        categorical: Numbers are asked to be read as categories.
        numeric: Few whole numbers are asked to be read as numbers.

    Raises:
        NotTheSameColumn: The two hold different sorts of things.
        NotComparable: It has lists, or so many categories that each stands for a patient.
    """
    known = [one.sort for one in both if one.sort != "nothing"]
    if "lists" in known:
        raise NotComparable(name, NOT_COMPARED)
    if len(set(known)) > 1 and not set(known) <= {"numbers", "truth values"}:
        raise NotTheSameColumn(name, both[0].sort, both[1].sort)
    sort = known[0] if known else "numbers"
    if sort == "dates":
        return ReadAs(numeric=True, why="dates, as days")
    if categorical:
        return _categories(name, both, rows, "asked for with --categorical")
    if sort == "text" and not numeric:
        return _categories(name, both, rows, "text")
    if sort == "truth values" and not numeric:
        return _categories(name, both, rows, "true or false")
    before = both[0]
    if not numeric and before.few and before.values and before.levels is not None:
        why = f"whole numbers with {len(before.levels)} different values in the reference"
        return _categories(name, both, rows, why)
    return ReadAs(numeric=True, why="numbers")


def in_order(levels: frozenset[str], sort: str) -> tuple[str, ...]:
    """Levels as `codes` orders them: numbers by size, all else by letter."""
    if sort in ("numbers", "truth values"):
        return tuple(sorted(levels, key=_size))
    return tuple(sorted(levels))


def _size(level: str) -> tuple[float, str]:
    return float(_AS_NUMBERS.get(level, level)), level


def values_of_column(table: pa.Table, name: str, source: Source) -> FloatArray:
    """(n,) a column that is read as numbers; dates are days, NaN is missing."""
    return as_days(table, name) if sort_of(table.schema.field(name).type) == "dates" else numbers(table, name, source)


def _categories(name: str, both: tuple[ColumnLook, ColumnLook], rows: int, why: str) -> ReadAs:
    before, now = both[0].levels, both[1].levels
    if before is None or now is None:
        raise NotComparable(name, f"it has more than {MOST_LEVELS:,} different values, as an identifier has")
    unseen = now - before
    if like_an_identifier(len(before) + len(unseen), rows):
        count = len(before) + len(unseen)
        raise NotComparable(name, f"it has {count:,} different values in {rows:,} rows, as an identifier has")
    levels = (*in_order(before, both[0].sort), *in_order(unseen, both[1].sort))
    return ReadAs(numeric=False, why=why, levels=levels, known=len(before))


def _look_at(table: pa.Table, name: str, source: Source) -> ColumnLook:
    sort = sort_of(table.schema.field(name).type)
    if sort in ("lists", "nothing"):
        return ColumnLook(sort=sort, missing=table.num_rows > 0)
    if sort == "numbers":
        values = numbers(table, name, source)
        there = values[~np.isnan(values)]
        whole = bool((np.isfinite(there) & (there == np.floor(there))).all())
        levels = _levels(table, name)
        few = whole and levels is not None and len(levels) <= FEW_LEVELS
        return ColumnLook(sort=sort, values=len(there), missing=len(there) < len(values), few=few, levels=levels)
    gone = table.column(name).null_count
    return ColumnLook(sort=sort, values=table.num_rows - gone, missing=gone > 0, few=False, levels=_levels(table, name))


def _levels(table: pa.Table, name: str) -> frozenset[str] | None:
    column = table.column(name)
    if not pa.types.is_dictionary(column.type) and len(column[:_GLANCE].unique()) > _ENOUGH:
        return None
    levels = frozenset(codes(table, name).levels) - {MISSING}
    return levels if len(levels) <= _ENOUGH else None


def _added(parts: list[ColumnLook]) -> ColumnLook:
    """One column of several parts; a part whose rows all miss it has no say about its type."""
    known = [one for one in parts if one.sort != "nothing"] or parts[:1]
    levels: frozenset[str] | None = frozenset()
    for one in known:
        levels = None if levels is None or one.levels is None else levels | one.levels
    if levels is not None and len(levels) > _ENOUGH:
        levels = None
    return ColumnLook(
        sort=known[0].sort,
        values=sum(one.values for one in parts),
        missing=any(one.missing for one in parts),
        few=all(one.few for one in known) and levels is not None and len(levels) <= FEW_LEVELS,
        levels=levels,
    )


def _of_months(times: Times) -> Times:
    """The first and the last time of each month: all that a season or a window asks for."""
    ordered = np.sort(times)
    if len(ordered) == 0:
        return ordered
    month = ordered.astype("M8[M]")
    fresh = np.append(True, month[1:] != month[:-1])
    last = np.append(month[1:] != month[:-1], True)
    return np.unique(np.concatenate([ordered[fresh], ordered[last]]))
