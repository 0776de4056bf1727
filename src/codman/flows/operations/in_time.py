"""in_time: what takes long to find out is found out once for all who ask, and no asker waits beyond a bound."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import wait as wait_for
from typing import Generic, TypeVar

from codman.flows.house import House

T = TypeVar("T")


class InTime(Generic[T]):
    """An answer that is found out by one thread at a time.

    A database that hangs holds that one thread, however many ask meanwhile.

    Args:
        find: Finds it out.
        kept_s: For how long an answer is good for others who ask.
        within_s: How long anybody waits for it.
    """

    def __init__(self, find: Callable[[House], T], *, kept_s: float, within_s: float) -> None:
        self._find, self._kept_s, self._within_s = find, kept_s, within_s
        self._lock = threading.Lock()
        self._asked: Future[T] | None = None
        self._at = 0.0

    def __call__(self, house: House) -> T | None:
        """The answer about a house, always the same one; None where it is not found in time."""
        with self._lock:
            asked = self._asked
            if asked is None or (asked.done() and time.monotonic() - self._at >= self._kept_s):
                asked = self._asked = self._start(house)
        wait_for([asked], timeout=self._within_s)
        return asked.result() if asked.done() else None

    def _start(self, house: House) -> Future[T]:
        found: Future[T] = Future()
        self._at = time.monotonic()

        def look() -> None:
            try:
                found.set_result(self._find(house))
            except BaseException as error:  # noqa: BLE001 - who asks gets it
                found.set_exception(error)

        threading.Thread(target=look, daemon=True, name="looking after itself").start()
        return found
