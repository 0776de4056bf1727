"""Run rules: each fires at its pattern and not one point sooner; together they cry wolf as often as stated."""

from __future__ import annotations

import numpy as np
import pytest

from codman.monitor.charts.chart import ChartImpossible
from codman.monitor.charts.run_rules import NELSON, RULES, WESTERN_ELECTRIC, false_alarms, run_length, run_signals

UP_DOWN = [0.1, 0.6] * 7
PATTERNS = {
    "Western Electric 1": [0.0, 3.1],
    "Western Electric 2": [2.1, 0.0, 2.1],
    "Western Electric 3": [1.1, 1.2, 0.0, 1.1, 1.3],
    "Western Electric 4": [0.1] * 8,
    "Nelson 1": [0.0, -3.1],
    "Nelson 2": [-0.1] * 9,
    "Nelson 3": [-0.5, -0.4, -0.3, 0.1, 0.2, 0.3],
    "Nelson 4": UP_DOWN,
    "Nelson 5": [-2.1, -2.1],
    "Nelson 6": [-1.1, -1.1, -1.1, -1.1],
    "Nelson 7": [0.5, -0.5, -0.2] * 5,
    "Nelson 8": [1.1, -1.2, 1.3, -1.1, 1.5, 1.2, -1.3, -1.1],
}


@pytest.mark.parametrize("name", RULES)
def test_a_rule_fires_at_the_last_point_of_its_pattern_and_not_before(name):
    pattern = np.array(PATTERNS[name])

    fired = [signal.point for signal in run_signals(pattern, [name])]

    assert fired == [len(pattern) - 1]
    assert run_signals(pattern[:-1], [name]) == []


def test_a_missing_point_breaks_a_run():
    broken = np.array([0.1] * 4 + [np.nan] + [0.1] * 7)

    assert run_signals(broken, ["Western Electric 4"]) == []


def test_a_signal_says_its_side():
    found = run_signals(np.array([-3.5, 3.5]), ["Nelson 1"])

    assert [(signal.point, signal.side) for signal in found] == [(0, "below"), (1, "above")]


# Champ & Woodall 1987, table 1: run lengths of Western Electric's rules together, nothing shifted
CHAMP_WOODALL = {
    (1,): 370.40, (1, 2): 225.44, (1, 3): 166.05, (1, 4): 152.73,
    (1, 2, 3): 132.89, (1, 2, 4): 122.05, (1, 3, 4): 105.78, (1, 2, 3, 4): 91.75,
}  # fmt: skip


@pytest.mark.parametrize(("numbers", "published"), CHAMP_WOODALL.items(), ids=str)
def test_the_joint_false_alarm_rate_is_champ_and_woodalls(numbers, published):
    rules = [f"Western Electric {number}" for number in numbers]

    found = false_alarms(rules, points=30)

    assert found.method == "markov"
    assert found.in_control_run == pytest.approx(published, abs=0.01)


def test_one_shifted_by_a_sigma_is_found_ten_times_sooner_with_all_four_rules():
    # Champ & Woodall 1987, table 1, shift 1.0: 43.89 with the limits alone, 9.22 with all four
    assert run_length(WESTERN_ELECTRIC[:1], 1.0) == pytest.approx(43.89, abs=0.01)
    assert run_length(WESTERN_ELECTRIC, 1.0) == pytest.approx(9.22, abs=0.01)


def test_the_chain_and_a_simulation_agree_on_nelsons_rules_by_zones():
    by_zones = [name for name in NELSON if RULES[name].track is not None]
    random = np.random.default_rng(5)
    z = random.standard_normal((2000, 52))
    any_fired = np.zeros(2000, dtype=bool)
    for name in by_zones:
        up, down = RULES[name].find(z)
        any_fired |= (up | down).any(axis=1)

    stated = false_alarms(by_zones, points=52).at_least_one

    assert any_fired.mean() == pytest.approx(stated, abs=4 * np.sqrt(stated * (1 - stated) / 2000))


def test_rules_that_compare_neighbours_are_simulated_and_say_so():
    found = false_alarms(["Nelson 1", "Nelson 3"])

    assert found.method == "simulation:4000:seed=7"
    assert 180 < found.in_control_run < 300  # Nelson 3 alone fires about once in 600 points


def test_an_unknown_rule_is_refused_with_the_nearest_name():
    with pytest.raises(ChartImpossible, match="Nelson 1"):
        run_signals(np.zeros(3), ["Nelson 11"])
