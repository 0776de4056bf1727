"""Prediction sets, intervals and abstention, by hand and by simulation."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from many_samples import covered, named, replicates

from codman.errors import BadInput
from codman.evaluate.metrics.risk_coverage import aurc
from codman.evaluate.metrics.uncertainty import estimates, of_abstention, of_intervals, of_sets
from codman.evaluate.prediction_sets import read_sets
from codman.evaluate.result import Evaluation
from codman.evaluate.run import run
from codman.spine.evaluation_spec import EvaluationSpec
from codman.tables.source import open_source

SCORES = {"a": "pa", "b": "pb"}


def evaluated(columns: dict[str, object], **asked: object) -> Evaluation:
    spec = EvaluationSpec.model_validate({"task": "multiclass", "label": "y", "score": SCORES, **asked})
    return run(open_source(pa.table(columns)), spec)


def twelve() -> dict[str, object]:
    """Twelve patients, surest first; the model is wrong on the 3rd, the 11th and the 12th."""
    sure = np.linspace(0.95, 0.56, 12)
    called_a = np.array([True, False] * 6)
    wrong = np.isin(np.arange(12), [2, 10, 11])
    return {
        "y": np.where(called_a ^ wrong, "a", "b").tolist(),
        "pa": np.where(called_a, sure, 1 - sure).tolist(),
        "pb": np.where(called_a, 1 - sure, sure).tolist(),
        "set": [["a"], ["b"], ["a", "b"], ["b"], ["a"], ["b"], ["a"], ["b"], ["a", "b"], ["a", "b"], [], ["a"]],
        "declined": [False] * 10 + [True, False],
    }


def test_twelve_patients_by_hand():
    found = evaluated(twelve(), prediction_set="set", abstain="declined").measurements

    # patient 11 has an empty set; patient 12 was called b, is a, and the set says a
    assert found.one("coverage").value == pytest.approx(11 / 12)
    assert found.one("set_size").value == pytest.approx((8 + 6 + 0) / 12)
    assert found.one("abstention_rate").value == pytest.approx(1 / 12)
    assert found.one("selective_risk").value == pytest.approx(2 / 11)
    assert found.one("selective_risk").n == 11
    risks = [0, 0, 1 / 3, 1 / 4, 1 / 5, 1 / 6, 1 / 7, 1 / 8, 1 / 9, 1 / 10, 2 / 11, 3 / 12]
    assert found.one("aurc").value == pytest.approx(np.mean(risks))


def test_text_between_bars_means_the_same_as_lists():
    columns = twelve()
    as_text = columns | {"set": [" | ".join(one) for one in columns["set"]]}
    a, b = (evaluated(c, prediction_set="set").measurements for c in (columns, as_text))
    assert [m.row() for m in a] == [m.row() for m in b]


def test_a_class_listed_twice_in_a_set_counts_once():
    columns = twelve()
    columns["set"][0] = ["a", "a"]
    assert evaluated(columns, prediction_set="set").measurements.one("set_size").value == pytest.approx(14 / 12)


def test_a_set_with_an_unknown_class_is_refused_by_row():
    columns = twelve()
    columns["set"][3] = ["b", "z"]
    with pytest.raises(BadInput, match="row 4 names a class"):
        evaluated(columns, prediction_set="set")


def test_a_row_without_a_set_is_left_out_of_coverage_only():
    columns = twelve()
    columns["set"][10] = None
    found = evaluated(columns, prediction_set="set").measurements
    assert (found.one("coverage").value, found.one("coverage").n) == (1.0, 11)
    assert found.one("aurc").n == 12


def test_sets_of_a_yes_or_no_label_may_say_it_in_other_words():
    table = pa.table({"y": [1, 0, 1, None], "set": ["yes", "true|false", "no", "1"]})
    sets = read_sets(table, "set", "y", open_source(table))
    assert sets.covered.tolist() == [True, True, False, False]
    assert sets.size.tolist() == [1, 2, 1, 1]
    assert sets.classes == 2


def test_every_patient_declined_leaves_no_selective_risk():
    found = evaluated(twelve() | {"declined": [True] * 12}, abstain="declined").measurements
    assert found.one("selective_risk").value is None
    assert found.one("selective_risk").note == "every patient is declined"
    assert found.one("abstention_rate").value == 1


def test_sets_that_are_all_alike_keep_an_honest_interval_of_their_size():
    columns = twelve() | {"set": [["a"]] * 12}
    found = evaluated(columns, prediction_set="set").measurements.one("set_size")
    assert found.value == 1
    assert 0 < found.lower < 1 < found.upper < 2


def test_intervals_of_regression_by_hand():
    y = np.arange(12.0)
    columns = {"y": y, "p": y + 0.5, "lo": y - 1, "hi": np.where(y < 3, y - 0.5, y + 1)}
    spec = EvaluationSpec(task="regression", label="y", score="p", interval_columns=("lo", "hi"))
    found = run(open_source(columns), spec).measurements
    assert found.one("coverage").value == pytest.approx(9 / 12)
    assert found.one("set_size").value == pytest.approx((3 * 0.5 + 9 * 2) / 12)


def test_an_endless_interval_covers_and_has_no_width():
    y = np.arange(12.0)
    columns = {"y": y, "p": y, "lo": y - 1, "hi": np.where(y == 3, np.inf, y + 1)}
    spec = EvaluationSpec(task="regression", label="y", score="p", interval_columns=("lo", "hi"))
    found = run(open_source(columns), spec).measurements
    assert found.one("coverage").value == 1
    assert found.one("set_size").value is None
    assert "no end" in found.one("set_size").note


def test_an_interval_upside_down_is_refused_by_row():
    columns = {"y": [1.0] * 12, "p": [1.0] * 12, "lo": [0.0] * 11 + [3.0], "hi": [2.0] * 12}
    spec = EvaluationSpec(task="regression", label="y", score="p", interval_columns=("lo", "hi"))
    with pytest.raises(BadInput, match="row 12 the lower end lies above"):
        run(open_source(columns), spec)


def test_patients_of_one_confidence_enter_the_risk_coverage_curve_together():
    error = np.array([True, False, False, True, True, False])
    confidence = np.array([0.9, 0.9, 0.8, 0.8, 0.8, 0.7])
    found = aurc(replicates(1, 6), error, confidence).estimates[0]
    # error rates at the three cuts: 1/2, 3/5, 3/6
    assert found.value[0] == pytest.approx((2 * 1 / 2 + 3 * 3 / 5 + 3 / 6) / 6)


@given(st.integers(0, 10_000), st.integers(12, 60), st.integers(2, 30))
@settings(max_examples=40, deadline=None)
def test_weighted_aurc_equals_its_definition(seed, n, levels):
    random = np.random.default_rng(seed)
    error, weight = random.random(n) < 0.3, random.uniform(0.1, 2, n)
    confidence = random.integers(0, levels, n) / levels
    found = aurc(replicates(1, n, weight=weight), error, confidence)
    risks = [np.average(error[confidence >= c], weights=weight[confidence >= c]) for c in confidence]
    assert found.estimates[0].value[0] == pytest.approx(np.average(risks, weights=weight), rel=1e-9)
    # the influence is the derivative: move one row's weight a little
    row = int(random.integers(n))
    moved = weight.copy()
    moved[row] *= 1 + 1e-6
    after = aurc(replicates(1, n, weight=moved), error, confidence).estimates[0].value[0]
    slope = (after - found.estimates[0].value[0]) / 1e-6
    assert found.influence(0)[0][row] == pytest.approx(slope, abs=1e-5)


def test_no_errors_have_an_aurc_of_zero_and_no_interval():
    found = aurc(replicates(1, 20), np.zeros(20, bool), np.linspace(0, 1, 20)).estimates[0]
    assert found.value[0] == 0
    assert np.isnan(found.bounds(0.95)[0][0])
    assert "no one is misjudged" in found.notes[0]


def test_the_binary_task_gets_whatever_it_gives():
    sample = replicates(1, 40)
    random = np.random.default_rng(1)
    error, sure = random.random(40) < 0.2, random.random(40)
    spec = EvaluationSpec(task="binary", label="y", score="p")
    declined = (sure < 0.2, np.ones(40, bool))
    found = estimates(sample, spec, error=error, confidence=sure, declined=declined, params={"threshold": 0.5})
    assert [(e.metric, dict(e.params)) for e in found] == [
        ("selective_risk", {"threshold": 0.5}),
        ("abstention_rate", {}),
        ("aurc", {"threshold": 0.5}),
    ]
    assert [e.metric for e in estimates(sample, spec, declined=declined)] == ["abstention_rate"]


def test_a_binary_file_may_state_sets_and_abstention():
    n = 40
    y = np.arange(n) % 2
    p = np.where(np.arange(n) < 30, 0.1 + 0.8 * y, 0.5)  # the last ten cannot be told apart
    columns = {
        "y": y,
        "p": p,
        "declined": np.arange(n) >= 35,
        "set": [f"{v}" if i < 30 else "0|1" for i, v in enumerate(y)],
    }
    spec = EvaluationSpec(
        task="binary", label="y", score="p", thresholds=[0.5], prediction_set="set", abstain="declined"
    )
    found = run(open_source(columns), spec).measurements
    assert found.one("coverage").value == 1
    assert found.one("set_size").value == pytest.approx((30 + 20) / 40)
    assert found.one("abstention_rate").value == pytest.approx(5 / 40)
    assert found.one("selective_risk", threshold=0.5).value == pytest.approx(3 / 35)  # of rows 30 to 34, y = 0
    assert found.one("aurc", threshold=0.5).value == pytest.approx(10 / 40 * 5 / 40)
    plain = run(
        open_source(columns), EvaluationSpec(task="binary", label="y", score="p", thresholds=[0.5])
    ).measurements
    assert not plain.where("aurc")


@pytest.mark.parametrize(("rows", "per_patient", "weighted"), [(150, 1, False), (400, 4, False), (300, 1, True)])
def test_intervals_cover_as_often_as_they_say(rows, per_patient, weighted):
    random = np.random.default_rng(6)
    many = 800
    n = many * rows

    def drawn(count):
        lean = np.repeat(random.normal(0, 0.7, count // per_patient), per_patient) if per_patient > 1 else 0.0
        confidence = random.random(count)
        error = random.random(count) < 1 / (1 + np.exp(3 * confidence + lean))
        return error, confidence, random.random(count) < 0.15

    def families(sample, error, confidence, declined):
        size = 1.0 + (confidence < 0.5) + declined
        known = np.ones(len(error), bool)
        parts = (
            of_sets(sample, ~error, size, known, 3),
            of_abstention(sample, error, declined, known),
            aurc(sample, error, confidence),
            of_intervals(sample, error * 2.0, -confidence, confidence + declined),
        )
        return [estimate for part in parts[:3] for estimate in part.estimates]

    weight = random.choice([0.5, 1.0, 2.0], n) if weighted else None
    truth = {e.metric: e.value[0] for e in families(replicates(1, 400_000), *drawn(400_000))}
    found = families(replicates(many, rows, per_patient=per_patient, weight=weight), *drawn(n))
    for metric, value in truth.items():
        share = covered(named(found, metric), value)
        assert 0.925 <= share <= 0.975, (metric, share)  # 800 replicates: SE 0.8 %
