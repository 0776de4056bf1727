import numpy as np
import pytest

from codman.monitor.drift.column import Pair
from codman.monitor.drift.domain import density_ratio, tell_apart
from codman.monitor.drift.encoded import encode
from codman.monitor.drift.mmd import mmd
from codman.monitor.drift.reconstruction import reconstruction_error


def numbers(reference, current):
    return [
        Pair(name=f"x{c}", read_as="numbers", why="", reference=reference[:, c].copy(), current=current[:, c].copy())
        for c in range(reference.shape[1])
    ]


def nulls(runs, *, clustered=False):
    """Samples of one distribution, and whose rows they are."""
    for seed in range(runs):
        rng = np.random.default_rng(seed)
        mixed = rng.normal(size=(5, 5))
        if not clustered:
            yield seed, numbers(rng.normal(size=(300, 5)) @ mixed, rng.normal(size=(150, 5)) @ mixed), None
            continue
        who = rng.integers(0, 150, 900).astype(np.int32)
        rows = (rng.normal(size=(150, 5))[who] + 0.4 * rng.normal(size=(900, 5))) @ mixed
        now = who < 60
        yield seed, numbers(rows[~now], rows[now]), (who[~now], who[now])


@pytest.mark.parametrize("clustered", [False, True])
def test_none_of_the_three_cries_wolf_where_nothing_changed(clustered):
    runs = 100
    alarms = np.zeros(3)
    for seed, pairs, subjects in nulls(runs, clustered=clustered):
        encoded = encode(pairs)
        found = (
            tell_apart(pairs, subjects=subjects, seed=seed),
            mmd(encoded, subjects=subjects, seed=seed),
            reconstruction_error(encoded, subjects=subjects, seed=seed),
        )
        alarms += [one.p_value < 0.05 for one in found]

    # 0.05 and 2.3 standard errors of 100 runs
    assert (alarms / runs <= 0.10).all(), alarms / runs


def test_the_classifier_finds_a_moved_column_and_names_it():
    rng = np.random.default_rng(1)
    reference, current = rng.normal(size=(3000, 10)), rng.normal(size=(800, 10))
    current[:, 4] += 0.7

    found = tell_apart(numbers(reference, current))

    assert found.p_value < 1e-6
    assert found.lower > 0.55
    assert next(iter(found.leaders)) == "x4"
    assert 0.62 < found.auroc < 0.69  # at most Φ(0.7/√2), that of the column alone


def test_the_classifier_finds_values_that_go_missing_and_a_new_category():
    rng = np.random.default_rng(2)
    reference, current = rng.normal(size=(2000, 2)), rng.normal(size=(1000, 2))
    current[rng.random(1000) < 0.3, 0] = np.nan
    drug = Pair(
        name="drug",
        read_as="categories",
        why="",
        levels=("a", "b", "new"),
        known=2,
        reference=rng.integers(0, 2, 2000).astype(np.int32),
        current=rng.integers(0, 3, 1000).astype(np.int32),
    )

    found = tell_apart([*numbers(reference, current), drug])

    assert found.p_value < 1e-6
    assert set(list(found.leaders)[:2]) == {"x0", "drug"}


def test_columns_that_no_longer_move_together_are_found_though_none_has_moved_itself():
    rng = np.random.default_rng(3)
    root = np.linalg.cholesky(np.full((4, 4), 0.8) + 0.2 * np.eye(4))
    pairs = numbers(rng.normal(size=(2000, 4)) @ root.T, rng.normal(size=(800, 4)))
    encoded = encode(pairs)
    rebuilt = reconstruction_error(encoded)

    assert mmd(encoded).p_value < 1e-6
    assert rebuilt.p_value < 1e-6
    assert rebuilt.value > rebuilt.limits[1] > rebuilt.reference


def test_mmd_of_one_column_is_the_kernels_own_distance():
    rng = np.random.default_rng(4)
    encoded = encode(numbers(rng.normal(size=(1500, 1)), rng.normal(1.0, 1, size=(1500, 1))))
    found = mmd(encoded)
    x, y = encoded.reference.astype(float), encoded.current.astype(float)

    def kernel(a, b):
        return np.exp(-((a - b.T) ** 2) / (2 * found.bandwidth**2))

    within = [(kernel(z, z).sum() - len(z)) / (len(z) * (len(z) - 1)) for z in (x, y)]
    exact = np.sqrt(sum(within) - 2 * kernel(x, y).mean())

    assert found.value == pytest.approx(exact, abs=0.06)  # 128 frequencies: 1/sqrt(128) of it
    assert found.lower < found.value < found.upper


def test_the_density_ratio_of_two_normals_is_the_one_of_the_formula():
    rng = np.random.default_rng(5)
    reference, current = rng.normal(size=(40_000, 1)), rng.normal(0.6, 1, size=(30_000, 1))

    ratio = density_ratio(reference, current)

    middle = np.abs(reference[:, 0]) < 1.5
    truth = np.exp(0.6 * reference[:, 0] - 0.18)
    assert np.corrcoef(np.log(ratio[middle]), np.log(truth[middle]))[0, 1] > 0.98
    assert np.average(reference[:, 0], weights=ratio) == pytest.approx(0.6, abs=0.03)
    assert ratio.mean() == pytest.approx(1.0)


def test_the_same_seed_gives_the_same_numbers():
    rng = np.random.default_rng(6)
    pairs = numbers(rng.normal(size=(500, 3)), rng.normal(size=(200, 3)))

    assert tell_apart(pairs, seed=3).auroc == tell_apart(pairs, seed=3).auroc
    assert tell_apart(pairs, seed=3).auroc != tell_apart(pairs, seed=4).auroc
