"""The one way in to a table: a path or a data frame in, a Source out; the format is told by the content."""

from __future__ import annotations

import gzip
import os
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from codman.errors import BadInput
from codman.tables.arrow_ipc import FILE_MAGIC, STREAM_MAGIC, ArrowSource
from codman.tables.csv import CsvSource
from codman.tables.csv_shape import GZIP_MAGIC
from codman.tables.delta import LOG, DeltaSource
from codman.tables.frame import FrameSource
from codman.tables.ndjson import NdjsonSource
from codman.tables.parquet import MAGIC, ParquetSource
from codman.tables.parquet_folder import ParquetFolderSource, data_files
from codman.tables.reader import EmptyFile, NoSuchFile, NotATable, Source, TruncatedFile, UnreadableFile, require

__all__ = ["Source", "open_source", "require"]

_LOOK: Final = 4096
_TEXT_NAMES: Final = (".csv", ".tsv", ".psv", ".txt", ".tab", ".dat")
_JSON_NAMES: Final = (".ndjson", ".jsonl")
# what people hand in by mistake: the mark at the start, what it is, what to do
_OTHERS: Final = (
    (b"PK\x03\x04", "a ZIP archive or an Excel workbook", "unpack it, or save the sheet as CSV"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook", "save the sheet as CSV"),
    (b"\x28\xb5\x2f\xfd", "compressed with zstd", "unpack it, or compress it with gzip"),
    (b"BZh", "compressed with bzip2", "unpack it, or compress it with gzip"),
    (b"\xfd7zXZ", "compressed with xz", "unpack it, or compress it with gzip"),
    (b"FEA1", "Feather version 1", "write it again as Feather 2 or Parquet"),
    (b"ORC", "an ORC file", "write it again as Parquet"),
    (b"SQLite format 3", "an SQLite database", "export the table as CSV or Parquet"),
    (b"%PDF", "a PDF", ""),
    (b"\x89HDF", "an HDF5 file", "export the table as Parquet"),
    (b"\x80\x04\x95", "a Python pickle, which is never opened", "write it again as Parquet"),
    (b"\x80\x05\x95", "a Python pickle, which is never opened", "write it again as Parquet"),
)


class NotVersioned(BadInput):
    """A version was asked of a table that keeps none."""

    def __init__(self, uri: str) -> None:
        super().__init__(
            what=f"{uri!r} has no versions",
            why="only Delta tables keep them",
            fix="leave the version out, or give a Delta table",
        )


def open_source(
    source: str | os.PathLike[str] | Any,
    *,
    name: str = "predictions",
    at_version: int | None = None,
    text: Sequence[str] = (),
) -> Source:
    """Open a table of predictions: a file, a Delta table or a data frame.

    Args:
        source: A path (Parquet file or folder, CSV, CSV.gz, Arrow, NDJSON(.gz), Delta folder), or a polars, pandas or
            pyarrow table, or a mapping of names to arrays.
        name: What the evidence calls this input.
        at_version: The version of a Delta table; the newest without it.
        text: CSV columns that stay text even where every value looks like a number.

    Returns:
        A Source; nothing but the header has been read yet.

    Raises:
        BadInput: The path or the file is not a table; see codman.tables.reader.
    """
    if not isinstance(source, str | os.PathLike):
        if at_version is not None:
            raise NotVersioned("a data frame")
        return FrameSource(source, name)
    uri = os.fspath(source)
    if isinstance(uri, bytes):
        uri = os.fsdecode(uri)
    try:
        path = _existing(uri)
        if path.is_dir() and (path / LOG).is_dir():
            return DeltaSource(path, uri, name, at_version)
        if at_version is not None:
            raise NotVersioned(uri)
        return _folder(path, uri, name) if path.is_dir() else _file(path, uri, name, text)
    except PermissionError as error:
        raise UnreadableFile(uri, "permission is denied", "ask for the right to read it") from error
    except OSError as error:
        raise UnreadableFile(uri, (error.strerror or "the system cannot read it").lower()) from error


def _existing(uri: str) -> Path:
    path = Path(uri)
    try:
        there = path.exists()
    except (OSError, ValueError):  # a name the system cannot hold
        there = False
    if not there or not uri:
        try:
            neighbours = [other.name for other in path.parent.iterdir()]
        except (OSError, ValueError):
            neighbours = []
        raise NoSuchFile(uri, neighbours)
    return path


def _folder(path: Path, uri: str, name: str) -> Source:
    if not data_files(path):
        raise UnreadableFile(uri, "it is a folder, and neither a Delta table nor one of Parquet files", "give a file")
    return ParquetFolderSource(path, uri, name)


def _file(path: Path, uri: str, name: str, text: Sequence[str]) -> Source:
    if not path.is_file():
        raise UnreadableFile(uri, "it is a device or a pipe, which can be read only once", "write it to a file first")
    start = _start(path, uri)
    if not start:
        raise EmptyFile(uri)
    if start.startswith(MAGIC):
        return ParquetSource(path, uri, name)
    if start.startswith((FILE_MAGIC, STREAM_MAGIC)):
        return ArrowSource(path, uri, name)
    for mark, what, fix in _OTHERS:
        if start.startswith(mark):
            raise NotATable(uri, f"it is {what}", fix)
    named = path.name.casefold().removesuffix(".gz")
    plain = start.removeprefix(b"\xef\xbb\xbf").lstrip()
    if named.endswith(_JSON_NAMES) or (plain.startswith(b"{") and not named.endswith(_TEXT_NAMES)):
        return NdjsonSource(path, uri, name)
    if plain.startswith(b"[") and named.endswith(".json"):
        raise NotATable(uri, "it is one JSON array", "write one JSON object a line (NDJSON)")
    if named.endswith((".parquet", ".pq", ".arrow", ".feather", ".ipc")):
        raise NotATable(uri, "its name says one format and its content is another", "write the file again")
    if not named.endswith(_TEXT_NAMES) and not _looks_like_rows(plain):
        raise NotATable(uri, "its content is of no known format")
    return CsvSource(path, uri, name, text)


def _start(path: Path, uri: str) -> bytes:
    """The first bytes, unzipped where they are zipped."""
    with path.open("rb") as file:
        start = file.read(_LOOK)
    if not start.startswith(GZIP_MAGIC):
        return start
    try:
        with gzip.open(path, "rb") as unzipped:
            return unzipped.read(_LOOK)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise TruncatedFile(uri, "its gzip stream is damaged or ends too early") from error


def _looks_like_rows(start: bytes) -> bool:
    line = start.split(b"\n", 1)[0]
    return b"\0" not in start and any(separator in line for separator in (b",", b";", b"\t", b"|"))
