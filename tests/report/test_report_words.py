"""How a report says numbers."""

from __future__ import annotations

import pytest

from codman.report import words
from codman.spine.measurement import Measurement


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.8312, "0.831"),
        (0.0, "0.000"),
        (-0.0, "0.000"),
        (1.0, "1.000"),
        (-0.0123, "−0.012"),
        (12.44, "12.4"),
        (1234.5, "1,234"),
        (-2000.0, "−2,000"),
        (0.0002, "under 0.001"),
        (-0.0002, "above −0.001"),
        (None, "–"),
    ],
)
def test_a_number_is_written_one_way(value: float | None, text: str) -> None:
    assert words.number(value) == text


def test_a_value_stands_with_its_interval() -> None:
    m = Measurement(metric="auroc", value=0.831, lower=0.819, upper=0.843, level=0.95)
    assert words.with_interval(m) == "0.831 (0.819 to 0.843)"
    assert words.first(m) == "0.831 (95 % interval 0.819 to 0.843)"
    assert words.with_interval(Measurement(metric="auroc", value=None, note="suppressed")) == "not shown"
    assert words.with_interval(Measurement(metric="auroc", value=None, note="one class only")) == "no value"


def test_a_share_is_said_in_patients() -> None:
    assert words.in_hundred(0.689) == "69 of 100"
    assert words.in_hundred(0.001) == "fewer than 1 of 100"
    assert words.in_hundred(0.999) == "more than 99 of 100"
    assert words.in_hundred(1.0) == "100 of 100"
    assert words.in_hundred(0.0) == "0 of 100"


def test_rows_are_accounted_for_in_one_sentence() -> None:
    assert words.where_rows_went(10, 10, {}) == "All 10 eligible rows were evaluated; none was left out."
    said = words.where_rows_went(7871, 7676, {"censored before 5 years": 195})
    assert said == "Of 7,871 eligible rows, 7,676 were evaluated; left out: 195 censored before 5 years."
    assert words.where_rows_went(20, 10, {"label missing": 7}).endswith("3 rows are not accounted for.")


def test_long_lists_end_in_a_count() -> None:
    assert words.listed("abc", most=8) == "a, b and c"
    assert words.listed("abcdefghij", most=3) == "a, b, c and 7 more"
    assert words.listed([]) == ""
