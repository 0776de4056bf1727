"""Leases: one holder at a time, for a while; who was thought dead and comes back finds that its word counts no more.

A lease ends by the clock, and clocks differ: it can be taken over only SKEW after its end. Where that does not hold, or
a holder was asleep, the token does: each new holder gets a larger one, and what is written under an older is refused.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, func, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from codman.errors import CodmanError
from codman.jobs.tables import leases
from codman.jobs.times import SKEW, WRONG, Clock, instant

Begin = Callable[[], AbstractContextManager[Connection]]  # opens a write that stands when its block ends


class LeaseLost(CodmanError):
    """Work on which somebody else has a lease by now."""

    def __init__(self, name: str) -> None:
        super().__init__(
            what=f"the lease on {name} was lost",
            why="it ended before the work did, and another took it",
            fix="nothing: what the other does counts",
        )


@dataclass(frozen=True, slots=True)
class Lease:
    """A right to do something alone, for a while."""

    name: str
    holder: str
    token: int  # larger than everyone's before
    ends_at: datetime


def take(connection: Connection, name: str, holder: str, now: datetime, seconds: float) -> Lease | None:
    """Take a lease that nobody holds.

    Args:
        connection: In a write.
        name: What it is on.
        holder: Who takes it.
        now: The time.
        seconds: For how long.

    Returns:
        The lease; None where somebody holds it.
    """
    fresh = {"name": name, "holder": holder, "token": 0, "taken_at": instant(now), "ends_at": None}
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    connection.execute(dialect.insert(leases).values(fresh).on_conflict_do_nothing())
    ends_at = now + timedelta(seconds=seconds)
    token = connection.execute(
        update(leases)
        .where(leases.c.name == name, is_over(leases.c.ends_at, leases.c.taken_at, now))
        .values(holder=holder, token=leases.c.token + 1, taken_at=instant(now), ends_at=instant(ends_at))
        .returning(leases.c.token)
    ).scalar_one_or_none()
    return None if token is None else Lease(name, holder, token, ends_at)


def is_over(
    ends_at: ColumnElement[str | None], taken_at: ColumnElement[str | None], now: datetime
) -> ColumnElement[bool]:
    """Whether a lease may be taken over: never taken, given back, over on every clock, or by a clock that was wrong."""
    return or_(ends_at.is_(None), ends_at < instant(now - SKEW), taken_at > instant(now + WRONG))


def renew(connection: Connection, lease: Lease, now: datetime, seconds: float) -> Lease:
    """Hold it for longer.

    Raises:
        LeaseLost: Somebody else has it.
    """
    ends_at = now + timedelta(seconds=seconds)
    done = connection.execute(
        update(leases).where(_is(lease)).values(taken_at=instant(now), ends_at=instant(ends_at))
    ).rowcount
    if not done:
        raise LeaseLost(lease.name)
    return replace(lease, ends_at=ends_at)


def require_held(connection: Connection, lease: Lease) -> None:
    """Refuse a write in the name of a lease that another holds; nobody can take it before this write stands.

    Raises:
        LeaseLost: Somebody else has it.
    """
    if connection.execute(select(leases.c.token).where(_is(lease)).with_for_update()).one_or_none() is None:
        raise LeaseLost(lease.name)


def give_back(connection: Connection, lease: Lease) -> None:
    """Let it go, so that the next need not wait for its end; nothing where another has it."""
    connection.execute(update(leases).where(_is(lease)).values(ends_at=None))


def held(connection: Connection, now: datetime) -> int:
    """How many leases are held."""
    return connection.execute(select(func.count()).where(leases.c.ends_at > instant(now))).scalar_one()


@contextmanager
def keeping(begin: Begin, lease: Lease, clock: Clock, seconds: float) -> Iterator[threading.Event]:
    """Renew a lease in the background until the block ends, however long the work takes.

    Yields:
        Set when the lease was lost: work that can stop should.
    """
    end, lost = threading.Event(), threading.Event()

    def renewing() -> None:
        while not end.wait(seconds / 3):
            try:
                with begin() as connection:
                    renew(connection, lease, clock(), seconds)
            except LeaseLost:
                lost.set()
                return
            except CodmanError:
                continue  # the database is away: two more thirds to come back in

    thread = threading.Thread(target=renewing, name=f"lease {lease.name}", daemon=True)
    thread.start()
    try:
        yield lost
    finally:
        end.set()
        thread.join(timeout=seconds)


def _is(lease: Lease) -> ColumnElement[bool]:
    held = leases.c.ends_at.is_not(None) & (leases.c.holder == lease.holder)
    return (leases.c.name == lease.name) & (leases.c.token == lease.token) & held
