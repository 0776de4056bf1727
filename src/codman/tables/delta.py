"""Delta tables: read one version, pin it, digest it, append to it.

The log is read by deltalake (extra `data`); the data files are read here, in the order of their paths, so that the
same version always gives the same rows in the same order. Rows marked deleted are left out, and partition columns,
which stand only in the log, are filled in.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.parquet as pq

from codman.errors import BadInput, MissingExtra
from codman.tables.arrays import as_numpy
from codman.tables.file_digest import sha256_of_file
from codman.tables.reader import NoSuchVersion, NotATable, Part, Source, plain

LOG = "_delta_log"
_ROWS_AT_ONCE = 131_072
_OWN_FEATURES = frozenset(["deletionVectors", "timestampNtz", "variantType", "v2Checkpoint", "vacuumProtocolCheck"])


class _DataFile(NamedTuple):
    path: str  # in the table's folder
    size: int
    partition: dict[str, pa.Scalar]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeltaFile:
    """The rows of one data file that a version holds, read where it is called."""

    folder: Path
    uri: str
    file: _DataFile
    kept: pa.Array | None  # (rows,) which are not deleted; None: none is
    schema: pa.Schema

    def __call__(self) -> Iterator[pa.RecordBatch]:
        """Its batches, in types every reader knows."""
        for batch in self.rows():
            if batch.num_rows:
                yield plain(batch)

    def rows(self) -> Iterator[pa.RecordBatch]:
        """Its batches as the table has them."""
        at = 0
        try:
            with pq.ParquetFile(self.folder / self.file.path, pre_buffer=False) as parquet:
                there = [name for name in self.schema.names if name in parquet.schema_arrow.names]
                for batch in parquet.iter_batches(_ROWS_AT_ONCE, columns=there, use_threads=True):
                    whole = self._filled(batch)
                    mask = None if self.kept is None else self.kept.slice(at, batch.num_rows)
                    at += batch.num_rows
                    yield whole if mask is None else whole.filter(mask)
        except (pa.ArrowException, OSError, ValueError) as error:
            raise NotATable(
                self.uri, f"its data file {self.file.path!r} is missing or damaged", "restore it"
            ) from error

    def _filled(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        arrays = []
        for field in self.schema:
            if field.name in self.file.partition:
                arrays.append(pa.repeat(self.file.partition[field.name].cast(field.type), batch.num_rows))
            elif field.name in batch.schema.names:
                arrays.append(batch.column(field.name).cast(field.type))
            else:  # the column came later than this file
                arrays.append(pa.nulls(batch.num_rows, field.type))
        return pa.RecordBatch.from_arrays(arrays, schema=self.schema)


class DeltaSource(Source):
    """One version of a Delta table."""

    def __init__(self, path: Path, uri: str, name: str, at_version: int | None = None) -> None:
        self.name, self.uri, self._path = name, uri, path
        self._table = _open(path, uri, at_version)
        self.table_version = int(self._table.version())
        unknown = set(self._table.protocol().reader_features or ()) - _OWN_FEATURES
        if unknown:
            raise NotATable(uri, f"it uses {', '.join(sorted(unknown))}", "write a copy without it, or export Parquet")
        self._schema = pa.schema(self._table.schema().to_arrow())
        self.columns = tuple(self._schema.names)
        self._partitions = list(self._table.metadata().partition_columns)
        self._files = self._data_files()
        self._kept = self._rows_kept()

    def digest(self) -> str:
        """sha256, in hex, over the version and each data file's path, size and sha256, with its deleted rows."""
        digest = hashlib.sha256(f"delta version {self.table_version}\n".encode())
        for file in self._files:
            digest.update(f"{file.path}\t{file.size}\t{sha256_of_file(self._path / file.path)}\n".encode())
            if file.path in self._kept:
                digest.update(as_numpy(self._kept[file.path]).tobytes())
        return digest.hexdigest()

    def _read(self, columns: list[str]) -> pa.Table:
        table = pa.Table.from_batches(self._batches(columns), self._plain_schema(columns))
        self.rows = table.num_rows
        return table

    def _batches(self, columns: list[str]) -> Iterator[pa.RecordBatch]:
        for part in self._files_of(columns):
            yield from part.rows()

    def _parts_of(self, columns: list[str]) -> list[Part]:
        return list(self._files_of(columns))

    def _files_of(self, columns: list[str]) -> Iterator[DeltaFile]:
        schema, folder = self._plain_schema(columns), self._path.resolve()
        for file in self._files:
            yield DeltaFile(folder=folder, uri=self.uri, file=file, kept=self._kept.get(file.path), schema=schema)

    def _plain_schema(self, columns: list[str]) -> pa.Schema:
        return pa.schema([self._schema.field(name) for name in columns])

    def _data_files(self) -> list[_DataFile]:
        actions = pa.RecordBatchReader.from_stream(self._table.get_add_actions(flatten=True)).read_all()
        files = [
            _DataFile(
                path=unquote(actions["path"][row].as_py()),
                size=actions["size_bytes"][row].as_py(),
                partition={name: actions[f"partition.{name}"][row] for name in self._partitions},
            )
            for row in range(actions.num_rows)
        ]
        for file in files:
            # a table that somebody sent must not bring in what lies elsewhere on this machine
            if Path(file.path).is_absolute() or ".." in Path(file.path).parts:
                raise NotATable(self.uri, "its log names a data file outside its folder", "write a whole copy of it")
        return sorted(files, key=lambda file: file.path)

    def _rows_kept(self) -> dict[str, pa.Array]:
        if "deletionVectors" not in (self._table.protocol().reader_features or ()):
            return {}
        vectors = pa.RecordBatchReader.from_stream(self._table.deletion_vectors()).read_all()
        kept: dict[str, pa.Array] = {}
        for uri, keep in zip(vectors.column(0).to_pylist(), vectors.column(1), strict=True):
            path = next(file.path for file in self._files if unquote(uri).endswith(file.path))
            kept[path] = keep.values
        return kept


def append(path: Path, rows: pa.Table) -> int:
    """Add rows to a Delta table, which is made if it is not there, and return the version that has them.

    Args:
        path: The table's folder.
        rows: Rows with the table's columns.

    Returns:
        The new version, to pin with `at_version`.

    Raises:
        MissingExtra: deltalake is not installed.
        BadInput: The columns do not fit the table's.
    """
    deltalake = _deltalake()
    try:
        deltalake.write_deltalake(str(path), rows, mode="append")
        return int(deltalake.DeltaTable(str(path)).version())
    except (deltalake.exceptions.DeltaError, ValueError, OSError) as error:
        raise BadInput(
            what=f"cannot append to {str(path)!r}",
            why="the rows' columns or types do not fit the table, or its folder cannot be written",
            fix="give rows with the table's own columns and types",
        ) from error


def _open(path: Path, uri: str, at_version: int | None) -> Any:
    deltalake = _deltalake()
    try:
        newest = deltalake.DeltaTable(str(path))
    except Exception as error:  # its Rust core raises several kinds, none of which a user should meet
        raise NotATable(uri, "its Delta log is damaged or unknown", "restore the log, or export Parquet") from error
    if at_version is None or at_version == newest.version():
        return newest
    if not 0 <= at_version <= newest.version():
        raise NoSuchVersion(uri, at_version, newest.version())
    try:
        return deltalake.DeltaTable(str(path), version=at_version)
    except Exception as error:  # as above; versions may have been cleaned out of the log
        raise NoSuchVersion(uri, at_version, newest.version()) from error


def _deltalake() -> Any:
    try:
        import deltalake
        import deltalake.exceptions
    except ImportError as error:
        raise MissingExtra("data", "deltalake, which reads Delta tables,") from error
    return deltalake
