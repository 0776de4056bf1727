"""Who is at the door: a session's or a token's owner, with what they may do at this moment.

Start here for a request's identity; the files beside (`accounts_*.py`) hold how people come in and how they go.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row

from codman.registry import accounts_sessions, accounts_tokens
from codman.registry.access import Held, NotSignedIn, Reader
from codman.registry.accounts_rights import held_by, lent_to, rights_digest
from codman.registry.accounts_sign_in import demo_session
from codman.registry.database import Database, instant
from codman.settings import Settings
from codman.telemetry import SIGN_INS

__all__ = ["Seen", "demo_session", "reader_of_bearer", "reader_of_session", "reader_of_token", "seen_by"]


@dataclass(frozen=True, slots=True)
class Seen:
    """A request's reader, and the token their browser should carry from now on."""

    reader: Reader
    token: str | None = None  # set where their rights changed: the session goes on under another name


def seen_by(database: Database, token: str, settings: Settings) -> Seen:
    """Who a session's token names, for a door that can give its browser a new one.

    Raises:
        NotSignedIn: There is no such session, or it is over.
        DatabaseAway: The database does not answer.
    """
    now = database.clock()
    with database.reading() as connection:
        row = accounts_sessions.find_session(connection, token, settings, now)
        held = held_by(connection, row.person, only=row.role)
        reader = _at_session(connection, row, held, settings, now)
    accounts_sessions.see(database, row, now)
    rights = rights_digest(held)
    if rights == row.rights:
        return Seen(reader)
    return Seen(reader, accounts_sessions.rotate(database, row, rights, now) or None)


def reader_of_session(database: Database, token: str, settings: Settings) -> Reader:
    """Who a session's token names, with what they may do at this moment.

    Raises:
        NotSignedIn: There is no such session, or it is over.
        DatabaseAway: The database does not answer.
    """
    now = database.clock()
    with database.reading() as connection:
        row = accounts_sessions.find_session(connection, token, settings, now)
        reader = _at_session(connection, row, held_by(connection, row.person, only=row.role), settings, now)
    accounts_sessions.see(database, row, now)
    return reader


def reader_of_token(database: Database, secret: str) -> Reader:
    """Whose API token this is, with what they may do at this moment, within the token's scopes.

    Raises:
        NotSignedIn: There is no such token, or it has ended or was revoked.
        DatabaseAway: The database does not answer.
    """
    now = database.clock()
    with database.reading() as connection:
        try:
            row = accounts_tokens.find_token(connection, secret, now)
        except NotSignedIn:
            SIGN_INS.add("token", "refused")
            raise
        reader = Reader(
            person=row.person,
            name=row.person_name,
            held=held_by(connection, row.person),  # an emergency lends to the person, not to their programs
            scopes=frozenset(row.scopes),
            via="token",
            via_id=row.id,
        )
    accounts_tokens.see(database, row, now)
    return reader


def reader_of_bearer(database: Database, header: str) -> Reader:
    """The same from an `Authorization` header.

    Raises:
        NotSignedIn: It is no bearer token, or none of ours.
        DatabaseAway: The database does not answer.
    """
    kind, _, secret = header.strip().partition(" ")
    if kind.lower() != "bearer" or not secret.strip():
        raise NotSignedIn("the Authorization header holds no bearer token")
    return reader_of_token(database, secret.strip())


def _at_session(
    connection: Connection, row: Row[Any], held: tuple[Held, ...], settings: Settings, now: datetime
) -> Reader:
    lent, until = ((), None) if row.read_only else lent_to(connection, row.person, now)
    fresh_until = None
    if row.proven_at is not None:
        fresh_until = instant(datetime.fromisoformat(row.proven_at) + timedelta(minutes=settings.fresh_minutes))
    return Reader(
        person=row.person,
        name=row.person_name,
        held=held + lent,
        read_only=row.read_only,
        fresh_until=fresh_until if fresh_until is not None and fresh_until > instant(now) else None,
        via="person",
        via_id=row.name,
        emergency=until,
    )
