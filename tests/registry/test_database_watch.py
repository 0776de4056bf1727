"""Every statement is timed and counted by its verb, those that fail too; on both databases."""

from __future__ import annotations

import pytest
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from codman.registry.database import DatabaseAway
from codman.telemetry import STATEMENT_FAULTS, STATEMENTS, WRITE_WAIT


def seen(verb):
    spread = STATEMENTS.figure().samples.get((verb,))
    return 0 if spread is None else spread.counts[-1][1]


def test_statements_are_counted_by_their_verb_and_what_fails_is_counted_as_a_fault(database):
    before = {verb: seen(verb) for verb in ("select", "delete")}
    faults = STATEMENT_FAULTS.figure().samples.get(("select",), 0)

    with database.reading() as connection:
        connection.execute(text("SELECT 1"))
        connection.execute(text("select 1"))
    with pytest.raises((SQLAlchemyError, DatabaseAway)), database.reading() as connection:
        connection.execute(text("SELECT * FROM there_is_no_such_table"))
    with database.unrecorded() as connection:
        connection.execute(text("DELETE FROM leases"))

    assert seen("select") - before["select"] == 3
    assert seen("delete") - before["delete"] == 1
    assert STATEMENT_FAULTS.figure().samples["select",] - faults == 1


def test_a_change_that_waits_for_another_is_counted_as_long_as_it_waited(database):
    before = WRITE_WAIT.figure().samples.get(())

    with database.unrecorded():
        pass

    after = WRITE_WAIT.figure().samples[()]
    assert after.counts[-1][1] == (0 if before is None else before.counts[-1][1]) + 1
