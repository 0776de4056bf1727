import numpy as np
import pytest
from estimate_worlds import ascending, auroc, logistic, patients, realised
from hypothesis import given, settings
from hypothesis import strategies as st

from codman.monitor.estimate.calibration import calibrate
from codman.monitor.estimate.cbpe import foretell
from codman.monitor.estimate.foretold import await_labels
from codman.monitor.estimate.recalibrate import Labelled


def nannyml(score, risk, threshold):
    """NannyML 0.13.1's estimates, its formulas written out."""
    order = np.argsort(score)[::-1]
    tps = np.cumsum(risk[order])
    fps = 1 + np.arange(len(risk)) - tps
    tpr, fpr = (np.round(np.append(0, part), 5) / np.round(part[-1], 5) for part in (tps, fps))
    flag = score >= threshold
    tp, fp, fn, tn = risk[flag].sum(), (1 - risk[flag]).sum(), risk[~flag].sum(), (1 - risk[~flag]).sum()
    return {
        "auroc": np.trapezoid(tpr, fpr),
        "sensitivity": tp / (tp + fn),
        "specificity": tn / (tn + fp),
        "ppv": tp / (tp + fp),
        "accuracy": np.mean(np.where(flag, risk, 1 - risk)),
        "f1": tp / (tp + 0.5 * (fp + fn)),
    }


def calibration_of(seed=0, n=5000, **world):
    score, event = ascending(*patients(np.random.default_rng(seed), n, **world))
    return calibrate(Labelled(score=score, event=event))


def foretold(score, calibration, threshold=0.2, subject=None):
    rows = await_labels(score, calibration.risk(score), subject, calibration)
    return {one.metric: one for one in foretell(rows, [threshold])}


@pytest.mark.parametrize("decimals", [12, 2])  # with and without ties
@pytest.mark.parametrize("kind", ["isotonic", "logistic", "none"])
def test_estimates_are_nannymls_given_the_same_calibrated_scores(kind, decimals):
    rng = np.random.default_rng(4)
    score, event = ascending(*patients(rng, 8000, stretch=1.5))
    calibration = calibrate(Labelled(score=score, event=event), kind)
    score = np.sort(np.round(patients(rng, 3000, stretch=1.5)[0], decimals))

    found = foretold(score, calibration)

    for metric, value in nannyml(score, calibration.risk(score), 0.2).items():
        assert found[metric].value == pytest.approx(value, abs=1e-6), metric


def test_the_expected_auroc_counts_each_pair_by_its_chances():
    score, risk = np.array([0.2, 0.5, 0.5, 0.9]), np.array([0.1, 0.4, 0.4, 0.8])
    better = (score[:, None] > score) + 0.5 * (score[:, None] == score)
    pairs = risk[:, None] * (1 - risk) * better
    calibration = calibration_of()
    rows = await_labels(score, risk, None, calibration)

    found = next(foretell(rows, [], ["auroc"]))

    assert found.value == pytest.approx(pairs.sum() / (risk.sum() * (1 - risk).sum()))
    assert np.isnan(found.lower)
    assert found.note == "no interval: 1.7 rows with the event are expected, and 10 are needed"


def test_brier_and_log_loss_are_of_the_score_under_the_calibrated_risk():
    score, risk = np.array([0.2, 0.6]), np.array([0.1, 0.7])
    rows = await_labels(score, risk, None, calibration_of())

    found = {one.metric: one.value for one in foretell(rows, [], ["brier", "log_loss", "oe_ratio", "prevalence"])}

    assert found["brier"] == pytest.approx((0.1 * 0.8**2 + 0.9 * 0.2**2 + 0.7 * 0.4**2 + 0.3 * 0.6**2) / 2)
    surprise = 0.1 * np.log(0.2) + 0.9 * np.log(0.8) + 0.7 * np.log(0.6) + 0.3 * np.log(0.4)
    assert found["log_loss"] == pytest.approx(-surprise / 2)
    assert found["oe_ratio"] == pytest.approx(1.0)
    assert found["prevalence"] == pytest.approx(0.4)


def test_a_number_moves_with_each_label_as_its_derivative_says():
    """Variance and third moment of the AUROC, against those of labels drawn many times."""
    rng = np.random.default_rng(8)
    calibration = calibration_of(n=400_000)  # so large that it adds nothing
    score = np.sort(logistic(rng.normal(-1, 1.2, 400)))
    found = foretold(score, calibration)
    drawn = [auroc(score, rng.random(400) < calibration.risk(score)) for _ in range(4000)]

    low, high = np.quantile(drawn, [0.025, 0.975])

    assert found["auroc"].lower == pytest.approx(low, abs=0.004)
    assert found["auroc"].upper == pytest.approx(high, abs=0.004)


def test_a_change_of_prevalence_at_equal_scores_is_missed():
    """The honest limit: no label-free estimate can see that the same score has come to mean more."""
    rng = np.random.default_rng(2)
    calibration = calibration_of(n=50_000)
    true = -2 + rng.normal(size=20_000)
    score, event = ascending(logistic(true), rng.random(20_000) < logistic(true + 1.0))

    found = foretold(score, calibration)

    assert found["prevalence"].value == pytest.approx(score.mean(), abs=0.01)
    assert event.mean() > found["prevalence"].upper + 0.05


def test_a_metric_with_nobody_in_its_denominator_has_no_value_and_says_why():
    score = np.linspace(0.01, 0.15, 500)

    found = foretold(score, calibration_of(), threshold=0.9)

    assert np.isnan(found["ppv"].value)
    assert found["ppv"].note == "nobody is flagged"
    assert found["alert_rate"].value == 0


def test_scores_that_are_no_risks_are_ranked_and_recalibrated_but_have_no_brier_score():
    rng = np.random.default_rng(0)
    true = rng.normal(size=4000)
    score, event = ascending(true, rng.random(4000) < logistic(true - 1))
    calibration = calibrate(Labelled(score=score, event=event))

    found = foretold(score, calibration, threshold=1.0)

    assert calibration.kind != "none"
    assert found["auroc"].value == pytest.approx(auroc(score, event), abs=0.02)
    assert found["brier"].note == "scores lie outside 0 to 1: they rank patients but are not risks"


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(20, 400), st.floats(0.02, 0.6))
def test_values_and_intervals_stay_in_their_range(seed, n, threshold):
    score = np.sort(patients(np.random.default_rng(seed), n)[0])

    for one in foretold(score, calibration_of(), threshold).values():
        if not np.isnan(one.lower):
            assert 0 <= one.lower <= one.value <= one.upper
            assert one.metric in ("log_loss", "oe_ratio") or one.upper <= 1


# reference rows, window's rows, and how the stated logit differs from the true one
WORLDS = {
    "calibrated": (5000, 400, {}),
    "too extreme": (5000, 400, {"stretch": 1.6, "shift": 0.4}),
    "too flat": (6000, 600, {"stretch": 0.6, "base": -2.5}),
    "small reference": (1500, 800, {"stretch": 1.4}),
}


@pytest.mark.parametrize("world", WORLDS)
def test_prediction_intervals_hold_the_realised_number_as_often_as_they_say(world):
    before, now, kind = WORLDS[world]
    rng = np.random.default_rng(20261121)
    held: dict[str, list[bool]] = {}
    for _ in range(300):
        score, event = ascending(*patients(rng, before, **kind))
        calibration = calibrate(Labelled(score=score, event=event))
        score, event = ascending(*patients(rng, now, **kind))
        for metric, one in foretold(score, calibration).items():
            if metric != "alert_rate" and not np.isnan(one.lower):
                came = realised(metric, score, event, 0.2)
                held.setdefault(metric, []).append(one.lower - 1e-12 <= came <= one.upper + 1e-12)

    # 95 % stated: of 44 numbers none falls below 90.5 % in 300 draws, but once in a hundred runs
    assert {metric: np.mean(hits) for metric, hits in held.items() if np.mean(hits) < 0.905} == {}
    assert len(held) == 11


def test_rows_of_one_patient_widen_the_interval_by_how_much_they_resemble_each_other():
    rng = np.random.default_rng(5)
    held, naive = [], []
    for _ in range(200):
        calibration, window = _households(rng, 800), _households(rng, 100)
        score, event, subject = window
        reference = Labelled(score=calibration[0], event=calibration[1], subject=calibration[2])
        learned = calibrate(reference)
        came = event.mean()
        one = foretold(score, learned, subject=subject)["prevalence"]
        held.append(one.lower <= came <= one.upper)
        plain = foretold(score, calibrate(Labelled(score=reference.score, event=reference.event)))["prevalence"]
        naive.append(plain.lower <= came <= plain.upper)

    assert np.mean(held) > 0.91
    assert np.mean(naive) < 0.85  # what ignoring patients would have cost


def _households(rng, people):
    """Six rows a patient, whose outcomes share what the score does not know."""
    person = np.repeat(np.arange(people), 6).astype(np.int32)
    known, hidden = rng.normal(size=len(person)), rng.normal(size=people)[person]
    event = rng.random(len(person)) < logistic(-1.5 + known + 1.5 * hidden)
    return ascending(logistic(-1.2 + 0.8 * known), event, person)
