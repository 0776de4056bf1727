"""Survival against scikit-survival, lifelines and statsmodels, on flchain, GBSG2 and WHAS500 under a Cox model."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
import pytest

from codman.evaluate.run import run
from codman.spine.evaluation_spec import EvaluationSpec
from codman.spine.measurement import Measurements
from codman.tables.source import open_source

pytest.importorskip("sksurv", reason="scikit-survival carries the cohorts and is the reference")
lifelines_utils = pytest.importorskip("lifelines.utils")

from sksurv import metrics as reference  # noqa: E402
from sksurv.datasets import load_flchain, load_gbsg2, load_whas500  # noqa: E402
from sksurv.linear_model import CoxPHSurvivalAnalysis  # noqa: E402
from sksurv.nonparametric import kaplan_meier_estimator  # noqa: E402
from sksurv.util import Surv  # noqa: E402

COHORTS = {
    "flchain": (load_flchain, ["age", "kappa", "lambda"], (365.0, 1825.0, 3650.0)),
    "gbsg2": (load_gbsg2, ["age", "pnodes", "tsize"], (365.0, 730.0, 1460.0)),
    "whas500": (load_whas500, ["age", "hr", "bmi"], (90.0, 365.0, 1500.0)),
}


@dataclass(frozen=True)
class Fitted:
    event: np.ndarray
    time: np.ndarray
    risk: np.ndarray
    stated: dict[float, np.ndarray]
    found: Measurements

    @property
    def outcome(self) -> np.ndarray:
        return Surv.from_arrays(self.event, self.time)

    @property
    def horizons(self) -> list[float]:
        return list(self.stated)

    def at_horizons(self, metric: str) -> list[float | None]:
        return [self.found.one(metric, horizon=h).value for h in self.horizons]


@pytest.fixture(scope="module", params=list(COHORTS))
def fitted(request: pytest.FixtureRequest) -> Fitted:
    load, columns, horizons = COHORTS[request.param]
    patients, outcome = load()
    event, time = (np.asarray(outcome[name]) for name in outcome.dtype.names)
    x = patients[columns].to_numpy(dtype=float)
    model = CoxPHSurvivalAnalysis(alpha=1e-3).fit(x[::2], Surv.from_arrays(event[::2], time[::2] + 0.5))
    risk = np.round(model.predict(x), 2)  # rounding makes ties
    curves = model.predict_survival_function(x)
    stated = {h: np.array([curve(h) for curve in curves]) for h in horizons}
    frame = pl.DataFrame(
        {"event": event.astype(int), "time": time, "risk": risk, **{f"s{h:g}": stated[h] for h in horizons}}
    )
    spec = EvaluationSpec(
        task="survival", label="event", score="risk", time="time", survival={f"{h:g}": f"s{h:g}" for h in horizons}
    )
    return Fitted(event=event, time=time, risk=risk, stated=stated, found=run(open_source(frame), spec).measurements)


def test_harrells_c_is_that_of_scikit_survival_and_of_lifelines(fitted: Fitted) -> None:
    value = fitted.found.one("cindex_harrell").value

    assert value == pytest.approx(
        reference.concordance_index_censored(fitted.event, fitted.time, fitted.risk)[0], abs=1e-9
    )
    assert value == pytest.approx(lifelines_utils.concordance_index(fitted.time, -fitted.risk, fitted.event), abs=1e-9)


def test_the_weighted_c_is_that_of_scikit_survival_below_the_largest_horizon(fitted: Fitted) -> None:
    found = fitted.found.one("cindex_ipcw")

    expected = reference.concordance_index_ipcw(fitted.outcome, fitted.outcome, fitted.risk, tau=fitted.horizons[-1])[0]
    assert found.value == pytest.approx(expected, abs=1e-9)
    assert found.params["horizon"] == fitted.horizons[-1]


def test_auroc_at_horizons_is_the_cumulative_dynamic_auc_of_scikit_survival(fitted: Fitted) -> None:
    expected, _ = reference.cumulative_dynamic_auc(fitted.outcome, fitted.outcome, fitted.risk, fitted.horizons)

    np.testing.assert_allclose(fitted.at_horizons("auroc_t"), expected, atol=1e-9)


def test_brier_scores_are_those_of_scikit_survival(fitted: Fitted) -> None:
    stated = np.column_stack(list(fitted.stated.values()))
    _, expected = reference.brier_score(fitted.outcome, fitted.outcome, stated, fitted.horizons)

    np.testing.assert_allclose(fitted.at_horizons("brier_t"), expected, atol=1e-9)
    assert fitted.found.one("integrated_brier").value == pytest.approx(
        reference.integrated_brier_score(fitted.outcome, fitted.outcome, stated, fitted.horizons), abs=1e-9
    )


def test_observed_over_expected_is_kaplan_meier_over_the_mean_risk(fitted: Fitted) -> None:
    times, free = kaplan_meier_estimator(fitted.event, fitted.time)
    for horizon in fitted.horizons:
        observed = 1 - free[np.searchsorted(times, horizon, side="right") - 1]
        expected = observed / np.mean(1 - fitted.stated[horizon])

        assert fitted.found.one("oe_ratio_t", horizon=horizon).value == pytest.approx(expected, abs=1e-9)


def test_the_slope_is_that_of_a_weighted_logistic_regression(fitted: Fitted) -> None:
    sm = pytest.importorskip("statsmodels.api")
    from sksurv.nonparametric import CensoringDistributionEstimator

    curve = CensoringDistributionEstimator().fit(fitted.outcome)
    for horizon in fitted.horizons:
        case = fitted.event & (fitted.time <= horizon)
        free = fitted.time > horizon
        weight = np.zeros(len(case))
        weight[case] = 1 / curve.predict_proba(fitted.time[case])
        weight[free] = 1 / curve.predict_proba(np.array([horizon]))[0]
        used = weight > 0
        risk = np.clip(1 - fitted.stated[horizon], 1e-12, 1 - 1e-12)
        design = sm.add_constant(np.log(risk / (1 - risk))[used])
        model = sm.GLM(case[used].astype(float), design, family=sm.families.Binomial(), freq_weights=weight[used])

        assert fitted.found.one("calibration_slope_t", horizon=horizon).value == pytest.approx(
            model.fit(tol=1e-12).params[1], abs=1e-6
        )


def test_every_number_has_an_interval_around_it(fitted: Fitted) -> None:
    for m in fitted.found:
        assert m.value is not None, (m.metric, m.params, m.note)
        assert m.lower is not None, m.metric
        assert m.upper is not None, m.metric
        assert m.lower < m.value < m.upper
        assert m.level == 0.95


def test_survival_of_other_rows_gives_the_censoring_weights_when_asked() -> None:
    patients, outcome = load_whas500()
    event, time = (np.asarray(outcome[name]) for name in outcome.dtype.names)
    risk = patients["age"].to_numpy(dtype=float)
    train, test = slice(0, 250), slice(250, 500)
    horizon = 900.0

    def frame(rows: slice) -> pl.DataFrame:
        return pl.DataFrame({"event": event[rows], "time": time[rows], "risk": risk[rows]})

    spec = EvaluationSpec(
        task="survival", label="event", score="risk", time="time", horizons=[horizon], censoring_from="censoring-from"
    )
    found = run(
        open_source(frame(test)), spec, others={"censoring-from": open_source(frame(train), name="censoring-from")}
    ).measurements
    outside = Surv.from_arrays(event[train], time[train])
    inside = Surv.from_arrays(event[test], time[test])

    assert found.one("cindex_ipcw").value == pytest.approx(
        reference.concordance_index_ipcw(outside, inside, risk[test], tau=horizon)[0], abs=1e-9
    )
    assert found.one("auroc_t", horizon=horizon).value == pytest.approx(
        reference.cumulative_dynamic_auc(outside, inside, risk[test], [horizon])[0][0], abs=1e-9
    )
    assert found.one("auroc_t").method == "influence-logit:ipcw-censoring-from"


def test_every_slice_is_weighed_with_the_censoring_curve_of_all_rows() -> None:
    patients, outcome = load_flchain()
    event, time = (np.asarray(outcome[name]) for name in outcome.dtype.names)
    risk, sex = patients["age"].to_numpy(dtype=float), patients["sex"].astype(str).to_numpy()
    horizon = 2000.0
    stated = np.exp(-horizon / 40_000 * np.exp((risk - 60) / 10))
    frame = pl.DataFrame({"event": event.astype(int), "time": time, "risk": risk, "sex": sex, "s": stated})
    spec = EvaluationSpec(
        task="survival", label="event", score="risk", time="time", survival={"2000": "s"}, by=[["sex"]]
    )

    found = run(open_source(frame), spec).measurements

    everyone = Surv.from_arrays(event, time)
    for level in ("F", "M"):
        mine = sex == level
        some = everyone[mine]
        expected = {
            "cindex_harrell": reference.concordance_index_censored(event[mine], time[mine], risk[mine])[0],
            "cindex_ipcw": reference.concordance_index_ipcw(everyone, some, risk[mine], tau=horizon)[0],
            "auroc_t": reference.cumulative_dynamic_auc(everyone, some, risk[mine], [horizon])[0][0],
            "brier_t": reference.brier_score(everyone, some, stated[mine][:, None], [horizon])[1][0],
        }
        for metric, value in expected.items():
            assert found.one(metric, slice={"sex": level}).value == pytest.approx(value, abs=1e-9)


def test_without_censoring_the_numbers_are_those_of_the_yes_or_no_outcome() -> None:
    sk = pytest.importorskip("sklearn.metrics")
    sm = pytest.importorskip("statsmodels.api")
    rng = np.random.default_rng(8)
    score = np.round(rng.normal(size=500), 1)
    time = rng.exponential(np.exp(-score))
    stated = np.exp(-np.exp(1.3 * score))
    frame = pl.DataFrame({"event": np.ones(500, int), "time": time, "risk": score, "s": stated})
    spec = EvaluationSpec(task="survival", label="event", score="risk", time="time", survival={"1": "s"})

    found = run(open_source(frame), spec).measurements

    died = time <= 1
    risk = np.clip(1 - stated, 1e-12, 1 - 1e-12)
    fit = sm.Logit(died.astype(float), sm.add_constant(np.log(risk / (1 - risk)))).fit(disp=0, tol=1e-14)
    assert found.one("auroc_t").value == pytest.approx(sk.roc_auc_score(died, score), abs=1e-9)
    assert found.one("brier_t").value == pytest.approx(sk.brier_score_loss(died, 1 - stated), abs=1e-9)
    assert found.one("oe_ratio_t").value == pytest.approx(died.mean() / (1 - stated).mean(), abs=1e-9)
    assert found.one("calibration_slope_t").value == pytest.approx(fit.params[1], abs=1e-6)
