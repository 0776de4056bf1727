"""Quantiles and tails against scipy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from codman.evaluate import distributions as ours

SHARES = [1e-6, 0.001, 0.025, 0.2, 0.5, 0.8, 0.975, 0.999, 1 - 1e-6]


@pytest.mark.parametrize("p", SHARES)
def test_the_normal_equals_scipy(p):
    x = stats.norm.ppf(p)
    assert ours.norm_ppf(p) == pytest.approx(x, rel=1e-10, abs=1e-12)
    assert ours.norm_cdf(x) == pytest.approx(p, rel=1e-10)
    assert ours.norm_sf(x) == pytest.approx(stats.norm.sf(x), rel=1e-10)
    assert ours.two_sided_p(x) == pytest.approx(2 * stats.norm.sf(abs(x)), rel=1e-10)


def test_the_level_names_the_quantile_everyone_knows():
    assert ours.z_of_level(0.95) == pytest.approx(1.959963984540054, rel=1e-12)


@pytest.mark.parametrize("df", [1, 2, 3, 4.5, 10, 29.7, 400, 5000, 2e7])
@pytest.mark.parametrize("p", [0.005, 0.025, 0.5, 0.9, 0.975, 0.9999])
def test_students_t_equals_scipy(p, df):
    reference = stats.t.ppf(p, df)
    close = 1e-9 if df < 1e7 else 1e-6  # from there on it is the normal
    assert ours.t_ppf(p, df) == pytest.approx(reference, rel=close, abs=1e-12)
    assert ours.t_cdf(reference, df) == pytest.approx(p, rel=close)
    if p != 0.5:
        assert ours.t_quantiles(p, np.array([float(df)]))[0] == pytest.approx(reference, rel=1e-3)


def test_many_t_quantiles_at_once_are_those_one_by_one():
    df = np.array([1.0, 2.0, 3.0, 5.0, 8.0, 14.0, 29.0, 100.0, 1e4])
    assert ours.t_quantiles(0.975, df) == pytest.approx(stats.t.ppf(0.975, df), rel=2e-5)


@pytest.mark.parametrize("df", [1, 2, 5, 40])
@pytest.mark.parametrize("p", [0.01, 0.5, 0.95, 0.999])
def test_chi_square_equals_scipy(p, df):
    x = stats.chi2.ppf(p, df)
    assert ours.chi2_ppf(p, df) == pytest.approx(x, rel=1e-9)
    assert ours.chi2_sf(x, df) == pytest.approx(1 - p, rel=1e-9)


@given(st.floats(0.001, 0.999), st.floats(0.5, 500), st.floats(0.5, 500))
def test_beta_equals_scipy(p, a, b):
    x = stats.beta.ppf(p, a, b)
    assert ours.beta_ppf(p, a, b) == pytest.approx(x, rel=1e-9, abs=1e-12)
    assert ours.beta_cdf(x, a, b) == pytest.approx(stats.beta.cdf(x, a, b), rel=1e-9)


@pytest.mark.parametrize("p", SHARES)
@pytest.mark.parametrize(("a", "b"), [(30_000, 31_000), (80_000, 12), (400_000, 390_000)])
def test_beta_of_large_counts_equals_scipy(p, a, b):
    assert ours.beta_ppf(p, a, b) == pytest.approx(stats.beta.ppf(p, a, b), rel=1e-9)


@given(st.floats(0.5, 60), st.floats(0.01, 150))
def test_the_gamma_tail_equals_scipy(a, x):
    assert ours.gamma_sf(x, a) == pytest.approx(stats.gamma.sf(x, a), rel=1e-8, abs=1e-14)
