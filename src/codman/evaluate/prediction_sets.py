"""Columns of prediction sets and of abstention: lists of class names, or text such as `a|b`; yes or no."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from codman.errors import BadInput, nearest
from codman.evaluate.columns import NO, YES, codes, column_of, label, level_text
from codman.evaluate.estimates import BoolArray, FloatArray, IntArray
from codman.evaluate.groups import MISSING
from codman.tables.source import Source

BETWEEN: Final = "|"
TextArray = NDArray[np.object_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sets:
    """Prediction sets beside what happened."""

    covered: BoolArray  # (n,) the set holds what happened
    size: FloatArray  # (n,) distinct classes in the set
    stated: BoolArray  # (n,) a set is stated
    classes: int  # how many classes there are

    def kept(self, keep: BoolArray) -> tuple[BoolArray, FloatArray, BoolArray, int]:
        """Of some rows, as `uncertainty.estimates` takes them."""
        return self.covered[keep], self.size[keep], self.stated[keep], self.classes


def read_sets(
    table: pa.Table, column: str, outcome: str, source: Source, *, classes: Sequence[str] | None = None
) -> Sets:
    """Prediction sets and whether each holds the row's outcome, compared by printed text.

    Args:
        table: Holds both columns.
        column: The sets: a list a row, or text with `|` between classes; an empty list or text is the empty set.
        outcome: The label column.
        source: Where it came from, for errors.
        classes: All class names; None for a yes-or-no label, whose 1, true and yes mean the same.

    Raises:
        BadInput: A set names a class that does not exist (its row is named), or the column holds no lists and no text.
    """
    row, member = _members(table, column, source)
    truth = codes(table, outcome)
    spelled = str if classes is not None else _yes_or_no
    occurring = {spelled(level) for level in truth.levels} - {MISSING}
    known = list(classes) if classes is not None else sorted(occurring | {"1", "0"})
    place = {name: i for i, name in enumerate(known)}
    names, inverse = np.unique(member, return_inverse=True) if len(member) else (member, np.zeros(0, dtype=np.int64))
    translated = np.array([place.get(spelled(str(name)), -1) for name in names], dtype=np.int64)
    coded = translated[inverse] if len(names) else np.zeros(0, dtype=np.int64)
    if np.any(coded < 0):
        at = int(np.argmax(coded < 0))
        raise BadInput(
            what=f"prediction sets in column {column!r} of {source.uri} cannot be used",
            why=f"{source.row_of(int(row[at]))} names a class that is not among the {len(known)} known",
            fix=nearest(str(member[at]), known) if classes is not None else "name classes as the label column does",
        )
    rows = table.num_rows
    pairs = np.unique(row * len(known) + coded)
    size = np.bincount(pairs // len(known), minlength=rows).astype(np.float64)
    of_level = np.array([place.get(spelled(level), -1) for level in truth.levels], dtype=np.int64)
    happened = of_level[truth.codes]
    holds = pairs % len(known) == happened[pairs // len(known)]
    covered = np.bincount((pairs // len(known))[holds], minlength=rows) > 0
    stated = ~column_of(table, column).is_null().combine_chunks().to_numpy(zero_copy_only=False).astype(bool)
    return Sets(covered=covered & stated, size=size, stated=stated, classes=len(known))


def read_declined(table: pa.Table, column: str, source: Source) -> tuple[BoolArray, BoolArray]:
    """(n,) True where the model declines to judge, and (n,) True where the column says so at all.

    Raises:
        NotALabel: It is no yes-or-no column.
    """
    declined, missing = label(table, column, source, positive=None)
    return declined & ~missing, ~missing


def _yes_or_no(text: str) -> str:
    folded = text.casefold()
    return "1" if folded in YES else "0" if folded in NO else text


def _members(table: pa.Table, column: str, source: Source) -> tuple[IntArray, TextArray]:
    """Row and printed class of every member of every set."""
    sets = column_of(table, column).combine_chunks()
    if isinstance(sets, pa.ChunkedArray):
        sets = sets.chunk(0) if sets.num_chunks else pa.array([], type=sets.type)
    kind = sets.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return _split(sets)
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        row = pc.list_parent_indices(sets).to_numpy(zero_copy_only=False).astype(np.int64)
        encoded = pc.list_flatten(sets).dictionary_encode()
        names = np.array([level_text(value) for value in encoded.dictionary.to_pylist()] + [MISSING], dtype=object)
        at = encoded.indices.fill_null(len(names) - 1).to_numpy(zero_copy_only=False).astype(np.int64)
        return row, names[at]
    if pa.types.is_integer(kind) or pa.types.is_boolean(kind):  # sets of one class each, as a CSV reader types them
        present = ~sets.is_null().to_numpy(zero_copy_only=False).astype(bool)
        names = np.array([level_text(value) for value in sets.to_pylist()], dtype=object)
        return np.flatnonzero(present), names[present]
    raise BadInput(
        what=f"column {column!r} of {source.uri} holds no prediction sets",
        why=f"its type is {kind}",
        fix=f"give a list of class names, or text such as a{BETWEEN}b",
    )


def _split(sets: pa.Array) -> tuple[IntArray, TextArray]:
    encoded = sets.dictionary_encode()
    texts = encoded.dictionary.to_pylist()
    members = [[part.strip() for part in text.split(BETWEEN) if part.strip()] if text else [] for text in texts]
    sizes = np.array([len(parts) for parts in members] + [0], dtype=np.int64)
    at = encoded.indices.fill_null(len(members)).to_numpy(zero_copy_only=False).astype(np.int64)
    flat = np.array([part for parts in members for part in parts], dtype=object)
    starts = np.concatenate([[0], np.cumsum(sizes)])
    row = np.repeat(np.arange(len(at)), sizes[at])
    within = np.arange(len(row)) - np.repeat(np.cumsum(sizes[at]) - sizes[at], sizes[at])
    return row, flat[np.repeat(starts[at], sizes[at]) + within] if len(row) else flat[:0]
