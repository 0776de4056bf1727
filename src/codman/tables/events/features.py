"""What a model saw, as two maps a row: numbers by name and levels by name, each sorted by name."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from codman.errors import BadInput
from codman.spine import event as said
from codman.tables.events.columns import LEVELS, NUMBERS

Refuse = Callable[[Any, str], None]  # a mask of rows, and why

MISSING_LEVEL: Final = "(missing)"
_NAME: Final = re.compile(said.FEATURE_PATTERN)
_FINITE: Final = "a feature is infinite or too large"
_LEVEL: Final = "a feature's level is too long or has a sign not allowed"


class BadFeatures(BadInput):
    """A column of features that cannot be read."""

    def __init__(self, why: str) -> None:
        super().__init__(
            what="the features cannot be taken",
            why=why,
            fix="give `features` as a struct of numbers, booleans and texts, or as a map of text to either",
        )


def features_of(given: Mapping[str, pa.Array], count: int, refuse: Refuse) -> tuple[pa.Array, pa.Array]:
    """The features a table gives, whichever way, as a map of numbers and a map of levels.

    Args:
        given: Columns by name: `features`, or `numbers` and `levels` already apart.
        count: How many rows there are.
        refuse: Told which rows are not taken, and why.

    Raises:
        BadFeatures: The columns are of other types, or give a feature twice.
    """
    if "features" in given:
        if "numbers" in given or "levels" in given:
            raise BadFeatures("features are given twice over")
        return _of_one(given["features"], count, refuse)
    numbers, levels = given.get("numbers"), given.get("levels")
    return (
        pa.nulls(count, NUMBERS) if numbers is None else _sorted(_as_map(numbers, pa.float64()), refuse),
        pa.nulls(count, LEVELS) if levels is None else _sorted(_as_map(levels, pa.string()), refuse),
    )


def written_badly(texts: pa.Array, signs: str, longest: int) -> pa.Array:
    """Which texts are longer than they may be, or hold a sign that is not one of some."""
    return pc.or_(pc.invert(pc.match_substring_regex(texts, signs)), pc.greater(pc.utf8_length(texts), longest))


def _of_one(features: pa.Array, count: int, refuse: Refuse) -> tuple[pa.Array, pa.Array]:
    kind = features.type
    if pa.types.is_null(kind):
        return pa.nulls(count, NUMBERS), pa.nulls(count, LEVELS)
    if pa.types.is_map(kind):
        if _is_text(kind.item_type):
            return pa.nulls(count, NUMBERS), _sorted(_as_map(features, pa.string()), refuse)
        return _sorted(_as_map(features, pa.float64()), refuse), pa.nulls(count, LEVELS)
    if not pa.types.is_struct(kind):
        raise BadFeatures(f"the column is {kind}")
    names = [field.name for field in kind]
    if len(set(names)) != len(names) or len(names) > said.MOST_FEATURES:
        raise BadFeatures(f"a name is there twice, or there are more than {said.MOST_FEATURES}")
    if not all(_NAME.fullmatch(name) and len(name) <= said.LONGEST_FEATURE for name in names):
        raise BadFeatures("a name is too long or has a sign not allowed")
    apart: tuple[dict[str, pa.Array], dict[str, pa.Array]] = ({}, {})
    for name in sorted(names):
        column = pc.struct_field(features, name)
        if pa.types.is_dictionary(column.type):
            column = column.dictionary_decode()
        apart[_is_text(column.type)][name] = column
    valid = features.is_valid().to_numpy(zero_copy_only=False)
    return _numbers(apart[False], valid, refuse), _levels(apart[True], valid, refuse)


def _numbers(columns: dict[str, pa.Array], valid: np.ndarray[Any, Any], refuse: Refuse) -> pa.Array:
    if not columns:
        return pa.nulls(len(valid), NUMBERS)
    table = np.empty((len(valid), len(columns)))
    for at, column in enumerate(columns.values()):
        table[:, at] = _floats(column).fill_null(np.nan).to_numpy(zero_copy_only=False)
    refuse((np.abs(table) > said.LARGEST).any(axis=1), _FINITE)
    return _rowwise(list(columns), pa.array(table[valid].ravel()), valid)


def _levels(columns: dict[str, pa.Array], valid: np.ndarray[Any, Any], refuse: Refuse) -> pa.Array:
    if not columns:
        return pa.nulls(len(valid), LEVELS)
    texts = [column.cast(pa.string()) for column in columns.values()]
    for text in texts:
        refuse(written_badly(text, said.WORD_PATTERN, said.LONGEST_CODE), _LEVEL)
    flat = pa.concat_arrays([text.fill_null(MISSING_LEVEL) for text in texts])
    order = np.arange(len(flat)).reshape(len(texts), -1).T[valid].ravel()
    return _rowwise(list(columns), flat.take(pa.array(order)), valid)


def _rowwise(names: list[str], values: pa.Array, valid: np.ndarray[Any, Any]) -> pa.Array:
    """A map whose every valid row has all the names."""
    offsets = np.concatenate([[0], np.cumsum(valid * len(names))]).astype("<i4")
    keys = pa.DictionaryArray.from_arrays(
        pa.array(np.tile(np.arange(len(names), dtype="<i4"), int(valid.sum()))), pa.array(names)
    ).dictionary_decode()
    whole = pa.MapArray.from_arrays(pa.array(offsets), keys, values)
    return whole if valid.all() else pc.if_else(pa.array(valid), whole, pa.scalar(None, whole.type))


def _as_map(column: pa.Array, items: pa.DataType) -> pa.MapArray:
    kind = column.type
    if pa.types.is_null(kind):
        return pa.nulls(len(column), pa.map_(pa.string(), items))
    if not pa.types.is_map(kind) or not _is_text(kind.key_type):
        raise BadFeatures(f"a column of them is {kind}")
    if _is_text(items) != _is_text(kind.item_type):
        raise BadFeatures(f"a map of {'levels' if _is_text(items) else 'numbers'} holds {kind.item_type}")
    values = column.items
    values = values.cast(pa.string()) if _is_text(items) else _floats(values)
    values = values.fill_null(MISSING_LEVEL if _is_text(items) else np.nan)
    made = pa.MapArray.from_arrays(column.offsets, column.keys.cast(pa.string()), values)
    if not column.null_count:
        return made
    return pc.if_else(column.is_valid(), made, pa.scalar(None, made.type))


def _sorted(column: pa.MapArray, refuse: Refuse) -> pa.Array:
    """The same with each row's names in order, and rows with a bad or doubled name, or a bad value, refused."""
    n = len(column)
    valid = column.is_valid().to_numpy(zero_copy_only=False)
    ends = np.asarray(column.offsets.to_numpy(), "i8")
    counts = np.where(valid, np.diff(ends), 0)
    refuse(counts > said.MOST_FEATURES, f"it has more than {said.MOST_FEATURES} features")
    rows = np.repeat(np.arange(n), counts)
    starts = np.repeat(ends[:-1], counts)
    within = np.arange(len(rows)) - np.repeat((np.cumsum(counts) - counts), counts)
    at = starts + within if len(rows) else np.empty(0, "i8")
    keys, values = column.keys.take(pa.array(at)), column.items.take(pa.array(at))
    _refuse_rows(refuse, n, rows, keys.is_null(), "a feature has no name")
    bad = written_badly(keys, said.FEATURE_PATTERN, said.LONGEST_FEATURE)
    _refuse_rows(refuse, n, rows, bad, "a feature's name is too long or has a sign not allowed")
    if _is_text(values.type):
        _refuse_rows(refuse, n, rows, written_badly(values, said.WORD_PATTERN, said.LONGEST_CODE), _LEVEL)
    else:
        _refuse_rows(refuse, n, rows, pc.greater(pc.abs(values), said.LARGEST), _FINITE)
    coded = keys.fill_null("").dictionary_encode()
    rank = np.argsort(np.argsort(np.asarray(coded.dictionary.to_pylist(), dtype=object))) if len(keys) else None
    if rank is not None:
        place = rank[coded.indices.to_numpy()]
        order = np.lexsort((place, rows))
        place = place[order]
        twice = np.zeros(n, dtype=bool)
        twice[rows[1:][(place[1:] == place[:-1]) & (rows[1:] == rows[:-1])]] = True
        refuse(twice, "a feature is there twice")
        keys, values = keys.fill_null("").take(pa.array(order)), values.take(pa.array(order))
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype("<i4")
    made = pa.MapArray.from_arrays(pa.array(offsets), keys, values)
    return made if valid.all() else pc.if_else(pa.array(valid), made, pa.scalar(None, made.type))


def _refuse_rows(refuse: Refuse, n: int, rows: np.ndarray[Any, Any], bad: pa.Array, why: str) -> None:
    if bad.true_count == 0:
        return
    mask = np.zeros(n, dtype=bool)
    mask[rows[bad.fill_null(False).to_numpy(zero_copy_only=False)]] = True
    refuse(mask, why)


def _floats(column: pa.Array) -> pa.Array:
    kind = column.type
    if not (
        pa.types.is_integer(kind)
        or pa.types.is_floating(kind)
        or pa.types.is_decimal(kind)
        or pa.types.is_boolean(kind)
        or pa.types.is_null(kind)
    ):
        raise BadFeatures(f"one of them is {kind}")
    return column.cast(pa.float64(), safe=False)


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))
