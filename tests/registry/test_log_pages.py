"""The log is checked a page at a time: what lies at the seams between pages is held together as everything else."""

from __future__ import annotations

import pytest
from sqlalchemy import delete, insert, update

from codman.registry import log, log_nodes
from codman.registry.database import Database
from codman.registry.log import SYSTEM, Entry, LogBroken, check, state_of
from codman.registry.schema import log_nodes as nodes
from codman.registry.schema import log_texts as texts

ENTRIES = 21  # not a power of two: the tree has a ragged edge


@pytest.fixture
def written(database: Database, monkeypatch: pytest.MonkeyPatch) -> Database:
    """A log that is longer than many pages."""
    monkeypatch.setattr(log, "_PAGE", 4)
    monkeypatch.setattr(log_nodes, "_PAGE", 3)
    with database.changing(SYSTEM, "their words") as change:
        for number in range(ENTRIES):
            change.record(Entry("site.create", "site", f"site-{number}", after={"name": f"Site {number}"}))
    return database


def test_a_log_of_many_pages_adds_up_to_the_state_it_has(written: Database):
    with written.reading() as connection:
        found, state = check(connection), state_of(connection, "")

    assert (found.size, found.root) == (state.size, state.root) == (ENTRIES, state.root)


@pytest.mark.parametrize(("level", "position"), [(0, 3), (0, 4), (0, 20), (1, 9), (2, 3), (4, 0)])
def test_a_node_that_was_changed_or_is_gone_is_found_wherever_it_stands(written: Database, level: int, position: int):
    here = (nodes.c.level == level) & (nodes.c.position == position)
    for statement in (update(nodes).where(here).values(hash=b"\x00" * 32), delete(nodes).where(here)):
        with written.unrecorded() as connection:
            assert connection.execute(statement).rowcount == 1

        with written.reading() as connection, pytest.raises(LogBroken, match=rf"node \({level}, {position}\)"):
            check(connection)


@pytest.mark.parametrize(("level", "position"), [(0, 21), (0, 400), (1, 10), (4, 1), (5, 0), (-1, 0), (9, 9)])
def test_a_node_that_no_entries_give_is_found(written: Database, level: int, position: int):
    with written.unrecorded() as connection:
        connection.execute(insert(nodes).values(level=level, position=position, hash=b"\x00" * 32))

    with written.reading() as connection, pytest.raises(LogBroken, match="no entries give"):
        check(connection)


@pytest.mark.parametrize("number", [0, 3, 4, 20])
def test_a_text_that_was_changed_or_is_gone_is_found_on_every_page(written: Database, number: int):
    here = texts.c.number == number
    changes = (
        (update(texts).where(here).values(text="other words"), "is not the one it was"),
        (update(texts).where(here).values(text=None), "is gone and no entry erased it"),
        (delete(texts).where(here), "are not those it names"),
    )
    for statement, said in changes:
        with written.unrecorded() as connection:
            assert connection.execute(statement).rowcount == 1

        with written.reading() as connection, pytest.raises(LogBroken, match=said):
            check(connection)
