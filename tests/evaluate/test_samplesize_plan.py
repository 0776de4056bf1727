"""Plans: the largest need, and all patients so that each slice has its own."""

import math

import numpy as np
import polars as pl
import pytest

from codman.evaluate.samplesize.linear_predictor import normal
from codman.evaluate.samplesize.plan import BadPlan, Share, plan, share_of
from codman.evaluate.samplesize.precision import Expected, fewest_patients
from codman.evaluate.samplesize.slices import prevalence_of, shares, spread_of
from codman.tables.source import open_source

EXPECTED = Expected(prevalence=0.05, values={"auroc": 0.8, "sensitivity": 0.8})


def test_the_largest_of_the_wanted_metrics_decides():
    found = plan({"auroc": 0.1, "sensitivity": 0.1}, EXPECTED)

    assert [need.metric for need in found.needs] == ["auroc", "sensitivity"]
    assert found.largest.metric == "sensitivity"
    assert found.patients == found.largest.n == max(need.n for need in found.needs)


def test_events_and_non_events_are_rounded_up():
    need = plan({"auroc": 0.1}, EXPECTED).needs[0]

    assert need.events == math.ceil(need.n * 0.05)
    assert need.non_events == math.ceil(need.n * 0.95)


def test_a_slice_of_an_eighth_needs_eight_times_its_patients():
    found = plan({"auroc": 0.1}, EXPECTED, [share_of(0.125)])

    assert found.slices[0].n_slice == found.largest.n
    assert found.slices[0].n == 8 * found.largest.n
    assert found.patients == found.slices[0].n


def test_a_slice_with_a_rarer_event_needs_more():
    rare = Share(slice={"sex": "F"}, share=0.5, prevalence=0.01)

    found = plan({"sensitivity": 0.1}, EXPECTED, [rare]).slices[0]

    assert found.n_slice == fewest_patients("sensitivity", 0.1, Expected(prevalence=0.01, values=EXPECTED.values))
    assert found.n == 2 * found.n_slice


def cohort():
    random = np.random.default_rng(0)
    n = 1000
    sex = np.where(np.arange(n) < 250, "F", "M")
    sex[:8] = "X"
    return pl.DataFrame(
        {
            "sex": sex,
            "age": random.integers(20, 90, n),
            "died": (np.arange(n) % 5 == 0).astype(int),
            "risk": random.uniform(0.05, 0.6, n),
        }
    )


def test_shares_and_prevalences_are_read_from_earlier_patients():
    found = {tuple(s.slice.values()): s for s in shares(open_source(cohort()), [["sex"]], label_column="died")}

    assert found[("M",)].share == pytest.approx(0.75)
    assert found[("M",)].prevalence == pytest.approx(0.2)
    assert found[("X",)].share is None
    assert "suppressed" in found[("X",)].note


def test_a_suppressed_slice_is_named_and_not_planned_for():
    found = plan({"auroc": 0.1}, EXPECTED, shares(open_source(cohort()), [["sex"]]))

    x = next(s for s in found.slices if s.slice == {"sex": "X"})
    assert (x.n, x.share, x.n_slice) == (None, None, None)
    assert found.patients == max(s.n for s in found.slices if s.n is not None)


def test_intersections_and_bands_are_planned_for():
    found = shares(open_source(cohort()), [["sex", "age_band"]], bands={"age": [50]})

    assert {tuple(s.slice.values()) for s in found} >= {("F", "<50"), ("F", "50+"), ("M", "<50"), ("M", "50+")}
    assert sum(s.share for s in found if s.share) == pytest.approx(0.992, abs=0.009)


def test_a_slice_with_few_events_is_planned_at_everyones_prevalence():
    few = cohort().with_columns(died=pl.when(pl.col("sex") == "F").then(0).otherwise("died"))

    f = next(s for s in shares(open_source(few), [["sex"]], label_column="died") if s.slice == {"sex": "F"})

    assert f.prevalence is None
    assert "everyone's" in f.note


def test_spread_and_prevalence_come_from_earlier_predictions():
    source = open_source(cohort())

    assert prevalence_of(source, "died") == pytest.approx(0.2)
    assert spread_of(source, "risk").prevalence == pytest.approx(float(cohort()["risk"].mean()))


def test_a_spread_that_contradicts_the_prevalence_is_pointed_out():
    agreed = normal(-3.0, 1.0)
    right = Expected(prevalence=agreed.prevalence, spread=agreed)
    wrong = Expected(prevalence=0.3, spread=agreed)

    assert plan({"calibration_slope": 0.3}, right).note is None
    assert "implies prevalence" in plan({"calibration_slope": 0.3}, wrong).note


@pytest.mark.parametrize(
    ("widths", "expected", "says"),
    [
        ({}, EXPECTED, "nothing to plan"),
        ({"aroc": 0.1}, EXPECTED, "did you mean 'auroc'"),
        ({"auroc": 0.0}, EXPECTED, "width of auroc"),
        ({"auroc": math.nan}, EXPECTED, "width of auroc"),
        ({"auroc": 0.1}, Expected(prevalence=1.0), "prevalence"),
        ({"auroc": 0.1}, Expected(prevalence=0.1, values={"auroc": 1.2}), "expected auroc"),
        ({"auroc": 0.1}, Expected(prevalence=0.1, values={"auroc": 0.4}), "expected auroc"),
        ({"oe_ratio": 0.1}, Expected(prevalence=0.1, values={"oe_ratio": 0.0}), "expected oe_ratio"),
    ],
)
def test_wishes_that_cannot_be_planned_for_are_refused(widths, expected, says):
    with pytest.raises(BadPlan, match=says):
        plan(widths, expected)


@pytest.mark.parametrize("share", [0.0, -0.1, 1.5, math.nan])
def test_a_share_is_part_of_everyone(share):
    with pytest.raises(BadPlan):
        share_of(share)


def test_the_answer_is_plain_json():
    import json

    written = plan({"auroc": 0.1}, EXPECTED, [share_of(0.5)]).written()

    assert json.loads(json.dumps(written)) == written
    assert set(written) == {"level", "prevalence", "spread", "note", "needs", "largest", "patients", "slices"}
