"""EWMA, CUSUM and risk-adjusted CUSUM against worked examples and against simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest

from codman.monitor.charts.chart import Annotation, ChartImpossible, Happening, rows
from codman.monitor.charts.cusum import DOWN, UP, cusum_chart
from codman.monitor.charts.ewma import ewma_chart
from codman.monitor.charts.risk_adjusted import (
    FEWER,
    MORE,
    limit_of,
    risk_adjusted_cusum,
    risk_adjusted_run_length,
    weights,
)

# Montgomery 2013, table 9.1: the last ten come from a mean one sigma higher
VALUES = [
    9.45, 7.99, 9.29, 11.66, 12.16, 10.18, 8.04, 11.46, 9.20, 10.34, 9.03, 11.47, 10.51, 9.40, 10.08,
    9.37, 10.62, 10.31, 8.52, 10.84, 10.90, 9.33, 12.29, 11.50, 10.60, 11.08, 10.38, 11.62, 11.31, 10.52,
]  # fmt: skip


def test_the_ewma_is_montgomerys():
    chart = ewma_chart(VALUES, sigma=[1.0] * 30, weight=0.1, width=2.7, standard=10.0)

    assert chart.value[:2].tolist() == pytest.approx([9.945, 9.7495])
    assert chart.upper[:2].tolist() == pytest.approx([10.27, 10.36], abs=0.005)
    assert chart.upper[29] == pytest.approx(10.62, abs=0.005)
    assert chart.value[28] == pytest.approx(10.6468, abs=5e-4)
    assert [signal.point + 1 for signal in chart.signals] == [29, 30]


def test_the_cusum_is_montgomerys():
    chart = cusum_chart(VALUES, sigma=[1.0] * 30, reference=0.5, limit=5.0, standard=10.0)

    assert chart.value[28] == pytest.approx(5.28, abs=0.005)
    assert [(signal.point + 1, signal.rule) for signal in chart.signals] == [(29, UP)]
    assert chart.value[29] == pytest.approx(max(0, 10.52 - 10.5))  # started anew after the signal


def test_a_fast_start_finds_what_is_wrong_from_the_start():
    low = [9.0] * 12

    plain = cusum_chart(low, sigma=[1.0] * 12, limit=4.0, standard=10.0)
    fast = cusum_chart(low, sigma=[1.0] * 12, limit=4.0, standard=10.0, fast_start=True)

    assert (plain.signals[0].point + 1, fast.signals[0].point + 1) == (9, 5)  # 4/0.5 and 2/0.5, and over it
    assert fast.signals[0].rule == DOWN


def test_a_missing_point_leaves_the_average_where_it_was_and_its_limits_too():
    chart = ewma_chart([10.0, math.nan, 10.0], sigma=[1.0] * 3, weight=0.2, width=3, standard=10.0)

    assert rows(chart)[1]["value"] is None
    assert chart.upper[1] == chart.upper[0]


def test_limits_narrow_with_the_windows_standard_errors():
    chart = ewma_chart([0.8, 0.8], sigma=[0.02, 0.01], weight=0.5, width=3, standard=0.8)

    assert (chart.upper - 0.8).tolist() == pytest.approx([3 * 0.5 * 0.02, 3 * math.sqrt(0.25 * 1e-4 + 0.25 * 1e-4)])


def test_both_start_anew_at_a_deployment():
    weeks = [f"2026-03-{day:02d}" for day in (2, 9, 16, 23)]
    release = Annotation(at="2026-03-16", kind=Happening.DEPLOYMENT, breaks=True)

    ewma = ewma_chart([1, 1, 5, 5], sigma=[1.0] * 4, weight=0.5, width=3, at=weeks, annotations=[release])
    cusum = cusum_chart([1, 1, 5, 5], sigma=[1.0] * 4, limit=5, at=weeks, annotations=[release], standard=0.0)

    assert ewma.value.tolist() == pytest.approx([1, 1, 5, 5])
    assert cusum.value.tolist() == pytest.approx([0.5, 1.0, 4.5, 9.0])


def test_a_chart_asked_for_a_run_length_signals_about_that_often():
    random = np.random.default_rng(23)
    chart = cusum_chart(random.standard_normal(40_000), sigma=np.ones(40_000), in_control_run=200, standard=0.0)

    assert chart.in_control_run == pytest.approx(200, rel=0.01)
    assert len(chart.signals) == pytest.approx(40_000 / 200, rel=0.2)


def test_a_patients_weight_is_steiners():
    # risk 0.5, odds ratio 2: ln 2 − ln 1.5 with the event, −ln 1.5 without it
    found = weights(np.array([1.0, 0.0]), np.array([0.5, 0.5]), 2.0)

    assert found.tolist() == pytest.approx([math.log(4 / 3), -math.log(1.5)])


def test_the_risk_adjusted_sum_signals_sooner_where_more_happens_than_foretold():
    random = np.random.default_rng(4)
    risk = random.beta(2, 18, 4000)
    odds = 3 * risk / (1 - risk)
    outcome = (random.random(4000) < odds / (1 + odds)).astype(float)

    chart = risk_adjusted_cusum(outcome, risk, limit=4.5)

    assert chart.signals[0].rule == MORE
    assert chart.signals[0].point < 400


def test_the_lower_sum_signals_where_less_happens_than_foretold():
    random = np.random.default_rng(4)
    risk = np.full(5000, 0.2)
    outcome = (random.random(5000) < 0.1).astype(float)

    found = {signal.rule for signal in risk_adjusted_cusum(outcome, risk, limit=4.5).signals}

    assert found == {FEWER}


@pytest.mark.parametrize("truth", [1.0, 2.0])
def test_the_risk_adjusted_run_length_is_that_of_simulated_charts(truth):
    random = np.random.default_rng(9)
    risk = random.beta(1, 9, 150)
    stated = risk_adjusted_run_length(risk, 2.0, 2.5, truth=truth)
    runs, ends = 1500, []
    total, done, steps = np.zeros(runs), np.zeros(runs, dtype=bool), 0
    while not done.all() and steps < 20_000:
        steps += 1
        drawn = random.choice(risk, runs)
        happens = truth * drawn / (1 - drawn + truth * drawn)
        total = np.maximum(0, total + weights((random.random(runs) < happens).astype(float), drawn, 2.0))
        now = (total >= 2.5) & ~done
        ends += [steps] * int(now.sum())
        done |= now

    assert np.mean(ends) == pytest.approx(stated, abs=4 * np.std(ends) / runs**0.5)


def test_the_limit_of_a_wanted_run_length_gives_it():
    risk = np.random.default_rng(2).beta(1, 12, 500)

    limit = limit_of(risk, 2.0, 2000)

    assert risk_adjusted_run_length(risk, 2.0, limit) == pytest.approx(2000, rel=0.03)


@pytest.mark.parametrize(
    "wrong",
    [
        {"outcome": [0.5], "risk": [0.2]},
        {"outcome": [1], "risk": [1.0]},
        {"outcome": [1, 0], "risk": [0.2]},
        {"outcome": [1], "risk": [0.2], "odds_ratio": 0.9},
        {"outcome": [1], "risk": [0.2], "better": 1.1},
    ],
    ids=str,
)
def test_what_cannot_be_adjusted_is_refused(wrong):
    with pytest.raises(ChartImpossible):
        risk_adjusted_cusum(**wrong)
