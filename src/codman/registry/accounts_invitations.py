"""One-time links: the first administrator's, and everybody's whom an administrator invites."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Row, delete, exists, insert, or_, select, update

from codman.errors import BadInput
from codman.registry.accounts_demo import is_demo
from codman.registry.accounts_sessions import new_token
from codman.registry.accounts_throttle import digest_of
from codman.registry.database import Change, Database, instant
from codman.registry.identifiers import new_id
from codman.registry.log import SYSTEM, Entry
from codman.registry.records import NoSuchRecord
from codman.registry.schema import grants, people
from codman.registry.schema_accounts import credentials, identities, invitations
from codman.spine.person import Role

LASTS: Final = timedelta(hours=24)


class LinkSpent(BadInput):
    """A one-time link that was used, is over, or never was."""

    def __init__(self) -> None:
        super().__init__(
            what="this link can no longer be used",
            why=f"a link works once, within {int(LASTS.total_seconds() // 3600)} hours",
            fix="ask an administrator for another; for the first administrator, restart `codman serve`",
        )


@dataclass(frozen=True, slots=True)
class Invitation:
    """An invitation as lists show it: never the link itself."""

    name: str
    role: str
    site: str | None
    email: str | None
    invited_by: str | None
    created_at: str
    ends_at: str
    used_at: str | None


def first_link(database: Database, now: datetime) -> str | None:
    """The token of the link that makes the first administrator; None where there is one, or in a demo house.

    An earlier link that nobody used is worthless from here on.
    """
    with database.reading() as connection:
        if has_administrator(connection) or is_demo(connection):
            return None
    with database.changing(SYSTEM) as change:
        change.connection.execute(
            delete(invitations).where(
                invitations.c.invited_by.is_(None), invitations.c.email.is_(None), invitations.c.used_at.is_(None)
            )
        )
        return invite(change, Role.ADMIN, now, invited_by=None, email=None, site=None)


def has_administrator(connection: Connection) -> bool:
    """Whether somebody who can sign in administers the whole house."""
    comes_in = or_(
        exists().where(credentials.c.person == people.c.id), exists().where(identities.c.person == people.c.id)
    )
    query = (
        select(people.c.id)
        .join(grants, grants.c.person == people.c.id)
        .where(grants.c.role == Role.ADMIN.value, grants.c.site.is_(None), people.c.active, comes_in)
    )
    return connection.execute(query.limit(1)).first() is not None


def invite(
    change: Change, role: Role, now: datetime, *, invited_by: str | None, email: str | None, site: str | None
) -> str:
    """Make a one-time link.

    Args:
        change: The transaction.
        role: What whoever takes it will be.
        now: The time; the link lasts a day.
        invited_by: The administrator; None is the house itself.
        email: Who may take it; None is whoever holds it.
        site: Where the role begins; None is the whole house.

    Returns:
        The token: the one time it is known.
    """
    token, name = new_token(), new_id("invitation")
    email = None if email is None else email.strip()
    digest = digest_of(token)
    change.connection.execute(
        insert(invitations).values(
            token_digest=digest,
            name=name,
            role=role.value,
            site=site,
            email=email,
            invited_by=invited_by,
            created_at=instant(now),
            ends_at=instant(now + LASTS),
        )
    )
    told = {"role": role.value, "site": site, "email": email, "ends_at": instant(now + LASTS)}
    after = told | {"token_digest": digest}
    change.record(Entry("invitation.create", "invitation", name, after=after, words=frozenset({"email"})))
    return token


def find_invitation(connection: Connection, token: str, now: datetime) -> Row[Any]:
    """What a link's token invites to; looking does not use it up.

    Raises:
        LinkSpent: It was used, is over, or never was.
    """
    row = connection.execute(select(invitations).where(invitations.c.token_digest == digest_of(token))).first()
    if row is None or row.used_at is not None or row.ends_at <= instant(now):
        raise LinkSpent
    return row


def spend(change: Change, token: str, now: datetime) -> Row[Any]:
    """Use a link up, in the transaction that acts on it: of two at once only one comes through.

    Raises:
        LinkSpent: It was used, is over, or never was.
    """
    row = find_invitation(change.connection, token, now)
    done = change.connection.execute(
        update(invitations)
        .where(invitations.c.token_digest == row.token_digest, invitations.c.used_at.is_(None))
        .values(used_at=change.at)
    )
    if done.rowcount != 1:
        raise LinkSpent
    return row


def open_invitations(connection: Connection, now: datetime) -> Sequence[Invitation]:
    """Links that can still be used, the newest first."""
    query = select(*(invitations.c[name] for name in Invitation.__dataclass_fields__)).where(
        invitations.c.used_at.is_(None), invitations.c.ends_at > instant(now)
    )
    return [Invitation(**row._mapping) for row in connection.execute(query.order_by(invitations.c.created_at.desc()))]


def withdraw(change: Change, name: str) -> None:
    """Make a link worthless.

    Raises:
        NoSuchRecord: There is no such link that could still be used.
    """
    done = change.connection.execute(
        delete(invitations).where(invitations.c.name == name, invitations.c.used_at.is_(None))
    )
    if done.rowcount != 1:
        raise NoSuchRecord("invitation", name)
    change.record(Entry("invitation.remove", "invitation", name))
