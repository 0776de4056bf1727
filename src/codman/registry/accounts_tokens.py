"""API tokens: a person's right to act, narrowed to scopes and days, for a program to carry."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Row, insert, select, update

from codman.errors import BadInput, nearest
from codman.registry.access import ACTIONS, BY_USE, NotSignedIn
from codman.registry.accounts_sessions import new_token
from codman.registry.accounts_throttle import digest_of
from codman.registry.database import Change, Database, instant
from codman.registry.identifiers import new_id
from codman.registry.log import Entry
from codman.registry.records import NoSuchRecord
from codman.registry.schema import people
from codman.registry.schema_accounts import tokens
from codman.spine.record import ID_PATTERN

PREFIX: Final = "codman_"  # so that secret scanners know one
LONGEST_DAYS: Final = 366
USUAL_DAYS: Final = 90
_SEEN_EVERY: Final = timedelta(minutes=5)


class BadScope(BadInput):
    """A scope that names no action."""

    def __init__(self, scope: str) -> None:
        super().__init__(
            what=f"there is no scope {scope[:60]!r}",
            why="a scope is an action (evidence.submit), a noun's every action (evidence.*), a verb (*.read) or *; "
            "event.send may name one use (event.send:USE)",
            fix=nearest(scope, ACTIONS),
        )


class BadDays(BadInput):
    """A token that would last too long or no time."""

    def __init__(self, days: int) -> None:
        super().__init__(
            what=f"a token cannot last {days} days",
            why="one that outlives its purpose is the one that leaks",
            fix=f"give 1 to {LONGEST_DAYS} days",
        )


@dataclass(frozen=True, slots=True)
class Token:
    """A token as lists show it: never the secret itself."""

    id: str
    person: str
    name: str
    scopes: Sequence[str]
    created_at: str
    ends_at: str
    revoked_at: str | None
    seen_at: str | None


@dataclass(frozen=True, slots=True)
class Issued:
    """A token that was just made: the one time its secret is known."""

    secret: str
    token: Token


def issue(change: Change, person: str, scopes: Sequence[str], now: datetime, *, days: int, name: str) -> Issued:
    """Make a token for somebody.

    Args:
        change: The transaction.
        person: Whose rights it carries; it never carries more than they hold at the time it is used.
        scopes: What it is good for.
        now: The time.
        days: How long, 1 to 366.
        name: What it is for, as lists show it.

    Raises:
        BadScope: A scope names no action, or there is none.
        BadDays: Too many days, or none.
    """
    wanted = sorted(set(scopes))
    for scope in wanted or [""]:
        if not is_scope(scope):
            raise BadScope(scope)
    if not 1 <= days <= LONGEST_DAYS:
        raise BadDays(days)
    secret = PREFIX + new_token()
    token = Token(
        id=new_id("token"),
        person=person,
        name=name[:200],
        scopes=wanted,
        created_at=instant(now),
        ends_at=instant(now + timedelta(days=days)),
        revoked_at=None,
        seen_at=None,
    )
    plain = {field: getattr(token, field) for field in Token.__dataclass_fields__}
    digest = digest_of(secret)  # in the log too: another secret put under a token's name would speak for its owner
    change.connection.execute(insert(tokens).values(token_digest=digest, **plain))
    told = {"person": person, "name": token.name, "scopes": wanted, "ends_at": token.ends_at}
    after = told | {"token_digest": digest}
    change.record(Entry("token.create", "token", token.id, after=after, words=frozenset({"name"})))
    return Issued(secret, token)


def revoke(change: Change, name: str) -> Token:
    """Make a token worthless from here on; one that is revoked already stays as it is.

    Raises:
        NoSuchRecord: There is none of that name.
    """
    token = token_named(change.connection, name)
    if token.revoked_at is None:
        change.connection.execute(update(tokens).where(tokens.c.id == name).values(revoked_at=change.at))
        change.record(
            Entry("token.revoke", "token", name, before={"revoked_at": None}, after={"revoked_at": change.at})
        )
    return token_named(change.connection, name)


def token_named(connection: Connection, name: str) -> Token:
    """One token.

    Raises:
        NoSuchRecord: There is none of that name.
    """
    row = connection.execute(_listed().where(tokens.c.id == name)).first()
    if row is None:
        raise NoSuchRecord("token", name)
    return Token(**row._mapping)


def tokens_of(connection: Connection, person: str | None = None) -> Sequence[Token]:
    """Somebody's tokens, or everybody's; the newest first."""
    query = _listed() if person is None else _listed().where(tokens.c.person == person)
    return [Token(**row._mapping) for row in connection.execute(query.order_by(tokens.c.id.desc()))]


def find_token(connection: Connection, secret: str, now: datetime) -> Row[Any]:
    """The token a request carries, with its owner's name.

    Raises:
        NotSignedIn: There is none, it has ended or was revoked, or its owner may no longer come in.
    """
    query = select(tokens, people.c.name.label("person_name"), people.c.active).join(people)
    row = connection.execute(query.where(tokens.c.token_digest == digest_of(secret))).first()
    if row is None or not secret.startswith(PREFIX):
        raise NotSignedIn("there is no such token")
    if row.revoked_at is not None:
        raise NotSignedIn("this token was revoked")
    if not row.active:
        raise NotSignedIn("this account was closed")
    if row.ends_at <= instant(now):
        raise NotSignedIn("this token has ended")
    return row


def see(database: Database, row: Row[Any], now: datetime) -> None:
    """Note that a token is in use, at most every five minutes; later where that would wait for somebody's change."""
    if (row.seen_at is None or row.seen_at <= instant(now - _SEEN_EVERY)) and not database.is_writing:
        with database.unrecorded() as connection:
            connection.execute(update(tokens).where(tokens.c.id == row.id).values(seen_at=instant(now)))


def is_scope(scope: str) -> bool:
    """Whether a scope names an action, all of a noun's, all of a verb's, or everything; some in one use (`:USE`)."""
    nouns = {action.partition(".")[0] for action in ACTIONS}
    verbs = {action.partition(".")[2] for action in ACTIONS}
    named, _, use = scope.partition(":")
    if use:
        return named in BY_USE and re.fullmatch(ID_PATTERN, use) is not None
    noun, _, verb = scope.partition(".")
    return scope == "*" or scope in ACTIONS or (verb == "*" and noun in nouns) or (noun == "*" and verb in verbs)


def _listed() -> Any:
    return select(*(tokens.c[name] for name in Token.__dataclass_fields__))
