"""Summaries on disk: one Arrow file, not compressed, so that it is mapped and not read; its metadata has the grid."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from codman.errors import BadInput
from codman.monitor.summaries.day import Summary, add
from codman.monitor.summaries.grid import VERSION, grid_of
from codman.tables.arrays import as_numpy

_VERSION: Final = b"codman.summaries"
_GRID: Final = b"codman.grid"
_FLAT: Final = ("rows", "patients")
_WIDE: Final = ("counts", "sums", "least", "most", "score_sums")


class NotSummaries(BadInput):
    """A file that holds no summaries, or those of another version."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(what=f"{path} holds no summaries", why=why, fix="count the days again")


def write_summary(summary: Summary, path: Path) -> None:
    """Write it whole, or not at all."""
    beside = path.with_name(path.name + ".new")
    with pa.OSFile(str(beside), "wb") as file:
        _write(summary, file)
    with beside.open("rb+") as file:
        os.fsync(file.fileno())
    beside.replace(path)


def summary_bytes(summary: Summary) -> bytes:
    """What a file of it holds."""
    sink = pa.BufferOutputStream()
    _write(summary, sink)
    whole: bytes = sink.getvalue().to_pybytes()
    return whole


def _write(summary: Summary, sink: Any) -> None:
    arrays: dict[str, Any] = {
        "day": pa.Array.from_buffers(
            pa.date32(), len(summary.day), [None, pa.py_buffer(summary.day.astype(np.int64).astype(np.int32))]
        ),
        "cell": _flat(summary.cell.astype(np.int32), pa.int32()),
    }
    arrays |= {name: _flat(getattr(summary, name).astype(np.int64), pa.int64()) for name in _FLAT}
    for name in _WIDE:
        values = getattr(summary, name)
        kind = pa.uint32() if name == "counts" else pa.float64()
        width = int(np.prod(values.shape[1:]))
        flat = np.ascontiguousarray(values.reshape(-1))
        arrays[name] = pa.FixedSizeListArray.from_arrays(_flat(flat, kind), width) if width else pa.nulls(len(values))
    batch = pa.RecordBatch.from_arrays(list(arrays.values()), names=list(arrays))
    schema = batch.schema.with_metadata({_VERSION: str(VERSION).encode(), _GRID: summary.grid.as_json().encode()})
    with pa.ipc.new_file(sink, schema) as writer:
        writer.write_batch(batch.cast(schema) if batch.schema != schema else batch)


def read_summary(path: Path) -> Summary:
    """What `write_summary` wrote; its arrays are the file's own pages.

    Raises:
        NotSummaries: The file is something else, damaged, or of another version.
    """
    try:
        with pa.memory_map(str(path), "rb") as file:
            return _read(file, path)
    except (pa.ArrowException, OSError) as error:
        raise NotSummaries(path, "it is no Arrow file, or it is damaged") from error


def summary_of(whole: bytes) -> Summary:
    """What `summary_bytes` gave.

    Raises:
        NotSummaries: It is something else.
    """
    return _read(pa.py_buffer(whole), Path("the reply of a worker"))


def _read(file: Any, path: Path) -> Summary:
    reader = pa.ipc.open_file(file)
    metadata = reader.schema.metadata or {}
    if _VERSION not in metadata:
        raise NotSummaries(path, "it is another Arrow file")
    if metadata[_VERSION] != str(VERSION).encode():
        raise NotSummaries(path, f"it is of version {metadata[_VERSION].decode()}, and this Codman reads {VERSION}")
    batch = reader.get_batch(0)
    batch.validate(full=True)
    grid = grid_of(metadata[_GRID].decode())
    n, columns = batch.num_rows, len(grid.columns)
    shapes = {
        "counts": (n, grid.width), "sums": (n, columns, 2), "least": (n, columns), "most": (n, columns),
        "score_sums": (n, 4),
    }  # fmt: skip
    wide: dict[str, NDArray[Any]] = {name: _wide(batch.column(name), shape) for name, shape in shapes.items()}
    return Summary(
        grid=grid,
        day=as_numpy(batch.column("day")).astype("M8[D]"),
        cell=as_numpy(batch.column("cell")),
        rows=as_numpy(batch.column("rows")),
        patients=as_numpy(batch.column("patients")),
        **wide,
    )


def read_summaries(paths: Sequence[Path]) -> Summary:
    """Several files as one.

    Raises:
        NotSummaries: One cannot be read.
        GridsDiffer: They were counted on different grids.
    """
    parts = [read_summary(path) for path in paths]
    return parts[0] if len(parts) == 1 else add(parts)


def _flat(values: NDArray[Any], kind: pa.DataType) -> pa.Array:
    return pa.Array.from_buffers(kind, len(values), [None, pa.py_buffer(np.ascontiguousarray(values))])


def _wide(column: pa.Array, shape: tuple[int, ...]) -> NDArray[Any]:
    if pa.types.is_null(column.type):
        return np.empty(shape)
    return as_numpy(column.flatten()).reshape(shape)
