"""Who sent the events that the house makes evidence of: by what they sent they have a hand in the use."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select

from codman.registry.database import Change
from codman.registry.interests import EVENTS_SENT, senders_of
from codman.registry.log import Entry
from codman.registry.schema import people


def put_down_senders(change: Change, use: str, senders: Sequence[str]) -> None:
    """Put into the log who sent events of a use that evidence was made of, each once.

    Args:
        change: The change that files the evidence.
        use: The use's id.
        senders: Who sent them, as the tables of events say.
    """
    known = set(change.connection.execute(select(people.c.id).where(people.c.id.in_(senders))).scalars())
    new = sorted(known - senders_of(change.connection, use))
    if new:
        change.record(Entry(EVENTS_SENT, "events", use, after={"senders": new}))
