"""A small seeded part of bench/coverage: intervals hold the truth as often as they say."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

ROOT = str(Path(__file__).resolve().parents[2])
if ROOT not in sys.path:
    sys.path.insert(0, ROOT)

from bench.coverage import ENOUGH, LOWEST, Setting, Tally, simulate, truth  # noqa: E402

DESIGNS = (
    Setting(2000, 0.30, 0.8, clustered=False),
    Setting(2000, 0.30, 0.8, clustered=True),
    Setting(2000, 0.02, 0.8, clustered=False),
    Setting(200, 0.30, 0.6, clustered=False),
    Setting(200, 0.30, 0.97, clustered=True),
)
REPLICATES = 250


@pytest.fixture(scope="module", params=DESIGNS, ids=str)
def simulated(request: pytest.FixtureRequest, whole: bool) -> tuple[Setting, dict[str, Tally]]:
    return request.param, simulate(request.param, 10_000 if whole else REPLICATES)


def test_every_metrics_interval_covers_its_truth_as_often_as_the_goal(simulated):
    design, tallies = simulated
    low = {}
    for metric, tally in tallies.items():
        if tally.given and tally.covered < stats.binom.ppf(0.0005, tally.given, LOWEST):
            low[metric] = tally.coverage
    assert not low, f"{design}: {low}"


def test_an_interval_is_given_wherever_both_classes_have_thirty_patients(simulated):
    design, tallies = simulated
    if min(design.prevalence, 1 - design.prevalence) * design.n < 2 * ENOUGH or design.clustered or design.auroc > 0.9:
        return
    rarely = {metric: tally.given / tally.asked for metric, tally in tallies.items() if tally.given < tally.asked}
    assert not rarely


def test_the_truth_by_quadrature_is_what_a_large_sample_shows():
    design = DESIGNS[0]
    r = np.random.default_rng(1)
    event = r.uniform(size=400_000) < design.prevalence
    x = r.standard_normal(400_000) + design.separation * event
    odds = np.log(design.prevalence / (1 - design.prevalence)) + design.separation * x - design.separation**2 / 2
    p = 1 / (1 + np.exp(-odds))
    true = truth(design)
    assert true["brier"] == pytest.approx(np.mean((event - p) ** 2), rel=0.01)
    assert true["sensitivity"] == pytest.approx(np.mean(p[event] >= design.threshold), abs=0.005)
    assert true["ppv"] == pytest.approx(np.mean(event[p >= design.threshold]), abs=0.005)
    assert true["log_loss"] == pytest.approx(-np.mean(np.log(np.where(event, p, 1 - p))), rel=0.01)
