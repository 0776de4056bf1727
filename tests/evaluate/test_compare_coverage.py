"""Intervals hold their level and non-inferiority errs as often as stated, by seeded simulation.

Bounds are three standard errors of a simulated share around 95 % (or 2.5 %).
"""

import math
from statistics import NormalDist

import numpy as np
import pytest

from codman.evaluate.compare.changes import change_of
from codman.evaluate.compare.margins import conclude
from codman.evaluate.compare.pairs import Pairs

RUNS = 400
SLACK = 3 * math.sqrt(0.95 * 0.05 / RUNS)


def draw(random, n, prevalence, gain_a, gain_b, patients=None):
    """Two correlated scores; with patients, events and scores go together within a patient."""
    if patients is None:
        event, shared, subject = random.random(n) < prevalence, random.normal(size=n), None
    else:
        subject = np.unique(random.integers(0, patients, n), return_inverse=True)[1].astype(np.int32)
        often = 0.7 * random.normal(size=patients)[subject] + math.sqrt(0.51) * random.normal(size=n)
        event = often < NormalDist().inv_cdf(prevalence)
        shared = 0.7 * random.normal(size=patients)[subject] + math.sqrt(0.51) * random.normal(size=n)
    a, b = (
        gain * event + math.sqrt(0.6) * shared + math.sqrt(0.4) * random.normal(size=n) for gain in (gain_a, gain_b)
    )
    return Pairs(event=event, a=1 / (1 + np.exp(1.5 - a)), b=1 / (1 + np.exp(1.5 - b)), weight=None, subject=subject)


METRICS = [("auroc", None), ("auprc", None), ("brier", None), ("sensitivity", 0.3), ("specificity", 0.3), ("ppv", 0.3),
           ("npv", 0.3), ("net_benefit", 0.3), ("balanced_accuracy", 0.3)]  # fmt: skip


@pytest.mark.parametrize(
    ("n", "prevalence", "patients"),
    [(200, 0.3, None), (600, 0.06, None), (400, 0.3, 60)],
    ids=["200 rows", "600 rows, rare event", "60 patients with 400 rows"],
)
def test_paired_intervals_hold_their_level(n, prevalence, patients):
    random = np.random.default_rng(20)
    many = 300_000
    whole = draw(random, many, prevalence, 1.0, 1.2, None if patients is None else many * patients // n)
    truth = {of: change_of(*of, whole, 0.95).value for of in METRICS}
    held = dict.fromkeys(METRICS, 0)
    for _ in range(RUNS):
        pairs = draw(random, n, prevalence, 1.0, 1.2, patients)
        for of in METRICS:
            found = change_of(*of, pairs, 0.95)
            held[of] += found.lower <= truth[of] <= found.upper
    share = {of[0]: count / RUNS for of, count in held.items()}
    assert {m: s for m, s in share.items() if s < 0.95 - SLACK} == {}


def test_ignoring_that_rows_share_patients_would_not_hold():
    """The clustered interval is not merely another name: the unclustered one of the same data covers too little."""
    random = np.random.default_rng(21)
    held = 0
    for _ in range(RUNS):
        rows = np.repeat(np.arange(60), 5)
        once = draw(random, 60, 0.4, 1.0, 1.0)
        repeated = Pairs(event=once.event[rows], a=once.a[rows], b=once.b[rows], weight=None, subject=None)
        found = change_of("auroc", None, repeated, 0.95)
        held += found.lower <= 0.0 <= found.upper
    assert held / RUNS < 0.75


def at_margin(random, metric):
    """Data in which B is worse than A by exactly the margin."""
    if metric == "auroc":  # binormal: AUROC = Φ(gain/√2)
        gain_a = 1.3
        gain_b = math.sqrt(2) * NormalDist().inv_cdf(NormalDist().cdf(gain_a / math.sqrt(2)) - 0.05)
        return draw(random, 400, 0.3, gain_a, gain_b), None
    share_only_a, share_only_b = 0.12, 0.04  # B finds 8 % fewer
    found = random.random(300)
    only_a, only_b = found < share_only_a, (found >= share_only_a) & (found < share_only_a + share_only_b)
    both = found > 0.5
    return Pairs(
        event=np.ones(300, bool), a=(only_a | both) * 1.0, b=(only_b | both) * 1.0, weight=None, subject=None
    ), 0.5


@pytest.mark.parametrize(("metric", "margin"), [("auroc", -0.05), ("sensitivity", -0.08)])
def test_a_model_worse_by_the_margin_is_called_non_inferior_in_one_of_forty(metric, margin):
    random = np.random.default_rng(22)
    runs = 1500
    wrong = 0
    for _ in range(runs):
        pairs, threshold = at_margin(random, metric)
        found = change_of(metric, threshold, pairs, 0.95)
        wrong += conclude(metric, found.lower, found.upper, margin) in ("non-inferior", "superior")
    assert wrong / runs == pytest.approx(0.025, abs=3 * math.sqrt(0.025 * 0.975 / runs))
