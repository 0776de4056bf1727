"""Several labels against scikit-learn, one label at a time."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, brier_score_loss, roc_auc_score

from codman.errors import BadInput
from codman.evaluate.result import Evaluation
from codman.evaluate.run import run
from codman.spine.evaluation_spec import EvaluationSpec
from codman.tables.source import open_source

ASKED = {"task": "multilabel", "label": ["sepsis", "aki"], "score": ["risk_sepsis", "risk_aki"]}


def evaluated(columns: dict[str, object], **asked: object) -> Evaluation:
    return run(open_source(columns), EvaluationSpec.model_validate({**ASKED, **asked}))


def some(n: int = 500) -> dict[str, object]:
    random = np.random.default_rng(4)
    columns: dict[str, object] = {"sex": random.choice(["F", "M"], n), "patient": random.integers(0, n // 2, n)}
    for name in ("sepsis", "aki"):
        risk = random.beta(1, 3, n)
        columns[name] = (random.random(n) < risk).astype(float)
        columns[f"risk_{name}"] = risk
    return columns


def test_each_label_equals_scikit_learn():
    columns = some()
    found = evaluated(columns, thresholds=[0.3], by=[["sex"]]).measurements
    for name in ("sepsis", "aki"):
        y, p = columns[name], columns[f"risk_{name}"]
        assert found.one("auroc", label=name).value == pytest.approx(roc_auc_score(y, p), rel=1e-9)
        assert found.one("auprc", label=name).value == pytest.approx(average_precision_score(y, p), rel=1e-9)
        assert found.one("brier", label=name).value == pytest.approx(brier_score_loss(y, p), rel=1e-9)
        men = columns["sex"] == "M"
        here = found.one("auroc", slice={"sex": "M"}, label=name)
        assert here.value == pytest.approx(roc_auc_score(y[men], p[men]), rel=1e-9)
        assert here.positives == int(y[men].sum())
        assert len(found.where("sensitivity_difference", label=name, threshold=0.3)) == 1


def test_strict_counts_the_patients_of_either_class_and_not_their_rows():
    # women: 30 rows with sepsis, three for each of 10 patients, and 30 patients with kidney injury, a row each
    columns = some()
    row = np.arange(500)
    columns["sex"] = np.where(row < 250, "F", "M")
    columns["sepsis"] = (row % 250 < 30).astype(float)
    columns["aki"] = (row % 250 >= 220).astype(float)
    columns["patient"] = np.where(row < 30, row % 10, row)
    asked = {"by": [["sex"]], "suppression": "strict"}
    by_row, by_patient = (evaluated(columns, **asked, **more).measurements for more in ({}, {"subject": "patient"}))
    assert not by_row.one("auroc", slice={"sex": "F"}, label="sepsis").suppressed
    assert by_patient.one("auroc", slice={"sex": "F"}, label="sepsis").suppressed
    assert not by_patient.one("auroc", slice={"sex": "F"}, label="aki").suppressed


def test_a_row_without_one_label_is_left_out_for_that_label_only():
    columns = some()
    columns["sepsis"][:7] = np.nan
    columns["risk_aki"][:3] = np.nan
    found = evaluated(columns)
    sepsis, aki = (found.measurements.one("auroc", label=name) for name in ("sepsis", "aki"))
    assert (sepsis.n, sepsis.params["left_out"]) == (493, 4)
    assert (aki.n, "left_out" in aki.params) == (497, False)
    assert found.rows.excluded == {"every label missing": 3}  # the first three have neither
    assert sepsis.value == pytest.approx(roc_auc_score(columns["sepsis"][7:], columns["risk_sepsis"][7:]), rel=1e-9)


def test_a_row_that_was_never_scored_is_accounted_for():
    columns = some()
    for name in ("risk_sepsis", "risk_aki"):
        columns[name][:4] = np.nan
    rows = evaluated(columns).rows
    assert (rows.scored, rows.evaluated, rows.excluded) == (496, 496, {"score missing": 4})


def test_clusters_are_counted_among_the_rows_of_the_label():
    columns = some()
    columns["aki"][::2] = np.nan
    found = evaluated(columns, subject="patient", by=[["sex"]]).measurements
    alone = run(
        open_source({k: np.asarray(v)[1::2] for k, v in columns.items()}),
        EvaluationSpec(task="binary", label="aki", score="risk_aki", subject="patient", by=[["sex"]]),
    ).measurements
    a, b = found.one("auroc", slice={"sex": "F"}, label="aki"), alone.one("auroc", slice={"sex": "F"})
    assert (a.value, a.lower, a.upper, a.n) == (b.value, b.lower, b.upper, b.n)


def test_scores_may_be_matched_to_labels_by_name():
    by_name = evaluated(some(), score={"aki": "risk_aki", "sepsis": "risk_sepsis"}).measurements
    assert [m.row() for m in by_name] == [m.row() for m in evaluated(some()).measurements]


def test_curves_say_whose_they_are():
    assert [curve.model_dump()["params"] for curve in evaluated(some()).curves.roc] == [
        {"label": "sepsis"},
        {"label": "aki"},
    ]


def test_every_label_needs_its_score():
    with pytest.raises(BadInput, match="2 label columns and 1 score columns"):
        evaluated(some(), score=["risk_aki"])


def test_a_label_named_twice_is_refused():
    with pytest.raises(BadInput, match="named twice"):
        evaluated(some(), label=["aki", "aki"])


def test_the_bootstrap_serves_every_label():
    found = evaluated(some(200), interval="percentile", replicates=100, metrics=["auroc"]).measurements
    assert all(m.method.startswith("bootstrap") for m in found)
