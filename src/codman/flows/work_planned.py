"""What of planned sites waits for one person: those that were decided and where nobody has set the use up yet."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from sqlalchemy import Connection

from codman.flows.house import House
from codman.flows.planning import may_set_up, uses_planned
from codman.flows.task import Duty, Task
from codman.registry.access import Reader, may
from codman.registry.nouns import SITES

_NAMED: Final = 3  # of more sites than these, how many there are


def of_planned(house: House, connection: Connection, reader: Reader) -> Iterator[Task]:
    """Planned sites to set up, by use, for who may deploy there.

    Args:
        house: The open house.
        connection: A connection in a transaction.
        reader: Who.
    """
    if not may(reader, "deployment.create"):
        return
    at, zone = house.database.clock().isoformat(), house.database.zone
    for use in uses_planned(connection):
        ready = may_set_up(connection, use, at, zone)
        places = SITES.get_many(connection, [one.site for one in ready])
        theirs = [one for one in ready if may(reader, "deployment.create", [places[one.site].path])]
        if not theirs:
            continue
        named = sorted(f"{places[one.site].name} ({one.mode.value})" for one in theirs)
        where = ", ".join(named) if len(named) <= _NAMED else f"{len(named)} sites"
        yield Task(
            duty=Duty.SET_UP,
            sentence=f"{use.name} was decided for planned sites and is not set up there yet: {where}",
            at=f"/uses/{use.id}/sites/new",
            since=min(one.decided_at for one in theirs),
            use=use.id,
        )
