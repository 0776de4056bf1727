"""Days of a schedule: worked by hand, and what holds for every schedule."""

from __future__ import annotations

from datetime import date
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codman.flows.reporting.calendar import Period, Standing, days_after, months_after, periods, standing
from codman.flows.reporting.expecting import step_on
from codman.spine.partner_report import ExpectedReportFields, ReportState, ScheduleFields


def schedule(first_due: str = "2026-01-31", every_months: int = 3, days_to_report: int = 0) -> ScheduleFields:
    return ScheduleFields(
        use="ward",
        partner="vendor",
        partner_name="Vendor 1",
        owner="p-owner",
        every_months=every_months,
        first_due=first_due,
        days_to_report=days_to_report,
    )


def report(**changes: object) -> ExpectedReportFields:
    given_ = {
        "schedule": "s",
        "use": "ward",
        "period_start": "2026-01-01",
        "period_end": "2026-04-01",
        "due_on": "2026-04-01",
    }
    return ExpectedReportFields.model_validate(given_ | changes)


def test_a_report_is_due_some_days_after_its_period_is_over():
    quarters = list(periods(schedule("2026-04-15", 3, days_to_report=14), "2026-08-01"))

    assert quarters == [
        Period("2026-01-01", "2026-04-01", "2026-04-15"),
        Period("2026-04-01", "2026-07-01", "2026-07-15"),
    ]


def test_a_day_that_a_month_does_not_have_is_its_last_and_the_next_is_whole_again():
    assert list(periods(schedule(), "2026-10-31")) == [
        Period("2025-10-31", "2026-01-31", "2026-01-31"),
        Period("2026-01-31", "2026-04-30", "2026-04-30"),
        Period("2026-04-30", "2026-07-31", "2026-07-31"),
        Period("2026-07-31", "2026-10-31", "2026-10-31"),
    ]
    assert months_after(date(2024, 2, 29), 12) == date(2025, 2, 28)


@given(st.dates(date(2020, 1, 1), date(2030, 12, 31)), st.integers(1, 60), st.integers(0, 4000))
def test_periods_follow_one_another_without_a_gap(first: date, every: int, days: int):
    until = days_after(first.isoformat(), days)
    found = list(periods(schedule(first.isoformat(), every), until))
    assert found[0].due_on == first.isoformat()
    assert all(before.end == after.start for before, after in pairwise(found))
    assert all(one.start < one.end == one.due_on <= until for one in found)


@pytest.mark.parametrize(
    ("today", "stands"),
    [
        ("2026-03-31", Standing.EXPECTED),
        ("2026-04-01", Standing.EXPECTED),
        ("2026-04-02", Standing.LATE),
        ("2026-04-15", Standing.LATE),
        ("2026-04-16", Standing.MISSING),
        ("2031-01-01", Standing.MISSING),
    ],
)
def test_a_report_is_late_within_its_grace_and_missing_after_it(today: str, stands: Standing):
    assert standing(report(), 14, today) is stands


def test_a_report_that_came_stands_whatever_the_day_and_says_whether_it_was_late():
    came = {"state": ReportState.RECEIVED, "way": "form"}
    in_time = report(**came, received_at="2026-04-01T23:00:00Z")
    late = report(**came, received_at="2026-04-02T00:00:01Z")
    assert standing(in_time, 0, "2030-01-01") is Standing.RECEIVED
    assert standing(late, 0, "2030-01-01") is Standing.RECEIVED_LATE
    assert standing(report(state="excused"), 0, "2030-01-01") is Standing.EXCUSED


@pytest.mark.parametrize(
    ("today", "step"),
    [("2026-03-17", 0), ("2026-03-18", 1), ("2026-04-01", 1), ("2026-04-02", 2), ("2026-04-15", 2), ("2026-04-16", 3)],
)
def test_reminders_go_two_weeks_before_the_day_after_it_and_when_it_is_missing(today: str, step: int):
    assert step_on("2026-04-01", 14, today) == step


def test_without_grace_a_report_is_missing_on_the_day_after():
    assert step_on("2026-04-01", 0, "2026-04-02") == 3
    assert standing(report(), 0, "2026-04-02") is Standing.MISSING


@pytest.mark.parametrize(
    ("zone", "last", "over"),
    [
        ("America/Chicago", "2026-04-02T04:59:59Z", "2026-04-02T05:00:00Z"),
        ("Pacific/Auckland", "2026-04-01T10:59:59Z", "2026-04-01T11:00:00Z"),
    ],
)
def test_a_report_is_in_time_until_its_day_is_over_where_the_house_is(zone: str, last: str, over: str):
    came = {"state": ReportState.RECEIVED, "way": "form"}
    there = ZoneInfo(zone)
    assert standing(report(**came, received_at=last), 0, "2030-01-01", there) is Standing.RECEIVED
    assert standing(report(**came, received_at=over), 0, "2030-01-01", there) is Standing.RECEIVED_LATE
