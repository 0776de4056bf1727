"""Days as people write them."""

from __future__ import annotations

import csv
import re
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codman.registry.imports.dates import read_day

DAYS = st.dates(date(1950, 1, 1), date(2100, 12, 31))


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2025-09-08", "2025-09-08"),
        ("2025-09-08 00:00:00", "2025-09-08"),
        ("2025-09-08T14:30:00Z", "2025-09-08"),
        ("2025/9/8", "2025-09-08"),
        ("20250908", "2025-09-08"),
        ("9/8/2025", "2025-09-08"),
        ("09/24/2024 12:00:00 AM", "2024-09-24"),
        ("9/1/2019 0:00", "2019-09-01"),
        ("24/9/2024", "2024-09-24"),  # no month is the 24th
        ("8.9.2025", "2025-09-08"),
        ("3/4/24", "2024-03-04"),
        ("3/4/99", "1999-03-04"),
        ("01/2024", "2024-01-01"),
        ("2024-06", "2024-06-01"),
        ("Apr-25", "2025-04-01"),
        ("June 2024", "2024-06-01"),
        ("Sept. 2021", "2021-09-01"),
        ("September 8, 2025", "2025-09-08"),
        ("8 September 2025", "2025-09-08"),
        ("08-Sep-25", "2025-09-08"),
        ("2020", "2020-01-01"),
        ("45292", "2024-01-01"),  # Excel's day 45292 is 1 January 2024
        ("45292.75", "2024-01-01"),
        ("FY2024 Q3", "2024-04-01"),  # the federal year 2024 began in October 2023
        ("FY24 Q1", "2023-10-01"),
        ("Q3 FY24", "2024-04-01"),
        ("FY2025", "2024-10-01"),
        ("Q2 2024", "2024-04-01"),
        ("2024-Q2", "2024-04-01"),
        ("Spring 2023", "2023-03-01"),
        ("fall 2022", "2022-09-01"),
        ("early 2024", "2024-01-01"),
        ("ca. 2019", "2019-01-01"),
    ],
)
def test_a_day_is_read_in_every_shape_people_write_it(text, day):
    read = read_day(text)

    assert read is not None
    assert read.day == day


@pytest.mark.parametrize(
    "text", ["TBD", "N/A", "", "soon", "2/30/2024", "Feb 30 2024", "13/13/2024", "12", "1-100", "v2.1", "99999999"]
)
def test_what_names_no_day_is_not_guessed(text):
    assert read_day(text) is None


@pytest.mark.parametrize(
    ("text", "assumed"),
    [
        ("2024", "only the year is given"),
        ("June 2024", "only the month is given"),
        ("Q3 2024", "only the quarter is given"),
        ("Spring 2023", "only the season is given"),
        ("3/4/24", "the year '24 is read as 2024"),
        ("45292", "read as a spreadsheet's day number"),
        ("2025-09-08", None),
    ],
)
def test_what_had_to_be_assumed_is_said(text, assumed):
    read = read_day(text)

    assert read is not None
    assert read.assumed == assumed


def test_a_mapping_may_say_that_the_day_comes_first():
    assert read_day("3/4/2024", day_first=True).day == "2024-04-03"
    assert read_day("3/4/2024").day == "2024-03-04"


@given(DAYS)
def test_every_day_comes_back_from_every_exact_way_to_write_it(day):
    ways = ("%Y-%m-%d", "%m/%d/%Y", "%d.%m.%Y", "%B %d, %Y", "%d %b %Y", "%Y%m%d", "%m/%d/%Y 00:00:00")

    assert {read_day(day.strftime(way)).day for way in ways} == {day.isoformat()}


@given(st.integers(20_000, 59_999))
def test_a_spreadsheets_day_number_counts_from_the_end_of_1899(number):
    assert read_day(str(number)).day == (date(1899, 12, 30) + timedelta(days=number)).isoformat()


@given(st.text(max_size=40))
def test_no_text_breaks_it(text):
    read = read_day(text)

    assert read is None or date.fromisoformat(read.day)


def test_every_date_of_the_federal_inventory_is_read_in_its_13_shapes(real_data):
    with (real_data / "governance/us-federal-2025/use-cases.csv").open(encoding="utf-8-sig", newline="") as file:
        texts = [row["operational_date"] for row in csv.DictReader(file) if row["operational_date"].strip()]
    shapes = {re.sub(r"[A-Za-z]+", "a", re.sub(r"\d", "9", text)) for text in texts}

    assert len(texts) == 1402
    assert len(shapes) == 13
    assert [text for text in texts if read_day(text) is None] == []
