"""The compiled kernels against numpy, scipy and statsmodels, one by one."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import average_precision_score, roc_auc_score

from codman.evaluate.kernels import library as kernels
from codman.evaluate.kernels.order import order_by_score


def rows(n: int = 300, seed: int = 0, cells: int = 3):
    r = np.random.default_rng(seed)
    score = np.round(r.uniform(size=n), 1)
    cell = r.integers(0, cells, n).astype(np.int32)
    event = r.uniform(size=n) < 0.2 + 0.5 * score
    weight = r.uniform(0.1, 4, n)
    code = (cell * 2 + event).astype(np.int32)
    return score, cell, event, weight, code


@pytest.mark.parametrize("n", [0, 1, 300, 70_000, 600_000])  # one part; several; dealt in several stretches
@pytest.mark.parametrize("digits", [1, 17])
def test_rows_are_put_in_order_of_score_with_ties_as_they_stood(n, digits):
    r = np.random.default_rng(n)
    score = np.round(r.normal(size=n), digits)
    code, weight = r.integers(0, 9, n).astype(np.int32), r.uniform(size=n)
    found = order_by_score(score, code, weight)
    order = np.argsort(score, kind="stable")
    down = order[::-1]
    assert np.array_equal(found.order, order)
    assert np.array_equal(found.code, code[down])
    assert np.array_equal(found.score, score[down])
    assert np.array_equal(found.weight, weight[down])
    assert np.array_equal(found.fresh.astype(bool), np.concatenate([[True], np.diff(score[down]) != 0])[:n])


@given(st.lists(st.sampled_from([0.0, -0.0, 1.0, -1.0, np.inf, -np.inf, 5e-324, -5e-324, 1e308, 0.1]), max_size=40))
def test_zeros_of_either_sign_tie_and_infinities_stand_at_the_ends(scores):
    score = np.array(scores)
    found = order_by_score(score, np.zeros(len(score), np.int32), None)
    assert np.array_equal(found.order, np.argsort(score, kind="stable"))
    assert found.fresh.sum() == len(np.unique(score))


def test_sorting_a_million_rows_of_one_score_and_one_of_another_loses_none():
    score = np.full(1_000_000, 0.5)
    score[777_777] = 0.4
    found = order_by_score(score, np.arange(1_000_000, dtype=np.int32), None)
    assert found.order[0] == 777_777
    assert np.array_equal(np.sort(found.code), np.arange(1_000_000))


@pytest.mark.parametrize("weighted", [False, True])
def test_the_sweep_ranks_each_slice_as_scikit_learn_does(weighted):
    score, cell, event, weight, code = rows()
    ordered = order_by_score(score, code, weight if weighted else None)
    codes, weights, fresh = ordered.code, ordered.weight, ordered.fresh
    sums = kernels.rank_sweep(codes, fresh, weights, 3, np.arange(3, dtype=np.int32))
    for s in range(3):
        inside = cell == s
        w = weight[inside] if weighted else None
        auroc = sums[s, 2] / (sums[s, 0] * sums[s, 1])
        assert auroc == pytest.approx(roc_auc_score(event[inside], score[inside], sample_weight=w), abs=1e-12)
        ap = average_precision_score(event[inside], score[inside], sample_weight=w)
        assert sums[s, 9] / sums[s, 0] == pytest.approx(ap, abs=1e-12)


@pytest.mark.parametrize("weighted", [False, True])
def test_influences_of_one_slice_sum_to_nothing_and_are_the_derivative_of_the_metric(weighted):
    score, cell, event, weight, _code = rows(n=120, cells=1)
    weight = weight if weighted else np.ones(120)
    code = (cell * 2 + event).astype(np.int32)
    ordered = order_by_score(score, code, weight if weighted else None)
    order, codes, weights, fresh = ordered.order, ordered.code, ordered.weight, ordered.fresh
    of_cell = np.zeros(1, dtype=np.int32)
    sums = kernels.rank_sweep(codes, fresh, weights, 1, of_cell)
    auroc, auprc = kernels.rank_influence(order, codes, fresh, weights, of_cell, sums).T
    assert auroc.sum() == pytest.approx(0, abs=1e-9)
    assert auprc.sum() == pytest.approx(0, abs=1e-9)
    step = 1e-5
    for metric, found in ((roc_auc_score, auroc), (average_precision_score, auprc)):
        for i in range(0, 120, 7):
            up, down = weight.copy(), weight.copy()
            up[i] += step
            down[i] -= step
            slope = (metric(event, score, sample_weight=up) - metric(event, score, sample_weight=down)) / (2 * step)
            assert found[i] == pytest.approx(slope * weight[i], abs=1e-7)


def test_gram_sums_patients_within_slices():
    r = np.random.default_rng(1)
    subject = np.sort(r.integers(0, 40, 200)).astype(np.int32)
    cell = r.integers(0, 4, 200).astype(np.int32)
    columns = r.normal(size=(200, 3))
    of_cell = np.array([0, 1, 1, 0], dtype=np.int32)
    totals, moments, units = kernels.gram(columns, cell, of_cell, 2, subject)
    for s in range(2):
        inside = of_cell[cell] == s
        by_patient = np.array([columns[inside & (subject == p)].sum(axis=0) for p in np.unique(subject[inside])])
        assert totals[s] == pytest.approx(by_patient.sum(axis=0))
        assert moments[s] == pytest.approx(by_patient.T @ by_patient)
        assert units[s] == len(by_patient)


@pytest.mark.parametrize("weighted", [False, True])
def test_counting_between_cuts(weighted):
    score, _cell, _event, weight, code = rows()
    ordered = order_by_score(score, code, weight if weighted else None)
    codes, weights = ordered.code, ordered.weight
    edges = np.array([0, 10, 10, 150, 300])
    found = kernels.count_between(edges, codes, weights, 6)
    w = np.ones(300) if weights is None else weights
    for k, (a, b) in enumerate(pairwise(edges)):
        for power in range(3):
            expected = np.bincount(codes[a:b], weights=w[a:b] ** power, minlength=6)
            assert found[k, :, power] == pytest.approx(expected)


def test_poisson_weights_have_mean_1_and_variance_1():
    drawn = np.concatenate([kernels.poisson_bytes(np.arange(20_000, dtype=np.uint32), 7, b) for b in range(20)])
    n = len(drawn)
    assert drawn.mean() == pytest.approx(1, abs=4 / np.sqrt(n))
    assert drawn.astype(float).var() == pytest.approx(1, abs=4 * np.sqrt(3 / n))
    seen = np.bincount(drawn, minlength=8)[:7]
    wanted = stats.poisson.pmf(np.arange(7), 1) * n
    assert stats.chi2.sf(np.sum((seen - wanted) ** 2 / wanted), 6) > 1e-4


@given(st.integers(0, 2**31), st.integers(0, 5000), st.lists(st.integers(0, 2**31), min_size=1, max_size=50))
def test_a_weight_depends_only_on_seed_replicate_and_patient(seed, replicate, patients):
    ids = np.array(patients, dtype=np.uint32)
    together = kernels.poisson_bytes(ids, seed, replicate)
    apart = np.concatenate([kernels.poisson_bytes(ids[i : i + 1], seed, replicate) for i in range(len(ids))])
    assert np.array_equal(together, apart)
    back = kernels.poisson_bytes(np.ascontiguousarray(ids[::-1]), seed, replicate)
    assert np.array_equal(together, back[::-1])


def test_weights_of_replicates_patients_and_seeds_are_uncorrelated():
    ids = np.arange(50_000, dtype=np.uint32)
    base = kernels.poisson_bytes(ids, 7, 0).astype(float)
    for other in (kernels.poisson_bytes(ids, 7, 1), kernels.poisson_bytes(ids, 8, 0), np.roll(base, 1)):
        assert abs(np.corrcoef(base, other)[0, 1]) < 4.5 / np.sqrt(len(ids))


def test_a_bootstrap_sweep_is_scikit_learn_under_the_replicates_weights():
    score, cell, event, _weight, code = rows()
    ordered = order_by_score(score, code, None)
    codes, scores, fresh, order = ordered.code, ordered.score, ordered.fresh, ordered.order
    drawn = kernels.poisson_bytes(np.arange(300, dtype=np.uint32), 3, 5)
    alone = (fresh & np.append(fresh[1:], 1)).astype(np.uint8)
    cuts = np.searchsorted(-scores, [-0.8, -0.4], side="right").astype(np.int64)
    sums = kernels.bootstrap_sweep(
        codes, fresh, alone, np.ascontiguousarray(drawn[order][::-1]), 3, np.arange(3, dtype=np.int32)[:, None], cuts
    )
    for s in range(3):
        inside = cell == s
        y, x, w = event[inside], score[inside], drawn[inside].astype(float)
        assert sums[s, 0] == w[y].sum()
        assert sums[s, 1] == w[~y].sum()
        assert sums[s, 2] / (sums[s, 0] * sums[s, 1]) == pytest.approx(roc_auc_score(y, x, sample_weight=w), abs=1e-12)
        assert sums[s, 3] / sums[s, 0] == pytest.approx(average_precision_score(y, x, sample_weight=w), abs=1e-12)
        flagged = [[w[y & (x >= t)].sum(), w[~y & (x >= t)].sum()] for t in (0.8, 0.4)]
        assert sums[s, 4:].reshape(2, 2) == pytest.approx(np.array(flagged))


def test_weighted_sums_of_columns():
    r = np.random.default_rng(2)
    columns, code = r.normal(size=(100, 3)), r.integers(0, 6, 100).astype(np.int32)
    weight = r.integers(0, 4, 100).astype(np.uint8)
    found = kernels.weighted_sums(columns, code, weight, 3)
    for c in range(3):
        inside = code >> 1 == c
        assert found[c] == pytest.approx((columns[inside] * weight[inside, None]).sum(axis=0))


def test_logits_stay_finite_and_count_what_was_moved():
    p = np.array([0.0, 1e-20, 0.3, 0.5, 1.0])
    x, moved = kernels.logits(p, 1e-12)
    assert moved == 3
    assert x == pytest.approx(np.log(np.clip(p, 1e-12, 1 - 1e-12)) - np.log1p(-np.clip(p, 1e-12, 1 - 1e-12)))


def test_loess_is_statsmodels_lowess_without_robustness():
    lowess = pytest.importorskip("statsmodels.nonparametric.smoothers_lowess").lowess
    r = np.random.default_rng(4)
    x = np.sort(r.uniform(size=200))
    y = (r.uniform(size=200) < x).astype(float)
    found, _spread = kernels.loess(x, y, np.ones(200), x * (1 - x), x, span=0.75)
    assert found == pytest.approx(lowess(y, x, frac=0.75, it=0, delta=0, return_sorted=False), abs=1e-6)


def test_the_spread_of_loess_is_that_of_its_simulated_smooths():
    r = np.random.default_rng(5)
    x = np.sort(r.uniform(0.05, 0.95, 60))
    _o, spread = kernels.loess(x, x, np.ones(60), x * (1 - x), x, span=0.75)
    many = [
        kernels.loess(x, (r.uniform(size=60) < x).astype(float), np.ones(60), x, x, span=0.75)[0] for _ in range(2000)
    ]
    assert spread == pytest.approx(np.std(many, axis=0), rel=0.1)


def test_the_half_normal_mixture_quantile_splits_the_mixture():
    spread, mass = np.array([0.5, 1.0, 3.0]), np.array([1.0, 2.0, 1.0])
    for share in (0.5, 0.9):
        at = kernels.half_normal_quantile(spread, mass, share)
        below = np.average(2 * stats.norm.cdf(at / spread) - 1, weights=mass)
        assert below == pytest.approx(share, abs=1e-8)


def test_work_side_by_side_comes_back_in_order():
    assert kernels.side_by_side(lambda i: i * i, range(50)) == [i * i for i in range(50)]


def test_without_the_compiled_library_the_error_says_how_to_build_it(monkeypatch, tmp_path):
    monkeypatch.setattr(kernels, "__file__", str(tmp_path / "library.py"))
    kernels.library.cache_clear()
    try:
        with pytest.raises(kernels.KernelsMissing, match="not installed"):
            kernels.library()
    finally:
        monkeypatch.undo()
        kernels.library.cache_clear()
