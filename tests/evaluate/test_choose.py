"""Thresholds chosen by a rule, on rows of their own."""

from __future__ import annotations

import numpy as np
import pytest
from binary_cohorts import some
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from codman.errors import BadInput
from codman.evaluate.choose import JUDGED_ROWS, threshold_for
from codman.evaluate.run import run
from codman.spine.evaluation_spec import ChosenThreshold, EvaluationSpec
from codman.tables.source import open_source

# ten patients, four with the event, at 0.9, 0.7, 0.5 and 0.2
SCORE = np.array([0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1, 0.1])
EVENT = np.array([True, False, True, False, True, False, False, True, False, False])


@pytest.mark.parametrize(("target", "threshold"), [(0.25, 0.9), (0.5, 0.7), (0.6, 0.5), (0.75, 0.5), (1.0, 0.2)])
def test_the_highest_threshold_that_still_reaches_the_sensitivity(target, threshold):
    assert threshold_for("sensitivity", target, EVENT, SCORE) == threshold


@pytest.mark.parametrize(("target", "threshold"), [(0.1, 0.9), (0.25, 0.8), (0.3, 0.7), (0.9, 0.2), (1.0, 0.1)])
def test_the_lowest_threshold_that_flags_no_more_than_the_share(target, threshold):
    assert threshold_for("alert_rate", target, EVENT, SCORE) == threshold


@pytest.mark.parametrize(
    ("ratio", "threshold"),
    [
        (0.5, 0.9),  # one flagged, three missed: 0 + 0.5 * 3 = 1.5; at 0.7: 1 + 1 = 2
        (1.5, 0.5),  # at 0.5: 2 + 1.5 = 3.5; at 0.7: 1 + 3 = 4; at 0.2: 4 + 0 = 4
        (10.0, 0.2),  # missing anybody costs 10; at 0.2: 4
    ],
)
def test_the_threshold_with_the_least_expected_harm(ratio, threshold):
    assert threshold_for("cost_ratio", ratio, EVENT, SCORE) == threshold


@given(
    hnp.arrays(np.float64, 30, elements=st.integers(0, 10).map(float)),
    hnp.arrays(np.bool_, 30),
    st.floats(0.05, 1.0),
)
def test_what_is_chosen_keeps_its_promise_and_the_next_threshold_would_not(score, event, target):
    event[0], event[1] = True, False
    cut = threshold_for("sensitivity", target, event, score)
    higher = score[score > cut]
    assert np.mean(score[event] >= cut) >= target - 1e-9
    assert len(higher) == 0 or np.mean(score[event] >= higher.min()) < target
    harm = [np.sum(~event & (score >= c)) + 3 * np.sum(event & (score < c)) for c in np.unique(score)]
    best = threshold_for("cost_ratio", 3.0, event, score)
    assert np.sum(~event & (score >= best)) + 3 * np.sum(event & (score < best)) == min(harm)


def test_no_threshold_can_be_chosen_where_rows_hold_one_class_or_ties_flag_too_many():
    with pytest.raises(BadInput, match="no threshold"):
        threshold_for("sensitivity", 0.9, np.ones(5, bool), np.arange(5.0))
    with pytest.raises(BadInput, match="no threshold flags"):
        threshold_for("alert_rate", 0.1, EVENT, np.full(10, 0.5))
    with pytest.raises(BadInput, match="out of range"):
        threshold_for("alert_rate", 1.5, EVENT, SCORE)


def chosen_on(rows: str, **others: object):
    columns = some(400)
    rule = ChosenThreshold(rule="sensitivity", target=0.8, rows=rows)
    spec = EvaluationSpec(task="binary", label="died", score="risk", chosen=[rule], thresholds=[0.5])
    return columns, run(open_source(columns), spec, others={k: open_source(v) for k, v in others.items()})


def test_a_threshold_chosen_elsewhere_is_written_into_the_spec_and_judged_here():
    development = some(800, seed=9)
    _columns, found = chosen_on("development", development=development)
    cut = threshold_for("sensitivity", 0.8, development["died"] == 1, development["risk"])
    assert found.spec.chosen[0].threshold == cut
    assert found.spec.thresholds == [0.5, cut]
    assert found.measurements.one("sensitivity", threshold=cut).value is not None
    assert found.measurements.one("sensitivity", threshold=0.5).value is not None


def test_the_filled_in_spec_measures_the_same_again():
    development = some(800, seed=9)
    columns, found = chosen_on("development", development=development)
    again = run(open_source(columns), found.spec, others={"development": open_source(development)})
    assert again.measurements == found.measurements
    assert again.spec == found.spec


def test_choosing_on_the_judged_rows_is_said_in_words():
    columns, found = chosen_on(JUDGED_ROWS)
    assert found.spec.chosen[0].rows == "judged rows"
    cut = found.spec.chosen[0].threshold
    assert cut == threshold_for("sensitivity", 0.8, columns["died"] == 1, columns["risk"])
    assert found.measurements.one("sensitivity", threshold=cut).value >= 0.8


def test_rows_that_were_not_given_are_refused():
    with pytest.raises(BadInput, match="development"):
        chosen_on("development")
