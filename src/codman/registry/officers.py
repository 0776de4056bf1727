"""Whom of the office something is brought to."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import Connection, select

from codman.registry.access import ACTIONS
from codman.registry.nouns import PEOPLE
from codman.registry.schema import grants, people, sites
from codman.spine.person import Person, Role


def officers_for(connection: Connection, paths: Sequence[str]) -> list[Person]:
    """The governance officers who answer for one of these sites, or for the whole house.

    Args:
        connection: Where to read.
        paths: Paths of the sites that something belongs to.
    """
    return _holding(connection, paths, (Role.OFFICER,))


def presiding_for(connection: Connection, paths: Sequence[str]) -> list[Person]:
    """The officers and the committee's chairs who answer for one of these sites, or for the whole house."""
    return _holding(connection, paths, (Role.CHAIR, Role.OFFICER))


def _holding(connection: Connection, paths: Sequence[str], roles: Sequence[Role]) -> list[Person]:
    query = (
        select(people, sites.c.path.label("begins"))
        .join(grants, grants.c.person == people.c.id)
        .outerjoin(sites, sites.c.id == grants.c.site)
        .where(grants.c.role.in_([role.value for role in roles]), people.c.active)
        .order_by(people.c.id)
    )
    found = {
        row.id: PEOPLE.read(row)
        for row in connection.execute(query)
        if any(path.startswith(row.begins or "/") for path in paths)
    }
    return list(found.values())


def who_may(connection: Connection, action: str, persons: Collection[str]) -> Mapping[str, Sequence[str]]:
    """Where people with an open account may do something by the roles that they hold: paths of sites, by person."""
    if not persons:
        return {}
    held = connection.execute(
        select(grants.c.person, grants.c.role, sites.c.path)
        .join(people, people.c.id == grants.c.person)
        .outerjoin(sites, sites.c.id == grants.c.site)
        .where(grants.c.person.in_(persons), people.c.active)
    )
    found: dict[str, list[str]] = {}
    for person, role, path in held:
        if Role(role) in ACTIONS[action]:
            found.setdefault(person, []).append(path or "/")
    return found
