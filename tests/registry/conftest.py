"""The book of record on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from codman.registry.database import Database
from codman.registry.migrate import migrate
from door import Clock, Door, settings_in


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """A migrated, empty book, on SQLite and on PostgreSQL."""
    book = Database(database_url)
    migrate(book)
    yield book
    book.close()


@pytest.fixture
def door(database_url: str, tmp_path: Path) -> Iterator[Door]:
    """The door of an empty book at noon, on SQLite and on PostgreSQL."""
    clock = Clock()
    book = Database(database_url, clock)
    migrate(book)
    yield Door(book, clock, settings_in(tmp_path))
    book.close()
