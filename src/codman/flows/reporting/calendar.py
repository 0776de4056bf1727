"""Days of a schedule: which reports it expects, and how one stands on a day. Pure: a stopped server changes nothing."""

from __future__ import annotations

import calendar
from collections.abc import Iterator
from datetime import UTC, date, timedelta, tzinfo
from enum import StrEnum
from itertools import count
from typing import Final, NamedTuple

from codman.spine.day import day_in
from codman.spine.partner_report import ExpectedReportFields, ReportState, ScheduleFields

AHEAD_DAYS: Final = 60  # how long before its day a report stands in the book


class Standing(StrEnum):
    """How a report stands on a day. Missing is not reported, never nothing to report."""

    EXPECTED = "expected"  # its day has not passed
    LATE = "late"  # its day has passed, its grace has not
    MISSING = "missing"
    RECEIVED = "received"
    RECEIVED_LATE = "received late"
    EXCUSED = "excused"


class Period(NamedTuple):
    """What a report is about, and its day."""

    start: str
    end: str  # exclusive
    due_on: str


def periods(schedule: ScheduleFields, until: str) -> Iterator[Period]:
    """The periods of a schedule whose reports are due by a day, the first first.

    A report is due some days after its period ends, for nobody reports on days that are not over. A day that a month
    does not have is that month's last.

    Args:
        schedule: Its rhythm.
        until: The last day, ISO 8601.
    """
    to_report = timedelta(days=schedule.days_to_report)
    first = date.fromisoformat(schedule.first_due) - to_report
    for number in count():
        end = months_after(first, number * schedule.every_months)
        due = (end + to_report).isoformat()
        if due > until:
            return
        yield Period(months_after(first, (number - 1) * schedule.every_months).isoformat(), end.isoformat(), due)


def months_after(day: date, months: int) -> date:
    """The same day of another month, or that month's last."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def standing(report: ExpectedReportFields, grace_days: int, today: str, zone: tzinfo = UTC) -> Standing:
    """How a report stands on a day.

    Args:
        report: The report.
        grace_days: How many days after its day it is late, before it is missing.
        today: The day, ISO 8601.
        zone: By whose days it came in time or late.
    """
    if report.state is ReportState.EXCUSED:
        return Standing.EXCUSED
    if report.state is ReportState.RECEIVED:
        late = report.received_at is not None and day_in(report.received_at, zone).isoformat() > report.due_on
        return Standing.RECEIVED_LATE if late else Standing.RECEIVED
    if today <= report.due_on:
        return Standing.EXPECTED
    return Standing.LATE if today <= last_day(report.due_on, grace_days) else Standing.MISSING


def runs_until(report: ExpectedReportFields, today: str) -> str | None:
    """The last day of a report's period; None where the period is over."""
    return days_after(report.period_end, -1) if today < report.period_end else None


def last_day(due_on: str, grace_days: int) -> str:
    """The last day on which a report is late and not missing."""
    return days_after(due_on, grace_days)


def days_after(day: str, days: int) -> str:
    """A day some days later, or earlier."""
    return (date.fromisoformat(day) + timedelta(days=days)).isoformat()
