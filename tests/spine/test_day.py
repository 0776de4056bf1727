"""Days of a zone, and the moments at which they begin and end."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from codman.spine.day import day_in, end_of, start_of

AUCKLAND, CHICAGO = ZoneInfo("Pacific/Auckland"), ZoneInfo("America/Chicago")


def test_one_moment_is_another_day_east_and_west_of_utc():
    assert day_in("2026-11-20T23:30:00Z", AUCKLAND) == date(2026, 11, 21)
    assert day_in("2026-11-20T23:30:00Z", UTC) == date(2026, 11, 20)
    assert day_in("2026-11-21T05:59:59Z", CHICAGO) == date(2026, 11, 20)
    assert day_in(datetime(2026, 11, 21, 6, tzinfo=UTC), CHICAGO) == date(2026, 11, 21)


def test_a_day_begins_and_ends_at_midnight_of_its_zone():
    assert start_of("2026-11-20", CHICAGO) == datetime(2026, 11, 20, 6, tzinfo=UTC)
    assert end_of("2026-11-20", CHICAGO) == datetime(2026, 11, 21, 5, 59, 59, 999999, tzinfo=UTC)
    assert start_of("2026-11-20", AUCKLAND) == datetime(2026, 11, 19, 11, tzinfo=UTC)


def test_the_day_on_which_clocks_go_back_has_25_hours():
    first, last = start_of("2026-11-01", CHICAGO), end_of("2026-11-01", CHICAGO)

    assert (first.astimezone(UTC), last) == (
        datetime(2026, 11, 1, 5, tzinfo=UTC),
        datetime(2026, 11, 2, 5, 59, 59, 999999, tzinfo=UTC),
    )


@given(
    st.dates(date(1990, 1, 1), date(2090, 1, 1)), st.sampled_from(["Asia/Kolkata", "Pacific/Auckland", "Etc/GMT+11"])
)
def test_the_first_and_the_last_moment_of_a_day_are_of_that_day(day, name):
    zone = ZoneInfo(name)

    assert day_in(start_of(day, zone), zone) == day_in(end_of(day, zone), zone) == day
