"""The paired bootstrap: exact on ties, by patient, the same for the same seed, near the analytic interval."""

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from codman.evaluate.compare.bootstrap import _replicate, resampled
from codman.evaluate.compare.changes import change_of
from codman.evaluate.compare.pairs import Pairs


def cohort(n=500, seed=5, subjects=None):
    random = np.random.default_rng(seed)
    event = random.random(n) < 0.3
    shared = random.normal(size=n) + event
    risks = (1 / (1 + np.exp(-(shared + random.normal(size=n) - 1))) for _ in range(2))
    a, b = (np.clip(np.round(risk, 1), 0.05, 0.95) for risk in risks)  # many ties, no certainty
    subject = None
    if subjects:
        subject = np.unique(random.integers(0, subjects, n), return_inverse=True)[1].astype(np.int32)
    return Pairs(event=event, a=a, b=b, weight=None, subject=subject)


METRICS = [("auroc", None), ("auprc", None), ("brier", None), ("log_loss", None), ("sensitivity", 0.4), ("ppv", 0.4),
           ("net_benefit", 0.4), ("balanced_accuracy", 0.4)]  # fmt: skip


@pytest.mark.parametrize(("metric", "threshold"), METRICS)
def test_a_replicate_is_the_metric_of_the_drawn_rows(metric, threshold):
    pairs = cohort(n=120, subjects=50)
    drawn = np.random.default_rng(0).integers(0, 4, pairs.patients)
    rows = np.repeat(np.arange(pairs.n), drawn[pairs.subject])

    change = change_of(metric, threshold, pairs, 0.95)
    found = _replicate(change, pairs)(drawn[None, :].astype(float))

    kept = Pairs(event=pairs.event[rows], a=pairs.a[rows], b=pairs.b[rows], weight=None, subject=None)
    assert found[0] == pytest.approx(change_of(metric, threshold, kept, 0.95).value, abs=1e-12)
    if metric == "auroc":
        assert found[0] == pytest.approx(roc_auc_score(kept.event, kept.b) - roc_auc_score(kept.event, kept.a))
    if metric == "auprc":
        assert found[0] == pytest.approx(
            average_precision_score(kept.event, kept.b) - average_precision_score(kept.event, kept.a)
        )


@pytest.mark.parametrize("kind", ["percentile", "bca"])
@pytest.mark.parametrize("subjects", [None, 200], ids=["rows", "patients"])
def test_intervals_are_near_the_analytic_ones(kind, subjects):
    pairs = cohort(subjects=subjects)
    changes = [change_of(metric, threshold, pairs, 0.95) for metric, threshold in METRICS]

    for analytic, found in zip(
        changes, resampled(changes, pairs, kind=kind, replicates=2000, level=0.95, seed=7), strict=True
    ):
        width = analytic.upper - analytic.lower
        assert found.value == analytic.value
        assert found.method == f"bootstrap:{kind}:2000:seed=7"
        assert found.p_value is None
        assert found.lower == pytest.approx(analytic.lower, abs=0.12 * width), found.metric
        assert found.upper == pytest.approx(analytic.upper, abs=0.12 * width), found.metric


def test_the_same_seed_gives_the_same_interval_and_another_seed_another():
    pairs = cohort(n=200)
    changes = [change_of("auroc", None, pairs, 0.95)]
    once, again, other = (
        resampled(changes, pairs, kind="bca", replicates=300, level=0.95, seed=seed)[0] for seed in (7, 7, 8)
    )

    assert (once.lower, once.upper) == (again.lower, again.upper)
    assert once.lower != other.lower


def test_a_rate_that_often_has_no_value_gets_no_interval():
    pairs = cohort(n=60)
    rare = Pairs(
        event=pairs.event, a=np.r_[1.0, np.zeros(59)], b=np.r_[0.0, 1.0, np.zeros(58)], weight=None, subject=None
    )

    found = resampled([change_of("ppv", 0.5, rare, 0.95)], rare, kind="percentile", replicates=400, level=0.95, seed=1)[
        0
    ]

    assert np.isnan(found.lower)
    assert "replicates have no value" in found.note


def test_models_with_the_same_scores_keep_their_exact_nothing():
    pairs = cohort(n=100)
    same = Pairs(event=pairs.event, a=pairs.a, b=pairs.a, weight=None, subject=None)

    found = resampled([change_of("auroc", None, same, 0.95)], same, kind="bca", replicates=200, level=0.95, seed=1)[0]

    assert (found.lower, found.upper) == (0.0, 0.0)
