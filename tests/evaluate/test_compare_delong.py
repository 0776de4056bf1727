"""Paired DeLong and Obuchowski against naive double loops over all pairs of patients."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from codman.evaluate.compare.changes import change_of
from codman.evaluate.compare.delong import place
from codman.evaluate.compare.pairs import Pairs


def two_models(n=300, seed=0, levels=None):
    random = np.random.default_rng(seed)
    event = random.random(n) < 0.3
    event[:2] = True, False
    shared = random.normal(size=n) + event
    a, b = shared + random.normal(size=n), shared + 0.6 * random.normal(size=n)
    if levels is not None:
        a, b = np.round(a * levels) / levels, np.round(b * levels) / levels
    return Pairs(event=event, a=a, b=b, weight=None, subject=None)


def placements(event, score):
    """V10 and V01 from the full matrix of pairs, as DeLong 1988 writes them."""
    positive, negative = score[event], score[~event]
    psi = (positive[:, None] > negative[None, :]) + 0.5 * (positive[:, None] == negative[None, :])
    return psi.mean(axis=1), psi.mean(axis=0), psi.mean()


def naive_delong(pairs):
    """The change, its variance and z by the covariance matrices S10 and S01 (as R pROC's roc.test)."""
    v10_a, v01_a, auc_a = placements(pairs.event, pairs.a)
    v10_b, v01_b, auc_b = placements(pairs.event, pairs.b)
    m, n = len(v10_a), len(v01_a)
    covariance = np.cov(np.vstack([v10_a, v10_b])) / m + np.cov(np.vstack([v01_a, v01_b])) / n
    contrast = np.array([-1.0, 1.0])
    return auc_b - auc_a, float(contrast @ covariance @ contrast)


def naive_obuchowski(pairs):
    """Obuchowski 1997, one patient at a time."""
    subjects = sorted(set(pairs.subject.tolist()))
    values = {}
    for name, score in (("a", pairs.a), ("b", pairs.b)):
        v10, v01, auc = placements(pairs.event, score)
        of_positive, of_negative = np.zeros(pairs.n), np.zeros(pairs.n)
        of_positive[pairs.event], of_negative[~pairs.event] = v10, v01
        values[name] = (of_positive, of_negative, auc)
    m_all, n_all = int(pairs.event.sum()), int((~pairs.event).sum())
    with_event = [s for s in subjects if pairs.event[pairs.subject == s].any()]
    without = [s for s in subjects if (~pairs.event[pairs.subject == s]).any()]
    covariance = np.zeros((2, 2))
    for r, first in enumerate("ab"):
        for c, second in enumerate("ab"):
            s10 = s01 = s11 = s11t = 0.0
            for s in subjects:
                rows = pairs.subject == s
                m, n = int(pairs.event[rows].sum()), int((~pairs.event[rows]).sum())
                x = {k: values[k][0][rows].sum() - m * values[k][2] for k in "ab"}
                y = {k: values[k][1][rows].sum() - n * values[k][2] for k in "ab"}
                s10 += x[first] * x[second]
                s01 += y[first] * y[second]
                s11 += x[first] * y[second]
                s11t += y[first] * x[second]
            i10, i01, i = len(with_event), len(without), len(subjects)
            covariance[r, c] = (
                i10 / ((i10 - 1) * m_all) * s10 / m_all
                + i01 / ((i01 - 1) * n_all) * s01 / n_all
                + i / (i - 1) * (s11 + s11t) / (m_all * n_all)
            )
    contrast = np.array([-1.0, 1.0])
    return float(contrast @ covariance @ contrast)


@pytest.mark.parametrize("levels", [None, 2], ids=["no ties", "many ties"])
def test_paired_delong_equals_the_double_loop_over_all_pairs(levels):
    pairs = two_models(levels=levels)
    change, variance = naive_delong(pairs)

    found = change_of("auroc", None, pairs, 0.95)

    assert found.value == pytest.approx(change, abs=1e-12)
    assert found.params["standard_error"] ** 2 == pytest.approx(variance, rel=1e-9)


def test_each_auroc_equals_scikit_learn_with_and_without_weights():
    pairs = two_models(levels=3)
    weight = np.random.default_rng(1).uniform(0.2, 3.0, pairs.n)

    assert place(pairs.event, pairs.a).auroc == pytest.approx(roc_auc_score(pairs.event, pairs.a), abs=1e-12)
    assert place(pairs.event, pairs.a, weight).auroc == pytest.approx(
        roc_auc_score(pairs.event, pairs.a, sample_weight=weight), abs=1e-12
    )


def test_the_p_value_and_interval_are_the_normal_ones_of_roc_test():
    from scipy.stats import norm

    pairs = two_models()
    change, variance = naive_delong(pairs)
    z = change / math.sqrt(variance)

    found = change_of("auroc", None, pairs, 0.95)

    assert found.method == "delong-paired"
    assert found.p_value == pytest.approx(2 * norm.sf(abs(z)), rel=1e-9)
    assert found.lower == pytest.approx(change - norm.ppf(0.975) * math.sqrt(variance), rel=1e-9)
    assert found.upper == pytest.approx(change + norm.ppf(0.975) * math.sqrt(variance), rel=1e-9)


def test_clustered_variance_equals_obuchowski_patient_by_patient():
    pairs = two_models(seed=4, levels=4)
    subject = np.sort(np.random.default_rng(4).integers(0, 120, pairs.n))
    subject = np.unique(subject, return_inverse=True)[1].astype(np.int32)
    clustered = Pairs(event=pairs.event, a=pairs.a, b=pairs.b, weight=None, subject=subject)

    found = change_of("auroc", None, clustered, 0.95)

    assert found.method == "obuchowski-paired"
    assert found.params["standard_error"] ** 2 == pytest.approx(naive_obuchowski(clustered), rel=1e-9)


def test_one_row_a_patient_gives_delong_whether_or_not_patients_are_named():
    pairs = two_models()
    named = replace(pairs, subject=np.random.default_rng(2).permutation(pairs.n).astype(np.int32))

    found, same = change_of("auroc", None, named, 0.95), change_of("auroc", None, pairs, 0.95)

    assert (found.value, found.lower, found.upper, found.method) == (same.value, same.lower, same.upper, same.method)


def test_a_weight_of_two_ranks_like_the_row_twice():
    pairs = two_models(n=80)
    twice = np.random.default_rng(3).integers(1, 3, pairs.n)
    rows = np.repeat(np.arange(pairs.n), twice)

    weighted = place(pairs.event, pairs.a, twice.astype(float))
    repeated = place(pairs.event[rows], pairs.a[rows])

    assert weighted.auroc == pytest.approx(repeated.auroc, abs=1e-12)


def test_the_same_scores_differ_by_exactly_nothing():
    pairs = two_models()
    same = Pairs(event=pairs.event, a=pairs.a, b=pairs.a, weight=None, subject=None)

    found = change_of("auroc", None, same, 0.95)

    assert (found.value, found.lower, found.upper, found.p_value) == (0.0, 0.0, 0.0, 1.0)


def test_two_perfect_models_with_other_scores_give_no_interval_but_say_why():
    event = np.array([True] * 12 + [False] * 12)
    perfect = Pairs(event=event, a=event * 1.0, b=event + np.arange(24) / 100, weight=None, subject=None)

    found = change_of("auroc", None, perfect, 0.95)

    assert found.value == 0.0
    assert math.isnan(found.lower)
    assert "do not vary" in found.note


def test_one_class_has_no_auroc_change():
    pairs = Pairs(event=np.ones(20, bool), a=np.arange(20.0), b=np.arange(20.0), weight=None, subject=None)

    found = change_of("auroc", None, pairs, 0.95)

    assert math.isnan(found.value)
    assert "with and without" in found.note


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(4, 60))
def test_swapping_the_models_turns_the_sign_and_a_monotone_score_changes_nothing(seed, n):
    pairs = two_models(n=n, seed=seed, levels=2)
    swapped = Pairs(event=pairs.event, a=pairs.b, b=pairs.a, weight=None, subject=None)
    stretched = Pairs(event=pairs.event, a=np.exp(pairs.a), b=3 * pairs.b + 1, weight=None, subject=None)

    found, back, same = (change_of("auroc", None, of, 0.95) for of in (pairs, swapped, stretched))

    assert back.value == pytest.approx(-found.value, abs=1e-12)
    assert back.lower == pytest.approx(-found.upper, abs=1e-9, nan_ok=True)
    assert same.value == pytest.approx(found.value, abs=1e-12)
    assert same.upper == pytest.approx(found.upper, abs=1e-9, nan_ok=True)
