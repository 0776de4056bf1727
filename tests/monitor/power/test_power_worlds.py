"""Worlds and shifts: a fall planted is exactly the fall asked for."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from codman.monitor.alarms.distance_looks import DISTANCES, distance
from codman.monitor.alarms.stream import WatchImpossible
from codman.monitor.power.rules import rules_for, window_days
from codman.monitor.power.shifts import METRICS, shifted, value_of
from codman.monitor.power.world import binormal, observed


def test_a_binormal_world_has_its_auroc_its_prevalence_and_right_risks():
    world = binormal(0.82, 0.07, 0.2)

    assert world.auroc == pytest.approx(0.82, abs=5e-4)
    assert world.event.sum() == pytest.approx(1) == world.other.sum()
    assert value_of("oe_ratio", world) == pytest.approx(1.0, abs=1e-9)
    # sensitivity at a risk of 0.2, worked out on the binormal's own axis
    d = 2**0.5 * stats.norm.ppf(0.82)
    cut = (np.log(0.2 / 0.8) - np.log(0.07 / 0.93) + d**2 / 2) / d
    assert value_of("sensitivity", world) == pytest.approx(stats.norm.sf(cut - d), abs=1e-3)
    assert value_of("specificity", world) == pytest.approx(stats.norm.cdf(cut), abs=1e-3)


def test_a_world_observed_has_what_was_observed():
    random = np.random.default_rng(1)
    outcome = random.random(5000) < 0.2
    score = np.round(random.beta(2, 8, 5000) + 0.2 * outcome, 2)

    world = observed(score, outcome, threshold=0.3, name="earlier.csv")

    wins = (score[outcome][:, None] > score[~outcome]).mean() + 0.5 * (
        score[outcome][:, None] == score[~outcome]
    ).mean()
    assert world.auroc == pytest.approx(wins, abs=1e-3)
    assert world.prevalence == pytest.approx(outcome.mean())
    assert value_of("ppv", world) == pytest.approx(outcome[score >= 0.3].mean())


def test_scores_without_outcomes_are_taken_at_their_word():
    score = np.random.default_rng(2).beta(2, 8, 4000)

    world = observed(score, None)

    assert world.prevalence == pytest.approx(score.mean())
    assert value_of("oe_ratio", world) == pytest.approx(1.0, abs=1e-9)
    with pytest.raises(WatchImpossible, match="risks"):
        observed(score * 10, None)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("fall", [0.03, 0.08])
def test_what_is_planted_is_what_was_asked_for(metric, fall):
    world = binormal(0.8, 0.2, 0.3)

    moved = shifted(world, metric, fall)

    assert moved.event.sum() == pytest.approx(1) == moved.other.sum()
    if metric in DISTANCES:
        assert distance(metric, moved.mass, world.mass) == pytest.approx(fall, abs=1e-6)
    else:
        assert value_of(metric, world) - value_of(metric, moved) == pytest.approx(fall, abs=1e-6)


def test_scores_that_move_keep_the_risk_at_each_score():
    world = binormal(0.8, 0.2, 0.3)

    moved = shifted(world, "ks", 0.3)

    before, after = (one.prevalence * one.event / one.mass for one in (world, moved))
    assert after == pytest.approx(before)
    assert moved.prevalence > world.prevalence


def test_a_rise_is_a_fall_with_a_minus_sign():
    world = binormal(0.8, 0.2, 0.3)

    assert value_of("oe_ratio", shifted(world, "oe_ratio", -0.4)) == pytest.approx(1.4)
    assert value_of("prevalence", shifted(world, "prevalence", -0.1)) == pytest.approx(0.3)


@pytest.mark.parametrize(
    ("metric", "fall"), [("auroc", 0.4), ("auroc", -0.1), ("prevalence", 0.3), ("ks", 1.5), ("mcc", 0.1)], ids=str
)
def test_what_cannot_be_planted_is_refused(metric, fall):
    with pytest.raises(WatchImpossible):
        shifted(binormal(0.8, 0.2, 0.3), metric, fall)


def test_a_metric_of_alerts_needs_a_threshold():
    with pytest.raises(WatchImpossible, match="threshold"):
        shifted(binormal(0.8, 0.2), "ppv", 0.05)


def test_rules_last_a_year_whatever_the_window():
    assert [rules_for(window_days(one)).period for one in ("day", "week", "month")] == [365, 52, 12]
    assert rules_for(7.0).memory == (1, 2, 4, 8, 16, 32)
    assert rules_for(window_days("month")).persistence == (1, 1)
    with pytest.raises(WatchImpossible):
        window_days("fortnight")
