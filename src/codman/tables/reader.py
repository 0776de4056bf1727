"""Source: what every table format offers, and what can be wrong with a table.

BadInput
├── NoSuchFile        nothing at that path; the nearest names in the folder
├── UnreadableFile    no permission, or not a file at all
├── EmptyFile         no bytes, or no header
├── NotATable         of no known format, or damaged
├── TruncatedFile     cut short
├── BrokenRow         a row of a text file that does not fit the header
├── NoSuchColumn      a column was asked for that is not there
├── DuplicateColumn   a column was asked for that is there twice
├── WrongType         a column holds another type than is needed
├── NotInParts        a format that only one reader can read from start to end
└── NoSuchVersion     a Delta table never had that version
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pyarrow as pa

from codman.errors import BadInput, nearest

Part = Callable[[], Iterator[pa.RecordBatch]]  # some of a table's rows; can be pickled


class NoSuchFile(BadInput):
    """There is nothing at the path."""

    def __init__(self, uri: str, neighbours: Sequence[str]) -> None:
        super().__init__(
            what=f"there is no file {uri!r}",
            why="nothing has that name",
            fix=nearest(Path(uri).name, neighbours) if neighbours else "check the path",
        )


class UnreadableFile(BadInput):
    """The path is there and can't be read as a file."""

    def __init__(self, uri: str, why: str, fix: str = "give a readable file") -> None:
        super().__init__(what=f"cannot read {uri!r}", why=why, fix=fix)


class EmptyFile(BadInput):
    """The file has no bytes or no header."""

    def __init__(self, uri: str, why: str = "it has no bytes") -> None:
        super().__init__(what=f"{uri!r} is empty", why=why, fix="write the file again")


class NotATable(BadInput):
    """The file is of no known format, or damaged."""

    def __init__(self, uri: str, why: str, fix: str = "") -> None:
        super().__init__(
            what=f"{uri!r} cannot be read as a table",
            why=why,
            fix=fix or "give Parquet, CSV, CSV.gz, Arrow, NDJSON or a Delta table",
        )


class TruncatedFile(BadInput):
    """The file is cut short."""

    def __init__(self, uri: str, why: str) -> None:
        super().__init__(what=f"{uri!r} is cut short", why=why, fix="copy or write the file again")


class BrokenRow(BadInput):
    """A row of a text file does not fit the header; `line` is where it starts, counted from 1."""

    def __init__(
        self,
        uri: str,
        line: int | None,
        why: str,
        fix: str = "repair that row, or write the file again",
        *,
        header: bool = True,
    ) -> None:
        where = f"a row of {uri!r}" if line is None else f"row {line:,} of {uri!r}"
        super().__init__(what=f"{where} is broken{' (the header is row 1)' if header else ''}", why=why, fix=fix)
        self.line = line


class NoSuchColumn(BadInput):
    """A column was asked for that is not in the table."""

    def __init__(self, uri: str, column: str, columns: Sequence[str]) -> None:
        super().__init__(
            what=f"there is no column {column!r}",
            why=f"{uri!r} has {len(columns)} columns and none has that name",
            fix=nearest(column, columns),
        )
        self.column = column


class DuplicateColumn(BadInput):
    """A column was asked for that is in the table more than once."""

    def __init__(self, uri: str, column: str, times: int) -> None:
        super().__init__(
            what=f"column {column!r} is ambiguous",
            why=f"{uri!r} has {times} columns of that name",
            fix="rename or remove all but one",
        )
        self.column = column


class WrongType(BadInput):
    """A column holds another type than is needed."""

    def __init__(self, uri: str, column: str, needed: str, found: str) -> None:
        super().__init__(
            what=f"column {column!r} of {uri!r} is not {needed}",
            why=f"it holds {found}",
            fix=f"convert it to {needed}, or name another column",
        )
        self.column = column


class NoSuchVersion(BadInput):
    """The Delta table has no such version."""

    def __init__(self, uri: str, version: int, newest: int | None) -> None:
        super().__init__(
            what=f"{uri!r} has no version {version}",
            why="the newest is unknown" if newest is None else f"its newest version is {newest}",
            fix="give a version that is still in the table's log",
        )


class NotInParts(BadInput):
    """The table cannot be shared out among several readers."""

    def __init__(self, uri: str) -> None:
        super().__init__(
            what=f"{uri!r} cannot be read in parts",
            why="only Delta tables and Parquet files can be shared out among several machines",
            fix="write it as Parquet or as a Delta table, or read it here",
        )


class Source(ABC):
    """A table that is read column by column, only as far as it is needed.

    Made by `codman.tables.source.open_source`; read by evaluate, compare and reproduce.

    Attributes:
        name: What the evidence calls this input.
        uri: The path as it was typed, or `the table` for a data frame.
        columns: Names in the file's order.
        rows: Number of rows, None where the format does not say before reading.
        table_version: The Delta version that is read, else None.
        notes: What a reader of the result should know about how the file was understood.
    """

    name: str
    uri: str
    columns: tuple[str, ...]
    rows: int | None = None
    table_version: int | None = None
    notes: tuple[str, ...] = ()

    def read(self, columns: Sequence[str]) -> pa.Table:
        """These columns of the whole table, in this order, nothing else decoded.

        Raises:
            NoSuchColumn: One is not there.
            DuplicateColumn: One is there twice.
        """
        wanted = self._wanted(columns)
        return plain(self._read(wanted).select(wanted))

    def batches(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """These columns piece by piece, so that a table larger than memory can be read.

        Every batch has the same types, and the same as `read` gives.
        """
        wanted = self._wanted(columns)
        for batch in self._batches(wanted):
            if batch.num_rows:
                yield plain(batch.select(wanted))

    def parts(self, columns: Sequence[str]) -> list[Part]:
        """These columns in parts that any process may read, which sees the same folder; together they are the table.

        Raises:
            NotInParts: The format has none.
        """
        return self._parts_of(self._wanted(columns))

    @abstractmethod
    def digest(self) -> str:
        """sha256, in hex, of exactly what is read; for one file, of its bytes."""

    def look_further(self) -> None:  # noqa: B027  most formats know their columns from the start
        """Complete `columns`, where a format can only know them all by reading on."""

    def row_of(self, index: int) -> str:
        """What an error message calls the row at `index` (from 0)."""
        return f"row {index + 1}"

    def _wanted(self, columns: Sequence[str]) -> list[str]:
        wanted = list(dict.fromkeys(columns))
        require(self, wanted)
        return wanted

    def _parts_of(self, columns: list[str]) -> list[Part]:
        del columns
        raise NotInParts(self.uri)

    @abstractmethod
    def _read(self, columns: list[str]) -> pa.Table: ...

    @abstractmethod
    def _batches(self, columns: list[str]) -> Iterator[pa.RecordBatch]: ...


def require(source: Source, columns: Sequence[str]) -> None:
    """Refuse unless the table has each of these columns exactly once.

    Raises:
        NoSuchColumn: The first that is missing, with the nearest names.
        DuplicateColumn: The first that is there more than once.
    """
    for column in columns:
        if column not in source.columns:
            source.look_further()
        times = source.columns.count(column)
        if times == 0:
            raise NoSuchColumn(source.uri, column, source.columns)
        if times > 1:
            raise DuplicateColumn(source.uri, column, times)


def plain(rows: pa.Table) -> pa.Table:
    """The same values in types every reader knows: text views as text, runs and extensions undone. Batches alike."""
    columns = [plain_column(column) for column in rows.columns]
    fields = [pa.field(name, column.type) for name, column in zip(rows.schema.names, columns, strict=True)]
    return type(rows).from_arrays(columns, schema=pa.schema(fields))


def plain_column(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """One column, or one array, in types every reader knows."""
    kind = column.type
    if isinstance(column, pa.ChunkedArray):
        if not _is_odd(kind):
            return column
        chunks = [plain_column(chunk) for chunk in column.chunks]
        return pa.chunked_array(chunks) if chunks else plain_column(pa.nulls(0, kind))
    if isinstance(kind, pa.BaseExtensionType):
        return plain_column(column.storage)
    if pa.types.is_run_end_encoded(kind):
        import pyarrow.compute as pc

        return plain_column(pc.run_end_decode(column))
    if pa.types.is_dictionary(kind) and _is_odd(kind.value_type):
        return pa.DictionaryArray.from_arrays(column.indices, plain_column(column.dictionary))
    return column.cast(_plain_type(kind)) if _is_odd(kind) else column


def _is_odd(kind: pa.DataType) -> bool:
    if isinstance(kind, pa.BaseExtensionType) or pa.types.is_run_end_encoded(kind):
        return True
    return _is_odd(kind.value_type) if pa.types.is_dictionary(kind) else _plain_type(kind) != kind


def _plain_type(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_string_view(kind):
        return pa.large_string()
    if pa.types.is_binary_view(kind):
        return pa.large_binary()
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        inner = _plain_type(kind.value_type)
        if inner != kind.value_type:
            return pa.list_(inner) if pa.types.is_list(kind) else pa.large_list(inner)
    return kind
