"""Looking again and again: the interval covers at all looks together, where the usual one does not."""

from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest

from codman.evaluate.compare.anytime import widening
from codman.evaluate.compare.run import run
from codman.spine.comparison_spec import ComparisonSpec
from codman.tables.source import open_source

LOOKS = (200, 400, 600, 800, 1000, 1250, 1500, 1750, 2000, 2500, 3000)


def spec(interval: str = "anytime", **more) -> ComparisonSpec:
    planned = {"planned": 1500} if interval == "anytime" else {}
    return ComparisonSpec(
        label="y", score="s", interval=interval, metrics=["auroc", "brier", "sensitivity"], thresholds=[0.3],
        **planned, **more,
    )  # fmt: skip


def patients(chance: np.random.Generator, n: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Two models with the same information, each with its own noise: no true change in any metric."""
    x = chance.normal(size=n)
    y = chance.random(n) < 1 / (1 + np.exp(1.2 - 1.2 * x))

    def told() -> pl.DataFrame:
        noisy = x + chance.normal(0, 0.8, n)
        return pl.DataFrame({"y": y, "s": 1 / (1 + np.exp(1.2 - noisy))})

    return told(), told()


def changes(a: pl.DataFrame, b: pl.DataFrame, asked: ComparisonSpec):
    found = run(open_source(a, name="a"), open_source(b, name="b"), asked).measurements
    return {m.metric: m for m in found if "model" not in m.params}


def misses(interval: str, histories: int) -> dict[str, float]:
    chance, missed = np.random.default_rng(3), dict.fromkeys(("auroc", "brier", "sensitivity"), 0)
    for _ in range(histories):
        a, b = patients(chance, LOOKS[-1])
        wrong: set[str] = set()
        for n in LOOKS:
            for name, m in changes(a[:n], b[:n], spec(interval)).items():
                if m.lower is not None and not m.lower <= 0 <= m.upper:
                    wrong.add(name.removesuffix("_change"))
        for name in wrong:
            missed[name] += 1
    return {name: count / histories for name, count in missed.items()}


def test_eleven_looks_together_miss_no_oftener_than_said_and_the_usual_interval_does(whole, figure):
    histories = 2000 if whole else 60
    anytime = misses("anytime", histories)
    usual = misses("analytic", histories)

    figure(histories=histories, looks=len(LOOKS), anytime=anytime, analytic=usual)
    sure = 3 * math.sqrt(0.05 * 0.95 / histories)
    assert all(rate <= 0.05 + sure for rate in anytime.values()), anytime
    assert sum(usual.values()) / 3 > 0.1, usual


def test_the_interval_is_tightest_where_it_was_planned_to_be():
    """Against the paper's formula written out."""
    n, alpha = 1500, 0.05
    rho = math.sqrt((-2 * math.log(alpha) + math.log(-2 * math.log(alpha)) + 1) / n)
    half = math.sqrt(2 * (n * rho**2 + 1) / (n**2 * rho**2) * math.log(math.sqrt(n * rho**2 + 1) / alpha))

    assert widening(n, 0.95, n) == pytest.approx(half * math.sqrt(n), rel=1e-12)
    assert widening(n, 0.95, n) < min(widening(n, 0.95, n // 2), widening(n, 0.95, 2 * n))
    assert widening(n, 0.95, n) == pytest.approx(3.03, abs=0.02)


def test_a_better_challenger_is_found_and_the_p_value_agrees_with_the_interval():
    chance = np.random.default_rng(8)
    n = 3000
    x = chance.normal(size=n)
    y = chance.random(n) < 1 / (1 + np.exp(1 - 1.5 * x))
    a = pl.DataFrame({"y": y, "s": 1 / (1 + np.exp(1 - x - chance.normal(0, 1.5, n)))})
    b = pl.DataFrame({"y": y, "s": 1 / (1 + np.exp(1 - 1.5 * x))})

    found = changes(a, b, spec(margins={"auroc": -0.02}))

    auroc = found["auroc_change"]
    assert auroc.lower > 0
    assert auroc.p_value < 0.05
    assert auroc.params["conclusion"] == "superior"
    assert auroc.method.startswith("asymptotic-confidence-sequence:delong")
    assert auroc.params["planned_patients"] == 1500
    for m in found.values():
        assert (m.p_value < 0.05) == (not m.lower <= 0 <= m.upper)


def test_before_thirty_events_there_is_no_interval_yet():
    a, b = patients(np.random.default_rng(1), 60)

    auroc = changes(a, b, spec())["auroc_change"]

    assert (auroc.lower, auroc.upper, auroc.p_value) == (None, None, None)
    assert "every look" in auroc.note


def test_mcnemars_test_of_one_look_is_left_out():
    a, b = patients(np.random.default_rng(1), 600)
    asked = ComparisonSpec(label="y", score="s", thresholds=[0.3], interval="anytime", planned=500)

    found = changes(a, b, asked)

    assert found["mcnemar"].p_value is None
    assert "p_value_mid" not in found["mcnemar"].params
    assert "one look" in found["mcnemar"].note
    assert found["accuracy_change"].p_value is not None


@pytest.mark.parametrize("said", [{"interval": "anytime"}, {"interval": "analytic", "planned": 100}])
def test_planned_patients_and_anytime_belong_together(said):
    with pytest.raises(ValueError, match="belong together"):
        ComparisonSpec(label="y", score="s", **said)


def test_models_that_give_the_same_scores_do_not_differ_at_any_look():
    a, _ = patients(np.random.default_rng(2), 500)

    auroc = changes(a, a, spec())["auroc_change"]

    assert (auroc.lower, auroc.upper) == (0.0, 0.0)
