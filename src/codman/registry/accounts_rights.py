"""What somebody holds at this moment: their roles with the sites these begin at, and what an emergency lends them."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, select

from codman.registry.access import Held
from codman.registry.accounts_throttle import digest_of
from codman.registry.database import instant
from codman.registry.schema import grants, sites
from codman.registry.schema_accounts import emergencies
from codman.spine.person import Role


def held_by(connection: Connection, person: str, *, only: str | None = None) -> tuple[Held, ...]:
    """The roles somebody was given.

    Args:
        connection: Where to read.
        person: Who.
        only: This role and no other: a demo sign-in.
    """
    query = select(grants.c.role, sites.c.path).outerjoin(sites, grants.c.site == sites.c.id)
    rows = connection.execute(query.where(grants.c.person == person)).all()
    held = {Held(Role(role), path or "/") for role, path in rows if only in (None, role)}
    return tuple(sorted(held, key=lambda h: (h.role, h.path)))


def lent_to(connection: Connection, person: str, now: datetime) -> tuple[tuple[Held, ...], str | None]:
    """The roles somebody took in an emergency that still lasts, and until when."""
    query = select(emergencies.c.role, emergencies.c.ends_at, sites.c.path).outerjoin(
        sites, emergencies.c.site == sites.c.id
    )
    at = instant(now)
    rows = connection.execute(
        query.where(emergencies.c.person == person, emergencies.c.begins_at <= at, emergencies.c.ends_at > at)
    ).all()
    held = tuple(Held(Role(row.role), row.path or "/", lent=True) for row in rows)
    return held, max((row.ends_at for row in rows), default=None)


def rights_digest(held: tuple[Held, ...]) -> str:
    """Roles and sites as one word: another word means that somebody's rights have changed."""
    return digest_of("\n".join(f"{h.role} {h.path}" for h in held))
