"""Arrow columns to validated arrays: numbers, yes-or-no labels, level codes. Bad values are named by row, never shown."""

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
    floats = column.cast(pa.float64(), safe=False)
    out: FloatArray = np.empty(len(floats), dtype=np.float64)
    start = 0
    for chunk in floats.chunks:  # to_numpy on a chunked array copies twice when there are nulls
        out[start : start + len(chunk)] = chunk.to_numpy(zero_copy_only=False)
        start += len(chunk)
    return out


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
    missing: BoolArray = coded.codes == coded.levels.index(MISSING) if MISSING in coded.levels else np.zeros(len(coded.codes), bool)
    levels = [level for level in coded.levels if level != MISSING]
    if positive is not None:
        if positive not in levels:
            raise NotALabel(
                source, name, f"no row holds the positive value {positive!r}", "check --positive against the column's values"
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
    encoded = table.column(name)
    if not pa.types.is_dictionary(encoded.type):
        encoded = encoded.dictionary_encode()
    encoded = encoded.unify_dictionaries()
    if encoded.num_chunks == 0:
        return Factor(name=name, codes=np.zeros(0, dtype=np.int32), levels=())
    values = encoded.chunk(0).dictionary.to_pylist()
    texts = [level_text(value) for value in values]
    present = sorted(set(texts) - {MISSING}, key=_level_order(texts, values))
    levels = (*present, MISSING)
    place = {text: code for code, text in enumerate(levels)}
    translate = np.array([place[text] for text in texts] + [len(present)], dtype=np.int32)
    raw = np.concatenate(
        [chunk.indices.fill_null(len(values)).to_numpy(zero_copy_only=False) for chunk in encoded.chunks]
    )
    coded: CodeArray = translate[raw]
    if not np.any(coded == len(present)):
        levels = levels[:-1]
    return Factor(name=name, codes=coded, levels=levels)


def identities(table: pa.Table, name: str) -> tuple[CodeArray, int]:
    """(n,) code of each row's patient or encounter, and how many there are; -1 where missing."""
    encoded = table.column(name)
    if not pa.types.is_dictionary(encoded.type):
        encoded = encoded.dictionary_encode()
    encoded = encoded.unify_dictionaries()
    if encoded.num_chunks == 0:
        return np.zeros(0, dtype=np.int32), 0
    raw = np.concatenate([chunk.indices.fill_null(-1).to_numpy(zero_copy_only=False) for chunk in encoded.chunks])
    return raw.astype(np.int32), len(encoded.chunk(0).dictionary)


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
