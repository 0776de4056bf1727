"""The outbox: messages written in the transaction of the change they are about, so that neither is without the other.

waiting → sent, or waiting → parked after TRIES attempts or a refusal; a person sends a parked one again or drops it.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from sqlalchemy import ColumnElement, Connection, Row, and_, func, literal_column, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from codman.errors import BadInput
from codman.jobs.backoff import TRIES, wait_s
from codman.jobs.leases import is_over
from codman.jobs.notice import Notice
from codman.jobs.notifier import Message
from codman.jobs.tables import outbox
from codman.jobs.times import WRONG, instant, read_instant

WAITING: Final = "waiting"
SENT: Final = "sent"
PARKED: Final = "parked"
DROPPED: Final = "dropped"
_LONGEST_KEY: Final = 300
_LONGEST: Final = 390


class BadMessage(BadInput):
    """A message that cannot be kept."""

    def __init__(self, why: str) -> None:
        super().__init__(
            what="a message was not queued",
            why=why,
            fix="give a receiver and a key, each one line of printable text",
        )


class NoSuchMessage(BadInput):
    """A message that is not parked, or not there."""

    def __init__(self, id: str) -> None:  # noqa: A002  the column's name
        super().__init__(
            what=f"there is no parked message {id[:64]!r}",
            why="it was sent, or it is still being tried, or it never was",
            fix="look at the list of parked messages",
        )


@dataclass(frozen=True, slots=True)
class Queue:
    """How the outbox stands, for a status page."""

    waiting: int  # to be sent
    failing: int  # of these, tried in vain so far
    unsendable: int  # of these, for a way out that is not set up
    lag_s: float  # age of the oldest that waits
    parked: int  # given up: a person must look
    sent: int


@dataclass(frozen=True, slots=True)
class Parked:
    """A message that was given up. Without its words: a status page needs none of them."""

    id: str
    kind: str
    to: str
    queued_at: str
    parked_at: str
    attempts: int
    trouble: str


def enqueue(connection: Connection, kind: str, to: str, body: Notice, key: str, *, at: str) -> bool:
    """Write a message down with the change it is about: it is sent if, and only if, the change stands.

    Args:
        connection: The change's own.
        kind: How it goes out: `mail`, `webhook`, `servicenow`, `jira`.
        to: Whom to: a mail address; for the others a name of ours, for people to read.
        body: What to say.
        key: What it is about, with whom it tells and when: the same key again is the same message.
        at: The change's time.

    Returns:
        Whether it is new; the first one under a key stands, whatever a later one says.

    Raises:
        BadMessage: The receiver or the key is empty, too long or no line of text.
    """
    for word, longest in ((to, _LONGEST), (key, _LONGEST_KEY)):
        if not word or len(word) > longest or not word.isprintable():
            raise BadMessage("its receiver or its key is empty, too long or no line of text")
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    # writers cross only outside changes, which the log's head puts in order: two may then share a number
    number = select(func.coalesce(func.max(outbox.c.number), 0) + 1).scalar_subquery()
    written = {
        "id": f"msg_{secrets.token_hex(16)}",
        "number": number,
        "key": key,
        "kind": kind,
        "recipient": to,
        "body": body.model_dump(mode="json"),
        "queued_at": at,
        "state": WAITING,
        "attempts": 0,
        "token": 0,
    }
    new = dialect.insert(outbox).values(written).on_conflict_do_nothing().returning(outbox.c.id)
    return connection.execute(new).one_or_none() is not None


def anything_due(connection: Connection, kinds: Collection[str], now: datetime) -> bool:
    """Whether there is something to send; reading is cheaper than taking a lease."""
    return connection.execute(select(outbox.c.id).where(_due(kinds, now)).limit(1)).one_or_none() is not None


def claim(connection: Connection, kinds: Collection[str], holder: str, now: datetime, seconds: float) -> Message | None:
    """Take the oldest message that is due and that nobody else is sending.

    The attempt is counted now: a message that ends the server whenever it is sent is parked like any other.

    Args:
        connection: In a write.
        kinds: What can be sent.
        holder: Who takes it.
        now: The time.
        seconds: For how long it is ours.

    Returns:
        The message; None where there is none.
    """
    while True:
        found = connection.execute(
            select(outbox)
            .where(_due(kinds, now))
            .order_by(outbox.c.number, outbox.c.id)
            .limit(1)
            .with_for_update(skip_locked=True)
        ).one_or_none()
        if found is None:
            return None
        if found.attempts < TRIES:
            break
        _settle(connection, found.id, found.token, PARKED, now, trouble="the server ended whenever it was sent")
    connection.execute(
        update(outbox)
        .where(outbox.c.id == found.id)
        .values(
            attempts=found.attempts + 1,
            tried_at=instant(now),
            holder=holder,
            token=found.token + 1,
            lease_ends_at=instant(now + timedelta(seconds=seconds)),
        )
    )
    return _message(found)


def mark_sent(connection: Connection, message: Message, now: datetime, reference: str | None = None) -> bool:
    """Note that a message was taken.

    Returns:
        Whether it was still ours; if not, who has it by now notes it.
    """
    return _settle(connection, message.id, message.token, SENT, now, reference=_short(reference))


def mark_failed(
    connection: Connection,
    message: Message,
    now: datetime,
    why: str,
    chance: float,
    *,
    again_in: float | None = None,
    for_good: bool = False,
) -> bool:
    """Note that an attempt failed: it is made again later, or the message is parked.

    Args:
        connection: In a write.
        message: Which.
        now: The time.
        why: What the receiver said.
        chance: A random number in [0, 1), which spreads attempts.
        again_in: Seconds the receiver asked for; the wait is at least that, and at most as long as any wait.
        for_good: It will never be taken.

    Returns:
        Whether it was still ours.
    """
    if for_good or message.attempt >= TRIES:
        return _settle(connection, message.id, message.token, PARKED, now, trouble=_short(why))
    wait = wait_s(message.attempt, chance)
    if again_in is not None:
        wait = max(wait, min(again_in, wait_s(TRIES, 1.0)))
    done = connection.execute(
        update(outbox)
        .where(_held(message.id, message.token))
        .values(due_at=instant(now + timedelta(seconds=wait)), lease_ends_at=None, holder=None, trouble=_short(why))
    )
    return bool(done.rowcount)


def parked(connection: Connection, most: int = 200) -> list[Parked]:
    """The messages that were given up, newest first."""
    rows = connection.execute(
        select(outbox).where(outbox.c.state == PARKED).order_by(outbox.c.number.desc(), outbox.c.id).limit(most)
    )
    return [
        Parked(r.id, r.kind, r.recipient, r.queued_at, r.settled_at, r.attempts, r.trouble or "it was not said")
        for r in rows
    ]


def send_again(connection: Connection, id: str) -> None:  # noqa: A002  the column's name
    """Try a parked message anew, under the name its receiver may know it by.

    Raises:
        NoSuchMessage: It is not parked.
    """
    again = {"state": WAITING, "attempts": 0, "due_at": None, "settled_at": None, "lease_ends_at": None}
    done = connection.execute(update(outbox).where(outbox.c.id == id, outbox.c.state == PARKED).values(again))
    if not done.rowcount:
        raise NoSuchMessage(id)


def drop(connection: Connection, id: str) -> None:  # noqa: A002  the column's name
    """Give a parked message up for good; it stays under its key, so that it is never told again.

    Raises:
        NoSuchMessage: It is not parked.
    """
    gone = {"state": DROPPED, "body": None, "recipient": "(forgotten)"}
    done = connection.execute(update(outbox).where(outbox.c.id == id, outbox.c.state == PARKED).values(gone))
    if not done.rowcount:
        raise NoSuchMessage(id)


def queue(connection: Connection, kinds: Collection[str], now: datetime) -> Queue:
    """How the outbox stands.

    Args:
        connection: To read by.
        kinds: What can be sent.
        now: The time.
    """
    failing = outbox.c.attempts > literal_column("0")  # a parameter would be another one in each of its two places
    rows = connection.execute(
        select(outbox.c.state, outbox.c.kind, failing, func.count(), func.min(outbox.c.queued_at)).group_by(
            outbox.c.state, outbox.c.kind, failing
        )
    ).all()
    waiting = [row for row in rows if row[0] == WAITING]
    oldest = min((read_instant(row[4]) for row in waiting), default=now)
    return Queue(
        waiting=_sum(waiting),
        failing=_sum([row for row in waiting if row[2]]),
        unsendable=_sum([row for row in waiting if row[1] not in kinds]),
        lag_s=max(0.0, (now - oldest).total_seconds()),
        parked=_sum([row for row in rows if row[0] == PARKED]),
        sent=_sum([row for row in rows if row[0] == SENT]),
    )


def forget(connection: Connection, before: datetime) -> int:
    """Blank whom and what was told before a time; that it was stays, so that it is never told again.

    Returns:
        How many were blanked.
    """
    old = and_(outbox.c.state == SENT, outbox.c.settled_at < instant(before), outbox.c.body.is_not(None))
    return connection.execute(update(outbox).where(old).values(body=None, recipient="(forgotten)")).rowcount


def _due(kinds: Collection[str], now: datetime) -> ColumnElement[bool]:
    at = instant(now)
    return and_(
        outbox.c.state == WAITING,
        outbox.c.kind.in_(sorted(kinds)),
        is_over(outbox.c.lease_ends_at, outbox.c.tried_at, now),
        or_(outbox.c.due_at.is_(None), outbox.c.due_at <= at, outbox.c.tried_at > instant(now + WRONG)),
    )


def _held(id: str, token: int) -> ColumnElement[bool]:  # noqa: A002  the column's name
    return and_(outbox.c.id == id, outbox.c.token == token, outbox.c.state == WAITING)


def _settle(
    connection: Connection,
    id: str,  # noqa: A002  the column's name
    token: int,
    state: Literal["sent", "parked"],
    now: datetime,
    *,
    reference: str | None = None,
    trouble: str | None = None,
) -> bool:
    done = connection.execute(
        update(outbox)
        .where(_held(id, token))
        .values(
            state=state,
            settled_at=instant(now),
            lease_ends_at=None,
            holder=None,
            reference=reference,
            trouble=trouble,
        )
    )
    return bool(done.rowcount)


def _message(row: Row[Any]) -> Message:
    return Message(
        id=row.id,
        kind=row.kind,
        to=row.recipient,
        notice=Notice.model_validate(row.body),
        queued_at=read_instant(row.queued_at),
        attempt=row.attempts + 1,
        token=row.token + 1,
    )


def _sum(rows: Sequence[Sequence[Any]]) -> int:
    return sum(row[3] for row in rows)


def _short(text: str | None) -> str | None:
    return None if text is None else "".join(c if c.isprintable() else " " for c in text)[:_LONGEST]
