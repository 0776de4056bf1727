"""The book's database, on which messages, leases and the schedule are kept; SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from codman.registry.database import Database
from codman.registry.migrate import migrate
from door import Clock


@pytest.fixture
def clock() -> Clock:
    """A clock that the test sets; noon."""
    return Clock()


@pytest.fixture
def book(database_url: str, clock: Clock) -> Iterator[Database]:
    """A migrated, empty book."""
    opened = Database(database_url, clock)
    migrate(opened)
    yield opened
    opened.close()
