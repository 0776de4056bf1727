"""p, u, X̄, s and individuals charts against worked examples and against what chance does."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from codman.monitor.charts.chart import Annotation, ChartImpossible, Happening, rows
from codman.monitor.charts.exact_limits import binomial_limits, poisson_limits
from codman.monitor.charts.means import c4, individuals_chart, s_chart, xbar_chart
from codman.monitor.charts.run_rules import WESTERN_ELECTRIC
from codman.monitor.charts.shares import p_chart, u_chart

# Montgomery 2013, table 7.1: nonconforming cans in 30 samples of 50
CANS = [12, 15, 8, 10, 4, 7, 16, 9, 14, 10, 5, 6, 17, 12, 22, 8, 10, 5, 13, 11, 20, 18, 24, 15, 9, 12, 7, 13, 9, 6]


def test_the_p_chart_is_montgomerys():
    chart = p_chart(CANS, [50] * 30)

    assert chart.centre[0] == pytest.approx(0.2313, abs=5e-5)
    assert (chart.lower[0], chart.upper[0]) == pytest.approx((0.0524, 0.4102), abs=2e-4)
    assert [signal.point + 1 for signal in chart.signals] == [15, 23]
    assert chart.in_control_run == pytest.approx(370.4, abs=0.1)


def test_a_break_starts_a_new_centre_and_a_mark_does_not():
    weeks = [f"2026-01-{day:02d}" for day in (5, 12, 19, 26)] + ["2026-02-02", "2026-02-09"]
    release = Annotation(at="2026-01-19T08:00:00Z", kind=Happening.DEPLOYMENT, text="v2", breaks=True)
    freeze = Annotation(at="2026-02-01", kind=Happening.CODE_FREEZE, until="2026-02-03")

    chart = p_chart([10, 10, 10, 30, 30, 30], [100] * 6, at=weeks, annotations=[release, freeze])

    assert chart.phase.tolist() == [0, 0, 0, 1, 1, 1]
    assert chart.centre.tolist() == pytest.approx([0.1] * 3 + [0.3] * 3)
    said = [[one["kind"] for one in row["annotations"]] for row in rows(chart)]
    assert said == [[], [], ["deployment"], ["code freeze"], ["code freeze"], []]


def test_a_window_of_ten_patients_is_hidden_and_not_in_the_drawing():
    chart = p_chart([9, 10, 1], [100, 100, 10], baseline=2)

    assert rows(chart)[2]["value"] is None
    assert (rows(chart)[2]["n"], rows(chart)[2]["note"]) == (None, "suppressed")
    assert chart.centre[0] == pytest.approx(0.095)


def test_limits_of_windows_of_unequal_size_follow_the_size():
    chart = p_chart([10, 40], [100, 400])

    half = 3 * math.sqrt(0.1 * 0.9 / 400)
    assert chart.upper.tolist() == pytest.approx([0.1 + 2 * half, 0.1 + half])


def test_lanys_limits_are_wide_where_points_vary_more_than_chance_and_the_same_where_they_do_not():
    random = np.random.default_rng(3)
    n = np.full(300, 50_000.0)
    by_chance = random.binomial(50_000, 0.1, 300)
    wandering = random.binomial(50_000, np.clip(random.normal(0.1, 0.01, 300), 0, 1))

    plain, laney = (p_chart(wandering, n, limits=kind) for kind in ("sigma", "laney"))
    same = p_chart(by_chance, n, limits="laney")

    assert len(plain.signals) > 100
    assert len(laney.signals) <= 4
    # σ of the points is √(0.01² + 0.1·0.9/50,000) = 7.5 times what chance alone gives
    assert (laney.upper - laney.centre)[0] / (plain.upper - plain.centre)[0] == pytest.approx(7.5, rel=0.15)
    assert same.upper[0] == pytest.approx(p_chart(by_chance, n).upper[0], rel=0.01)


def test_lanys_stretch_is_worked_by_hand():
    # p̄ = 0.2, σ = 0.04; z = 0, 2.5, −2.5; moving ranges 2.5 and 5; σ_z = 3.75 / 1.128
    chart = p_chart([20, 30, 10], [100] * 3, limits="laney")

    assert chart.upper[0] == pytest.approx(min(0.2 + 3 * 0.04 * 3.75 / 1.128, 1))


def test_the_u_chart_counts_events_by_exposure():
    chart = u_chart([12, 8, 40], [100, 50, 200])

    centre = 60 / 350
    assert chart.centre[0] == pytest.approx(centre)
    assert chart.upper.tolist() == pytest.approx([centre + 3 * math.sqrt(centre / e) for e in (100, 50, 200)])
    assert chart.value.tolist() == pytest.approx([0.12, 0.16, 0.2])


@pytest.mark.parametrize("share", [0.02, 0.3, 0.9])
@pytest.mark.parametrize("n", [40, 1000])
def test_exact_limits_are_the_counts_scipy_names(share, n):
    lower, upper = binomial_limits(np.array([share]), np.array([float(n)]), 0.001)

    assert lower[0] == pytest.approx(stats.binom.ppf(0.001, n, share) / n)  # P(K < it) <= 0.001 <= P(K <= it)
    assert upper[0] == pytest.approx(stats.binom.isf(0.001, n, share) / n)


@pytest.mark.parametrize("share", [0.1, 0.3])
def test_smooth_limits_are_spiegelhalters_between_two_counts(share):
    lower, upper = binomial_limits(np.array([share]), np.array([200.0]), 0.001, smooth=True)

    for tail, found in ((0.001, lower[0]), (0.999, upper[0])):
        r = stats.binom.ppf(tail, 200, share)
        part = (stats.binom.cdf(r, 200, share) - tail) / stats.binom.pmf(r, 200, share)
        assert found == pytest.approx((r - part) / 200, abs=1e-9)


def test_poisson_limits_of_a_rate_are_the_counts_scipy_names():
    lower, upper = poisson_limits(np.array([0.1]), np.array([50.0]), 0.025)

    assert (lower[0], upper[0]) == pytest.approx((1 / 50, 10 / 50))
    assert stats.poisson.ppf([0.025, 0.975], 5).tolist() == [1, 10]


def test_exact_limits_signal_for_a_rare_event_about_as_often_as_said_where_sigmas_do_not():
    random = np.random.default_rng(8)
    events = random.binomial(100, 0.02, 40_000)

    sigma = p_chart(events, np.full(40_000, 100.0), standard=0.02)
    exact = p_chart(events, np.full(40_000, 100.0), standard=0.02, limits="exact")

    assert len(sigma.signals) / 40_000 > 0.003
    assert len(exact.signals) / 40_000 < 0.0027


def test_the_constants_are_those_of_the_tables():
    # Montgomery 2013, appendix VI: c4 for 2, 5 and 25
    assert [c4(n) for n in (2, 5, 25)] == pytest.approx([0.7979, 0.9400, 0.9896], abs=5e-5)


def test_the_xbar_chart_has_the_tables_limits():
    # A3 = 1.427, B3 = 0 and B4 = 2.089 for n = 5 (Montgomery 2013, appendix VI)
    mean, sd = [10.0, 10.2, 9.8, 10.4], [0.5, 0.4, 0.6, 0.5]

    chart = xbar_chart(mean, sd, [5] * 4, fewest=2)
    spread = s_chart(sd, [5] * 4, fewest=2)

    assert chart.centre[0] == pytest.approx(10.1)
    assert chart.upper[0] == pytest.approx(10.1 + 1.427 * 0.5, abs=5e-4)
    assert (spread.lower[0], spread.upper[0]) == pytest.approx((0, 2.089 * 0.5), abs=5e-4)
    assert spread.centre[0] == pytest.approx(0.5)


def test_individuals_have_limits_by_the_moving_range():
    # moving ranges 2, 1, 3: mean 2; sigma 2 / 1.128
    chart = individuals_chart([10.0, 12.0, 11.0, 14.0])

    assert chart.upper[0] == pytest.approx(11.75 + 3 * 2 / 1.128)
    assert chart.signals == ()


def test_nothing_shifted_signals_at_the_stated_rate_with_rules():
    random = np.random.default_rng(17)
    chart = individuals_chart(random.standard_normal(30_000), rules=WESTERN_ELECTRIC[1:])

    first_of_runs = len({signal.point for signal in chart.signals})

    assert chart.in_control_run == pytest.approx(91.75, abs=0.01)
    # signals come in bursts (a run that goes on fires again), so more points fire than charts start a false alarm
    assert 30_000 / 91.75 < first_of_runs < 3 * 30_000 / 91.75


@pytest.mark.parametrize(
    ("events", "n"), [([5], [4]), ([-1], [10]), ([1, 2], [10]), ([], []), ([math.nan], [10])], ids=str
)
def test_counts_that_cannot_be_are_refused(events, n):
    with pytest.raises(ChartImpossible):
        p_chart(events, n)


def test_times_that_cannot_be_read_or_do_not_fit_are_refused():
    with pytest.raises(ChartImpossible):
        p_chart([1, 2], [20, 20], at=["2026-01-01"])
    with pytest.raises(ChartImpossible):
        p_chart([1], [20], at=["once"], annotations=[Annotation(at="2026-01-01", kind=Happening.NOTE, breaks=True)])
