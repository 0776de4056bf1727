import numpy as np
import polars as pl
import pytest
from estimate_worlds import auroc, patients

from codman.monitor.estimate.run import estimate
from codman.monitor.estimate.verification import NotChances, looked_at
from codman.spine.estimate_spec import EstimateSpec
from codman.tables.source import open_source

SPEC = EstimateSpec(label="died", score="risk", window="rows:4000", thresholds=[0.2], verified="looked")


def table(score, event, chance, known):
    died = [int(y) if k else None for y, k in zip(event, known, strict=True)]
    return open_source(pl.DataFrame({"risk": score, "died": pl.Series(died, dtype=pl.Int8), "looked": chance}))


@pytest.fixture(scope="module")
def reference():
    score, event = patients(np.random.default_rng(0), 3000)
    return table(score, event, np.ones(3000), np.ones(3000, bool))


def test_what_rests_on_people_nobody_looked_at_is_null(reference):
    score, event = patients(np.random.default_rng(1), 4000)
    alerted = score >= 0.2

    found = estimate(reference, table(score, event, alerted.astype(float), alerted), SPEC).measurements
    final = {m.metric: m for m in found if m.params.get("age") == "final"}

    for metric in ("sensitivity", "npv", "auroc", "specificity", "prevalence", "brier"):
        assert final[metric].value is None
        assert final[metric].note.startswith("verification bias")
    assert final["ppv"].value == pytest.approx(event[alerted].mean())
    assert final["ppv"].note is None


def test_sampled_non_alerts_correct_the_bias_and_intervals_hold():
    rng = np.random.default_rng(2)
    score, event = patients(np.random.default_rng(0), 500_000, slope=1.3)
    flag = score >= 0.2
    truth = {"auroc": auroc(score, event), "sensitivity": flag[event].mean(), "npv": (~event)[~flag].mean()}
    before = patients(np.random.default_rng(0), 3000, slope=1.3)
    reference = table(*before, np.ones(3000), np.ones(3000, bool))
    spec = SPEC.model_copy(update={"metrics": list(truth)})
    errors: dict[str, list[float]] = {}
    held: dict[str, list[bool]] = {}
    for _ in range(120):
        score, event = patients(rng, 4000, slope=1.3)
        chance = np.where(score >= 0.2, 1.0, 0.15)
        found = estimate(reference, table(score, event, chance, rng.random(4000) < chance), spec).measurements
        for m in found:
            if m.params.get("age") == "final":
                errors.setdefault(m.metric, []).append(m.value - truth[m.metric])
                held.setdefault(m.metric, []).append(m.lower <= truth[m.metric] <= m.upper)

    for metric in truth:
        assert abs(np.mean(errors[metric])) < 4 * np.std(errors[metric]) / np.sqrt(120), metric
        assert np.mean(held[metric]) > 0.88, metric  # 95 % stated; 120 draws


def test_sensitivity_is_begg_and_greenes_formula(reference):
    rng = np.random.default_rng(4)
    score, event = patients(rng, 4000)
    flag = score >= 0.2
    known = flag | (np.arange(4000) % 5 == 0)
    chance = np.where(flag, 1.0, 0.2)

    found = estimate(reference, table(score, event, chance, known), SPEC).measurements

    caught = np.sum(flag & event)
    missed = np.sum(~flag & event & known) / 0.2  # each looked-at non-alert stands for five
    final = next(m for m in found if m.metric == "sensitivity")
    assert final.value == pytest.approx(caught / (caught + missed))
    assert final.method.startswith("begg-greenes")


@pytest.mark.parametrize(("chance", "why"), [([0.5, np.nan], "a row has none"), ([0.5, 1.5], "outside 0 to 1")])
def test_chances_that_are_none_are_refused(chance, why):
    with pytest.raises(NotChances, match=why):
        looked_at(np.array(chance), np.array([True, True]), "looked")
