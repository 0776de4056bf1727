"""Data frames in memory: polars, pandas, pyarrow or a dict of arrays, without importing any but pyarrow."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import pyarrow as pa

from codman.tables.column_digest import ColumnsDigest
from codman.tables.reader import NotATable, Source, WrongType

_ROWS_AT_ONCE: Final = 131_072
_CONVERSION_FAILED: Final = (pa.ArrowException, TypeError, ValueError, OverflowError)


class FrameSource(Source):
    """A table that is in memory already."""

    def __init__(self, frame: Any, name: str) -> None:
        self.name, self.uri = name, "the table"
        # a pandas frame is converted column by column: one column of odd objects must not spoil the others
        self._frame = frame if type(frame).__module__.partition(".")[0] == "pandas" and hasattr(frame, "iloc") else None
        if self._frame is not None and hasattr(frame, "columns"):
            self.columns = tuple(str(column) for column in frame.columns)
            self.rows = len(frame)
        else:
            self._frame = None
            self._table = _table(frame)
            self.columns = tuple(self._table.column_names)
            self.rows = self._table.num_rows

    def digest(self) -> str:
        """sha256, in hex, of the columns' names, types and values, whichever library or chunks they came in."""
        digest = ColumnsDigest()
        for index, name in enumerate(self.columns):
            try:
                digest.add(name, self._column(index))
            except WrongType:
                digest.add(name, pa.chunked_array([pa.nulls(0)]))  # never part of a result: `read` refuses it too
        return digest.hex()

    def _read(self, columns: list[str]) -> pa.Table:
        return pa.table({name: self._column(self.columns.index(name)) for name in columns})

    def _batches(self, columns: list[str]) -> Iterator[pa.RecordBatch]:
        yield from self._read(columns).to_batches(max_chunksize=_ROWS_AT_ONCE)

    def _column(self, index: int) -> pa.ChunkedArray:
        if self._frame is None:
            return self._table.column(index)
        series = self._frame.iloc[:, index]
        try:
            converted = pa.array(series, from_pandas=True)
        except _CONVERSION_FAILED as error:
            raise WrongType(self.uri, self.columns[index], "one type", "values of several types") from error
        return converted if isinstance(converted, pa.ChunkedArray) else pa.chunked_array([converted])


def _table(frame: Any) -> pa.Table:
    kind = f"{type(frame).__module__}.{type(frame).__qualname__}"
    try:
        if isinstance(frame, pa.Table):
            return frame
        if isinstance(frame, Mapping):
            arrays = {str(name): pa.array(values) for name, values in frame.items()}
            return pa.table(arrays)
        if hasattr(frame, "__arrow_c_stream__"):
            # not pa.table(frame), which imports pandas to ask whether it is one of its frames
            return pa.RecordBatchReader.from_stream(frame).read_all()
        if isinstance(frame, pa.RecordBatch):
            return pa.Table.from_batches([frame])
    except _CONVERSION_FAILED as error:
        raise NotATable(
            kind, "its columns differ in length, mix several types, or have one Arrow does not know"
        ) from error
    if hasattr(frame, "collect"):
        raise NotATable(kind, "it is a plan, not yet a table", "call .collect() on it first")
    raise NotATable(kind, "it is neither a path nor a data frame", "give a path, or a polars, pandas or pyarrow table")
