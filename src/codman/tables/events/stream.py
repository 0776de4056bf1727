"""An Arrow stream from somebody else: how much memory it would take is known before any of it is taken."""

from __future__ import annotations

import struct
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from codman.spine.event import MOST_ROWS
from codman.tables.events.checks import NotEvents

MOST_BYTES: Final = 256 * 1024 * 1024  # of a stream, unpacked
_LONGEST_CODED: Final = 1000  # bytes of a text that many rows may share
_DICTIONARY, _RECORDS = 2, 3  # kinds of message (Arrow's Message.fbs)


def read_stream(body: bytes) -> pa.Table:
    """The table of an Arrow IPC stream.

    Raises:
        NotEvents: It is none, is cut short or damaged, or is too large once unpacked.
    """
    try:
        _refuse_large(body)
        rows = 0
        batches = []
        with pa.ipc.open_stream(pa.py_buffer(body)) as reader:
            _ = [f"{field.name} {field.type}" for field in reader.schema]  # names that are no text fail here
            for batch in reader:
                rows += batch.num_rows
                if rows > MOST_ROWS:
                    raise NotEvents(f"more than {MOST_ROWS:,} rows", "send it in several streams")
                batch.validate(full=True)  # Arrow trusts offsets; a damaged one would read past the buffer
                for column in batch.columns:
                    _refuse_shared(column)
                batches.append(batch)
            table = pa.Table.from_batches(batches, reader.schema)
    except (pa.ArrowException, struct.error, OSError, ValueError, IndexError, MemoryError) as error:
        if isinstance(error, NotEvents):
            raise
        raise NotEvents("it is no Arrow IPC stream, or is damaged or cut short", "write the stream again") from None
    return table


def _refuse_large(body: bytes) -> None:
    """Add up what the messages say they unpack to (Arrow columnar format, "Compressed body buffers")."""
    total = 0
    source = pa.BufferReader(body)
    while source.tell() < len(body):
        try:
            message = pa.ipc.read_message(source)
        except EOFError:
            return
        if message.body is not None:
            total += _unpacked(memoryview(message.metadata), memoryview(message.body))
        if total > MOST_BYTES:
            raise NotEvents(f"unpacked it is larger than {MOST_BYTES // 1024 // 1024} MiB", "send less at once")


def _unpacked(meta: memoryview, body: memoryview) -> int:
    root = struct.unpack_from("<I", meta)[0]
    kind_at, records = _place(meta, root, 1), _follow(meta, root, 2)
    kind = meta[kind_at] if kind_at else 0
    if kind == _DICTIONARY:
        records = _follow(meta, records, 1)
    elif kind != _RECORDS:
        return len(body)
    if not _place(meta, records, 3):  # no compression
        return len(body)
    buffers = _follow(meta, records, 2)
    count = struct.unpack_from("<I", meta, buffers)[0]
    total = 0
    for offset, length in struct.iter_unpack("<qq", meta[buffers + 4 : buffers + 4 + 16 * count]):
        if length >= 8:
            said = struct.unpack_from("<q", body, offset)[0]
            total += length if said == -1 else said
            if said < -1:
                raise ValueError("a length below nothing")
    return total


def _place(meta: memoryview, table: int, field: int) -> int:
    """Where a table's field is; 0 where it is left out (FlatBuffers internals)."""
    vtable = table - struct.unpack_from("<i", meta, table)[0]
    if 4 + 2 * field >= struct.unpack_from("<H", meta, vtable)[0]:
        return 0
    inside = struct.unpack_from("<H", meta, vtable + 4 + 2 * field)[0]
    return table + inside if inside else 0


def _follow(meta: memoryview, table: int, field: int) -> int:
    place = _place(meta, table, field)
    if not place:
        raise ValueError("a message without what it carries")
    return int(place + struct.unpack_from("<I", meta, place)[0])


def _refuse_shared(column: pa.Array) -> None:
    """Texts that many rows point to are written out once a row: a long one would fill the memory."""
    kind = column.type
    if pa.types.is_struct(kind):
        for at in range(kind.num_fields):
            _refuse_shared(column.field(at))
    elif pa.types.is_map(kind):
        _refuse_shared(column.keys)
        _refuse_shared(column.items)
    elif pa.types.is_dictionary(kind):
        words = column.dictionary
        if pa.types.is_nested(words.type) or (
            not pa.types.is_primitive(words.type) and (_longest(words) or 0) > _LONGEST_CODED
        ):
            raise NotEvents("a coded column holds a text too long", "send plain text columns")
    elif pa.types.is_string_view(kind):
        if len(column) and _longest(column) > _LONGEST_CODED:
            raise NotEvents("a column holds a text too long", "see docs/events.md for how long each may be")
    elif pa.types.is_run_end_encoded(kind):
        raise NotEvents("a column is run-end encoded", "send plain columns")


def _longest(texts: pa.Array) -> int:
    if pa.types.is_string_view(texts.type):
        views: Any = np.frombuffer(texts.buffers()[1], "<i4")[texts.offset * 4 : (texts.offset + len(texts)) * 4 : 4]
        return int(views.max(initial=0))
    return int(pc.max(pc.binary_length(texts)).as_py() or 0)
