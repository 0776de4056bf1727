"""Groupings: levels, bands, intersections, what is missing."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl
import pytest
from binary_cohorts import binary, some
from hypothesis import given
from hypothesis import strategies as st

from codman.errors import BadInput
from codman.evaluate.groups import Factor, band, band_levels, make_slices


def levels_of(found, *columns: str) -> list[tuple[str, ...]]:
    return [tuple(m.slice.values()) for m in found.where("prevalence") if tuple(m.slice) == columns]


def test_bands_are_half_open_and_named_as_people_say_them():
    found = band(np.array([-1.0, 0, 39, 39.5, 40, 64, 65, 120, np.nan]), [0, 40, 65], name="age", source="x")
    assert [found.levels[c] for c in found.codes] == [
        "<0", "0-39", "0-39", "0-39", "40-64", "40-64", "65+", "65+", "(missing)",
    ]  # fmt: skip
    assert found.name == "age_band"


def test_edges_that_are_no_whole_numbers_print_as_half_open_intervals():
    assert band_levels([0.5, 1, 2.5]) == ("<0.5", "[0.5,1)", "[1,2.5)", "2.5+")


def test_a_band_one_year_wide_is_named_by_that_year():
    assert band_levels([0, 1, 2]) == ("<0", "0", "1", "2+")


@given(st.lists(st.integers(-50, 50), min_size=1, max_size=6, unique=True), st.lists(st.integers(-60, 60), min_size=1))
def test_every_number_falls_into_the_band_that_its_name_states(edges, values):
    cuts = sorted(edges)
    found = band(np.array(values, dtype=float), cuts, name="x", source="x")
    for value, code in zip(values, found.codes, strict=True):
        assert code == sum(value >= cut for cut in cuts)


@pytest.mark.parametrize("edges", [[], [3, 2], [1, 1], [0, float("nan")], [0, float("inf")]])
def test_edges_that_do_not_increase_are_refused(edges):
    with pytest.raises(BadInput, match="cannot be made"):
        band(np.zeros(3), edges, name="age", source="x")


def test_everyone_is_always_there_and_only_named_groupings_are_computed():
    found = binary(some(), by=[["sex"]])
    assert {tuple(m.slice) for m in found} == {(), ("sex",)}
    found = binary(some(), by=[["sex", "age_band"]], bands={"age": [40, 65]})
    assert {tuple(m.slice) for m in found} == {(), ("sex", "age_band")}
    assert len(levels_of(found, "sex", "age_band")) == 6


def test_a_grouping_named_twice_or_turned_round_is_one():
    found = binary(some(), by=[["sex", "age_band"], ["age_band", "sex"], ["sex"], ["sex"]], bands={"age": [50]})
    assert len(found.where("auroc", slice={"sex": "F"})) == 1
    assert len(levels_of(found, "age_band", "sex")) == 0


def test_levels_print_as_people_write_them_and_the_missing_come_last():
    n = 240
    table = pl.DataFrame(
        {
            "died": [0, 1] * (n // 2), "risk": [0.2, 0.6, 0.4] * (n // 3),
            "site": [1, 2, 10, None] * (n // 4), "flag": [True, False, None, True] * (n // 4),
            "share": [1.0, 2.0, float("nan"), None] * (n // 4), "day": [date(2026, 1, 2), None] * (n // 2),
            "cat": pl.Series(["b", "a", None] * (n // 3), dtype=pl.Categorical),
        }
    )  # fmt: skip
    found = binary(table, by=[["site"], ["flag"], ["share"], ["day"], ["cat"]])
    assert levels_of(found, "site") == [("1",), ("2",), ("10",), ("(missing)",)]
    assert set(levels_of(found, "flag")) == {("true",), ("false",), ("(missing)",)}
    assert levels_of(found, "share") == [("1",), ("2",), ("(missing)",)]
    assert levels_of(found, "day") == [("2026-01-02",), ("(missing)",)]
    assert levels_of(found, "cat") == [("a",), ("b",), ("(missing)",)]


def test_only_combinations_that_occur_become_slices_and_each_row_is_in_one_a_grouping():
    codes = np.array([0, 0, 1, 1, 2], dtype=np.int32)
    other = np.array([0, 1, 0, 0, 1], dtype=np.int32)
    factors = {
        "a": Factor(name="a", codes=codes, levels=("x", "y", "z")),
        "b": Factor(name="b", codes=other, levels=("p", "q")),
    }
    slices = make_slices(factors, [["a"], ["b"], ["a", "b"]], 5)
    assert [n for n in slices.names if len(n) == 2] == [
        {"a": "x", "b": "p"}, {"a": "x", "b": "q"}, {"a": "y", "b": "p"}, {"a": "z", "b": "q"},
    ]  # fmt: skip
    for g, columns in enumerate(slices.groupings):
        for row, s in enumerate(slices.of_rows(g)):
            expected = {"a": "xyz"[codes[row]], "b": "pq"[other[row]]}
            assert slices.names[s] == {c: expected[c] for c in columns}


def test_a_column_of_fractions_is_no_grouping_and_the_error_names_bands():
    columns = {**some(), "bmi": np.random.default_rng(0).uniform(15, 40, 500)}
    with pytest.raises(BadInput, match="is no grouping"):
        binary(columns, by=[["bmi"]])


def test_a_grouping_that_is_not_there_suggests_the_nearest():
    with pytest.raises(BadInput) as refused:
        binary(some(), by=[["sxe"]])
    assert "sex" in str(refused.value.fix)


def test_a_band_that_would_hide_a_column_is_refused():
    columns = {**some(), "age_band": np.repeat("x", 500)}
    with pytest.raises(BadInput, match="would hide"):
        binary(columns, by=[["age_band"]], bands={"age": [50]})


def test_intersections_of_any_depth_hold_the_rows_that_match():
    columns = some(3000)
    r = np.random.default_rng(4)
    columns |= {name: r.choice(["a", "b"], 3000) for name in ("w1", "w2", "w3")}
    by = ["sex", "w1", "w2", "w3"]
    found = binary(columns, by=[by])
    for m in found.where("prevalence"):
        inside = np.all([columns[c] == v for c, v in m.slice.items()], axis=0) if m.slice else np.ones(3000, bool)
        assert m.n == inside.sum()
        assert m.value == pytest.approx(columns["died"][inside].mean())
