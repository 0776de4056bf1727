"""A segment: a file of frames, each some events of one kind that one request brought; what is acknowledged stands here.

The first segment that begins after another says how long that one is, and is on the disk before it takes an event.
What a failed write left behind that length was never acknowledged, and is never read.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import Final, NamedTuple

import pyarrow as pa

from codman.spine.event import EventType
from codman.tables.events.away import EventsDamaged
from codman.tables.events.columns import ROWS

_SUFFIX: Final = ".events"
_MAGIC: Final = b"CODMANEV"
_FORMAT: Final = 1
_HEADER: Final = struct.Struct("<8sIQQQqI")  # magic, format, number, first sequence, length before, received at, crc
_FRAME: Final = struct.Struct(
    "<2sBBIIQqI"
)  # magic, kind, length of sender, length, rows, first sequence, received, crc
_FRAME_MAGIC: Final = b"EV"
_KINDS: Final = {1: EventType.PREDICTION, 2: EventType.OUTCOME, 3: EventType.ACTION}  # by version: a new one is added
_NUMBERS: Final = {kind: number for number, kind in _KINDS.items()}
HEADER_BYTES: Final = _HEADER.size


class Header(NamedTuple):
    """How a segment begins."""

    number: int
    first_sequence: int
    length_before: int  # bytes of the segment before it that count
    received_at: int  # microseconds since 1970; no event in it was received earlier


class Frame(NamedTuple):
    """Some events of one kind."""

    kind: EventType
    sender: str
    first_sequence: int
    received_at: int
    rows: pa.RecordBatch
    end: int  # where in the file it ends


def name_of(number: int) -> str:
    """The file of a segment."""
    return f"{number:012d}{_SUFFIX}"


def number_of(name: str) -> int | None:
    """The segment of a file; None where it is none."""
    digits = name.removesuffix(_SUFFIX)
    return int(digits) if name.endswith(_SUFFIX) and digits.isdecimal() else None


def header_bytes(header: Header) -> bytes:
    """A header as it is written."""
    bare = _HEADER.pack(_MAGIC, _FORMAT, *header, 0)
    return _HEADER.pack(_MAGIC, _FORMAT, *header, zlib.crc32(bare))


def read_header(data: bytes) -> Header | None:
    """A segment's header; None where it was not written whole."""
    if len(data) < _HEADER.size:
        return None
    magic, version, number, first, before, received, crc = _HEADER.unpack_from(data)
    header = Header(number, first, before, received)
    if magic != _MAGIC or zlib.crc32(_HEADER.pack(magic, version, *header, 0)) != crc:
        return None
    if version != _FORMAT:
        raise EventsDamaged(name_of(number), f"it is of format {version}, which this release does not know")
    return header


def frame_bytes(kind: EventType, sender: str, rows: pa.RecordBatch, first_sequence: int, received_at: int) -> bytes:
    """Some events as they are written."""
    payload: bytes = sender.encode()[:255] + rows.serialize().to_pybytes()
    head = (
        _FRAME_MAGIC,
        _NUMBERS[kind],
        len(sender.encode()[:255]),
        len(payload),
        rows.num_rows,
        first_sequence,
        received_at,
    )
    crc = zlib.crc32(payload, zlib.crc32(_FRAME.pack(*head, 0)))
    return _FRAME.pack(*head, crc) + payload


def frames(data: bytes, *, until: int | None = None) -> Iterator[Frame]:
    """A segment's frames, in order; the first that is not whole ends them.

    Args:
        data: The file.
        until: How much of it counts; all of it without.
    """
    view = memoryview(data)[:until]
    at = _HEADER.size
    while at + _FRAME.size <= len(view):
        magic, number, named, length, _, first, received, crc = _FRAME.unpack_from(view, at)
        end = at + _FRAME.size + length
        if magic != _FRAME_MAGIC or number not in _KINDS or end > len(view):
            return
        payload = view[at + _FRAME.size : end]
        bare = view[at : at + _FRAME.size - 4].tobytes() + b"\0\0\0\0"
        if zlib.crc32(payload, zlib.crc32(bare)) != crc:
            return
        kind = _KINDS[number]
        rows = pa.ipc.read_record_batch(pa.py_buffer(bytes(payload[named:])), ROWS[kind])  # copied: it must lie aligned
        yield Frame(kind, bytes(payload[:named]).decode(errors="replace"), first, received, rows, end)
        at = end
