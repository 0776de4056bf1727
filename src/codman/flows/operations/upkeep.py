"""upkeep: how the house stands, for the status page, and what an administrator does about what failed."""

from __future__ import annotations

import platform
import shutil
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text

from codman import __version__
from codman.errors import BadInput
from codman.flows.house import House
from codman.flows.operations.backups import last_backup
from codman.jobs import outbox
from codman.jobs.schedule import try_now
from codman.registry.access import Reader, require
from codman.registry.log import Entry, size_of
from codman.registry.migrate import newest_step

DROP = "outbox.drop"
RUN = "job.run"
_SHORTEST = 10


class NoReason(BadInput):
    """A message that is dropped without a word why."""

    def __init__(self) -> None:
        super().__init__(
            what="the message was not dropped",
            why=f"the reason has fewer than {_SHORTEST} characters, and nobody will ever be told again what it said",
            fix="say in a sentence why it need not be sent",
        )


@dataclass(frozen=True, slots=True)
class Upkeep:
    """How the house stands, beside its outbox and its schedule."""

    backup_at: datetime | None  # the last that `codman backup` made
    free: int  # bytes of the workspace's disk
    total: int
    least_free: int  # below this the server says that it is not ready
    log_entries: int
    codman: str
    python: str
    database: str  # its kind and version
    step: str  # of the tables
    rounds_missing: tuple[str, ...]


def upkeep(house: House) -> Upkeep:
    """How the house stands.

    Raises:
        DatabaseAway: It does not answer.
    """
    sqlite = house.database.sqlite
    asked = "SELECT sqlite_version()" if sqlite else "SHOW server_version"
    with house.database.reading() as connection:
        version = str(connection.execute(text(asked)).scalar_one()).split()[0]
        entries = size_of(connection)
    room = shutil.disk_usage(house.settings.workspace)
    return Upkeep(
        backup_at=last_backup(house),
        free=room.free,
        total=room.total,
        least_free=house.settings.least_free_mb << 20,
        log_entries=entries,
        codman=__version__,
        python=platform.python_version(),
        database=f"{'SQLite' if sqlite else 'PostgreSQL'} {version}",
        step=newest_step(),
        rounds_missing=tuple(house.beats.missing()),
    )


def drop(house: House, reader: Reader, id: str, why: str) -> None:  # noqa: A002  the record's name
    """Give a parked message up for good.

    Args:
        house: The open house.
        reader: Who does; must hold `outbox.drop`.
        id: The message.
        why: The reason, kept beside the log.

    Raises:
        NotAllowed: The reader may not.
        NoReason: There is no reason.
        NoSuchMessage: It is not parked.
    """
    require(reader, DROP)
    if len(why.strip()) < _SHORTEST:
        raise NoReason
    with house.database.changing(reader.author(), why.strip()) as change:
        outbox.drop(change.connection, id)
        change.record(Entry(DROP, "message", id))


def run_again(house: House, reader: Reader, job: str) -> None:
    """Have a job that failed tried again by the next round, without the wait that grew with each failure.

    Raises:
        NotAllowed: The reader may not.
        NoSuchJob: It did not fail.
    """
    require(reader, RUN)
    with house.database.changing(reader.author()) as change:
        try_now(change.connection, job)
        change.record(Entry(RUN, "job", job))
