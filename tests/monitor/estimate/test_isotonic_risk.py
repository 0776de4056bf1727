import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.isotonic import IsotonicRegression

from codman.monitor.estimate.isotonic import isotonic


def test_neighbours_that_fall_are_pooled():
    score = np.array([0.1, 0.2, 0.3, 0.4, 0.5])
    event = np.array([False, True, False, True, True])

    fit = isotonic(score, event)

    # 0 | 1, 0 pooled to one half | 1, 1
    assert fit.risk.tolist() == [0.0, 0.5, 1.0]
    assert fit.low.tolist() == [0.1, 0.2, 0.4]
    assert fit.high.tolist() == [0.1, 0.3, 0.5]
    assert fit.at(np.array([0.0, 0.25, 0.35, 0.9])) == pytest.approx([0.0, 0.5, 0.75, 1.0])


def test_equal_scores_have_one_risk():
    fit = isotonic(np.array([0.1, 0.1, 0.7]), np.array([True, False, True]))

    assert fit.at(np.array([0.1, 0.7])).tolist() == [0.5, 1.0]


@pytest.mark.parametrize("weighted", [False, True])
def test_risks_are_those_of_scikit_learn(weighted):
    rng = np.random.default_rng(1)
    score = np.sort(np.round(rng.random(3000), 3))  # with ties
    event = rng.random(3000) < score**2
    weight = rng.random(3000) + 0.1 if weighted else None
    peer = IsotonicRegression(out_of_bounds="clip").fit(score, event, weight)
    at = rng.random(500) * 1.2 - 0.1

    assert isotonic(score, event, weight).at(at) == pytest.approx(peer.predict(at), abs=1e-12)


@given(arrays(np.bool_, st.integers(1, 60)), st.integers(0, 1000))
def test_risks_never_fall_and_foretell_as_many_events_as_there_were(event, seed):
    score = np.sort(np.random.default_rng(seed).integers(0, 20, len(event)) / 20)

    fit = isotonic(score, event)

    assert np.all(np.diff(fit.risk) > 0)
    assert fit.at(score).sum() == pytest.approx(event.sum())
