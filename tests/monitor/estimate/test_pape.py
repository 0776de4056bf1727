import numpy as np
import polars as pl
import pytest
from estimate_worlds import logistic

from codman.errors import BadInput
from codman.monitor.estimate.pape import logistic_ratio, reweighted
from codman.monitor.estimate.run import estimate
from codman.spine.estimate_spec import EstimateSpec
from codman.tables.source import open_source


def ward(rng, n, share):
    """Two kinds of patients at the same score with different risks; `share` of them of the sicker kind."""
    kind = rng.random(n) < share
    known = rng.normal(size=n)
    event = rng.random(n) < logistic(-2.5 + known + 1.5 * kind)
    return pl.DataFrame({"risk": logistic(-2 + known), "died": event.astype(int), "kind": np.where(kind, "b", "a")})


def test_the_ratio_of_two_normals_is_found():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(40_000, 1)), rng.normal(0.5, 1, size=(30_000, 1))

    found = logistic_ratio(a, b)

    assert np.log(found) == pytest.approx(0.5 * a[:, 0] - 0.125, abs=0.06)


def test_weights_have_mean_one_and_say_what_they_are_worth():
    reference, current = np.linspace(-3, 3, 1000)[:, None], np.full((50, 1), 3.0)

    found = reweighted(reference, current, lambda a, _b: np.exp(4 * a[:, 0]))

    assert found.weight.mean() == pytest.approx(1.0)
    assert found.effective == pytest.approx(found.weight.sum() ** 2 / np.sum(found.weight**2))
    assert found.effective < 100
    assert found.clipped > 0


def test_a_changed_mix_misleads_cbpe_and_not_pape():
    rng = np.random.default_rng(3)
    missed: dict[str, list[float]] = {"cbpe": [], "pape": []}
    held: dict[str, list[bool]] = {"cbpe": [], "pape": []}
    for _ in range(30):
        before, now = open_source(ward(rng, 8000, 0.2)), open_source(ward(rng, 1500, 0.7))
        for method in missed:
            spec = EstimateSpec(
                label="died", score="risk", window="rows:1500", metrics=["prevalence"], method=method,
                features=["kind", "risk"] if method == "pape" else [],
            )  # fmt: skip
            found = estimate(before, now, spec).measurements
            guess = next(m for m in found if m.metric == "estimated_prevalence")
            came = next(m for m in found if m.metric == "prevalence")
            missed[method].append(guess.value - came.value)
            held[method].append(guess.lower <= came.value <= guess.upper)

    assert np.mean(missed["cbpe"]) < -0.05
    assert abs(np.mean(missed["pape"])) < 0.01
    assert np.mean(held["cbpe"]) < 0.1
    assert np.mean(held["pape"]) > 0.8  # 95 % stated; 30 draws
    assert guess.params["effective_reference"] < 8000


def test_pape_without_features_is_refused():
    source = open_source(ward(np.random.default_rng(0), 500, 0.2))

    with pytest.raises(BadInput, match="no feature is named"):
        estimate(source, source, EstimateSpec(label="died", score="risk", window="rows:500", method="pape"))


def test_a_reference_that_holds_too_few_of_the_windows_patients_says_so():
    rng = np.random.default_rng(5)
    before = ward(rng, 4000, 0.002)
    spec = EstimateSpec(
        label="died", score="risk", window="rows:1000", metrics=["prevalence"], method="pape", features=["kind"]
    )

    found = estimate(open_source(before), open_source(ward(rng, 1000, 1.0)), spec).measurements

    guess = next(m for m in found if m.metric == "estimated_prevalence")
    assert "the reference is worth only" in guess.note
    assert guess.params["clipped"] > 0
