"""The house's place for events: opened when the first comes, since most commands never ask for it."""

from __future__ import annotations

import importlib
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from codman.jobs.times import Clock


class Store(Protocol):
    """Where events are taken: tables.events.store."""

    broken: bool

    def take(self, sender: str, parts: Sequence[Any]) -> list[Any]:
        """Take events; on the disk when this returns."""

    def close(self) -> None:
        """Finish what waits, and let go."""


class Mover(Protocol):
    """What moves them into tables: tables.events.mover."""

    def move(self) -> int:
        """Move what was taken; how many events."""


class EventRoom:
    """Segments, index and tables of events.

    Args:
        workspace: The house's folder.
        clock: Gives the time.
    """

    def __init__(self, workspace: Path, clock: Clock) -> None:
        self.folder = workspace / "events"
        self.tables = workspace / "tables" / "events"
        self._clock = clock
        self._opening = threading.Lock()
        self._open: tuple[Store, Mover] | None = None

    def store(self) -> Store:
        """Where events are taken; the same one each time, or a new one where it could not write any more.

        Raises:
            EventsElsewhere: Another process has it.
            EventsDamaged: A segment lost what it held.
            MissingExtra: What keeps the tables is not installed.
        """
        return self._opened()[0]

    def move(self) -> int:
        """Move what was taken into the tables; how many events.

        Raises:
            MissingExtra: What keeps the tables is not installed.
            EventsElsewhere: Another process has them.
            OSError: The disk refused.
        """
        if self._open is None and not (self.folder / "segments").is_dir():
            return 0  # no event ever came
        return self._opened()[1].move()

    def close(self) -> None:
        """Finish what waits, and let go."""
        with self._opening:
            if self._open is not None:
                self._open[0].close()
                self._open = None

    def _opened(self) -> tuple[Store, Mover]:
        with self._opening:
            if self._open is not None and self._open[0].broken:
                self._open[0].close()
                self._open = None
            if self._open is None:
                # loaded now: Arrow takes as long as a small command takes in all
                stores: Any = importlib.import_module("codman.tables.events.store")
                movers: Any = importlib.import_module("codman.tables.events.mover")
                store = stores.EventStore(
                    self.folder,
                    self._clock,
                    refill=lambda index: movers.refill(self.tables, index),
                    moved=movers.moved_segments(self.tables),
                )
                self._open = store, movers.Mover(store, self.tables)
            return self._open
