"""Two versions at once: which predictions belong together, and which patients to which arm."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from codman.monitor.challenge import first_shown, nearest_pairs


def paired(a: list[tuple[str, int]], b: list[tuple[str, int]], within: int = 5):
    sides = [np.array([name for name, _ in side], dtype=object) for side in (a, b)]
    times = [np.array([at for _, at in side], dtype=np.int64) for side in (a, b)]
    return nearest_pairs(sides[0], times[0], sides[1], times[1], within)


def test_the_nearest_is_the_partner_and_each_prediction_has_one():
    found = paired([("ann", 0), ("ann", 4), ("bob", 0)], [("ann", 3), ("ann", 5), ("cid", 0), ("bob", 9)])

    # gaps: 4-3 and 4-5 are 1, the first of them counts; then 0 is left with 5, which is just near enough
    assert list(zip(found.a.tolist(), found.b.tolist(), strict=True)) == [(0, 1), (1, 0)]
    assert (found.far_a.tolist(), found.far_b.tolist()) == ([2], [3])
    assert (found.alone_a.tolist(), found.alone_b.tolist()) == ([], [2])


def test_a_prediction_beyond_the_reach_has_no_partner():
    found = paired([("ann", 0)], [("ann", 6)])

    assert (len(found.a), found.far_a.tolist(), found.far_b.tolist()) == (0, [0], [0])


def test_nobody_has_no_pairs():
    found = paired([], [("ann", 6)])

    assert (len(found.a), found.alone_b.tolist()) == (0, [0])


SIDE = st.lists(st.tuples(st.sampled_from(["ann", "bob", "cid"]), st.integers(0, 20)), max_size=14)


@given(SIDE, SIDE, st.integers(0, 6))
def test_it_is_what_taking_the_smallest_gap_again_and_again_gives(a, b, within):
    gaps = sorted(
        (abs(at - then), i, j)
        for i, (name, at) in enumerate(a)
        for j, (other, then) in enumerate(b)
        if name == other and abs(at - then) <= within
    )
    wanted: list[tuple[int, int]] = []
    for _, i, j in gaps:
        if all(i != p and j != q for p, q in wanted):
            wanted.append((i, j))

    found = paired(a, b, within)

    assert list(zip(found.a.tolist(), found.b.tolist(), strict=True)) == sorted(wanted)
    assert len(found.a) + len(found.alone_a) + len(found.far_a) == len(a)
    assert len(found.b) + len(found.alone_b) + len(found.far_b) == len(b)


def test_a_patient_stays_in_the_arm_of_what_was_shown_first():
    subject = np.array(["ann", "ann", "bob", "bob", "cid"], dtype=object)
    time = np.array([5, 1, 2, 2, 0])
    of_b = np.array([False, True, True, False, False])

    arm, crossed = first_shown(subject, time, of_b)

    assert arm.tolist() == [True, True, False, False, False]  # of two at once, the model in use is the first
    assert crossed.tolist() == [True, False, True, False, False]
