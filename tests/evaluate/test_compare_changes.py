"""Changes of rates, scores and average precision: hand-worked values, scikit-learn, derivatives."""

import math
from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, balanced_accuracy_score, brier_score_loss, f1_score, log_loss

from codman.evaluate.compare.change import Change
from codman.evaluate.compare.changes import change_of
from codman.evaluate.compare.influence import influence_of
from codman.evaluate.compare.pairs import Pairs
from codman.evaluate.compare.precision_recall import average_precision


def cohort(n=400, seed=1, subjects=None, weighted=False, step=20):
    random = np.random.default_rng(seed)
    event = random.random(n) < 0.25
    shared = random.normal(size=n)
    a, b = (1 / (1 + np.exp(-(shared + event - 1.5 + random.normal(size=n)))) for _ in range(2))
    subject = None
    if subjects is not None:
        subject = np.unique(random.integers(0, subjects, n), return_inverse=True)[1].astype(np.int32)
    weight = random.uniform(0.5, 3.0, n) if weighted else None
    return Pairs(event=event, a=np.round(a * step) / step, b=np.round(b * step) / step, weight=weight, subject=subject)


# ten patients; threshold 0.5; events first. A flags 1,2,5,6; B flags 1,2,3,5
TEN = Pairs(
    event=np.array([1, 1, 1, 1, 0, 0, 0, 0, 0, 0], dtype=bool),
    a=np.array([0.9, 0.8, 0.2, 0.1, 0.7, 0.6, 0.3, 0.2, 0.1, 0.1]),
    b=np.array([0.9, 0.8, 0.7, 0.1, 0.7, 0.4, 0.3, 0.2, 0.1, 0.1]),
    weight=None,
    subject=None,
)


@pytest.mark.parametrize(
    ("metric", "change"),
    [
        ("sensitivity", 3 / 4 - 2 / 4),
        ("specificity", 5 / 6 - 4 / 6),
        ("ppv", 3 / 4 - 2 / 4),
        ("npv", 5 / 6 - 4 / 6),
        ("accuracy", 8 / 10 - 6 / 10),
        ("balanced_accuracy", (3 / 4 - 2 / 4 + 5 / 6 - 4 / 6) / 2),
        ("f1", 6 / 8 - 4 / 8),
        ("alert_rate", 0.0),
        ("net_benefit", (3 - 1) / 10 - (2 - 2) / 10),
        ("standardized_net_benefit", (3 - 1) / 4 - (2 - 2) / 4),
    ],
)
def test_changes_at_a_threshold_are_those_counted_by_hand(metric, change):
    found = change_of(metric, 0.5, TEN, 0.95)

    assert found.value == pytest.approx(change, abs=1e-12)
    assert found.lower <= found.value <= found.upper


def test_changes_rest_on_the_patients_the_metric_is_about():
    assert change_of("sensitivity", 0.5, TEN, 0.95).n == 4
    assert change_of("specificity", 0.5, TEN, 0.95).n == 6
    assert change_of("ppv", 0.5, TEN, 0.95).n == 5  # flagged by either
    assert change_of("accuracy", 0.5, TEN, 0.95).positives == 4


@pytest.mark.parametrize("weighted", [False, True], ids=["unweighted", "weighted"])
def test_changes_equal_scikit_learns_two_values(weighted):
    pairs = cohort(weighted=weighted)
    w = pairs.weight
    flag_a, flag_b = pairs.a >= 0.4, pairs.b >= 0.4
    clip = lambda p: np.clip(p, 1e-12, 1 - 1e-12)  # noqa: E731
    expected = {
        ("brier", None): [brier_score_loss(pairs.event, s, sample_weight=w) for s in (pairs.a, pairs.b)],
        ("log_loss", None): [log_loss(pairs.event, clip(s), sample_weight=w) for s in (pairs.a, pairs.b)],
        ("auprc", None): [average_precision_score(pairs.event, s, sample_weight=w) for s in (pairs.a, pairs.b)],
        ("f1", 0.4): [f1_score(pairs.event, f, sample_weight=w) for f in (flag_a, flag_b)],
        ("balanced_accuracy", 0.4): [
            balanced_accuracy_score(pairs.event, f, sample_weight=w) for f in (flag_a, flag_b)
        ],
    }
    for (metric, threshold), (of_a, of_b) in expected.items():
        assert change_of(metric, threshold, pairs, 0.95).value == pytest.approx(of_b - of_a, abs=1e-12), metric


def test_brier_change_is_the_paired_t_test_of_the_squared_distances():
    from scipy.stats import ttest_rel

    pairs = cohort()
    test = ttest_rel((pairs.b - pairs.event) ** 2, (pairs.a - pairs.event) ** 2)
    interval = test.confidence_interval(0.95)

    found = change_of("brier", None, pairs, 0.95)

    assert found.p_value == pytest.approx(test.pvalue, rel=1e-6)
    assert (found.lower, found.upper) == pytest.approx((interval.low, interval.high), rel=1e-6)


def test_clustered_mean_change_equals_statsmodels_cluster_robust_error():
    import statsmodels.api as sm

    pairs = cohort(subjects=90)
    difference = (pairs.b - pairs.event) ** 2 - (pairs.a - pairs.event) ** 2
    # statsmodels' correction is G/(G−1)·(N−1)/(N−K) with K=1: the second factor is 1
    fit = sm.OLS(difference, np.ones(pairs.n)).fit(cov_type="cluster", cov_kwds={"groups": pairs.subject})

    found = change_of("brier", None, pairs, 0.95)

    assert found.value == pytest.approx(fit.params[0], rel=1e-9)
    assert found.params["standard_error"] == pytest.approx(fit.bse[0], rel=1e-6)
    assert found.method == "mean-paired:clustered"


@pytest.mark.parametrize("metric", ["auroc", "auprc", "brier", "log_loss", "f1", "ppv", "npv", "net_benefit"])
@pytest.mark.parametrize("weighted", [False, True], ids=["unweighted", "weighted"])
def test_influence_is_the_derivative_in_each_patients_weight(metric, weighted):
    pairs = cohort(n=150, weighted=weighted, subjects=60)
    threshold = 0.4 if metric in ("f1", "ppv", "npv", "net_benefit") else None
    found = influence_of(metric, threshold, pairs)
    weight = np.ones(pairs.n) if pairs.weight is None else pairs.weight
    step = 1e-6

    def moved(by, s):
        heavier = replace(pairs, weight=weight * np.where(pairs.subject == s, 1 + by, 1.0))
        return change_of(metric, threshold, heavier, 0.95).value

    derivative = [(moved(step, s) - moved(-step, s)) / (2 * step) for s in range(pairs.patients)]
    assert found.sum() == pytest.approx(0.0, abs=1e-9)
    assert found == pytest.approx(np.array(derivative), abs=1e-7)


def test_average_precision_counts_ties_as_one_block():
    # worked by hand: the block at 0.5 holds 1 event of 2, after 1 event of 1: (1·1 + 1·2/3)/2
    value, _ = average_precision(np.array([True, True, False]), np.array([0.9, 0.5, 0.5]))

    assert value == pytest.approx((1 + 2 / 3) / 2)


def test_scores_that_are_not_risks_have_no_brier_change_but_keep_the_auroc():
    pairs = Pairs(event=TEN.event, a=TEN.a * 10, b=TEN.b, weight=None, subject=None)

    assert "scores of A lie outside 0 to 1" in change_of("brier", None, pairs, 0.95).note
    assert not math.isnan(change_of("auroc", None, pairs, 0.95).value)


def test_nobody_flagged_is_said_of_the_model_it_is_true_of():
    pairs = Pairs(event=TEN.event, a=TEN.a, b=np.zeros(10), weight=None, subject=None)

    assert change_of("ppv", 0.5, pairs, 0.95).note == "no patient is flagged by B"
    assert change_of("npv", 0.05, pairs, 0.95).note == "every patient is flagged by A"


def test_net_benefit_needs_a_risk_as_threshold():
    assert "between 0 and 1" in change_of("net_benefit", 1.0, TEN, 0.95).note


def test_a_p_value_under_five_percent_is_an_interval_without_zero():
    for seed in range(40):
        pairs = cohort(n=120, seed=seed)
        for metric in (
            "auroc",
            "brier",
            "sensitivity",
            "specificity",
            "ppv",
            "npv",
            "balanced_accuracy",
            "net_benefit",
        ):
            threshold = None if metric in ("auroc", "brier") else 0.4
            found: Change = change_of(metric, threshold, pairs, 0.95)
            if found.p_value is None or math.isnan(found.lower):
                continue
            excludes = found.lower > 0 or found.upper < 0
            assert excludes == (found.p_value < 0.05), (metric, seed)


def test_repeating_every_row_of_a_patient_does_not_narrow_a_clustered_interval():
    once = cohort(n=200)
    rows = np.repeat(np.arange(200), 3)
    thrice = Pairs(event=once.event[rows], a=once.a[rows], b=once.b[rows], weight=None, subject=rows.astype(np.int32))
    for metric, threshold in (("auroc", None), ("auprc", None), ("brier", None), ("sensitivity", 0.4), ("ppv", 0.4)):
        a, b = change_of(metric, threshold, once, 0.95), change_of(metric, threshold, thrice, 0.95)
        assert b.value == pytest.approx(a.value, abs=1e-12)
        assert b.upper - b.lower == pytest.approx(a.upper - a.lower, rel=0.05), metric


def test_a_change_of_average_precision_on_nine_patients_with_the_event_has_no_interval():
    r = np.random.default_rng(4)
    for events, given in ((9, False), (10, True)):
        pairs = Pairs(event=np.arange(200) < events, a=r.random(200), b=r.random(200), weight=None, subject=None)
        found = change_of("auprc", None, pairs, 0.95)

        assert math.isfinite(found.value)
        assert math.isfinite(found.lower) is given
        assert (found.note is None) is given


def test_mcnemar_counts_who_only_one_model_judges_rightly():
    found = change_of("mcnemar", 0.5, TEN, 0.95)

    assert (found.params["only_a"], found.params["only_b"]) == (0, 2)
    assert math.isnan(found.value)
    assert "no finite value" in found.note
    assert found.p_value == pytest.approx(0.5)


def test_clustered_mcnemar_does_not_count_a_patient_three_times():
    once = cohort(n=300, seed=3)
    rows = np.repeat(np.arange(300), 3)
    thrice = Pairs(event=once.event[rows], a=once.a[rows], b=once.b[rows], weight=None, subject=rows.astype(np.int32))

    a, b = change_of("mcnemar", 0.4, once, 0.95), change_of("mcnemar", 0.4, thrice, 0.95)

    assert a.method == "mcnemar"
    assert b.method == "mcnemar:clustered"
    assert b.value == pytest.approx(a.value)
    assert b.p_value == pytest.approx(a.p_value, rel=1e-9)
