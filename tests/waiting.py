"""The one place where tests wait: for something to come true, by a deadline; or for time itself to pass."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

T = TypeVar("T")


def until(came_true: Callable[[], T], *, within: float = 30, every: float = 0.02) -> T:
    """Wait for something to come true; what it then gives.

    Args:
        came_true: Asked again and again; anything that counts as true ends the wait.
        within: Seconds after which waiting fails.
        every: Seconds between two askings.
    """
    end = time.monotonic() + within
    while not (given := came_true()):
        assert time.monotonic() < end, f"it did not come true within {within} seconds"
        time.sleep(every)
    return given


def let_pass(seconds: float) -> None:
    """Let time go by, where there is nothing else to wait for: a moment that is drawn, work that takes its time."""
    time.sleep(seconds)


def finished(work: Coroutine[Any, Any, T]) -> T:
    """What asynchronous work gives; on a thread of its own, since a browser keeps a loop running in the tests' own."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()
