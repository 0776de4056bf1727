"""The store of events: taken once each, in one order, and on the disk before anybody is told so.

One thread writes: it takes all the requests that wait, looks each event's identity up, writes the new ones as one
stretch of the segment, waits once for the disk, and answers them all.
"""

from __future__ import annotations

import importlib
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa

from codman.spine.event import EventType
from codman.tables.events.away import EventsAway, EventsCrowded, EventsDamaged, EventsElsewhere
from codman.tables.events.disk import Disk, OpenFile, RealDisk
from codman.tables.events.identity import keys_of
from codman.tables.events.index import Index
from codman.tables.events.segment import (
    HEADER_BYTES,
    Frame,
    Header,
    frame_bytes,
    frames,
    header_bytes,
    name_of,
    number_of,
    read_header,
)
from codman.telemetry import EVENT_WRITES, EVENTS, EVENTS_BEHIND, EVENTS_LAG, EVENTS_WAITING

Clock = Callable[[], datetime]

_NOTHING_BEFORE: Final = 0  # of a segment that follows none, or a gap

NEW: Final = 0
REPEATED: Final = 1
OTHER: Final = 2  # the identity was taken with another body

SEGMENT_BYTES: Final = 64 * 1024 * 1024
_GROUP_BYTES: Final = 16 * 1024 * 1024  # of what waits, how much is written before the disk is waited for
_WAITING_BYTES: Final = 64 * 1024 * 1024
_PATIENCE_SECONDS: Final = 20.0
BEHIND_BYTES: Final = 16 * 1024 * 1024 * 1024  # of segments that no table has yet


@dataclass(frozen=True, slots=True)
class Part:
    """Events of one kind, of columns.ROWS."""

    kind: EventType
    rows: pa.RecordBatch


@dataclass(slots=True)
class _Offer:
    sender: str
    parts: Sequence[Part]
    keys: list[list[bytes]]
    size: int
    done: threading.Event = field(default_factory=threading.Event)
    became: list[np.ndarray[Any, Any]] = field(default_factory=list)
    error: Exception | None = None


class EventStore:
    """The events of a workspace.

    Args:
        folder: Where segments and index are.
        clock: Gives the time.
        disk: Where segments are written; the folder itself without.
        refill: Gives every identity and digest the tables have, where the index was lost.
        moved: The last segment the tables have events of.
        segment_bytes: How long a segment becomes.

    Raises:
        EventsElsewhere: Another process has it.
        EventsDamaged: A segment lost what it held.
    """

    def __init__(
        self,
        folder: Path,
        clock: Clock = lambda: datetime.now(UTC),
        *,
        disk: Disk | None = None,
        refill: Callable[[Index], int] = lambda _index: 0,
        moved: int = 0,
        segment_bytes: int = SEGMENT_BYTES,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._lock_file = _lock(folder / "lock")
        self._clock, self._segment_bytes, self._moved = clock, segment_bytes, moved
        self.disk = RealDisk(folder / "segments") if disk is None else disk
        self._writing = threading.Lock()
        self._queue: deque[_Offer] = deque()
        self._waiting = 0
        self._some = threading.Condition()
        self._end = False
        self.broken = False
        self._file: OpenFile | None = None
        self._oldest: float | None = None  # by the steady clock, when the first event that is in no table was taken
        self._oldest_since_roll: float | None = None
        self._number, self._length, self._sequence, self._received = 0, 0, 0, 0
        self._sealed: dict[int, int] = {}  # the segments before this one, and how much of each counts
        self.index = Index(folder / "index")
        try:
            if not self.index.whole:
                self._sequence = refill(self.index)
            self._recover()
        except BaseException:
            self._unlock()
            raise
        EVENTS_BEHIND.follow(self.behind_bytes)
        EVENTS_LAG.follow(self.lag_seconds)
        self._thread = threading.Thread(target=self._work, name="events", daemon=True)
        self._thread.start()

    def take(self, sender: str, parts: Sequence[Part]) -> list[np.ndarray[Any, Any]]:
        """Take events; on the disk when this returns.

        Args:
            sender: Who sends them.
            parts: Events by kind.

        Returns:
            For each part what became of each event: NEW, REPEATED or OTHER.

        Raises:
            EventsCrowded: Too many wait.
            EventsAway: The disk does not take them; nothing can be said of them.
        """
        offer = _Offer(
            sender,
            parts,
            [keys_of(part.rows.column("source"), part.rows.column("id")) for part in parts],
            sum(part.rows.nbytes for part in parts),
        )
        with self._some:
            if self._end or self.broken:
                raise EventsAway("the store of events is closed")
            if self._waiting and self._waiting + offer.size > _WAITING_BYTES:
                raise EventsCrowded("too many events wait for the disk")
            if self.behind_bytes() > BEHIND_BYTES:
                raise EventsCrowded("the tables are too far behind what was taken")
            self._queue.append(offer)
            self._waiting += offer.size
            EVENTS_WAITING.add(by=offer.size)
            self._some.notify()
        if not offer.done.wait(_PATIENCE_SECONDS):
            raise EventsAway("the disk did not answer in time")
        if offer.error is not None:
            why = getattr(offer.error, "strerror", None) or type(offer.error).__name__
            raise EventsAway(f"the disk did not take them: {why}") from offer.error
        return offer.became

    def roll(self) -> list[tuple[int, int]]:
        """Begin a new segment where this one holds events, and say which are done: their numbers and lengths."""
        with self._writing:
            if self._file is None or self._length > HEADER_BYTES:
                self._next_segment()
            self._oldest_since_roll = None
            return sorted(self._sealed.items())

    def all_moved(self) -> None:
        """What was done at the last roll is in the tables."""
        with self._writing:
            self._oldest = self._oldest_since_roll

    def lag_seconds(self) -> float:
        """How long the oldest event that is in no table waits."""
        oldest = self._oldest
        return 0.0 if oldest is None else time.monotonic() - oldest

    def behind_bytes(self) -> int:
        """How much is in no table yet."""
        return sum(self._sealed.copy().values()) + max(0, self._length - HEADER_BYTES)

    def read(self, number: int) -> list[Frame]:
        """What a segment that is done holds.

        Raises:
            EventsDamaged: It lost some of it.
        """
        return self._frames(number, self._sealed[number])

    def forget(self, number: int) -> None:
        """Remove a segment whose events are elsewhere, durably, their identities too."""
        self.disk.remove(name_of(number))
        self.disk.sync()  # each by itself: one that came back after a later one went would look like a loss
        self._sealed.pop(number, None)

    def close(self) -> None:
        """Finish what waits, and let go of the folder."""
        with self._some:
            self._end = True
            self._some.notify()
        self._thread.join(timeout=_PATIENCE_SECONDS)
        if self._file is not None:
            self._file.close()
            self._file = None
        self._unlock()

    # ── writing ──

    def _work(self) -> None:
        while True:
            with self._some:
                while not self._queue and not self._end:
                    self._some.wait()
                if not self._queue:
                    return
                group, size = [], 0
                while self._queue and size < _GROUP_BYTES:
                    group.append(self._queue.popleft())
                    size += group[-1].size
            began = time.perf_counter()
            try:
                self._commit(group)
                EVENT_WRITES.observe(time.perf_counter() - began)
                _count(group)
            except Exception as error:  # noqa: BLE001 - whoever waits is told, whatever it was
                for offer in group:
                    offer.error = error
            finally:
                with self._some:
                    self._waiting -= size
                    EVENTS_WAITING.add(by=-size)
                for offer in group:
                    offer.done.set()

    def _commit(self, group: Sequence[_Offer]) -> None:
        with self._writing:
            if self._file is None or self._length >= self._segment_bytes:
                self._next_segment()
            received = max(self._received, _microseconds(self._clock()))  # a clock set back changes no order
            sequence, data = self._sequence, bytearray()
            taken: dict[bytes, int] = {}
            for offer in group:
                for part, keys in zip(offer.parts, offer.keys, strict=True):
                    became, rows = self._sorted_out(part, keys, taken)
                    offer.became.append(became)
                    if rows.num_rows:
                        data += frame_bytes(part.kind, offer.sender, rows, sequence, received)
                        sequence += rows.num_rows
            if not data:
                return
            assert self._file is not None  # noqa: S101 - the line above made it
            try:
                self._file.write(bytes(data))
                self._file.sync()
            except OSError:
                # what of it reached the disk nobody knows: this segment ends where the last answer was given
                self._sealed[self._number] = self._length
                self._abandon()
                raise
            self._length += len(data)
            now = time.monotonic()
            self._oldest = now if self._oldest is None else self._oldest
            self._oldest_since_roll = now if self._oldest_since_roll is None else self._oldest_since_roll
            self._sequence, self._received = sequence, received
            try:
                self.index.add(list(taken), list(taken.values()))
            except BaseException:
                self.broken = True  # the disk has what the index does not: only opening it again puts that right
                raise

    def _sorted_out(
        self, part: Part, keys: list[bytes], taken: dict[bytes, int]
    ) -> tuple[np.ndarray[Any, Any], pa.RecordBatch]:
        digests = part.rows.column("digest").to_pylist()
        became = np.zeros(len(keys), "u1")
        for at, (key, digest, old) in enumerate(zip(keys, digests, self.index.find(keys), strict=True)):
            known = taken.get(key) if old is None else old
            if known is None:
                taken[key] = digest
            else:
                became[at] = REPEATED if known == digest else OTHER
        new = np.flatnonzero(became == NEW)
        rows = part.rows if len(new) == len(keys) else part.rows.take(pa.array(new))
        return became, rows

    def _next_segment(self) -> None:
        """Begin the next segment; from here on it says how much of this one counts."""
        number, before = self._number + 1, self._length
        if self._moved >= number:  # the segments were lost: a number used again would be taken for one moved already
            number, before = self._moved + 1, _NOTHING_BEFORE
        file = self.disk.create(name_of(number))
        try:
            header = header_bytes(Header(number, self._sequence, before, self._received))
            file.write(header)
            file.sync()
            self.disk.sync()
        except OSError:
            file.close()
            raise
        if self._number:
            self._sealed[self._number] = self._length
        self._abandon()
        self._file, self._number, self._length = file, number, HEADER_BYTES

    def _abandon(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    # ── opening ──

    def _recover(self) -> None:
        numbers = sorted(number for name in self.disk.names() if (number := number_of(name)) is not None)
        headers: dict[int, Header] = {}
        for number in numbers:
            header = read_header(self.disk.read(name_of(number)))
            if header is None and number == numbers[-1]:
                break  # its first write was cut off: nothing was ever taken into it
            follows = header is None or header.length_before == _NOTHING_BEFORE or number - 1 in headers or not headers
            if header is None or header.number != number or not follows:
                raise EventsDamaged(name_of(number), "its beginning is not as it was written, or one before it is gone")
            headers[number] = header
        for number, header in headers.items():
            after = headers.get(number + 1)
            found = self._frames(number, None if after is None else after.length_before)
            self._sequence = max(self._sequence, header.first_sequence)
            self._received = max(self._received, header.received_at)
            for frame in found:
                keys = keys_of(frame.rows.column("source"), frame.rows.column("id"))
                self.index.add(keys, frame.rows.column("digest").to_pylist())
                self._sequence = max(self._sequence, frame.first_sequence + frame.rows.num_rows)
                self._received = max(self._received, frame.received_at)
            self._number = number
            self._length = found[-1].end if found else HEADER_BYTES
            self._sealed[number] = self._length
        self._next_segment()

    def _frames(self, number: int, length: int | None) -> list[Frame]:
        found = list(frames(self.disk.read(name_of(number)), until=length))
        end = found[-1].end if found else HEADER_BYTES
        if length is not None and end != length:
            raise EventsDamaged(name_of(number), f"it is sound for {end:,} bytes of {length:,}")
        return found

    def _unlock(self) -> None:
        os.close(self._lock_file)


def _count(group: Sequence[_Offer]) -> None:
    for offer in group:
        for part, became in zip(offer.parts, offer.became, strict=True):
            for outcome, word in ((NEW, "accepted"), (REPEATED, "repeated"), (OTHER, "conflict")):
                found = int((became == outcome).sum())
                if found:
                    EVENTS.add(part.kind.name.lower(), word, by=found)


def _microseconds(at: datetime) -> int:
    return int(at.timestamp() * 1_000_000)


def _lock(path: Path) -> int:
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        locks: Any = importlib.import_module("fcntl")
    except ModuleNotFoundError:  # no such locks on this system
        return handle
    try:
        locks.flock(handle, locks.LOCK_EX | locks.LOCK_NB)
    except OSError:
        os.close(handle)
        raise EventsElsewhere from None
    return handle
