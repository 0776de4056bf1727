"""The tables of this room. The book's own list of tables takes them in, so that migrations and backups know them."""

from __future__ import annotations

from typing import Final

from sqlalchemy import JSON, BigInteger, Column, Index, Integer, MetaData, String, Table

_NAME: Final = String(64)
_LINE: Final = String(400)
_TIME: Final = String(40)
_WHOLE: Final = BigInteger().with_variant(Integer, "sqlite")  # SQLite counts rows in INTEGER only

_own: Final = MetaData()

outbox: Final = Table(
    "outbox",
    _own,
    Column("id", _NAME, primary_key=True),  # what receivers know a message by, however often it comes
    Column("number", _WHOLE, nullable=False),  # the order in which they were written, whatever the clock said
    Column("key", String(300), nullable=False, unique=True),  # what it is about: the same again is no second message
    Column("kind", _NAME, nullable=False),  # mail, webhook, servicenow, jira
    Column("recipient", _LINE, nullable=False),
    Column("body", JSON(none_as_null=True)),  # a Notice; null once forgotten
    Column("queued_at", _TIME, nullable=False),
    Column("state", _NAME, nullable=False),  # waiting, sent, parked, dropped
    Column("attempts", Integer, nullable=False),
    Column("tried_at", _TIME),
    Column("due_at", _TIME),  # when it is tried again; null is now
    Column("holder", _LINE),  # who is sending it
    Column("token", _WHOLE, nullable=False),  # grows with each who takes it: an older one's word counts no more
    Column("lease_ends_at", _TIME),
    Column("settled_at", _TIME),  # when it was sent or parked
    Column("reference", _LINE),  # what the receiver calls it: a ticket's number
    Column("trouble", _LINE),  # why the last attempt failed
    Index("ix_outbox_state_number", "state", "number"),
    Index("ix_outbox_number", "number"),  # the newest, for the next one
)

leases: Final = Table(
    "leases",
    _own,
    Column("name", String(120), primary_key=True),
    Column("holder", _LINE, nullable=False),
    Column("token", _WHOLE, nullable=False),  # never goes back
    Column("taken_at", _TIME, nullable=False),
    Column("ends_at", _TIME),  # null was given back
)

schedule: Final = Table(
    "schedule",
    _own,
    Column("job", String(100), primary_key=True),
    Column("slot", _TIME),  # the newest that was done
    Column("ran_at", _TIME),
    Column("attempts", Integer, nullable=False),  # that failed since
    Column("failed_at", _TIME),
    Column("retry_at", _TIME),
    Column("trouble", _LINE),
)


def add_tables(metadata: MetaData) -> tuple[Table, ...]:
    """Give another list of tables these too."""
    return tuple(table.to_metadata(metadata) for table in _own.sorted_tables)
