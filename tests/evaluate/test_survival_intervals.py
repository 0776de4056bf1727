"""Survival's intervals: each row's pull is the derivative in its weight, and the intervals hold what they say."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from codman.evaluate.groups import Factor, make_slices
from codman.evaluate.survival.followup import follow
from codman.evaluate.survival.intervals import survival
from codman.evaluate.survival.points import Cohort, Wanted, table, values
from codman.evaluate.survival.product_limit import censoring, kaplan_meier

ALL = frozenset(
    {"cindex_harrell", "cindex_ipcw", "auroc_t", "brier_t", "integrated_brier", "oe_ratio_t", "calibration_slope_t"}
)


def cohort(
    n: int,
    seed: int,
    *,
    metrics: frozenset[str] = ALL,
    horizons: tuple[float, ...] = (5.0, 10.0, 15.0),
    rows_each: int = 1,
) -> Cohort:
    rng = np.random.default_rng(seed)
    patient = np.arange(n) // rows_each
    score = np.round(rng.normal(size=patient[-1] + 1)[patient], 1)
    luck = rng.exponential(size=patient[-1] + 1)[patient]
    event_at = np.ceil(20 * luck * np.exp(-score))
    left_at = np.ceil(rng.exponential(25, n))
    event, time = event_at <= left_at, np.minimum(event_at, left_at)
    stated = {h: np.exp(-h / 20 * np.exp(0.7 * score)) for h in horizons}
    ward = Factor(name="ward", codes=rng.integers(0, 2, n).astype(np.int32), levels=("A", "B"))
    rows = follow(time, event, score, weight=rng.uniform(0.5, 2, n) if rows_each == 1 else None, survival=stated)
    return Cohort(
        rows=rows,
        slices=make_slices({"ward": ward}, [["ward"]], n),
        subject=patient[rows.place].astype(np.int32) if rows_each > 1 else None,
        outside=None,
        outside_subject=None,
        wanted=Wanted(metrics=metrics, horizons=horizons, stated=horizons),
    )


def by_differences(of: Cohort, units: np.ndarray) -> np.ndarray:
    """Variances from moving each unit's weight a little and computing everything again."""
    total, small = 0.0, 1e-5
    for unit in range(units.max() + 1):
        up, down = np.ones(len(units)), np.ones(len(units))
        up[units == unit] += small
        down[units == unit] -= small
        slope = (values(of, of.rows.times(up), None) - values(of, of.rows.times(down), None)) / (2 * small)
        total = total + slope**2
    return np.asarray(total)


@pytest.fixture
def no_leverage(monkeypatch: pytest.MonkeyPatch) -> None:
    """The slope's variance without its correction for rows that set their own fit."""
    monkeypatch.setattr("codman.evaluate.survival.calibration_t.MOST_LEVERAGE", 0.0)


@pytest.mark.usefixtures("no_leverage")
def test_variances_are_those_of_moving_each_rows_weight_in_every_slice_and_through_the_censoring_curve():
    of = cohort(60, 2)
    found = table(of)

    variance = by_differences(of, np.arange(60)) * (found.patients / (found.patients - 1))[:, None]

    assert np.isfinite(found.value).all()
    np.testing.assert_allclose(found.variance, variance, rtol=1e-6)


@pytest.mark.usefixtures("no_leverage")
def test_clustered_variances_are_those_of_moving_each_patients_weight():
    of = cohort(90, 2, rows_each=3)
    found = table(of)

    variance = by_differences(of, of.subject) * (found.patients / (found.patients - 1))[:, None]

    np.testing.assert_allclose(found.variance, variance, rtol=1e-6)


def test_the_slopes_variance_allows_for_rows_that_set_their_own_fit(monkeypatch: pytest.MonkeyPatch):
    of = cohort(60, 2, metrics=frozenset({"calibration_slope_t"}))

    corrected = table(of).variance
    monkeypatch.setattr("codman.evaluate.survival.calibration_t.MOST_LEVERAGE", 0.0)

    assert (corrected > table(of).variance).all()


def test_a_patient_a_row_is_the_same_clustered_or_not():
    of = cohort(80, 3)

    plain, clustered = table(of), table(replace(of, subject=np.arange(80, dtype=np.int32)))

    np.testing.assert_allclose(plain.variance, clustered.variance, rtol=1e-9)


def test_censoring_rows_of_another_sample_add_their_own_error():
    of = cohort(80, 5, metrics=frozenset({"cindex_harrell", "auroc_t"}))
    other = cohort(40, 6).rows

    inside, outside = table(of), table(replace(of, outside=other))
    copies = follow(
        np.repeat(other.time, 50), np.repeat(other.event, 50), np.zeros(2000), weight=np.repeat(other.weight, 50)
    )
    larger = table(replace(of, outside=copies))

    np.testing.assert_allclose(outside.variance[:, 0], inside.variance[:, 0], rtol=1e-12)  # Harrell's C has no weights
    np.testing.assert_allclose(outside.value, larger.value, rtol=1e-9)
    assert (outside.variance[:, 1:] >= larger.variance[:, 1:]).all()
    assert (outside.variance[:, 3] > 1.0001 * larger.variance[:, 3]).any()


def test_kaplan_meiers_squared_pulls_are_greenwoods_variance():
    rows = replace(cohort(200, 7).rows, weight=np.ones(200))
    curve = kaplan_meier(rows)
    mass = np.zeros(len(curve.times))
    where = int(curve.index(np.array([10.0]))[0])
    mass[where] = 1.0

    leaving, at_risk = curve.leaving[: where + 1], curve.at_risk[: where + 1]
    greenwood = np.sum(leaving / (at_risk * (at_risk - leaving)))

    assert np.sum(curve.pull_of_rows(mass) ** 2) == pytest.approx(greenwood, rel=1e-9)


def test_the_censoring_curve_lets_events_go_first():
    # day 1: one event and one censoring among three; the event has gone, so one of two is censored
    rows = follow(np.array([1.0, 1.0, 2.0]), np.array([True, False, True]), np.zeros(3))

    curve = censoring(rows)

    np.testing.assert_allclose(curve.at(np.array([0.5, 1.0, 1.5, 2.0])), [1.0, 0.5, 0.5, 0.5])


def test_a_curve_ends_at_0_and_not_a_rounding_above_whatever_the_weights():
    weight = np.array([0.1, 0.7, 0.2, 0.3, 0.1])
    rows = follow(
        np.array([1.0, 2.0, 2.0, 2.0, 2.0]), np.array([True, True, False, False, False]), np.zeros(5), weight=weight
    )

    assert censoring(rows).value[-1] == 0.0


@pytest.mark.parametrize("rows_each", [1, 3])
def test_intervals_hold_the_truth_about_19_times_in_20(rows_each: int):
    metrics = frozenset({"cindex_harrell", "cindex_ipcw", "auroc_t"})
    large = [cohort(60_000, 900 + k, metrics=metrics, horizons=(10.0,), rows_each=rows_each) for k in range(4)]
    truth = np.mean([values(of, of.rows, None)[0] for of in large], axis=0)
    held = np.zeros(len(truth))
    replicates = 400
    for k in range(replicates):
        of = cohort(300, k, metrics=metrics, horizons=(10.0,), rows_each=rows_each)
        for m, estimate in enumerate(survival(of, params={}, seed=7).estimates):
            lower, upper = estimate.bounds(0.95)
            held[m] += lower[0] <= truth[m] <= upper[0]

    assert (held / replicates > 0.92).all(), held / replicates  # 3 standard errors below 95 %
    assert (held / replicates < 0.98).all(), held / replicates
