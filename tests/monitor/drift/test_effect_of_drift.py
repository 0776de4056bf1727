import numpy as np
import polars as pl
import pytest

from codman.evaluate.run import evaluate
from codman.monitor.drift.run import drift


def ward(rows, seed, *, severity=0.0):
    """A score that sees severity only up to a point: where more are severely ill, it ranks worse."""
    rng = np.random.default_rng(seed)
    ill, age = rng.normal(severity, 1, rows), rng.normal(60, 12, rows)
    truth = 1 / (1 + np.exp(2 - 1.2 * ill - 0.02 * (age - 60)))
    risk = 1 / (1 + np.exp(2 - 1.2 * np.minimum(ill, 1.0) - 0.02 * (age - 60)))
    return pl.DataFrame(
        {"ill": ill, "age": age, "noise": rng.normal(size=rows), "risk": risk, "died": rng.random(rows) < truth}
    )


@pytest.fixture(scope="module")
def moved():
    reference, current = ward(20_000, 1), ward(6000, 2, severity=0.8)
    found = drift(reference, current.drop("died"), score="risk", label="died", thresholds=[0.2])
    return found, evaluate(ward(200_000, 3, severity=0.8), label="died", score="risk", thresholds=[0.2])


@pytest.mark.parametrize(("metric", "near"), [("auroc", 0.012), ("brier", 0.012), ("alert_rate", 0.02), ("ppv", 0.03)])
def test_performance_on_the_new_mix_is_foretold_without_its_labels(moved, metric, near):
    found, truth = moved
    asked = {"threshold": 0.2} if metric in ("alert_rate", "ppv") else {}

    foretold = next(m for m in found.where(f"estimated_{metric}", slice={}, **asked) if m.feature is None)

    assert foretold.value == pytest.approx(truth.one(metric, **asked).value, abs=near)
    assert foretold.lower < foretold.value < foretold.upper
    assert abs(foretold.params["reference"] - foretold.value) > 2 * near
    assert "cannot check" in foretold.note


def test_the_change_is_the_value_less_the_references(moved):
    found, _ = moved
    value = next(m for m in found.where("estimated_auroc", slice={}) if m.feature is None)
    change = next(m for m in found.where("estimated_auroc_change", slice={}) if m.feature is None)

    assert change.value == pytest.approx(value.value - value.params["reference"])
    assert change.upper < 0


def test_a_moved_column_is_told_with_its_importance_and_what_it_does_alone(moved):
    found, _ = moved
    (psi,) = found.where("psi", feature="ill", slice={})

    assert psi.params["beyond"] == "yes"
    assert psi.params["importance"] > 0.8
    assert psi.params["importance_from"] == "association with the score"
    assert psi.params["estimated_auroc_change"] == pytest.approx(-0.045, abs=0.015)
    (noise,) = found.where("psi", feature="noise", slice={})
    assert noise.params["importance"] < 0.01


def test_importances_that_are_given_are_taken_as_shares_of_their_sum():
    a, b = ward(500, 3), ward(300, 4)
    found = drift(a, b, columns=["ill", "age"], importance={"ill": 3, "age": 1}, multivariate=False, effect=False)

    assert {m.feature: m.params["importance"] for m in found.where("ks")} == {"ill": 0.75, "age": 0.25}
    assert found.where("ks")[0].params["importance_from"] == "given"


def test_the_interval_of_the_estimate_holds_the_reference_truth_where_nothing_moved():
    held = 0
    for seed in range(60):
        found = drift(ward(3000, 100 + seed), ward(3000, 500 + seed), score="risk", label="died", multivariate=False)
        (m,) = [m for m in found.where("estimated_auroc_change", slice={}) if m.feature is None]
        held += m.lower <= 0 <= m.upper

    assert held >= 54  # of 60: 95 % less two standard errors


def test_without_labels_the_effect_is_null_and_says_why():
    found = drift(ward(500, 1), ward(500, 2), score="risk")

    (m,) = found.where("estimated_auroc")
    assert m.value is None
    assert "no labels" in m.note


def test_where_the_reference_hardly_resembles_the_current_rows_nothing_is_foretold():
    found = drift(ward(2000, 1), ward(2000, 2, severity=6.0), score="risk", label="died")

    (m,) = found.where("estimated_auroc")
    assert m.value is None
    assert "too little of the reference resembles" in m.note
