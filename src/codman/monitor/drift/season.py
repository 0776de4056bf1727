"""Which of the reference's rows the current ones are held against: winter with winter, not with summer."""

from __future__ import annotations

import re
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from codman.errors import BadInput
from codman.evaluate.columns import column_of
from codman.spine.drift_spec import ALL_OF_IT, SAME_MONTH, SAME_MONTH_LAST_YEAR
from codman.spine.measurement import Window
from codman.tables.arrays import as_numpy, is_there
from codman.tables.source import Source

Times = NDArray[np.datetime64]  # microseconds, UTC
_LAST: Final = re.compile(r"last:([1-9]\d{0,4})d?")


class BadReferenceWindow(BadInput):
    """A reference window that is no known rule, or that no row lies in."""

    def __init__(self, given: str, why: str) -> None:
        super().__init__(
            what=f"reference window {given!r} cannot be used",
            why=why,
            fix="give all, same-month-last-year, same-month, last:90 (days), or 2025-01-01/2025-07-01",
        )


def times_of(table: pa.Table, name: str, source: Source) -> Times:
    """(n,) when each row was scored, UTC; NaT where missing.

    Raises:
        BadInput: The column is no dates, nor ISO 8601 texts.
    """
    column = column_of(table, name)
    kind = column.type
    try:
        if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
            texts = column.cast(pa.string())
            try:
                column = texts.cast(pa.timestamp("us", "UTC"))
            except pa.ArrowInvalid:
                column = texts.cast(pa.timestamp("us"))
        elif pa.types.is_date(kind):
            column = column.cast(pa.timestamp("us"))
        elif pa.types.is_timestamp(kind):
            column = column.cast(pa.timestamp("us", kind.tz), safe=False)
        else:
            raise pa.ArrowInvalid("neither")
    except pa.ArrowInvalid:
        raise BadInput(
            what=f"column {name!r} of {source.uri} holds no times",
            why=f"its type is {kind}, and not every value is a date or a time as ISO 8601 writes it",
            fix="name a column of dates or times with --timestamp",
        ) from None
    micro = np.asarray(as_numpy(column.cast(pa.int64()), missing=0), np.int64).astype("M8[us]")
    micro[~is_there(column)] = np.datetime64("NaT")
    return micro


def rows_of_season(rule: str, reference: Times, current: Times) -> NDArray[np.bool_]:
    """(nr,) which of the reference's rows count.

    Args:
        rule: `all`; `same-month-last-year`, the calendar months of the current rows a year before; `same-month`, those
            months in any earlier year; `last:N`, the N days before the first current row; or `START/END`, without END.
        reference: (nr,) when its rows were scored.
        current: (nc,) the same of the current rows.

    Raises:
        BadReferenceWindow: The rule is unknown, or no row lies in it.
    """
    kept = in_season(rule, reference, current)
    if rule != ALL_OF_IT and not kept.any():
        raise nothing_in(rule)
    return kept


def nothing_in(rule: str) -> BadReferenceWindow:
    """The error where the reference has no row that the rule takes."""
    return BadReferenceWindow(rule, "no row of the reference lies in it")


def in_season(rule: str, reference: Times, current: Times) -> NDArray[np.bool_]:
    """(nr,) the same of some of the reference's rows, which may be none.

    Args:
        rule: As above.
        reference: (nr,) when they were scored.
        current: When current rows were scored: at least the first one, and one of each month.

    Raises:
        BadReferenceWindow: The rule is unknown.
    """
    if rule == ALL_OF_IT:
        return np.ones(len(reference), bool)
    now = current[~np.isnat(current)]
    if len(now) == 0:
        raise BadReferenceWindow(rule, "no current row has a time")
    last = _LAST.fullmatch(rule)
    if rule in (SAME_MONTH_LAST_YEAR, SAME_MONTH):
        months, of = np.unique(now.astype("M8[M]").astype(np.int64)), reference.astype("M8[M]").astype(np.int64)
        if rule == SAME_MONTH_LAST_YEAR:
            kept = np.isin(of, months - 12)
        else:
            kept = np.isin(of % 12, months % 12) & (of < months.min())
    elif last:
        first = now.min()
        kept = (reference < first) & (reference >= first - np.timedelta64(int(last[1]), "D"))
    elif rule.count("/") == 1:
        try:
            start, end = (np.datetime64(part, "us") for part in rule.split("/"))
        except ValueError:
            raise BadReferenceWindow(rule, "START and END are no dates") from None
        kept = (reference >= start) & (reference < end)
    else:
        raise BadReferenceWindow(rule, "it is none of the rules there are")
    return kept & ~np.isnat(reference)


def window_of(times: Times) -> Window | None:
    """From the first to just after the last time; None where there is none."""
    there = times[~np.isnat(times)]
    if len(there) == 0:
        return None
    start, end = there.min().astype("M8[s]"), there.max().astype("M8[s]") + np.timedelta64(1, "s")
    return Window(start=f"{start}Z", end=f"{end}Z")
