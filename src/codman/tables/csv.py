"""CSV files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pacsv

from codman.tables.file_digest import sha256_of_file
from codman.tables.reader import Source


class CsvSource(Source):
    """One delimited text file, plain or gzipped."""

    def __init__(self, path: Path, uri: str, name: str, text: Sequence[str] = ()) -> None:
        self.name, self.uri, self._path, self._text = name, uri, path, tuple(text)
        with pacsv.open_csv(path) as reader:
            self.columns = tuple(reader.schema.names)

    def digest(self) -> str:
        """sha256, in hex, of the file's bytes, as they are stored."""
        return sha256_of_file(self._path)

    def row_of(self, index: int) -> str:
        """The row as an editor numbers it: the header is row 1."""
        return f"row {index + 2} (the header is row 1)"

    def _read(self, columns: list[str]) -> pa.Table:
        return pacsv.read_csv(
            self._path,
            convert_options=pacsv.ConvertOptions(
                include_columns=columns, strings_can_be_null=True, column_types={c: pa.string() for c in self._text}
            ),
        )

    def _batches(self, columns: list[str]) -> Iterator[pa.RecordBatch]:
        yield from self._read(columns).to_batches(max_chunksize=131_072)
