"""Corners: ties, one class, a constant score, NaN, infinities, float32, weights as repeated rows."""

from __future__ import annotations

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from binary_cohorts import NAMES, binary, cohort, some
from sklearn.metrics import average_precision_score, roc_auc_score

from codman.errors import BadInput
from codman.evaluate.binary import ALL
from codman.evaluate.run import evaluate, run
from codman.spine.evaluation_spec import EvaluationSpec
from codman.tables.source import open_source


@pytest.mark.parametrize("name", NAMES)
def test_scores_rounded_to_one_decimal_rank_their_ties_as_scikit_learn_does(name):
    c = cohort(name)
    risk = np.round(c.risk, 1)
    found = binary({"died": c.event, "risk": risk}, metrics=["auroc", "auprc"])
    assert found.one("auroc").value == pytest.approx(roc_auc_score(c.event, risk), abs=1e-12)
    assert found.one("auprc").value == pytest.approx(average_precision_score(c.event, risk), abs=1e-12)


@pytest.mark.parametrize("died", [0, 1])
def test_one_class_only_gives_reasons_where_there_is_no_number(died):
    found = binary({"died": np.full(60, died), "risk": np.linspace(0.1, 0.9, 60)}, thresholds=[0.5])
    without = {"auroc", "brier_skill", "calibration_slope", "calibration_intercept", "balanced_accuracy", "mcc"}
    without |= {"likelihood_ratio_positive"} | (
        {"specificity"} if died else {"sensitivity", "standardized_net_benefit"}
    )
    for metric in without:
        for row in found.where(metric):
            assert row.value is None, metric
            assert row.note, metric
    for metric in ("brier", "log_loss", "prevalence", "oe_ratio", "ece", "accuracy", "alert_rate"):
        assert found.one(metric).value is not None, metric


def test_a_constant_score_ranks_no_better_than_chance():
    found = binary({"died": np.repeat([1, 0], [40, 60]), "risk": np.full(100, 0.4)}, thresholds=[0.4])
    assert found.one("auroc").value == 0.5
    assert found.one("auprc").value == pytest.approx(0.4)
    assert found.one("specificity").value == 0.0
    assert found.one("npv").note == "every patient is flagged"
    lower, upper = found.one("auroc").lower, found.one("auroc").upper
    assert lower < 0.5 < upper


def test_a_row_without_a_score_or_label_is_left_out_and_counted():
    columns = some(200)
    risk = columns["risk"].copy()
    risk[:5] = np.nan
    died = [None if 3 <= i < 12 else int(d) for i, d in enumerate(columns["died"])]
    spec = EvaluationSpec(task="binary", label="died", score="risk")
    found = run(open_source(pl.DataFrame({"died": died, "risk": risk}, strict=False)), spec)
    assert found.rows.excluded == {"score missing": 5, "label missing": 7}
    assert (found.rows.eligible, found.rows.scored, found.rows.evaluated) == (200, 195, 188)
    kept = {k: v[12:] for k, v in columns.items()}
    assert found.measurements.one("auroc").value == binary(kept).one("auroc").value


def test_infinite_scores_rank_above_and_below_all_others():
    columns = some(300)
    risk = columns["risk"].copy()
    top, bottom = np.argmax(risk), np.argmin(risk)
    plain = binary({"died": columns["died"], "risk": np.where(np.arange(300) == top, 1e9, risk)})
    risk[top], risk[bottom] = np.inf, -np.inf
    found = binary({"died": columns["died"], "risk": risk}, thresholds=[0.5])
    low = np.where(np.arange(300) == bottom, -1e9, np.where(np.arange(300) == top, 1e9, risk))
    assert found.one("auroc").value == pytest.approx(roc_auc_score(columns["died"], low), abs=1e-12)
    assert found.one("brier").value is None
    assert plain.one("auroc").value is not None


def test_float32_scores_keep_auroc_inside_0_and_1_and_equal_scikit_learns():
    r = np.random.default_rng(0)
    y = np.repeat([0, 1], 5000)
    for spread in (0.0, 1e-3, 1.0):
        s = (y + spread * r.standard_normal(10_000)).astype(np.float32)
        row = binary({"died": y, "risk": s}, metrics=["auroc"]).one("auroc")
        assert 0 <= row.lower <= row.value <= row.upper <= 1
        assert row.value == pytest.approx(roc_auc_score(y, s), abs=1e-12)


@pytest.mark.parametrize("name", ["rhc", "icu"])
def test_a_weight_of_w_is_the_row_written_w_times(name):
    c = cohort(name)
    w = np.random.default_rng(1).integers(1, 5, len(c.event))
    asked = {"by": [["sex"]], "thresholds": [c.threshold]}
    weighted = binary({**c.columns(), "w": w}, weight="w", **asked)
    repeated = binary({k: np.repeat(v, w) for k, v in c.columns().items()}, **asked)
    smoothed = {"ici", "e50", "e90"}  # points are cut by rows
    for a, b in zip(weighted, repeated, strict=True):
        assert (a.metric, a.slice) == (b.metric, b.slice)
        if a.value is None or b.value is None or a.metric.removesuffix("_difference") in smoothed:
            continue
        if (
            a.metric.endswith(("_difference", "_ratio"))
            and "highest" in a.params
            and a.params["highest"] != b.params.get("highest")
        ):
            continue
        expected = pytest.approx(b.value, abs=1e-7 if "calibration" in a.metric else 1e-9)
        if a.metric == "spiegelhalter_z":
            continue  # its null variance is that of weighted rows, not of more patients
        assert a.value == expected, a.metric


def test_multiplying_every_weight_changes_no_number():
    columns = some(600)
    once = binary(columns, weight="w", thresholds=[0.3], by=[["sex"]])
    scaled = binary({**columns, "w": columns["w"] * 1000}, weight="w", thresholds=[0.3], by=[["sex"]])
    for a, b in zip(once, scaled, strict=True):
        for one, two in ((a.value, b.value), (a.lower, b.lower), (a.upper, b.upper)):
            assert one == (None if two is None else pytest.approx(two, rel=1e-7, abs=1e-9)), a.metric


def test_equal_weights_give_the_unweighted_values():
    columns = some(400)
    plain = binary(columns, thresholds=[0.3])
    even = binary({**columns, "w": np.ones(400)}, weight="w", thresholds=[0.3])
    for a, b in zip(plain, even, strict=True):
        assert b.value == pytest.approx(a.value, abs=1e-9), a.metric


def test_a_weight_that_follows_the_label_moves_prevalence_and_leaves_the_ranking():
    columns = some(2000, decimals=6)
    tilted = {**columns, "w": np.where(columns["died"] == 1, 10.0, 1.0)}
    plain, found = binary(columns, thresholds=[0.3]), binary(tilted, weight="w", thresholds=[0.3])
    for metric in ("auroc", "sensitivity", "specificity", "balanced_accuracy"):
        assert found.one(metric).value == pytest.approx(plain.one(metric).value, abs=1e-12)
    assert found.one("prevalence").value > 2 * plain.one("prevalence").value


@pytest.mark.parametrize("weight", [-1.0, np.inf])
def test_a_weight_no_one_can_use_is_refused_by_row_and_not_by_value(weight):
    columns = some(50)
    columns["w"][7] = weight
    with pytest.raises(BadInput) as refused:
        binary(columns, weight="w")
    assert "cannot be used" in str(refused.value)


def test_weights_of_nothing_are_left_out_and_counted():
    columns = some(200)
    columns["w"][:20] = 0.0
    spec = EvaluationSpec(task="binary", label="died", score="risk", weight="w")
    found = run(open_source(columns), spec)
    assert found.rows.excluded == {"weight missing or zero": 20}
    kept = {k: v[20:] for k, v in columns.items()}
    assert found.measurements.one("auprc").value == binary(kept, weight="w").one("auprc").value


@pytest.mark.parametrize("threshold", [-5.0, 0.0, 1.0, 7.5])
def test_thresholds_that_flag_all_or_none_give_null_with_reason_and_no_utility_beyond_0_and_1(threshold):
    found = binary(some(100), thresholds=[threshold])
    assert found.one("alert_rate").value in (0.0, 1.0)
    gone = "ppv" if threshold >= 1 else "npv"
    assert found.one(gone).value is None
    assert found.one(gone).note
    assert not found.where("net_benefit")


@pytest.mark.parametrize("rows", [1, 2, 10])
def test_a_handful_of_rows_is_suppressed_and_never_an_error(rows):
    for died in ([0] * rows, [1] * rows, [i % 2 for i in range(rows)]):
        found = binary({"died": died, "risk": [0.5] * rows}, thresholds=[0.5], by=[])
        assert all(m.suppressed and m.n is None and m.positives is None for m in found)


@pytest.mark.parametrize("words", [("yes", "no"), (True, False), ("1", "0"), (1.0, 0.0), ("TRUE", "false")])
def test_any_usual_way_to_write_yes_and_no_is_read(words):
    columns = some(100)
    died = [words[0] if d else words[1] for d in columns["died"]]
    assert binary({"died": died, "risk": columns["risk"]}).one("auroc").value == binary(columns).one("auroc").value


def test_a_named_positive_value_is_the_event():
    columns = some(100)
    died = np.where(columns["died"] == 1, "expired", "home")
    found = binary({"died": died, "risk": columns["risk"]}, positive="expired")
    assert found.one("prevalence").value == binary(columns).one("prevalence").value


@pytest.mark.parametrize("died", [[0, 1, 2] * 10, ["a", "b"] * 15, [None] * 30])
def test_a_label_that_is_not_yes_or_no_is_refused(died):
    with pytest.raises(BadInput):
        binary({"died": died, "risk": [0.5] * 30})


def test_every_kind_of_table_gives_the_same_measurements():
    columns = some(120)
    first = evaluate(columns, label="died", score="risk", by=["sex"], thresholds=[0.3])
    for table in (pl.DataFrame(columns), pl.DataFrame(columns).to_pandas(), pa.table(columns)):
        assert evaluate(table, label="died", score="risk", by=["sex"], thresholds=[0.3]) == first


def test_only_the_metrics_asked_for_are_measured():
    found = binary(some(), metrics=["auroc", "ppv"], thresholds=[0.3], by=[["sex"]])
    assert {m.metric for m in found} == {"auroc", "ppv", "auroc_difference", "ppv_difference", "ppv_ratio"}


@pytest.mark.parametrize("metric", sorted(ALL))
def test_a_metric_alone_has_the_number_it_has_among_all(metric):
    columns = some(300)
    for a, b in zip(
        binary(columns, metrics=[metric], thresholds=[0.3]),
        binary(columns, thresholds=[0.3]).where(metric),
        strict=True,
    ):
        assert a == b


def test_without_a_threshold_there_are_no_threshold_metrics():
    assert not {m.metric for m in binary(some())} & {"sensitivity", "ppv", "net_benefit", "alert_rate"}


def test_a_small_weight_beside_large_ones_is_not_lost_below_the_threshold():
    columns = some(60)
    columns["w"] = np.where(columns["risk"] < 0.2, 1e-3, 1e8)
    found = binary(columns, weight="w", thresholds=[0.2])
    low, w = columns["risk"] < 0.2, columns["w"]
    assert found.one("npv").value == pytest.approx(np.average(columns["died"][low] == 0, weights=w[low]), abs=1e-9)
    assert found.one("npv").lower is not None


def test_many_infinite_scores_leave_the_curves_their_finite_points():
    columns = some(300)
    risk = np.where(np.arange(300) < 60, np.inf, np.where(np.arange(300) < 120, -np.inf, columns["risk"]))
    spec = EvaluationSpec(task="binary", label="died", score="risk")
    found = run(open_source({"died": columns["died"], "risk": risk}), spec)
    assert found.curves.roc
    assert np.isfinite(found.curves.roc[0].threshold).all()
