"""The one way in to a table: a path or a data frame in, a Source out; the format is told by the content."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from codman.tables.csv import CsvSource
from codman.tables.frame import FrameSource
from codman.tables.parquet import MAGIC, ParquetSource
from codman.tables.reader import NoSuchFile, Source, require

__all__ = ["Source", "open_source", "require"]


def open_source(
    source: str | os.PathLike[str] | Any,
    *,
    name: str = "predictions",
    at_version: int | None = None,
    text: Sequence[str] = (),
) -> Source:
    """Open a table of predictions: a file, a Delta table or a data frame.

    Args:
        source: A path (Parquet, CSV, CSV.gz, Arrow, NDJSON, Delta folder), or a polars, pandas or pyarrow table.
        name: What the evidence calls this input.
        at_version: The version of a Delta table; the newest without it.
        text: Columns that stay text even where they look like numbers.

    Returns:
        A Source; nothing but the header has been read yet.

    Raises:
        BadInput: The path or the file is not a table; see codman.tables.reader.
    """
    if not isinstance(source, str | os.PathLike):
        return FrameSource(source, name)
    uri = os.fspath(source)
    path = Path(uri)
    if not path.exists():
        raise NoSuchFile(uri, [n.name for n in path.parent.iterdir()] if path.parent.is_dir() else [])
    with path.open("rb") as file:
        start = file.read(4)
    if start == MAGIC:
        return ParquetSource(path, uri, name)
    return CsvSource(path, uri, name, text)
