"""Cohort: the rows two models both scored, sorted once for each model, with every slice they belong to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from codman.evaluate.columns import BoolArray
from codman.evaluate.compare.pairs import Pairs
from codman.evaluate.estimates import FloatArray, IntArray
from codman.evaluate.groups import CodeArray, Slices, make_slices
from codman.evaluate.ranked import Ranked, rank
from codman.evaluate.sample import Sample, patients


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """One slice: what every change measured on it rests on."""

    n: int  # rows
    positives: int  # rows with the event
    patients: int
    with_event: int  # patients who have a row with the event
    without: int  # patients who have a row without it
    weighted: bool
    same_scores: bool  # both models give every row the same score
    outside: tuple[int, int]  # rows that A and B give a score outside 0 to 1
    pairs: Callable[[], Pairs]  # its rows

    @property
    def clustered(self) -> bool:
        """True when some patient has several rows."""
        return self.patients < self.n

    def same_ranks(self) -> bool:
        """Whether both models put the rows in the same order, ties included."""
        if self.same_scores:
            return True
        pairs = self.pairs()
        a, b = (np.unique(score, return_inverse=True)[1] for score in (pairs.a, pairs.b))
        return np.array_equal(a, b)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cohort:
    """Both models' ranking of the same rows. Rows stand in patients' order where they repeat patients."""

    a: Ranked
    b: Ranked
    groups: tuple[Group, ...]  # (S,)

    @property
    def slices(self) -> Slices:
        """Which rows belong to which slice."""
        return self.a.slices

    @property
    def event(self) -> BoolArray:
        """(n,) True where the event happened."""
        return self.a.event

    @property
    def weight(self) -> FloatArray | None:
        """(n,) above 0; None: 1 for all."""
        return self.a.weight

    @property
    def subject(self) -> CodeArray | None:
        """(n,) patient of each row, non-decreasing; None: each row is a patient."""
        return self.a.subject


def make_cohort(sample: Sample, event: BoolArray, a: Ranked, b: Ranked) -> Cohort:
    """Put two rankings of a sample's rows side by side.

    Args:
        sample: Whose rows these are.
        event: (n,) True where the event happened, in the sample's own order.
        a: The rows ranked by A.
        b: The rows ranked by B.
    """
    slices = a.slices
    every = Pairs(event=a.event, a=a.score, b=b.score, weight=a.weight, subject=a.subject)
    there, with_event, without = patients(sample), patients(sample, event), patients(sample, ~event)
    differ = _rows(slices, a.score != b.score)
    outside_a, outside_b = (_rows(slices, (ranked.score < 0.0) | (ranked.score > 1.0)) for ranked in (a, b))

    def pairs_of(s: int) -> Callable[[], Pairs]:
        return lambda: every.take(np.flatnonzero(slices.of_rows(int(slices.grouping[s])) == s))

    groups = tuple(
        Group(
            n=int(a.n[s]),
            positives=int(a.positives[s]),
            patients=int(there[s]),
            with_event=int(with_event[s]),
            without=int(without[s]),
            weighted=a.weight is not None,
            same_scores=differ[s] == 0,
            outside=(int(outside_a[s]), int(outside_b[s])),
            pairs=pairs_of(s),
        )
        for s in range(slices.count)
    )
    return Cohort(a=a, b=b, groups=groups)


def alone(pairs: Pairs) -> Cohort:
    """The rows of one slice as a cohort with no other."""
    sample = Sample(
        slices=make_slices({}, [], pairs.n),
        subject=pairs.subject,
        weight=pairs.weight,
        row=np.arange(pairs.n),
        repeats=pairs.clustered,
    )
    a, b = (rank(sample, pairs.event, score) for score in (pairs.a, pairs.b))
    return make_cohort(sample, pairs.event, a, b)


def _rows(slices: Slices, where: BoolArray) -> IntArray:
    """(S,) rows of each slice where `where`."""
    per_cell = np.bincount(slices.cell[where], minlength=slices.of_cell.shape[1])
    return slices.totals(per_cell.astype(np.float64)).astype(np.int64)
