"""Sessions: kept here and named by a token only the browser has, so that any of them can be ended at once."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Row, delete, insert, or_, select, update

from codman.registry.access import NotSignedIn
from codman.registry.accounts_rights import held_by, rights_digest
from codman.registry.accounts_throttle import digest_of
from codman.registry.database import Change, Database, instant
from codman.registry.identifiers import new_id
from codman.registry.log import Author, Entry
from codman.registry.schema import people
from codman.registry.schema_accounts import sessions
from codman.settings import Settings

_SEEN_EVERY: Final = timedelta(seconds=60)  # a write on every request would make every page wait for the disk
_CROSSING: Final = timedelta(seconds=20)  # how long the former token is good: requests under way still carry it
_AGENT_LENGTH: Final = 200


@dataclass(frozen=True, slots=True)
class Opened:
    """A session that was opened: the one time its token is known."""

    token: str
    name: str
    person: str
    ends_at: str


@dataclass(frozen=True, slots=True)
class Session:
    """A session as its owner sees it in a list."""

    name: str
    method: str
    agent: str | None
    signed_in_at: str
    seen_at: str
    ends_at: str


def new_token() -> str:
    """256 random bits as text."""
    return secrets.token_urlsafe(32)


def open_session(
    change: Change,
    person: str,
    method: str,
    settings: Settings,
    now: datetime,
    *,
    proven_at: datetime | None = None,
    instead_of: str | None = None,
    agent: str | None = None,
    role: str | None = None,
    read_only: bool = False,
) -> Opened:
    """Open a session, always under a token that nobody has seen before.

    Args:
        change: The transaction; its log says who signed in and how.
        person: Whose it is.
        method: password, provider, link or demo.
        settings: How long it lasts.
        now: The time.
        proven_at: When they proved who they are; None where nobody says, and then it signs nothing.
        instead_of: The token the browser came with: it ends here, or a planted one would live on.
        agent: What the browser calls itself.
        role: They see the house as this role only.
        read_only: They change nothing.
    """
    connection = change.connection
    if instead_of is not None:
        connection.execute(delete(sessions).where(_is(instead_of)))
    connection.execute(delete(sessions).where(_over(settings, now)))
    opened = Opened(new_token(), new_id("session"), person, instant(now + timedelta(hours=settings.session_hours)))
    connection.execute(
        insert(sessions).values(
            token_digest=digest_of(opened.token),
            name=opened.name,
            person=person,
            method=method,
            agent=None if agent is None else agent[:_AGENT_LENGTH],
            read_only=read_only,
            role=role,
            rights=rights_digest(held_by(connection, person, only=role)),
            signed_in_at=instant(now),
            proven_at=None if proven_at is None else instant(proven_at),
            seen_at=instant(now),
            ends_at=opened.ends_at,
        )
    )
    after = {"person": person, "method": method, "read_only": read_only} | ({"role": role} if role else {})
    change.record(Entry("session.create", "session", opened.name, after=after))
    return opened


def find_session(connection: Connection, token: str, settings: Settings, now: datetime) -> Row[Any]:
    """The session a token names, with its owner's name.

    Raises:
        NotSignedIn: There is none, it is over, or its owner may no longer come in.
    """
    query = select(sessions, people.c.name.label("person_name"), people.c.active).join(people)
    rows = connection.execute(query.where(_is(token))).all()
    digest = digest_of(token)
    row = next((row for row in rows if row.token_digest == digest or _crossing(row, now)), None)
    if row is None:
        raise NotSignedIn("there is no such session, or it was ended")
    if not row.active:
        raise NotSignedIn("this account was closed")
    if row.ends_at <= instant(now):
        raise NotSignedIn(f"a session lasts {settings.session_hours} hours at most")
    if row.seen_at <= instant(now - timedelta(minutes=settings.session_idle_minutes)):
        raise NotSignedIn(f"a session ends after {settings.session_idle_minutes} minutes unused")
    return row


def see(database: Database, row: Row[Any], now: datetime) -> None:
    """Note that a session is in use, at most once a minute."""
    if row.seen_at <= instant(now - _SEEN_EVERY):
        with database.unrecorded() as connection:
            connection.execute(
                update(sessions).where(sessions.c.token_digest == row.token_digest).values(seen_at=instant(now))
            )


def rotate(database: Database, row: Row[Any], rights: str, now: datetime) -> str:
    """Give a session a new token because its owner's rights changed; the old one dies once requests have crossed."""
    token = new_token()
    with database.unrecorded() as connection:
        done = connection.execute(
            update(sessions)
            .where(sessions.c.token_digest == row.token_digest, sessions.c.rights == row.rights)
            .values(
                token_digest=digest_of(token), former_digest=row.token_digest, rotated_at=instant(now), rights=rights
            )
        )
    return token if done.rowcount else ""


def spend_proof(change: Change, name: str) -> bool:
    """Use up the proof of who somebody is that a session holds: one proof is good for one signature.

    Args:
        change: The change in which they sign.
        name: The session, as the log calls it.

    Returns:
        Whether there was one.

    Source: 21 CFR 11.200(a)(1): each signing after the first takes at least one component.
    """
    proof = sessions.c.name == name, sessions.c.proven_at.is_not(None)
    return change.connection.execute(update(sessions).where(*proof).values(proven_at=None)).rowcount == 1


def sessions_of(connection: Connection, person: str, settings: Settings, now: datetime) -> Sequence[Session]:
    """Somebody's open sessions, the last used first."""
    query = select(*(sessions.c[name] for name in Session.__dataclass_fields__)).where(
        sessions.c.person == person, ~_over(settings, now)
    )
    return [Session(**row._mapping) for row in connection.execute(query.order_by(sessions.c.seen_at.desc()))]


def end_session(database: Database, token: str) -> None:
    """Sign out: the token is worth nothing from here on. One that is over already is no error."""
    with database.reading() as connection:
        row = connection.execute(select(sessions.c.name, sessions.c.person).where(_is(token))).first()
    if row is not None:
        end_sessions(database, Author("person", row.person), row.person, name=row.name)


def end_sessions(
    database: Database, author: Author, person: str, *, name: str | None = None, but: str | None = None
) -> int:
    """End somebody's sessions.

    Args:
        database: The book.
        author: Who ends them.
        person: Whose.
        name: This one; all where None.
        but: Not this one.

    Returns:
        How many were ended.
    """
    with database.changing(author) as change:
        return end_in(change, person, name=name, but=but)


def end_in(change: Change, person: str, *, name: str | None = None, but: str | None = None) -> int:
    """The same within a change."""
    chosen = [sessions.c.person == person]
    chosen += [sessions.c.name == name] if name is not None else []
    chosen += [sessions.c.name != but] if but is not None else []
    names = change.connection.execute(select(sessions.c.name).where(*chosen)).scalars().all()
    change.connection.execute(delete(sessions).where(*chosen))
    for ended in names:
        change.record(Entry("session.end", "session", ended, before={"person": person}))
    return len(names)


def _is(token: str) -> Any:
    digest = digest_of(token)
    return or_(sessions.c.token_digest == digest, sessions.c.former_digest == digest)


def _crossing(row: Row[Any], now: datetime) -> bool:
    return row.rotated_at is not None and row.rotated_at > instant(now - _CROSSING)


def _over(settings: Settings, now: datetime) -> Any:
    unseen_since = instant(now - timedelta(minutes=settings.session_idle_minutes))
    return or_(sessions.c.ends_at <= instant(now), sessions.c.seen_at <= unseen_since)
