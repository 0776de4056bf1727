"""The bootstrap: the same seed the same bits, near the analytic intervals, BCa as scipy's, shards that merge."""

from __future__ import annotations

import numpy as np
import pytest
from binary_cohorts import binary, cohort, ends, some
from scipy import stats
from sklearn.metrics import average_precision_score, roc_auc_score

from codman.evaluate.bootstrap import Plan, bounds_of, fast_replicates, patient_ids
from codman.evaluate.groups import make_slices
from codman.evaluate.kernels.library import poisson_bytes
from codman.evaluate.ranked import rank
from codman.evaluate.sample import Sample

SLOPES = {"calibration_slope", "calibration_intercept"}


def percentile(columns: dict[str, np.ndarray], **asked: object):
    return binary(columns, **{"interval": "percentile", "replicates": 200, "thresholds": [0.3], **asked})


def sample(n: int, subject: np.ndarray | None = None) -> Sample:
    return Sample(
        slices=make_slices({}, [], n), subject=subject, weight=None, row=np.arange(n), repeats=subject is not None
    )


def test_the_same_seed_gives_the_same_bits_and_another_seed_other_intervals():
    columns = some(300)
    first = percentile(columns, replicates=200)
    assert percentile(columns, replicates=200) == first
    other = percentile(columns, metrics=["auroc"], seed=8)
    assert other.one("auroc").value == first.one("auroc").value
    assert other.one("auroc").lower != first.one("auroc").lower
    assert first.one("auroc").method == "bootstrap:200:seed=7"


@pytest.mark.parametrize("subject", [None, "patient"])
def test_percentile_intervals_are_close_to_the_analytic_ones_of_every_metric(subject):
    c = cohort("rhc")
    columns = {**c.columns(), "patient": np.arange(len(c.event)) // 3}
    asked = {"thresholds": [0.35], "subject": subject}
    analytic = binary(columns, **asked)
    drawn = binary(columns, interval="percentile", replicates=400, **asked)
    checked = 0
    for a, b in zip(analytic, drawn, strict=True):
        assert a.value == b.value
        if a.lower is None:
            continue
        width = a.upper - a.lower
        assert b.lower == pytest.approx(a.lower, abs=0.2 * width), a.metric
        assert b.upper == pytest.approx(a.upper, abs=0.2 * width), a.metric
        checked += 1
    assert checked >= 20


def test_replicates_are_scikit_learn_under_the_same_weights():
    columns = some(200)
    y, s = columns["died"] == 1, columns["risk"]
    ranked = rank(sample(200), y, s)
    drawn = fast_replicates(ranked, [0.3], Plan(replicates=100, seed=5, corrected=False), risks=True)
    for b in range(0, 100, 17):
        w = poisson_bytes(patient_ids(ranked), 5, b).astype(float)
        auroc = drawn.mann_whitney[b, 0] / (drawn.positives[b, 0] * drawn.negatives[b, 0])
        assert auroc == pytest.approx(roc_auc_score(y, s, sample_weight=w), abs=1e-12)
        ap = drawn.precision_sum[b, 0] / drawn.positives[b, 0]
        assert ap == pytest.approx(average_precision_score(y, s, sample_weight=w), abs=1e-12)
        assert drawn.flagged[b, 0, 0, 0] == w[y & (s >= 0.3)].sum()
        assert drawn.columns[b, 0, 3] == pytest.approx(np.sum(w * (y - s) ** 2))


def test_a_patients_rows_are_drawn_together():
    columns = some(300)
    order = np.argsort(columns["patient"], kind="stable")
    subject = np.unique(columns["patient"][order], return_inverse=True)[1].astype(np.int32)
    ranked = rank(sample(300, subject), columns["died"][order] == 1, columns["risk"][order])
    weight = poisson_bytes(patient_ids(ranked), 7, 0)
    for p in range(int(subject.max()) + 1):
        assert len(set(weight[subject == p])) == 1


def test_repeating_each_patient_leaves_clustered_bootstrap_intervals_where_they_were():
    once = some(300)
    twice = {name: np.repeat(column, 2) for name, column in once.items()} | {"patient": np.repeat(np.arange(300), 2)}
    a = percentile({**once, "patient": np.arange(300)}, subject="patient")
    b = percentile(twice, subject="patient")
    for one, two in zip(a, b, strict=True):
        if one.lower is not None and two.lower is not None and one.metric not in SLOPES:
            assert ends(two) == pytest.approx(ends(one), abs=1e-9), one.metric


def test_shards_of_the_data_draw_the_weights_they_would_have_drawn_together():
    ids = np.arange(10_000, dtype=np.uint32)
    whole = poisson_bytes(ids, 7, 3)
    shards = [poisson_bytes(np.ascontiguousarray(part), 7, 3) for part in np.array_split(ids, 7)]
    assert np.array_equal(whole, np.concatenate(shards))


def test_leaving_rows_out_does_not_change_the_weights_of_the_rest():
    columns = some(400)
    without = {**columns, "risk": np.where(np.arange(400) < 20, np.nan, columns["risk"])}
    found = percentile(without, metrics=["auroc"])
    y, s, ids = columns["died"][20:], columns["risk"][20:], np.arange(20, 400, dtype=np.uint32)
    drawn = [roc_auc_score(y, s, sample_weight=poisson_bytes(ids, 7, b).astype(float)) for b in range(200)]
    assert ends(found.one("auroc")) == pytest.approx(tuple(np.quantile(drawn, [0.025, 0.975])), abs=1e-9)


def test_percentiles_of_known_replicates():
    replicates = np.arange(1001.0)[:, None] / 1000
    lower, upper = bounds_of(replicates, np.array([0.5]), None)(0.95)
    assert (lower[0], upper[0]) == pytest.approx((0.025, 0.975))


def test_no_interval_is_given_where_more_than_a_twentieth_of_replicates_have_no_value():
    replicates = np.where(np.arange(1000) < 60, np.nan, np.linspace(0, 1, 1000))[:, None]
    assert np.isnan(bounds_of(replicates, np.array([0.5]), None)(0.95)[0][0])
    replicates[10:60] = 0.5
    assert np.isfinite(bounds_of(replicates, np.array([0.5]), None)(0.95)[0][0])


def test_bca_equals_scipys_on_a_small_skewed_example_within_monte_carlo_error():
    r = np.random.default_rng(3)
    risk = np.round(r.uniform(0.01, 0.5, 200), 3)
    died = (r.uniform(size=200) < risk).astype(int)
    found = binary({"died": died, "risk": risk}, metrics=["brier", "prevalence"], interval="bca", replicates=10_000)
    assert found.one("brier").method == "bootstrap-bca:10000:seed=7"
    for metric, per_row in (("brier", (died - risk) ** 2), ("prevalence", died)):
        ends_of = {
            method: tuple(
                stats.bootstrap((per_row,), np.mean, n_resamples=20_000, method=method, rng=r).confidence_interval
            )
            for method in ("BCa", "percentile")
        }
        se = per_row.std() / np.sqrt(200)
        assert ends(found.one(metric)) == pytest.approx(ends_of["BCa"], abs=0.15 * se)
        if metric == "brier":  # squares are skewed: the plain percentiles lie elsewhere
            assert ends_of["percentile"][1] < ends_of["BCa"][1]


def test_metrics_without_a_valid_interval_get_none_from_the_bootstrap_either():
    found = percentile(some(300))
    for metric in ("ece", "ici", "e50", "e90", "spiegelhalter_z"):
        assert found.one(metric).lower is None


def test_weighted_rows_are_bootstrapped_too():
    columns = some(500)
    found = percentile(columns, weight="w", metrics=["auroc", "sensitivity"], replicates=200)
    analytic = binary(columns, weight="w", metrics=["auroc", "sensitivity"], thresholds=[0.3])
    for metric in ("auroc", "sensitivity"):
        a, b = analytic.one(metric), found.one(metric)
        assert b.value == a.value
        assert b.upper - b.lower == pytest.approx(a.upper - a.lower, rel=0.25)


def test_slices_are_bootstrapped_as_if_alone():
    columns = some(400)
    found = percentile(columns, by=[["sex"]], metrics=["auroc"])
    row = found.one("auroc", slice={"sex": "F"})
    y, s = (columns[k][columns["sex"] == "F"] for k in ("died", "risk"))
    ids = np.flatnonzero(columns["sex"] == "F").astype(np.uint32)
    drawn = [roc_auc_score(y, s, sample_weight=poisson_bytes(ids, 7, b).astype(float)) for b in range(200)]
    assert ends(row) == pytest.approx(tuple(np.quantile(drawn, [0.025, 0.975])), abs=1e-9)


def test_several_thresholds_on_several_slices_are_bootstrapped_together():
    found = percentile(some(300), thresholds=[0.2, 0.3, 0.5], by=[["sex"]], metrics=["sensitivity", "ppv"])
    for threshold in (0.2, 0.3, 0.5):
        alone = percentile(some(300), thresholds=[threshold], metrics=["sensitivity"])
        assert found.one("sensitivity", threshold=threshold) == alone.one("sensitivity")
