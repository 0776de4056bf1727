"""Invented predictions are as right or as wrong as they were asked to be."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import polars as pl
import pytest

from codman.evaluate.run import run
from codman.simulate.catalogue import Outcome
from codman.simulate.predictions import Cohort, predictions, question
from codman.spine.measurement import Measurement
from codman.tables.source import open_source

BINARY = Outcome(task="binary", label="sepsis", prevalence=0.2, auroc=0.8, threshold=0.2)
CLASSES = Outcome(
    task="multiclass", label="grade", classes=["none", "some", "much"], shares=[0.5, 0.3, 0.2], auroc=0.85
)
SURVIVAL = Outcome(task="survival", label="died", prevalence=0.3, auroc=0.78, horizons=[180, 365])
COHORT = Cohort(outcome=BINARY, rows=6000, seed=11, start=date(2026, 1, 1), end=date(2026, 3, 31))


def measured(cohort: Cohort, table: pl.DataFrame | None = None) -> list[Measurement]:
    table = predictions(cohort) if table is None else table
    return list(run(open_source(table), question(cohort.outcome, groups=(("sex",), ("race",)))).measurements)


def one(found: list[Measurement], metric: str, **group: str) -> Measurement:
    return next(m for m in found if m.metric == metric and m.slice == group)


@pytest.mark.parametrize("outcome", [BINARY, CLASSES, SURVIVAL], ids=lambda o: str(o.task))
def test_the_same_seed_gives_the_same_patients_and_another_seed_others(outcome: Outcome):
    cohort = replace(COHORT, outcome=outcome, rows=500)

    assert predictions(cohort).equals(predictions(cohort))
    assert not predictions(cohort).equals(predictions(replace(cohort, seed=12)))


def test_a_calibrated_model_has_the_auroc_asked_for_and_a_slope_of_one():
    found = measured(COHORT)

    assert one(found, "auroc").value == pytest.approx(BINARY.auroc, abs=0.02)
    slope = one(found, "calibration_slope")
    assert slope.lower is not None
    assert slope.upper is not None
    assert slope.lower < 1 < slope.upper
    assert one(found, "prevalence").value == pytest.approx(0.2, abs=0.02)


def test_a_stretched_model_is_too_extreme_by_the_stated_amount():
    slope = one(measured(replace(COHORT, slope=2.0)), "calibration_slope")

    assert slope.value == pytest.approx(1 / 2, abs=0.06)


def test_a_shifted_model_foretells_too_many_events():
    ratio = one(measured(replace(COHORT, shift=0.8)), "oe_ratio")

    assert ratio.upper is not None
    assert ratio.upper < 0.8


def test_a_model_that_is_blind_in_one_group_ranks_worse_there_and_nowhere_else():
    found = measured(replace(COHORT, blind=("sex", "F", 0.8)))

    women, men = one(found, "auroc", sex="F"), one(found, "auroc", sex="M")
    assert women.upper is not None
    assert men.lower is not None
    assert women.upper < men.lower
    assert men.value == pytest.approx(BINARY.auroc, abs=0.03)


def test_drift_takes_the_signal_away_toward_the_windows_end():
    table = predictions(replace(COHORT, drift=0.9))

    first = one(measured(COHORT, table.head(2000)), "auroc").value
    last = one(measured(COHORT, table.tail(2000)), "auroc").value

    assert first is not None
    assert last is not None
    assert first - last > 0.1


def test_predictions_lie_inside_their_window_in_order():
    days = predictions(COHORT)["predicted_on"]

    assert days.is_sorted()
    assert days[0] >= COHORT.start
    assert days[-1] <= COHORT.end


def test_class_probabilities_add_up_to_one_and_every_class_happens():
    table = predictions(replace(COHORT, outcome=CLASSES))

    total: Any = table.select(pl.sum_horizontal(f"p_{name}" for name in CLASSES.classes)).to_series().to_numpy()
    assert np.allclose(total, 1)
    assert set(table["grade"]) == set(CLASSES.classes)


def test_survival_falls_with_time_and_the_risk_is_what_is_left_at_the_last_horizon():
    table = predictions(replace(COHORT, outcome=SURVIVAL))

    assert (table["alive_365"] <= table["alive_180"]).all()
    assert np.allclose(table["risk"], 1 - table["alive_365"])
    assert table["days"].min() == 1
    found = measured(replace(COHORT, outcome=SURVIVAL))
    assert one(found, "cindex_harrell").value == pytest.approx(0.75, abs=0.04)


def test_some_patients_come_twice_so_that_rows_are_not_patients():
    assert 0.7 < predictions(COHORT)["patient_id"].n_unique() / COHORT.rows < 0.9
