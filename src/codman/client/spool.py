"""A folder of batches that could not be sent: each is on the disk before it counts as kept, the oldest goes first."""

from __future__ import annotations

import secrets
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

from codman.errors import Unreachable
from codman.evidence.files import write_whole

_SUFFIX: Final = ".events.json"
_ASIDE: Final = ".unreadable"


class SpoolFull(Unreachable):
    """A spool that holds as much as it may."""

    def __init__(self) -> None:
        super().__init__(
            what="the spool is full",
            why="the server was away for longer than the spool has room for",
            fix="bring the server back, or give the spool more room",
        )


class Spool:
    """Batches on the disk.

    Args:
        folder: Where; made where it is not there.
        most_bytes: How much it may hold.
    """

    def __init__(self, folder: Path, most_bytes: int) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._folder, self._most = folder, most_bytes
        self._lock = threading.Lock()
        self._held = sum(path.stat().st_size for path in self.names())
        self._last = 0

    def keep(self, body: bytes) -> None:
        """Keep a batch; on the disk when this returns.

        Raises:
            SpoolFull: It holds as much as it may.
            CannotWrite: The disk does not take it.
        """
        with self._lock:
            if self._held + len(body) > self._most:
                raise SpoolFull
            self._last = max(self._last + 1, time.time_ns())  # in order, whatever the clock does
            write_whole(self._folder / f"{self._last:020d}-{secrets.token_hex(4)}{_SUFFIX}", body, durable=True)
            self._held += len(body)

    def names(self) -> list[Path]:
        """The batches, the oldest first."""
        return sorted(path for path in self._folder.iterdir() if path.name.endswith(_SUFFIX))

    def remove(self, path: Path) -> None:
        """It was sent. One that comes back after a power cut is sent again, and the server ignores it."""
        with self._lock, suppress(FileNotFoundError):
            self._held -= path.stat().st_size
            path.unlink()

    def put_aside(self, path: Path) -> None:
        """It cannot be read: it stays there for a person to look at, and holds up no other."""
        with suppress(OSError):
            path.rename(path.with_name(path.name + _ASIDE))
