"""schedule: the jobs that a house does by the clock. A new one: one line in jobs_of."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import time, timedelta
from typing import Final

from codman.errors import CodmanError
from codman.flows.change_control import day_round
from codman.flows.concerns.looking import job as look_at_concerns
from codman.flows.digest import send_digests, tell_overdue
from codman.flows.house import House
from codman.flows.reporting.expecting import look as look_at_reports
from codman.flows.triage import triage_what_rose
from codman.flows.watch.rounds import monitoring_jobs
from codman.jobs.outbox import forget
from codman.jobs.periods import Daily, Every
from codman.jobs.schedule import Job, Ran, run_due
from codman.jobs.worker import this_worker

log: Final = logging.getLogger("codman.schedule")

NIGHT: Final = time(3)
MORNING: Final = time(6)
KEPT_DAYS: Final = 90  # whom and what was told; that it was told is kept for good


def jobs_of(house: House) -> tuple[Job, ...]:
    """Everything that is done by the clock."""
    return (
        Job("change-control", Daily(NIGHT, house.settings.zone), lambda _slot: change_the_day(house)),
        Job("triage", Daily(NIGHT, house.settings.zone), lambda _slot: triage_what_rose(house)),
        Job("forget-sent", Daily(NIGHT, house.settings.zone), lambda _slot: forget_sent(house)),
        Job("digest", Daily(MORNING, house.settings.zone), lambda day: send_digests(house, day)),
        Job("overdue", Daily(MORNING, house.settings.zone), lambda _slot: tell_overdue(house)),
        Job("reports", Every(timedelta(hours=1)), lambda _slot: look_at_reports(house)),
        look_at_concerns(house),
    )


def every_job(house: House) -> tuple[Job, ...]:
    """The same and those that have a thread of their own, for a status page."""
    return (*jobs_of(house), *monitoring_jobs(house))


def run_scheduled(house: House, ended: Callable[[], bool] = lambda: False) -> list[Ran]:
    """Do what is due; safe at any time and on any number of servers.

    Raises:
        Unreachable: The database does not answer.
    """
    database = house.database
    return run_due(database.unrecorded, database.reading, jobs_of(house), database.clock, this_worker(), ended=ended)


def schedule_round(house: House, ended: Callable[[], bool] = lambda: False) -> list[Ran]:
    """One round of the server: do what is due, and if that cannot be, say so and leave it to the next."""
    try:
        return run_scheduled(house, ended)
    except CodmanError as error:
        log.warning("the schedule was not looked through: %s", type(error).__name__)
        return []


def forget_sent(house: House) -> None:
    """Blank messages that were sent long ago."""
    with house.database.unrecorded() as connection:
        forget(connection, house.database.clock() - timedelta(days=KEPT_DAYS))


def change_the_day(house: House) -> None:
    """Look at what is in force, due or run out since today."""
    day_round(house)
