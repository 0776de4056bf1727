"""Tango's interval against a brute-force likelihood and published examples; McNemar against scipy and statsmodels."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq, minimize_scalar
from scipy.stats import binomtest, norm
from statsmodels.stats.contingency_tables import mcnemar as statsmodels_mcnemar

from codman.evaluate.compare.paired_proportions import mcnemar, tango_interval, tango_z


def brute_force_z(b, c, n, delta):
    """Tango's statistic with the restricted estimate found by maximising the trinomial likelihood numerically."""

    def minus_likelihood(q21):
        q12, rest = q21 + delta, 1 - 2 * q21 - delta
        total = 0.0
        for count, share in ((b, q12), (c, q21), (n - b - c, rest)):
            if count:
                total -= count * math.log(max(share, 1e-300))
        return total

    low, high = max(0.0, -delta), (1 - delta) / 2
    q21 = minimize_scalar(minus_likelihood, bounds=(low, high), method="bounded", options={"xatol": 1e-12}).x
    return (b - c - n * delta) / math.sqrt(n * (2 * q21 + delta * (1 - delta)))


@pytest.mark.parametrize(("b", "c", "n"), [(9, 3, 50), (40, 20, 160), (1, 7, 21), (6, 16, 161), (0, 5, 30)])
def test_tango_ends_are_where_the_brute_force_statistic_passes_1_96(b, c, n):
    z = norm.ppf(0.975)
    change = (b - c) / n

    lower, upper = tango_interval(b, c, n, 0.95)

    assert lower == pytest.approx(brentq(lambda d: brute_force_z(b, c, n, d) - z, -0.999, change - 1e-9), abs=1e-5)
    assert upper == pytest.approx(brentq(lambda d: brute_force_z(b, c, n, d) + z, change + 1e-9, 0.999), abs=1e-5)


@pytest.mark.parametrize(
    ("b", "c", "n", "lower", "upper"),
    [
        # Fagerland, Lydersen & Laake 2014, doi:10.1002/sim.6148: airway hyper-responsiveness, 1 1 7 12
        (1, 7, 21, -0.517, -0.026),
    ],
)
def test_tango_equals_the_published_example(b, c, n, lower, upper):
    assert tango_interval(b, c, n, 0.95) == pytest.approx((lower, upper), abs=5e-4)


def test_no_discordance_leaves_room_for_some():
    z2 = norm.ppf(0.975) ** 2

    lower, upper = tango_interval(0, 0, 40, 0.95)

    assert upper == pytest.approx(z2 / (40 + z2), abs=1e-9)  # worked by hand: nΔ = z √(nΔ(1−Δ))
    assert lower == pytest.approx(-upper, abs=1e-9)


def test_at_no_change_tangos_statistic_is_mcnemars():
    assert tango_z(40, 20, 160, 0.0) == pytest.approx((40 - 20) / math.sqrt(60))


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 30), st.integers(0, 30), st.integers(0, 60))
def test_the_interval_holds_the_change_turns_with_the_models_and_stays_in_range(b, c, same):
    n = b + c + same
    if n == 0:
        return
    lower, upper = tango_interval(b, c, n, 0.95)
    back_lower, back_upper = tango_interval(c, b, n, 0.95)

    assert -1.0 <= lower <= (b - c) / n <= upper <= 1.0
    assert (back_lower, back_upper) == pytest.approx((-upper, -lower), abs=1e-9)


@pytest.mark.parametrize(("b", "c"), [(10, 3), (0, 6), (12, 12), (5, 4), (1, 0)])
def test_few_discordant_patients_are_tested_exactly(b, c):
    found = mcnemar(b, c, 0.95)

    assert found.method == "mcnemar-exact"
    assert found.p_value == pytest.approx(binomtest(b, b + c).pvalue, abs=1e-12)
    assert found.p_value == pytest.approx(statsmodels_mcnemar([[0, b], [c, 0]], exact=True).pvalue, abs=1e-12)


@pytest.mark.parametrize(("b", "c"), [(20, 10), (40, 20), (100, 130), (25, 0)])
def test_many_discordant_patients_are_tested_by_chi_square_without_correction(b, c):
    found = mcnemar(b, c, 0.95)

    assert found.method == "mcnemar"
    assert found.p_value == pytest.approx(
        statsmodels_mcnemar([[0, b], [c, 0]], exact=False, correction=False).pvalue, rel=1e-9
    )


def test_mid_p_is_the_exact_p_less_the_point_probability():
    # worked by hand: 1 of 8 on the rarer side: 2·(1+8)/256 − 8/256
    assert mcnemar(7, 1, 0.95).p_value_mid == pytest.approx(10 / 256)
    # as many on either side: 1 − ½·P(4 of 8) = 1 − 35/256
    assert mcnemar(4, 4, 0.95).p_value_mid == pytest.approx(1 - 35 / 256)


def test_the_odds_ratio_has_clopper_pearsons_interval():
    interval = binomtest(10, 13).proportion_ci(0.95, method="exact")

    found = mcnemar(10, 3, 0.95)

    assert found.odds_ratio == pytest.approx(10 / 3)
    assert found.lower == pytest.approx(interval.low / (1 - interval.low), rel=1e-6)
    assert found.upper == pytest.approx(interval.high / (1 - interval.high), rel=1e-6)
    assert math.isinf(mcnemar(3, 0, 0.95).upper)
