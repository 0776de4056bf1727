"""The server's round of monitoring: what is due is looked at, and incidents that nobody answered go up the ladder."""

from __future__ import annotations

import importlib
import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import select

from codman.errors import CodmanError
from codman.flows.house import House
from codman.flows.watch.incidents import pass_time
from codman.jobs.periods import Every
from codman.jobs.schedule import Job
from codman.jobs.schedule import run_due as run_jobs
from codman.jobs.worker import this_worker
from codman.registry.schema_watch import monitors
from codman.spine.watching import MonitorState

log: Final = logging.getLogger("codman.monitoring")

LOOKS_EVERY: Final = timedelta(minutes=10)
ESCALATES_EVERY: Final = timedelta(minutes=5)


def monitoring_jobs(house: House, ended: Callable[[], bool] = lambda: False) -> tuple[Job, ...]:
    """What monitoring does by the clock, in a thread of its own: a look may take a while."""
    return (
        Job("monitoring", Every(LOOKS_EVERY), lambda _slot: look_at_what_is_due(house, ended)),
        Job("incidents", Every(ESCALATES_EVERY), lambda _slot: pass_time(house)),
    )


def monitoring_round(house: House, ended: Callable[[], bool] = lambda: False) -> None:
    """One round: do what is due, and if that cannot be, say so and leave it to the next."""
    database = house.database
    try:
        jobs = monitoring_jobs(house, ended)
        run_jobs(database.unrecorded, database.reading, jobs, database.clock, this_worker(), ended=ended)
    except CodmanError as error:
        log.warning("monitoring was not looked through: %s", type(error).__name__)


def look_at_what_is_due(house: House, ended: Callable[[], bool] = lambda: False) -> None:
    """Look at what is due, and say how much it was."""
    active = select(monitors.c.id).where(monitors.c.state == MonitorState.ACTIVE.value).limit(1)
    with house.database.reading() as connection:
        if connection.execute(active).first() is None:
            return
    # loaded now: the engines take as long as the whole server does to start
    running: Any = importlib.import_module("codman.flows.watch.running")
    ran = running.run_due(house, ended=ended)
    if ran.looked or ran.signals:
        log.info(
            "%d windows looked at, %d signals, %d incidents", len(ran.looked), len(ran.signals), len(ran.incidents)
        )
