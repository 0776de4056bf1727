"""A provider outside who knows who people are, and the people who are away there: what they must bring back, once."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol

from sqlalchemy import Connection, delete, insert, select

from codman.errors import CodmanError
from codman.registry.accounts_sessions import new_token
from codman.registry.accounts_sign_in import Identity
from codman.registry.accounts_throttle import digest_of
from codman.registry.database import Database, instant
from codman.registry.schema_accounts import provider_visits

LASTS: Final = timedelta(minutes=10)
_MOST: Final = 10_000  # unfinished ones; a flood of them must not fill the disk


@dataclass(frozen=True, slots=True)
class ProviderVisit:
    """One trip to the provider: state against forgery, nonce against replay, verifier for PKCE (RFC 9700, 2.1)."""

    state: str
    nonce: str
    verifier: str
    person: str | None  # who must come back: somebody who proves once more who they are
    onward: str  # where they go in the house afterwards
    began_at: datetime


class ProviderRefused(CodmanError):
    """A sign-in at the provider that came to nothing."""

    exit_code = 2

    def __init__(self, why: str) -> None:
        super().__init__(
            what="you are not signed in",
            why=why,
            fix="begin again from the sign-in page; if it stays, ask an administrator",
        )


class Provider(Protocol):
    """Somebody outside who knows who people are; integrations/ has one for OpenID Connect."""

    issuer: str

    def address(self, visit: ProviderVisit, come_back: str, *, again: bool) -> str:
        """Where to send the browser.

        Args:
            visit: What goes along.
            come_back: Where the provider sends it afterwards.
            again: They must type their password there, even if they are signed in.
        """

    def identity(self, visit: ProviderVisit, come_back: str, answer: Mapping[str, str], *, again: bool) -> Identity:
        """Who came back.

        Raises:
            ProviderRefused: The provider says no, or its answer does not hold.
            Unreachable: It does not answer.
        """


def begin(database: Database, person: str | None, onward: str) -> tuple[str, ProviderVisit]:
    """Send somebody off.

    Returns:
        The token for a cookie, which ties the answer to this browser; and what goes along.
    """
    now = database.clock()
    token = new_token()
    visit = ProviderVisit(
        state=secrets.token_urlsafe(32),
        nonce=secrets.token_urlsafe(32),
        verifier=secrets.token_urlsafe(48),  # 64 characters of the 43 to 128 that RFC 7636 asks for
        person=person,
        onward=onward,
        began_at=now,
    )
    with database.unrecorded() as connection:
        connection.execute(delete(provider_visits).where(provider_visits.c.ends_at <= instant(now)))
        _drop_the_oldest(connection)
        connection.execute(
            insert(provider_visits).values(
                token_digest=digest_of(token),
                state=visit.state,
                nonce=visit.nonce,
                verifier=visit.verifier,
                person=person,
                onward=onward,
                began_at=instant(now),
                ends_at=instant(now + LASTS),
            )
        )
    return token, visit


def end(database: Database, token: str, state: str) -> ProviderVisit | None:
    """Take somebody back: the visit is over whatever comes of it.

    Args:
        database: The book.
        token: The cookie's.
        state: What the provider's answer carries.

    Returns:
        The visit; None where there was none, it took too long, or the answer belongs to another.
    """
    now = instant(database.clock())
    with database.unrecorded() as connection:
        here = provider_visits.c.token_digest == digest_of(token)
        row = connection.execute(select(provider_visits).where(here)).first()
        connection.execute(delete(provider_visits).where(here))
    if row is None or row.ends_at <= now or not hmac.compare_digest(row.state.encode(), state.encode()):
        return None
    return ProviderVisit(
        state=row.state,
        nonce=row.nonce,
        verifier=row.verifier,
        person=row.person,
        onward=row.onward,
        began_at=datetime.fromisoformat(row.began_at),
    )


def _drop_the_oldest(connection: Connection) -> None:
    newest = select(provider_visits.c.began_at).order_by(provider_visits.c.began_at.desc()).offset(_MOST).limit(1)
    limit = connection.execute(newest).scalar()
    if limit is not None:
        connection.execute(delete(provider_visits).where(provider_visits.c.began_at <= limit))
