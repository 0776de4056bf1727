"""Parquet files: only the columns asked for are decoded, on all cores."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from codman.tables.file_digest import sha256_of_file
from codman.tables.reader import NotATable, Source, TruncatedFile

MAGIC = b"PAR1"
_ROWS_AT_ONCE = 131_072


class ParquetSource(Source):
    """One Parquet file."""

    def __init__(self, path: Path, uri: str, name: str) -> None:
        self.name, self.uri, self._path = name, uri, path
        try:
            with pq.ParquetFile(path) as file:
                self.columns = tuple(file.schema_arrow.names)
                self.rows = file.metadata.num_rows
        except (pa.ArrowException, OSError, ValueError) as error:
            raise self._unreadable() from error

    def digest(self) -> str:
        """sha256, in hex, of the file's bytes."""
        return sha256_of_file(self._path)

    def types(self, columns: list[str]) -> pa.Schema:
        """What types these columns have."""
        with pq.ParquetFile(self._path) as file:
            schema = file.schema_arrow
        return pa.schema([schema.field(schema.names.index(column)) for column in columns]).remove_metadata()

    def _read(self, columns: list[str]) -> pa.Table:
        try:
            with pq.ParquetFile(self._path) as file:
                return file.read(columns=columns, use_threads=True)
        except (pa.ArrowException, OSError, ValueError) as error:
            raise self._unreadable() from error

    def _batches(self, columns: list[str]) -> Iterator[pa.RecordBatch]:
        try:
            # pre_buffer would hold every row group that is still to come
            with pq.ParquetFile(self._path, pre_buffer=False) as file:
                yield from file.iter_batches(batch_size=_ROWS_AT_ONCE, columns=columns, use_threads=True)
        except (pa.ArrowException, OSError, ValueError) as error:
            raise self._unreadable() from error

    def _unreadable(self) -> NotATable | TruncatedFile:
        with self._path.open("rb") as file:
            file.seek(max(0, self._path.stat().st_size - len(MAGIC)))
            whole = file.read() == MAGIC
        if not whole:
            return TruncatedFile(self.uri, "a Parquet file ends with the mark PAR1, and this one does not")
        return NotATable(self.uri, "its Parquet pages or footer are damaged", "write the file again")
