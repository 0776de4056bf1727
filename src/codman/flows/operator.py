"""Whoever runs `codman` on the machine itself: they hold its files, so they may do here what an administrator may."""

from __future__ import annotations

from typing import Final

from sqlalchemy import select

from codman.errors import BadInput
from codman.flows.house import House
from codman.registry.access import Held, Reader
from codman.registry.schema import people
from codman.spine.person import Role

OPERATOR: Final = Reader(
    person="operator",
    name="the operator of this machine",
    held=(Held(Role.ADMIN), Held(Role.OFFICER)),
    via="machine",
)


class NobodyOf(BadInput):
    """A person whom the book does not have, or who is no longer there."""

    def __init__(self, name: str) -> None:
        super().__init__(
            what=f"there is nobody {name[:80]!r} in the book",
            why="no active person has this id or e-mail address",
            fix="look them up: codman user list",
        )


def person_named(house: House, name: str) -> str:
    """The id of an active person, by their id or e-mail address.

    Raises:
        NobodyOf: There is none.
    """
    wanted = (people.c.id == name) | (people.c.email == name.strip().lower()) | (people.c.email == name)
    with house.database.reading() as connection:
        found = connection.execute(select(people.c.id).where(wanted, people.c.active)).scalars().first()
    if found is None:
        raise NobodyOf(name)
    return str(found)
