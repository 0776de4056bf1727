"""Regression against scikit-learn, statsmodels and hand-worked numbers; coverage of every interval by simulation."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from many_samples import covered, named, replicates
from scipy import stats
from sklearn.linear_model import LinearRegression
from sklearn.metrics import mean_absolute_error, mean_squared_error, r2_score

from codman.errors import BadInput
from codman.evaluate.metrics.regression import regression
from codman.evaluate.result import Evaluation
from codman.evaluate.run import run
from codman.spine.evaluation_spec import EvaluationSpec
from codman.tables.source import open_source

METRICS = ("mae", "rmse", "r2", "bias", "limits_of_agreement_lower", "limits_of_agreement_upper")


def evaluated(columns: dict[str, object], **asked: object) -> Evaluation:
    spec = EvaluationSpec.model_validate({"task": "regression", "label": "y", "score": "p", **asked})
    return run(open_source(columns), spec)


def some(n: int = 400, seed: int = 1) -> dict[str, object]:
    random = np.random.default_rng(seed)
    y = random.normal(50, 10, n)
    return {
        "y": y,
        "p": y + random.normal(1, 3, n),
        "sex": random.choice(["F", "M"], n),
        "ward": random.choice(["A", "B", "C"], n),
        "patient": random.integers(0, n // 3, n),
        "w": random.uniform(0.2, 3, n),
    }


def test_four_patients_by_hand():
    found = evaluated({"y": [1.0, 2.0, 3.0, 6.0], "p": [2.0, 2.0, 2.0, 8.0]}, suppression="standard").measurements

    # four patients are too few to show
    assert all(m.suppressed for m in found)


def test_twelve_patients_by_hand():
    differences = [1.0, -1.0, 2.0, -2.0, 3.0, -3.0, 1.0, 1.0, 1.0, 1.0, 0.0, 2.0]
    y = np.arange(12.0)
    found = evaluated({"y": y, "p": y + differences}).measurements

    assert found.one("bias").value == pytest.approx(6 / 12)
    assert found.one("mae").value == pytest.approx(18 / 12)
    assert found.one("rmse").value == pytest.approx(np.sqrt(36 / 12))
    assert found.one("r2").value == pytest.approx(1 - 36 / 143)  # Σ(y − 5.5)² = 143
    sd = np.sqrt((36 - 12 * 0.25) / 11)
    assert found.one("limits_of_agreement_lower").value == pytest.approx(0.5 - 1.96 * sd)
    assert found.one("limits_of_agreement_upper").value == pytest.approx(0.5 + 1.96 * sd)
    t = stats.t.ppf(0.975, 11)
    assert found.one("bias").lower == pytest.approx(0.5 - t * sd / np.sqrt(12), rel=1e-9)


@pytest.mark.parametrize("weight", [None, "w"])
def test_values_equal_scikit_learn_on_every_slice(weight):
    columns = some()
    found = evaluated(columns, by=[["sex"], ["sex", "ward"]], weight=weight).measurements
    frame = pl.DataFrame(columns)
    for name in {tuple(m.slice.items()) for m in found if "by" not in m.params}:
        part = frame.filter(pl.all_horizontal([pl.lit(True), *(pl.col(k) == v for k, v in name)]))
        y, p = part["y"].to_numpy(), part["p"].to_numpy()
        w = part["w"].to_numpy() if weight else None
        here = {m.metric: m.value for m in found.where(slice=dict(name))}
        assert here["mae"] == pytest.approx(mean_absolute_error(y, p, sample_weight=w), rel=1e-9)
        assert here["rmse"] == pytest.approx(np.sqrt(mean_squared_error(y, p, sample_weight=w)), rel=1e-9)
        assert here["r2"] == pytest.approx(r2_score(y, p, sample_weight=w), rel=1e-9)
        assert here["bias"] == pytest.approx(np.average(p - y, weights=w), rel=1e-9)


def test_the_clustered_bias_has_the_standard_error_of_statsmodels():
    columns = some()
    d = columns["p"] - columns["y"]
    found = evaluated(columns, subject="patient").measurements.one("bias")
    fitted = sm.OLS(d, np.ones(len(d))).fit(
        cov_type="cluster", cov_kwds={"groups": columns["patient"], "use_correction": False}
    )
    sizes = np.unique(columns["patient"], return_counts=True)[1]
    effective = sizes.sum() ** 2 / (sizes**2).sum()
    half = stats.t.ppf(0.975, effective - 1) * fitted.bse[0] * np.sqrt(effective / (effective - 1))
    assert (found.upper - found.lower) / 2 == pytest.approx(half, rel=1e-6)
    assert found.method == "student-t-clustered"


def test_real_lengths_of_stay_equal_scikit_learn(real_data: Path):
    table = pl.read_csv(real_data / "diabetes130_hospitals" / "diabetic_data_dev.csv.gz", null_values="?")
    table = table.head(30_000).select(
        "time_in_hospital", "num_lab_procedures", "num_medications", "number_diagnoses", "race", "patient_nbr"
    )
    x = table.select("num_lab_procedures", "num_medications", "number_diagnoses").to_numpy()
    y = table["time_in_hospital"].to_numpy()
    table = table.with_columns(p=LinearRegression().fit(x[:10_000], y[:10_000]).predict(x))
    found = run(
        open_source(table),
        EvaluationSpec(task="regression", label="time_in_hospital", score="p", by=[["race"]], subject="patient_nbr"),
    ).measurements
    p = table["p"].to_numpy()
    assert found.one("r2").value == pytest.approx(r2_score(y, p), rel=1e-9)
    black = table.filter(pl.col("race") == "AfricanAmerican")
    assert found.one("mae", slice={"race": "AfricanAmerican"}).value == pytest.approx(
        mean_absolute_error(black["time_in_hospital"], black["p"]), rel=1e-9
    )
    assert "(missing)" in {m.slice.get("race") for m in found}
    assert len(found.where("mae_difference")) == 1


def test_one_row_a_patient_with_a_subject_column_changes_nothing():
    columns = some()
    columns["patient"] = np.arange(400)
    assert [m.row() for m in evaluated(columns, subject="patient").measurements] == [
        m.row() for m in evaluated(columns).measurements
    ]


def test_every_row_twice_under_one_patient_keeps_the_interval_of_one_row_each():
    columns = {k: v for k, v in some().items() if k in ("y", "p")}
    once = evaluated(columns).measurements
    twice = evaluated(
        {"y": np.repeat(columns["y"], 2), "p": np.repeat(columns["p"], 2), "patient": np.repeat(np.arange(400), 2)},
        subject="patient",
    ).measurements
    for metric in ("mae", "rmse", "r2", "bias"):
        a, b = once.one(metric), twice.one(metric)
        assert (a.value, a.lower, a.upper) == pytest.approx((b.value, b.lower, b.upper), rel=1e-9)


def test_a_large_common_shift_keeps_the_digits_of_the_spread():
    columns = some()
    shifted = {"y": columns["y"] + 1e7, "p": columns["p"] + 1e7 + 1e6}
    found = evaluated(shifted).measurements
    assert found.one("r2").value == pytest.approx(r2_score(shifted["y"], shifted["p"]), rel=1e-9)
    sd = np.std(shifted["p"] - shifted["y"], ddof=1)
    limits = found.one("limits_of_agreement_upper").value - found.one("limits_of_agreement_lower").value
    assert limits == pytest.approx(2 * 1.96 * sd, rel=1e-6)


def test_missing_values_are_excluded_and_counted():
    columns = some()
    columns["p"][:3] = np.nan
    columns["y"][2:5] = np.nan
    rows = evaluated(columns).rows
    assert rows.excluded == {"score missing": 3, "label missing": 2}
    assert (rows.eligible, rows.scored, rows.evaluated) == (400, 397, 395)


@pytest.mark.parametrize("column", ["y", "p"])
def test_an_infinite_number_is_refused_with_its_row(column):
    columns = some()
    columns[column][6] = np.inf
    with pytest.raises(BadInput, match="row 7 is infinite"):
        evaluated(columns)


def test_a_constant_outcome_has_no_r_squared_and_says_why():
    columns = some() | {"y": np.full(400, 5.0)}
    found = evaluated(columns).measurements
    assert found.one("r2").value is None
    assert "same in every row" in found.one("r2").note
    assert found.one("mae").lower is not None


def test_perfect_predictions_have_no_interval_and_say_why():
    columns = some()
    columns["p"] = columns["y"].copy()
    found = evaluated(columns).measurements
    assert found.one("rmse").value == 0
    assert found.one("rmse").lower is None
    assert "same" in found.one("rmse").note


def test_one_patient_with_many_rows_has_no_interval():
    sample = replicates(1, 12, per_patient=12)
    random = np.random.default_rng(0)
    family = regression(sample, random.normal(size=12), random.normal(size=12))
    for estimate in family.estimates:
        lower, _ = estimate.bounds(0.95)
        assert np.isnan(lower[0])


def test_heavy_tails_are_told_where_the_interval_of_a_spread_suffers_from_them():
    columns = some()
    columns["p"][:4] += 60
    found = evaluated(columns).measurements
    assert "heavy tails" in found.one("rmse").note
    assert "heavy tails" in found.one("limits_of_agreement_upper").note
    assert found.one("mae").note is None


def test_a_threshold_is_refused_by_name():
    with pytest.raises(BadInput, match="--threshold cannot be used here"):
        evaluated(some(), thresholds=[0.5])


@given(st.floats(0.01, 100), st.floats(-1e3, 1e3), st.integers(0, 10_000))
@settings(max_examples=30, deadline=None)
def test_changing_the_unit_changes_the_numbers_in_that_unit(scale, shift, seed):
    random = np.random.default_rng(seed)
    y = random.normal(size=40)
    p = y + random.normal(size=40)
    sample = replicates(1, 40)
    before = regression(sample, y, p).estimates
    after = regression(sample, y * scale + shift, p * scale + shift).estimates
    for metric in METRICS:
        factor = 1 if metric == "r2" else scale
        a, b = named(before, metric), named(after, metric)
        assert b.value[0] == pytest.approx(a.value[0] * factor, rel=1e-6, abs=1e-8 * max(1, abs(shift)))
        assert b.bounds(0.9)[0][0] == pytest.approx(
            a.bounds(0.9)[0][0] * factor, rel=1e-6, abs=1e-8 * max(1, abs(shift))
        )


@pytest.mark.parametrize("interval", ["percentile", "bca"])
def test_the_bootstrap_agrees_with_the_analytic_interval(interval):
    columns = some(300)
    analytic = evaluated(columns, by=[["sex"]]).measurements
    drawn = evaluated(columns, by=[["sex"]], interval=interval, replicates=600).measurements
    for metric in METRICS:
        a, b = analytic.one(metric), drawn.one(metric)
        assert b.value == a.value
        assert b.method.startswith("bootstrap")
        assert b.lower == pytest.approx(a.lower, abs=0.35 * (a.upper - a.lower) / 2)
        assert b.upper == pytest.approx(a.upper, abs=0.35 * (a.upper - a.lower) / 2)
    again = evaluated(columns, by=[["sex"]], interval=interval, replicates=600).measurements
    assert [m.row() for m in again] == [m.row() for m in drawn]


def _truth(kind: str) -> dict[str, float]:
    # bias 0.2; normal errors of SD 1, or t₅ scaled to SD 1; outcome variance 4 plus the error's
    mean, mae = 0.2, {"normal": 0.8136, "t5": 0.7578}[kind]
    return {
        "bias": mean,
        "mae": mae,
        "rmse": np.sqrt(1 + mean**2),
        "r2": 1 - (1 + mean**2) / 5,
        "limits_of_agreement_lower": mean - 1.96,
        "limits_of_agreement_upper": mean + 1.96,
    }


@pytest.mark.parametrize(
    ("kind", "rows", "per_patient", "least"), [("normal", 30, 1, 0.935), ("normal", 160, 4, 0.93), ("t5", 100, 1, 0.89)]
)
def test_intervals_cover_as_often_as_they_say(kind, rows, per_patient, least):
    random = np.random.default_rng(3)
    many = 2_000
    sample = replicates(many, rows, per_patient=per_patient)
    n = many * rows
    error = random.normal(size=n) if kind == "normal" else random.standard_t(5, n) / np.sqrt(5 / 3)
    if per_patient > 1:  # half of the error's variance is the patient's
        error = np.sqrt(0.5) * error + np.sqrt(0.5) * np.repeat(random.normal(size=n // per_patient), per_patient)
    p = random.normal(0, 2, n)
    found = regression(sample, p - 0.2 - error, p).estimates
    for metric, truth in _truth(kind).items():
        share = covered(named(found, metric), truth, null_counts=False)
        assert least <= share <= 0.97, (metric, share)
