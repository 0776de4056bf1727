"""The house's place for events: opened when the first comes, since most commands never ask for it."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING

from codman.jobs.times import Clock

if TYPE_CHECKING:
    from codman.tables.events.mover import Mover
    from codman.tables.events.store import EventStore


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
        self._open: tuple[EventStore, Mover] | None = None

    def store(self) -> EventStore:
        """Where events are taken; the same one each time, or a new one where it could not write any more.

        Raises:
            EventsElsewhere: Another process has it.
            EventsDamaged: A segment lost what it held.
        """
        return self._opened()[0]

    def move(self) -> int:
        """Move what was taken into the tables; how many events.

        Raises:
            MissingExtra: deltalake is not installed.
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

    def _opened(self) -> tuple[EventStore, Mover]:
        # imported here: Arrow takes longer to load than most commands to run
        from codman.tables.events.mover import Mover, moved_segments, refill
        from codman.tables.events.store import EventStore

        with self._opening:
            if self._open is not None and self._open[0].broken:
                self._open[0].close()
                self._open = None
            if self._open is None:
                store = EventStore(
                    self.folder,
                    self._clock,
                    refill=lambda index: refill(self.tables, index),
                    moved=moved_segments(self.tables),
                )
                self._open = store, Mover(store, self.tables)
            return self._open
