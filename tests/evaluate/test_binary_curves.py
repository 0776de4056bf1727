"""Curves: on fixed grids, each point what the references have there."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from binary_cohorts import Cohort, cohort, some
from scipy import stats
from sklearn.metrics import average_precision_score, precision_recall_curve, roc_auc_score, roc_curve

from codman.evaluate.run import run
from codman.spine.evaluation_spec import EvaluationSpec
from codman.spine.statement import Curves
from codman.tables.source import open_source

Z = stats.norm.ppf(0.975)


def drawn(columns: dict[str, np.ndarray], **asked: object) -> Curves:
    spec = EvaluationSpec.model_validate({"task": "binary", "label": "died", "score": "risk", **asked})
    return run(open_source(columns), spec).curves


@pytest.fixture(params=["rhc", "flchain"])
def judged(request: pytest.FixtureRequest) -> Cohort:
    return cohort(request.param)


def test_the_decision_curve_equals_dcurves_wherever_eleven_patients_are_flagged(judged):
    dcurves = pytest.importorskip("dcurves")
    curve = drawn(judged.columns()).decision[0]
    frame = pd.DataFrame({"died": judged.event.astype(int), "risk": judged.risk + 1e-12})  # dcurves flags only above
    reference = dcurves.dca(data=frame, outcome="died", modelnames=["risk"], thresholds=np.array(curve.x))
    for name, ours in (("risk", curve.y), ("all", curve.treat_all)):
        theirs = reference[reference["model"] == name].sort_values("threshold")["net_benefit"].to_numpy()
        assert ours == pytest.approx(theirs, abs=1e-9)
    flagged = [np.sum(judged.risk >= round(k / 100, 2)) for k in range(1, 100)]
    assert curve.x == [round(k / 100, 2) for k in range(1, 100) if flagged[k - 1] >= 11]


def test_the_decision_curves_interval_is_that_of_the_mean_of_per_patient_contributions(judged):
    curve = drawn(judged.columns()).decision[0]
    for t, y, low, high in list(zip(curve.x, curve.y, curve.lower, curve.upper, strict=True))[::10]:
        worth = (judged.risk >= t) * np.where(judged.event, 1.0, -t / (1 - t))
        half = Z * worth.std() / np.sqrt(len(worth))
        assert (y, low, high) == pytest.approx((worth.mean(), worth.mean() - half, worth.mean() + half), abs=1e-9)


def test_a_clustered_decision_curve_sums_contributions_by_patient():
    columns = some(900)
    curve = drawn(columns, subject="patient").decision[0]
    for t, y, low, high in list(zip(curve.x, curve.y, curve.lower, curve.upper, strict=True))[::7]:
        worth = (columns["risk"] >= t) * np.where(columns["died"] == 1, 1.0, -t / (1 - t))
        residual = pd.Series(worth - worth.mean()).groupby(columns["patient"]).sum()
        half = Z * np.sqrt(np.sum(residual**2) * len(residual) / (len(residual) - 1)) / 900
        assert (y, low, high) == pytest.approx((worth.mean(), worth.mean() - half, worth.mean() + half), abs=1e-9)


def test_points_of_the_roc_and_precision_recall_curves_lie_on_scikit_learns(judged):
    curves = drawn(judged.columns(), by=[["sex"]])
    for roc, recall in zip(curves.roc, curves.precision_recall, strict=True):
        inside = judged.sex == roc.slice["sex"] if roc.slice else np.ones(len(judged.sex), bool)
        y, s = judged.event[inside], judged.risk[inside]
        fpr, tpr, cuts = roc_curve(y, s, drop_intermediate=False)
        at = {round(float(cut), 9): (a, b) for cut, a, b in zip(cuts, fpr, tpr, strict=True)}
        precision, found, levels = precision_recall_curve(y, s)
        held = {round(float(c), 9): (r, p) for c, p, r in zip(levels, precision, found, strict=False)}
        met = 0
        for curve, reference in ((roc, at), (recall, held)):
            for t, x, height in zip(curve.threshold, curve.x, curve.y, strict=True):
                if round(t, 9) in reference:  # a cut of everyone's that is no score of this slice
                    assert (x, height) == pytest.approx(reference[round(t, 9)], abs=1e-9)
                    met += 1
        assert met > 50
        assert np.all(np.diff(roc.x) >= 0)
        assert np.all(np.diff(roc.y) >= 0)


def test_the_drawn_curves_hold_the_areas_the_measurements_state(judged):
    curves = drawn(judged.columns())
    x, y = np.array([0, *curves.roc[0].x, 1]), np.array([0, *curves.roc[0].y, 1])
    assert np.trapezoid(y, x) == pytest.approx(roc_auc_score(judged.event, judged.risk), abs=0.01)
    recall = curves.precision_recall[0]
    area = np.trapezoid(recall.y, recall.x) + recall.x[0] * recall.y[0]  # what lies before the first point
    assert area == pytest.approx(average_precision_score(judged.event, judged.risk), abs=0.06)


def test_the_loess_curve_has_a_band_that_holds_the_diagonal_where_risks_are_right():
    r = np.random.default_rng(1)
    held = []
    for _ in range(40):
        p = r.uniform(0.02, 0.98, 400)
        curves = drawn({"died": (r.uniform(size=400) < p).astype(int), "risk": p})
        smooth = next(c for c in curves.calibration if c.kind == "loess")
        held += [lo <= x <= hi for x, lo, hi in zip(smooth.x, smooth.lower, smooth.upper, strict=True)]
    assert np.mean(held) > 0.9


def test_curves_are_on_fixed_grids_and_never_longer_than_a_hundred_points():
    curves = drawn(some(3000, decimals=6), by=[["sex"]])
    for kind in (curves.roc, curves.precision_recall, curves.calibration, curves.decision):
        assert len(kind) >= 3
        assert all(len(c.x) == len(c.y) <= 100 for c in kind)


def test_intersections_are_not_drawn_when_there_are_very_many_groups():
    columns = some(6000)
    columns["site"] = np.arange(6000) % 30
    curves = drawn(columns, by=[["site"], ["site", "sex"]])
    assert {len(c.slice) for c in curves.roc} == {0, 1}


def test_scores_that_are_no_risks_have_no_calibration_and_no_decision_curve():
    columns = some()
    curves = drawn({**columns, "risk": columns["risk"] * 10})
    assert curves.roc
    assert not curves.calibration
    assert not curves.decision
