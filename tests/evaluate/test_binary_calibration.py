"""Calibration against statsmodels and hand formulas, on real cohorts and on corners."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm
from binary_cohorts import NAMES, binary, cohort, ends, some
from scipy import stats
from scipy.optimize import brentq
from scipy.special import expit, logit

from codman.evaluate.metrics.probability import NOT_RISKS
from codman.evaluate.run import run
from codman.spine.evaluation_spec import EvaluationSpec
from codman.tables.source import open_source

Z = stats.norm.ppf(0.975)
CALIBRATION = ["calibration_slope", "calibration_intercept"]


def fits(y: np.ndarray, p: np.ndarray, w: np.ndarray | None = None):
    """statsmodels' joint fit, and its intercept with the slope fixed at 1."""
    x = logit(np.clip(p, 1e-12, 1 - 1e-12))
    family = {"family": sm.families.Binomial(), "freq_weights": w}
    joint = sm.GLM(y.astype(float), sm.add_constant(x), **family).fit(tol=1e-12)
    large = sm.GLM(y.astype(float), np.ones(len(y)), offset=x, **family).fit(tol=1e-12)
    return joint, large


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("weight", [None, "w"])
def test_slope_and_both_intercepts_equal_statsmodels(name, weight):
    c = cohort(name)
    inside = c.sex == c.sex[0]
    found = binary(c.columns(), by=[["sex"]], weight=weight, metrics=CALIBRATION)
    for where, keep in (({}, np.ones(len(inside), bool)), ({"sex": c.sex[0]}, inside)):
        joint, large = fits(c.event[keep], c.risk[keep], c.weight[keep] if weight else None)
        slope = found.one("calibration_slope", slice=where)
        by_kind = {m.params.get("kind"): m for m in found.where("calibration_intercept", slice=where)}
        assert slope.value == pytest.approx(joint.params[1], abs=1e-6)
        assert by_kind["joint"].value == pytest.approx(joint.params[0], abs=1e-6)
        assert by_kind[None].value == pytest.approx(large.params[0], abs=1e-6)
        if not weight and slope.method == "wald":
            assert ends(slope) == pytest.approx(joint.conf_int()[1], abs=1e-6)
            assert ends(by_kind["joint"]) == pytest.approx(joint.conf_int()[0], abs=1e-6)
            assert ends(by_kind[None]) == pytest.approx(large.conf_int()[0], abs=1e-6)


def test_enough_events_give_the_wald_interval_of_statsmodels_logit():
    c = cohort("rhc")
    reference = sm.Logit(c.event.astype(float), sm.add_constant(logit(c.risk))).fit(disp=0, tol=1e-12)
    row = binary(c.columns(), metrics=CALIBRATION).one("calibration_slope")
    assert row.method == "wald"
    assert ends(row) == pytest.approx(reference.conf_int()[1], abs=1e-6)


def test_under_a_hundred_events_the_interval_is_the_profile_likelihoods():
    columns = some(300, prevalence=0.2, decimals=3)
    y, p = columns["died"], columns["risk"]
    assert 30 <= y.sum() < 100
    joint, large = fits(y, p)
    x, fall = logit(p), stats.chi2.ppf(0.95, 1) / 2

    def held(slope: float) -> float:
        fixed = sm.GLM(y, np.ones(len(y)), offset=slope * x, family=sm.families.Binomial()).fit(tol=1e-13)
        return fixed.llf - joint.llf + fall

    def alone(intercept: float) -> float:
        risk = expit(intercept + x)
        return float(np.sum(np.log(np.where(y == 1, risk, 1 - risk)))) - large.llf + fall

    found = binary(columns, metrics=CALIBRATION)
    slope = found.one("calibration_slope")
    (row,) = [m for m in found.where("calibration_intercept") if "kind" not in m.params]
    assert slope.method == row.method == "profile-likelihood"
    b, a = joint.params[1], large.params[0]
    assert ends(slope) == pytest.approx((brentq(held, b - 2, b), brentq(held, b, b + 2)), abs=1e-6)
    assert ends(row) == pytest.approx((brentq(alone, a - 2, a), brentq(alone, a, a + 2)), abs=1e-6)


def test_clustered_slopes_take_statsmodels_sandwich_by_patient():
    columns = some(900, decimals=3)
    y, x = columns["died"].astype(float), sm.add_constant(logit(columns["risk"]))
    kinds = {"cov_type": "cluster", "cov_kwds": {"groups": columns["patient"]}}
    joint = sm.Logit(y, x).fit(disp=0, tol=1e-12, **kinds)
    patients = len(np.unique(columns["patient"]))
    spread = joint.bse[1] / np.sqrt(899 / 898)  # statsmodels also corrects for the two coefficients
    row = binary(columns, metrics=CALIBRATION, subject="patient").one("calibration_slope")
    reach = (row.upper - row.value) / spread
    assert row.method == "wald-sandwich"
    assert Z < reach < stats.t.ppf(0.975, 60)  # t with as many patients as the smaller class is worth
    assert row.value == pytest.approx(joint.params[1], abs=1e-6)
    assert patients > 60


def test_weighted_slopes_take_the_sandwich():
    columns = some(700, decimals=3)
    y, x, w = columns["died"].astype(float), sm.add_constant(logit(columns["risk"])), columns["w"]
    joint, _large = fits(y, columns["risk"], w)
    residual = (w * (y - joint.fittedvalues))[:, None] * x
    bread = np.linalg.inv(x.T @ (x * (w * joint.fittedvalues * (1 - joint.fittedvalues))[:, None]))
    se = np.sqrt((bread @ residual.T @ residual @ bread)[1, 1])
    row = binary(columns, metrics=CALIBRATION, weight="w").one("calibration_slope")
    worth = min(np.sum(w[y == k]) ** 2 / np.sum(w[y == k] ** 2) for k in (0, 1))
    half = stats.t.ppf(0.975, worth - 1) * se
    assert ends(row) == pytest.approx((row.value - half, row.value + half), abs=1e-5)


def test_scores_of_exactly_0_and_1_are_moved_inward_and_counted():
    columns = some(400)
    columns["risk"][:3], columns["risk"][3:5] = 0.0, 1.0
    columns["died"][:5] = [0, 0, 1, 1, 0]
    row = binary(columns, metrics=CALIBRATION).one("calibration_slope")
    joint, _large = fits(columns["died"], columns["risk"])
    assert row.params["clipped"] == 5
    assert row.value == pytest.approx(joint.params[1], abs=1e-6)


@pytest.mark.parametrize("risk", [[0.1, 0.2, 0.7, 0.9], [0.3] * 4])
def test_separation_or_one_score_only_gives_no_slope_and_says_why(risk):
    row = binary({"died": [0, 0, 1, 1] * 10, "risk": risk * 10}, metrics=CALIBRATION).one("calibration_slope")
    assert (row.value, row.lower) == (None, None)
    assert "separate the classes or are all alike" in row.note


def test_a_constant_score_still_has_an_intercept_in_the_large():
    y = np.repeat([1, 0], [30, 70])
    found = binary({"died": y, "risk": np.full(100, 0.2)}, metrics=CALIBRATION)
    (row,) = [m for m in found.where("calibration_intercept") if "kind" not in m.params]
    assert row.value == pytest.approx(logit(0.3) - logit(0.2), abs=1e-9)


def test_spiegelhalters_z_by_hand():
    c = cohort("rhc")
    y, p = c.event.astype(float), c.risk
    z = np.sum((y - p) * (1 - 2 * p)) / np.sqrt(np.sum((1 - 2 * p) ** 2 * p * (1 - p)))
    row = binary({"died": y, "risk": p}, metrics=["spiegelhalter_z"]).one("spiegelhalter_z")
    assert row.value == pytest.approx(z, abs=1e-9)
    assert row.p_value == pytest.approx(2 * stats.norm.sf(abs(z)), abs=1e-12)


def test_the_three_smoothed_errors_against_statsmodels_lowess_where_rows_are_few():
    lowess = pytest.importorskip("statsmodels.nonparametric.smoothers_lowess").lowess
    r = np.random.default_rng(2)
    p = r.uniform(0.01, 0.99, 240)  # no ties: each row is its own point; three quarters of 240 is a whole number
    y = (r.uniform(size=240) < p**1.5).astype(int)
    distance = np.abs(p - np.clip(lowess(y, p, frac=0.75, it=0, delta=0, return_sorted=False), 0, 1))
    found = binary({"died": y, "risk": p})
    assert found.one("ici").value == pytest.approx(distance.mean(), abs=1e-6)
    assert found.one("e50").value == pytest.approx(np.quantile(distance, 0.5, method="inverted_cdf"), abs=1e-6)
    assert found.one("e90").value == pytest.approx(np.quantile(distance, 0.9, method="inverted_cdf"), abs=1e-6)


def test_smoothing_gathered_rows_stays_close_to_smoothing_every_row():
    lowess = pytest.importorskip("statsmodels.nonparametric.smoothers_lowess").lowess
    c = cohort("flchain")
    y, p = c.event.astype(float), c.risk + np.random.default_rng(1).uniform(0, 1e-7, len(c.risk))
    distance = np.abs(p - np.clip(lowess(y, p, frac=0.75, it=0, delta=0.001, return_sorted=False), 0, 1))
    assert binary({"died": y.astype(int), "risk": p}).one("ici").value == pytest.approx(distance.mean(), abs=2e-3)


@pytest.mark.parametrize("metric", ["ece", "ici", "e50", "e90"])
def test_errors_that_are_biased_upward_have_no_interval_but_what_calibrated_risks_would_show(metric):
    r = np.random.default_rng(3)
    p = r.uniform(0.02, 0.6, 800)
    y = (r.uniform(size=800) < p).astype(int)
    row = binary({"died": y, "risk": p, "sex": r.choice(["F", "M"], 800)}, by=[["sex"]]).one(metric)
    assert (row.lower, row.upper) == (None, None)
    simulated = [
        binary({"died": (r.uniform(size=800) < p).astype(int), "risk": p}, metrics=[metric]).one(metric).value
        for _ in range(60)
    ]
    assert row.params["expected_if_calibrated"] == pytest.approx(np.mean(simulated), rel=0.25)


def test_no_difference_between_groups_is_formed_of_what_grows_as_groups_shrink():
    found = binary(some(), by=[["sex"]], thresholds=[0.3])
    assert not [m for m in found if m.metric in {f"{k}_difference" for k in ("ece", "ici", "e50", "e90")}]


def test_scores_beyond_0_and_1_are_ranked_and_refused_for_calibration():
    columns = some()
    logits = logit(columns["risk"])
    found = binary({**columns, "risk": logits}, thresholds=[0.0])
    as_risk = binary(columns, thresholds=[0.5])
    for metric in ("auroc", "auprc", "sensitivity", "ppv"):
        assert found.one(metric).value == as_risk.one(metric).value
    refused = ("brier", "log_loss", "oe_ratio", "ece", "ici", "calibration_slope", "calibration_intercept")
    for metric in (*refused, "brier_skill", "spiegelhalter_z", "e50", "e90"):
        row = found.where(metric, slice={})[0]
        assert (row.value, row.note) == (None, NOT_RISKS), metric
    assert not found.where("net_benefit")


def test_the_calibration_curve_holds_groups_of_equal_numbers_with_wilson_intervals():
    c = cohort("rhc")
    spec = EvaluationSpec(task="binary", label="died", score="risk")
    curves = run(open_source({"died": c.event.astype(int), "risk": c.risk}), spec).curves
    grouped = next(curve for curve in curves.calibration if curve.kind == "equal-mass")
    assert sum(grouped.n) == len(c.event)
    assert max(grouped.n) - min(grouped.n) <= 0.1 * len(c.event) / 10
    assert np.average(grouped.y, weights=grouped.n) == pytest.approx(c.event.mean(), abs=1e-12)
    assert np.average(grouped.x, weights=grouped.n) == pytest.approx(c.risk.mean(), abs=1e-12)
