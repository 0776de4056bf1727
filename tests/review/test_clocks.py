"""By when a concern is seen, and on which work day a duty to report ends."""

from __future__ import annotations

from datetime import date, timedelta
from importlib.resources import files

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from codman.review.clocks import BadClocks, Holiday, clocks, read_clocks
from codman.spine.concern import ConcernSeverity

READY = clocks()
DAYS = st.dates(date(1990, 1, 1), date(2090, 12, 31))

# As the Office of Personnel Management lists the days on which federal offices are closed.
CLOSED = {
    2026: "01-01 01-19 02-16 05-25 06-19 07-03 09-07 10-12 11-11 11-26 12-25",
    2027: "01-01 01-18 02-15 05-31 06-18 07-05 09-06 10-11 11-11 11-25 12-24",
    2023: "01-02 01-16 02-20 05-29 06-19 07-04 09-04 10-09 11-10 11-23 12-25",
}


@pytest.mark.parametrize("year", CLOSED)
def test_federal_holidays_fall_on_the_days_that_offices_are_closed(year):
    days = [day.isoformat() for day in sorted(READY.holidays.kept_in(year))]
    assert days == [f"{year}-{day}" for day in CLOSED[year].split()]


def test_a_new_years_day_on_a_saturday_closes_the_last_day_of_the_year_before():
    assert date(2028, 1, 1).weekday() == 5
    assert not READY.holidays.is_work_day(date(2027, 12, 31))


def test_juneteenth_is_a_holiday_from_2021_on():
    assert READY.holidays.is_work_day(date(2020, 6, 19))
    assert not READY.holidays.is_work_day(date(2021, 6, 18))


def test_ten_work_days_pass_over_weekends_and_thanksgiving():
    # aware on Monday 16 November 2026: 17-20 are four, 23-25 seven, 27 eight (26 is Thanksgiving), 30 nine, 1 Dec. ten
    rule = READY.rule("21-cfr-803/user-facility-death")
    assert READY.due(rule, date(2026, 11, 16)) == date(2026, 12, 1)


def test_aware_on_a_weekend_the_count_begins_on_the_next_work_day():
    rule = READY.rule("21-cfr-803/user-facility-serious-injury")
    assert READY.due(rule, date(2026, 10, 3)) == READY.due(rule, date(2026, 10, 4)) == date(2026, 10, 19)


@given(DAYS, st.integers(1, 40))
def test_a_due_day_is_a_work_day_and_exactly_so_many_work_days_away(day, number):
    due = READY.holidays.after(day, number)
    assert READY.holidays.is_work_day(due)
    assert READY.holidays.left(day, due) == number
    assert READY.holidays.left(due, day) == -number


def test_serious_harm_starts_a_clock_and_lesser_harm_none():
    today = date(2026, 11, 16)
    rule = READY.starting(ConcernSeverity.SERIOUS, today)
    assert rule is not None
    assert (rule.id, rule.source[0].clause) == ("21-cfr-803/user-facility-death", "803.30(a)(1)")
    assert [one for one in ConcernSeverity if READY.starting(one, today)] == [ConcernSeverity.SERIOUS]


def test_a_rule_does_not_begin_before_it_is_in_force():
    assert READY.starting(ConcernSeverity.SERIOUS, date(2015, 8, 13)) is None
    assert READY.starting(ConcernSeverity.SERIOUS, date(2015, 8, 14)) is not None


def test_the_worse_it_is_the_sooner_it_is_seen_and_what_nobody_knows_is_not_taken_for_harmless():
    order = [ConcernSeverity.SERIOUS, ConcernSeverity.HARM, ConcernSeverity.UNKNOWN, ConcernSeverity.NEAR_MISS]
    times = [READY.seen_within(one) for one in [*order, ConcernSeverity.NO_HARM]]
    assert times == sorted(times)
    assert times[0] == timedelta(hours=1)


def test_the_annual_report_about_a_year_is_due_on_the_first_day_of_the_next():
    (annual,) = READY.yearly
    assert annual.due_after(2026) == date(2027, 1, 1)
    assert set(annual.counts) == {rule.id for rule in READY.rules}


def test_every_rule_cites_its_clause_and_the_edition_of_its_source():
    for rule in (*READY.rules, *READY.yearly):
        assert rule.source[0].clause
        assert "FR" in rule.source[0].citation
        assert rule.edition
    assert (len(READY.rules), len(READY.yearly), len(READY.holidays.days)) == (2, 1, 11)


def changed(**changes):
    told = yaml.safe_load((files("codman.review") / "clocks.yaml").read_bytes())
    return yaml.safe_dump({**told, **changes}).encode()


def test_a_hospitals_own_file_stands_instead_and_is_read_again_when_it_changes(tmp_path):
    own = tmp_path / "clocks.yaml"
    hours = {one.value: 2 for one in ConcernSeverity}
    own.write_bytes(changed(seen_within_hours=hours))
    assert clocks(own).seen_within(ConcernSeverity.NO_HARM) == timedelta(hours=2)
    own.write_bytes(changed(seen_within_hours=hours | {"no harm": 1.5}))
    assert clocks(own).seen_within(ConcernSeverity.NO_HARM) == timedelta(minutes=90)


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"{", "no YAML"),
        (b"\xff", "no YAML"),
        (changed(seen_within_hours={"no harm": 1}), "does not say it of: near miss"),
        (changed(unknown=1), "unknown"),
        (changed(rules=[]), "counts '21-cfr-803/user-facility-death'"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_with_its_reason(body, why):
    with pytest.raises(BadClocks, match=why):
        read_clocks(body, "own.yaml")


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(BadClocks, match="cannot be read"):
        clocks(tmp_path / "none.yaml")


@pytest.mark.parametrize(
    "fields", [{}, {"day": 1, "weekday": "monday", "which": 1}, {"weekday": "monday"}, {"day": 31}, {"which": 0}]
)
def test_a_holiday_that_names_no_one_day_is_refused(fields):
    with pytest.raises(ValueError, match=r"."):
        Holiday(name="Nothing", month=4, **({"weekday": "monday"} if fields == {"which": 0} else {}), **fields)
