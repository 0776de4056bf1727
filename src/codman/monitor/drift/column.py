"""Pair: one column of the reference beside the same column of the current rows, as numbers or as categories."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import pyarrow as pa

from codman.errors import BadInput
from codman.evaluate.columns import codes, column_of, numbers
from codman.evaluate.estimates import FloatArray
from codman.evaluate.groups import MISSING, CodeArray
from codman.tables.arrays import as_numpy
from codman.tables.source import Source

FEW_LEVELS: Final = 10  # different whole numbers up to which they are read as categories
MOST_LEVELS: Final = 1000  # categories of a column that is still one
FEWEST_ROWS: Final = 3  # a category on average, under which each stands for one patient
_GLANCE: Final = 4096  # rows that tell most columns of many different values
_MICROSECONDS_A_DAY: Final = 86_400_000_000
NOT_COMPARED: Final = "it holds lists or structures, not one value a row"

ReadAs = Literal["numbers", "categories"]


class NotTheSameColumn(BadInput):
    """A column that holds one sort of thing in the reference and another in the current rows."""

    def __init__(self, name: str, reference: object, current: object) -> None:
        super().__init__(
            what=f"column {name!r} cannot be compared",
            why=f"it holds {reference} in the reference and {current} in the current rows",
            fix="write both files with one type a column",
        )


class NotComparable(BadInput):
    """A column that was asked for and has no distribution to compare."""

    def __init__(self, name: str, why: str) -> None:
        super().__init__(what=f"column {name!r} cannot be compared", why=why, fix="leave it out")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """One column of both samples. Numbers are NaN where missing; category codes are -1 there."""

    name: str
    read_as: ReadAs
    why: str  # why it is read so, for a reader
    reference: FloatArray | CodeArray  # (nr,)
    current: FloatArray | CodeArray  # (nc,)
    levels: tuple[str, ...] = ()  # of categories: those of the reference, then the unseen ones
    known: int = 0  # how many of them the reference has
    unit: str = ""  # days, of dates

    @property
    def numeric(self) -> bool:
        """Whether it is read as numbers."""
        return self.read_as == "numbers"


def read_pair(
    name: str,
    reference: pa.Table,
    current: pa.Table,
    sources: tuple[Source, Source],
    *,
    categorical: Collection[str] = (),
    numeric: Collection[str] = (),
) -> Pair:
    """One column of both tables.

    Text, truth values and whole numbers of at most 10 different values in the reference are categories; other numbers
    and dates are numbers (dates as days). `categorical` and `numeric` name columns to read otherwise.

    Raises:
        NotTheSameColumn: The two tables hold different sorts of things.
        NotComparable: It has lists, or so many categories that each stands for a patient.
        BadInput: A text in a column of numbers that is none.
    """
    kinds = [sort_of(table.schema.field(name).type) for table in (reference, current)]
    known = [kind for kind in kinds if kind != "nothing"]  # a column of nulls only can be of any sort
    if "lists" in known:
        raise NotComparable(name, NOT_COMPARED)
    if len(set(known)) > 1 and not set(known) <= {"numbers", "truth values"}:
        raise NotTheSameColumn(name, kinds[0], kinds[1])
    kind = known[0] if known else "numbers"
    if kind == "dates":
        read = [as_days(table, name) for table in (reference, current)]
        return Pair(name=name, read_as="numbers", why="dates, as days", reference=read[0], current=read[1], unit="days")
    if name in categorical:
        return _categories(name, reference, current, "asked for with --categorical")
    if kind == "text" and name not in numeric:
        return _categories(name, reference, current, "text")
    if kind == "truth values" and name not in numeric:
        return _categories(name, reference, current, "true or false")
    values = [numbers(table, name, source) for table, source in zip((reference, current), sources, strict=True)]
    if name not in numeric and (few := _few_levels(values[0])):
        return _categories(name, reference, current, f"whole numbers with {few} different values in the reference")
    return Pair(name=name, read_as="numbers", why="numbers", reference=values[0], current=values[1])


def like_an_identifier(levels: int, rows: int) -> bool:
    """Whether so many different texts in so many rows stand for patients rather than kinds of them."""
    return levels > MOST_LEVELS or (levels > FEW_LEVELS * 5 and rows < FEWEST_ROWS * levels)


def sort_of(kind: pa.DataType) -> str:
    """What a column of this type holds: numbers, dates, text, truth values, lists or nothing."""
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    if pa.types.is_null(kind):
        return "nothing"
    if pa.types.is_nested(kind):
        return "lists"
    if pa.types.is_boolean(kind):
        return "truth values"
    if pa.types.is_temporal(kind):
        return "dates"
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return "numbers"
    return "text"


def is_a_date(table: pa.Table, name: str) -> bool:
    """Whether a column holds dates, times or durations."""
    return sort_of(table.schema.field(name).type) == "dates"


def as_days(table: pa.Table, name: str) -> FloatArray:
    """Days since 1970, of dates and times; of durations and times of day, days."""
    column = column_of(table, name)
    kind = column.type
    if pa.types.is_date(kind):
        column = column.cast(pa.timestamp("us"))
    elif pa.types.is_timestamp(kind):
        column = column.cast(pa.timestamp("us", kind.tz), safe=False)
    elif pa.types.is_duration(kind):
        column = column.cast(pa.duration("us"), safe=False)
    elif pa.types.is_time(kind):
        column = column.cast(pa.time64("us"), safe=False)
    else:
        raise NotComparable(name, f"its type is {kind}")
    micro = column.cast(pa.int64()).cast(pa.float64(), safe=False)
    days: FloatArray = np.asarray(as_numpy(micro, missing=np.nan), np.float64) / _MICROSECONDS_A_DAY
    return days


def _few_levels(values: FloatArray) -> int:
    """How many different whole numbers, where they are few and nothing else; else 0."""
    if not _only_few(values[:_GLANCE]):
        return 0
    there = values[~np.isnan(values)]
    return _only_few(there) if len(there) else 0


def _only_few(values: FloatArray) -> int:
    there = values[~np.isnan(values)]
    if len(there) and (not np.isfinite(there).all() or (there != np.floor(there)).any()):
        return 0
    distinct = len(np.unique(there))
    return 0 if distinct > FEW_LEVELS else max(distinct, 1)


def _categories(name: str, reference: pa.Table, current: pa.Table, why: str) -> Pair:
    before, now = codes(reference, name), codes(current, name)
    known = [level for level in before.levels if level != MISSING]
    unseen = [level for level in now.levels if level != MISSING and level not in set(known)]
    levels = (*known, *unseen)
    rows = len(before.codes) + len(now.codes)
    if like_an_identifier(len(levels), rows):
        raise NotComparable(name, f"it has {len(levels):,} different values in {rows:,} rows, as an identifier has")
    place = {level: code for code, level in enumerate(levels)} | {MISSING: -1}
    pair = []
    for factor in (before, now):
        to = np.array([place[level] for level in factor.levels], dtype=np.int32)
        pair.append(to[factor.codes] if len(to) else factor.codes)
    return Pair(
        name=name, read_as="categories", why=why, reference=pair[0], current=pair[1], levels=levels, known=len(known)
    )
