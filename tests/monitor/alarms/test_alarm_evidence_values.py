"""e-values are at most 1 on average where the shift is δ or less: exactly where that can be summed, else simulated."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from scipy import integrate, optimize, stats

from codman.monitor.alarms.betting import per_patient, ranking_values, wealth, wealth_between
from codman.monitor.alarms.e_values import (
    against_share,
    as_normal,
    either_side,
    likeliest_share,
    mean_deviate,
    of_deviate,
    of_rates,
    share_deviate,
)
from codman.monitor.alarms.stream import WatchImpossible


def test_the_mixture_is_one_on_average_for_a_standard_normal():
    mean, _ = integrate.quad(lambda x: float(of_deviate(np.array([x]))[0]) * stats.norm.pdf(x), -8, 38, limit=400)

    assert mean == pytest.approx(1.0, abs=1e-6)


def test_the_mixture_is_the_integral_it_says_it_is():
    def by_hand(x):
        half_normal = lambda size: 2 * stats.norm.pdf(size / 5) / 5  # noqa: E731
        return integrate.quad(lambda size: math.exp(size * x - size**2 / 2) * half_normal(size), 0, 60)[0]

    xs = np.array([-3.0, 0.0, 2.0, 5.0])
    assert of_deviate(xs).tolist() == pytest.approx([by_hand(x) for x in xs], rel=1e-6)


def test_evidence_rises_with_the_deviate_and_nothing_measured_is_no_evidence():
    rising = of_deviate(np.linspace(-8, 30, 400))

    assert np.all(np.diff(rising) > 0)
    assert of_deviate(np.array([np.nan])).tolist() == [1.0]
    assert of_deviate(np.array([5.0]))[0] > 1000


@pytest.mark.parametrize("df", [3, 10, 100])
@pytest.mark.parametrize("t", [2.0, 3.0, 8.0, 30.0])
def test_a_students_t_becomes_the_normal_deviate_that_is_as_seldom_or_a_little_less(df, t):
    exact = stats.norm.isf(stats.t.sf(t, df))
    above, below = as_normal(np.array([t, -t]), np.full(2, float(df)))

    assert 0.97 * exact <= above <= exact
    assert below == -above


@pytest.mark.parametrize(
    ("x", "n", "y", "m", "delta"), [(30, 100, 200, 1000, 0.05), (3, 40, 10, 800, 0.0), (90, 100, 700, 900, 0.1)]
)
def test_the_likeliest_shares_that_differ_by_delta_are_those_a_search_finds(x, n, y, m, delta):
    def unlikely(p):
        return -stats.binom.logpmf(x, n, p + delta) - stats.binom.logpmf(y, m, p)

    found = optimize.minimize_scalar(
        unlikely, bounds=(1e-9, 1 - delta - 1e-9), method="bounded", options={"xatol": 1e-12}
    )
    mine = likeliest_share(*(np.array([float(one)]) for one in (x, n, y, m)), delta)

    assert mine[0] == pytest.approx(found.x, abs=1e-6)


@pytest.mark.parametrize("n", [20, 200])
@pytest.mark.parametrize("m", [200, 2000])
@pytest.mark.parametrize("share", [0.02, 0.3])
@pytest.mark.parametrize("delta", [0.0, 0.05])
def test_a_shares_e_value_is_at_most_one_on_average_at_a_shift_of_exactly_delta(n, m, share, delta):
    # summed over every pair of counts: no simulation
    x, y = np.arange(n + 1.0), np.arange(m + 1.0)
    likely = stats.binom.pmf(x, n, share + delta)[:, None] * stats.binom.pmf(y, m, share)[None, :]
    kept = likely > 1e-16
    xs, ys = np.meshgrid(x, y, indexing="ij")
    e = of_deviate(share_deviate(xs[kept], np.full(kept.sum(), n), ys[kept], np.full(kept.sum(), m), delta))

    assert (likely[kept] * e).sum() <= 1.0
    for level in (1e-2, 1e-4, 1e-6):  # Markov's inequality with room to spare, far out in the tail too
        assert likely[kept][e >= 1 / level].sum() <= level


def test_a_large_rise_in_a_share_is_found_at_modest_numbers():
    e = of_deviate(share_deviate(np.array([30.0]), np.array([100.0]), np.array([100.0]), np.array([1000.0]), 0.02))

    assert e[0] > 1000


def test_no_patients_say_nothing_and_a_share_within_delta_is_no_evidence():
    empty, within = share_deviate(
        np.array([0.0, 10.0]), np.array([0.0, 100.0]), np.array([10.0, 100.0]), np.array([100.0, 1000.0]), 0.05
    )

    assert math.isnan(empty)
    assert of_deviate(np.array([within]))[0] < 1


@pytest.mark.parametrize(("n", "share"), [(15, 0.1), (300, 0.02), (50, 0.7)])
def test_against_a_fixed_share_the_e_value_is_one_on_average_whatever_the_number(n, share):
    x = np.arange(n + 1.0)

    assert (stats.binom.pmf(x, n, share) * against_share(x, np.full(n + 1, n), share)).sum() == pytest.approx(1.0)
    assert (stats.binom.pmf(x, n, share * 0.9) * against_share(x, np.full(n + 1, n), share)).sum() < 1.0


def test_the_e_value_of_two_rates_is_one_on_average_at_the_tolerated_ratio_whatever_the_rate():
    # Poisson means 12 and 40: exposures 10 and 40, ratio 1.2 exactly
    x, y = (grid.ravel() for grid in np.meshgrid(np.arange(80.0), np.arange(140.0), indexing="ij"))
    likely = stats.poisson.pmf(x, 12) * stats.poisson.pmf(y, 40)

    assert (likely * of_rates(x, np.full_like(x, 10.0), y, np.full_like(x, 40.0), 1.2)).sum() == pytest.approx(1.0)


def test_either_way_is_the_mean_of_both_ways():
    assert either_side(np.array([10.0]), np.array([2.0])).tolist() == [6.0]


def test_a_mean_of_few_skewed_patients_seldom_cries_wolf():
    random = np.random.default_rng(1)
    values = random.exponential(size=(40_000, 15)) - 1  # mean 0, long tail
    mean, se = values.mean(axis=1), values.std(axis=1, ddof=1) / 15**0.5

    up, down = (of_deviate(mean_deviate(sign * mean, se, np.full(40_000, 14.0), 0.0)) for sign in (1, -1))

    assert (up >= 20).mean() <= 0.05
    assert (either_side(up, down) >= 100).mean() <= 0.01


# ---- betting: exact


@pytest.mark.parametrize("standard", [0.1, 0.5])
def test_a_bettors_wealth_is_one_on_average_over_all_that_can_happen(standard):
    total = 0.0
    for happened in itertools.product((0.0, 1.0), repeat=10):
        likely = math.prod(standard if one else 1 - standard for one in happened)
        total += likely * wealth(np.array(happened), standard)[-1]

    assert total == pytest.approx(1.0)


def test_a_bettor_who_may_stop_at_any_time_seldom_multiplies_the_money_by_twenty():
    random = np.random.default_rng(2)

    ever = [wealth((random.random(400) < 0.2).astype(float), 0.2).max() >= 20 for _ in range(1000)]

    assert np.mean(ever) <= 0.05


def test_a_bettor_finds_a_doubled_share_within_a_few_hundred_patients():
    random = np.random.default_rng(3)

    assert wealth((random.random(400) < 0.2).astype(float), 0.1)[-1] > 1000


def test_against_a_sampled_reference_nobody_is_used_twice_and_the_level_holds():
    random = np.random.default_rng(4)
    ever = []
    for _ in range(600):
        now, then = ((random.random(k) < p).astype(float) for k, p in ((200, 0.15), (700, 0.1)))
        ever.append(wealth_between(now, then, 0.05).max() >= 20)

    assert np.mean(ever) <= 0.05
    # three patients of the reference each: the fourth of the ten has no partner left
    assert len(wealth_between(np.ones(4), np.zeros(10), 0.0)) == 4
    assert len(wealth_between(np.ones(10), np.zeros(4), 0.0)) == 4


def test_a_patient_with_the_event_is_ranked_among_patients_of_their_own():
    random = np.random.default_rng(5)
    outcome = np.arange(3000) < 300
    score = random.standard_normal(3000) + outcome

    values = ranking_values(score, outcome, random)

    assert len(values) == 300
    assert values.mean() == pytest.approx(stats.norm.cdf(1 / 2**0.5), abs=0.05)
    assert ranking_values(np.ones(4), np.array([True, False, False, True]), random).tolist() == [0.5, 0.5]


def test_rows_of_one_patient_are_one_value_in_order_of_the_first():
    assert per_patient(np.array([1.0, 0.0, 0.0, 1.0]), np.array(["b", "a", "b", "c"])).tolist() == [0.5, 0.0, 1.0]


@pytest.mark.parametrize("wrong", [([0.5], 1.0), ([1.2], 0.5), ([math.nan], 0.5)], ids=str)
def test_what_cannot_be_bet_on_is_refused(wrong):
    with pytest.raises(WatchImpossible):
        wealth(np.array(wrong[0]), wrong[1])
