"""CSV and its kin: comma, semicolon, tab or bar; plain or gzipped; the columns asked for, typed by all their values.

Every column is first read as text, which costs less than letting the parser guess, and then becomes a number, a truth
value or a time where all of it is one (csv_types.py). So a type never depends on where a block of the file ends.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.csv as pacsv

from codman.tables.csv_shape import (
    LONGEST_ROW,
    as_windows_text,
    first_broken_row,
    quotation_marks,
    shape_of,
    too_long,
)
from codman.tables.csv_types import DECIMAL_COMMA, MISSING, TEXT, TYPES, ColumnType
from codman.tables.file_digest import sha256_of_file
from codman.tables.reader import NotATable, Source

_BLOCK: Final = 4 << 20
_LARGEST_BLOCK: Final = 2 * LONGEST_ROW  # the parser wants a whole row within two blocks


class CsvSource(Source):
    """One delimited text file, plain or gzipped."""

    def __init__(self, path: Path, uri: str, name: str, text: Sequence[str] = ()) -> None:
        self.name, self.uri, self._path = name, uri, path
        self._text = frozenset(text)
        self._shape = shape_of(path, uri)
        self.columns = self._shape.header
        self.notes = self._shape.notes
        self._quoted: bool | None = None  # whether a quotation mark is anywhere, so that a value may span lines
        self._block = _BLOCK
        self._settled: dict[str, ColumnType] = {}

    def digest(self) -> str:
        """sha256, in hex, of the file's bytes, as they are stored."""
        return sha256_of_file(self._path)

    def row_of(self, index: int) -> str:
        """The row as a spreadsheet numbers it."""
        return f"row {index + 2} (the header is row 1)"

    def _read(self, columns: list[str]) -> pa.Table:
        if not self._shape.has_rows:
            self.rows = 0
            return pa.Table.from_arrays([pa.nulls(0)] * len(columns), names=columns)
        while True:
            try:
                with self._open() as stream:
                    table = pacsv.read_csv(stream, **self._options(columns))
                break
            except (pa.ArrowException, OSError, UnicodeError, ValueError) as error:
                self._mend(error)
        self.rows = table.num_rows
        # Arrow lets go of the interpreter while it converts, so columns go side by side
        with ThreadPoolExecutor(max_workers=pa.cpu_count()) as pool:
            return pa.table(
                dict(zip(columns, pool.map(lambda n: self._convert(n, table[self._key(n)]), columns), strict=True))
            )

    def _batches(self, columns: list[str]) -> Iterator[pa.RecordBatch]:
        self._settle(columns)
        rows = 0
        for table in self._pieces(columns):
            rows += table.num_rows
            typed = {name: self._settled[name].convert(table[self._key(name)]) for name in columns}
            for name, column in typed.items():
                if column is None:
                    raise NotATable(self.uri, f"column {name!r} changed while it was read", "write the file again")
            yield from pa.table(typed).combine_chunks().to_batches()
        self.rows = rows

    def _settle(self, columns: Sequence[str]) -> None:
        """Find each column's type from all its values, holding one block at a time."""
        open_to = {name: list(self._types(name)) for name in columns if name not in self._settled}
        if not open_to:
            return
        for table in self._pieces(list(open_to)):
            for name, types in open_to.items():
                values = table[self._key(name)]
                if len(types) > 1 and values.null_count < len(values):
                    open_to[name] = [kind for kind in types if kind.convert(values) is not None]
        for name, types in open_to.items():
            self._settled[name] = types[0]

    def _pieces(self, columns: list[str]) -> Iterator[pa.Table]:
        """The columns as text, block by block. Starts over only while nothing has been handed out."""
        started = False
        while self._shape.has_rows:
            try:
                with self._open() as stream, pacsv.open_csv(stream, **self._options(columns)) as reader:
                    for batch in reader:
                        started = True
                        yield pa.Table.from_batches([batch])
                return
            except (pa.ArrowException, OSError, UnicodeError, ValueError) as error:
                if started and self._repairable(error):
                    raise NotATable(
                        self.uri,
                        "its encoding or the length of its rows changes after the start",
                        "write it again as UTF-8, or as Parquet",
                    ) from error
                self._mend(error)

    def _types(self, name: str) -> tuple[ColumnType, ...]:
        if name in self._text:
            return (TEXT,)
        return (*TYPES, DECIMAL_COMMA, TEXT) if self._shape.separator == ";" else (*TYPES, TEXT)

    def _convert(self, name: str, values: pa.ChunkedArray) -> pa.ChunkedArray:
        for kind in (self._settled[name],) if name in self._settled else self._types(name):
            converted = kind.convert(values)
            if converted is not None:
                self._settled[name] = kind
                return converted
        raise NotATable(self.uri, f"column {name!r} changed while it was read", "write the file again")

    def _key(self, name: str) -> str:
        """Arrow's own name of a column: its position, since names may repeat or be empty."""
        return str(self.columns.index(name))

    def _open(self) -> pa.NativeFile:
        file = pa.OSFile(str(self._path), "rb")
        return pa.CompressedInputStream(file, "gzip") if self._shape.zipped else file

    def _options(self, columns: list[str]) -> dict[str, object]:
        keys = [self._key(name) for name in columns]
        return {
            "read_options": pacsv.ReadOptions(
                column_names=[str(i) for i in range(len(self.columns))],
                skip_rows=self._shape.blank_lines,
                skip_rows_after_names=1,  # the header, which may itself hold quoted line breaks
                block_size=self._block,
                encoding="utf8" if self._shape.encoding == "utf-8" else self._shape.encoding,
            ),
            "parse_options": pacsv.ParseOptions(
                delimiter=self._shape.separator, newlines_in_values=self._has_quotation_marks()
            ),
            "convert_options": pacsv.ConvertOptions(
                include_columns=keys,
                column_types=dict.fromkeys(keys, pa.string()),
                null_values=list(MISSING),
                strings_can_be_null=True,
                quoted_strings_can_be_null=True,
            ),
        }

    def _has_quotation_marks(self) -> bool:
        """Values that span lines cost the parser its second core, so it is told only where they can occur."""
        if self._quoted is None:
            self._quoted = quotation_marks(self._path, self.uri, self._shape)
        return self._quoted

    def _repairable(self, error: BaseException) -> bool:
        return "straddling" in str(error) or "UTF8" in str(error) or isinstance(error, UnicodeError)

    def _mend(self, error: BaseException) -> None:
        """Change what can be changed and return, or raise what the user has to change."""
        said = str(error)
        if "straddling" in said and self._block < _LARGEST_BLOCK:
            self._block = min(self._block * 8, _LARGEST_BLOCK)
        elif "straddling" in said:
            raise too_long(self.uri) from error
        elif ("UTF8" in said or isinstance(error, UnicodeError)) and self._shape.encoding != "latin-1":
            self._shape = as_windows_text(self._shape)
            self.notes = self._shape.notes
        else:
            raise first_broken_row(self._path, self.uri, self._shape) from error
