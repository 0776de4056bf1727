"""Two versions of a model at work at once: which predictions belong together, and which patients to which arm."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from codman.evaluate.estimates import BoolArray, IntArray

Texts = NDArray[Any]  # of str


@dataclass(frozen=True, slots=True, kw_only=True)
class Nearest:
    """Predictions of the same patient at nearly the same time, each in one pair."""

    a: IntArray  # (pairs,) rows of A
    b: IntArray  # (pairs,) rows of B
    alone_a: IntArray  # rows of A whose patient B never scored
    alone_b: IntArray
    far_a: IntArray  # rows of A without a prediction of B near enough that is not another's partner
    far_b: IntArray


def nearest_pairs(subject_a: Texts, time_a: IntArray, subject_b: Texts, time_b: IntArray, within: int) -> Nearest:
    """Pair two models' predictions of the same patient, the nearest in time first, each prediction once.

    Args:
        subject_a: (n,) patients that A scored.
        time_a: (n,) when, in whole units of time.
        subject_b: (m,) patients that B scored.
        time_b: (m,) when, in the same units.
        within: The most that two predictions of a pair may be apart, in the same units; 0 or more.

    Returns:
        Of all pairs within reach the one with the smallest gap is taken, then the smallest of what is left, and so on;
        of equal gaps the one whose row of A, then of B, stands first.
    """
    _, codes = np.unique(np.concatenate([subject_a, subject_b]).astype(str), return_inverse=True)
    of_a, of_b = codes[: len(subject_a)], codes[len(subject_a) :]
    a, b = _within_reach(of_a, time_a, of_b, time_b, within)
    order = np.lexsort((b, a, np.abs(time_a[a] - time_b[b])))
    a, b = _each_once(a[order], b[order], len(of_a), len(of_b))
    left_a, left_b = np.setdiff1d(np.arange(len(of_a)), a), np.setdiff1d(np.arange(len(of_b)), b)
    known_a, known_b = np.isin(of_a[left_a], of_b), np.isin(of_b[left_b], of_a)
    return Nearest(
        a=a, b=b, alone_a=left_a[~known_a], alone_b=left_b[~known_b], far_a=left_a[known_a], far_b=left_b[known_b]
    )


def _within_reach(
    of_a: IntArray, time_a: IntArray, of_b: IntArray, time_b: IntArray, within: int
) -> tuple[IntArray, IntArray]:
    """Every row of A beside every row of B of the same patient near enough."""
    if len(of_a) == 0 or len(of_b) == 0:
        none = np.zeros(0, dtype=np.int64)
        return none, none
    first = min(int(time_a.min()), int(time_b.min()))
    span = max(int(time_a.max()), int(time_b.max())) - first + 2 * within + 1  # no patient reaches into the next one's
    order = np.lexsort((time_b, of_b))
    line = of_b[order].astype(np.int64) * span + (time_b[order] - first) + within
    here = of_a.astype(np.int64) * span + (time_a - first) + within
    start, stop = np.searchsorted(line, here - within, "left"), np.searchsorted(line, here + within, "right")
    count = stop - start
    a = np.repeat(np.arange(len(of_a)), count)
    place = np.arange(len(a)) - np.repeat(np.cumsum(count) - count, count) + np.repeat(start, count)
    return a, order[place]


def _each_once(a: IntArray, b: IntArray, rows_a: int, rows_b: int) -> tuple[IntArray, IntArray]:
    """Pairs in order, those left out that share a row with one before them."""
    kept: list[tuple[IntArray, IntArray]] = []
    free_a, free_b = np.ones(rows_a, dtype=bool), np.ones(rows_b, dtype=bool)
    while len(a):
        # a pair that is the first both of its A and of its B is in the answer, whatever becomes of the others
        rank = np.arange(len(a))
        first_a, first_b = np.full(rows_a, len(a)), np.full(rows_b, len(a))
        np.minimum.at(first_a, a, rank)
        np.minimum.at(first_b, b, rank)
        sure = (first_a[a] == rank) & (first_b[b] == rank)
        kept.append((a[sure], b[sure]))
        free_a[a[sure]], free_b[b[sure]] = False, False
        left = free_a[a] & free_b[b]
        a, b = a[left], b[left]
    if not kept:
        return a, b
    found_a, found_b = (np.concatenate(side) for side in zip(*kept, strict=True))
    order = np.argsort(found_a)
    return found_a[order], found_b[order]


def first_shown(subject: Texts, time: IntArray, of_b: BoolArray) -> tuple[BoolArray, BoolArray]:
    """The arm of each row's patient: the version they were shown first, whatever they were shown later.

    Args:
        subject: (n,) patient of each prediction that was shown.
        time: (n,) when; of two at once A's is the first.
        of_b: (n,) whether B made it; otherwise A did.

    Returns:
        (n,) whether the row's patient is in B's arm, and (n,) whether the row is the other arm's model.
    """
    names, patient = np.unique(subject.astype(str), return_inverse=True)
    order = np.lexsort((of_b, time, patient))
    begins = np.searchsorted(patient[order], np.arange(len(names)))
    arm = of_b[order[begins]][patient] if len(names) else of_b
    return arm, arm != of_b
