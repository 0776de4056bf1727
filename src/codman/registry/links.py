"""Links that are good for one answer without an account: 256 random bits, kept as a hash, over on a day.

Whoever holds the link is whom we asked; so it says nothing of what it is about until it is known to be ours and unused.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, insert, select, update

from codman.errors import BadInput, CodmanError
from codman.registry.accounts_throttle import TooManyAttempts, begin, digest_of, network_of
from codman.registry.database import Change, Database, instant
from codman.registry.log import Entry
from codman.registry.schema_review import links

REPORT: Final = "report"
_LONGEST: Final = 100  # of a token; a longer one is none of ours and is not hashed


class LinkSpent(BadInput):
    """A link that is none of ours, was used, was taken back, or is over. Which of these it is nobody is told."""

    def __init__(self) -> None:
        super().__init__(
            what="this link cannot be used",
            why="a link works once and for some weeks; this one was used, has ended, or never was",
            fix="if you have sent your answer, it has arrived; else ask whoever sent the link for another",
        )


class TooManyTried(CodmanError):
    """Too many links from one address that were none."""

    exit_code = 4

    def __init__(self, retry_after_s: int) -> None:
        super().__init__(
            what="too many links were tried from here that are none",
            why="each further one doubles the wait",
            fix=f"wait {retry_after_s} seconds, then open the link you were sent",
        )
        self.retry_after_s = retry_after_s


@dataclass(frozen=True, slots=True)
class Link:
    """A link as lists show it: never the link itself."""

    digest: str
    about: str
    made_at: str
    made_by: str | None
    expires_at: str | None
    used_at: str | None
    revoked_at: str | None

    def is_open(self, now: str) -> bool:
        """Whether it can still be used."""
        over = self.expires_at is not None and self.expires_at <= now
        return self.used_at is None and self.revoked_at is None and not over


@dataclass(frozen=True, slots=True)
class MadeLink:
    """A new link: `token` is the secret, `seed` is what a mail that waits may hold in its place."""

    token: str
    seed: str
    expires_at: str


def make_link(
    change: Change, secret: bytes, purpose: str, about: str, lasts: timedelta, *, made_by: str | None
) -> MadeLink:
    """Make a link.

    Args:
        change: The transaction.
        secret: The house's own, kept outside the database: without it a seed opens nothing.
        purpose: What it is good for.
        about: The record it is about.
        lasts: For how long.
        made_by: Who had it made; None is the house.
    """
    seed = secrets.token_urlsafe(32)
    token = token_of(secret, seed)
    digest, ends = digest_of(token), instant(datetime.fromisoformat(change.at) + lasts)
    row = {
        "digest": digest,
        "purpose": purpose,
        "about": about,
        "made_at": change.at,
        "made_by": made_by,
        "expires_at": ends,
    }
    change.connection.execute(insert(links).values(row))
    told = {"purpose": purpose, "digest": digest, "expires_at": ends}
    change.record(Entry("link.create", _kind(purpose), about, after=told))
    return MadeLink(token, seed, ends)


def token_of(secret: bytes, seed: str) -> str:
    """The link's secret part: 256 bits that only the house can make of its seed."""
    return hmac.new(secret, seed.encode(), hashlib.sha256).hexdigest()


def find_link(connection: Connection, purpose: str, token: str, now: datetime) -> Link:
    """The link with this token; looking does not use it up.

    Raises:
        LinkSpent: There is none that could still be used.
    """
    if len(token) > _LONGEST:
        raise LinkSpent
    query = select(*(links.c[name] for name in Link.__dataclass_fields__))
    row = connection.execute(query.where(links.c.digest == digest_of(token), links.c.purpose == purpose)).first()
    if row is None or not (found := Link(**row._mapping)).is_open(instant(now)):
        raise LinkSpent
    return found


def spend_link(change: Change, link: Link) -> None:
    """Use a link up, in the transaction that acts on it: of two at once only one comes through.

    Raises:
        LinkSpent: It was used, taken back, or is over by now.
    """
    done = change.connection.execute(
        update(links)
        .where(
            links.c.digest == link.digest,
            links.c.used_at.is_(None),
            links.c.revoked_at.is_(None),
            links.c.expires_at > change.at,
        )
        .values(used_at=change.at)
    )
    if done.rowcount != 1:
        raise LinkSpent
    change.record(Entry("link.use", _kind(REPORT), link.about, after={"digest": link.digest}))


def revoke_links(change: Change, purpose: str, about: str) -> int:
    """Make every unused link about a record worthless.

    Returns:
        How many there were.
    """
    open_ones = [one for one in links_about(change.connection, purpose, about) if one.is_open(change.at)]
    for one in open_ones:
        change.connection.execute(update(links).where(links.c.digest == one.digest).values(revoked_at=change.at))
        change.record(Entry("link.revoke", _kind(purpose), about, after={"digest": one.digest}))
    return len(open_ones)


def links_about(connection: Connection, purpose: str, about: str) -> Sequence[Link]:
    """Every link about a record, the newest first."""
    query = select(*(links.c[name] for name in Link.__dataclass_fields__)).where(
        links.c.purpose == purpose, links.c.about == about
    )
    return [Link(**row._mapping) for row in connection.execute(query.order_by(links.c.made_at.desc()))]


def count_failure(database: Database, token: str, address: str) -> None:
    """Count a link that was none, for the address it came from; apart from its sign-ins.

    Args:
        database: The book's.
        token: What was tried.
        address: Where it came from.

    Raises:
        TooManyTried: The address must wait.
    """
    name, where = f"link {digest_of(token[:_LONGEST])}", f"link {network_of(address)}"
    try:
        with database.unrecorded() as connection:
            begin(connection, name, where, database.clock())
    except TooManyAttempts as error:
        raise TooManyTried(error.retry_after_s) from None


def _kind(purpose: str) -> str:
    return "expected_report" if purpose == REPORT else purpose
