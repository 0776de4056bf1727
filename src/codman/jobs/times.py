"""Times as the book writes them, and how far two servers' clocks may be apart."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

Clock = Callable[[], datetime]

SKEW: Final = timedelta(seconds=10)  # between the clocks of servers that share a database; time services keep to 0.1 s
WRONG: Final = timedelta(hours=1)  # what was written so far ahead of us was written by a clock that was wrong


def instant(at: datetime) -> str:
    """A time as the book writes it: UTC to the microsecond, so that text sorts as time does."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def read_instant(text: str) -> datetime:
    """The time that was written."""
    return datetime.fromisoformat(text)
