"""Every analytic interval, worked again the slow way: n² DeLong, patients summed one by one, numeric derivatives."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from binary_cohorts import binary, cohort, ends, some
from scipy import stats
from scipy.special import expit, logit
from sklearn.metrics import average_precision_score
from statsmodels.stats.proportion import proportion_confint

Z = stats.norm.ppf(0.975)


def placements(y: np.ndarray, s: np.ndarray, w: np.ndarray | None = None) -> tuple[float, np.ndarray, np.ndarray]:
    """AUROC, and each event's and each non-event's share of the other class it beats: n² comparisons."""
    w = np.ones(len(s)) if w is None else w
    wins = (s[y][:, None] > s[~y][None]) + 0.5 * (s[y][:, None] == s[~y][None])
    of_events, of_others = wins @ w[~y] / w[~y].sum(), w[y] @ wins / w[y].sum()
    return float(np.average(of_events, weights=w[y])), of_events, of_others


def on_logit(value: float, se: float, reach: float = Z) -> tuple[float, float]:
    half = reach * se / (value * (1 - value))
    return expit(logit(value) - half), expit(logit(value) + half)


def patients_of(columns: dict[str, np.ndarray], parts: dict[str, np.ndarray]) -> pd.DataFrame:
    return pd.DataFrame(parts).groupby(columns["patient"]).sum()


@pytest.mark.parametrize("name", ["rhc", "flchain", "icu"])
def test_auroc_by_delong_on_the_logit_scale(name):
    c = cohort(name)
    y, s = c.event, c.risk
    auroc, of_events, of_others = placements(y, s)
    se = np.sqrt(of_events.var(ddof=1) / y.sum() + of_others.var(ddof=1) / (~y).sum())
    row = binary({"died": y, "risk": s}, metrics=["auroc"]).one("auroc")
    assert row.method == "delong-logit"
    assert ends(row) == pytest.approx(on_logit(auroc, se), abs=1e-9)
    plain = binary({"died": y, "risk": s}, metrics=["auroc"], auroc_interval="delong").one("auroc")
    assert plain.method == "delong"
    assert ends(plain) == pytest.approx((auroc - Z * se, auroc + Z * se), abs=1e-9)


def test_clustered_auroc_sums_placements_by_patient():
    columns = some(900)
    y, s = columns["died"] == 1, columns["risk"]
    auroc, of_events, of_others = placements(y, s)
    influence = np.empty(900)
    influence[y], influence[~y] = (of_events - auroc) / y.sum(), (of_others - auroc) / (~y).sum()
    by_patient = patients_of(columns, {"i": influence})["i"]
    units = len(by_patient)
    se = np.sqrt((by_patient**2).sum() * units / (units - 1))
    worth = min(np.sum(part) ** 2 / np.sum(patients_of(columns, {"n": part})["n"] ** 2) for part in (1.0 * y, 1.0 * ~y))
    row = binary(columns, metrics=["auroc"], subject="patient").one("auroc")
    assert row.method == "obuchowski-logit"
    assert ends(row) == pytest.approx(on_logit(auroc, se, stats.t.ppf(0.975, worth - 1)), abs=1e-5)
    # Obuchowski 1997 to the letter corrects each part for its own number of patients: the same to a few per cent
    x = patients_of(columns, {"m": y, "n": ~y, "v10": np.where(y, influence * y.sum(), 0),
                              "v01": np.where(~y, influence * (~y).sum(), 0)})  # fmt: skip
    m, n, i10, i01 = y.sum(), (~y).sum(), (x["m"] > 0).sum(), (x["n"] > 0).sum()
    s10, s01 = i10 / ((i10 - 1) * m) * (x["v10"] ** 2).sum(), i01 / ((i01 - 1) * n) * (x["v01"] ** 2).sum()
    s11 = units / (units - 1) * (x["v10"] * x["v01"]).sum()
    assert se == pytest.approx(np.sqrt(s10 / m + s01 / n + 2 * s11 / (m * n)), rel=0.01)


def test_weighted_auroc_by_delong_with_weights():
    columns = some(400)
    y, s, w = columns["died"] == 1, columns["risk"], columns["w"]
    auroc, of_events, of_others = placements(y, s, w)
    variance = 0.0
    for part, weight in ((of_events, w[y]), (of_others, w[~y])):
        kish = weight.sum() ** 2 / (weight**2).sum()
        variance += np.sum(weight**2 * (part - auroc) ** 2) / weight.sum() ** 2 * kish / (kish - 1)
    worth = min(w[k].sum() ** 2 / (w[k] ** 2).sum() for k in (y, ~y))
    row = binary(columns, metrics=["auroc"], weight="w").one("auroc")
    assert ends(row) == pytest.approx(on_logit(auroc, np.sqrt(variance), stats.t.ppf(0.975, worth - 1)), abs=1e-5)


@pytest.mark.parametrize(("events", "others"), [(10, 200), (200, 12), (29, 29)])
def test_under_thirty_of_either_class_auroc_takes_wilson_of_the_smaller(events, others):
    r = np.random.default_rng(1)
    y = np.repeat([True, False], [events, others])
    s = r.normal(y * 1.0)
    row = binary({"died": y, "risk": expit(s)}, metrics=["auroc"]).one("auroc")
    auroc, _a, _b = placements(y, s)
    n = min(events, others)
    centre, half = auroc + Z**2 / 2 / n, Z * np.sqrt(auroc * (1 - auroc) / n + Z**2 / 4 / n**2)
    assert row.method == "wilson-min"
    assert ends(row) == pytest.approx([(centre + k * half) / (1 + Z**2 / n) for k in (-1, 1)], abs=1e-9)


@pytest.mark.parametrize("events", [60, 500])
def test_perfect_and_nearly_perfect_ranking_still_has_an_interval_below_1(events):
    y = np.repeat([True, False], events)
    s = np.where(y, 0.9, 0.1)
    row = binary({"died": y, "risk": s}, metrics=["auroc"]).one("auroc")
    assert (row.value, row.upper, row.method) == (1.0, 1.0, "wilson-min")
    assert row.lower == pytest.approx(proportion_confint(events, events, method="wilson")[0])


@pytest.mark.parametrize("name", ["rhc", "diabetes", "icu"])
def test_shares_take_wilsons_interval(name):
    c = cohort(name)
    y, flag = c.event, c.risk >= c.threshold
    found = binary({"died": y, "risk": c.risk}, thresholds=[c.threshold])
    for metric, top, bottom in (
        ("sensitivity", y & flag, y), ("specificity", ~y & ~flag, ~y), ("ppv", y & flag, flag),
        ("npv", ~y & ~flag, ~flag), ("accuracy", y == flag, y | ~y), ("alert_rate", flag, y | ~y),
        ("prevalence", y, y | ~y),
    ):  # fmt: skip
        row = found.one(metric)
        assert row.method == "wilson"
        wilson = proportion_confint(top.sum(), bottom.sum(), method="wilson")
        assert ends(row) == pytest.approx(wilson, abs=1e-9), metric


@pytest.mark.parametrize(("weight", "subject"), [("w", None), (None, "patient"), ("w", "patient")])
def test_clustered_or_weighted_shares_take_korn_and_graubards_effective_number(weight, subject):
    columns = some(600)
    y, flag = columns["died"] == 1, columns["risk"] >= 0.4
    w = columns["w"] if weight else np.ones(600)
    who = columns["patient"] if subject else np.arange(600)
    found = binary(columns, thresholds=[0.4], weight=weight, subject=subject)
    for metric, top, bottom in (
        ("sensitivity", y & flag, y), ("ppv", y & flag, flag), ("prevalence", y, y | ~y),
        ("accuracy", y == flag, y | ~y),
    ):  # fmt: skip
        value = np.sum(w * top) / np.sum(w * bottom)
        residual = pd.Series(w * (1.0 * top - value * bottom)).groupby(who).sum()
        units = len(residual)
        variance = np.sum(residual**2) / np.sum(w * bottom) ** 2 * units / (units - 1)
        worth = min(value * (1 - value) / variance, bottom.sum())
        kish = np.sum(w * bottom) ** 2 / np.sum(pd.Series(w * bottom).groupby(who).sum() ** 2)
        worth *= (Z / stats.t.ppf(0.975, kish - 1)) ** 2
        row = found.one(metric)
        assert row.method == "wilson-korn-graubard"
        wilson = proportion_confint(value * worth, worth, method="wilson")
        assert ends(row) == pytest.approx(wilson, abs=1e-5), metric


def test_f1_and_number_needed_take_their_intervals_from_the_share_they_follow_from():
    c = cohort("rhc")
    y, flag = c.event, c.risk >= c.threshold
    found = binary({"died": y, "risk": c.risk}, thresholds=[c.threshold])
    low, high = proportion_confint((y & flag).sum(), (y | flag).sum(), method="wilson")
    assert ends(found.one("f1")) == pytest.approx((2 * low / (1 + low), 2 * high / (1 + high)), abs=1e-9)
    low, high = proportion_confint((y & flag).sum(), flag.sum(), method="wilson")
    assert ends(found.one("number_needed_to_evaluate")) == pytest.approx((1 / high, 1 / low), abs=1e-9)


def test_balanced_accuracy_joins_its_two_wilson_intervals_by_mover():
    c = cohort("icu")
    y, flag = c.event, c.risk >= c.threshold
    value, down, up = 0.0, 0.0, 0.0
    for top, bottom in ((y & flag, y), (~y & ~flag, ~y)):
        share = top.sum() / bottom.sum()
        low, high = proportion_confint(top.sum(), bottom.sum(), method="wilson")
        value, down, up = value + share / 2, down + (share - low) ** 2 / 4, up + (high - share) ** 2 / 4
    row = binary({"died": y, "risk": c.risk}, thresholds=[c.threshold]).one("balanced_accuracy")
    assert ends(row) == pytest.approx((value - np.sqrt(down), value + np.sqrt(up)), abs=1e-9)


def test_likelihood_ratios_by_simels_log_method():
    c = cohort("icu")
    y, flag = c.event, c.risk >= c.threshold
    tp, fp, fn, tn = (y & flag).sum(), (~y & flag).sum(), (y & ~flag).sum(), (~y & ~flag).sum()
    found = binary({"died": y, "risk": c.risk}, thresholds=[c.threshold])
    for metric, a, b in (("likelihood_ratio_positive", tp, fp), ("likelihood_ratio_negative", fn, tn)):
        ratio = (a / (tp + fn)) / (b / (fp + tn))
        se = np.sqrt(1 / a - 1 / (tp + fn) + 1 / b - 1 / (fp + tn))
        assert ends(found.one(metric)) == pytest.approx((ratio * np.exp(-Z * se), ratio * np.exp(Z * se)), abs=1e-9)


def numeric_gradient(of: Callable[[np.ndarray], float], at: np.ndarray) -> np.ndarray:
    step = 1e-4 * np.eye(len(at))
    return np.array([(of(at + h) - of(at - h)) / 2e-4 for h in step])


def test_mcc_by_the_multinomial_delta_method_on_fishers_z():
    c = cohort("icu")
    y, flag = c.event, c.risk >= c.threshold
    four = np.array([(y & flag).sum(), (~y & flag).sum(), (y & ~flag).sum(), (~y & ~flag).sum()], dtype=float)

    def mcc(t: np.ndarray) -> float:
        tp, fp, fn, tn = t
        return (tp * tn - fp * fn) / np.sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn))

    g, n = numeric_gradient(mcc, four), four.sum()
    se = np.sqrt(g @ (np.diag(four) - np.outer(four, four) / n) @ g)
    row = binary({"died": y, "risk": c.risk}, thresholds=[c.threshold]).one("mcc")
    z, half = np.arctanh(mcc(four)), Z * se / (1 - mcc(four) ** 2)
    assert ends(row) == pytest.approx((np.tanh(z - half), np.tanh(z + half)), abs=1e-6)


def test_brier_and_log_loss_by_the_sandwich_on_the_log_scale():
    c = cohort("rhc")
    y, p = c.event, c.risk
    found = binary({"died": y, "risk": p})
    for metric, per_row in (("brier", (y - p) ** 2), ("log_loss", -np.log(np.where(y, p, 1 - p)))):
        mean, se = per_row.mean(), per_row.std(ddof=1) / np.sqrt(len(y))
        assert ends(found.one(metric)) == pytest.approx((mean * np.exp(-Z * se / mean), mean * np.exp(Z * se / mean)))


def test_clustered_brier_equals_statsmodels_clustered_mean():
    columns = some(900)
    square = (columns["died"] - columns["risk"]) ** 2
    fit = sm.OLS(square, np.ones(900)).fit(cov_type="cluster", cov_kwds={"groups": columns["patient"]})
    row = binary(columns, subject="patient").one("brier")
    worth = min(
        np.sum(k) ** 2 / np.sum(patients_of(columns, {"k": k})["k"] ** 2)
        for k in (columns["died"], 1 - columns["died"])
    )
    half = stats.t.ppf(0.975, worth - 1) * fit.bse[0] / fit.params[0]
    assert ends(row) == pytest.approx((fit.params[0] * np.exp(-half), fit.params[0] * np.exp(half)), abs=1e-5)


def test_brier_skill_by_the_delta_method_on_the_log_of_the_ratio():
    c = cohort("rhc")
    y, p = c.event.astype(float), c.risk
    means = np.array([np.mean((y - p) ** 2), y.mean()])
    g = numeric_gradient(lambda m: 1 - m[0] / (m[1] * (1 - m[1])), means)
    se = np.sqrt(g @ np.cov((y - p) ** 2, y) @ g / len(y))
    row = binary({"died": c.event, "risk": p}).one("brier_skill")
    left = 1 - row.value
    assert ends(row) == pytest.approx((1 - left * np.exp(Z * se / left), 1 - left * np.exp(-Z * se / left)), abs=1e-6)


def test_a_prevalence_of_few_events_says_that_its_interval_moves_in_steps():
    few = binary({"died": np.arange(200) < 4, "risk": np.linspace(0.99, 0.01, 200)}).one("prevalence")
    many = binary({"died": np.arange(200) < 10, "risk": np.linspace(0.99, 0.01, 200)}).one("prevalence")

    assert few.lower is not None
    assert "fewer than 10" in few.note
    assert many.note is None


def test_observed_over_expected_on_the_log_scale():
    c = cohort("rhc")
    y, p = c.event, c.risk
    ratio = y.sum() / p.sum()
    se = np.sqrt(np.sum((y - ratio * p) ** 2)) / y.sum()
    row = binary({"died": y, "risk": p}).one("oe_ratio")
    assert ends(row) == pytest.approx((ratio * np.exp(-Z * se), ratio * np.exp(Z * se)), abs=1e-9)


def test_observed_over_expected_without_an_event_has_the_exact_poisson_upper_end():
    p = np.full(50, 0.02)
    row = binary({"died": np.zeros(50, int), "risk": p}).one("oe_ratio")
    assert (row.value, row.lower, row.method) == (0.0, 0.0, "exact-upper")
    assert row.upper == pytest.approx(stats.chi2.ppf(0.975, 2) / 2 / p.sum())


@pytest.mark.parametrize("subject", [None, "patient"])
def test_average_precision_by_its_influence_the_numeric_derivative_of_scikit_learns(subject):
    columns = some(300, prevalence=0.5)
    y, s = columns["died"], columns["risk"]
    assert y.sum() >= 100

    places = np.unique(-s, return_inverse=True)[1]  # from the highest score down

    def ap(w: np.ndarray) -> float:
        hits, all_at = np.bincount(places, w * y), np.bincount(places, w)
        return float(np.sum(hits * np.cumsum(hits) / np.cumsum(all_at)) / hits.sum())

    uneven = np.linspace(0.5, 2, 300)
    assert ap(uneven) == pytest.approx(average_precision_score(y, s, sample_weight=uneven))
    influence = numeric_gradient(ap, np.ones(300))
    if subject:
        influence = patients_of(columns, {"i": influence})["i"].to_numpy()
    few = len(influence) / (len(influence) - 1) if subject else 1.0
    row = binary(columns, metrics=["auprc"], subject=subject).one("auprc")
    reach = Z
    if subject:
        worth = [np.sum(k) ** 2 / np.sum(patients_of(columns, {"k": k})["k"] ** 2) for k in (y, 1 - y)]
        reach = stats.t.ppf(0.975, min(worth) - 1)
    se = np.sqrt(np.sum(influence**2) * few)
    assert ends(row) == pytest.approx(on_logit(ap(np.ones(300)), se, reach), abs=1e-5)


def test_average_precision_of_few_events_takes_boyds_interval_and_of_fewer_than_ten_none():
    columns = some(300, prevalence=0.1)
    assert 10 <= columns["died"].sum() < 100
    row = binary(columns, metrics=["auprc"]).one("auprc")
    assert row.method == "boyd-logit"
    assert ends(row) == pytest.approx(
        on_logit(row.value, np.sqrt(row.value * (1 - row.value) / columns["died"].sum())), abs=1e-9
    )
    columns["died"][np.cumsum(columns["died"]) > 9] = 0
    row = binary(columns, metrics=["auprc"]).one("auprc")
    assert (row.lower, row.upper) == (None, None)
    assert "fewer than 10 events" in row.note


@pytest.mark.parametrize("interval", ["analytic", "percentile", "bca"])
@pytest.mark.parametrize("event", [True, False], ids=["with the event", "without the event"])
def test_average_precision_under_a_weight_that_outweighs_all_others_has_no_interval(interval, event):
    columns = some(600, prevalence=0.3)
    heavy = int(np.flatnonzero(columns["died"] == event)[0])
    columns["w"] = np.where(np.arange(600) == heavy, 1e4, 1.0)
    row = binary(columns, metrics=["auprc"], weight="w", interval=interval, replicates=200).one("auprc")

    others = np.count_nonzero(columns["died"] == event) - 1
    worth = (1e4 + others) ** 2 / (1e8 + others)  # Kish
    assert worth < 10
    assert row.value == pytest.approx(
        average_precision_score(columns["died"], columns["risk"], sample_weight=columns["w"])
    )
    assert (row.lower, row.upper, row.level) == (None, None, None)
    assert f"are worth {worth:.1f} of equal weight" in row.note
    assert f"patients {'with' if event else 'without'} the event" in row.note


def test_average_precision_under_weights_that_differ_little_keeps_its_interval():
    columns = some(600, prevalence=0.3) | {"w": np.linspace(0.5, 2, 600)}

    row = binary(columns, metrics=["auprc"], weight="w").one("auprc")

    assert row.lower < row.value < row.upper
    assert row.note is None


def test_net_benefit_joins_hits_and_false_alarms_by_mover_with_their_correlation():
    c = cohort("rhc")
    y, flag, n = c.event, c.risk >= c.threshold, len(c.event)
    o = c.threshold / (1 - c.threshold)
    tp, fp = (y & flag).sum(), (~y & flag).sum()
    a, b = tp / n, fp / n
    (al, au), (bl, bu) = proportion_confint(tp, n, method="wilson"), proportion_confint(fp, n, method="wilson")
    together = np.sqrt(
        a * b / ((1 - a) * (1 - b))
    )  # minus their correlation in a multinomial, turned by the sign of −o
    lower = a - o * b - np.sqrt((a - al) ** 2 + o**2 * (bu - b) ** 2 + 2 * together * (a - al) * o * (bu - b))
    upper = a - o * b + np.sqrt((au - a) ** 2 + o**2 * (b - bl) ** 2 + 2 * together * (au - a) * o * (b - bl))
    row = binary({"died": y, "risk": c.risk}, thresholds=[c.threshold]).one("net_benefit")
    assert ends(row) == pytest.approx((lower, upper), abs=1e-9)


def test_clustering_by_one_row_a_patient_changes_nothing():
    columns = {**some(), "patient": np.arange(500)[::-1]}
    asked = {"by": [["sex"]], "thresholds": [0.3]}
    assert binary(columns, **asked) == binary(columns, **asked, subject="patient")


def test_each_patient_twice_over_is_no_more_evidence_than_once():
    once = some(400)
    twice = {name: np.repeat(column, 2) for name, column in once.items()} | {"patient": np.repeat(np.arange(400), 2)}
    one = binary(once, thresholds=[0.3])
    two = binary(twice, thresholds=[0.3], subject="patient")
    for row, other in zip(one, two, strict=True):
        assert other.metric == row.metric
        if row.lower is None:
            continue
        assert other.value == pytest.approx(row.value, abs=1e-8), row.metric
        width, doubled = row.upper - row.lower, other.upper - other.lower
        assert doubled == pytest.approx(width, rel=0.06), row.metric  # t for z, and n for n − 1


def test_with_fewer_than_thirty_of_a_class_large_sample_intervals_are_withheld_and_say_so():
    found = binary(some(120, prevalence=0.1), thresholds=[0.2])
    assert found.one("prevalence").positives < 30
    for metric in ("mcc", "brier", "brier_skill", "log_loss", "standardized_net_benefit", "likelihood_ratio_positive"):
        row = found.one(metric)
        assert row.value is not None
        assert row.lower is None
        assert "fewer than 30" in row.note
    for metric in ("sensitivity", "ppv", "auroc", "net_benefit", "oe_ratio"):
        assert found.one(metric).lower is not None


@pytest.mark.parametrize("subject", [None, "patient"])
def test_a_higher_level_gives_a_wider_interval_for_every_metric(subject):
    columns = some(600)
    narrow, wide = (binary(columns, thresholds=[0.3], level=level, subject=subject) for level in (0.9, 0.99))
    checked = set()
    for a, b in zip(narrow, wide, strict=True):
        assert a.value == b.value
        if a.lower is not None:
            assert b.lower <= a.lower <= a.value <= a.upper <= b.upper, a.metric
            assert (a.level, b.level) == (0.9, 0.99)
            checked.add(a.metric)
    assert len(checked) >= 22
