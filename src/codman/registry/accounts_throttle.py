"""The throttle of sign-in: each failure doubles the wait, for the account, the address, and the two together."""

from __future__ import annotations

import hashlib
import ipaddress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import ColumnElement, Connection, delete, func, insert, select, update

from codman.errors import CodmanError
from codman.registry.database import instant
from codman.registry.identifiers import new_id
from codman.registry.schema_accounts import attempts

LONGEST_WAIT_S: Final = 900
_WITHIN: Final = timedelta(hours=24)
_KEPT: Final = timedelta(days=90)

# How many failures pass before the first wait. An account alone has more than one address's own: who locks somebody
# out from elsewhere must not do it with five tries; a hospital's whole staff may come from one address.
_FREE: Final = {"both": 5, "account": 25, "address": 100}


class TooManyAttempts(CodmanError):
    """Too many failed sign-ins, for this account or from this address."""

    exit_code = 4

    def __init__(self, retry_after_s: int) -> None:
        super().__init__(
            what="too many sign-ins failed",
            why="each further one doubles the wait, for the account and for the address",
            fix=f"wait {retry_after_s} seconds and try again",
        )
        self.retry_after_s = retry_after_s


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try that was let through: a failure until it is forgiven."""

    id: str
    account: str
    address: str


def begin(connection: Connection, email: str, address: str, now: datetime) -> Attempt:
    """Count a try before it is judged, so that a hundred at once cannot slip by together.

    Args:
        connection: A write.
        email: Who they say they are; it need not exist.
        address: Where they come from.
        now: The time.

    Raises:
        TooManyAttempts: They must wait first; this try is not counted.
    """
    attempt = Attempt(new_id("attempt"), digest_of(email.strip().casefold()), digest_of(network_of(address)))
    of_account, of_address = attempts.c.account == attempt.account, attempts.c.address == attempt.address
    waits = [
        _wait(connection, "both", [of_account, of_address], now),
        _wait(connection, "account", [of_account], now),
        _wait(connection, "address", [of_address], now),
    ]
    if (wait := max(waits)) > 0:
        raise TooManyAttempts(wait)
    connection.execute(
        insert(attempts).values(id=attempt.id, account=attempt.account, address=attempt.address, at=instant(now))
    )
    return attempt


def forgive(connection: Connection, attempt: Attempt, now: datetime) -> None:
    """They came in: what this account failed from this address no longer counts."""
    connection.execute(
        update(attempts)
        .where(
            attempts.c.account == attempt.account,
            attempts.c.address == attempt.address,
            attempts.c.forgiven_at.is_(None),
        )
        .values(forgiven_at=instant(now))
    )
    connection.execute(delete(attempts).where(attempts.c.at < instant(now - _KEPT)))


def withdraw(connection: Connection, attempt: Attempt) -> None:
    """It was never judged: the server was busy."""
    connection.execute(delete(attempts).where(attempts.c.id == attempt.id))


def wait_after(failures: int, free: int) -> int:
    """Seconds to wait after so many failures: none while they are free, then 1, 2, 4 … to a quarter of an hour."""
    return 0 if failures < free else int(min(LONGEST_WAIT_S, 2 ** min(failures - free, 20)))


def digest_of(text: str) -> str:
    """A name as the tables keep it where they need only to know it again."""
    return hashlib.sha256(text.encode()).hexdigest()


def _wait(connection: Connection, what: str, which: list[ColumnElement[bool]], now: datetime) -> int:
    failures, last = connection.execute(
        select(func.count(), func.max(attempts.c.at)).where(
            *which, attempts.c.forgiven_at.is_(None), attempts.c.at > instant(now - _WITHIN)
        )
    ).one()
    if not failures:
        return 0
    until = datetime.fromisoformat(last) + timedelta(seconds=wait_after(failures, _FREE[what]))
    return max(0, -int((now - until).total_seconds() // 1))


def network_of(address: str) -> str:
    """The address, or its /64 in IPv6, which is one household's or one machine's."""
    try:
        known = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(known, ipaddress.IPv6Address):
        return str(known.ipv4_mapped or ipaddress.ip_network((known, 64), strict=False))
    return str(known)
