"""A folder of Parquet files that together are one table, as Spark writes it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from codman.tables.parquet import ParquetSource
from codman.tables.reader import NotATable, Part, Source, UnreadableFile, plain


def data_files(folder: Path) -> list[Path]:
    """The Parquet files of a folder, in the order of their names; marks and hidden files left out."""
    return sorted(path for path in folder.glob("*.parquet") if path.is_file() and path.name[0] not in "._")


class ParquetFolderSource(Source):
    """Parquet files of one folder, one after the other in the order of their names."""

    def __init__(self, folder: Path, uri: str, name: str) -> None:
        self.name, self.uri = name, uri
        if any(path.is_dir() and "=" in path.name for path in folder.iterdir()):
            raise UnreadableFile(
                uri, "it is a folder with partitions in folder names", "give a Delta table, or one Parquet file"
            )
        self._parts = [ParquetSource(path, f"{uri.rstrip('/')}/{path.name}", name) for path in data_files(folder)]
        first = self._parts[0]
        for part in self._parts[1:]:
            if part.columns != first.columns:
                raise NotATable(uri, f"{part.uri!r} has other columns than {first.uri!r}", "give files of one table")
        self.columns = first.columns
        self.rows = sum(part.rows or 0 for part in self._parts)

    def digest(self) -> str:
        """sha256, in hex, over each file's name and sha256."""
        digest = hashlib.sha256(b"parquet folder\n")
        for part in self._parts:
            digest.update(f"{Path(part.uri).name}\t{part.digest()}\n".encode())
        return digest.hexdigest()

    def _read(self, columns: list[str]) -> pa.Table:
        return self._join([part.read(columns) for part in self._parts])

    def _batches(self, columns: list[str]) -> Iterator[pa.RecordBatch]:
        schema = self._schema_of(columns)
        for part in self._parts:
            for batch in part.batches(columns):
                yield batch.cast(schema)

    def _parts_of(self, columns: list[str]) -> list[Part]:
        schema = plain(self._schema_of(columns).empty_table()).schema
        return [group for part in self._parts for group in part.row_groups(columns, schema)]

    def _schema_of(self, columns: list[str]) -> pa.Schema:
        return self._join([part.types(columns).empty_table() for part in self._parts]).schema

    def _join(self, tables: list[pa.Table]) -> pa.Table:
        try:
            return pa.concat_tables(tables, promote_options="permissive")
        except pa.ArrowException as error:
            raise NotATable(
                self.uri, "its files disagree on a column's type", "write the files with one type"
            ) from error
