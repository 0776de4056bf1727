"""Whom a concern reaches: the site's accountable clinician, else who answers for the use, else the officers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import Connection, literal, or_, select

from codman.registry.inventory import paths_of
from codman.registry.nouns import PEOPLE, SITES, USES
from codman.registry.related import deployments_of
from codman.registry.schema import deployments, grants, people, sites, uses
from codman.spine.concern import Concern, ConcernFields
from codman.spine.person import Person, Role
from codman.spine.site import Mode


class Circle(StrEnum):
    """Why somebody is told."""

    CLINICIAN = "accountable clinician"
    OWNER = "owner of the use"
    OFFICERS = "governance office"


@dataclass(frozen=True, slots=True)
class Told:
    """Who is told, and why they are."""

    circle: Circle
    people: tuple[Person, ...]

    @property
    def by_mail(self) -> tuple[Person, ...]:
        """Those of them who can be written to."""
        return tuple(one for one in self.people if one.email is not None)


def places(connection: Connection, concern: Concern | ConcernFields) -> list[str]:
    """Paths of the sites a concern belongs to: its own, else its use's; the whole house's where nobody could say.

    Where nobody said which site it was, that its use has ended at one since takes the concern from nobody there.
    """
    if concern.site is not None:
        return [SITES.get(connection, concern.site).path]
    if concern.use is None:
        return ["/"]
    there = deployments_of(connection, concern.use)
    ran = [one.site for one in there if one.mode is not Mode.ENDED or (one.since or "") >= concern.raised_at[:10]]
    return paths_of(connection, USES.get(connection, concern.use), ran)


def who_sees(connection: Connection, concern: Concern | ConcernFields) -> Told:
    """Who must see a concern first: the nearest circle in which somebody can be reached.

    A circle whose people have no address is passed over for the next one with an address; where none has, the nearest
    circle with people stands: they see it on their pages.
    """
    circles = (
        Told(Circle.CLINICIAN, _clinicians(connection, concern.use, concern.site)),
        Told(Circle.OWNER, _owner(connection, concern.use)),
        Told(Circle.OFFICERS, officers(connection, concern)),
    )
    reachable = next((one for one in circles if one.by_mail), None)
    return reachable or next((one for one in circles if one.people), circles[-1])


def answerable(connection: Connection, concern: Concern | ConcernFields) -> frozenset[str]:
    """Who may take a concern in hand without a seat on the committee: its clinicians and the use's owner."""
    close = (*_clinicians(connection, concern.use, concern.site), *_owner(connection, concern.use))
    return frozenset(one.id for one in close)


def above(connection: Connection, concern: Concern | ConcernFields) -> tuple[Person, ...]:
    """Whom it goes to when nobody looked in time: the use's owner and the officers."""
    found = {one.id: one for one in (*_owner(connection, concern.use), *officers(connection, concern))}
    return tuple(found.values())


def told_of_pause(connection: Connection, concern: Concern | ConcernFields) -> tuple[Person, ...]:
    """Who hears of a pause: the use's owner, the accountable clinicians of every site it runs at, the officers."""
    of_use = select(deployments.c.clinician).where(
        deployments.c.use == concern.use, deployments.c.clinician.is_not(None), deployments.c.mode != Mode.ENDED.value
    )
    clinicians = _active(connection, connection.execute(of_use).scalars())
    found = {one.id: one for one in (*above(connection, concern), *clinicians)}
    return tuple(found.values())


def officers(connection: Connection, concern: Concern | ConcernFields) -> tuple[Person, ...]:
    """The officers whose sites take this one in; those of the whole house, and where there is none, every officer."""
    held = (
        select(grants.c.person)
        .outerjoin(sites, sites.c.id == grants.c.site)
        .where(grants.c.role == Role.OFFICER.value)
        .distinct()
    )
    above_it = or_(
        grants.c.site.is_(None), *(literal(path).startswith(sites.c.path) for path in places(connection, concern))
    )
    found = _active(connection, connection.execute(held.where(above_it)).scalars())
    return found or _active(connection, connection.execute(held).scalars())


def _clinicians(connection: Connection, use: str | None, site: str | None) -> tuple[Person, ...]:
    if use is None:
        return ()
    rows = connection.execute(
        select(deployments.c.clinician, sites.c.path, sites.c.id)
        .join(sites, sites.c.id == deployments.c.site)
        .where(deployments.c.use == use, deployments.c.clinician.is_not(None), deployments.c.mode != Mode.ENDED.value)
    ).all()
    if site is None:
        named = {row.clinician for row in rows}
        return _active(connection, named) if len(named) == 1 else ()
    path = connection.execute(select(sites.c.path).where(sites.c.id == site)).scalar_one_or_none() or "/"
    near = sorted((row for row in rows if path.startswith(row.path)), key=lambda row: -len(row.path))
    found = [one for row in near for one in _active(connection, [row.clinician])]
    return tuple(found[:1])


def _owner(connection: Connection, use: str | None) -> tuple[Person, ...]:
    if use is None:
        return ()
    owner = connection.execute(select(uses.c.owner).where(uses.c.id == use)).scalar_one_or_none()
    return () if owner is None else _active(connection, [owner])


def _active(connection: Connection, names: Iterable[str]) -> tuple[Person, ...]:
    rows = connection.execute(
        select(people).where(people.c.id.in_(sorted(set(names))), people.c.active).order_by(people.c.id)
    )
    return tuple(PEOPLE.read(row) for row in rows)
