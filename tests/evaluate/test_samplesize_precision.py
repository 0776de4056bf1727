"""Sample sizes against closed forms, published calculations, and the widths that simulated studies achieve."""

import math

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.linear_model import LogisticRegression

from codman.errors import BadInput
from codman.evaluate.compare.delong import place
from codman.evaluate.samplesize import linear_predictor as spread
from codman.evaluate.samplesize.precision import WIDTHS, Expected, Unexpected, fewest_patients

Z = norm.ppf(0.975)


@pytest.mark.parametrize(
    ("expected", "wanted"),
    [
        # mechanical heart valve failure, Riley 2021 (doi:10.1002/sim.9025), as the authors' pmvalsampsize gives it
        (
            Expected(prevalence=0.018, values={"auroc": 0.8}, spread=spread.normal(-5.0, 2.5)),
            {"oe_ratio": (1.0, 905), "calibration_slope": (0.2, 4544), "auroc": (0.1, 4252)},
        ),
        (
            Expected(prevalence=0.018, values={"auroc": 0.8}, spread=spread.beta(0.5, 0.5)),
            {"calibration_slope": (0.2, 1644)},
        ),
    ],
    ids=["normal log odds", "beta risks"],
)
def test_published_calculations_are_met_within_half_a_percent(expected, wanted):
    # the authors' program simulates the spread and steps the standard error, so the last patient may differ
    for metric, (width, n) in wanted.items():
        assert fewest_patients(metric, width, expected) == pytest.approx(n, rel=0.005), metric


def test_the_oe_ratio_needs_a_standard_error_of_0_051_for_a_width_of_0_2():
    # Riley 2021: SE(ln O:E) = 0.051; worked by hand: n = (1 − φ)/(φ·SE²)
    n = fewest_patients("oe_ratio", 0.2, Expected(prevalence=0.2))

    error = math.asinh(0.1) / Z
    assert error == pytest.approx(0.051, abs=1e-4)
    assert n == math.ceil(0.8 / (0.2 * error**2))


def test_sensitivity_rests_on_events_and_specificity_on_the_others():
    expected = Expected(prevalence=0.05, values={"sensitivity": 0.8, "specificity": 0.8})

    n_sensitivity = fewest_patients("sensitivity", 0.1, expected)
    n_specificity = fewest_patients("specificity", 0.1, expected)

    assert n_sensitivity * 0.05 == pytest.approx(n_specificity * 0.95, abs=1)
    # Wald's formula, n = p(1−p)(2z/width)², is near Wilson's
    assert n_specificity * 0.95 == pytest.approx(0.16 * (2 * Z / 0.1) ** 2, rel=0.02)


def test_ppv_rests_on_the_flagged_whose_share_follows_from_sensitivity_and_specificity():
    values = {"sensitivity": 0.8, "specificity": 0.9, "ppv": 0.3}
    n = fewest_patients("ppv", 0.1, Expected(prevalence=0.05, values=values))
    alert_rate = 0.05 * 0.8 + 0.95 * 0.1

    assert n == fewest_patients("ppv", 0.1, Expected(prevalence=0.05, values={"ppv": 0.3, "alert_rate": alert_rate}))


@pytest.mark.parametrize("metric", sorted(WIDTHS))
def test_the_answer_is_the_fewest_patients_that_are_enough(metric):
    expected = Expected(prevalence=0.1, threshold=0.2, spread=spread.normal(-2.6, 1.2))
    width, _ = WIDTHS[metric]

    n = fewest_patients(metric, 0.1, expected)

    assert width(n, expected) <= 0.1 < width(n - 1, expected)
    assert fewest_patients(metric, 0.05, expected) > n
    assert fewest_patients(metric, 0.1, Expected(**{**vars_of(expected), "level": 0.99})) > n


def vars_of(expected):
    return {name: getattr(expected, name) for name in ("prevalence", "values", "threshold", "spread", "level")}


def test_a_spread_from_auroc_and_prevalence_gives_them_back():
    for auroc, prevalence in ((0.6, 0.3), (0.75, 0.1), (0.9, 0.02), (0.97, 0.5)):
        found = spread.of_auroc(auroc, prevalence)
        assert found.auroc == pytest.approx(auroc, abs=1e-6)
        assert found.prevalence == pytest.approx(prevalence, rel=1e-6)


def test_a_beta_spread_has_the_betas_mean_and_a_table_of_scores_its_own():
    assert spread.beta(0.5, 4.5).prevalence == pytest.approx(0.1, rel=1e-6)
    assert spread.of_scores(np.array([0.1, 0.2, 0.9])).prevalence == pytest.approx(0.4)


def simulated(rng, lp, n):
    log_odds = rng.normal(lp[0], lp[1], n)
    risk = 1 / (1 + np.exp(-log_odds))
    return log_odds, risk, rng.random(n) < risk


LP = (-2.0, 1.3)
MODEL = Expected(prevalence=0.0, threshold=0.2, spread=spread.normal(*LP))
MODEL = Expected(prevalence=MODEL.spread.prevalence, threshold=0.2, spread=MODEL.spread)


def average_width(metric, n):
    """Mean width of the 95 % interval over simulated studies of n patients."""
    rng = np.random.default_rng(1)
    widths = []
    for _ in range(30 if metric == "calibration_slope" else 150):
        log_odds, risk, event = simulated(rng, LP, n)
        if metric == "auroc":
            placed = place(event, risk)
            m, k = event.sum(), (~event).sum()
            variance = placed.of_positive @ placed.of_positive * m / (m - 1)
            variance += placed.of_negative @ placed.of_negative * k / (k - 1)
            widths.append(2 * Z * math.sqrt(variance))
        elif metric == "oe_ratio":
            ratio, error = event.sum() / risk.sum(), math.sqrt((1 - event.mean()) / event.sum())
            widths.append(2 * ratio * math.sinh(Z * error))
        elif metric == "calibration_slope":
            fit = LogisticRegression(C=np.inf).fit(log_odds[:, None], event)
            p = fit.predict_proba(log_odds[:, None])[:, 1]
            design = np.column_stack([np.ones(n), log_odds])
            covariance = np.linalg.inv(design.T @ (design * (p * (1 - p))[:, None]))
            widths.append(2 * Z * math.sqrt(covariance[1, 1]))
        elif metric == "calibration_intercept":
            widths.append(2 * Z / math.sqrt((risk * (1 - risk)).sum()))
        else:
            flag, harm = risk >= 0.2, 0.25
            of_row = {
                "sensitivity": flag[event] * 1.0,
                "specificity": 1.0 - flag[~event],
                "ppv": event[flag] * 1.0,
                "npv": 1.0 - event[~flag],
                "brier": (risk - event) ** 2,
                "log_loss": -np.where(event, np.log(risk), np.log1p(-risk)),
                "net_benefit": flag * np.where(event, 1.0, -harm),
            }[metric]
            widths.append(2 * Z * of_row.std() / math.sqrt(len(of_row)))
    return float(np.mean(widths))


@pytest.mark.parametrize(
    ("metric", "width"),
    [
        ("auroc", 0.08),
        ("oe_ratio", 0.3),
        ("calibration_slope", 0.35),
        ("calibration_intercept", 0.4),
        ("sensitivity", 0.12),
        ("specificity", 0.06),
        ("ppv", 0.12),
        ("npv", 0.05),
        ("brier", 0.02),
        ("log_loss", 0.06),
        ("net_benefit", 0.04),
    ],
)
def test_simulated_studies_of_that_size_are_as_precise_as_wanted_within_five_percent(metric, width):
    n = fewest_patients(metric, width, MODEL)

    assert average_width(metric, n) == pytest.approx(width, rel=0.05)


@pytest.mark.parametrize(
    ("metric", "says"),
    [
        ("calibration_slope", "--lp-mean"),
        ("auroc", "--expect auroc"),
        ("sensitivity", "--expect sensitivity"),
        ("net_benefit", "--threshold"),
    ],
)
def test_what_is_not_known_is_asked_for(metric, says):
    with pytest.raises(Unexpected, match=says):
        fewest_patients(metric, 0.1, Expected(prevalence=0.1))


def test_a_width_nobody_could_reach_is_refused():
    with pytest.raises(BadInput, match="million million"):
        fewest_patients("prevalence", 1e-9, Expected(prevalence=0.5))


@pytest.mark.parametrize(
    "make",
    [
        lambda: spread.normal(0.0, 0.0),
        lambda: spread.beta(-1.0, 2.0),
        lambda: spread.of_scores(np.array([0.2, 1.2])),
        lambda: spread.of_scores(np.array([0.2, 0.2])),
        lambda: spread.of_auroc(0.5, 0.1),
    ],
)
def test_a_spread_that_is_none_is_refused(make):
    with pytest.raises(spread.NoSpread):
        make()
