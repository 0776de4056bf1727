"""Survival by hand, at its edges, and by what must not change it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codman.errors import BadInput
from codman.evaluate.result import Evaluation
from codman.evaluate.run import run
from codman.spine.evaluation_spec import EvaluationSpec
from codman.tables.source import open_source


def evaluated(frame: pl.DataFrame, *, others: dict[str, Any] | None = None, **asked: Any) -> Evaluation:
    spec = EvaluationSpec(**{"task": "survival", "label": "event", "score": "risk", "time": "time", **asked})
    return run(open_source(frame), spec, others=others)


def hospital(n: int = 300, seed: int = 3, beta: float = 1.0) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    risk = rng.normal(size=n)
    event_at = rng.exponential(4 * np.exp(-beta * risk))
    left_at = np.minimum(rng.exponential(6, n), 9.0)
    return pl.DataFrame(
        {
            "event": (event_at <= left_at).astype(int),
            "time": np.ceil(10 * np.minimum(event_at, left_at)) / 10,
            "risk": risk,
            "s1": np.exp(-0.25 * np.exp(beta * risk)),
            "s3": np.exp(-0.75 * np.exp(beta * risk)),
            "ward": rng.choice(["A", "B", "C"], n),
            "patient": np.arange(n) // 2,
            "weight": rng.uniform(0.5, 2, n),
        }
    )


STATED = {"1": "s1", "3": "s3"}


def by_pairs(time: np.ndarray, event: np.ndarray, risk: np.ndarray, weight: np.ndarray) -> float:
    """Harrell's C, pair by pair."""
    agreed = pairs = 0.0
    for i in np.flatnonzero(event):
        for j in range(len(time)):
            if time[j] > time[i] or (time[j] == time[i] and not event[j]):
                pairs += weight[i] * weight[j]
                agreed += weight[i] * weight[j] * (1.0 if risk[i] > risk[j] else 0.5 if risk[i] == risk[j] else 0.0)
    return agreed / pairs


def test_three_patients_by_hand():
    # days 1 (event), 2 (event), 3 (followed): the pairs are 1-2, 1-3 and 2-3; 2-3 is ranked the wrong way round
    frame = pl.DataFrame({"event": [1, 1, 0] * 4, "time": [1.0, 2.0, 3.0] * 4, "risk": [0.9, 0.1, 0.5] * 4})

    found = evaluated(frame, horizons=[2.5]).measurements

    assert found.one("cindex_harrell").value == pytest.approx(2 / 3)
    assert found.one("auroc_t", horizon=2.5).value == pytest.approx(1 / 2)  # 0.9 above 0.5, 0.1 below it


def test_weights_of_the_censored_by_hand():
    # G falls to 1/2 at day 2: of the two still at risk of being censored then, one is. Repeated, G stays 1/2.
    frame = pl.DataFrame(
        {"event": [1, 0, 1] * 5, "time": [1.0, 2.0, 3.0] * 5, "risk": [0.1, 0.5, 0.9] * 5, "s": [0.8, 0.5, 0.4] * 5}
    )

    found = evaluated(frame, survival={"2": "s"}).measurements

    # (0.8² / 1 + 0 + (1 − 0.4)² / (1/2)) / 3
    assert found.one("brier_t", horizon=2).value == pytest.approx((0.64 + 0.72) / 3)
    # one third had the event by day 2; expected (0.2 + 0.5 + 0.6)/3
    assert found.one("oe_ratio_t", horizon=2).value == pytest.approx((1 / 3) / (1.3 / 3))


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 6), st.booleans(), st.integers(0, 4), st.floats(0.5, 2.0)), min_size=11, max_size=40
    )
)
def test_harrells_c_is_what_counting_pairs_gives_ties_and_weights_included(rows: list[tuple[int, bool, int, float]]):
    time, event, risk, weight = (np.array(column) for column in zip(*rows, strict=True))
    frame = pl.DataFrame({"event": event.astype(int), "time": time.astype(float), "risk": risk, "w": weight})
    usable = any(e and ((time > t).any() or ((time == t) & ~event).any()) for t, e in zip(time, event, strict=True))

    found = evaluated(frame, weight="w").measurements.one("cindex_harrell")

    if usable:
        assert found.value == pytest.approx(by_pairs(time, event, risk, weight), abs=1e-12)
    else:
        assert found.value is None
        assert found.note == "no pair of patients can be compared"


row = st.tuples(
    st.integers(0, 6),
    st.booleans(),
    st.sampled_from([-np.inf, -1.0, 0.0, 0.5, np.inf]),
    st.sampled_from([0.0, 0.3, 0.9, 1.0]),
)


@settings(max_examples=80, deadline=None)
@given(st.lists(row, min_size=11, max_size=30), st.lists(st.integers(1, 8), min_size=2, max_size=3, unique=True))
def test_whatever_happened_every_number_is_finite_inside_its_interval_or_null_with_a_reason(
    rows: list[tuple[int, bool, float, float]], horizons: list[int]
):
    time, event, risk, stated = (list(column) for column in zip(*rows, strict=True))
    frame = pl.DataFrame(
        {"event": [int(e) for e in event], "time": [float(t) for t in time], "risk": risk, "s": stated},
    )

    result = evaluated(frame, survival={str(h): "s" for h in horizons}, by=[["event"]])

    for m in result.measurements:
        if m.value is None:
            assert m.note
            continue
        if m.metric in ("cindex_harrell", "cindex_ipcw", "auroc_t"):
            assert 0 <= m.value <= 1
        if m.lower is None:
            assert m.note
        elif not m.metric.endswith("_difference"):
            assert m.lower <= m.value <= m.upper


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000))
def test_no_ranking_metric_changes_under_a_rising_function_of_the_risk(seed: int):
    frame = hospital(80, seed)
    stretched = frame.with_columns(risk=pl.col("risk").exp() * 3 - 7)

    a, b = (evaluated(f, horizons=[1, 3]).measurements for f in (frame, stretched))

    assert [m.value for m in a] == [m.value for m in b]
    assert [m.lower for m in a] == [m.lower for m in b]


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10_000))
def test_the_order_of_rows_does_not_matter(seed: int):
    frame = hospital(80, 1)
    shuffled = frame.sample(fraction=1.0, shuffle=True, seed=seed)

    a, b = (evaluated(f, survival=STATED, by=[["ward"]]).measurements for f in (frame, shuffled))

    for one, other in zip(a, b, strict=True):
        assert (one.metric, one.slice, one.params) == (other.metric, other.slice, other.params)
        for field in ("value", "lower", "upper"):
            left, right = getattr(one, field), getattr(other, field)
            assert (left is None) == (right is None)
            assert left is None or left == pytest.approx(right, rel=1e-9, abs=1e-12)


def test_one_score_for_everyone_ranks_like_chance():
    frame = hospital().with_columns(risk=pl.lit(0.5))

    found = evaluated(frame, horizons=[1, 3]).measurements

    for m in found:
        assert m.value == pytest.approx(0.5, abs=1e-12)
        assert m.method.startswith("wilson-min")  # zero variance says nothing about the error
        assert m.lower < 0.5 < m.upper


def test_the_risk_turned_round_gives_one_minus_c():
    frame = hospital()
    turned = frame.with_columns(risk=-pl.col("risk"))

    a, b = (evaluated(f, horizons=[3]).measurements for f in (frame, turned))

    for one, other in zip(a, b, strict=True):
        assert one.value == pytest.approx(1 - other.value, abs=1e-12)
        assert one.lower == pytest.approx(1 - other.upper, abs=1e-9)


def test_whole_number_weights_are_rows_repeated():
    frame = hospital(60).with_columns(weight=pl.int_range(60) % 3 + 1)
    repeated = frame.select(pl.all().repeat_by("weight").explode())

    weighted = evaluated(frame, survival=STATED, weight="weight").measurements
    plain = evaluated(repeated, survival=STATED).measurements

    for one, other in zip(weighted, plain, strict=True):
        assert one.value == pytest.approx(other.value, abs=1e-9), one.metric


def test_a_patient_repeated_twice_widens_nothing_once_rows_are_clustered():
    frame = hospital(150).with_columns(patient=pl.int_range(150))
    doubled = pl.concat([frame, frame])

    once = evaluated(frame, survival=STATED).measurements
    twice = evaluated(doubled, survival=STATED, subject="patient").measurements

    for one, other in zip(once, twice, strict=True):
        assert one.value == pytest.approx(other.value, abs=1e-9)
        if one.method.startswith(("influence", "logistic")):
            assert one.upper - one.lower == pytest.approx(other.upper - other.lower, rel=0.05), one.metric


def test_everybody_censored_leaves_no_pair_and_no_event():
    frame = hospital().with_columns(event=pl.lit(0))

    found = evaluated(frame, survival=STATED).measurements

    assert found.one("cindex_harrell").value is None
    assert found.one("cindex_harrell").note == "no pair of patients can be compared"
    assert found.one("auroc_t", horizon=1).note == "nobody has the event by the horizon"
    ratio = found.one("oe_ratio_t", horizon=1)
    followed = int((frame["time"] > 1).sum())
    expected = float((1 - frame["s1"]).mean())
    assert (ratio.value, ratio.lower, ratio.method) == (0.0, 0.0, "clopper-pearson")
    assert ratio.upper == pytest.approx((1 - 0.025 ** (1 / followed)) / expected)


def test_a_single_event_gives_values_and_wide_intervals_or_none():
    frame = hospital(40).with_columns(event=(pl.int_range(40) == 7).cast(pl.Int8), time=pl.int_range(40) + 1.0)

    found = evaluated(frame, survival={"10": "s1", "20": "s3"}).measurements

    c = found.one("cindex_harrell")
    assert c.value is not None
    assert c.upper - c.lower > 0.5
    brier = found.one("brier_t", horizon=10)
    assert brier.lower is None  # one event says nothing about the spread
    assert brier.note == "too few patients with the event, or without it, for an interval"


def test_a_horizon_before_the_first_event_has_no_auroc():
    found = evaluated(hospital().with_columns(time=pl.col("time") + 5), survival={"2": "s1", "7": "s3"}).measurements

    assert found.one("auroc_t", horizon=2).value is None
    assert found.one("oe_ratio_t", horizon=2).value == 0.0
    assert found.one("calibration_slope_t", horizon=2).note == "only one outcome occurs by the horizon"
    assert found.one("auroc_t", horizon=7).value is not None


def test_a_horizon_beyond_follow_up_has_no_value_and_says_so():
    found = evaluated(hospital(), survival={"3": "s1", "50": "s3"}).measurements

    for metric in ("auroc_t", "brier_t", "oe_ratio_t", "calibration_slope_t"):
        beyond = found.one(metric, horizon=50)
        assert beyond.value is None
        assert beyond.note
        assert found.one(metric, horizon=3).value is not None
    assert found.one("integrated_brier").note == "the Brier score has no value at one of the horizons"


def test_infinite_scores_rank_and_missing_ones_are_counted():
    frame = hospital(100)
    risk = frame["risk"].to_numpy().copy()
    risk[:3], risk[3:5] = [np.inf, -np.inf, np.inf], np.nan

    result = evaluated(frame.with_columns(risk=pl.Series(risk)))

    assert result.rows.excluded == {"score missing": 2}
    assert (result.rows.eligible, result.rows.scored, result.rows.evaluated) == (100, 98, 98)
    finite = np.where(np.isinf(risk), np.sign(risk) * 1e9, risk)
    rows = np.r_[0:3, 5:100]
    assert result.measurements.one("cindex_harrell").value == pytest.approx(
        by_pairs(frame["time"].to_numpy()[rows], frame["event"].to_numpy()[rows] == 1, finite[rows], np.ones(len(rows)))
    )


def test_missing_times_and_labels_are_left_out_and_counted():
    frame = hospital(50).with_columns(
        time=pl.when(pl.int_range(50) < 4).then(None).otherwise(pl.col("time")),
        event=pl.when(pl.int_range(50) == 10).then(None).otherwise(pl.col("event")),
        s1=pl.when(pl.int_range(50) == 20).then(None).otherwise(pl.col("s1")),
    )

    rows = evaluated(frame, survival=STATED).rows

    assert rows.excluded == {"time missing": 4, "label missing": 1, "s1 missing": 1}
    assert rows.evaluated == 44


def test_a_time_of_zero_stays():
    frame = hospital(50).with_columns(time=pl.when(pl.int_range(50) < 4).then(0.0).otherwise(pl.col("time")))

    assert evaluated(frame).rows.evaluated == 50


@pytest.mark.parametrize(
    ("change", "asked", "message"),
    [
        ({"time": -1.0}, {}, "negative or infinite"),
        ({"time": math.inf}, {}, "negative or infinite"),
        ({"s1": 1.5}, {"survival": {"1": "s1"}}, "outside 0 to 1"),
        ({}, {"time": None}, "--time was not given"),
        ({}, {"time": "tme"}, "did you mean 'time'"),
        ({}, {"survival": {"soon": "s1"}}, "is not a number above zero"),
        ({}, {"horizons": [0.0]}, "is not a number above zero"),
        ({}, {"thresholds": [0.2]}, "--threshold cannot be used here"),
        ({}, {"metrics": ["auroc_t"]}, "it needs a horizon"),
        ({}, {"metrics": ["brier_t"]}, "it needs a column of S(t)"),
        ({}, {"metrics": ["integrated_brier"], "survival": {"1": "s1"}}, "two horizons or more"),
        ({}, {"metrics": ["auroc"]}, "not a survival metric"),
        ({}, {"metrics": ["cindex_harel"]}, "cindex_harrell"),
        ({}, {"censoring_from": "censoring-from"}, "--censoring-from"),
    ],
)
def test_what_cannot_be_used_is_named(change: dict[str, Any], asked: dict[str, Any], message: str):
    frame = hospital(30)
    for column, value in change.items():
        values = frame[column].to_list()
        values[6] = value
        frame = frame.with_columns(pl.Series(column, values))

    with pytest.raises(BadInput) as error:
        evaluated(frame, **asked)

    assert message in str(error.value)
    if change:
        assert "row 7" in str(error.value)


def test_small_groups_are_hidden_and_strict_hides_few_events_too():
    frame = hospital(60).with_columns(
        ward=pl.when(pl.int_range(60) < 8).then(pl.lit("A")).otherwise(pl.lit("B")),
    )

    standard = evaluated(frame, survival=STATED, by=[["ward"]])

    hidden = standard.measurements.where("cindex_harrell", slice={"ward": "A"})[0]
    assert (hidden.value, hidden.n, hidden.positives, hidden.note) == (None, None, None, "suppressed")
    assert all(curve.slice != {"ward": "A"} for curve in standard.curves.survival)
    few = frame.with_columns(event=(pl.int_range(60) % 10 == 0).cast(pl.Int8))
    strict = evaluated(few, survival=STATED, suppression="strict")
    assert strict.measurements.one("cindex_harrell").note == "suppressed"


def test_strict_counts_the_patients_with_and_without_the_event_and_not_their_rows():
    # ward A: 30 rows with the event, three for each of 10 patients; the other 170 rows a patient each
    row = np.arange(400)
    frame = hospital(400).with_columns(
        ward=pl.Series(np.where(row < 200, "A", "B")),
        event=pl.Series((row % 200 < 30).astype(int)),
        patient=pl.Series(np.where(row < 30, row % 10, row)),
    )
    asked = {"by": [["ward"]], "suppression": "strict"}
    assert not evaluated(frame, **asked).measurements.one("cindex_harrell", slice={"ward": "A"}).suppressed
    by_patient = evaluated(frame, **asked, subject="patient").measurements
    assert by_patient.one("cindex_harrell", slice={"ward": "A"}).suppressed


def test_stated_risks_of_0_or_1_are_clipped_and_counted_and_far_too_extreme_ones_carry_a_warning():
    frame = hospital(200).with_columns(s1=(pl.col("s1") > 0.8).cast(pl.Float64))

    slope = evaluated(frame, survival={"1": "s1"}).measurements.one("calibration_slope_t")

    assert "clipped at 1e-12" in slope.note
    assert "about 92 %" in slope.note
    assert slope.lower < slope.value < slope.upper


def test_curves_show_observed_beside_stated_and_no_point_on_fewer_than_11():
    frame = hospital(400)

    result = evaluated(frame, survival={**STATED, "8.9": "s3"}, horizons=[2])

    (curve,) = result.curves.survival
    assert curve.x == [1.0, 2.0, 3.0, 8.9]
    assert curve.predicted[0] == pytest.approx(frame["s1"].mean())
    assert curve.predicted[1] is None
    low, high = curve.lower[0], curve.upper[0]
    assert low < curve.y[0] < high
    followed = int((frame["time"] >= 8.9).sum())
    assert (curve.y[3] is None) == (followed < 11)
    at_one = next(c for c in result.curves.calibration if c.horizon == 1)
    assert sum(at_one.n) == 400
    assert min(at_one.n) >= 11
    assert at_one.x == sorted(at_one.x)


def test_differences_between_groups_come_with_every_metric():
    found = evaluated(hospital(400), survival=STATED, by=[["ward"]]).measurements

    for metric in ("cindex_harrell", "cindex_ipcw", "auroc_t", "brier_t", "oe_ratio_t", "calibration_slope_t"):
        rows = found.where(f"{metric}_difference")
        assert len(rows) in (1, 2)
        assert all(m.value >= 0 and m.lower >= 0 for m in rows)


def test_only_the_metrics_asked_for_are_given():
    found = evaluated(hospital(), survival=STATED, metrics=["cindex_harrell", "brier_t"]).measurements

    assert {m.metric for m in found} == {"cindex_harrell", "brier_t"}


def test_another_unit_of_time_is_said():
    found = evaluated(hospital(), horizons=[3], time_unit="months").measurements

    assert found.one("auroc_t", horizon=3).params == {"horizon": 3, "time_unit": "months"}


@pytest.mark.parametrize("interval", ["percentile", "bca"])
def test_the_bootstrap_agrees_with_the_influence_intervals(interval: str):
    frame = hospital(300)

    analytic = evaluated(frame, survival=STATED, by=[["ward"]]).measurements
    drawn = evaluated(
        frame, survival=STATED, by=[["ward"]], interval=interval, replicates=200, subject="patient"
    ).measurements

    for m in analytic.where(slice={}):
        if m.metric.endswith("_difference"):
            continue
        other = drawn.one(m.metric, **m.params)
        assert other.value == m.value
        assert other.method == ("bootstrap" if interval == "percentile" else "bootstrap-bca") + ":200:seed=7"
        assert other.upper - other.lower == pytest.approx(m.upper - m.lower, rel=0.35), m.metric
