"""SparkTable: a table that only Spark can reach, as a Source."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from codman.compute.spark import NotForSpark, OnSpark
from codman.tables.reader import Source

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


class SparkTable(Source):
    """A table at an address that Spark knows, or a DataFrame."""

    def __init__(self, table: str | Any, on: OnSpark, *, name: str, at_version: int | None = None) -> None:
        self.name, self._on = name, on
        self.uri = table if isinstance(table, str) else "the DataFrame"
        self._frame: DataFrame = on.read(table, at_version) if isinstance(table, str) else table
        self.columns = tuple(self._frame.columns)
        self.table_version = at_version
        self._named = isinstance(table, str)

    def frame_of(self, columns: Sequence[str]) -> DataFrame:
        """These columns of it, in this order."""
        return self._frame.select(*["`" + name.replace("`", "``") + "`" for name in self._wanted(columns)])

    def digest(self) -> str:
        """sha256, in hex, over the name, size and sha256 of each file that Spark reads of it.

        Raises:
            NotForSpark: It is a DataFrame, whose files do not say which of their rows it holds.
        """
        if not self._named:
            raise NotForSpark(self.uri, "its files do not say which of their rows it holds, so nothing pins them")
        return self._on.digest(self._frame)

    def _read(self, columns: list[str]) -> pa.Table:
        return self.frame_of(columns).toArrow()

    def _batches(self, columns: list[str]) -> Iterator[pa.RecordBatch]:
        yield from self._read(columns).to_batches()
