"""sha256 of columns in memory, the same for equal values whichever library, chunks or text layout they came in."""

from __future__ import annotations

import hashlib
import json

import pyarrow as pa

from codman.tables.literals import zero

_WORDS = {8: pa.uint8(), 16: pa.uint16(), 32: pa.uint32(), 64: pa.uint64()}


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
        self._hash.update(
            json.dumps([name, "nested" if pa.types.is_nested(plain.type) else str(plain.type), len(plain)]).encode()
            + b"\n"
        )
        self._hash.update(_bits(plain.is_valid()))
        kind = plain.type
        if pa.types.is_null(kind):
            return
        if pa.types.is_boolean(kind):
            self._hash.update(_bits(plain.fill_null(zero(pa.bool_()))))
        elif pa.types.is_large_binary(kind):
            self._binary(plain)
        elif pa.types.is_primitive(kind) and kind.bit_width in _WORDS:
            width = _WORDS[kind.bit_width]
            for chunk in plain.chunks:
                numbers = chunk.view(width).fill_null(zero(width)).to_numpy(zero_copy_only=False)
                self._hash.update(numbers.astype(numbers.dtype.newbyteorder("<"), copy=False).tobytes())
        else:
            for value in plain:
                self._hash.update(json.dumps(value.as_py(), default=str, sort_keys=True).encode() + b"\n")

    def hex(self) -> str:
        """The digest of all columns so far."""
        return self._hash.hexdigest()

    def _binary(self, values: pa.ChunkedArray) -> None:
        import pyarrow.compute as pc

        lengths = pc.binary_length(values).fill_null(zero(pa.int64()))
        for chunk in lengths.chunks:
            self._hash.update(chunk.to_numpy(zero_copy_only=False).astype("<i8", copy=False).tobytes())
        for chunk in values.chunks:
            chunk = chunk.fill_null(zero(pa.large_binary()))
            if not len(chunk):
                continue
            _, offsets, data = chunk.buffers()
            if data is None:
                continue
            ends = pa.Array.from_buffers(pa.int64(), len(chunk) + 1, [None, offsets], offset=chunk.offset)
            self._hash.update(memoryview(data)[ends[0].as_py() : ends[-1].as_py()])


def _plain(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """Encodings that do not change a value undone: dictionaries, views, 32-bit offsets, decimals."""
    kind = values.type
    if pa.types.is_dictionary(kind):
        values = values.cast(kind.value_type)
        kind = values.type
    text = pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)
    if text or pa.types.is_binary(kind) or pa.types.is_binary_view(kind):
        large = pa.large_string() if text else pa.large_binary()
        return values.cast(large).cast(pa.large_binary())
    if pa.types.is_decimal(kind):
        return values.cast(pa.large_string()).cast(pa.large_binary())
    return values


def _bits(flags: pa.ChunkedArray) -> bytes:
    import numpy as np

    parts = [chunk.to_numpy(zero_copy_only=False) for chunk in flags.chunks]
    return np.packbits(np.concatenate(parts)).tobytes() if parts else b""
