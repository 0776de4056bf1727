"""Arrow to numpy and small Arrow constants, straight from the buffers.

`array.to_numpy()`, `pa.array([...])` and `pa.scalar(...)` first ask whether they deal with something of pandas, and
import it to find out: up to three seconds, where pandas happens to be installed.
"""

from __future__ import annotations

import struct
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

_BY_WIDTH: Final = {8: "i1", 16: "i2", 32: "i4", 64: "i8"}


def as_numpy(column: pa.Array | pa.ChunkedArray, *, missing: float | None = None) -> NDArray[Any]:
    """A column of numbers, truth values, dates or times as a numpy array; one whole chunk without a copy.

    Args:
        column: (n,) integers, floats, booleans; dates and times come as the integers they are stored as.
        missing: What stands where a value is missing; without it, nothing may be missing.

    Returns:
        (n,) of the same width; read-only where it is the column's own memory.

    Raises:
        ValueError: A value is missing and `missing` is not given.
        TypeError: The column is text or nested.
    """
    chunks = column.chunks if isinstance(column, pa.ChunkedArray) else [column]
    dtype = _dtype(column.type)
    if column.null_count and missing is None:
        raise ValueError(f"{column.null_count} values are missing")
    if len(chunks) == 1 and not column.null_count:
        return _stored(chunks[0], dtype)
    out = np.empty(len(column), dtype)
    at = 0
    for chunk in chunks:
        part = out[at : at + len(chunk)]
        at += len(chunk)
        if pa.types.is_null(chunk.type):
            part[:] = missing
            continue
        part[:] = _stored(chunk, dtype)
        if chunk.null_count:
            part[~_bits(chunk.buffers()[0], chunk.offset, len(chunk))] = missing
    return out


def is_there(column: pa.Array | pa.ChunkedArray) -> NDArray[np.bool_]:
    """(n,) True where the column has a value."""
    chunks = column.chunks if isinstance(column, pa.ChunkedArray) else [column]
    there = np.ones(len(column), np.bool_)
    at = 0
    for chunk in chunks:
        if pa.types.is_null(chunk.type):
            there[at : at + len(chunk)] = False
        elif chunk.null_count:
            there[at : at + len(chunk)] = _bits(chunk.buffers()[0], chunk.offset, len(chunk))
        at += len(chunk)
    return there


def words(*values: str) -> pa.Array:
    """Text values as an Arrow array."""
    encoded = [value.encode() for value in values]
    ends = [0]
    for value in encoded:
        ends.append(ends[-1] + len(value))
    offsets = struct.pack(f"={len(ends)}i", *ends)
    return pa.Array.from_buffers(
        pa.string(), len(values), [None, pa.py_buffer(offsets), pa.py_buffer(b"".join(encoded) or b"\0")]
    )


def empty_bytes() -> pa.Scalar:
    """Nothing, as a value of Arrow's large_binary."""
    nothing = pa.py_buffer(bytes(64))
    return pa.Array.from_buffers(pa.large_binary(), 1, [None, nothing, nothing])[0]


def _dtype(kind: pa.DataType) -> np.dtype[Any]:
    if pa.types.is_boolean(kind):
        return np.dtype(np.bool_)
    if pa.types.is_null(kind):
        return np.dtype(np.float64)
    if pa.types.is_floating(kind):
        return np.dtype(f"f{kind.bit_width // 8}")
    if pa.types.is_unsigned_integer(kind):
        return np.dtype(f"u{kind.bit_width // 8}")
    if pa.types.is_primitive(kind) and kind.bit_width in _BY_WIDTH:
        return np.dtype(_BY_WIDTH[kind.bit_width])
    raise TypeError(f"{kind} has no numbers")


def _stored(chunk: pa.Array, dtype: np.dtype[Any]) -> NDArray[Any]:
    data = chunk.buffers()[1] if len(chunk) else None
    if data is None:
        return np.empty(len(chunk), dtype)
    if dtype == np.bool_:
        return _bits(data, chunk.offset, len(chunk))
    return np.frombuffer(data, dtype, count=chunk.offset + len(chunk))[chunk.offset :]


def _bits(buffer: pa.Buffer, offset: int, length: int) -> NDArray[np.bool_]:
    first = offset // 8
    packed = np.frombuffer(buffer, np.uint8)[first : (offset + length + 7) // 8]
    return np.unpackbits(packed, bitorder="little")[offset - 8 * first :][:length].view(np.bool_)
