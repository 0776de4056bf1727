"""The demo house's door: anybody may look around in any role, and change nothing."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection, func, insert, select

from codman.errors import BadInput
from codman.registry.database import Change
from codman.registry.log import Entry
from codman.registry.schema import grants, people, sites
from codman.registry.schema_accounts import credentials, house_marks
from codman.spine.person import Role

_DEMO: Final = "demo"


class NotADemoHouse(BadInput):
    """A house with people's own accounts, or one that nobody marked for showing."""

    def __init__(self, why: str) -> None:
        super().__init__(
            what="this house has no demo sign-in",
            why=why,
            fix="sign in with your own account; `codman demo` opens a house to look around in",
        )


def mark_demo(change: Change) -> None:
    """Open the read-only door of a demo house: anybody may look around in any role.

    Raises:
        NotADemoHouse: People sign in here with their own accounts.
    """
    if _has_passwords(change.connection):
        raise NotADemoHouse("people sign in here with their own passwords")
    if not is_demo(change.connection):
        change.connection.execute(insert(house_marks).values(name=_DEMO, at=change.at))
        change.record(Entry("house.mark", "house", _DEMO))


def is_demo(connection: Connection) -> bool:
    """Whether this house is for looking around."""
    return connection.execute(select(house_marks.c.at).where(house_marks.c.name == _DEMO)).first() is not None


def demo_person(connection: Connection, role: Role) -> str:
    """Whom a demo sign-in is: somebody who holds the role, as high up as anybody does.

    Raises:
        NotADemoHouse: The house is not marked so, or nobody holds the role.
    """
    if not is_demo(connection):
        raise NotADemoHouse("it is not marked as one")
    if _has_passwords(connection):
        raise NotADemoHouse("people sign in here with their own passwords")
    query = (
        select(grants.c.person)
        .join(people, grants.c.person == people.c.id)
        .outerjoin(sites, grants.c.site == sites.c.id)
        .where(grants.c.role == role.value, people.c.active)
        .order_by(func.length(func.coalesce(sites.c.path, "")), grants.c.person)
    )
    found = connection.execute(query.limit(1)).scalar()
    if found is None:
        raise NotADemoHouse(f"nobody in it is {role.value}")
    return str(found)


def _has_passwords(connection: Connection) -> bool:
    return connection.execute(select(credentials.c.person).limit(1)).first() is not None
