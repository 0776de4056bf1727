"""Average run lengths against the published tables, and against simulation."""

from __future__ import annotations

import numpy as np
import pytest

from codman.monitor.charts.chart import ChartImpossible
from codman.monitor.charts.run_lengths import (
    chain_run_length,
    cusum_limit,
    cusum_run_length,
    ewma_run_length,
    ewma_width,
)

SHIFTS = (0, 0.25, 0.5, 0.75, 1, 1.5, 2, 2.5, 3, 4)

# Lucas & Saccucci 1990, table 3 (also Montgomery 2013, table 9.11): EWMA schemes of in-control run length near 500
EWMA = {
    (0.40, 3.054): (500, 224, 71.2, 28.4, 14.3, 5.9, 3.5, 2.5, 2.0, 1.4),
    (0.25, 2.998): (500, 170, 48.2, 20.1, 11.1, 5.5, 3.6, 2.7, 2.3, 1.7),
    (0.20, 2.962): (500, 150, 41.8, 18.2, 10.5, 5.5, 3.7, 2.9, 2.4, 1.9),
    (0.10, 2.814): (500, 106, 31.3, 15.9, 10.3, 6.1, 4.4, 3.4, 2.9, 2.2),
    (0.05, 2.615): (500, 84.1, 28.8, 16.4, 11.4, 7.1, 5.2, 4.2, 3.5, 2.7),
}

# Lucas & Crosier 1982, table 1 (also Hawkins & Olwell 1998, 3.2): two-sided CUSUM, k = 0.5, plain and with a head start
CUSUM = {
    (4, False): (168, 74.2, 26.6, 13.3, 8.38, 4.75, 3.34, 2.62, 2.19, 1.71),
    (5, False): (465, 139, 38.0, 17.0, 10.4, 5.75, 4.01, 3.11, 2.57, 2.01),
    (4, True): (149, 62.7, 20.1, 8.97, 5.29, 2.86, 2.01, 1.59, 1.32, 1.07),
    (5, True): (430, 122, 28.7, 11.2, 6.35, 3.37, 2.36, 1.86, 1.54, 1.16),
}


@pytest.mark.parametrize(("scheme", "published"), EWMA.items(), ids=str)
def test_ewma_run_lengths_are_those_of_lucas_and_saccucci(scheme, published):
    computed = [ewma_run_length(*scheme, shift) for shift in SHIFTS]

    assert computed == pytest.approx(published, rel=0.01, abs=0.06)  # printed to one decimal


@pytest.mark.parametrize(("scheme", "published"), CUSUM.items(), ids=str)
def test_cusum_run_lengths_are_those_of_lucas_and_crosier(scheme, published):
    limit, fast = scheme

    computed = [cusum_run_length(0.5, limit, shift, head_start=limit / 2 if fast else 0.0) for shift in SHIFTS]

    assert computed == pytest.approx(published, rel=0.01)


def test_the_limit_of_a_wanted_run_length_is_hawkins_table():
    # Hawkins 1993 (Montgomery 2013, table 9.4): k and h of two-sided charts with 370 points between false signals
    published = {0.25: 8.01, 0.5: 4.77, 0.75: 3.34, 1.0: 2.52, 1.25: 1.99, 1.5: 1.61}

    computed = {k: cusum_limit(k, 370) for k in published}

    assert computed == pytest.approx(published, abs=0.011)


def test_the_width_of_a_wanted_run_length_is_lucas_and_saccuccis():
    assert ewma_width(0.1, 500) == pytest.approx(2.814, abs=0.002)
    assert ewma_width(1.0, 370.4) == pytest.approx(
        3.0, abs=0.002
    )  # with all weight on the newest point, a Shewhart chart


def test_simulated_charts_signal_as_often_as_the_chains_say():
    random = np.random.default_rng(11)
    runs, points = 3000, 400
    z = random.standard_normal((runs, points)) + 0.5
    ewma, up, down = np.zeros(runs), np.zeros(runs), np.zeros(runs)
    ewma_at, cusum_at = np.full(runs, points), np.full(runs, points)
    limit = 2.962 * np.sqrt(0.2 / 1.8)
    for t in range(points):
        ewma = 0.2 * z[:, t] + 0.8 * ewma
        up, down = np.maximum(0, up + z[:, t] - 0.5), np.maximum(0, down - z[:, t] - 0.5)
        ewma_at = np.where((ewma_at == points) & (np.abs(ewma) > limit), t + 1, ewma_at)
        cusum_at = np.where((cusum_at == points) & (np.maximum(up, down) > 5), t + 1, cusum_at)

    assert ewma_at.mean() == pytest.approx(ewma_run_length(0.2, 2.962, 0.5), abs=4 * ewma_at.std() / runs**0.5)
    assert cusum_at.mean() == pytest.approx(cusum_run_length(0.5, 5, 0.5), abs=4 * cusum_at.std() / runs**0.5)


def test_a_coin_walk_reaches_its_limit_as_the_chain_says():
    # +1 or −1 with equal chance, held at 0 below, from 0 to 3: expected steps h(h + 1) = 12 by first-step analysis
    found = chain_run_length(np.array([1.0, -1.0]), np.array([0.5, 0.5]), 2.5)

    assert found == pytest.approx(12, rel=0.02)


@pytest.mark.parametrize("wrong", [(0.0, 3.0), (1.5, 3.0), (0.2, 0.0)])
def test_an_ewma_that_cannot_be_is_refused(wrong):
    with pytest.raises(ChartImpossible):
        ewma_run_length(*wrong)


def test_a_head_start_at_the_limit_or_a_run_length_of_one_is_refused():
    with pytest.raises(ChartImpossible):
        cusum_run_length(0.5, 4, head_start=4)
    with pytest.raises(ChartImpossible):
        cusum_limit(0.5, 1)
