"""The number that ServiceNow or Jira gave a concern's ticket comes back into the concern, once it is known."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from sqlalchemy import Connection, select

from codman.flows.house import House
from codman.jobs.tables import outbox
from codman.registry.governance import CONCERNS
from codman.registry.log import SYSTEM
from codman.registry.schema_review import concerns

TICKETS: Final = ("servicenow", "jira")
_KEY: Final = "concern/"


class _Ticket(NamedTuple):
    concern: str
    number: str


def keep_numbers(house: House) -> int:
    """Write the numbers of tickets into their concerns; one that somebody wrote down already stays as it is.

    Returns:
        How many concerns got one.

    Raises:
        DatabaseAway: It does not answer.
    """
    with house.database.reading() as connection:
        found = list(_new(connection))
    if not found:
        return 0
    with house.database.changing(SYSTEM, "the number of its ticket") as change:
        found = list({one.concern: one for one in _new(change.connection)}.values())  # again, where nobody else writes
        for one in found:
            CONCERNS.change(change, one.concern, {"event_reference": one.number}, None)
    return len(found)


def _new(connection: Connection) -> Iterator[_Ticket]:
    """Tickets of concerns without a number: the key of their message names the concern."""
    waiting = set(connection.execute(select(concerns.c.id).where(concerns.c.event_reference.is_(None))).scalars())
    if not waiting:
        return
    sent = select(outbox.c.key, outbox.c.reference).where(
        outbox.c.kind.in_(TICKETS), outbox.c.reference.is_not(None), outbox.c.key.startswith(_KEY, autoescape=True)
    )
    for row in connection.execute(sent.order_by(outbox.c.number.desc())):
        concern = row.key.removeprefix(_KEY).partition("/")[0]
        if concern in waiting:
            yield _Ticket(concern, row.reference)
