"""What an update may gain: found where there is something to gain, not where there is nothing, and covered as said."""

from __future__ import annotations

import math

import numpy as np
import pytest

from codman.monitor.retraining import Recent, expected_gains, fit_logistic, out_of_fold


def recent(
    chance: np.random.Generator, n: int, *, intercept: float = 0.0, feature: float = 0.0, patients: int | None = None
) -> Recent:
    """A model that knew x alone; since then the event has become commoner, or hangs on a feature too."""
    x, z = chance.normal(size=n), chance.normal(size=n)
    logit = -1 + x
    event = chance.random(n) < 1 / (1 + np.exp(-(logit + intercept + feature * z)))
    subject = np.arange(n) if patients is None else chance.integers(0, patients, n)
    return Recent(
        event=event, score=1 / (1 + np.exp(-logit)), subject=subject.astype(np.int32),
        numbers={"z": np.where(chance.random(n) < 0.1, np.nan, z)}, levels={"unit": ["a", "b", None] * (n // 3)},
    )  # fmt: skip


def changed(rows: Recent) -> dict[tuple[str, str], object]:
    return {(m.params["update"], m.metric): m for m in expected_gains(rows, [0.3]).measurements}


def test_a_logistic_fit_is_the_log_odds_of_a_table_of_two_by_two():
    x = np.column_stack([np.ones(100), np.repeat([0.0, 1.0], 50)])
    event = np.concatenate([np.arange(50) < 10, np.arange(50) < 30])

    beta = fit_logistic(x, event, np.zeros(2))

    assert beta == pytest.approx([math.log(10 / 40), math.log(30 / 20) - math.log(10 / 40)], abs=1e-6)


def test_where_the_event_became_commoner_recalibration_gains_and_ranking_needs_nothing():
    found = changed(recent(np.random.default_rng(1), 3000, intercept=1.0))

    assert found["recalibration", "brier_change"].upper < 0
    assert found["recalibration", "net_benefit_change"].params["threshold"] == 0.3
    assert ("recalibration", "auroc_change") not in found
    assert found["extension", "auroc_change"].lower < 0 < found["extension", "auroc_change"].upper + 0.01
    assert found["recalibration", "brier_change"].method.startswith("cross-validation:10:mean-paired")


def test_where_a_feature_has_come_to_matter_an_extension_ranks_better():
    found = changed(recent(np.random.default_rng(2), 3000, feature=1.0))

    assert found["extension", "auroc_change"].lower > 0.03
    assert found["extension", "brier_change"].upper < found["recalibration", "brier_change"].lower


def test_rows_of_a_patient_are_never_fitted_and_judged_on_at_once():
    """The feature names the patient, whose outcome is always the same: only a fit that saw the patient could use it."""
    chance = np.random.default_rng(3)
    subject = np.repeat(np.arange(150), 10).astype(np.int32)
    event = np.repeat(chance.random(150) < 0.4, 10)
    levels = {"name": [f"p{i % 15}" for i in subject]}
    rows = Recent(event=event, score=np.full(1500, 0.4), subject=subject, numbers={}, levels=levels)

    found = changed(rows)["extension", "auroc_change"]

    assert found.lower < 0.05


def test_few_patients_or_few_events_for_the_features_are_not_fitted_and_say_so():
    chance = np.random.default_rng(4)
    few = expected_gains(recent(chance, 60), [])
    wide = recent(chance, 300)
    many = {f"f{i}": chance.normal(size=300) for i in range(20)}
    narrow = expected_gains(
        Recent(event=wide.event, score=wide.score, subject=wide.subject, numbers=many, levels={}), []
    )

    assert few.measurements == ()
    assert "nothing is refitted" in few.notes[0]
    assert {m.params["update"] for m in narrow.measurements} == {"recalibration"}
    assert "22 coefficients" in narrow.notes[0]


def test_the_interval_of_the_gain_covers_what_the_update_gains_on_other_patients(whole, figure):
    """The truth: the update fitted on all of the rows, on patients of the same kind that nobody saw."""
    histories = 400 if whole else 40
    chance = np.random.default_rng(5)
    covered = {"recalibration": 0, "extension": 0}
    new = recent(np.random.default_rng(6), 60_000, intercept=0.5, feature=0.5)
    for _ in range(histories):
        rows = recent(chance, 900, intercept=0.5, feature=0.5, patients=450)
        rows = Recent(event=rows.event, score=rows.score, subject=rows.subject, numbers=rows.numbers, levels={})
        found = changed(rows)
        for update, features in (("recalibration", {}), ("extension", rows.numbers)):
            truth = gained(rows, new, features)
            m = found[update, "brier_change"]
            covered[update] += m.lower <= truth <= m.upper
    shares = {update: count / histories for update, count in covered.items()}
    figure(histories=histories, **shares)
    assert all(share >= 0.95 - 3 * math.sqrt(0.05 * 0.95 / histories) for share in shares.values()), shares


def gained(rows: Recent, new: Recent, features: dict) -> float:
    """Change of the Brier score on the new patients, by a fit on all of the recent rows, written out."""

    def matrix(of: Recent) -> np.ndarray:
        logit = np.log(of.score / (1 - of.score))
        z = of.numbers["z"]
        known = rows.numbers["z"][np.isfinite(rows.numbers["z"])]
        scaled = (np.where(np.isnan(z), np.median(known), z) - np.median(known)) / known.std()
        more = [scaled, np.isnan(z).astype(float)] if features else []
        return np.column_stack([np.ones(len(z)), logit, *more])

    x = matrix(rows)
    beta = fit_logistic(x, rows.event, np.array([0.0, 0.0, 1.0, 1.0])[: x.shape[1]])
    risk = 1 / (1 + np.exp(-matrix(new) @ beta))
    return float(np.mean((risk - new.event) ** 2) - np.mean((new.score - new.event) ** 2))


def test_a_model_that_is_right_is_seldom_said_to_gain(whole, figure):
    histories = 400 if whole else 40
    chance = np.random.default_rng(8)
    said = sum(changed(recent(chance, 900))["extension", "auroc_change"].lower > 0 for _ in range(histories))

    figure(histories=histories, said_to_gain=said / histories)
    assert said / histories <= 0.025 + 3 * math.sqrt(0.025 * 0.975 / histories)


def test_every_row_has_a_risk_and_the_same_seed_gives_the_same():
    rows = recent(np.random.default_rng(9), 300)

    class Line:
        penalty = np.zeros(2)

        def matrix(self, which):
            return np.column_stack([np.ones(len(which)), rows.score[which]])

    first, again = (out_of_fold(rows, lambda _: Line(), 7) for _ in range(2))

    assert np.isfinite(first).all()
    assert (first == again).all()
