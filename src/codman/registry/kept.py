"""What takes long to work out from the whole book, kept while nothing in the book changes."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final, Generic, TypeVar

from sqlalchemy import Connection

from codman.registry.log import size_of

_MOST: Final = 32  # answers, for as many readers of different sites

T = TypeVar("T")


class Kept(Generic[T]):
    """Answers by what they are of, until the log has another entry.

    Every change of the book writes one, in the same transaction, so a log of the same length tells of the same book.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._found: dict[tuple[str, ...], tuple[int, T]] = {}

    def of(self, connection: Connection, asked: tuple[str, ...], work: Callable[[], T]) -> T:
        """The answer, worked out where it is not kept.

        Args:
            connection: Where `work` reads.
            asked: What it is of: the sites in reach, the day.
            work: Works it out.
        """
        size = size_of(connection)  # first: what is written meanwhile makes the next reader ask again
        with self._lock:
            kept = self._found.get(asked)
        if kept is not None and kept[0] == size:
            return kept[1]
        found = work()
        with self._lock:
            self._found.pop(asked, None)
            while len(self._found) >= _MOST:
                self._found.pop(next(iter(self._found)))
            self._found[asked] = (size, found)
        return found
