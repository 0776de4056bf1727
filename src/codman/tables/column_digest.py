"""sha256 of columns in memory, the same for equal values whichever library, chunks or text layout they came in."""

from __future__ import annotations

import hashlib
import json

import numpy as np
import pyarrow as pa

from codman.tables.arrays import as_numpy, empty_bytes, is_there
from codman.tables.reader import plain_column

_WORD = 64  # bits; wider values go in as text


class ColumnsDigest:
    """Takes columns one by one; the order counts, as it does in a file.

    A column is: its name, plain type and length as JSON; one bit a row for "is there"; then the values, little-endian,
    zero where missing. Text is each value's length in bytes, then all bytes. Anything else is its JSON.
    """

    def __init__(self) -> None:
        self._hash = hashlib.sha256()

    def add(self, name: str, values: pa.ChunkedArray) -> None:
        """Take in the next column."""
        plain = _plain(values)
        kind = "nested" if pa.types.is_nested(plain.type) else str(plain.type)
        self._hash.update(json.dumps([name, kind, len(plain)]).encode() + b"\n")
        self._hash.update(np.packbits(is_there(plain)).tobytes())
        if pa.types.is_null(plain.type):
            return
        if pa.types.is_large_binary(plain.type):
            self._binary(plain)
        elif pa.types.is_primitive(plain.type) and plain.type.bit_width <= _WORD:
            numbers = as_numpy(plain, missing=0)
            self._hash.update(numbers.astype(numbers.dtype.newbyteorder("<"), copy=False).tobytes())
        else:
            for value in plain:
                self._hash.update(json.dumps(value.as_py(), default=str, sort_keys=True).encode() + b"\n")

    def hex(self) -> str:
        """The digest of all columns so far."""
        return self._hash.hexdigest()

    def _binary(self, values: pa.ChunkedArray) -> None:
        pieces = []
        for chunk in values.fill_null(empty_bytes()).chunks:
            _, offsets, data = chunk.buffers()
            if not len(chunk):
                continue
            ends = np.frombuffer(offsets, "=i8", count=chunk.offset + len(chunk) + 1)[chunk.offset :]
            self._hash.update(np.diff(ends).astype("<i8", copy=False).tobytes())
            pieces.append(memoryview(data)[ends[0] : ends[-1]] if data is not None else b"")
        for piece in pieces:
            self._hash.update(piece)


def _plain(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """Encodings that do not change a value undone: dictionaries, views, 32-bit offsets, decimals."""
    values = plain_column(values)
    if pa.types.is_dictionary(values.type):
        values = values.cast(values.type.value_type)
    kind = values.type
    text = pa.types.is_string(kind) or pa.types.is_large_string(kind)
    if text or pa.types.is_binary(kind):
        large = pa.large_string() if text else pa.large_binary()
        return values.cast(large).cast(pa.large_binary())
    if pa.types.is_decimal(kind):
        return values.cast(pa.large_string()).cast(pa.large_binary())
    return values
