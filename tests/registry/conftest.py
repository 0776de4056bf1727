"""The book of record on both databases."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from codman.registry.database import Database
from codman.registry.migrate import migrate


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """A migrated, empty book, on SQLite and on PostgreSQL."""
    book = Database(database_url)
    migrate(book)
    yield book
    book.close()
