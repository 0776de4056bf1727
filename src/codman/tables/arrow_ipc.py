"""Arrow IPC: files (Feather V2) and streams; only the columns asked for are decoded."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pyarrow as pa

from codman.tables.file_digest import sha256_of_file
from codman.tables.reader import NotATable, Source, TruncatedFile

FILE_MAGIC: Final = b"ARROW1"
STREAM_MAGIC: Final = b"\xff\xff\xff\xff"
_DAMAGED: Final = (pa.ArrowException, OSError, ValueError, EOFError)


class ArrowSource(Source):
    """One Arrow IPC file or stream."""

    def __init__(self, path: Path, uri: str, name: str) -> None:
        self.name, self.uri, self._path = name, uri, path
        with path.open("rb") as file:
            self._is_file = file.read(len(FILE_MAGIC)) == FILE_MAGIC
        try:
            with pa.OSFile(str(path), "rb") as bytes_, self._reader(bytes_, None) as reader:
                self.columns = tuple(reader.schema.names)
        except _DAMAGED as error:
            raise self._damaged() from error

    def digest(self) -> str:
        """sha256, in hex, of the file's bytes."""
        return sha256_of_file(self._path)

    def _read(self, columns: list[str]) -> pa.Table:
        batches = list(self._batches(columns))
        table = pa.Table.from_batches(batches) if batches else self._schema(columns).empty_table()
        self.rows = table.num_rows
        return table

    def _batches(self, columns: list[str]) -> Iterator[pa.RecordBatch]:
        try:
            with pa.OSFile(str(self._path), "rb") as bytes_, self._reader(bytes_, columns) as reader:
                if self._is_file:
                    for index in range(reader.num_record_batches):
                        yield _sound(reader.get_batch(index))
                else:
                    for batch in reader:
                        yield _sound(batch)
        except _DAMAGED as error:
            raise self._damaged() from error

    def _schema(self, columns: list[str]) -> pa.Schema:
        with pa.OSFile(str(self._path), "rb") as bytes_, self._reader(bytes_, columns) as reader:
            return reader.schema

    def _reader(self, bytes_: pa.NativeFile, columns: list[str] | None) -> pa.RecordBatchReader:
        included = None if columns is None else sorted(self.columns.index(column) for column in columns)
        options = pa.ipc.IpcReadOptions(included_fields=included)
        return (pa.ipc.open_file if self._is_file else pa.ipc.open_stream)(bytes_, options=options)

    def _damaged(self) -> NotATable | TruncatedFile:
        if self._is_file:
            with self._path.open("rb") as file:
                file.seek(max(len(FILE_MAGIC), self._path.stat().st_size - len(FILE_MAGIC)))
                if file.read() != FILE_MAGIC:
                    return TruncatedFile(self.uri, "an Arrow file ends with the mark ARROW1, and this one does not")
        return NotATable(self.uri, "its Arrow messages are damaged or cut short", "write the file again")


def _sound(batch: pa.RecordBatch) -> pa.RecordBatch:
    batch.validate(full=True)  # Arrow trusts offsets in a file; a damaged one would read past the buffer
    return batch
