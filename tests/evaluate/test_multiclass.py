"""Multiclass against scikit-learn, statsmodels and hand-worked numbers; coverage of every interval by simulation."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from many_samples import covered, named, replicates
from scipy import stats
from sklearn import metrics as sk
from sklearn.linear_model import LogisticRegression
from statsmodels.stats.inter_rater import cohens_kappa

from codman.errors import BadInput
from codman.evaluate.metrics.macro_auroc import macro_auroc
from codman.evaluate.metrics.multiclass import Confusion, judged, log_loss
from codman.evaluate.result import Evaluation
from codman.evaluate.run import run
from codman.spine.evaluation_spec import EvaluationSpec
from codman.spine.measurement import Measurement
from codman.tables.source import open_source

SCORES = {"a": "pa", "b": "pb", "c": "pc"}
OWN = ("accuracy", "balanced_accuracy", "macro_f1", "cohen_kappa", "macro_auroc", "log_loss")


def evaluated(columns: dict[str, object], **asked: object) -> Evaluation:
    spec = EvaluationSpec.model_validate({"task": "multiclass", "label": "y", "score": SCORES, **asked})
    return run(open_source(columns), spec)


def some(n: int = 600, seed: int = 1) -> dict[str, object]:
    """Three classes, probabilities with two decimals and so with ties."""
    random = np.random.default_rng(seed)
    raw = np.exp(random.normal(0, 1, (n, 3)))
    p = np.round(raw / raw.sum(axis=1, keepdims=True), 2)
    p[:, 2] = np.clip(1 - p[:, 0] - p[:, 1], 0, 1)
    y = [random.choice(["a", "b", "c"], p=row / row.sum()) for row in raw]
    return {
        "y": np.array(y),
        "pa": p[:, 0],
        "pb": p[:, 1],
        "pc": p[:, 2],
        "sex": random.choice(["F", "M"], n),
        "patient": random.integers(0, n // 3, n),
        "w": random.uniform(0.2, 3, n),
    }


def probabilities(columns: dict[str, object]) -> np.ndarray:
    return np.column_stack([columns["pa"], columns["pb"], columns["pc"]])


def own(found: Evaluation, **where: str) -> dict[str, float | None]:
    return {
        m.metric: m.value for m in found.measurements.where(slice=where) if m.metric in OWN and "class" not in m.params
    }


def overall(found: Evaluation, metric: str) -> Measurement:
    """The one row about all classes together."""
    (row,) = [m for m in found.measurements.where(metric, slice={}) if m.params.keys() <= {"subjects"}]
    return row


@pytest.mark.parametrize("weight", [None, "w"])
def test_values_equal_scikit_learn_on_every_slice(weight):
    columns = some()
    found = evaluated(columns, by=[["sex"]], weight=weight)
    for where in ({}, {"sex": "F"}, {"sex": "M"}):
        inside = np.full(600, True) if not where else columns["sex"] == where["sex"]
        y, p = columns["y"][inside], probabilities(columns)[inside]
        w = columns["w"][inside] if weight else None
        called = np.array(["a", "b", "c"])[p.argmax(axis=1)]
        expected = {
            "accuracy": sk.accuracy_score(y, called, sample_weight=w),
            "balanced_accuracy": sk.balanced_accuracy_score(y, called, sample_weight=w),
            "macro_f1": sk.f1_score(y, called, average="macro", sample_weight=w),
            "cohen_kappa": sk.cohen_kappa_score(y, called, sample_weight=w),
            "macro_auroc": sk.roc_auc_score(y, p, multi_class="ovr", sample_weight=w),
        }
        assert {k: v for k, v in own(found, **where).items() if k in expected} == pytest.approx(expected, rel=1e-9)


def test_log_loss_equals_scikit_learn():
    columns = some()
    p = np.clip(probabilities(columns), 0.01, None)
    p /= p.sum(axis=1, keepdims=True)
    columns |= {"pa": p[:, 0], "pb": p[:, 1], "pc": p[:, 2]}
    assert own(evaluated(columns))["log_loss"] == pytest.approx(sk.log_loss(columns["y"], p), rel=1e-9)
    weighted = own(evaluated(columns, weight="w"))["log_loss"]
    assert weighted == pytest.approx(sk.log_loss(columns["y"], p, sample_weight=columns["w"]), rel=1e-9)


def test_kappa_has_the_standard_error_of_statsmodels():
    columns = some()
    truth = np.searchsorted(["a", "b", "c"], columns["y"])
    called = probabilities(columns).argmax(axis=1)
    expected = cohens_kappa(sk.confusion_matrix(truth, called))
    of_rows = judged(Confusion(replicates(1, 600), truth, called, ["a", "b", "c"])).influence(0)[3]
    assert np.sqrt(np.sum(of_rows**2)) == pytest.approx(expected.std_kappa, rel=1e-9)
    found = overall(evaluated(columns), "cohen_kappa")
    half = (np.arctanh(found.upper) - np.arctanh(found.lower)) / 2
    reach = half / (expected.std_kappa * np.sqrt(600 / 599) / (1 - expected.kappa**2))
    assert stats.t.ppf(0.975, 599) <= reach < 1.01 * stats.t.ppf(0.975, 599)


def test_each_class_is_judged_against_the_rest():
    columns = some()
    found = evaluated(columns, thresholds=[0.4], by=[["sex"]]).measurements
    for k, name in enumerate("abc"):
        p = probabilities(columns)[:, k]
        auroc = found.one("auroc", **{"class": name})
        assert auroc.value == pytest.approx(sk.roc_auc_score(columns["y"] == name, p), rel=1e-9)
        assert auroc.positives == int(np.sum(columns["y"] == name))
        sensitivity = found.one("sensitivity", **{"class": name, "threshold": 0.4})
        assert sensitivity.value == pytest.approx(np.mean(p[columns["y"] == name] >= 0.4), rel=1e-9)
        assert len(found.where("auroc_difference", **{"class": name})) == 1
    macro = np.mean([found.one("auroc", **{"class": name}).value for name in "abc"])
    assert found.one("macro_auroc").value == pytest.approx(macro, rel=1e-12)


def test_curves_say_whose_they_are():
    curves = evaluated(some()).curves
    assert [curve.model_dump()["params"] for curve in curves.roc] == [{"class": name} for name in "abc"]


def test_of_equal_probabilities_the_first_class_in_canonical_order_is_called_however_the_spec_names_them():
    n = 12
    columns = {"y": np.repeat(["a", "b"], [9, 3]), "pa": np.full(n, 0.5), "pb": np.full(n, 0.5), "pc": np.zeros(n)}
    assert own(evaluated(columns))["accuracy"] == 0.75
    turned = evaluated(columns, score={"c": "pc", "b": "pb", "a": "pa"})
    assert own(turned)["accuracy"] == 0.75  # a statement keeps no other order, and must give the same numbers again


def test_real_icd_chapters_equal_scikit_learn(real_data: Path):
    table = pl.read_csv(real_data / "diabetes130_hospitals" / "diabetic_data_dev.csv.gz", null_values="?").head(9_000)
    numeric = ["time_in_hospital", "num_lab_procedures", "num_procedures", "num_medications", "number_diagnoses"]
    x = table.select(numeric).to_numpy().astype(float)
    y = table["readmitted"].to_numpy()
    model = LogisticRegression(max_iter=200).fit(x[:4000] / x.max(axis=0), y[:4000])
    p = model.predict_proba(x / x.max(axis=0))
    table = table.with_columns(**{f"p{k}": p[:, k] for k in range(3)})
    spec = EvaluationSpec(
        task="multiclass",
        label="readmitted",
        score={name: f"p{k}" for k, name in enumerate(model.classes_)},
        by=[["gender"]],
        subject="patient_nbr",
    )
    found = run(open_source(table), spec)
    called = model.classes_[p.argmax(axis=1)]
    assert overall(found, "macro_auroc").value == pytest.approx(sk.roc_auc_score(y, p, multi_class="ovr"), rel=1e-9)
    assert overall(found, "cohen_kappa").value == pytest.approx(sk.cohen_kappa_score(y, called), rel=1e-9)
    assert overall(found, "log_loss").value == pytest.approx(sk.log_loss(y, p), rel=1e-9)
    assert overall(found, "macro_auroc").method == "delong-logit-clustered"
    women = (table["gender"] == "Female").to_numpy()
    assert found.measurements.one("macro_f1", slice={"gender": "Female"}).value == pytest.approx(
        sk.f1_score(y[women], called[women], average="macro"), rel=1e-9
    )


def test_a_class_that_does_not_occur_leaves_its_means_without_a_value():
    columns = some()
    columns["y"] = np.where(columns["y"] == "c", "b", columns["y"])
    found = evaluated(columns)
    assert overall(found, "macro_auroc").value is None
    assert overall(found, "macro_auroc").note == "class 'c' does not occur"
    assert overall(found, "balanced_accuracy").value is None
    assert overall(found, "accuracy").value is not None
    assert found.measurements.one("auroc", **{"class": "c"}).value is None


def test_one_class_only_keeps_accuracy_and_log_loss():
    columns = some() | {"y": np.full(600, "a")}
    found = evaluated(columns)
    assert overall(found, "accuracy").lower is not None
    assert overall(found, "log_loss").value is not None
    for metric in ("macro_auroc", "balanced_accuracy"):
        assert overall(found, metric).value is None
        assert overall(found, metric).note


def test_constant_probabilities_rank_no_one():
    columns = some() | {"pa": np.full(600, 0.5), "pb": np.full(600, 0.3), "pc": np.full(600, 0.2)}
    found = evaluated(columns)
    assert overall(found, "macro_auroc").value == 0.5
    assert overall(found, "cohen_kappa").value == pytest.approx(0, abs=1e-12)


def test_every_patient_right_keeps_an_interval_where_one_is_valid():
    columns = some()
    for name in "abc":
        columns[f"p{name}"] = (columns["y"] == name) * 1.0
    found = evaluated(columns)
    assert overall(found, "accuracy").lower == pytest.approx(600 / (600 + 1.959964**2), rel=1e-6)
    assert overall(found, "balanced_accuracy").lower < 1
    assert overall(found, "macro_auroc").method == "wilson-min"
    assert overall(found, "macro_f1").lower is None
    assert overall(found, "macro_f1").note


def test_a_label_that_is_no_class_is_refused_by_row_and_never_shown():
    columns = some()
    columns["y"] = columns["y"].astype(object)
    columns["y"][4] = "secret"
    with pytest.raises(BadInput, match="row 5") as raised:
        evaluated(columns)
    assert "secret" not in str(raised.value)


def test_whole_numbers_and_booleans_match_classes_by_their_printed_text():
    columns = some()
    columns["y"] = np.searchsorted(["a", "b", "c"], columns["y"])
    found = evaluated(columns, score={"0": "pa", "1": "pb", "2": "pc"})
    assert own(found)["accuracy"] == own(evaluated(some()))["accuracy"]


def test_a_missing_score_or_label_is_excluded_and_counted():
    columns = some()
    columns["pb"][:2] = np.nan
    columns["y"] = columns["y"].astype(object)
    columns["y"][1:4] = None
    rows = evaluated(columns).rows
    assert rows.excluded == {"score missing": 2, "label missing": 2}
    assert rows.evaluated == 596


def test_probabilities_that_do_not_sum_to_one_have_no_log_loss_and_say_so():
    columns = some()
    columns["pa"][3] += 0.1
    found = evaluated(columns)
    assert overall(found, "log_loss").value is None
    assert overall(found, "log_loss").note == "in 1 of 600 rows the classes' probabilities do not sum to 1"
    assert overall(found, "macro_auroc").value is not None


def test_scores_that_are_no_probabilities_rank_but_have_no_log_loss():
    columns = some()
    for name in "abc":
        columns[f"p{name}"] = columns[f"p{name}"] * 8  # a power of two keeps every tie
    found = evaluated(columns)
    assert "no probabilities" in overall(found, "log_loss").note
    assert overall(found, "macro_auroc").value == own(evaluated(some()))["macro_auroc"]


def test_an_infinite_score_is_refused_with_its_row():
    columns = some()
    columns["pc"][9] = np.inf
    with pytest.raises(BadInput, match="row 10 is infinite"):
        evaluated(columns)


def test_a_score_without_its_class_is_refused():
    with pytest.raises(BadInput, match="several classes need a score column each"):
        evaluated(some(), score="pa")


def test_small_groups_are_suppressed_and_strict_looks_at_the_rarest_class():
    columns = some()
    columns["sex"][:5] = "X"
    found = evaluated(columns, by=[["sex"]]).measurements
    assert found.one("accuracy", slice={"sex": "X"}).suppressed
    few = np.flatnonzero((columns["sex"] == "F") & (columns["y"] == "c"))[5:]
    columns["y"][few] = "a"
    strict = evaluated(columns, by=[["sex"]], suppression="strict").measurements
    assert strict.one("accuracy", slice={"sex": "F"}).suppressed


def test_strict_counts_the_patients_of_the_rarest_class_and_not_their_rows():
    # women: 30 rows of class c, three for each of 10 patients; men: 30 patients of class c, a row each
    columns = some()
    row = np.arange(600)
    columns["sex"] = np.where(row < 300, "F", "M")
    columns["y"] = np.array(["a", "b", "c"])[np.clip(row % 300 // 30 - 7, 0, 2)]
    columns["patient"] = np.where((row >= 270) & (row < 300), row % 10, row)
    asked = {"by": [["sex"]], "suppression": "strict"}
    assert not evaluated(columns, **asked).measurements.one("accuracy", slice={"sex": "F"}).suppressed
    assert evaluated(columns, **asked, subject="patient").measurements.one("accuracy", slice={"sex": "F"}).suppressed


def test_only_wanted_metrics_are_given():
    found = evaluated(some(), metrics=["macro_auroc", "cohen_kappa_difference"], by=[["sex"]]).measurements
    assert {m.metric for m in found} == {
        "macro_auroc",
        "macro_auroc_difference",
        "cohen_kappa",
        "cohen_kappa_difference",
    }


@pytest.mark.parametrize("interval", ["percentile", "bca"])
def test_the_bootstrap_agrees_with_the_analytic_interval(interval):
    analytic = evaluated(some(300)).measurements
    drawn = evaluated(some(300), interval=interval, replicates=400, metrics=list(OWN)).measurements
    for metric in OWN:
        (a,) = [m for m in analytic.where(metric) if "class" not in m.params]
        (b,) = [m for m in drawn.where(metric) if "class" not in m.params]
        assert b.value == a.value
        assert b.lower == pytest.approx(a.lower, abs=0.25 * (a.upper - a.lower))
        assert b.upper == pytest.approx(a.upper, abs=0.25 * (a.upper - a.lower))


def test_every_row_twice_under_one_patient_keeps_the_interval():
    columns = {k: v for k, v in some(300).items() if k not in ("sex", "patient", "w")}
    once = evaluated(columns).measurements
    twice = evaluated(
        {k: np.repeat(v, 2) for k, v in columns.items()} | {"patient": np.repeat(np.arange(300), 2)}, subject="patient"
    ).measurements
    for metric in ("macro_f1", "cohen_kappa", "macro_auroc", "log_loss"):
        (a,), (b,) = ([m for m in found.where(metric) if "class" not in m.params] for found in (once, twice))
        assert (a.value, a.lower, a.upper) == pytest.approx((b.value, b.lower, b.upper), rel=1e-9)


def _drawn(random: np.random.Generator, n: int, per_patient: int, shift: float) -> tuple[np.ndarray, np.ndarray]:
    """Classes and probabilities; patients share a lean of their own and half of their classes."""
    y = random.integers(0, 3, n)
    lean = np.zeros((n, 3))
    if per_patient > 1:
        shared = np.repeat(random.integers(0, 3, n // per_patient), per_patient)
        y = np.where(random.random(n) < 0.5, y, shared)
        lean = np.repeat(random.normal(0, 0.7, (n // per_patient, 3)), per_patient, axis=0)
    z = random.normal(0, 1, (n, 3)) + lean
    z[np.arange(n), y] += shift
    p = np.exp(z)
    return y, p / p.sum(axis=1, keepdims=True)


@pytest.mark.parametrize(("rows", "per_patient", "shift"), [(120, 1, 1.5), (400, 4, 1.5), (120, 1, 3.0)])
def test_intervals_cover_as_often_as_they_say(rows, per_patient, shift):
    random = np.random.default_rng(8)
    many, classes = 600, ["a", "b", "c"]

    def families(sample, y, p):
        confusion = Confusion(sample, y, p.argmax(axis=1), classes)
        of_truth = p[np.arange(len(y)), y]
        parts = (judged(confusion), macro_auroc(sample, y, p, classes), log_loss(sample, of_truth, why_not=None))
        return [estimate for part in parts for estimate in part.estimates]

    y, p = _drawn(random, 200_000, per_patient, shift)
    truth = {e.metric: e.value[0] for e in families(replicates(1, len(y)), y, p)}
    y, p = _drawn(random, many * rows, per_patient, shift)
    found = families(replicates(many, rows, per_patient=per_patient), y, p)
    for metric, value in truth.items():
        share = covered(named(found, metric), value)
        assert 0.92 <= share <= 0.998, (metric, share)  # Wilson on the smallest class is wide
