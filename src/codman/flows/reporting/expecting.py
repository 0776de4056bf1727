"""look: write down the reports that come due, remind whoever owes one, tell the house of those that do not come."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from sqlalchemy import ColumnElement, Connection, select

from codman.errors import Unreachable
from codman.flows.house import House
from codman.flows.reporting.calendar import AHEAD_DAYS, days_after, last_day, periods
from codman.flows.reporting.letters import called, reminder, secret_of, to_the_house
from codman.flows.reporting.schedules import expect, running
from codman.jobs.outbox import enqueue
from codman.registry import governance
from codman.registry.database import Change
from codman.registry.governance import EXPECTED_REPORTS, SCHEDULES
from codman.registry.inventory import paths_of
from codman.registry.links import REPORT, make_link
from codman.registry.log import SYSTEM
from codman.registry.nouns import PEOPLE, USES
from codman.registry.officers import officers_for
from codman.registry.schema_review import expected_reports
from codman.spine.partner_report import LINK_DAYS, ExpectedReport, ReportState, Schedule

BEFORE_DAYS: Final = 14
_MAIL: Final = "mail"
_OVERDUE: Final = 2  # steps: soon, overdue, missing
_MISSING: Final = 3


@dataclass(frozen=True, slots=True)
class Looked:
    """What a look at the schedules brought."""

    expected: int = 0  # reports written down
    reminded: int = 0  # whoever owes one was told
    escalated: int = 0  # the office was told


def look(house: House, now: str | None = None) -> Looked:
    """Do what the day asks for; again on the same day, it changes nothing.

    A server that was stopped sends the newest reminder of each report, not all it missed. Each report is a change of
    its own: one that nobody can be told of holds up none of the others.

    Args:
        house: The open house.
        now: The day, ISO 8601; today without.
    """
    today = now or house.database.today().isoformat()
    expected = reminded = escalated = 0
    with house.database.reading() as connection:
        lacking = bool(_lacking(connection, today))
    if lacking:
        with house.database.changing(SYSTEM, "reports looked at") as change:
            expected = sum(expect(change, schedule, today) for schedule in _lacking(change.connection, today))
    with house.database.reading() as connection:
        waiting = [report.id for report, _schedule, _step in _to_tell(connection, today)]
    faults: list[Exception] = []
    for name in waiting:
        try:
            asked, told = _tell_of(house, name, today)
        except Unreachable:
            raise  # the job is tried again later, and tells of the others then
        except Exception as error:  # noqa: BLE001 - raised once the others are told of
            faults.append(error)
        else:
            reminded, escalated = reminded + asked, escalated + told
    if faults:
        raise faults[0]
    return Looked(expected, reminded, escalated)


def step_on(due_on: str, grace_days: int, today: str) -> int:
    """How many reminders a report that has not come should have had by a day: soon, overdue, missing."""
    if today > last_day(due_on, grace_days):
        return _MISSING
    if today > due_on:
        return _OVERDUE
    return 1 if today >= days_after(due_on, -BEFORE_DAYS) else 0


def _lacking(connection: Connection, today: str) -> list[Schedule]:
    there: dict[str, set[str]] = {}
    for row in connection.execute(select(expected_reports.c.schedule, expected_reports.c.period_start)):
        there.setdefault(row.schedule, set()).add(row.period_start)
    until = days_after(today, AHEAD_DAYS)
    return [
        schedule
        for schedule in running(connection)
        if any(period.start not in there.get(schedule.id, ()) for period in periods(schedule, until))
    ]


def _tell_of(house: House, name: str, today: str) -> tuple[bool, bool]:
    with house.database.changing(SYSTEM, "reports looked at") as change:
        for report, schedule, step in _to_tell(change.connection, today, expected_reports.c.id == name):
            return _remind(house, change, report, schedule, step)
    return False, False  # another server was first


def _to_tell(
    connection: Connection, today: str, *which: ColumnElement[bool]
) -> list[tuple[ExpectedReport, Schedule, int]]:
    soon = days_after(today, BEFORE_DAYS)
    waiting: list[ExpectedReport] = governance.every(
        connection,
        "expected_report",
        expected_reports.c.state == ReportState.DUE.value,
        expected_reports.c.due_on <= soon,
        expected_reports.c.reminded < _MISSING,
        *which,
        order="due_on",
    )
    schedules = SCHEDULES.get_many(connection, (report.schedule for report in waiting))
    steps = [(one, schedules[one.schedule], _step(one, schedules, today)) for one in waiting]
    return [(report, schedule, step) for report, schedule, step in steps if step > report.reminded]


def _step(report: ExpectedReport, schedules: dict[str, Schedule], today: str) -> int:
    return step_on(report.due_on, schedules[report.schedule].grace_days, today)


def _remind(house: House, change: Change, report: ExpectedReport, schedule: Schedule, step: int) -> tuple[bool, bool]:
    key = f"report/{report.id}/{step}"
    use = USES.get(change.connection, report.use)
    if schedule.email is not None:
        link = make_link(change, secret_of(house), REPORT, report.id, timedelta(days=LINK_DAYS), made_by=None)
        letter = reminder(house, report, called(change.connection, report.use), link, overdue=step >= _OVERDUE)
        enqueue(change.connection, _MAIL, schedule.email, letter, f"{key}/partner", at=change.at)
    done: dict[str, object] = {"reminded": step}
    asked = schedule.email is not None
    if step >= _OVERDUE:
        missing = step >= _MISSING
        notice = to_the_house(house, report, use.name, schedule, missing=missing, asked=asked)
        owner = PEOPLE.get(change.connection, schedule.owner)
        told = {owner.id: owner.email}
        if missing:
            paths = paths_of(change.connection, use)
            told |= {one.id: one.email for one in officers_for(change.connection, paths)}
            done["escalated_at"] = change.at
        for person, email in told.items():
            if email is not None:
                enqueue(change.connection, _MAIL, email, notice, f"{key}/{person}", at=change.at)
    EXPECTED_REPORTS.change(change, report.id, done, None)
    return asked, "escalated_at" in done
