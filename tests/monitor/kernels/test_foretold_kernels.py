import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codman.monitor.kernels.foretold import expected_auroc, pooled


def plain(score, risk):
    """The expected AUROC by all pairs, a row beside itself a tie."""
    better = (score[:, None] > score) + 0.5 * (score[:, None] == score)
    return (risk[:, None] * (1 - risk) * better).sum() / (risk.sum() * (1 - risk).sum())


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 40), st.integers(1, 12))
def test_the_expected_auroc_and_its_derivatives_are_those_of_all_pairs(seed, n, levels):
    rng = np.random.default_rng(seed)
    score = np.sort(rng.integers(0, levels, n) / levels)
    risk = rng.uniform(0.05, 0.95, n)
    edges = np.array([0, n // 3, n // 3, n])  # the middle block is empty

    sums, reach, pull = expected_auroc(score, risk, edges, pulls=True)

    assert sums[1] / (sums[0] * (n - sums[0])) == pytest.approx(plain(score, risk))
    for i in range(n):
        up, down = risk.copy(), risk.copy()
        up[i], down[i] = risk[i] + 1e-5, risk[i] - 1e-5
        assert pull[i] == pytest.approx((plain(score, up) - plain(score, down)) / 2e-5, abs=1e-6)
    assert reach == pytest.approx([pull[: n // 3].sum(), 0.0, pull[n // 3 :].sum()])
    spread = risk * (1 - risk)
    assert sums[2] == pytest.approx(np.sum(spread * pull**2))
    assert sums[3] == pytest.approx(np.sum(spread * (1 - 2 * risk) * pull**3))


def test_blocks_end_where_shares_rise():
    last, mass, squares, events = pooled(
        np.array([1.0, 2.0, 2.0, 3.0]), np.array([True, False, True, True]), np.array([1.0, 1.0, 3.0, 2.0])
    )

    # 1 of 1 falls to 3 of 4: pooled 4 of 5; then 2 of 2
    assert last.tolist() == [2, 3]
    assert mass.tolist() == [5, 2]
    assert squares.tolist() == [11, 4]
    assert events.tolist() == [4, 2]
