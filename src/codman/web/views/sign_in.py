"""What the pages of signing in show: a form as it was answered, one's own sessions and tokens, emergencies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection

from codman.registry.access import Reader, may
from codman.registry.accounts_emergency import Emergency, path_of, unreviewed
from codman.registry.accounts_sessions import Session, sessions_of
from codman.registry.accounts_tokens import Token, tokens_of
from codman.registry.database import instant
from codman.registry.mail_choices import wants_digest
from codman.registry.names import names_of
from codman.settings import Settings
from codman.spine.person import Role
from codman.web.views.forms import Asked
from codman.web.views.frame import ROLES
from codman.web.views.tokens import scope_words

Errors = Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entrance:
    """A form at the door."""

    asked: tuple[Asked, ...]
    general: str  # a problem of no one field
    onward: str = "/"
    provider: str = ""  # the link to it; empty where there is none
    demo: tuple[tuple[str, str], ...] = ()  # roles to look around in, and their words
    role: str = ""  # what an invitation makes of whoever takes it
    password: bool = True  # whether one can come in by password


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenLine:
    """A token of one's own; never its secret."""

    id: str
    name: str
    may: str
    ends_at: str
    ended: bool
    seen_at: str | None
    revoked_at: str | None


_METHODS: Final = {
    "password": "password",
    "provider": "sign-in provider",
    "link": "one-time link",
    "demo": "a look around",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """One's own account."""

    name: str
    email: str
    roles: tuple[str, ...]
    sessions: Sequence[Session]
    here: str  # the session this page was asked with
    methods: Mapping[str, str]  # how somebody signed in, in words
    tokens: tuple[TokenLine, ...]
    read_only: bool
    digest: bool  # whether they get the daily mail
    may_emergency: bool
    may_token: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """An emergency that nobody has reviewed."""

    emergency: Emergency
    who: str
    where: str
    mine: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Emergencies:
    """Taking a right in an emergency, and reviewing those that were taken."""

    asked: tuple[Asked, ...]
    general: str
    may_take: bool
    may_review: bool
    alarms: tuple[Alarm, ...]


def secret(name: str, label: str, errors: Errors, *, new: bool = False, hint: str = "") -> Asked:
    """A password's field; it never comes back filled."""
    return Asked(
        id=f"f-{name}",
        name=name,
        label=label,
        kind="password",
        value="",
        hint=hint,
        error=errors.get(name, ""),
        options=(),
        needed=True,
        autocomplete="new-password" if new else "current-password",
    )


def line(name: str, label: str, value: str, errors: Errors, *, kind: str = "line", autocomplete: str = "") -> Asked:
    """A line's field."""
    return Asked(
        id=f"f-{name}",
        name=name,
        label=label,
        kind=kind,
        value=value,
        hint="",
        error=errors.get(name, ""),
        options=(),
        needed=True,
        autocomplete=autocomplete,
    )


def account(connection: Connection, reader: Reader, email: str | None, settings: Settings, now: datetime) -> Account:
    """One's own account; a demo sign-in is shown no sessions and no tokens, for they are not its own."""
    own = () if reader.read_only else tokens_of(connection, reader.person)
    return Account(
        name=reader.name,
        email=email or "no e-mail address",
        roles=_roles(connection, reader),
        sessions=() if reader.read_only else sessions_of(connection, reader.person, settings, now),
        here=reader.via_id,
        methods=_METHODS,
        tokens=tuple(_token(one, instant(now)) for one in own),
        read_only=reader.read_only,
        digest=wants_digest(connection, reader.person),
        may_emergency=may(reader, "emergency.create") or may(reader, "emergency.read"),
        may_token=may(reader, "token.create"),
    )


def _roles(connection: Connection, reader: Reader) -> tuple[str, ...]:
    ends = {held.path: held.path.strip("/").rpartition("/")[2] for held in reader.held}
    named = names_of(connection, ends.values())
    return tuple(
        f"{ROLES[held.role]}, {'the whole house' if held.path == '/' else named.get(ends[held.path], held.path)}"
        for held in reader.held
    )


def _token(one: Token, now: str) -> TokenLine:
    return TokenLine(
        id=one.id,
        name=one.name,
        may=", ".join(scope_words(scope) for scope in one.scopes),
        ends_at=one.ends_at,
        ended=one.ends_at <= now,
        seen_at=one.seen_at,
        revoked_at=one.revoked_at,
    )


def emergencies(connection: Connection, reader: Reader, asked: tuple[Asked, ...], general: str) -> Emergencies:
    """What somebody may take, and what they may review."""
    seen = [
        one
        for one in unreviewed(connection)
        if one.person == reader.person or may(reader, "emergency.read", [path_of(connection, one)])
    ]
    names = names_of(connection, [name for one in seen for name in (one.person, one.site) if name])
    return Emergencies(
        asked=asked,
        general=general,
        may_take=may(reader, "emergency.create"),
        may_review=may(reader, "emergency.review"),
        alarms=tuple(
            Alarm(
                emergency=one,
                who=names.get(one.person, one.person),
                where="the whole house" if one.site is None else names.get(one.site, one.site),
                mine=one.person == reader.person,
            )
            for one in seen
        ),
    )


def role_words(roles: Sequence[Role]) -> tuple[tuple[str, str], ...]:
    """Roles with their words."""
    return tuple((role.value, ROLES[role]) for role in roles)
