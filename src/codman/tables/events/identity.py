"""What an event is known by: its source and id; and a digest of what it says, so that another body under them shows."""

from __future__ import annotations

from hashlib import blake2b
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from codman.spine.event import EventType

_NONE: Final = np.zeros(1, "i8")
KEY_BYTES: Final = 16  # two ids of a million million share one with a chance of one in a million million


def keys_of(source: pa.Array, id_: pa.Array) -> list[bytes]:
    """A key of each event's identity.

    Args:
        source: (n,) texts without NUL.
        id_: (n,) the same.
    """
    joined = pc.binary_join_element_wise(source.cast(pa.binary()), id_.cast(pa.binary()), b"\0")
    return [blake2b(one, digest_size=KEY_BYTES).digest() for one in joined.to_pylist()]


def digests_of(kind: EventType, columns: list[pa.Array]) -> pa.Array:
    """A digest of what each event says, the same however it was sent.

    Args:
        kind: What they are.
        columns: The kind's columns in columns.SAID, in its order; maps with their keys sorted.

    Returns:
        (n,) int64.
    """
    n = len(columns[0])
    if n == 0:
        return pa.array([], pa.int64())
    fixed: list[np.ndarray[Any, Any]] = [np.frombuffer(kind.encode().ljust(32), "u1").reshape(1, -1).repeat(n, axis=0)]
    loose: list[pa.Array] = []
    for column in columns:
        fixed.append(np.asarray(column.is_valid().to_numpy(zero_copy_only=False), "u1").reshape(n, 1))
        if pa.types.is_map(column.type):
            _add_map(column, fixed, loose)
        elif pa.types.is_string(column.type):
            text = _filled(column.cast(pa.binary()), b"")
            fixed.append(_bytes_of(pc.binary_length(text).to_numpy(), "<u4"))
            loose.append(text)
        elif pa.types.is_timestamp(column.type):
            fixed.append(_bytes_of(_filled(column.cast(pa.int64()), 0).to_numpy(), "<i8"))
        elif pa.types.is_boolean(column.type):
            fixed.append(_filled(column, False).to_numpy(zero_copy_only=False).astype("u1").reshape(n, 1))
        else:
            fixed.append(_bytes_of(_one_zero(_filled(column, 0.0).to_numpy(zero_copy_only=False)), "<f8"))
    plain = np.ascontiguousarray(np.hstack(fixed))
    width = plain.shape[1]
    offsets = np.arange(n + 1, dtype="<i4") * width
    front = pa.Array.from_buffers(pa.binary(), n, [None, pa.py_buffer(offsets), pa.py_buffer(plain)])
    rows = pc.binary_join_element_wise(front, *loose, b"") if loose else front
    digest = b"".join([blake2b(row, digest_size=8).digest() for row in rows.to_pylist()])
    return pa.array(np.frombuffer(digest, "<i8"), pa.int64())


def _add_map(column: pa.MapArray, fixed: list[np.ndarray[Any, Any]], loose: list[pa.Array]) -> None:
    """A map's rows as bytes: how many entries, each key's length, the keys, and the values in the same way."""
    offsets = np.asarray(column.offsets.to_numpy(), "i8")
    first, last = int(offsets[0]), int(offsets[-1])
    starts = offsets - first
    fixed.append(_bytes_of(np.diff(starts), "<u4"))
    keys, values = column.keys.slice(first, last - first), column.items.slice(first, last - first)
    _add_texts(keys, starts, loose)
    if pa.types.is_string(values.type):
        _add_texts(values, starts, loose)
    else:
        _add_slices(_one_zero(values.to_numpy(zero_copy_only=False)).astype("<f8").tobytes(), starts * 8, loose)


def _add_texts(texts: pa.Array, starts: np.ndarray[Any, Any], loose: list[pa.Array]) -> None:
    _, where, letters = texts.buffers()
    ends = (
        np.frombuffer(where, "<i4")[texts.offset : texts.offset + len(texts) + 1].astype("i8") if len(texts) else _NONE
    )
    data = memoryview(letters)[int(ends[0]) : int(ends[-1])] if letters is not None else b""
    _add_slices(np.diff(ends).astype("<u4").tobytes(), starts * 4, loose)
    _add_slices(data, (ends - ends[0])[starts], loose)


def _add_slices(data: bytes | memoryview, offsets: np.ndarray[Any, Any], loose: list[pa.Array]) -> None:
    n = len(offsets) - 1
    buffers = [None, pa.py_buffer(offsets.astype("<i4")), pa.py_buffer(data)]
    loose.append(pa.Array.from_buffers(pa.binary(), n, buffers))


def _filled(column: pa.Array, value: object) -> pa.Array:
    return column.fill_null(value) if column.null_count else column


def _bytes_of(values: np.ndarray[Any, Any], kind: str) -> np.ndarray[Any, Any]:
    """(n, width) bytes of n numbers."""
    return np.ascontiguousarray(values.astype(kind)).view("u1").reshape(len(values), -1)


def _one_zero(values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """-0 as 0, and every NaN as one."""
    return np.where(np.isnan(values), np.nan, values + 0.0)
