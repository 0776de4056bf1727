"""Parquet files: only the columns asked for are decoded, on all cores."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from codman.tables.file_digest import sha256_of_file
from codman.tables.reader import NotATable, Part, Source, TruncatedFile, plain

MAGIC = b"PAR1"
_ROWS_AT_ONCE = 131_072


@dataclass(frozen=True, slots=True, kw_only=True)
class RowGroup:
    """Some columns of one row group, read where it is called."""

    path: Path
    uri: str
    columns: tuple[str, ...]
    group: int
    schema: pa.Schema | None = None  # the folder's, where files of one differ in a type

    def __call__(self) -> Iterator[pa.RecordBatch]:
        """Its batches."""
        try:
            with pq.ParquetFile(self.path, pre_buffer=False) as file:
                found = file.iter_batches(_ROWS_AT_ONCE, row_groups=[self.group], columns=list(self.columns))
                for batch in found:
                    whole = plain(batch.select(list(self.columns)))
                    yield whole if self.schema is None else whole.cast(self.schema)
        except (pa.ArrowException, OSError, ValueError) as error:
            raise NotATable(self.uri, "its Parquet pages or footer are missing or damaged", "restore it") from error


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

    def _parts_of(self, columns: list[str]) -> list[Part]:
        return list(self.row_groups(columns))

    def row_groups(self, columns: list[str], schema: pa.Schema | None = None) -> Iterator[RowGroup]:
        """Its row groups, to be read one by one."""
        with pq.ParquetFile(self._path) as file:
            groups = file.num_row_groups
        for group in range(groups):
            yield RowGroup(path=self._path.resolve(), uri=self.uri, columns=tuple(columns), group=group, schema=schema)

    def _unreadable(self) -> NotATable | TruncatedFile:
        with self._path.open("rb") as file:
            file.seek(max(0, self._path.stat().st_size - len(MAGIC)))
            whole = file.read() == MAGIC
        if not whole:
            return TruncatedFile(self.uri, "a Parquet file ends with the mark PAR1, and this one does not")
        return NotATable(self.uri, "its Parquet pages or footer are damaged", "write the file again")
