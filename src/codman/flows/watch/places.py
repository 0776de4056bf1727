"""Where drift is counted: in this process, or on Spark, which also reads tables that only it can reach."""

from __future__ import annotations

import re
from typing import Final, Literal

from codman.compute.here import Here
from codman.compute.map_reduce import Place
from codman.compute.spark import OnSpark
from codman.errors import BadInput
from codman.monitor.summaries.table import SparkTable
from codman.tables.source import Source, open_source

_ADDRESS: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/")  # s3a://…, abfss://…, dbfs:/…


def place_of(on: Literal["here", "spark"]) -> Place:
    """The place of that name.

    Raises:
        MissingExtra: Spark was asked for, and pyspark is not installed.
        NoSpark: It did not start.
    """
    return OnSpark() if on == "spark" else Here()


def source_at(uri: str, place: Place | None, *, name: str, at_version: int | None = None) -> Source:
    """A table on this machine, or at an address that Spark knows.

    Args:
        uri: A path, or an address.
        place: Where it will be read.
        name: What the evidence calls it.
        at_version: Of a Delta table; the newest without it.

    Raises:
        BadInput: It cannot be read there.
    """
    if _ADDRESS.match(uri):
        if not isinstance(place, OnSpark):
            raise BadInput(
                what=f"{uri!r} is not on this machine", why="only Spark reads such addresses", fix="add --on spark"
            )
        return SparkTable(uri, place, name=name, at_version=at_version)
    return open_source(uri, name=name, at_version=at_version)
