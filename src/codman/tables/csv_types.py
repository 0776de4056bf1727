"""Text to types: a column becomes a number, a truth value or a time only where every value is one and nothing is lost.

A type is the first in `TYPES` that all values of a column fit, so it depends on the whole column, never on a block.
Missing, quoted or not: see MISSING. Leading zeros, 0x… and integers too long for 64 bits keep a column text, because
such values are identifiers, and a number would lose their spelling.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, NamedTuple

import pyarrow as pa

from codman.tables.arrays import words

# "None" is not among them: several registries write it for "was not measured", which is a group of patients
MISSING: Final = ("", "NA", "N/A", "n/a", "#N/A", "null", "NULL", "NaN", "nan", "-nan", "-NaN")

_DATE_LIKE: Final = re.compile(r"\s*\d{4}-\d{2}-\d{2}")
_TRUTH: Final = frozenset(["true", "false", "True", "False", "TRUE", "FALSE"])
_BOUNDS: Final = words("00", "0:", "-00", "-0:", "0x", "0y", "0X", "0Y")
_SPELLED: Final = tuple((_BOUNDS[at], _BOUNDS[at + 1]) for at in range(0, len(_BOUNDS), 2))
_EXACT_DIGITS: Final = 15  # integers of up to 15 digits are exact in a float

Convert = Callable[[pa.ChunkedArray], "pa.ChunkedArray | None"]


class ColumnType(NamedTuple):
    """One way to understand a column of text: its Arrow type and how to get there (None: it does not fit)."""

    type: pa.DataType
    convert: Convert


def missing(values: pa.ChunkedArray) -> pa.ChunkedArray | None:
    """All values missing."""
    return pa.chunked_array([pa.nulls(len(values))]) if values.null_count == len(values) else None


def whole_numbers(values: pa.ChunkedArray) -> pa.ChunkedArray | None:
    """Integers that fit 64 bits."""
    cast = _cast(values, pa.int64())
    return None if cast is None or _spelling_matters(values) else cast


def numbers(values: pa.ChunkedArray) -> pa.ChunkedArray | None:
    """Floating-point numbers, inf included."""
    import pyarrow.compute as pc

    cast = _cast(values, pa.float64())
    if cast is None or _spelling_matters(values):
        return None
    ends = pc.min_max(cast).as_py()
    if ends["max"] is not None and max(abs(ends["min"]), abs(ends["max"])) >= 10.0**_EXACT_DIGITS:
        long_integer = pc.match_substring_regex(values, rf"^\s*[-+]?[0-9]{{{_EXACT_DIGITS + 1},}}\s*$")
        if pc.any(long_integer).as_py():
            return None
    return cast


def comma_numbers(values: pa.ChunkedArray) -> pa.ChunkedArray | None:
    """Numbers with a decimal comma, as some countries' spreadsheets write them between semicolons."""
    import pyarrow.compute as pc

    if not re.fullmatch(r"\s*[-+]?\d*,?\d+([eE][-+]?\d+)?\s*", _first(values)):
        return None
    if not pc.all(pc.match_substring_regex(values, r"^\s*[-+]?[0-9]*,?[0-9]+([eE][-+]?[0-9]+)?\s*$")).as_py():
        return None
    return numbers(pc.replace_substring(values, ",", "."))


def truth_values(values: pa.ChunkedArray) -> pa.ChunkedArray | None:
    """true and false, in any of the usual cases."""
    import pyarrow.compute as pc

    if _first(values) not in _TRUTH:
        return None
    known = pc.is_in(values, value_set=words(*sorted(_TRUTH)), skip_nulls=True)
    if pc.sum(known).as_py() != len(values) - values.null_count:
        return None
    return _cast(values, pa.bool_())


def dates(values: pa.ChunkedArray) -> pa.ChunkedArray | None:
    """ISO 8601 days."""
    return _cast(values, pa.date32()) if _DATE_LIKE.match(_first(values)) else None


def times(values: pa.ChunkedArray) -> pa.ChunkedArray | None:
    """ISO 8601 times without a zone, to the microsecond."""
    return _cast(values, pa.timestamp("us")) if _DATE_LIKE.match(_first(values)) else None


def zoned_times(values: pa.ChunkedArray) -> pa.ChunkedArray | None:
    """ISO 8601 times that all name their zone, in UTC."""
    return _cast(values, pa.timestamp("us", "UTC")) if _DATE_LIKE.match(_first(values)) else None


def text(values: pa.ChunkedArray) -> pa.ChunkedArray | None:
    """What is written."""
    return values


TEXT: Final = ColumnType(pa.string(), text)
TYPES: Final = (
    ColumnType(pa.null(), missing),
    ColumnType(pa.int64(), whole_numbers),
    ColumnType(pa.float64(), numbers),
    ColumnType(pa.bool_(), truth_values),
    ColumnType(pa.date32(), dates),
    ColumnType(pa.timestamp("us"), times),
    ColumnType(pa.timestamp("us", "UTC"), zoned_times),
)
DECIMAL_COMMA: Final = ColumnType(pa.float64(), comma_numbers)


def _first(values: pa.ChunkedArray) -> str:
    """The first value that is there, or nothing."""
    for chunk in values.chunks:
        if chunk.null_count < len(chunk):
            return str(next(value for value in chunk if value.is_valid).as_py())
    return ""


def _cast(values: pa.ChunkedArray, to: pa.DataType) -> pa.ChunkedArray | None:
    import pyarrow.compute as pc

    try:
        return pc.cast(values, to)
    except pa.ArrowInvalid:
        pass
    # spaces around numbers are common in fixed-width exports; columns of words never pay for the second look
    try:
        (int if pa.types.is_integer(to) else float)(_first(values))
        return pc.cast(pc.utf8_trim_whitespace(values), to)
    except ValueError:  # pa.ArrowInvalid is one
        return None


def _spelling_matters(values: pa.ChunkedArray) -> bool:
    """Whether a value starts with 0 and a further digit or x: ':' follows '9', so two comparisons find them."""
    import pyarrow.compute as pc

    return any(pc.any(pc.and_(pc.greater_equal(values, low), pc.less(values, high))).as_py() for low, high in _SPELLED)
