"""What of an evaluation leaves the house: small groups, small classes, and what subtraction would give away."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from codman.report.reading import slice_key
from codman.report.small_groups import strict
from codman.spine.evaluation_spec import EvaluationSpec
from codman.spine.measurement import SUPPRESSED, Measurement
from codman.spine.statement import EvaluationPredicate, Rows


def row(slice_, n, positives, metric="auroc", value=0.8, **params):
    return Measurement(metric=metric, slice=slice_, value=value, n=n, positives=positives, params=params)


def predicate(*measurements, task="binary", suppression="standard", patients=None):
    whole = max((m.n or 0 for m in measurements), default=0)
    return EvaluationPredicate(
        product="Sepsis alert",
        evaluated_at="2026-10-31T10:00:00Z",
        inputs=[],
        rows=Rows(eligible=whole, scored=whole, evaluated=whole, patients=patients),
        spec=EvaluationSpec(task=task, label="died", score="risk", suppression=suppression),
        measurements=list(measurements),
    )


def shown(found):
    return [m.slice for m in found.measurements]


def test_large_groups_all_leave():
    found = strict(predicate(row({}, 200, 60), row({"sex": "F"}, 100, 30), row({"sex": "M"}, 100, 30)))

    assert shown(found) == [{}, {"sex": "F"}, {"sex": "M"}]
    assert found.hidden == []


def test_ten_events_hide_a_group_and_the_smallest_beside_it_that_would_give_it_away():
    # 50 + 100 + 120 = 270: without Y, X could be had by subtraction
    rows = (row({}, 270, 90), row({"race": "X"}, 50, 10), row({"race": "Y"}, 100, 40), row({"race": "Z"}, 120, 40))

    found = strict(predicate(*rows))

    assert shown(found) == [{}, {"race": "Z"}]
    assert found.hidden == [{"race": "X"}, {"race": "Y"}]


def test_ten_patients_without_the_event_hide_a_group_as_ten_with_it_do():
    rows = [row({}, 300, 220), *(row({"race": r}, n, p) for r, n, p in (("X", 100, 90), ("Y", 95, 60), ("Z", 105, 70)))]

    assert [one["race"] for one in strict(predicate(*rows)).hidden] == ["X", "Y"]


def test_an_intersection_cannot_be_worked_out_from_its_margins():
    cells = {("F", "A"): (60, 8), ("F", "B"): (60, 30), ("M", "A"): (70, 30), ("M", "B"): (80, 30)}
    margins = [
        row({}, 270, 98), row({"sex": "F"}, 120, 38), row({"sex": "M"}, 150, 60),
        row({"race": "A"}, 130, 38), row({"race": "B"}, 140, 60),
    ]  # fmt: skip
    both = [row({"sex": s, "race": r}, n, p) for (s, r), (n, p) in cells.items()]

    hidden = {slice_key(one) for one in strict(predicate(*margins, *both)).hidden}

    # FA = F − FB = A − MA; FB = B − MB; so one cell shown is all cells shown
    assert {slice_key({"sex": s, "race": r}) for s, r in cells} <= hidden
    assert slice_key({"sex": "F"}) not in hidden


def test_a_difference_that_names_a_hidden_group_stays_and_one_between_shown_groups_leaves():
    groups = [row({"race": r}, n, p) for r, n, p in (("X", 50, 9), ("Y", 60, 30), ("Z", 200, 90), ("W", 300, 90))]
    differences = [
        row({}, 610, 219, "auroc_difference", 0.2, by=["race"], highest={"race": "X"}, lowest={"race": "W"}),
        row({}, 610, 219, "ppv_difference", 0.1, by=["race"], highest={"race": "Z"}, lowest={"race": "W"}),
        row({}, 610, 219, "npv_difference", 0.1, by=["race"]),  # nobody can tell whom it compares
    ]

    found = strict(predicate(row({}, 610, 219), *groups, *differences))

    assert [m.metric for m in found.measurements if "difference" in m.metric] == ["ppv_difference"]


def test_a_strict_evaluation_keeps_its_own_judgement():
    rows = (row({}, 100, 8), Measurement(metric="auroc", slice={"sex": "F"}, value=None, note=SUPPRESSED))

    found = strict(predicate(*rows, suppression="strict"))

    assert shown(found) == [{}]
    assert found.hidden == [{"sex": "F"}]


def test_where_rows_repeat_patients_twice_as_many_of_a_class_are_asked_for():
    # 400 rows of 200 patients, 42 rows with the event: about 21 patients, half of which is 10
    few = [row({}, 4000, 400, subjects=2000), *(row({"sex": s}, 400, 42, subjects=200) for s in "FM")]
    more = [row({}, 4000, 400, subjects=2000), *(row({"sex": s}, 400, 44, subjects=200) for s in "FM")]

    assert [one["sex"] for one in strict(predicate(*few, patients=2000)).hidden] == ["F", "M"]
    assert strict(predicate(*more, patients=2000)).hidden == []


def test_groups_of_a_model_with_classes_that_nobody_counted_do_not_leave():
    rows = (row({}, 900, None, "accuracy"), row({"sex": "F"}, 450, None, "accuracy"))

    assert shown(strict(predicate(*rows, task="multiclass"))) == [{}]
    assert shown(strict(predicate(*rows, task="regression"))) == [{}, {"sex": "F"}]


def test_a_number_that_rests_on_ten_of_a_large_group_does_not_leave():
    found = strict(predicate(row({}, 900, 300), row({}, 10, None, "ppv", 0.5, threshold=0.9)))

    assert [m.metric for m in found.measurements] == ["auroc"]


def test_patients_whom_a_grouping_leaves_out_are_not_to_be_had_by_subtraction():
    told = [row({}, 308, 100), row({"race": "X"}, 150, 40), row({"race": "Y"}, 150, 55)]  # 8 patients of another race

    assert [one["race"] for one in strict(predicate(*told)).hidden] == ["X"]


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), min_size=2, max_size=6))
def test_no_small_group_leaves_and_never_is_one_hidden_alone(sizes):
    groups = [row({"g": str(i)}, with_ + without, with_) for i, (with_, without) in enumerate(sizes)]
    n, positives = sum(m.n for m in groups), sum(m.positives for m in groups)

    found = strict(predicate(row({}, n, positives), *groups))

    left = {m.slice["g"]: m for m in found.measurements if m.slice}
    assert all(min(m.positives, m.n - m.positives) >= 11 for m in left.values())
    if {} in shown(found):
        gone = [m for m in groups if m.slice["g"] not in left]
        assert len(gone) != 1
        assert not gone or sum(min(m.positives, m.n - m.positives) for m in gone) >= 11 or not left
