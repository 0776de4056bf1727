"""Data frames in memory: polars, pandas, pyarrow or a dict of arrays, without importing any but pyarrow."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa

from codman.tables.reader import NotATable, Source


class FrameSource(Source):
    """A table that is in memory already."""

    def __init__(self, frame: Any, name: str) -> None:
        self.name, self.uri = name, "memory:"
        self._table = _table(frame)
        self.columns = tuple(self._table.column_names)
        self.rows = self._table.num_rows

    def digest(self) -> str:
        """sha256, in hex, of the columns' names, types and values in Arrow's IPC encoding."""
        raise NotImplementedError

    def _read(self, columns: list[str]) -> pa.Table:
        return self._table.select([self.columns.index(column) for column in columns])

    def _batches(self, columns: list[str]) -> Iterator[pa.RecordBatch]:
        yield from self._read(columns).to_batches(max_chunksize=131_072)


def _table(frame: Any) -> pa.Table:
    if isinstance(frame, pa.Table):
        return frame
    if isinstance(frame, Mapping):
        return pa.table(dict(frame))
    if hasattr(frame, "__arrow_c_stream__"):
        return pa.table(frame)
    raise NotATable(type(frame).__name__, "it is neither a path nor a data frame")
