import numpy as np
import pytest
from estimate_worlds import ascending, logistic, patients

from codman.monitor.estimate.calibration import TooFewToCalibrate, calibrate
from codman.monitor.estimate.recalibrate import Labelled, best_kind, deal, fit_logistic, miscalibrated


def labelled(seed, n, **world):
    score, event = ascending(*patients(np.random.default_rng(seed), n, **world))
    return Labelled(score=score, event=event)


def test_a_calibrated_score_is_mostly_taken_as_it_is():
    kinds = [best_kind(labelled(seed, 5000)) for seed in range(40)]

    assert kinds.count("none") >= 28


def test_coxs_test_keeps_its_level_and_finds_scores_that_are_too_extreme():
    false = sum(miscalibrated(labelled(seed, 3000)) for seed in range(200))

    assert 2 <= false <= 20  # of 200 at 5 %
    assert all(miscalibrated(labelled(seed, 3000, stretch=1.6)) for seed in range(20))


def test_a_score_of_the_wrong_shape_is_bent_by_an_isotonic_curve():
    rng = np.random.default_rng(1)
    score = np.sort(rng.random(60_000))
    event = rng.random(60_000) < np.where(score < 0.5, 0.05, 0.4)

    assert best_kind(Labelled(score=score, event=event)) == "isotonic"


def test_the_logistic_curve_finds_the_stretch_and_the_shift():
    rows = labelled(3, 200_000, stretch=2.0, shift=0.5)  # true logit = (stated − 0.5) / 2

    curve = fit_logistic(deal(rows, 8192))

    assert curve.slope == pytest.approx(0.5, abs=0.02)
    assert curve.intercept == pytest.approx(-0.25, abs=0.03)


def test_scores_that_separate_the_classes_have_no_logistic_curve():
    score = np.linspace(0.1, 0.9, 200)

    assert fit_logistic(deal(Labelled(score=score, event=score > 0.5), 200)) is None


def test_too_few_events_cannot_say_what_a_score_means():
    score = np.linspace(0.1, 0.9, 200)
    event = np.zeros(200, bool)
    event[-9:] = True

    with pytest.raises(TooFewToCalibrate, match="9 of its 200 labelled rows have the event"):
        calibrate(Labelled(score=score, event=event))


def test_the_doubt_of_a_calibration_is_that_of_the_shares_it_learned():
    """A window of the reference's own mix: its expected prevalence is as uncertain as the reference's own."""
    rows = labelled(7, 20_000, stretch=1.5)
    found = calibrate(rows, "isotonic")
    reach = np.diff(found.blocks(rows.score)) / len(rows.score)

    spread = np.mean(found.risk(rows.score) * (1 - found.risk(rows.score))) / len(rows.score)
    assert found.doubt(reach) == pytest.approx(spread, rel=0.02)


def test_weighted_rows_count_for_what_they_are_worth():
    rng = np.random.default_rng(3)
    x = rng.normal(size=4000)
    score, event, weight = ascending(logistic(x - 1), rng.random(4000) < logistic(x - 1), rng.random(4000) + 0.01)

    found = calibrate(Labelled(score=score, event=event, weight=weight))

    assert found.effective == pytest.approx(weight.sum() ** 2 / np.sum(weight**2))
    assert found.effective < 4000
