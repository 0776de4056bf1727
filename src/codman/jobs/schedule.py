"""Jobs by the clock: each once in a slot of its period, by one runner, and again if the runner died or failed."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Row, select, update
from sqlalchemy.dialects import postgresql, sqlite

from codman.errors import BadInput, CodmanError
from codman.jobs.backoff import wait_s
from codman.jobs.leases import Begin, Lease, LeaseLost, give_back, keeping, require_held, take
from codman.jobs.periods import Period
from codman.jobs.tables import schedule
from codman.jobs.times import WRONG, Clock, instant
from codman.telemetry import JOB_RUNS, JOBS, tracer

log: Final = logging.getLogger("codman.schedule")

LEASE_S: Final = 120.0
_FIRST_RETRY_S: Final = 60.0
_LONGEST_RETRY_S: Final = 3600.0


@dataclass(frozen=True, slots=True)
class Job:
    """Something to be done again and again.

    `work` is given the slot it runs for. It may be begun twice for one slot, after a crash or a failure, so what it
    does carries the slot: a message's key, a record's name.
    """

    name: str
    period: Period
    work: Callable[[str], object]
    lease_s: float = LEASE_S  # renewed while it runs


@dataclass(frozen=True, slots=True)
class Ran:
    """What became of one job."""

    job: str
    slot: str
    trouble: str | None  # why it failed; None is done


@dataclass(frozen=True, slots=True)
class JobState:
    """How a job stands, for a status page."""

    job: str
    slot: str | None  # the newest that was done
    ran_at: str | None
    due: bool
    attempts: int  # that failed since
    trouble: str | None
    lag_s: float = 0.0  # since it fell due, waiting for its next try included


class NoSuchJob(BadInput):
    """A job that is not there, or that did not fail."""

    def __init__(self, name: str) -> None:
        super().__init__(
            what=f"there is no failed job {name[:100]!r}",
            why="it was done meanwhile, or it is none of this house's",
            fix="look at the status page again",
        )


def due(connection: Connection, jobs: Iterable[Job], now: datetime) -> list[Job]:
    """The jobs that have not been done in the slot this time is in, and are not waiting to be tried again."""
    rows = _rows(connection)
    return [job for job in jobs if _is_due(job, rows.get(job.name), now)]


def states(connection: Connection, jobs: Iterable[Job], now: datetime) -> list[JobState]:
    """How each job stands."""
    rows = _rows(connection)
    found = []
    for job in jobs:
        row = rows.get(job.name)
        kept = (row.slot, row.ran_at, row.attempts, row.trouble) if row is not None else (None, None, 0, None)
        slot, ran_at, attempts, trouble = kept
        lag = 0.0 if _is_done(job, row, now) else max(0.0, (now - job.period.began(now)).total_seconds())
        found.append(JobState(job.name, slot, ran_at, _is_due(job, row, now), attempts, trouble, lag))
    return found


def try_now(connection: Connection, name: str) -> None:
    """Have a job that failed tried again at once, without the wait that grew with each failure.

    Raises:
        NoSuchJob: It did not fail.
    """
    failed = update(schedule).where(schedule.c.job == name, schedule.c.attempts > 0)
    if not connection.execute(failed.values(retry_at=None)).rowcount:
        raise NoSuchJob(name)


def run_due(
    begin: Begin,
    look: Begin,
    jobs: Iterable[Job],
    clock: Clock,
    holder: str,
    chance: Callable[[], float] = lambda: 0.5,
    ended: Callable[[], bool] = lambda: False,
) -> list[Ran]:
    """Do what is due; what another is doing is left to them.

    Args:
        begin: Opens a write.
        look: Opens a reading.
        jobs: All there are.
        clock: Gives the time.
        holder: Who runs them.
        chance: Random numbers in [0, 1), which spread what is tried again.
        ended: Asked before each job; no further one is begun once it says so.

    Returns:
        What was run.

    Raises:
        Unreachable: The database does not answer.
    """
    jobs = tuple(jobs)
    JOBS.declare(job.name for job in jobs)
    with look() as connection:
        waiting = due(connection, jobs, clock())
    ran = []
    for job in waiting:
        if ended():
            break
        one = _run(begin, job, clock, holder, chance)
        if one is not None:
            ran.append(one)
    return ran


def _run(begin: Begin, job: Job, clock: Clock, holder: str, chance: Callable[[], float]) -> Ran | None:
    with begin() as connection:
        now = clock()
        lease = take(connection, f"schedule/{job.name}", holder, now, job.lease_s)
        if lease is None:
            return None
        # again, now that nobody else can run it: another may have done it meanwhile
        if not _is_due(job, _rows(connection).get(job.name), now):
            give_back(connection, lease)
            return None
    slot = job.period.slot(now)
    trouble: str | None = None
    began = time.perf_counter()
    with keeping(begin, lease, clock, job.lease_s), tracer().span(f"job {job.name}", "internal") as span:
        try:
            job.work(slot)
        except CodmanError as error:
            trouble = type(error).__name__
        except Exception as error:  # noqa: BLE001 - a fault in one job must not stop all the others
            trouble = f"a fault of our own: {type(error).__name__}"
        if trouble is not None:
            span.failed(trouble)
    seconds = time.perf_counter() - began
    try:
        with begin() as connection:
            _note(connection, lease, job, slot, clock(), trouble, chance())
    except LeaseLost:
        log.warning("the job %s took longer than its lease and was taken over", job.name)
        JOB_RUNS.observe(seconds, job.name, "overtaken")
        return None
    JOB_RUNS.observe(seconds, job.name, "done" if trouble is None else "failed")
    if trouble is not None:
        log.warning("the job %s failed: %s", job.name, trouble)
    return Ran(job.name, slot, trouble)


def _note(
    connection: Connection, lease: Lease, job: Job, slot: str, now: datetime, trouble: str | None, chance: float
) -> None:
    require_held(connection, lease)
    row = _rows(connection).get(job.name)
    attempts = (row.attempts if row is not None else 0) + 1
    noted: dict[str, Any]
    if trouble is None:
        noted = {"slot": slot, "ran_at": instant(now), "attempts": 0, "retry_at": None, "trouble": None}
    else:
        wait = wait_s(attempts, chance, first=_FIRST_RETRY_S, longest=_LONGEST_RETRY_S)
        retry_at = instant(now + timedelta(seconds=wait))
        noted = {"attempts": attempts, "failed_at": instant(now), "retry_at": retry_at, "trouble": trouble}
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    added = dialect.insert(schedule).values({"job": job.name, **noted})
    connection.execute(added.on_conflict_do_update(index_elements=["job"], set_=noted))
    give_back(connection, lease)


def _is_due(job: Job, row: Row[Any] | None, now: datetime) -> bool:
    if row is not None and row.attempts and row.retry_at is not None and instant(now) < row.retry_at:
        # but for a failure that a wrong clock wrote down far ahead of us
        return bool(row.failed_at > instant(now + WRONG))
    return not _is_done(job, row, now)


def _is_done(job: Job, row: Row[Any] | None, now: datetime) -> bool:
    """Whether it was done in the slot this time is in."""
    if row is None or row.slot is None:
        return False
    # a slot that not even a clock an hour ahead could be in was written by one that was wrong
    return bool(job.period.slot(now) <= row.slot <= job.period.slot(now + WRONG))


def _rows(connection: Connection) -> dict[str, Row[Any]]:
    return {row.job: row for row in connection.execute(select(schedule))}
