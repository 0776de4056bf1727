"""Changes of all slices at once against each slice alone, and the sums they are made of against plain loops."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codman.evaluate.compare.change import NO_SPREAD
from codman.evaluate.compare.changes import change_of, changes_of
from codman.evaluate.compare.cohort import Cohort, alone, make_cohort
from codman.evaluate.compare.influence import influence_of
from codman.evaluate.compare.kinds import EVENT, FLAG_A, FLAG_B, kinds_of
from codman.evaluate.compare.pairs import Pairs
from codman.evaluate.compare.run import OVERALL, THRESHOLDED
from codman.evaluate.groups import Factor, make_slices
from codman.evaluate.ranked import rank
from codman.evaluate.sample import Sample

NAMES = [*((metric, None) for metric in OVERALL), *((metric, 0.4) for metric in (*THRESHOLDED, "mcnemar"))]


def cohort(n=900, seed=1, *, patients=None, weighted=False, step=20) -> tuple[Cohort, Pairs]:
    """Rows in no order, in slices by sex, by ward and by both; scores with ties."""
    random = np.random.default_rng(seed)
    event = random.random(n) < 0.3
    shared = random.normal(size=n) + event
    a, b = (np.round(step / (1 + np.exp(-(shared - 1 + random.normal(size=n))))) / step for _ in range(2))
    subject = None
    if patients is not None:
        subject = np.unique(random.integers(0, patients, n), return_inverse=True)[1].astype(np.int32)
    weight = random.uniform(0.5, 3.0, n) if weighted else None
    factors = {
        name: Factor(name=name, codes=random.integers(0, len(levels), n).astype(np.int32), levels=tuple(levels))
        for name, levels in (("sex", "FM"), ("ward", "xyz"))
    }
    slices = make_slices(factors, [["sex"], ["ward"], ["sex", "ward"]], n)
    sample = Sample(slices=slices, subject=subject, weight=weight, row=np.arange(n), repeats=patients is not None)
    both = make_cohort(sample, event, rank(sample, event, a), rank(sample, event, b))
    return both, Pairs(event=event, a=a, b=b, weight=weight, subject=subject)


@pytest.mark.parametrize("weighted", [False, True], ids=["unweighted", "weighted"])
@pytest.mark.parametrize("patients", [None, 300], ids=["rows", "patients"])
def test_every_slice_is_compared_as_if_it_were_alone(patients, weighted):
    both, every = cohort(patients=patients, weighted=weighted)
    found = changes_of(both, NAMES, 0.95, shown=np.ones(both.slices.count, dtype=bool))

    assert both.slices.count == 1 + 2 + 3 + 6
    for group, of_slice in zip(both.groups, found, strict=True):
        pairs = group.pairs()
        assert (group.n, group.positives, group.patients) == (pairs.n, pairs.positives, pairs.patients)
        for (metric, threshold), change in zip(NAMES, of_slice, strict=True):
            same = change_of(metric, threshold, pairs, 0.95)
            assert (change.value, change.lower, change.upper) == pytest.approx(
                (same.value, same.lower, same.upper), abs=1e-9, nan_ok=True
            ), metric
            assert change.p_value == pytest.approx(same.p_value, abs=1e-9)
            assert (change.n, change.positives, change.method, change.note) == (
                same.n, same.positives, same.method, same.note,
            )  # fmt: skip
    assert both.groups[0].pairs().n == every.n


@pytest.mark.parametrize("weighted", [False, True], ids=["unweighted", "weighted"])
@pytest.mark.parametrize("patients", [None, 300], ids=["rows", "patients"])
@pytest.mark.parametrize("metric", ["auprc", "brier", "log_loss", "net_benefit", "f1"])
def test_a_standard_error_is_the_sandwich_of_what_each_patient_adds(metric, patients, weighted):
    both, _ = cohort(patients=patients, weighted=weighted)
    threshold = 0.4 if metric in ("net_benefit", "f1") else None
    shown = np.ones(both.slices.count, dtype=bool)

    for group, (change,) in zip(both.groups, changes_of(both, [(metric, threshold)], 0.95, shown=shown), strict=True):
        pairs = group.pairs()
        moved = influence_of(metric, threshold, pairs)
        counted = pairs.event if metric == "auprc" else np.ones(pairs.n, dtype=bool)
        if metric == "f1":
            counted = pairs.event | (pairs.a >= 0.4) | (pairs.b >= 0.4)
        can = len(np.unique(np.arange(pairs.n)[counted] if pairs.subject is None else pairs.subject[counted]))
        assert change.params["standard_error"] ** 2 == pytest.approx((moved**2).sum() * can / (can - 1), rel=1e-9)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(20, 200), st.booleans(), st.sampled_from([None, 4, 30]))
def test_kinds_are_what_a_loop_over_patients_counts(seed, n, weighted, patients):
    both, _ = cohort(n, seed, weighted=weighted, patients=patients)
    random = np.random.default_rng(seed)
    x, y = random.normal(size=8), random.normal(size=8)
    which = random.random(8) < 0.5
    for group, kinds in zip(both.groups, kinds_of(both, 0.4), strict=True):
        pairs = group.pairs()
        kind = pairs.event * 4 + (pairs.a >= 0.4) * 2 + (pairs.b >= 0.4)
        weight = np.ones(pairs.n) if pairs.weight is None else pairs.weight
        subject = np.arange(pairs.n) if pairs.subject is None else pairs.subject
        product, having = 0.0, 0
        for patient in np.unique(subject):
            mine = kind[subject == patient]
            product += (weight[subject == patient] @ x[mine]) * (weight[subject == patient] @ y[mine])
            having += bool(which[mine].any())
        assert kinds.count(which) == int(which[kind].sum())
        assert kinds.weighed(which) == pytest.approx(float(weight[which[kind]].sum()))
        assert kinds.patients(which) == having
        assert kinds.product(x, y) == pytest.approx(product, rel=1e-9, abs=1e-9)


def test_the_eight_kinds_are_read_as_they_are_written():
    # event * 4 + flagged by A * 2 + flagged by B
    kinds = kinds_of(alone(Pairs(
        event=np.array([True, True, False]), a=np.array([0.9, 0.1, 0.9]), b=np.array([0.9, 0.9, 0.1]),
        weight=None, subject=None,
    )), 0.5)[0]  # fmt: skip

    assert kinds.rows.tolist() == [0, 0, 1, 0, 0, 1, 0, 1]
    assert (kinds.count(EVENT), kinds.count(FLAG_A), kinds.count(FLAG_B), kinds.count(EVENT & FLAG_A)) == (2, 2, 2, 1)


def test_what_each_patient_gains_and_loses_alike_gives_no_interval():
    # 40 patients with two events each: A flags the first, B the second, so that every patient adds nothing
    first = np.tile([True, False], 40)
    pairs = Pairs(
        event=np.ones(80, bool), a=first * 0.3 + 0.1, b=~first * 0.3 + 0.1, weight=np.full(80, 0.7),
        subject=np.repeat(np.arange(40), 2).astype(np.int32),
    )  # fmt: skip

    found = change_of("net_benefit", 0.3, pairs, 0.95)

    assert found.value == 0.0
    assert math.isnan(found.lower)
    assert found.note == NO_SPREAD


def test_a_slice_of_one_class_or_of_scores_that_are_no_risks_spoils_no_other():
    both, every = cohort()
    sex = both.slices.of_rows(1) == both.slices.members(1)[0]
    a = np.where(sex, every.a * 10 + np.where(np.arange(every.n) % 50, 0, np.inf), every.a)
    event = np.where(sex, True, every.event)
    sample = Sample(slices=both.slices, subject=None, weight=None, row=np.arange(every.n), repeats=False)
    spoiled = make_cohort(sample, event, rank(sample, event, a), rank(sample, event, every.b))
    names = [("auroc", None), ("auprc", None), ("brier", None), ("log_loss", None)]

    women, men = spoiled.slices.members(1)
    found = changes_of(spoiled, names, 0.95, shown=np.ones(spoiled.slices.count, dtype=bool))

    assert all(math.isnan(change.value) for change in found[women])
    for (metric, threshold), change in zip(names, found[men], strict=True):
        same = change_of(metric, threshold, replace(every, event=event, a=a).take(np.flatnonzero(~sex)), 0.95)
        assert (change.value, change.lower) == pytest.approx((same.value, same.lower), abs=1e-12)


def test_a_hidden_slice_is_not_measured():
    both, _ = cohort()
    shown = np.arange(both.slices.count) != 3

    found = changes_of(both, NAMES, 0.95, shown=shown)

    assert [of_slice is not None for of_slice in found] == shown.tolist()
