"""Rows cut into windows: calendar months, weeks from Monday, days, or so many rows; the last short one is kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from codman.errors import BadInput
from codman.evaluate.estimates import BoolArray, IntArray
from codman.spine.measurement import Window
from codman.tables.arrays import as_numpy
from codman.tables.source import Source

Times = NDArray[np.int64]  # microseconds since 1970, UTC
NO_TIME: Final = int(np.iinfo(np.int64).min)
MOST_PLACES: Final = 1_000_000  # days from the first to the last up to which they are counted out, not sorted
_DAY: Final = 86_400_000_000
_MONDAY: Final = 4 * _DAY  # 5 January 1970


class NotTimes(BadInput):
    """A column that must hold times holds something else."""

    def __init__(self, source: Source, column: str, why: str) -> None:
        super().__init__(
            what=f"column {column!r} of {source.uri} is not times",
            why=why,
            fix="name a column of dates, of times, or of text such as 2026-11-20T10:00:00Z",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """Rows by window, in the order of time."""

    code: IntArray  # (n,) window of each row, 0…
    windows: tuple[Window | None, ...]  # (W,) null where no column says when
    names: tuple[str, ...]  # (W,) as a person says it: 2026-03, rows 1 to 500
    rows: tuple[str | None, ...]  # (W,) `1-500` where windows are counted out

    def params(self, window: int) -> dict[str, Any]:
        """What else names it in a Measurement."""
        return {} if self.rows[window] is None else {"rows": self.rows[window]}


def times(table: pa.Table, name: str, source: Source) -> Times:
    """(n,) microseconds since 1970 in UTC; NO_TIME where missing. A time without a zone is read as UTC.

    Raises:
        NotTimes: The column holds numbers, or text that is no time.
    """
    column = table.column(name)
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    kind = column.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        column = _parsed(column, name, source)
    elif not (pa.types.is_timestamp(kind) or pa.types.is_date(kind) or pa.types.is_null(kind)):
        raise NotTimes(source, name, f"its type is {kind}")
    whole = column.cast(pa.timestamp("us"), safe=False)
    return np.asarray(as_numpy(whole.cast(pa.int64()), missing=NO_TIME), dtype=np.int64)


def _parsed(column: pa.ChunkedArray, name: str, source: Source) -> pa.ChunkedArray:
    for zone in ("UTC", None):
        try:
            return column.cast(pa.timestamp("us", tz=zone))
        except pa.ArrowInvalid:
            continue
    for place, text in enumerate(column.to_pylist()):
        try:
            pa.array([text], pa.string()).cast(pa.timestamp("us"))
        except pa.ArrowInvalid:
            raise NotTimes(source, name, f"{source.row_of(place)} holds text that is no time") from None
    raise NotTimes(source, name, "some of its times have a zone and others have none")


def cut(when: Times | None, rows: int, window: str) -> Cut:
    """Cut rows into windows.

    Args:
        when: (n,) when the model spoke; None keeps the rows' own order.
        rows: n.
        window: month, week, day or rows:N; N rows in the order of time, and the last window has what is left.

    Raises:
        BadInput: A calendar window without times.
    """
    if window.startswith("rows:"):
        return _counted(when, rows, int(window.removeprefix("rows:")))
    if when is None:
        raise BadInput(
            what=f"windows of a {window} need to know when the model spoke",
            why="no column of times is named",
            fix="name it with --timestamp, or count windows out with --window rows:500",
        )
    place = _places(when, window)
    first = int(place.min(initial=0))
    span = int(place.max(initial=first)) - first + 1
    if span <= MOST_PLACES:
        there = np.flatnonzero(np.bincount(place - first, minlength=span))
        code = np.zeros(span, dtype=np.int64)
        code[there] = np.arange(len(there))
        code, begins = code[place - first], there + first
    else:
        begins, code = np.unique(place, return_inverse=True)
    spans = [Window(start=instant(_begin(int(a), window)), end=instant(_begin(int(a) + 1, window))) for a in begins]
    names = [one.start[:7] if window == "month" else one.start[:10] for one in spans]
    names = [f"week of {name}" for name in names] if window == "week" else names
    return Cut(code=code.astype(np.int64), windows=tuple(spans), names=tuple(names), rows=(None,) * len(spans))


def _places(when: Times, window: str) -> Times:
    """(n,) months, weeks or days since the first of 1970."""
    if window == "month":
        return when.view("M8[us]").astype("M8[M]").view(np.int64)
    first, length = (_MONDAY, 7 * _DAY) if window == "week" else (0, _DAY)
    return (when - first) // length


def _begin(place: int, window: str) -> int:
    """When a month, week or day begins."""
    if window == "month":
        return int(np.datetime64(place, "M").astype("M8[us]").astype(np.int64))
    return place * 7 * _DAY + _MONDAY if window == "week" else place * _DAY


def _counted(when: Times | None, rows: int, size: int) -> Cut:
    order = np.arange(rows) if when is None else np.argsort(when, kind="stable")
    code = np.empty(rows, dtype=np.int64)
    code[order] = np.arange(rows) // size
    windows: list[Window | None] = []
    spans: list[str | None] = []
    for first in range(0, rows, size):
        last = min(first + size, rows) - 1
        spans.append(f"{first + 1}-{last + 1}")
        if when is None:
            windows.append(None)
        else:
            ends = int(when[order[last]]) + 1
            windows.append(Window(start=instant(int(when[order[first]])), end=instant(ends)))
    names = [f"rows {span.replace('-', ' to ')}" for span in spans if span is not None]
    return Cut(code=code, windows=tuple(windows), names=tuple(names), rows=tuple(spans))


def instant(microseconds: int) -> str:
    """ISO 8601 in UTC, with fractions only where there are some."""
    text = str(np.datetime64(microseconds, "us"))
    return (text.removesuffix(".000000") if text.endswith(".000000") else text) + "Z"


def days(microseconds: Times) -> NDArray[np.float64]:
    """Spans of time in days."""
    return microseconds / _DAY


def without_time(when: Times) -> BoolArray:
    """(n,) True where nobody said when."""
    missing: BoolArray = when == NO_TIME
    return missing
