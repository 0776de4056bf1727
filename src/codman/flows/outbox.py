"""outbox: what the house owes others is sent, by whichever of its servers comes first; and how that stands."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from codman.errors import CodmanError
from codman.flows.concerns.tickets import keep_numbers
from codman.flows.house import House
from codman.flows.reporting.letters import opening_links
from codman.flows.schedule import every_job
from codman.flows.watch.aliases import MLFLOW, LooksFirst, keep_aliases
from codman.jobs.notice import Notice
from codman.jobs.outbox import Parked, Queue, enqueue, parked, queue, send_again
from codman.jobs.schedule import JobState, states
from codman.jobs.worker import Delivered, Worker
from codman.registry.access import Reader, require
from codman.registry.database import Change
from codman.registry.log import Entry

log: Final = logging.getLogger("codman.outbox")

READ: Final = "outbox.read"
SEND: Final = "outbox.send"


@dataclass(frozen=True, slots=True)
class Standing:
    """What waits to be sent or done, for a status page."""

    ways: tuple[str, ...]  # that are set up
    queue: Queue
    jobs: tuple[JobState, ...]


def tell(change: Change, kind: str, to: str, notice: Notice, key: str) -> bool:
    """Have somebody told of a change, if and only if it stands.

    Args:
        change: The change.
        kind: `mail`, `webhook`, `servicenow`, `jira`; what is not set up waits until it is.
        to: Whom.
        notice: What; nobody's own words.
        key: What it is about, whom it tells and when: the same key again is the same message.

    Returns:
        Whether it is a new message.

    Raises:
        BadMessage: The receiver or the key is no line of text.
    """
    return enqueue(change.connection, kind, to, notice, key, at=change.at)


def deliver_due(house: House, ended: Callable[[], bool] = lambda: False) -> Delivered:
    """Send what is due.

    Raises:
        Unreachable: The database does not answer.
    """
    database = house.database
    ways = dict(opening_links(house))
    if MLFLOW in ways:
        ways[MLFLOW] = LooksFirst(ways[MLFLOW], database)
    return Worker(database.unrecorded, database.reading, ways, database.clock).deliver(ended)


def outbox_round(house: House, ended: Callable[[], bool] = lambda: False) -> Delivered:
    """One round of the server: send what is due, and if that cannot be, say so and leave it to the next."""
    try:
        delivered = deliver_due(house, ended)
        keep_numbers(house)
        keep_aliases(house)
        return delivered
    except CodmanError as error:
        log.warning("the outbox was not looked through: %s", type(error).__name__)
        return Delivered()


def standing(house: House) -> Standing:
    """How many messages wait and for how long, how many were given up, and which jobs are behind.

    Raises:
        DatabaseAway: It does not answer.
    """
    now = house.database.clock()
    with house.database.reading() as connection:
        return Standing(
            tuple(sorted(house.notifiers)),
            queue(connection, house.notifiers, now),
            tuple(states(connection, every_job(house), now)),
        )


def given_up(house: House, reader: Reader) -> list[Parked]:
    """The messages that were given up, newest first.

    Raises:
        NotAllowed: The reader may not see them.
    """
    require(reader, READ)
    with house.database.reading() as connection:
        return parked(connection)


def try_again(house: House, reader: Reader, id: str) -> None:  # noqa: A002  the record's name
    """Send a message that was given up, under the name by which its receiver may know it.

    Raises:
        NotAllowed: The reader may not.
        NoSuchMessage: It was not given up.
    """
    require(reader, SEND)
    with house.database.changing(reader.author()) as change:
        send_again(change.connection, id)
        change.record(Entry(SEND, "message", id))
