"""What the pages of signing in show: a form as it was answered, one's own sessions and tokens, emergencies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from codman.registry.access import Reader, may
from codman.registry.accounts_emergency import Emergency, path_of, unreviewed
from codman.registry.accounts_sessions import Session, sessions_of
from codman.registry.accounts_tokens import Token, tokens_of
from codman.registry.names import names_of
from codman.settings import Settings
from codman.spine.person import Role
from codman.web.views.forms import Asked
from codman.web.views.frame import ROLES

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
class Account:
    """One's own account."""

    name: str
    email: str
    roles: tuple[str, ...]
    sessions: Sequence[Session]
    here: str  # the session this page was asked with
    tokens: Sequence[Token]
    read_only: bool


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
    return Account(
        name=reader.name,
        email=email or "no e-mail address",
        roles=tuple(
            f"{ROLES[held.role]}, {'the whole house' if held.path == '/' else held.path}" for held in reader.held
        ),
        sessions=() if reader.read_only else sessions_of(connection, reader.person, settings, now),
        here=reader.via_id,
        tokens=() if reader.read_only else tokens_of(connection, reader.person),
        read_only=reader.read_only,
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
