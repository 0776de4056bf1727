"""A new book's tables, made by the steps once in a run and copied after that: the steps take a second, a copy does not.

What the steps themselves make is tested in registry/test_record_keeping.py and on databases asked for empty.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import Connection

from codman.registry import migrate as steps
from codman.registry.database import Database

TEMPLATE = "migrated_book"


def keep_sqlite_steps(patch: pytest.MonkeyPatch) -> None:
    """On SQLite, an empty database gets the tables as the first one of the run got them from the steps."""
    run = steps._upgrade
    made: list[str] = []

    def upgrade(connection: Connection) -> None:
        if connection.dialect.name != "sqlite" or _tables(connection):
            run(connection)
        elif made:
            for statement in made:
                connection.exec_driver_sql(statement)
        else:
            run(connection)
            made.extend(_tables(connection))
            versions = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalars()
            made.extend(f"INSERT INTO alembic_version VALUES ('{version}')" for version in versions)  # noqa: S608

    patch.setattr(steps, "_upgrade", upgrade)


def copies_of_a_migrated_book(make: Callable[[str, str | None], str]) -> Callable[[str], str]:
    """On PostgreSQL, `make(name, template)` makes a database; the first of the run becomes the others' template."""
    ready: list[str] = []

    def copy(name: str) -> str:
        if not ready:
            book = Database(make(TEMPLATE, None))
            steps.migrate(book)
            book.close()
            ready.append(TEMPLATE)
        return make(name, TEMPLATE)

    return copy


def _tables(connection: Connection) -> list[str]:
    return [
        str(row.sql)
        for row in connection.exec_driver_sql("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY rowid")
    ]
