"""Events in a file: NDJSON of CloudEvents, Parquet, or Arrow; a part at a time, so a large one needs little room."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from codman.errors import BadInput
from codman.evidence.canonical import NotJson, parse
from codman.evidence.files import CannotRead

ROWS: Final = 5_000  # of one part
_LONGEST_LINE: Final = 1024 * 1024
_NDJSON: Final = (".ndjson", ".jsonl")
_ARROW: Final = (".arrow", ".arrows", ".feather", ".ipc")
ENDINGS: Final = (*_NDJSON, *_ARROW, ".parquet")


class NotAnEventFile(BadInput):
    """A file that holds no events that can be read."""

    def __init__(self, name: str, why: str) -> None:
        super().__init__(
            what=f"{name} holds no events that can be read",
            why=why,
            fix=f"give CloudEvents as NDJSON, or one kind of event as Parquet or Arrow: {', '.join(ENDINGS)}",
        )


class Piece(NamedTuple):
    """Some events of a file, and the place of the first of them in it."""

    first: int
    events: list[Any] | pa.Table


def pieces(path: Path, after: int = 0) -> Iterator[Piece]:
    """A file's events, some thousand at a time.

    Args:
        path: The file; its ending says what it is.
        after: How many are passed over: those that were sent already.

    Raises:
        NotAnEventFile: It is of another kind, or damaged.
        CannotRead: It is not there, or not ours.
    """
    ending = path.suffix.lower()
    try:
        if ending in _NDJSON:
            yield from _lines(path, after)
        elif ending == ".parquet":
            with pq.ParquetFile(path) as file:
                yield from _batches(file.iter_batches(ROWS), after)
        elif ending in _ARROW:
            yield from _batches(_arrow(path), after)
        else:
            raise NotAnEventFile(path.name, f"its name ends in {ending[:20] or 'nothing'}")
    except pa.ArrowException:
        raise NotAnEventFile(path.name, "it is damaged or cut short") from None
    except OSError as error:
        raise CannotRead(path, error) from None


def as_stream(table: pa.Table) -> bytes:
    """A table as an Arrow stream."""
    out = io.BytesIO()
    with pa.ipc.new_stream(out, table.schema) as writer:
        writer.write_table(table)
    return out.getvalue()


def _lines(path: Path, after: int) -> Iterator[Piece]:
    found: list[Any] = []
    first = after
    number = 0
    with path.open("rb") as file:
        while line := file.readline(_LONGEST_LINE + 1):
            if len(line) > _LONGEST_LINE:
                raise NotAnEventFile(path.name, f"line {number + 1:,} is longer than {_LONGEST_LINE:,} bytes")
            if not line.strip():
                continue
            number += 1
            if number <= after:
                continue
            try:
                found.append(parse(line, name=f"line {number:,}"))
            except NotJson:
                found.append(None)  # refused by itself, with its place
            if len(found) == ROWS:
                yield Piece(first, found)
                first, found = first + len(found), []
    if found:
        yield Piece(first, found)


def _arrow(path: Path) -> Iterator[pa.RecordBatch]:
    with pa.OSFile(str(path), "rb") as bytes_:
        magic = bytes_.read(6)
        bytes_.seek(0)
        if magic == b"ARROW1":
            with pa.ipc.open_file(bytes_) as whole:
                for index in range(whole.num_record_batches):
                    yield whole.get_batch(index)
            return
        with pa.ipc.open_stream(bytes_) as reader:
            yield from reader


def _batches(batches: Iterator[pa.RecordBatch], after: int) -> Iterator[Piece]:
    at = 0
    for batch in batches:
        batch.validate(full=True)
        for start in range(0, batch.num_rows, ROWS):
            part = batch.slice(start, ROWS)
            if at + part.num_rows > after:
                skip = max(0, after - at)
                yield Piece(at + skip, pa.Table.from_batches([part.slice(skip)]))
            at += part.num_rows
