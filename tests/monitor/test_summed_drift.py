"""Drift from counts that add up: what the rows themselves give, or off by no more than it says."""

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codman.compute.here import Here
from codman.errors import BadInput
from codman.monitor.drift.column import read_pair
from codman.monitor.drift.run import run as exact
from codman.monitor.summaries import ranks
from codman.monitor.summaries.counting import Rules, add_patients, different, meeting
from codman.monitor.summaries.grid import Grid, make_grid, places_of_edges
from codman.monitor.summaries.look import add_looks, look_at, look_bytes, look_of, read_as
from codman.monitor.summaries.run import TableChanged, count, run
from codman.spine.drift_spec import DriftSpec
from codman.tables.source import open_source

ASKED = {
    "score": "risk", "label": "died", "thresholds": [0.2], "timestamp": "t", "by": [["sex"], ["unit", "age_band"]],
    "bands": {"age": [40, 65]}, "delta": {"psi": 0.1}, "multivariate": False, "effect": False,
}  # fmt: skip
EXACT = ("psi", "js_distance", "hellinger", "chi2", "missing_rate_difference", "alert_rate_difference",
         "prevalence_difference")  # fmt: skip


def rows(n, seed, start="2026-01-01", *, shift=0.0):
    rng = np.random.default_rng(seed)
    ill = rng.normal(shift, 1, n)
    risk = 1 / (1 + np.exp(2 - ill))
    return pl.DataFrame(
        {
            "t": np.datetime64(start, "us") + rng.integers(0, 60 * 86_400, n).astype("m8[s]"),
            "ill": np.where(rng.random(n) < 0.05, np.nan, np.round(ill, 3)),
            "age": rng.integers(18, 95, n),
            "bed": rng.integers(0, 4, n),
            "sex": rng.choice(["F", "M"], n),
            "unit": rng.choice(["A", "B", None], n, p=[0.6, 0.3, 0.1]),
            "admitted": np.datetime64("2025-12-01") + rng.integers(0, 60, n).astype("m8[D]"),
            "risk": risk,
            "died": rng.random(n) < risk,
            "who": rng.integers(0, n // 4, n),
        }
    )


@pytest.fixture(scope="module")
def two():
    # the current rows hold two categories that the reference does not know
    now = rows(1500, 2, "2026-03-10", shift=0.3).with_columns(
        sex=pl.when(pl.col("bed") == 0).then(pl.lit("X")).when(pl.col("age") > 90).then(pl.lit("Y")).otherwise("sex")
    )
    return open_source(rows(3000, 1), name="before"), open_source(now, name="now")


def named(found):
    return {(m.metric, m.feature, tuple(sorted(m.slice.items())), m.params.get("threshold")): m for m in found}


def test_everyone_s_statistics_are_those_of_the_rows_or_off_by_no_more_than_they_say(two):
    report, summed = exact(*two, DriftSpec(**ASKED)), run(*two, DriftSpec(**ASKED, summed=True))
    other = named(summed.measurements)

    assert set(named(report.measurements)) == set(other)
    compared = 0
    for key, m in named(report.measurements).items():
        if m.slice:
            continue
        same = other[key]
        assert (same.n, same.window) == (m.n, m.window), key
        assert (
            (same.params["read_as"], same.params["why"]) == (m.params["read_as"], m.params["why"]) if m.feature else 1
        )
        error = same.params.get("error", 0.0) if m.metric in ("ks", "wasserstein") else 0.0
        assert abs(same.value - m.value) <= error + 1e-9, key
        if m.metric in EXACT and m.lower is not None:
            assert (same.lower, same.upper) == pytest.approx((m.lower, m.upper)), key
            assert same.params.get("beyond") == m.params.get("beyond")
            compared += 1
    assert compared > 20
    assert (summed.rows, summed.window, summed.reference) == (report.rows, report.window, report.reference)


def test_groups_are_compared_too_and_psi_of_numbers_says_on_whose_deciles(two):
    report, summed = exact(*two, DriftSpec(**ASKED)), run(*two, DriftSpec(**ASKED, summed=True))
    other = named(summed.measurements)

    for key, m in named(report.measurements).items():
        same = other[key]
        if m.value is None or m.metric not in EXACT or same.params.get("bins") == "deciles of the whole reference":
            continue
        assert same.value == pytest.approx(m.value, abs=1e-9), key
    within = other["psi", "ill", (("sex", "F"),), None]
    assert within.params["bins"] == "deciles of the whole reference"


NUMBER = st.one_of(st.floats(allow_nan=True), st.sampled_from([0.0, -0.0, 1.0, float("inf"), float("-inf")]))


@settings(max_examples=25)
@given(st.lists(NUMBER, max_size=300), st.integers(1, 5), st.integers(2, 40))
def test_values_at_places_are_those_of_the_sorted_column_however_it_is_cut_and_thinned(values, parts, kept):
    column = np.array(values, np.float64)
    ascending = np.sort(column[~np.isnan(column)]) + 0.0
    wanted = places_of_edges(len(ascending)) if len(ascending) else np.zeros(0, np.int64)

    def read(brackets):
        found = {}
        for name, at in brackets.items():
            tight = ranks.Brackets(low=at.low, high=at.high, kept=at.kept // ranks.KEPT * kept)
            cut = [ranks.thin(one, tight) for one in np.array_split(column, parts)]
            whole = ranks.add_thinned([ranks.add_thinned(cut[:2], tight.kept), *cut[2:]], tight.kept)
            found |= ranks.thinned_of(ranks.thinned_bytes({name: whole}))
        return found

    places, found = ranks.sorted_values({"x": wanted}, read)["x"]

    assert np.array_equal(places, wanted)
    assert np.array_equal(found, ascending[wanted])


def test_the_grid_of_a_table_in_pieces_is_that_of_the_whole_column(two):
    counted = count(*two, DriftSpec(columns=["ill", "age"], multivariate=False, effect=False, summed=True))
    tables = [source.read(["ill", "age"]) for source in two]
    whole = make_grid([read_pair(name, *tables, two) for name in ("ill", "age")])

    assert counted.grid == whole


@settings(max_examples=30)
@given(
    st.lists(st.one_of(st.none(), st.integers(-2, 12), st.sampled_from([0.5, 2.0])), min_size=1, max_size=60),
    st.integers(0, 60),
)  # fmt: skip
def test_a_column_is_read_in_pieces_as_it_is_read_whole(values, cut):
    table = pa.table({"x": pa.array(values, pa.float64())})
    source = open_source(table)
    pair = read_pair("x", table, table, (source, source))
    pieces = [
        look_of(look_bytes(look_at(part, source, ["x"], rows=part.num_rows, times=None)))
        for part in (table[:cut], table[cut:])
    ]

    look = add_looks(pieces).columns["x"]
    read = read_as("x", (look, look), 2 * len(values), categorical=False, numeric=False)

    assert (read.numeric, read.why, read.levels, read.known) == (pair.numeric, pair.why, pair.levels, pair.known)


@settings(max_examples=30)
@given(st.lists(st.tuples(st.sampled_from("AB"), st.integers(0, 30)), min_size=1, max_size=80), st.integers(0, 80))
def test_patients_are_counted_up_to_eleven_whichever_rows_were_read_together(who, cut):
    batch = pa.RecordBatch.from_pylist([{"unit": unit, "who": patient} for unit, patient in who])
    job = meeting(Rules(uri="t", subject="who", bands={}), Grid(columns=(), by=(("unit", ("A", "B")),)))
    parts = [job.read(job.write(job.map(part))) for part in (batch[:cut], batch[cut:]) if part.num_rows]
    met = add_patients(parts)

    found = different(met, met.line % 3, 3)

    expected = [len({patient for unit, patient in who if unit == one}) for one in "AB"]
    assert found.tolist() == [*(min(count, 11) for count in expected), 0]


def test_where_rows_repeat_patients_there_is_no_interval_and_few_patients_are_hidden(two):
    few = open_source(rows(400, 5, "2026-03-10").with_columns(who=pl.col("who") % 7), name="now")
    spec = DriftSpec(**{**ASKED, "by": []}, subject="who", summed=True)

    shown, hidden = run(*two, spec), run(two[0], few, spec)

    assert {(m.lower, m.p_value) for m in shown.measurements} == {(None, None)}
    assert {m.params["beyond"] for m in shown.measurements.where(metric="psi")} == {"unknown"}
    assert any("no interval" in note for note in shown.notes)
    assert {m.note for m in hidden.measurements} == {"suppressed"}


def test_each_month_is_judged_by_itself_and_a_season_takes_the_reference_s_own_months(two):
    months = run(*two, DriftSpec(**ASKED, summed=True, window="month"))
    april = two[1].read(list(two[1].columns)).to_pandas()
    april = april[(april["t"] >= "2026-04-01") & (april["t"] < "2026-05-01")]
    alone = run(two[0], open_source(april, name="april"), DriftSpec(**ASKED, summed=True))
    inside = [m for m in months.measurements if m.window.start == "2026-04-01T00:00:00Z" and m.metric == "ks"]

    assert len(inside) == len(list(alone.measurements.where(metric="ks")))
    for m, one in zip(inside, alone.measurements.where(metric="ks"), strict=True):
        assert (m.feature, m.slice, m.value, m.n) == (one.feature, one.slice, one.value, one.n)
    last = DriftSpec(**{**ASKED, "by": []}, reference_window="last:30")
    assert run(*two, last.model_copy(update={"summed": True})).reference == exact(*two, last).reference


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        ({"multivariate": True}, "need all rows at once"),
        ({"timestamp": None, "window": "day"}, "add --timestamp"),
        ({"timestamp": None, "reference_window": "last:30"}, "add --timestamp"),
        ({"reference_window": "2020-01-01/2020-02-01"}, "no row of the reference lies in it"),
        ({"columns": ["t2"]}, "there is no column 't2'"),
        ({"by": [["risk"]]}, "groups or more"),
        ({"label": "bed"}, "is not a yes-or-no label"),
    ],
)
def test_what_cannot_be_counted_is_refused_and_says_why(two, asked, why):
    with pytest.raises(BadInput, match=why):
        run(*two, DriftSpec(**{**ASKED, "summed": True, **asked}), Here(1))


def test_a_row_without_a_time_has_no_window(two):
    lost = rows(100, 3).with_columns(t=pl.when(pl.col("bed") == 1).then(None).otherwise("t"))

    with pytest.raises(BadInput, match="has no time"):
        run(two[0], open_source(lost), DriftSpec(**ASKED, summed=True, window="week"))


@pytest.mark.parametrize("reading", [2, 3])
def test_a_table_that_changes_between_readings_is_refused_and_not_counted_twice_over(two, monkeypatch, reading):
    before = open_source(rows(300, 7), name="before")
    read, batches = [], before.batches

    def growing(columns):
        read.append(columns)
        yield from batches(columns)
        if len(read) == reading:
            yield from batches(columns)

    monkeypatch.setattr(before, "batches", growing)

    with pytest.raises(TableChanged, match="pin a version"):
        run(before, two[1], DriftSpec(**ASKED, summed=True))
