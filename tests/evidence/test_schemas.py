import json

import jsonschema
import pytest
from evidence_examples import A, evaluation, measurement, predicate

from codman.errors import BadInput
from codman.evidence.schemas import PREDICATES, RowLevelData, check, schema
from codman.evidence.statements import build, canonical_statement, read_bytes
from codman.spine.comparison_spec import ComparisonSpec
from codman.spine.comparison_statement import ComparisonPredicate
from codman.spine.statement import Curve, Curves, Input, Kind, Rows, Subject

WHEN = "2026-11-20T10:00:00Z"
COMMON = {"product": "p", "version": "1", "evaluated_at": WHEN, "origin": "local"}
D = {"sha256": "b" * 64}
FILE = {"file": "card.pdf", "digest": D, "size": 9, "media_type": "application/pdf"}
FINDING = {"kind": "pickle", "name": "model", "path": "a/b", "line": None, "why": "runs code", "confidence": 0.9}
EXAMPLES = {
    Kind.CRITERIA: {
        "policy": "p",
        "edition": "1",
        "digest": D,
        "text": {"a": [1]},
        "committed_at": WHEN,
        "receipt": None,
    },
    Kind.DATASET: COMMON | {"dataset": "d", "digest": D, "format": "csv", "subjects": 7874, "columns": {"age": "int"}},
    Kind.TRAINING: COMMON | {"artifact": D, "settings": {"depth": 3, "warm": True}, "seed": 7},
    Kind.STRESS: COMMON | {"faults": ["creatinine missing"]},
    Kind.SIMULATION: COMMON | {"scenario": "night shift", "replicates": 100},
    Kind.SCAN: COMMON
    | {
        "findings": [FINDING],
        "coverage": {"read": 10, "skipped": 1, "incomplete": [{"path": "c", "why": "no permission"}]},
    },
    Kind.MONITORING: COMMON | {"window": {"start": "2026-01-01", "end": "2026-02-01"}, "state": "quiet"},
    Kind.DOCUMENT: COMMON | FILE | {"document": "model-card"},
    Kind.DECISION: COMMON
    | {"checkpoint": "go-live", "outcome": "approved", "decided_at": WHEN, "decided_by": ["chair"], "evidence": [D]},
    Kind.REPORT: COMMON | FILE | {"evidence": [D]},
    Kind.CONCERN: COMMON | {"category": "wrong advice", "severity": "near miss", "raised_at": WHEN},
}


def comparison():
    return ComparisonPredicate(
        product="p",
        version="2",
        evaluated_at="2026-11-20T10:00:00Z",
        inputs=[Input(name=name, uri=f"{name}.parquet", digest=A, rows=7676) for name in ("a", "b")],
        rows=Rows(eligible=7676, scored=7676, evaluated=7676),
        spec=ComparisonSpec(label="died", score="risk", margins={"auroc": -0.02}),
        measurements=[measurement(metric="auroc_change")],
    )


def statements():
    yield evaluation(curves=Curves(roc=[Curve(x=[0, 1], y=[0, 1], lower=[0, 0.5], note="grid")]))
    yield build(Kind.COMPARISON, Subject(name="p@2", digest=A), comparison())
    for kind, fields in EXAMPLES.items():
        yield build(kind, Subject(name="p@1", digest=A), fields)


def test_every_kind_has_a_model_a_schema_and_an_example():
    assert set(PREDICATES) == set(Kind) == {s.kind for s in statements()}


@pytest.mark.parametrize("statement", list(statements()), ids=lambda s: str(s.kind))
def test_model_and_schema_take_the_same_statement(statement):
    of = schema(statement.kind)
    jsonschema.Draft202012Validator.check_schema(of)
    assert of["$id"] == f"https://codman.dev/schemas/{statement.kind}/v1.json"
    value = json.loads(canonical_statement(statement))

    jsonschema.validate(value, of)
    assert read_bytes(json.dumps(value).encode(), name="x").kind is statement.kind

    for broken in (value | {"extra": 1}, value | {"predicate": value["predicate"] | {"rows_of_patients": [1, 2]}}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(broken, of)
        with pytest.raises(BadInput):
            read_bytes(json.dumps(broken).encode(), name="x")


LONG = list(range(3000))


@pytest.mark.parametrize(
    "change",
    [
        {"measurements": [measurement(params={"scores": LONG}).written()]},
        {"measurements": [measurement(params={"a": {"b": {"c": LONG[:65]}}}).written()]},
        {"measurements": [measurement(params={"labels": {str(i): i for i in LONG}}).written()]},
        {"measurements": [measurement(note="1," * 15_000).written()]},
        {"curves": {"roc": [{"slice": {}, "x": LONG, "y": LONG}]}},
        {"curves": {"roc": [{"slice": {}, "x": [0], "y": [0], "scores": LONG}]}},
        {"curves": {"roc": [{"slice": {}, "x": [0], "y": [0], "scores": {"inner": LONG}}]}},
        {"curves": {"scores": [{"slice": {}, "x": [0], "y": [0]}]}},
        {"rows": {"eligible": 3000, "scored": 3000, "evaluated": 0, "excluded": {str(i): 1 for i in LONG}}},
        {"spec": {"task": "binary", "label": "died", "score": "risk", "thresholds": LONG}},
        {"software": {str(i): "1" for i in LONG}},
        {"criteria": {"digest": D, "committed_at": "2026-11-20T10:00:00Z", "receipt": {"rows": LONG}}},
    ],
)
def test_row_level_data_is_refused_by_model_and_schema(change):
    value = json.loads(canonical_statement(evaluation()))
    value["predicate"] |= change

    with pytest.raises(BadInput):
        read_bytes(json.dumps(value).encode(), name="x")
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(value, schema(Kind.EVALUATION))


def test_many_groups_may_be_named_and_still_no_more_than_groups_are():
    value = json.loads(canonical_statement(evaluation()))
    for count, fine in ((900, True), (1001, False)):
        groups = [{"slice": {"age": str(i), "sex": "F"}, "why": "suppressed"} for i in range(count)]
        value["predicate"]["measurements"] = [measurement(params={"not_judged": groups}).written()]
        if fine:
            assert read_bytes(json.dumps(value).encode(), name="x")
            jsonschema.validate(value, schema(Kind.EVALUATION))
        else:
            with pytest.raises(RowLevelData):
                read_bytes(json.dumps(value).encode(), name="x")
            with pytest.raises(jsonschema.ValidationError):
                jsonschema.validate(value, schema(Kind.EVALUATION))


def test_row_level_data_cannot_be_built_either():
    with pytest.raises(RowLevelData, match="measurements"):
        build(
            Kind.EVALUATION,
            Subject(name="x", digest=A),
            predicate(measurements=[measurement(params={"scores": [0.5] * 100})]),
        )


def test_infinity_and_nan_have_no_place():
    for bad in (float("nan"), float("inf")):
        with pytest.raises(ValueError, match="finite"):
            Curve(x=[bad], y=[0])
        with pytest.raises(BadInput):
            check(Kind.TRAINING, EXAMPLES[Kind.TRAINING] | {"settings": {"rate": bad}}, name="x")


def test_a_kind_s_schema_says_where_it_is_wrong():
    with pytest.raises(BadInput, match=r"coverage\.read"):
        check(Kind.SCAN, EXAMPLES[Kind.SCAN] | {"coverage": {"read": -1}}, name="x")
