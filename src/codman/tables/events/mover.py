"""Moving events from segments into Delta tables, each exactly once, and keeping the tables in few files.

A commit of a table carries the number of the last segment in it (Delta's application transactions), so that what was
moved is not moved again. A segment goes only after the disk has the table's new files and the index of identities.
"""

from __future__ import annotations

import json
import os
import threading
from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from codman.errors import MissingExtra
from codman.evidence.files import sync_folder, write_whole
from codman.spine.event import EventType
from codman.tables.events.columns import KEPT, ROWS, TABLE, UNRESOLVED, WHEN
from codman.tables.events.identity import keys_of
from codman.tables.events.index import Index
from codman.tables.events.segment import Frame
from codman.tables.events.store import EventStore

APPLICATION: Final = "codman-events"
DIVIDED_BY: Final = ["use", "day"]
_ROWS_AT_ONCE: Final = 131_072
_MOST_AT_ONCE: Final = 64 * 1024 * 1024  # bytes of segments in one commit
_SETTLED: Final = "settled.json"
_MANY_FILES: Final = 8  # in one partition: as many are made one
_FILE_BYTES: Final = 128 * 1024 * 1024
_CHECKPOINT_EVERY: Final = 50
_OLD_FILES_HOURS: Final = 24  # a reader of an earlier version has its files for so long
_TIDY_AFTER: Final = timedelta(hours=6)


class Mover:
    """Moves the events of a store.

    Args:
        store: Where they are taken.
        tables: The folder of the tables.
    """

    def __init__(self, store: EventStore, tables: Path) -> None:
        self._store, self._tables = store, tables
        self._moving = threading.Lock()  # a round of the server's and somebody who cannot wait for it may meet
        self._tidied: dict[EventType, datetime] = {}
        self._open: dict[EventType, Any] = {}
        self._small: dict[EventType, Counter[tuple[str, str]]] = {}  # files of each partition that may be made one
        tables.mkdir(parents=True, exist_ok=True, mode=0o700)

    def move(self) -> int:
        """Move what is in the segments now, and compact what became many files.

        Returns:
            How many events were moved.

        Raises:
            MissingExtra: deltalake is not installed; the segments keep everything.
            OSError: The disk refused; what was not moved stays in its segment.
        """
        with self._moving:
            moved = 0
            waiting = self._store.roll()
            while waiting:
                some: list[int] = []
                size = 0
                while waiting and (not some or size + waiting[0][1] <= _MOST_AT_ONCE):
                    some.append(waiting[0][0])
                    size += waiting.pop(0)[1]
                moved += self._move(some)
            self._store.all_moved()
        pa.default_memory_pool().release_unused()  # else what one round needed stays ours until the next
        return moved

    def _move(self, numbers: list[int]) -> int:
        found: dict[EventType, list[tuple[int, Frame]]] = defaultdict(list)
        for number in numbers:
            for frame in self._store.read(number):
                found[frame.kind].append((number, frame))
        moved = 0
        for kind, pairs in found.items():
            moved += self._append(kind, pairs, numbers[-1])
        self._store.index.save()
        for number in numbers:
            self._store.forget(number)
        for kind in found:
            self._compact(kind)
        return moved

    def _append(self, kind: EventType, pairs: list[tuple[int, Frame]], last: int) -> int:
        deltalake = _deltalake()
        table = self._table(kind)
        before = -1 if table is None else table.transaction_version(APPLICATION)
        before = -1 if before is None else before
        rows = [_kept(frame) for number, frame in pairs if number > before]
        if not rows:
            return 0
        whole = pa.Table.from_batches(rows, KEPT[kind])
        self._open.pop(kind, None)  # whatever goes wrong now, it is opened anew
        deltalake.write_deltalake(
            str(self._tables / TABLE[kind]) if table is None else table,
            whole,
            mode="append",
            partition_by=DIVIDED_BY,
            writer_properties=deltalake.WriterProperties(compression="ZSTD", compression_level=1),
            commit_properties=deltalake.CommitProperties(
                app_transactions=[deltalake.Transaction(APPLICATION, last)], max_commit_retries=0
            ),
        )
        self._settle(kind)
        touched = whole.group_by(["use", "day"]).aggregate([]).to_pylist()
        self._small[kind].update((one["use"], one["day"].isoformat()) for one in touched)
        return int(whole.num_rows)

    def _table(self, kind: EventType) -> Any:
        """A table as it is now; None where there is none yet. It is read once, and then as far as it changed."""
        if kind not in self._open:
            table = opened(self._tables / TABLE[kind])
            if table is None:
                self._small[kind] = Counter()
                return None
            sizes = _files(table)
            self._small[kind] = Counter(_partition(name) for name, size in sizes if size < _FILE_BYTES // 2)
            self._open[kind] = table
        else:
            self._open[kind].update_incremental()
        return self._open[kind]

    def _settle(self, kind: EventType) -> None:
        path = self._tables / TABLE[kind]
        _sync_versions(path, _settled(self._tables).get(TABLE[kind], -1))
        _note_settled(self._tables, TABLE[kind], _newest(path))

    def _compact(self, kind: EventType) -> None:
        """Make one file of a partition's many, where there are many; now and then a checkpoint, and old files gone."""
        table = self._table(kind)
        if table is None:
            return
        for (use, day), count in list(self._small[kind].items()):
            if count >= _MANY_FILES:
                table.optimize.compact(
                    partition_filters=[("use", "=", use), ("day", "=", day)],
                    target_size=_FILE_BYTES,
                    max_concurrent_tasks=1,
                )
                self._small[kind][use, day] = 1
        self._settle(kind)
        if _newest(self._tables / TABLE[kind]) % _CHECKPOINT_EVERY == 0:
            table.update_incremental()
            table.create_checkpoint()
        now = datetime.now(UTC)
        if now - self._tidied.setdefault(kind, now) > _TIDY_AFTER:
            self._tidied[kind] = now
            table.vacuum(retention_hours=_OLD_FILES_HOURS, dry_run=False, enforce_retention_duration=False)
            table.cleanup_metadata()


def refill(tables: Path, index: Index) -> int:
    """Give an index every identity the tables have.

    Returns:
        The first sequence number that none of them has.
    """
    after = 0
    for kind in EventType:
        path = tables / TABLE[kind]
        table = opened(path)
        if table is None:
            continue
        for name, _ in _files(table):
            with pq.ParquetFile(path / unquote(name), pre_buffer=False) as file:
                for batch in file.iter_batches(_ROWS_AT_ONCE, columns=["source", "id", "digest", "sequence"]):
                    index.add(keys_of(batch.column("source"), batch.column("id")), batch.column("digest").to_pylist())
                    index.save()
                    after = max(after, (pc.max(batch.column("sequence")).as_py() or 0) + 1)
    return after


def settle(tables: Path) -> None:
    """After a power cut: put on the disk what a table's last commits wrote, or take back those it has not whole.

    A version past the last settled one was never relied on: its events are still in their segments, and the files it
    replaced still lie there.
    """
    known = _settled(tables)
    for kind in EventType:
        path = tables / TABLE[kind]
        settled = known.get(TABLE[kind], -1)
        newest = _newest(path)
        for version in range(settled + 1, newest + 1):
            if not _is_whole(path, version):
                for torn in range(newest, version - 1, -1):
                    _log_of(path, torn).unlink(missing_ok=True)
                newest = version - 1
                break
        if newest > settled:
            _sync_versions(path, settled)
            _note_settled(tables, TABLE[kind], newest)


def _kept(frame: Frame) -> pa.RecordBatch:
    """A frame's rows as their table has them."""
    kind, rows = frame.kind, frame.rows
    n = rows.num_rows
    columns = {field.name: rows.column(field.name) for field in ROWS[kind]}
    columns["use"] = columns["use"].fill_null(UNRESOLVED)
    columns["sender"] = pa.repeat(frame.sender, n)
    columns["received_at"] = pa.repeat(pa.scalar(frame.received_at, pa.timestamp("us", tz="UTC")), n)
    columns["sequence"] = pa.array(np.arange(frame.first_sequence, frame.first_sequence + n))
    columns["day"] = columns[WHEN[kind]].cast(pa.date32())
    return pa.RecordBatch.from_arrays([columns[field.name] for field in KEPT[kind]], schema=KEPT[kind])


def _settled(tables: Path) -> dict[str, int]:
    try:
        found: dict[str, int] = json.loads((tables / _SETTLED).read_bytes())
    except (OSError, ValueError):
        return {}
    return found


def _note_settled(tables: Path, name: str, version: int) -> None:
    if _settled(tables).get(name) != version:
        write_whole(tables / _SETTLED, json.dumps(_settled(tables) | {name: version}).encode(), durable=True)


def _log_of(path: Path, version: int) -> Path:
    return path / "_delta_log" / f"{version:020d}.json"


def _newest(path: Path) -> int:
    names = [entry.stem for entry in (path / "_delta_log").glob("*.json") if entry.stem.isdecimal()]
    return max(map(int, names), default=-1)


def _added(path: Path, version: int) -> Iterable[tuple[Path, int]]:
    for line in _log_of(path, version).read_text(encoding="utf-8").splitlines():
        action = json.loads(line)
        if "add" in action:
            yield path / unquote(action["add"]["path"]), int(action["add"]["size"])


def _is_whole(path: Path, version: int) -> bool:
    try:
        files = list(_added(path, version))
        for file, size in files:
            if file.stat().st_size != size:
                return False
            with pq.ParquetFile(file, pre_buffer=False) as parquet:
                for _ in parquet.iter_batches(_ROWS_AT_ONCE):
                    pass
    except (OSError, ValueError, KeyError, pa.ArrowException):
        return False
    return _log_of(path, version).stat().st_size > 0


def _sync_versions(path: Path, settled: int) -> None:
    """Wait until the disk has all that was written since a version."""
    folders = {path.parent, path, path / "_delta_log"}
    for version in range(settled + 1, _newest(path) + 1):
        for file, _ in _added(path, version):
            _sync_file(file)
            folders |= {file.parent, file.parent.parent}
        _sync_file(_log_of(path, version))
    for folder in sorted(folders, reverse=True):
        sync_folder(folder)


def _sync_file(file: Path) -> None:
    descriptor = os.open(file, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _files(table: Any) -> list[tuple[str, int]]:
    actions = pa.RecordBatchReader.from_stream(table.get_add_actions(flatten=True)).read_all()
    return list(zip(actions["path"].to_pylist(), actions["size_bytes"].to_pylist(), strict=True))


def _partition(name: str) -> tuple[str, str]:
    """A data file's use and day."""
    parts = dict(unquote(piece).split("=", 1) for piece in name.split("/")[:-1])
    return parts["use"], parts["day"]


def moved_segments(tables: Path) -> int:
    """The last segment that any table has events of; 0 where none has: a new segment's number is above it."""
    settle(tables)
    numbers = [0]
    for kind in EventType:
        table = opened(tables / TABLE[kind])
        numbers.append((table.transaction_version(APPLICATION) or 0) if table is not None else 0)
    return max(numbers)


def opened(path: Path) -> Any:
    """A table as it is now; None where there is none yet."""
    deltalake = _deltalake()
    return deltalake.DeltaTable(str(path)) if deltalake.DeltaTable.is_deltatable(str(path)) else None


def _deltalake() -> Any:
    try:
        import deltalake
    except ImportError as error:
        raise MissingExtra("data", "deltalake, which keeps events in tables,") from error
    return deltalake
