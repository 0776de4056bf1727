"""The demo hospital's committee: who presides, who sits, who answers for a use, each just signed in at the door."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from sqlalchemy import Connection, select

from codman.errors import CodmanError
from codman.flows.house import House
from codman.flows.review.seats import name_reviewer, state_interest
from codman.registry.access import Held, Reader
from codman.registry.database import instant
from codman.registry.schema import grants, people
from codman.spine.person import Role
from codman.spine.review import Case, Conflict
from codman.spine.use import Use

LEAST: Final = 3  # reviewers, whatever the tier
SEATS: Final = ("clinical", "statistics", "patient safety", "equity", "information technology")


@dataclass(frozen=True, slots=True)
class Committee:
    """People of the demo hospital who review."""

    chair: Reader
    officer: Reader
    reviewers: Sequence[Reader]
    owners: Mapping[str, Reader]  # by use


def committee_of(house: House, connection: Connection, found: Sequence[Use]) -> Committee | None:
    """Those who would look at some uses, all of which somebody answers for; None where too few are there."""
    fresh = instant(house.database.clock() + timedelta(minutes=5))

    def somebody(role: Role) -> list[Reader]:
        rows = connection.execute(
            select(people.c.id, people.c.name)
            .join(grants, grants.c.person == people.c.id)
            .where(grants.c.role == role.value, grants.c.site.is_(None), people.c.active)
            .order_by(people.c.id)
        )
        return [Reader(row.id, row.name, (Held(role),), fresh_until=fresh) for row in rows]

    answering = select(people.c.id, people.c.name).where(people.c.id.in_([use.owner for use in found]))
    names = {row.id: row.name for row in connection.execute(answering)}
    chairs, officers, reviewers = (somebody(role) for role in (Role.CHAIR, Role.OFFICER, Role.REVIEWER))
    if not chairs or not officers or len(reviewers) < LEAST:
        return None
    owners = {use.id: Reader(str(use.owner), names[str(use.owner)], (Held(Role.OWNER),)) for use in found}
    return Committee(chairs[0], officers[0], reviewers, owners)


def seated(house: House, committee: Committee, case: Case, count: int) -> list[Reader]:
    """The first reviewers who may sit in the case, named, with nothing in their way."""
    there: list[Reader] = []
    for reviewer in committee.reviewers:
        if len(there) == count:
            break
        try:
            name_reviewer(house, committee.chair, case.id, reviewer.person, SEATS[len(there)])
        except CodmanError:  # they have a hand in the use, or no role where it belongs
            continue
        state_interest(house, reviewer, case.id, Conflict.NONE)
        there.append(reviewer)
    return there
