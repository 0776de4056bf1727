"""False alarms of features × slices × windows that hang together, and what is found of shifts planted beside.

Scaled down here; whole (50 × 90 × 52) in `make soak` and in bench/alarms.py, whose figures stand in docs/alarms.md.
"""

from __future__ import annotations

import numpy as np
import pytest

from codman.monitor.alarms.watch import Rules
from codman.monitor.power.streams import Planted, Ward, history, memberships, simulate

RULES = Rules()
LEVEL = RULES.level


@pytest.fixture(scope="module")
def ward(whole):
    if whole:
        return Ward()
    return Ward(features=10, slices=30, windows=26, a_window=800, reference=12_000)


def _runs(whole):
    return 60 if whole else 12


def test_ninety_slices_overlap_and_everybody_is_in_the_first():
    attributes = np.array([[0, 0, 0, 0], [1, 2, 2, 2]], dtype=float)

    within = memberships(attributes, 90)

    assert within.shape == (90, 2)
    assert within[0].all()
    assert within[1:12].sum(axis=0).tolist() == [4, 4]  # each patient has one level of each of four attributes


def test_where_nothing_moves_alarms_are_at_or_under_the_level(ward, whole, figure):
    found = [simulate(ward, RULES, seed) for seed in range(_runs(whole))]
    wrong = np.mean([one.false > 0 for one in found])
    figure(runs=len(found), false=sum(one.false for one in found), with_any=float(wrong))

    # the chance of three or more of a dozen at a level of 5 % is 2 in 100
    assert sum(one.false > 0 for one in found) <= max(2, LEVEL * len(found) + 2 * (LEVEL * len(found)) ** 0.5)
    assert all(one.shifted == 0 for one in found)


def test_where_half_of_the_patients_return_alarms_are_at_or_under_the_level_too(ward, whole):
    back = Ward(**{**{name: getattr(ward, name) for name in Ward.__slots__}, "returning": 0.5})
    found = [simulate(back, RULES, seed) for seed in range(100, 100 + _runs(whole) // 2)]

    assert sum(one.false > 0 for one in found) <= 1 + LEVEL * len(found)


def test_where_all_have_moved_by_exactly_what_is_tolerated_evidence_is_one_on_average_at_most(ward):
    evidence, truth = history(ward, RULES, 200, Planted(window=0, size=ward.delta))

    assert not truth[:, :].all()
    assert evidence.e[~truth].mean() <= 1
    assert (evidence.e[~truth] >= 20).mean() <= 0.05


@pytest.mark.parametrize(
    ("name", "planted", "least"),
    [
        ("one feature in one slice", {"size": 0.9, "features": (4,), "slice": 2}, 0.9),
        ("one feature everywhere", {"size": 0.5, "features": (4,)}, 0.9),
        ("all", {"size": 0.5}, 0.8),  # the smallest slices hold twenty patients a window
    ],
)
def test_a_shift_that_matters_is_found_and_few_others_are(ward, whole, figure, name, planted, least):
    half = ward.windows // 2
    found = [
        simulate(ward, RULES, seed, Planted(window=half, **planted)) for seed in range(300, 300 + _runs(whole) // 3)
    ]
    rate = np.mean([one.false_share for one in found])
    share = sum(one.noticed for one in found) / sum(one.shifted for one in found)
    delays = np.array([delay for one in found for delay in one.delays])
    figure(planted=name, runs=len(found), fdr=float(rate), noticed=float(share), median=float(np.median(delays)))

    assert rate <= LEVEL
    assert all(one.any_after is not None and one.any_after <= 6 for one in found)
    assert share >= least
