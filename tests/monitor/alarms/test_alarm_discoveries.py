"""False-discovery control: e-BH, e-LOND, and both in one; under independence and under the worst dependence."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from codman.monitor.alarms.discoveries import Ledger, e_bh
from codman.monitor.alarms.stream import WatchImpossible


def test_e_bh_calls_the_most_that_all_reach_their_part():
    # level 0.1, four streams: one needs 40, two 20 each, three 13.3 each
    assert e_bh(np.array([39.0, 1.0, 1.0, 1.0]), 0.1).tolist() == [False] * 4
    assert e_bh(np.array([41.0, 1.0, 1.0, 1.0]), 0.1).tolist() == [True, False, False, False]
    assert e_bh(np.array([21.0, 20.5, 1.0, 1.0]), 0.1).tolist() == [True, True, False, False]
    assert e_bh(np.array([14.0, 14.0, 14.0, 13.0]), 0.1).tolist() == [True, True, True, True]  # four need 10


def test_one_stream_a_window_is_e_lond():
    # Xu & Ramdas 2024: reject when e ≥ 1 / (level · γ · (rejections before + 1)); γ = 1/4 for four windows
    ledger, called = Ledger(level=0.1, period=4), []
    for e in (39.0, 41.0, 21.0, 13.0):
        one, ledger = ledger.call(np.array([e]), np.array([1.0]))
        called.append(bool(one[0]))

    assert called == [False, True, True, False]
    assert (ledger.window, ledger.found) == (0, 0)  # the period is over, and the level starts anew


def test_an_endless_level_is_never_spent():
    ledger, spent = Ledger(period=None), 0.0
    for _ in range(5000):
        spent += ledger.part()
        _, ledger = ledger.call(np.zeros(1), np.ones(1))

    assert 0.9 < spent < 1.0


def test_the_part_of_a_stream_is_its_weight():
    called, _ = Ledger(level=0.5, period=1).call(np.array([3.0, 3.0]), np.array([0.8, 0.2]))

    assert called.tolist() == [True, False]  # 2.5 is needed of one, 10 of the other; both together 5


@given(
    st.lists(st.floats(0, 1e6), min_size=1, max_size=30),
    st.floats(0.01, 0.9),
)
def test_what_is_called_is_called_still_when_evidence_grows(e, level):
    values = np.array(e)
    before = e_bh(values, level)

    assert np.all(before <= e_bh(values * 1.5, level))
    assert np.all(values[before].min(initial=np.inf) >= values[~before].max(initial=0)) or not before.any()


@pytest.mark.parametrize("kind", ["independent", "one chance for all", "one of all, as far as can be"])
def test_the_share_of_false_calls_stays_at_its_level_however_streams_hang_together(kind):
    random = np.random.default_rng(12)
    level, streams, windows, shares = 0.2, 20, 6, []
    for _ in range(1500):
        ledger, false, called = Ledger(level=level, period=windows), 0, 0
        for _ in range(windows):
            e = _nulls(kind, random, streams)
            e[:2] = 1e6 if random.random() < 0.3 else 1.0  # two streams that really move
            now, ledger = ledger.call(e, np.full(streams, 1 / streams))
            false, called = false + int(now[2:].sum()), called + int(now.sum())
        shares.append(false / max(called, 1))

    assert np.mean(shares) <= level


def _nulls(kind, random, streams):
    """e-values with mean 1 that do what harm they can: all or nothing at thresholds a call needs."""
    if kind == "independent":
        return np.exp(3 * random.standard_normal(streams) - 4.5)
    if kind == "one chance for all":
        return np.full(streams, 60.0 * (random.random() < 1 / 60))
    e = np.zeros(streams)
    size = 10.0 ** random.integers(1, 4)
    e[random.random(streams) < 1 / size] = size
    return e


@pytest.mark.parametrize("wrong", [{"level": 0.0}, {"level": 1.0}, {"period": 0}], ids=str)
def test_a_level_that_cannot_be_held_is_refused(wrong):
    with pytest.raises(WatchImpossible):
        Ledger(**wrong)
