"""Looks over time: of patients and not rows, right at their level at a shift of exactly δ, for every metric."""

from __future__ import annotations

import numpy as np
import pytest

from codman.evaluate import evaluate
from codman.monitor.alarms.distance_looks import distance, distance_look
from codman.monitor.alarms.evidence import Moments, means, over_memory, repeats_of, shares, trailing, values
from codman.monitor.alarms.score_looks import ScoreCounts, auroc, oe
from codman.monitor.alarms.stream import WatchImpossible
from codman.monitor.power.looks import ALL, delta_of, look_at
from codman.monitor.power.shifts import shifted
from codman.monitor.power.world import binormal


def test_trailing_sums_are_of_the_last_windows_and_of_fewer_at_the_start():
    numbers = np.array([[1.0], [2.0], [3.0], [4.0]])

    assert trailing(numbers, 2).ravel().tolist() == [1, 3, 5, 7]
    assert trailing(numbers, 9).ravel().tolist() == [1, 3, 6, 10]


def test_how_often_a_patient_stands_in_the_windows_is_counted_by_rows():
    # a: two rows in window 0 and one in window 1; b: one row
    repeats = repeats_of(np.array(["a", "a", "a", "b"]), np.array([0, 0, 1, 1]))

    assert repeats(1) == pytest.approx((2**2 + 1 + 1) / 4)
    assert repeats(2) == pytest.approx((3**2 + 1) / 4)


def _moments(sample):
    return Moments(
        n=np.full(sample.shape[:-1], float(sample.shape[-1])), total=sample.sum(-1), squares=(sample**2).sum(-1)
    )


def test_small_shifts_add_up_over_the_windows():
    random = np.random.default_rng(7)
    reference = _moments(random.standard_normal((1, 20_000)))
    now = _moments(random.standard_normal((20, 1, 200)) + 0.2)

    evidence = over_memory(means(now, reference, 0.1), 0.1)

    assert evidence.e[0, 0] < 20
    assert evidence.e[-1, 0] > 1000
    assert evidence.beyond.mean() > 0.7


def test_rows_of_the_same_patients_do_not_add_up():
    random = np.random.default_rng(8)
    streams = 400
    patients = random.standard_normal((streams, 40))
    reference = _moments(random.standard_normal((streams, 2000)))
    now = _moments(np.broadcast_to(patients, (16, streams, 40)))  # the same forty, week after week

    naive = over_memory(means(now, reference, 0.0), 0.0)
    honest = over_memory(means(now, reference, 0.0, repeats=float), 0.0)

    assert (naive.e[-1] >= 20).mean() > 0.2
    assert (honest.e[-1] >= 20).mean() <= 0.05


def test_a_share_back_within_the_lower_level_is_over():
    events = np.array([[30.0], [10.0], [10.0], [10.0]])
    look = shares(events, np.full((4, 1), 100.0), np.array([100.0]), np.array([1000.0]), 0.05)

    evidence = over_memory(look, 0.05, quiet=2)

    assert evidence.back.ravel().tolist() == [False, False, True, True]
    assert evidence.shift.ravel().tolist() == pytest.approx([0.2, 0, 0, 0])


def test_ten_patients_say_nothing():
    look = shares(np.array([[9.0]]), np.array([[10.0]]), np.array([100.0]), np.array([1000.0]), 0.0)

    e, shift = look(1)

    assert e.tolist() == [[1.0]]
    assert np.isnan(shift).all()


def test_windows_that_share_a_reference_are_no_surer_together():
    value, se, n = np.full((9, 1), 0.16), np.full((9, 1), 0.02), np.full((9, 1), 500.0)

    alone, _ = values(value, se, n, 0.0, 0.0, 0.1, side="rise", shared=True)(1)
    together, _ = values(value, se, n, 0.0, 0.0, 0.1, side="rise", shared=True)(8)
    apart, _ = values(value, se, n, 0.0, 0.0, 0.1, side="rise")(8)

    assert together[-1, 0] == pytest.approx(alone[-1, 0], rel=0.1)
    assert apart[-1, 0] > 100 * together[-1, 0]


def test_auroc_from_counts_is_the_evaluations():
    random = np.random.default_rng(9)
    which = random.integers(0, 20, 900)
    outcome = random.random(900) < which / 40
    counts = ScoreCounts(
        event=np.bincount(which[outcome], minlength=20).astype(float),
        other=np.bincount(which[~outcome], minlength=20).astype(float),
        score=np.arange(20) / 20, alerted=np.zeros(20),
    )  # fmt: skip

    value, variance, fewer = auroc(counts)
    told, told_se, events = oe(counts)
    found = evaluate({"y": outcome.astype(int), "p": which / 20}, label="y", score="p")
    ranked, ratio = found.one("auroc"), found.one("oe_ratio")

    logit = np.log(value / (1 - value))
    half = 1.959964 * np.sqrt(variance) / (value * (1 - value))
    assert value == pytest.approx(ranked.value, abs=1e-12)
    assert 1 / (1 + np.exp(half - logit)) == pytest.approx(ranked.lower, abs=1e-6)
    assert told == pytest.approx(ratio.value, abs=1e-12)
    assert told * np.exp(1.959964 * told_se) == pytest.approx(ratio.upper, rel=0.01)
    assert (fewer, events) == (outcome.sum(), outcome.sum())


@pytest.mark.parametrize("metric", ALL)
def test_a_metric_that_has_moved_by_exactly_what_is_tolerated_seldom_reaches_twenty(metric):
    world = binormal(0.8, 0.1, 0.15)
    delta = {"auroc": 0.05, "oe_ratio": 0.2}.get(metric, 0.04)
    moved = shifted(world, metric, delta)
    random = np.random.default_rng(10)
    which = world.grouping(10)
    runs = 4000

    def drawn(one, patients):
        at = one.grouped(which) if one is world else one
        event = np.bincount(which, weights=at.event) if one is not world else at.event
        other = np.bincount(which, weights=at.other) if one is not world else at.other
        return (
            random.poisson(patients * one.prevalence * event, (runs, len(event))).astype(float),
            random.poisson(patients * (1 - one.prevalence) * other, (runs, len(event))).astype(float),
        )

    base = world.grouped(which)
    held, now = drawn(world, 8000), drawn(moved, 500)
    reference = ScoreCounts(event=held[0], other=held[1], score=base.score, alerted=base.alerted)
    counts = ScoreCounts(event=now[0][None], other=now[1][None], score=base.score, alerted=base.alerted)
    # the worst null: δ is what the coarse bins themselves have moved by
    e, _ = look_at(metric, counts, reference, _moved_in_bins(metric, base, moved, which, delta))(1)

    assert (e >= 20).mean() <= 0.05
    assert (e >= 200).mean() <= 0.005


def _moved_in_bins(metric, base, moved, which, delta):
    if metric == "auroc":
        event, other = (np.bincount(which, weights=one) for one in (moved.event, moved.other))
        coarse = ScoreCounts(event=event * 1e9, other=other * 1e9, score=base.score, alerted=base.alerted)
        return float(base.auroc - auroc(coarse)[0])
    if metric in ("ks", "psi", "js_distance", "hellinger"):
        return float(distance(metric, np.bincount(which, weights=moved.mass), base.mass))
    return delta


def test_distances_are_those_worked_by_hand():
    q, r = np.array([50.0, 30.0, 20.0]), np.array([20.0, 30.0, 50.0])

    assert distance("ks", q, r) == pytest.approx(0.3)
    assert distance("psi", q, r) == pytest.approx(2 * 0.3 * np.log(2.5))
    half = 0.5 * (0.5 * np.log2(0.5 / 0.35) + 0.2 * np.log2(0.2 / 0.35)) * 2
    assert distance("js_distance", q, r) == pytest.approx(np.sqrt(half))
    assert distance("hellinger", q, r) == pytest.approx(np.sqrt(1 - 0.3 - 2 * np.sqrt(0.1)))


def test_a_distance_needs_a_tolerated_size_and_a_name():
    counts = np.ones((1, 1, 3))
    with pytest.raises(WatchImpossible, match="never at distance 0"):
        distance_look("psi", counts, counts[0], 0.0)
    with pytest.raises(WatchImpossible):
        distance_look("chi2", counts, counts[0], 0.1)


def test_what_matters_is_as_said_or_usual_or_asked_for():
    assert delta_of("auroc", {"auroc": 0.01}) == 0.01
    assert delta_of("estimated_auroc", {"auroc": 0.01}) == 0.01
    assert delta_of("psi") == 0.1
    with pytest.raises(WatchImpossible, match="--delta wasserstein"):
        delta_of("wasserstein")


@pytest.mark.parametrize("metric", ["psi", "js_distance", "hellinger"])
def test_an_empty_bin_by_chance_is_no_evidence(metric):
    reference = np.full((1, 10), 60.0)
    now = np.full((1, 1, 10), 20.0)
    now[0, 0, :2] = (0, 40)

    e, _ = distance_look(metric, now, reference, 0.3)(1)

    assert e[0, 0] < 20


@pytest.mark.parametrize("metric", ["psi", "js_distance", "hellinger"])
def test_few_patients_in_ten_bins_have_evidence_of_one_on_average_at_most(metric):
    random = np.random.default_rng(13)
    shares = np.array([0.02, 0.03, 0.05, 0.1, 0.1, 0.1, 0.1, 0.15, 0.15, 0.2])
    moved = shares[::-1] * 0.2 + shares * 0.8
    delta = float(distance(metric, moved, shares))
    reference, now = random.multinomial(800, shares, 30_000), random.multinomial(80, moved, 30_000)

    e, _ = distance_look(metric, now[None].astype(float), reference.astype(float), delta)(1)

    assert e.mean() <= 1
    assert (e >= 1000).mean() <= 1e-3
