import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.spatial.distance import jensenshannon
from scipy.stats import chi2_contingency, wasserstein_distance

from codman.monitor.drift.bins import counts_between, decile_edges, quantiles, shares
from codman.monitor.drift.chi2 import chi2, chi2_p
from codman.monitor.drift.hellinger import hellinger, hellinger_ends
from codman.monitor.drift.js import js_distance, js_ends
from codman.monitor.drift.ks import ks
from codman.monitor.drift.psi import psi, psi_ends
from codman.monitor.drift.wasserstein import wasserstein

P, Q = np.array([0.5, 0.3, 0.2]), np.array([0.4, 0.4, 0.2])
numbers = st.floats(-1e6, 1e6, allow_nan=False, width=32)
samples = st.lists(numbers, min_size=1, max_size=60).map(lambda x: np.array(x, np.float64))
share = arrays(np.int64, 6, elements=st.integers(0, 1000)).filter(np.any).map(lambda counts: counts / counts.sum())


def test_psi_of_three_bins_worked_by_hand():
    by_hand = (0.4 - 0.5) * math.log(0.4 / 0.5) + (0.4 - 0.3) * math.log(0.4 / 0.3) + 0.0

    assert psi(P, Q) == pytest.approx(by_hand, abs=1e-12)


def test_psi_clips_an_empty_bin_at_one_in_ten_thousand():
    by_hand = (0.5 - 1.0) * math.log(0.5) + (0.5 - 1e-4) * math.log(0.5 / 1e-4)

    assert psi(np.array([1.0, 0.0]), np.array([0.5, 0.5])) == pytest.approx(by_hand, abs=1e-12)


def test_jensen_shannon_is_scipys_in_base_two_and_one_where_nothing_is_shared():
    assert js_distance(P, Q) == pytest.approx(jensenshannon(P, Q, base=2), abs=1e-12)
    assert js_distance(np.array([1.0, 0.0]), np.array([0.0, 1.0])) == pytest.approx(1.0)


def test_hellinger_of_three_bins_worked_by_hand():
    overlap = math.sqrt(0.5 * 0.4) + math.sqrt(0.3 * 0.4) + 0.2

    assert hellinger(P, Q) == pytest.approx(math.sqrt(1 - overlap), abs=1e-12)
    assert hellinger(np.array([1.0, 0.0]), np.array([0.0, 1.0])) == pytest.approx(1.0)


def test_decile_edges_are_numpys_linear_quantiles_unique_with_open_ends():
    values = np.sort(np.round(np.random.default_rng(1).exponential(size=997), 1))
    theirs = np.unique(np.quantile(values, np.linspace(0, 1, 11)))[1:-1]

    assert decile_edges(values).tolist() == theirs.tolist()


def test_counts_are_numpys_histogram_on_the_same_edges():
    rng = np.random.default_rng(2)
    reference, current = (
        np.sort(rng.integers(0, 30, 500)).astype(float),
        np.sort(rng.integers(-5, 40, 300)).astype(float),
    )
    edges = decile_edges(reference)
    theirs, _ = np.histogram(current, np.concatenate([[-np.inf], edges, [np.inf]]))

    assert counts_between(current, edges).tolist() == theirs.tolist()


@given(samples)
def test_quantiles_are_numpys_to_the_bit(values):
    values = np.sort(values)

    assert quantiles(values, np.linspace(0, 1, 11)).tolist() == np.quantile(values, np.linspace(0, 1, 11)).tolist()


def test_chi_square_is_scipys_without_correction():
    reference, current = np.array([120.0, 60, 20, 0]), np.array([40.0, 40, 15, 5])
    theirs = chi2_contingency(np.stack([reference, current]), correction=False)

    square, free, fewest = chi2(reference, current)

    assert float(square) == pytest.approx(theirs.statistic, rel=1e-12)
    assert float(free) == theirs.dof
    assert float(fewest) == pytest.approx(theirs.expected_freq.min())
    assert chi2_p(float(square), float(free)) == pytest.approx(theirs.pvalue, abs=1e-9)


def test_a_category_that_neither_side_has_costs_no_degree_of_freedom():
    square, free, _ = chi2(np.array([10.0, 10, 0]), np.array([5.0, 15, 0]))

    assert float(free) == 1
    assert float(square) == pytest.approx(chi2_contingency([[10, 10], [5, 15]], correction=False).statistic)


@given(samples, samples)
def test_wasserstein_is_scipys_whatever_the_ties(a, b):
    assert wasserstein(a, b) == pytest.approx(wasserstein_distance(a, b), rel=1e-9, abs=1e-9)


@given(samples, samples)
def test_ks_and_wasserstein_do_not_mind_which_sample_comes_first(a, b):
    assert ks(a, b) == pytest.approx(ks(b, a), abs=1e-12)
    assert wasserstein(a, b) == pytest.approx(wasserstein(b, a), rel=1e-9, abs=1e-9)


@given(samples)
def test_a_sample_is_at_no_distance_from_itself_twice_over(a):
    assert ks(a, np.tile(a, 2)) == pytest.approx(0.0, abs=1e-12)
    assert wasserstein(a, np.tile(a, 2)) == pytest.approx(0.0, abs=1e-6)


@given(samples, samples)
def test_ks_does_not_change_under_a_map_that_keeps_order(a, b):
    assert ks(np.arctan(a), np.arctan(b)) == pytest.approx(ks(a, b), abs=1e-12) or len(
        np.unique(np.arctan(np.concatenate([a, b])))
    ) < len(np.unique(np.concatenate([a, b])))


@given(share, share)
def test_distances_of_shares_are_symmetric_and_within_their_range(p, q):
    for measure in (js_distance, hellinger):
        assert 0 <= measure(p, q) <= 1
        assert measure(p, q) == pytest.approx(measure(q, p), abs=1e-9)
    assert psi(p, q) >= 0
    assert psi(p, q) == pytest.approx(psi(q, p), abs=1e-9)


@settings(max_examples=50)
@given(share, share)
def test_an_interval_holds_its_own_distance(p, q):
    n = (np.array(500.0), np.array(300.0))
    for measure, ends in ((psi, psi_ends), (js_distance, js_ends), (hellinger, hellinger_ends)):
        lower, upper = ends(p, q, n, 0.95)
        if np.isfinite(lower):
            assert lower <= measure(p, q) + 1e-9
            assert upper >= 0


def test_two_handfuls_of_rows_alike_by_luck_have_not_shown_that_nothing_moved():
    p = np.full(10, 0.1)
    n = (np.array(20.0), np.array(20.0))

    lower, upper = psi_ends(p, p, n, 0.95)

    z = 1.959964  # no distance above chance, 9 free shares, 20 x 20 / 40 = 10: (2 z^2 + z sqrt(4 z^2 + 18)) / 10
    assert lower == 0
    assert upper == pytest.approx((2 * z**2 + z * math.sqrt(4 * z**2 + 18)) / 10, abs=1e-5)
    assert js_ends(p, p, n, 0.95)[1] > 0.1
    assert hellinger_ends(p, p, n, 0.95)[1] > 0.1


@pytest.mark.parametrize("moved", [0.0, 0.03, 0.1, 0.3])
def test_intervals_of_binned_distances_cover_the_truth_in_95_of_100_samples(moved):
    rng = np.random.default_rng(20261121)
    p = np.full(10, 0.1)
    q = p + moved * np.linspace(-0.3, 0.3, 10)
    runs, n = 1500, (np.array(2000.0), np.array(600.0))
    a = shares(rng.multinomial(2000, p, runs).astype(float))
    b = shares(rng.multinomial(600, q, runs).astype(float))
    for measure, ends in ((psi, psi_ends), (js_distance, js_ends), (hellinger, hellinger_ends)):
        lower, upper = ends(a, b, n, 0.95)
        truth = float(measure(p, q))

        covered = float(np.mean((lower <= truth + 1e-12) & (truth <= upper)))

        assert covered >= 0.935
