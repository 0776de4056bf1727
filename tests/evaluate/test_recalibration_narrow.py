"""Recalibration where scores are narrow and the event rare: intercept and slope then point nearly the same way."""

import numpy as np
import pytest
import statsmodels.api as sm

from codman.evaluate import evaluate


def test_a_rare_event_and_narrow_risks_are_fitted_as_statsmodels_fits_them():
    r = np.random.default_rng(8)
    x = r.normal(-3.9, 0.36, 20_000)
    died = r.random(20_000) < 1 / (1 + np.exp(-x))
    risk = 1 / (1 + np.exp(-x))
    site = np.arange(20_000) % 20

    found = evaluate({"died": died, "risk": risk, "site": site}, label="died", score="risk", by=["site"])

    logit = np.log(risk / (1 - risk))
    for name in [{}, {"site": "3"}]:
        rows = site == 3 if name else np.ones(20_000, bool)
        theirs = sm.Logit(died[rows].astype(float), sm.add_constant(logit[rows])).fit(disp=0)
        assert found.one("calibration_slope", slice=name).value == pytest.approx(theirs.params[1], abs=1e-6)
    assert all(m.value is not None for m in found.where("calibration_slope"))
