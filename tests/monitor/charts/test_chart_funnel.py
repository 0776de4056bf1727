"""Funnel plots: sites against limits for their size, with and without overdispersion."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from codman.monitor.charts.chart import ChartImpossible
from codman.monitor.charts.funnel import INNER, OUTER, funnel, site_rows


def test_only_the_site_that_differs_is_outside():
    chart = funnel(["A", "B", "C", "D"], [52, 95, 210, 60], [500, 1000, 2000, 250])

    found = {row["site"]: row["outside"] for row in site_rows(chart)}

    assert chart.target == pytest.approx(417 / 3750)
    assert found == {"A": None, "B": None, "C": None, "D": "outside 99.8% limits"}


def test_limits_are_the_binomials_own():
    chart = funnel(["A", "B"], [3, 40], [30, 400], target=0.1)

    lower, upper = chart.limits[OUTER]
    r = stats.binom.isf(0.001, 30, 0.1)
    assert (r - 1) / 30 < upper[0] <= r / 30
    assert lower[0] == 0
    assert chart.z[1] == pytest.approx(0)


def test_sites_all_alike_lie_outside_as_often_as_the_limits_say():
    random = np.random.default_rng(6)
    n = random.choice([50.0, 120.0, 400.0, 900.0, 2000.0], 4000)
    chart = funnel([str(i) for i in range(4000)], random.binomial(n.astype(int), 0.15), n, target=0.15)

    assert chart.outside[INNER].mean() == pytest.approx(0.05, abs=0.012)
    assert chart.outside[OUTER].mean() == pytest.approx(0.002, abs=0.002)
    assert chart.dispersion < 1


def test_observed_over_expected_by_site_has_poisson_limits():
    chart = funnel(["A", "B"], [30, 12], [20.0, 12.0], kind="ratio")

    assert chart.target == 1.0
    assert chart.value.tolist() == pytest.approx([1.5, 1.0])
    assert chart.limits[INNER][1][0] == pytest.approx(1.46, abs=0.03)  # 97.5 % of Poisson(20) lies at 29 of 20


def test_overdispersion_is_worked_by_hand_and_widens_the_limits():
    # z of ±3 in every site: winsorising changes nothing, φ = 9
    n = np.full(10, 100.0)
    events = 50 + np.tile([15, -15], 5)

    plain = funnel([str(i) for i in range(10)], events, n)
    wide = funnel([str(i) for i in range(10)], events, n, overdispersion="multiplicative")
    added = funnel([str(i) for i in range(10)], events, n, overdispersion="additive")

    assert plain.dispersion == pytest.approx(9)
    assert plain.outside[INNER].all()
    assert wide.limits[INNER][1][0] == pytest.approx(0.5 + 1.959964 * 0.05 * 3)
    # τ² = (Iφ − (I − 1)) / (Σw − Σw²/Σw) = (90 − 9) / (4000 − 400)
    assert added.between == pytest.approx(math.sqrt(81 / 3600))
    assert not added.outside[OUTER].any()
    assert any("9.0 times" in note for note in plain.notes)


def test_a_site_of_ten_patients_is_hidden():
    chart = funnel(["A", "B"], [5, 100], [10, 1000])

    hidden = {row["site"]: row for row in site_rows(chart)}["A"]

    assert (hidden["value"], hidden["n"], hidden["note"]) == (None, None, "suppressed")
    assert hidden["limits"] == {"0.95": [None, None], "0.998": [None, None]}


@pytest.mark.parametrize(
    "wrong", [(["A"], [5], [4]), (["A"], [1, 2], [9, 9]), (["A"], [-1], [9]), (["A"], [0], [0])], ids=str
)
def test_sites_that_cannot_be_compared_are_refused(wrong):
    with pytest.raises(ChartImpossible):
        funnel(*wrong)
