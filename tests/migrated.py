"""A new book's tables, made by the steps once in a run and copied after that: the steps take a second, a copy does not.

What the steps themselves make is tested in registry/test_record_keeping.py and on databases asked for empty.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from codman.registry import migrate as steps
from codman.registry.database import Database

TEMPLATE = "migrated_book"


def keep_sqlite_steps(patch: pytest.MonkeyPatch, folder: Path) -> None:
    """On SQLite, a database whose file is not there yet begins as the first one of the run, made by the steps, did."""
    asked = steps.is_migrated
    made: list[bytes] = []

    def begin(database: Database) -> bool:
        file = database.engine.url.database if database.sqlite else None
        if file and file != ":memory:" and not Path(file).exists():
            if not made:
                made.append(_made_by_the_steps(folder, asked))
            Path(file).write_bytes(made[0])
        return asked(database)

    patch.setattr(steps, "is_migrated", begin)


def _made_by_the_steps(folder: Path, asked: Callable[[Database], bool]) -> bytes:
    file = folder / f"{TEMPLATE}.db"
    book = Database(f"sqlite:///{file}")
    with pytest.MonkeyPatch.context() as plain:
        plain.setattr(steps, "is_migrated", asked)
        steps.migrate(book)
    book.close()
    return file.read_bytes()


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
