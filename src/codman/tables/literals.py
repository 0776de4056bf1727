"""Arrow constants laid out byte by byte.

`pa.array([...])` and `pa.scalar(...)` first ask whether they were given something of pandas, and import it to find out:
up to three seconds for one constant, where pandas happens to be installed.
"""

from __future__ import annotations

import struct

import pyarrow as pa


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


def zero(kind: pa.DataType) -> pa.Scalar:
    """0, false or nothing, as an Arrow value of a boolean, integer or binary type."""
    nothing = pa.py_buffer(bytes(64))
    many = [None, nothing, nothing] if pa.types.is_large_binary(kind) else [None, nothing]
    return pa.Array.from_buffers(kind, 1, many)[0]
