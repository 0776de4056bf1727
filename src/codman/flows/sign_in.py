"""Signing in with a provider: there, with what ties the answer to this browser; and back, as somebody known here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from codman.registry.access import Reader
from codman.registry.accounts_provider import Provider, ProviderRefused, begin, end
from codman.registry.accounts_sessions import Opened
from codman.registry.accounts_sign_in import Browser, sign_in_as
from codman.registry.database import Database
from codman.settings import Settings

_CLOCKS_DIFFER: Final = timedelta(seconds=60)  # between the provider's clock and ours


@dataclass(frozen=True, slots=True)
class Away:
    """Where the browser goes, and the cookie that ties the answer to it."""

    address: str
    token: str


@dataclass(frozen=True, slots=True)
class Back:
    """A session that was opened, and where its reader wanted to go."""

    session: Opened
    onward: str


def leave(database: Database, provider: Provider, come_back: str, onward: str, reader: Reader | None = None) -> Away:
    """Send somebody to the provider.

    Args:
        database: The book.
        provider: Where.
        come_back: Where the provider sends them afterwards.
        onward: Where they go in the house then.
        reader: Somebody who is signed in and must prove once more who they are; None signs in.
    """
    token, visit = begin(database, None if reader is None else reader.person, onward)
    return Away(provider.address(visit, come_back, again=reader is not None), token)


def come_back(
    database: Database,
    provider: Provider,
    address: str,
    token: str | None,
    answer: Mapping[str, str],
    browser: Browser,
    settings: Settings,
) -> Back:
    """Take somebody back from the provider.

    Args:
        database: The book.
        provider: Where they were.
        address: Where the provider sent them: the same as when they left.
        token: Of the cookie they left with.
        answer: What the provider's answer carries.
        browser: Where they come from.
        settings: How long a session lasts.

    Raises:
        ProviderRefused: The answer belongs to no visit of this browser, or does not hold.
        NobodyHere: The house does not know them, or they are not who went away.
        Unreachable: The provider does not answer.
    """
    visit = None if token is None else end(database, token, answer.get("state", ""))
    if visit is None:
        raise ProviderRefused("this answer belongs to no sign-in that was begun in this browser in the last minutes")
    again = visit.person is not None
    identity = provider.identity(visit, address, answer, again=again)
    if again and not _is_fresh(identity.proven_at, visit.began_at):
        raise ProviderRefused("the provider did not ask you to prove who you are")
    return Back(sign_in_as(database, identity, browser, settings, must_be=visit.person), visit.onward)


def _is_fresh(proven_at: datetime | None, began_at: datetime) -> bool:
    return proven_at is not None and proven_at >= began_at - _CLOCKS_DIFFER
