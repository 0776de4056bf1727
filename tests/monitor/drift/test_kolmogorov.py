import numpy as np
import pytest
from scipy.stats import ks_2samp, kstwo, kstwobign

from codman.monitor.drift.kolmogorov import kolmogorov_limit, kolmogorov_quantile, kolmogorov_sf
from codman.monitor.drift.ks import ks, ks_p


@pytest.mark.parametrize("n", [1, 2, 3, 10, 100, 140, 141, 300, 2047, 2049, 20_000, 100_000, 100_001, 1_000_000])
def test_the_tail_equals_scipys_at_every_size(n):
    for z in (0.3, 0.45, 0.7, 0.9, 1.1, 1.4, 1.48, 1.49, 1.99, 2.01, 3.0, 4.5):
        distance = min(z / n**0.5, 1.0)

        assert kolmogorov_sf(distance, n) == pytest.approx(kstwo.sf(distance, n), abs=1e-9)


def test_far_out_in_the_tail_the_chance_is_right_in_proportion():
    assert kolmogorov_sf(0.03, 72_000) == pytest.approx(kstwo.sf(0.03, 72_000), rel=1e-6)


def test_the_95_percent_quantile_is_the_textbooks():
    assert kolmogorov_quantile(0.95) == pytest.approx(1.3581, abs=1e-4)  # Smirnov 1948, table


@pytest.mark.parametrize(("m", "n", "decimals"), [(5, 4, 1), (50, 700, 2), (3000, 400, 1), (5000, 5000, 9)])
def test_two_samples_with_ties_have_scipys_distance_and_p_value(m, n, decimals):
    rng = np.random.default_rng(m)
    a, b = np.round(rng.normal(size=m), decimals), np.round(rng.normal(0.1, 1, size=n), decimals)
    theirs = ks_2samp(a, b, method="asymp")

    distance = ks(a, b)

    assert distance == pytest.approx(theirs.statistic, abs=1e-12)
    assert ks_p(distance, m, n) == pytest.approx(theirs.pvalue, abs=1e-9)


def test_the_limiting_tail_is_scipys():
    reach = np.array([0.0, 0.2, 0.5, 1.0, 1.36, 2.5])

    assert kolmogorov_limit(reach) == pytest.approx(kstwobign.sf(reach), abs=1e-12)
