"""Rows and patients are two counts: each is called what it is, and text files have their rows counted too."""

import numpy as np
import polars as pl
import pytest

from codman.cli.statement_text import rows_line
from codman.evidence.statements import from_value, write_statement
from codman.flows.assess import assess
from codman.flows.compare import compare
from codman.flows.gate import gate
from codman.report.headline import headline, lead
from codman.report.reading import readings
from codman.spine.comparison_spec import ComparisonSpec
from codman.spine.evaluation_spec import EvaluationSpec, UnitSpec
from codman.spine.statement import Rows
from codman.tables.source import open_source


def table(n=600):
    random = np.random.default_rng(8)
    risk = random.random(n)
    return pl.DataFrame(
        {
            "who": np.arange(n) // 3,  # three rows a patient
            "stay": np.arange(n) // 2,
            "risk": risk,
            "other": 1 - risk,
            "days": random.exponential(100, n),
            "y": random.normal(size=n),
            "died": (random.random(n) < risk).astype(int),
        }
    )


TASKS = [
    {"task": "binary", "label": "died", "score": "risk"},
    {"task": "regression", "label": "y", "score": "risk"},
    {"task": "multiclass", "label": "died", "score": {"0": "other", "1": "risk"}},
    {"task": "multilabel", "label": ["died"], "score": ["risk"]},
    {"task": "survival", "label": "died", "score": "risk", "time": "days", "horizons": [50.0]},
]


@pytest.mark.parametrize("asked", TASKS, ids=lambda asked: asked["task"])
def test_patients_are_counted_where_a_column_says_who_they_are(asked):
    with_column = assess(open_source(table()), EvaluationSpec(**asked, subject="who")).predicate["rows"]
    without = assess(open_source(table()), EvaluationSpec(**asked)).predicate["rows"]

    assert (with_column["evaluated"], with_column["patients"]) == (600, 200)
    assert set(without) == {"eligible", "scored", "excluded", "evaluated"}


@pytest.mark.parametrize("asked", TASKS, ids=lambda asked: asked["task"])
def test_every_number_says_how_many_patients_it_is_of_where_rows_repeat_them(asked):
    rows = table().with_columns(side=pl.when(pl.col("who") < 50).then(pl.lit("a")).otherwise(pl.lit("b")))
    spec = {**asked, "by": [["side"]]}
    clustered = assess(open_source(rows), EvaluationSpec(**spec, subject="who")).predicate["measurements"]
    alone = assess(open_source(rows), EvaluationSpec(**spec)).predicate["measurements"]

    said = {(m["slice"].get("side"), m["params"].get("subjects")) for m in clustered}
    assert said == {(None, 200), ("a", 50), ("b", 150)}  # differences between groups are of everyone
    assert all("subjects" not in m["params"] for m in alone)


def test_stays_that_stand_for_patients_are_not_counted_as_patients_beside_a_number():
    unit = UnitSpec(column="stay", aggregate="max")
    found = assess(open_source(table()), EvaluationSpec(task="binary", label="died", score="risk", unit=unit))

    assert all("subjects" not in m["params"] for m in found.predicate["measurements"])


def test_one_result_a_stay_says_how_many_patients_had_those_stays():
    unit = UnitSpec(column="stay", aggregate="max")
    asked = {"task": "binary", "label": "died", "score": "risk", "unit": unit, "metrics": ["auroc"]}
    rows = table().with_columns(stay=pl.int_range(600))
    found = assess(open_source(rows), EvaluationSpec(**asked, subject="who")).predicate["measurements"]

    assert [(m["params"].get("unit"), m["n"], m["params"]["subjects"]) for m in found] == [
        (None, 600, 200),
        ("stay", 600, 200),
    ]


@pytest.mark.parametrize(("group", "patients"), [("{}", 400), ("{side: b}", 200)])
def test_a_policy_s_least_number_of_patients_is_read_from_what_codman_measured(group, patients, tmp_path):
    rows = table(1200).with_columns(side=pl.when(pl.col("who") < 200).then(pl.lit("a")).otherwise(pl.lit("b")))
    asked = EvaluationSpec(task="binary", label="died", score="risk", subject="who", by=[["side"]], metrics=["auroc"])
    write_statement(assess(open_source(rows), asked), tmp_path / "e.json")
    said = []
    for least in (patients, patients + 1):
        (tmp_path / "p.yaml").write_text(
            "policy: p\nedition: 1\ncheckpoint: validation\nrequires:\n  - id: auroc\n"
            f"    measurement: {{metric: auroc, slice: {group}, at_least: 0.5, min_subjects: {least}}}\n"
        )
        said.append(gate(tmp_path / "p.yaml", [tmp_path / "e.json"]).results[0])

    assert [one.outcome.value for one in said] == ["met", "inconclusive"]
    assert f"only {patients} patients were measured and {patients + 1} are needed" in said[1].sentence


def test_only_patients_with_an_evaluated_row_count():
    rows = table().with_columns(risk=pl.when(pl.col("who") < 50).then(None).otherwise(pl.col("risk")))
    found = assess(open_source(rows), EvaluationSpec(task="binary", label="died", score="risk", subject="who"))

    assert found.predicate["rows"]["patients"] == 150


def test_stays_are_not_called_patients():
    unit = UnitSpec(column="stay", aggregate="max")
    found = assess(open_source(table()), EvaluationSpec(task="binary", label="died", score="risk", unit=unit))

    assert "patients" not in found.predicate["rows"]


def test_a_comparison_counts_patients_too():
    rows = table()
    found = compare(
        open_source(rows, name="a"),
        open_source(rows, name="b"),
        ComparisonSpec(label="died", score="risk", score_b="other", subject="who", metrics=["auroc"]),
    )

    assert found.predicate["rows"]["patients"] == 200


def test_a_sentence_says_results_where_patients_repeat_and_patients_where_they_do_not():
    said = {}
    for subject in ("who", None):
        spec = EvaluationSpec(task="binary", label="died", score="risk", thresholds=[0.5], subject=subject)
        predicate = from_value(assess(open_source(table()), spec).model_dump(by_alias=True), name="x").predicate
        reading, _ = readings(predicate.spec, predicate.rows, predicate.measurements, predicate.curves)
        said[subject] = headline(reading, []) + " ".join(lead(reading))

    assert "on 600 results of 200 patients" in said["who"]
    assert "given one result with the event" in said["who"]
    assert " of 100 results with the event" in said["who"]
    assert "given one patient with the event" in said[None]
    assert " of 100 patients with the event" in said[None]


def test_rows_say_how_many_patients_they_are_of():
    assert rows_line(Rows(eligible=5, scored=5, evaluated=5, patients=2)) == "5 eligible, 5 evaluated (of 2 patients)"


def test_the_rows_of_a_text_file_are_counted(tmp_path):
    table().write_csv(tmp_path / "t.csv")
    spec = EvaluationSpec(task="regression", label="y", score="risk")

    assert assess(open_source(tmp_path / "t.csv"), spec).predicate["inputs"][0]["rows"] == 600
