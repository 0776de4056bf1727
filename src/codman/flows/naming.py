"""resolve: the record somebody means, by its id, an e-mail address, or a name that only one has.

Doors that ask for a record take all three and keep the id. Only what the reader may see is looked at or told of.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Row, false, func, or_, select

from codman.flows.house import House
from codman.flows.record_rules import KINDS
from codman.registry.access import Reader, may, paths_for
from codman.registry.records import BadField
from codman.registry.schema import people
from codman.spine.record import ID_PATTERN

_ID: Final = re.compile(ID_PATTERN)
_TOLD: Final = 5  # candidates
_LISTS: Final = {"person": "GET /api/v1/people", "use": "GET /api/v1/uses"}


class NotNamed(BadField):
    """Words that name no record, or more than one."""

    def __init__(self, kind: str, field: str, said: str, candidates: Sequence[str], *, several: bool) -> None:
        listed = ", ".join(candidates)
        if several:
            why = f"{said[:80]!r} is what several are called: {listed}"
        else:
            near = f"; near it: {listed}" if listed else ""
            why = f"no {kind} within your reach has this id or name, {said[:80]!r}{near}"
        super().__init__(kind, field, why)
        self.fix = f"give its id: {_LISTS.get(kind, f'GET /api/v1/{kind}s')}"


def resolve(house: House, reader: Reader, kind: str, said: str, *, field: str) -> str:
    """The id of the record somebody means.

    Args:
        house: The open house.
        reader: Who says it.
        kind: Which kind: person, site, product, vendor or use.
        said: Its id, a person's e-mail address, or its whole name; case does not matter in the last two.
        field: Where it was said, for the message.

    Returns:
        The id. What has the form of an id and names nothing comes back as it is: the flow that asked for it says so.

    Raises:
        NotNamed: Nobody has this name, or several have; with those the reader may see.
    """
    with house.database.reading() as connection:
        return resolve_within(connection, reader, kind, said, field=field)


def resolve_within(connection: Connection, reader: Reader, kind: str, said: str, *, field: str) -> str:
    """The same on a connection that is already open."""
    rules = KINDS[kind]
    table = rules.records.table
    within = paths_for(reader, rules.read)
    shown = func.lower(func.trim(table.c.name))
    words = said.strip().lower()
    if not may(reader, rules.read):
        return said
    exact: list[ColumnElement[bool]] = [table.c.id == said, shown == words]
    if kind == "person":
        exact.append(func.lower(people.c.email) == words)
    seen = rules.seen(within, reader)
    query = select(table).where(seen, or_(*exact)).order_by(table.c.id).limit(_TOLD + 1)
    found = connection.execute(query).all()
    if any(row.id == said for row in found):
        return said
    if len(found) == 1:
        return str(found[0].id)
    if found:
        raise NotNamed(kind, field, said, [_told(kind, row) for row in found[:_TOLD]], several=True)
    if _ID.fullmatch(said):
        return said
    parts = [part for part in words.split()[:4] if len(part) > 2]
    near = or_(false(), *(table.c.name.icontains(part, autoescape=True) for part in parts))
    told = connection.execute(select(table).where(seen, near).order_by(table.c.name, table.c.id).limit(_TOLD)).all()
    raise NotNamed(kind, field, said, [_told(kind, row) for row in told], several=False)


def _told(kind: str, row: Row[Any]) -> str:
    beside = row.path if kind == "site" else row.email if kind == "person" else None
    return f"{row.id} ({row.name}{f', {beside}' if beside else ''})"
