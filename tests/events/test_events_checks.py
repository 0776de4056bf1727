"""What is an event and what is not: by the column and one by one, with no value of a sender in any reason."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest
from event_rows import NOW, action, at, checked, outcome, prediction, table
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from codman.flows.events.opening import open_batch
from codman.spine.event import EventType, PredictionData, looks_like_a_person
from codman.tables.events.checks import NotEvents, check
from codman.tables.events.features import BadFeatures

PREDICTION, OUTCOME, ACTION = EventType


def only(kind, row):
    found = checked(kind, [row])
    return found.refused[0].why if found.refused else None


@pytest.mark.parametrize(
    "subject",
    [
        "12345678",
        "MRN-0012345",
        "mrn1234567",
        "123-45-6789",
        "1980-02-03",
        "555 010 9999",
        "anna@hospital.org",
        "Anna",
        "anna.smith",
        "Smith-Jones",
        "Anna Smith",
    ],
)
def test_a_subject_that_reads_like_a_person_is_refused_and_not_repeated(subject):
    why = only(PREDICTION, prediction("a", subject=subject))

    assert why is not None
    assert subject not in why
    with pytest.raises(ValidationError):
        _model(subject=subject)


@pytest.mark.parametrize("subject", ["s-1", "p0001", "9f86d081", "patient-17", "a" * 20, "Zm9vYmFy1=", "0-8-15x", "42"])
def test_a_pseudonym_is_taken(subject):
    assert only(PREDICTION, prediction("a", subject=subject)) is None
    assert _model(subject=subject).subject == subject


def _model(**more):
    plain = prediction("a", predicted_at="2026-11-01T00:00:00Z", **more)
    return PredictionData.model_validate({k: v for k, v in plain.items() if k not in ("source", "id")})


@given(st.text(st.sampled_from("aZ09@. -_/é"), min_size=1, max_size=12))
def test_column_and_model_agree_on_who_is_a_person(text):
    column = only(PREDICTION, prediction("a", subject=text)) is None
    try:
        _model(subject=text)
        model = True
    except ValidationError:
        model = False

    assert column == model
    assert not (model and looks_like_a_person(text))


@pytest.mark.parametrize(
    ("kind", "row", "about"),
    [
        (PREDICTION, prediction("a", score=float("nan")), "score"),
        (PREDICTION, prediction("a", score=float("inf")), "score"),
        (PREDICTION, prediction("a", score=None), "score"),
        (PREDICTION, prediction("a", use="An Use"), "use"),
        (PREDICTION, prediction("a" * 201), "id"),
        (PREDICTION, prediction("a b"), "id"),
        (PREDICTION, prediction("a", predicted_at=NOW + timedelta(hours=25)), "predicted_at"),
        (PREDICTION, prediction("a", predicted_at=datetime(1989, 12, 31, tzinfo=UTC)), "predicted_at"),
        (PREDICTION, prediction("a", predicted_at="2026-11-01 00:00:00"), "predicted_at"),
        (PREDICTION, prediction("a", predicted_at="2026-11-01T00:00:00"), "predicted_at"),
        (PREDICTION, prediction("a", predicted_at="2026-02-30T00:00:00Z"), "predicted_at"),
        (PREDICTION, prediction("a", latency_ms=-1.0), "latency_ms"),
        (PREDICTION, prediction("a", features_digest="f" * 63), "features_digest"),
        (PREDICTION, prediction("a", features={"x": float("inf")}), "feature"),
        (PREDICTION, prediction("a", features={"mail": "a@b.org"}), "feature"),
        (PREDICTION, prediction("a", features={"note": "x" * 65}), "feature"),
        (OUTCOME, outcome("a"), "neither"),
        (OUTCOME, outcome("a", subject="s-1"), "neither"),
        (OUTCOME, outcome("a", prediction_id="p1", label=None), "label"),
        (OUTCOME, outcome("a", prediction_id="p1", occurred_at=at(5), observed_at=at(3)), "observed_at"),
        (ACTION, action("a", reason="Mrs Smith was asleep"), "reason"),
        (ACTION, action("a", action="told the family"), "action"),
        (ACTION, action("a", prediction_id=None), "prediction_id"),
    ],
)
def test_a_value_that_cannot_be_refuses_its_row_and_no_other(kind, row, about):
    good = {PREDICTION: prediction("b", features=row.get("features") and {next(iter(row["features"])): None})}
    good |= {OUTCOME: outcome("b", prediction_id="p"), ACTION: action("b")}
    other = {
        **good[kind],
        **({"predicted_at": "2026-11-01T00:00:00Z"} if isinstance(row.get("predicted_at"), str) else {}),
    }
    found = checked(kind, [row, {name: other.get(name) for name in row}])

    assert [one.place for one in found.refused] == [0]
    assert about in found.refused[0].why
    assert found.rows.column("id").to_pylist() == ["b"]
    assert found.places.tolist() == [1]


def test_a_time_without_a_zone_refuses_the_table():
    rows = table([prediction("a")])
    place = rows.column_names.index("predicted_at")
    naive = rows.set_column(place, "predicted_at", pa.array([datetime(2026, 11, 1)], pa.timestamp("us")))  # noqa: DTZ001

    with pytest.raises(NotEvents, match="zone"):
        check(PREDICTION, naive, NOW)


@pytest.mark.parametrize("column", ["mrn", "patient_name", "digest", "sequence"])
def test_a_column_that_is_not_known_refuses_the_table_without_naming_it(column):
    with pytest.raises(NotEvents) as told:
        checked(PREDICTION, [prediction("a", **{column: 1})])

    assert "mrn" not in str(told.value)


def test_a_column_of_another_type_refuses_the_table():
    for name, value in (("score", "0.5"), ("encounter", 17), ("shown", "yes"), ("features", "age=70")):
        with pytest.raises((NotEvents, BadFeatures)):
            checked(PREDICTION, [prediction("a", **{name: value})])


def test_text_in_whichever_way_arrow_keeps_it_is_the_same_event():
    plain = table([prediction("a"), prediction("b")])
    coded = pa.table({name: _coded(plain[name]) for name in plain.column_names})
    views = pa.table({name: _view(plain[name]) for name in plain.column_names})

    rows = [check(PREDICTION, one, NOW).rows for one in (plain, coded, views)]

    assert rows[0] == rows[1] == rows[2]


def _coded(column):
    return column.combine_chunks().dictionary_encode() if pa.types.is_string(column.type) else column


def _view(column):
    return column.cast(pa.string_view()) if pa.types.is_string(column.type) else column


values = st.one_of(st.floats(-1e6, 1e6), st.integers(-100, 100), st.sampled_from(["F", "M", "not said"]))


@given(
    st.lists(
        st.dictionaries(st.sampled_from(["age", "bmi", "sex", "ward"]), values, max_size=4), min_size=1, max_size=5
    ),
    st.floats(-1e6, 1e6),
)
@settings(max_examples=40)
def test_the_same_event_has_one_digest_as_json_and_as_a_table(features, score):
    features = [{k: v for k, v in one.items() if isinstance(v, str) == (k in ("sex", "ward"))} for one in features]
    events = [
        {
            "specversion": "1.0",
            "type": PREDICTION.value,
            "source": "model",
            "id": str(place),
            "data": {
                "prediction_id": str(place),
                "use": "u",
                "version": "1",
                "subject": "s-1",
                "predicted_at": "2026-11-01T01:00:00+01:00",
                "score": score,
                **({"features": one} if one else {}),
            },
        }
        for place, one in enumerate(features)
    ]
    (sheet,) = open_batch(events).sheets
    backwards = [list(reversed([(k, float(v)) for k, v in one.items() if not isinstance(v, str)])) for one in features]
    levels = [list(reversed([(k, v) for k, v in one.items() if isinstance(v, str)])) for one in features]
    as_table = pa.table(
        {
            "source": ["model"] * len(events),
            "id": [str(place) for place in range(len(events))],
            "prediction_id": [str(place) for place in range(len(events))],
            "use": ["u"] * len(events),
            "version": ["1"] * len(events),
            "subject": ["s-1"] * len(events),
            "predicted_at": pa.array([at(1)] * len(events), pa.timestamp("us", "UTC")),
            "score": pa.array([score] * len(events)),
            "numbers": pa.array([one or None for one in backwards], pa.map_(pa.string(), pa.float64())),
            "levels": pa.array([one or None for one in levels], pa.map_(pa.string(), pa.string())),
        }
    )

    one, other = check(PREDICTION, sheet.table, NOW), check(PREDICTION, as_table, NOW)

    assert one.refused == other.refused == []
    assert one.rows == other.rows


def test_features_as_a_struct_are_those_of_a_map():
    struct = checked(PREDICTION, [prediction("a", features={"b": 2, "a": True, "sex": "F", "none": None})])

    row = struct.rows.to_pylist()[0]
    numbers = dict(row["numbers"])
    assert list(numbers) == ["a", "b", "none"]
    assert numbers["a"] == 1.0
    assert np.isnan(numbers["none"])
    assert row["levels"] == [("sex", "F")]


def test_a_feature_named_twice_refuses_its_row():
    rows = table([prediction("a"), prediction("b")])
    features = pa.array([[("x", 1.0), ("x", 2.0)], [("y", 1.0), ("x", 2.0)]], pa.map_(pa.string(), pa.float64()))

    found = check(PREDICTION, rows.append_column("features", features), NOW)

    assert [(one.place, one.why) for one in found.refused] == [(0, "a feature is there twice")]
    assert found.rows.column("numbers").to_pylist() == [[("x", 2.0), ("y", 1.0)]]


def test_what_differs_in_one_place_has_another_digest():
    base = prediction("a", encounter="e-1", shown=True, latency_ms=5.0, features={"x": 1.0, "sex": "F"})
    changes = [
        {},
        {"score": 0.25},
        {"subject": "s-2"},
        {"encounter": "s-1"},
        {"version": "1.1"},
        {"shown": False},
        {"shown": None},
        {"latency_ms": None},
        {"predicted_at": at(1, 1)},
        {"replaces": "z"},
        {"features": {"x": 2.0, "sex": "F"}},
        {"features": {"x": 1.0, "sex": "M"}},
        {"features": {"y": 1.0, "sex": "F"}},
        {"prediction_id": "b"},
        {"use": "other-use"},
    ]
    digests = [checked(PREDICTION, [base | change]).rows.column("digest")[0].as_py() for change in changes]

    assert len(set(digests)) == len(changes)


def test_letters_do_not_pass_from_one_field_to_the_next_unseen():
    one, other = ({"version": "1", "subject": "2s-1"}, {"version": "12", "subject": "s-1"})

    digests = {checked(PREDICTION, [prediction("a", **row)]).rows.column("digest")[0].as_py() for row in (one, other)}

    assert len(digests) == 2


def test_zero_has_one_sign_and_what_is_not_a_number_one_form():
    minus, plus = (checked(PREDICTION, [prediction("a", score=zero)]).rows for zero in (-0.0, 0.0))

    assert minus.column("digest") == plus.column("digest")
