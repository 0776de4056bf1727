"""What somebody typed as a report: what is taken, and what is refused by its field."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parent))
from partners import ANSWERS

from codman.flows.reporting.answers import COLUMNS, REASONS, Answered, change_field, read_answers, row_field
from codman.spine.reported import Reported, ReportedChange

METRICS = ["auroc"]


def test_a_whole_answer_becomes_a_report_and_its_measurements():
    answered = read_answers(ANSWERS, METRICS)
    assert isinstance(answered, Answered)
    assert answered.report == Reported(incidents="none known", complaints=2, changes="none known", uptime_percent=99.5)
    (auroc,) = answered.measurements
    assert (auroc.value, auroc.lower, auroc.upper, auroc.level) == (0.81, 0.79, 0.83, 0.95)
    assert (auroc.n, auroc.positives, auroc.method) == (1200, 140, "as the sender says")


@pytest.mark.parametrize(
    ("changes", "field", "why"),
    [
        ({"incidents": ""}, "incidents", "an empty answer is not taken for none"),
        ({"incidents": "some"}, "incidents_count", "say how many"),
        ({"incidents": "some", "incidents_count": "0"}, "incidents_count", "say that none are known"),
        ({"incidents_count": "3"}, "incidents_count", "none are known, and this says 3"),
        ({"complaints_count": "two"}, "complaints_count", "write how many, e.g. 3, or 'none known'"),
        ({"changes": "some"}, "changes", "mark what changed"),
        ({change_field(ReportedChange.DATA_SOURCE): "yes"}, "changes", "'data source' is marked as changed"),
        ({"uptime_percent": "101"}, "uptime_percent", "0 to 100"),
        ({"sender": " "}, "sender", "needed"),
        ({"m0_value": "1.2"}, "m0_value", "AUROC lies between 0 and 1"),
        ({"m0_value": "0.84"}, "m0_value", "not inside its own interval"),
        ({"m0_value": "81 %"}, "m0_value", "not a percentage"),
        ({"m0_value": "0,81"}, "m0_value", "write a number"),
        ({"m0_value": "inf"}, "m0_value", "write a number"),
        ({"m0_upper": ""}, "m0_upper", "two ends"),
        ({"m0_lower": "", "m0_upper": ""}, "m0_lower", "give its interval"),
        ({"m0_n": ""}, "m0_n", "on how many patients"),
        ({"m0_n": "10", "m0_positives": ""}, "m0_n", "fewer than 11 patients"),
        ({"m0_positives": "1201"}, "m0_positives", "more events than patients"),
        ({"m0_note": "Mrs Miller was missed"}, "m0_note", "choose one of"),
        ({"m0_metric": "auc"}, "m0_metric", "did you mean 'auroc'?"),
        ({"m0_metric": "sensitivity"}, "m0_threshold", "only at a threshold"),
        ({"m1_metric": "auroc", "m1_note": REASONS[0]}, "m1_metric", "row 1 already"),
        ({"m0_metric": "prevalence"}, "metrics", "must carry AUROC"),
    ],
)
def test_what_does_not_do_is_named_by_its_field(changes: dict[str, str], field: str, why: str):
    errors = read_answers(ANSWERS | changes, METRICS)
    assert isinstance(errors, dict)
    assert why in errors[field]


def test_a_number_that_is_not_there_needs_its_reason_and_a_small_group_keeps_no_count():
    gone = dict.fromkeys(("m0_value", "m0_lower", "m0_upper", "m0_positives"), "")
    assert "why there is none" in read_answers(ANSWERS | gone, METRICS)["m0_value"]
    answered = read_answers(ANSWERS | gone | {"m0_n": "9", "m0_note": "fewer than 11 patients"}, METRICS)
    assert isinstance(answered, Answered)
    (auroc,) = answered.measurements
    assert (auroc.value, auroc.n, auroc.suppressed) == (None, None, True)


FIELDS = st.sampled_from(
    [
        *ANSWERS,
        "incidents_count",
        "changed_version",
        *(row_field(row, one) for row in (0, 1, 59, 60) for one in COLUMNS),
    ]
)
TEXTS = st.one_of(st.text(max_size=30), st.sampled_from(["", "none known", "some", "0.81", "1e9", "-1", "auroc", "9"]))


@settings(max_examples=300)
@given(st.dictionaries(FIELDS, TEXTS, max_size=12))
def test_whatever_is_typed_is_a_report_or_says_why_it_is_none(changes: dict[str, str]):
    found = read_answers(ANSWERS | changes, METRICS)
    if isinstance(found, Answered):
        assert all(one.value is None or one.n for one in found.measurements)
        assert "auroc" in {one.metric for one in found.measurements}
    else:
        assert found
        assert all(found.values())
