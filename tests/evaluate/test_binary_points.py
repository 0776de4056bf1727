"""Every binary metric's value against scikit-learn, dcurves, fairlearn and hand formulas, on real cohorts."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from binary_cohorts import NAMES, Cohort, binary, cohort
from sklearn import metrics as sk

from codman.evaluate.binary import ALL
from codman.spine.measurement import Measurements


def expected(y: np.ndarray, p: np.ndarray, t: float, w: np.ndarray | None) -> dict[str, float]:
    """What scikit-learn, or the textbook, makes of it."""
    w1 = np.ones(len(y)) if w is None else w
    flag = p >= t
    tn, fp, fn, tp = sk.confusion_matrix(y, flag, sample_weight=w).ravel()
    total, share = w1.sum(), np.average(y, weights=w1)
    brier = sk.brier_score_loss(y, p, sample_weight=w)
    net = tp / total - fp / total * t / (1 - t)
    edges = np.searchsorted(np.arange(1, 10) / 10, p, side="right")
    gaps = [abs(np.sum(w1[edges == b] * (y[edges == b] - p[edges == b]))) for b in range(10)]
    return {
        "auroc": sk.roc_auc_score(y, p, sample_weight=w),
        "auprc": sk.average_precision_score(y, p, sample_weight=w),
        "brier": brier,
        "brier_skill": 1 - brier / (share * (1 - share)),
        "log_loss": sk.log_loss(y, p, sample_weight=w),
        "prevalence": share,
        "oe_ratio": np.sum(w1 * y) / np.sum(w1 * p),
        "ece": sum(gaps) / total,
        "sensitivity": sk.recall_score(y, flag, sample_weight=w),
        "specificity": sk.recall_score(~y, ~flag, sample_weight=w),
        "ppv": sk.precision_score(y, flag, sample_weight=w),
        "npv": sk.precision_score(~y, ~flag, sample_weight=w),
        "accuracy": sk.accuracy_score(y, flag, sample_weight=w),
        "balanced_accuracy": sk.balanced_accuracy_score(y, flag, sample_weight=w),
        "f1": sk.f1_score(y, flag, sample_weight=w),
        "mcc": sk.matthews_corrcoef(y, flag, sample_weight=w),
        "alert_rate": np.average(flag, weights=w1),
        "number_needed_to_evaluate": (tp + fp) / tp,
        "likelihood_ratio_positive": (tp / (tp + fn)) / (fp / (fp + tn)),
        "likelihood_ratio_negative": (fn / (tp + fn)) / (tn / (fp + tn)),
        "net_benefit": net,
        "standardized_net_benefit": net / share,
        "interventions_avoided": (net - (share - (1 - share) * t / (1 - t))) * (1 - t) / t,
    }


def compared(found: Measurements, reference: dict[str, float], where: dict[str, str]) -> None:
    for metric, value in reference.items():
        (row,) = found.where(metric, slice=where)
        assert row.value == pytest.approx(value, rel=1e-9, abs=1e-9), (metric, where)


@pytest.fixture(params=NAMES)
def judged(request: pytest.FixtureRequest) -> Cohort:
    return cohort(request.param)


@pytest.mark.parametrize("weight", [None, "w"])
@pytest.mark.parametrize("subject", [None, "patient"])
def test_every_metric_equals_scikit_learn_on_everyone_and_each_slice(judged, weight, subject):
    found = binary(
        judged.columns(), by=[["sex"], ["sex", "group"]], thresholds=[judged.threshold], weight=weight, subject=subject
    )
    for where in ({}, {"sex": judged.sex[0]}, {"sex": judged.sex[0], "group": judged.group[0]}):
        inside = np.ones(len(judged.event), bool)
        for column, level in where.items():
            inside &= getattr(judged, column) == level
        if len(set(judged.event[inside])) < 2 or inside.sum() < 50:
            continue
        w = judged.weight[inside] if weight else None
        compared(found, expected(judged.event[inside], judged.risk[inside], judged.threshold, w), where)


def test_the_reference_leaves_no_metric_of_the_engine_out():
    c = cohort("rhc")
    elsewhere = {"calibration_slope", "calibration_intercept", "ici", "e50", "e90", "spiegelhalter_z"}
    assert set(expected(c.event, c.risk, 0.3, None)) | elsewhere == set(ALL)


@pytest.mark.parametrize("name", ["rhc", "flchain", "diabetes"])
def test_net_benefit_equals_dcurves_at_every_threshold_given(name):
    dcurves = pytest.importorskip("dcurves")
    c = cohort(name)
    thresholds = [0.05, 0.1, 0.25, 0.4]
    found = binary(c.columns(), thresholds=thresholds, metrics=["net_benefit", "interventions_avoided"])
    frame = pd.DataFrame({"died": c.event.astype(int), "risk": c.risk + 1e-12})  # dcurves flags only above
    curve = dcurves.dca(data=frame, outcome="died", modelnames=["risk"], thresholds=thresholds)
    curve = dcurves.net_intervention_avoided(curve) if hasattr(dcurves, "net_intervention_avoided") else curve
    model = curve[curve["model"] == "risk"].set_index("threshold")
    for t in thresholds:
        assert found.one("net_benefit", threshold=t).value == pytest.approx(model.loc[t, "net_benefit"], abs=1e-9)


@pytest.mark.parametrize("name", ["rhc", "diabetes"])
def test_differences_and_ratios_between_groups_equal_fairlearn(name):
    fairlearn = pytest.importorskip("fairlearn.metrics")
    c = cohort(name)
    big = pd.Series(c.group).map(pd.Series(c.group).value_counts()).to_numpy() >= 100
    columns = {k: v[big] for k, v in c.columns().items()}
    flag = (c.risk >= c.threshold)[big]
    frame = fairlearn.MetricFrame(
        metrics={
            "sensitivity": sk.recall_score, "ppv": sk.precision_score, "accuracy": sk.accuracy_score,
            "alert_rate": lambda _y, f: np.mean(f),
        },
        y_true=c.event[big], y_pred=flag, sensitive_features=c.group[big],
    )  # fmt: skip
    found = binary(columns, by=[["group"]], thresholds=[c.threshold])
    for metric in ("sensitivity", "ppv", "accuracy", "alert_rate"):
        difference, ratio = frame.difference()[metric], frame.ratio()[metric]
        assert found.one(f"{metric}_difference").value == pytest.approx(difference, abs=1e-9)
        assert found.one(f"{metric}_ratio").value == pytest.approx(ratio, abs=1e-9)
        assert found.one(f"{metric}_difference").params["highest"] == {"group": frame.by_group[metric].idxmax()}


def test_fairness_metrics_of_the_usual_names_follow_from_the_differences():
    fairlearn = pytest.importorskip("fairlearn.metrics")
    c = cohort("rhc")
    flag = c.risk >= c.threshold
    found = binary(c.columns(), by=[["sex"]], thresholds=[c.threshold])
    parity = fairlearn.demographic_parity_difference(c.event, flag, sensitive_features=c.sex)
    odds = fairlearn.equalized_odds_difference(c.event, flag, sensitive_features=c.sex)
    assert found.one("alert_rate_difference").value == pytest.approx(parity, abs=1e-9)
    assert max(found.one(f"{m}_difference").value for m in ("sensitivity", "specificity")) == pytest.approx(odds)


def test_a_hand_worked_table_of_ten_patients():
    # flagged: 3 with the event, 1 without; not flagged: 1 with, 5 without. Twice over, to stand above suppression.
    died = [1, 1, 1, 0, 1, 0, 0, 0, 0, 0] * 2
    risk = [0.9, 0.8, 0.7, 0.6, 0.4, 0.3, 0.3, 0.2, 0.1, 0.1] * 2
    found = binary({"died": died, "risk": risk}, thresholds=[0.5])
    worked = {
        "sensitivity": 3 / 4, "specificity": 5 / 6, "ppv": 3 / 4, "npv": 5 / 6, "accuracy": 8 / 10, "f1": 3 / 4,
        "alert_rate": 4 / 10, "prevalence": 4 / 10, "balanced_accuracy": (3 / 4 + 5 / 6) / 2,
        "number_needed_to_evaluate": 4 / 3, "likelihood_ratio_positive": (3 / 4) / (1 / 6),
        "likelihood_ratio_negative": (1 / 4) / (5 / 6), "net_benefit": 3 / 10 - 1 / 10,
        "standardized_net_benefit": (3 / 10 - 1 / 10) / 0.4, "interventions_avoided": 5 / 10 - 1 / 10,
        "mcc": (3 * 5 - 1 * 1) / np.sqrt(4 * 4 * 6 * 6), "oe_ratio": 4 / 4.4, "auroc": 23 / 24,
    }  # fmt: skip
    for metric, value in worked.items():
        assert found.one(metric).value == pytest.approx(value, abs=1e-12), metric


def test_a_patient_exactly_at_the_threshold_is_flagged():
    found = binary({"died": [1, 0] * 10, "risk": [0.2, 0.1] * 10}, thresholds=[0.2])
    assert found.one("sensitivity").value == 1.0
    assert found.one("specificity").value == 1.0
