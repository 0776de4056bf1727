"""figures: what the house tells a monitoring system of itself, read when it is asked for."""

from __future__ import annotations

import logging
import platform
import shutil
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from sqlalchemy import Connection, func, select, text
from sqlalchemy.pool import QueuePool

from codman import __version__
from codman.errors import CodmanError
from codman.flows.house import House
from codman.flows.operations.backups import last_backup
from codman.flows.schedule import every_job
from codman.jobs.leases import held
from codman.jobs.outbox import queue
from codman.jobs.schedule import states
from codman.jobs.times import read_instant
from codman.registry.log import size_of
from codman.registry.schema import statements
from codman.spine.statement import Kind
from codman.telemetry import OTHER, Figure

log: Final = logging.getLogger("codman.operations")

Source = Callable[[House], Iterable[Figure]]
_STANDINGS: Final = frozenset({"verified", "claim"})
_KINDS: Final = frozenset(kind.value for kind in Kind)


def figures(house: House) -> list[Figure]:
    """What the house says when it is asked; a source that fails leaves its own out, and is counted."""
    found: list[Figure] = []
    failed: dict[str, float] = {}
    for name, source in SOURCES.items():
        try:
            found += source(house)
            failed[name] = 0.0
        except (CodmanError, OSError) as error:
            failed[name] = 1.0
            log.warning("the figures of %s could not be read: %s", name, type(error).__name__)
    found.append(_gauge("codman_source_failed", "1 where a group of figures could not be read", failed, "source"))
    return found


def build(house: House) -> Iterable[Figure]:
    """What runs here."""
    words = (__version__, platform.python_version(), house.database.engine.dialect.name)
    yield Figure("codman_build_info", "gauge", "What runs here", {words: 1.0}, ("version", "python", "database"))


def database(house: House) -> Iterable[Figure]:
    """How fast the database answers, and how large it is."""
    began = time.perf_counter()
    with house.database.reading() as connection:
        entries = size_of(connection)
        answered = time.perf_counter() - began
        size = _size(house, connection)
    yield _one("codman_database_answer_seconds", "How long a short question took just now", answered)
    yield _one("codman_audit_log_entries", "Entries of the audit log", entries)
    if size is not None:
        yield _one("codman_database_bytes", "Size of the database", size)


def pool(house: House) -> Iterable[Figure]:
    """How many connections to the database there are."""
    made = house.database.engine.pool
    if isinstance(made, QueuePool):
        counts = {"in_use": float(made.checkedout()), "idle": float(made.checkedin())}
        yield _gauge("codman_database_connections", "Connections to the database", counts, "state")


def outbox(house: House) -> Iterable[Figure]:
    """How the outbox stands."""
    with house.database.reading() as connection:
        now = queue(connection, house.notifiers, house.database.clock())
    samples = {"waiting": float(now.waiting), "parked": float(now.parked), "sent": float(now.sent)}
    yield _gauge("codman_outbox_messages", "Messages of the outbox, each in one state", samples, "state")
    yield _one("codman_outbox_failing", "Waiting messages that were tried in vain so far", now.failing)
    yield _one("codman_outbox_unsendable", "Waiting messages for a way that is not set up", now.unsendable)
    yield _one("codman_outbox_oldest_seconds", "Age of the oldest message that waits", now.lag_s)


def leases(house: House) -> Iterable[Figure]:
    """How many leases are held."""
    with house.database.reading() as connection:
        yield _one("codman_leases_held", "Leases that are held now", held(connection, house.database.clock()))


def schedule(house: House) -> Iterable[Figure]:
    """How the jobs by the clock stand."""
    with house.database.reading() as connection:
        found = states(connection, every_job(house), house.database.clock())
    ran = {one.job: read_instant(one.ran_at).timestamp() for one in found if one.ran_at is not None}
    yield _gauge("codman_job_last_run_timestamp_seconds", "When a job was last done", ran, "job")
    yield _gauge("codman_job_lag_seconds", "Since a job is due", {one.job: one.lag_s for one in found}, "job")
    tried = {one.job: float(one.attempts) for one in found}
    yield _gauge("codman_job_failures", "Tries of a job that failed since it was last done", tried, "job")


def rounds(house: House) -> Iterable[Figure]:
    """When the server's rounds last ended."""
    yield _gauge("codman_round_last_timestamp_seconds", "When a round last ended", house.beats.last(), "round")


def evidence(house: House) -> Iterable[Figure]:
    """What is filed."""
    query = select(statements.c.kind, statements.c.standing, func.count()).group_by(
        statements.c.kind, statements.c.standing
    )
    samples: dict[tuple[str, ...], float] = {}
    with house.database.reading() as connection:
        for kind, standing, count in connection.execute(query):
            key = (kind if kind in _KINDS else OTHER, standing if standing in _STANDINGS else OTHER)
            samples[key] = samples.get(key, 0.0) + count
    says = "Statements that are filed"
    yield Figure("codman_evidence_statements", "gauge", says, samples, ("kind", "standing"))


def disk(house: House) -> Iterable[Figure]:
    """How much room is left."""
    found = shutil.disk_usage(house.settings.workspace)
    samples = {"free": float(found.free), "total": float(found.total)}
    yield _gauge("codman_disk_bytes", "The disk of the workspace", samples, "state")


def backup(house: House) -> Iterable[Figure]:
    """When the last backup was made; no such figure before the first."""
    at = last_backup(house)
    if at is not None:
        yield _one("codman_backup_last_timestamp_seconds", "When the last backup was made", at.timestamp())


# A new group: its function and a line here. What it counts carries words of the code as labels, nothing else.
SOURCES: Final[Mapping[str, Source]] = {
    "build": build,
    "database": database,
    "pool": pool,
    "outbox": outbox,
    "leases": leases,
    "schedule": schedule,
    "rounds": rounds,
    "evidence": evidence,
    "disk": disk,
    "backup": backup,
}


def _one(name: str, says: str, value: float) -> Figure:
    return Figure(name, "gauge", says, {(): float(value)})


def _gauge(name: str, says: str, samples: Mapping[str, float], label: str) -> Figure:
    return Figure(name, "gauge", says, {(word,): value for word, value in samples.items()}, (label,))


def _size(house: House, connection: Connection) -> int | None:
    if not house.database.sqlite:
        return int(connection.execute(text("SELECT pg_database_size(current_database())")).scalar_one())
    if house.database.file is None:
        return None
    names = (house.database.file, house.database.file.with_name(house.database.file.name + "-wal"))
    return sum(path.stat().st_size for path in names if path.exists())
