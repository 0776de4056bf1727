"""Arrow columns to validated arrays: numbers, yes-or-no labels, level codes.

Bad values are named by row, never shown.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from codman.errors import BadInput
from codman.evaluate.estimates import FloatArray
from codman.evaluate.groups import MISSING, CodeArray, Factor
from codman.tables.arrays import as_numpy
from codman.tables.source import Source

BoolArray = NDArray[np.bool_]

YES: Final = frozenset({"1", "true", "yes", "y", "t"})
NO: Final = frozenset({"0", "false", "no", "n", "f"})


class NotNumbers(BadInput):
    """A column that must hold numbers holds something else."""

    def __init__(self, source: Source, column: str, why: str) -> None:
        super().__init__(
            what=f"column {column!r} of {source.uri} is not numbers",
            why=why,
            fix="name a numeric column, or convert it before evaluating",
        )


class NotALabel(BadInput):
    """A label column does not say yes or no."""

    def __init__(self, source: Source, column: str, why: str, fix: str) -> None:
        super().__init__(what=f"column {column!r} of {source.uri} is not a yes-or-no label", why=why, fix=fix)


def column_of(table: pa.Table, name: str) -> pa.ChunkedArray:
    """One column, dictionaries decoded."""
    column = table.column(name)
    return column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column


def numbers(table: pa.Table, name: str, source: Source) -> FloatArray:
    """(n,) floats, NaN where missing.

    Raises:
        NotNumbers: A text that is no number (names its row), or a date, list or other type.
    """
    column = column_of(table, name)
    kind = column.type
    if pa.types.is_boolean(kind):
        column = column.cast(pa.uint8())
    elif pa.types.is_null(kind):
        return np.full(len(column), np.nan)
    elif pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        column = _parsed(column, name, source)
    elif not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)):
        raise NotNumbers(source, name, f"its type is {kind}")
    return np.asarray(as_numpy(column.cast(pa.float64(), safe=False), missing=np.nan), dtype=np.float64)


def _parsed(column: pa.ChunkedArray, name: str, source: Source) -> pa.ChunkedArray:
    trimmed = pc.utf8_trim_whitespace(column)
    try:
        return trimmed.cast(pa.float64())
    except pa.ArrowInvalid:
        pass
    start = 0
    for chunk in trimmed.chunks:
        for offset, text in enumerate(chunk.to_pylist()):
            if text is not None and not _is_number(text):
                raise NotNumbers(source, name, f"{source.row_of(start + offset)} holds text that is no number")
        start += len(chunk)
    return pa.chunked_array([[None if t is None else float(t) for t in trimmed.to_pylist()]], type=pa.float64())


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return "_" not in text


def label(table: pa.Table, name: str, source: Source, *, positive: str | None) -> tuple[BoolArray, BoolArray]:
    """Whether the event happened, and where that is not known.

    Args:
        table: Holds the column.
        name: The label column.
        source: Where it came from, for errors.
        positive: The value that means the event; None for 0/1, true/false, yes/no.

    Returns:
        (n,) True for the event, and (n,) True where the label is missing.

    Raises:
        NotALabel: More than two values, or two that are not 0/1, true/false or yes/no, and no `positive`.
    """
    coded = codes(table, name)
    missing: BoolArray = (
        coded.codes == coded.levels.index(MISSING) if MISSING in coded.levels else np.zeros(len(coded.codes), bool)
    )
    levels = [level for level in coded.levels if level != MISSING]
    if positive is not None:
        if positive not in levels:
            raise NotALabel(
                source,
                name,
                f"no row holds the positive value {positive!r}",
                "check --positive against the column's values",
            )
        means = [level == positive for level in coded.levels]
    else:
        folded = {level.casefold() for level in levels}
        if not levels:
            raise NotALabel(source, name, "every row is missing", "name the column of what happened")
        if len(levels) > 2 or not folded <= YES | NO or (len(folded) == 2 and not (folded & YES and folded & NO)):
            raise NotALabel(
                source,
                name,
                f"it holds {len(levels)} different values, not 0 and 1"
                if len(levels) != 2
                else "it holds two values that are not 0/1, true/false or yes/no",
                "say which value means the event with --positive, or name another column or --task",
            )
        means = [level.casefold() in YES for level in coded.levels]
    event: BoolArray = np.asarray(means, dtype=bool)[coded.codes] if coded.levels else np.zeros(0, bool)
    return event, missing


def codes(table: pa.Table, name: str) -> Factor:
    """A column's values as sorted level codes; null and NaN are the level `(missing)`, kept last.

    Whole numbers print as `1`, booleans as `true`, times as ISO 8601.
    """
    encoded = _encoded(table, name)
    if encoded.num_chunks == 0:
        return Factor(name=name, codes=np.zeros(0, dtype=np.int32), levels=())
    values = encoded.chunk(0).dictionary.to_pylist()
    texts = [level_text(value) for value in values]
    present = sorted(set(texts) - {MISSING}, key=_level_order(texts, values))
    levels = (*present, MISSING)
    place = {text: code for code, text in enumerate(levels)}
    translate = np.array([place[text] for text in texts] + [len(present)], dtype=np.int32)
    raw = _indices(encoded, missing=len(values))
    coded: CodeArray = translate[raw]
    if not np.any(coded == len(present)):
        levels = levels[:-1]
    return Factor(name=name, codes=coded, levels=levels)


def identities(table: pa.Table, name: str) -> tuple[CodeArray, int]:
    """(n,) code of each row's patient or encounter, and how many there are; -1 where missing."""
    encoded = _encoded(table, name)
    if encoded.num_chunks == 0:
        return np.zeros(0, dtype=np.int32), 0
    values = encoded.chunk(0).dictionary
    raw = _indices(encoded, missing=-1)
    if pa.types.is_floating(values.type):  # NaN is no patient
        raw = np.append(np.where(np.isnan(as_numpy(values)), -1, np.arange(len(values))), -1)[raw]
    return raw.astype(np.int32), len(values)


def _encoded(table: pa.Table, name: str) -> pa.ChunkedArray:
    column = table.column(name)
    if pa.types.is_nested(column.type):
        raise BadInput(
            what=f"column {name!r} cannot be told apart by value",
            why=f"its type is {column.type}: each row holds several values",
            fix="name a column with one value a row",
        )
    if pa.types.is_timestamp(column.type):
        column = column.cast(pa.timestamp(column.type.unit))  # the instant in UTC, whatever the zone is called
    if pa.types.is_temporal(column.type):
        column = column.cast(
            pa.int64() if pa.types.is_duration(column.type) else pa.string()
        )  # Python's dates end sooner
    if not pa.types.is_dictionary(column.type):
        column = column.dictionary_encode()
    return column.unify_dictionaries()


def _indices(encoded: pa.ChunkedArray, *, missing: int) -> CodeArray:
    parts = [as_numpy(chunk.indices, missing=missing) for chunk in encoded.chunks]
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def level_text(value: object) -> str:
    """How a level prints: 1.0 as `1`, True as `true`, nothing as `(missing)`."""
    if value is None or (isinstance(value, float) and value != value):
        return MISSING
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and abs(value) < 1e15 and value.is_integer():
        return str(int(value))
    if hasattr(value, "isoformat"):
        return str(value.isoformat())
    return str(value)


def _level_order(texts: list[str], values: list[object]) -> Callable[[str], tuple[int, float, str]]:
    numeric = {text: float(value) for text, value in zip(texts, values, strict=True) if isinstance(value, (int, float))}
    return lambda text: (0, numeric[text], text) if text in numeric else (1, 0.0, text)
