"""Two models on different patients: independent groups, their balance, and what only pairs can answer."""

from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest

from codman.evaluate.compare.arms import NotApart
from codman.evaluate.compare.run import run
from codman.spine.comparison_spec import ComparisonSpec
from codman.tables.source import open_source


def asked(**more) -> ComparisonSpec:
    plain = {"design": "ab", "label": "y", "score": "s", "metrics": ["auroc", "brier", "sensitivity"]}
    return ComparisonSpec.model_validate({**plain, "thresholds": [0.3], **more})


def arm(chance: np.random.Generator, patients: int, *, rows: int = 1, noise: float = 0.8, name: str = "a"):
    """One model's patients, each with several rows that are alike."""
    x = np.repeat(chance.normal(size=patients), rows)
    y = chance.random(patients * rows) < 1 / (1 + np.exp(1.2 - 1.2 * x))
    said = 1 / (1 + np.exp(1.2 - x - chance.normal(0, noise, len(x))))
    return pl.DataFrame({"y": y, "s": said, "patient": [f"{name}{i}" for i in np.repeat(np.arange(patients), rows)]})


def found(a: pl.DataFrame, b: pl.DataFrame, spec: ComparisonSpec):
    return run(open_source(a, name="a"), open_source(b, name="b"), spec)


def changes(a: pl.DataFrame, b: pl.DataFrame, spec: ComparisonSpec):
    return {m.metric: m for m in found(a, b, spec).measurements if "model" not in m.params}


def test_a_share_differs_by_what_two_independent_proportions_differ():
    """Accuracy 3 of 4 against 1 of 4 a hundred times: the textbook's standard error with n - 1."""
    y = [True, False] * 200
    right, wrong = [0.9, 0.1, 0.9, 0.9] * 100, [0.1, 0.9, 0.1, 0.1] * 100
    a, b = pl.DataFrame({"y": y, "s": right}), pl.DataFrame({"y": y, "s": wrong})

    change = changes(a, b, asked(metrics=["accuracy"], thresholds=[0.5]))["accuracy_change"]

    error = math.sqrt(2 * 0.75 * 0.25 / 399)
    assert change.value == pytest.approx(-0.5)
    assert change.params["standard_error"] == pytest.approx(error)
    assert change.lower == pytest.approx(-0.5 - 1.959964 * error, abs=1e-6)
    assert change.method == "two-arms"


def test_an_arms_own_numbers_and_the_balance_of_the_two_are_told():
    chance = np.random.default_rng(1)
    a, b = arm(chance, 300), arm(chance, 200, name="b")

    told = found(a, b, asked(subject="patient"))

    own = {(m.metric, m.params["model"]): m for m in told.measurements if "model" in m.params}
    assert (own["prevalence", "a"].n, own["prevalence", "b"].n) == (300, 200)
    change = next(m for m in told.measurements if m.metric == "prevalence_change")
    assert change.value == pytest.approx(b["y"].mean() - a["y"].mean())
    assert (told.rows.patients, told.rows.evaluated) == (500, 500)


def misses(whole: bool, *, rows: int) -> dict[str, float]:
    """How often intervals that hold at every look leave out no change, of histories looked at eleven times."""
    histories, missed = 500 if whole else 60, {"auroc": 0, "brier": 0, "sensitivity": 0, "prevalence": 0}
    chance = np.random.default_rng(5)
    spec = asked(subject="patient", interval="anytime", planned=1500)
    for _ in range(histories):
        a, b = arm(chance, 1500 // rows, rows=rows), arm(chance, 1500 // rows, rows=rows, name="b")
        wrong: set[str] = set()
        for n in (100, 200, 300, 400, 500, 625, 750, 875, 1000, 1250, 1500):
            for name, m in changes(a[:n], b[:n], spec).items():
                if m.lower is not None and not m.lower <= 0 <= m.upper:
                    wrong.add(name.removesuffix("_change"))
        for name in wrong:
            missed[name] += 1
    return {name: count / histories for name, count in missed.items()}


@pytest.mark.parametrize("rows", [1, 5])
def test_eleven_looks_at_two_equal_arms_together_miss_no_oftener_than_said(whole, figure, rows):
    rate = misses(whole, rows=rows)

    figure(rows_a_patient=rows, **rate)
    assert all(one <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / (500 if whole else 60)) for one in rate.values()), rate


def test_a_worse_arm_is_found():
    chance = np.random.default_rng(2)
    a, b = arm(chance, 3000, noise=0.1), arm(chance, 3000, noise=3.0, name="b")

    change = changes(a, b, asked(interval="anytime", planned=6000, margins={"auroc": -0.02}))["auroc_change"]

    assert change.upper < -0.02
    assert change.params["conclusion"] == "inferior"
    assert change.method == "asymptotic-confidence-sequence:two-arms"


@pytest.mark.parametrize(
    "more", [{"by": [["patient"]]}, {"id": "patient"}, {"interval": "bca"}, {"weight": "s"}, {"metrics": ["mcnemar"]}]
)
def test_what_only_pairs_or_other_methods_can_answer_is_refused(more):
    chance = np.random.default_rng(1)

    with pytest.raises(NotApart):
        found(arm(chance, 50), arm(chance, 50, name="b"), asked(**more))


def test_a_patient_in_both_arms_is_refused():
    chance = np.random.default_rng(1)

    with pytest.raises(NotApart, match="50 patients are in both"):
        found(arm(chance, 50), arm(chance, 50), asked(subject="patient"))


def test_few_patients_hide_an_arm_and_what_it_changes():
    chance = np.random.default_rng(1)

    change = changes(arm(chance, 400), arm(chance, 8, name="b"), asked())["brier_change"]

    assert (change.value, change.note) == (None, "suppressed")
