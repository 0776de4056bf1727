"""A statement that contradicts itself is refused, signed or not, whoever wrote it; what is only odd is not."""

import json

import pytest
from evidence_examples import A, evaluation, measurement, predicate

from codman.evidence.consistency import Contradiction
from codman.evidence.statements import build, canonical_statement, read_bytes
from codman.spine.comparison_spec import ComparisonSpec
from codman.spine.comparison_statement import ComparisonPredicate
from codman.spine.measurement import Window
from codman.spine.statement import Input, Kind, Rows, Subject

MODEL = Subject(name="flc-mortality@1.2.0", digest=A)
LAST = Window(start="2025-01-01", end="2026-01-01")


def rows(**changes):
    """7,871 eligible, 195 left out, 7,676 judged; changed as asked."""
    return Rows(**{"eligible": 7871, "scored": 7871, "excluded": {"censored": 195}, "evaluated": 7676} | changes)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"eligible": 8000}, "7,676 evaluated and 195 excluded are 7,871, and 8,000 were eligible"),
        ({"excluded": {}}, "7,676 evaluated and 0 excluded are 7,676, and 7,871 were eligible"),
        ({"scored": 7872}, "7,872 were scored, and 7,871 were eligible"),
        ({"scored": 7000}, "7,676 were evaluated, and 7,000 were scored"),
        ({"patients": 7677}, "7,677 patients are more than the 7,676 rows evaluated"),
    ],
)
def test_rows_that_do_not_add_up_are_refused(changes, why):
    with pytest.raises(Contradiction) as refused:
        build(Kind.EVALUATION, MODEL, predicate(rows=rows(**changes)))

    assert refused.value.what == "the evaluation statement contradicts itself"
    assert refused.value.why == f"rows: {why}"


IMPOSSIBLE = [
    ({"n": 7677}, "n is 7,677, and 7,676 rows were evaluated"),
    ({"n": 900, "positives": 932}, "it counts 932 with the event among 900"),
    ({"lower": 0.9, "upper": 0.8}, "its interval, 0.9 to 0.8, is the wrong way round"),
    ({"value": 0.9}, "0.9 lies outside its own interval, 0.819 to 0.843, which delong-logit rules out"),
    ({"value": 0.8, "method": "wilson-korn-graubard"}, "which wilson-korn-graubard rules out"),
]


@pytest.mark.parametrize(("changes", "why"), IMPOSSIBLE)
def test_a_measurement_that_cannot_be_is_refused_and_named(changes, why):
    odd = measurement(slice={"sex": "F"}, **changes)

    with pytest.raises(Contradiction) as refused:
        build(Kind.EVALUATION, MODEL, predicate(measurements=[measurement(), odd]))

    assert refused.value.why.startswith("measurements.1 (auroc, sex F): ")
    assert refused.value.why.endswith(why)


@pytest.mark.parametrize(("changes", "why"), IMPOSSIBLE)
def test_what_somebody_else_wrote_is_held_to_the_same(changes, why):
    value = json.loads(canonical_statement(evaluation()))
    value["predicate"]["measurements"][0] |= changes

    with pytest.raises(Contradiction) as refused:
        read_bytes(json.dumps(value).encode(), name="theirs.json")

    assert refused.value.what == "theirs.json contradicts itself"
    assert why in refused.value.why


@pytest.mark.parametrize(
    "changes",
    [
        {"n": 7676, "positives": 7676},
        {"value": 0.819, "lower": 0.819 + 1e-12},  # rounding
        {"value": 0.9, "method": "bootstrap:2000:seed=7"},  # whose interval may miss the value
        {"value": 0.9, "method": "their own"},
        {"n": 9000, "params": {"unit": "patient-day"}},  # units are not rows
        {"n": 9000, "feature": "age"},  # values of a column, the reference's among them
        {"n": 9000, "window": LAST},
        {
            "value": None,
            "lower": None,
            "upper": None,
            "level": None,
            "n": None,
            "positives": None,
            "note": "suppressed",
        },
    ],
)
def test_what_can_be_is_accepted(changes):
    said = build(Kind.EVALUATION, MODEL, predicate(measurements=[measurement(**changes)]))

    assert len(read_bytes(canonical_statement(said), name="x").statement.predicate["measurements"]) == 1


def test_a_comparison_is_held_to_the_same():
    said = ComparisonPredicate(
        product="p",
        evaluated_at="2026-11-20T10:00:00Z",
        inputs=[Input(name=name, uri=f"{name}.csv", digest=A, rows=100) for name in "ab"],
        rows=Rows(eligible=100, scored=100, evaluated=100),
        spec=ComparisonSpec(label="died", score="risk"),
        measurements=[measurement(metric="auroc_change", n=101, positives=10, value=0.83)],
    )

    with pytest.raises(Contradiction, match="n is 101, and 100 rows were evaluated"):
        build(Kind.COMPARISON, MODEL, said)


def test_a_kind_that_counts_other_rows_too_is_held_only_to_its_own_account():
    common = {"product": "p", "evaluated_at": "2026-11-20T10:00:00Z"}
    drift = measurement(metric="domain_auroc", n=200, positives=100).written()
    account = {"eligible": 100, "scored": 100, "excluded": {}, "evaluated": 100}
    build(Kind.MONITORING, MODEL, common | {"rows": account, "measurements": [drift]})

    with pytest.raises(Contradiction, match="101 were scored, and 100 were eligible"):
        build(Kind.MONITORING, MODEL, common | {"rows": account | {"scored": 101}, "measurements": [drift]})
