"""Follow-up: rows sorted once by time, ready for every slice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from codman.evaluate.columns import BoolArray
from codman.evaluate.estimates import FloatArray, IntArray

Steps = NDArray[np.int32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Followup:
    """Patients' rows in ascending order of follow-up time."""

    time: FloatArray  # (n,) when follow-up ended
    event: BoolArray  # (n,) True where the event ended it
    step: Steps  # (n,) place of the time among the distinct times of all rows
    rank: Steps  # (n,) place of the score among the distinct scores of all rows
    ranks: int
    weight: FloatArray  # (n,) sampling weights, 1 where there are none
    survival: Mapping[float, FloatArray]  # horizon -> (n,) stated chance of being free of the event then
    place: IntArray  # (n,) position of the row in the sample

    def of(self, rows: IntArray) -> Followup:
        """Only these rows, ascending positions; a tree over scores needs no more leaves than they have."""
        rank, ranks = self.rank[rows], self.ranks
        if 8 * len(rows) < ranks:
            distinct, inverse = np.unique(rank, return_inverse=True)
            rank, ranks = inverse.reshape(-1).astype(np.int32), len(distinct)
        return Followup(
            time=self.time[rows],
            event=self.event[rows],
            step=self.step[rows],
            rank=rank,
            ranks=ranks,
            weight=self.weight[rows],
            survival={horizon: stated[rows] for horizon, stated in self.survival.items()},
            place=self.place[rows],
        )

    def times(self, weight: FloatArray) -> Followup:
        """The same rows, each counted so many times more; rows counted 0 times are kept with no weight."""
        return replace(self, weight=self.weight * weight)


def follow(
    time: FloatArray,
    event: BoolArray,
    score: FloatArray,
    *,
    weight: FloatArray | None = None,
    survival: Mapping[float, FloatArray] | None = None,
) -> Followup:
    """Sort the rows by time.

    Args:
        time: (n,) follow-up, 0 or more, finite.
        event: (n,) True where the event ended it.
        score: (n,) risk, higher is sooner; ±infinity allowed, NaN not.
        weight: (n,) sampling weights above 0.
        survival: Horizon to (n,) stated chance of being free of the event then.
    """
    order = np.argsort(time, kind="stable")
    sorted_time = time[order]
    by_score = np.argsort(score, kind="stable")
    rank = np.empty(len(score), dtype=np.int32)
    ladder = _places(score[by_score])
    rank[by_score] = ladder
    return Followup(
        time=sorted_time,
        event=event[order],
        step=_places(sorted_time),
        rank=rank[order],
        ranks=int(ladder[-1]) + 1 if len(ladder) else 0,
        weight=np.ones(len(time)) if weight is None else weight[order],
        survival={horizon: stated[order] for horizon, stated in (survival or {}).items()},
        place=order,
    )


def _places(ascending: NDArray[np.float64] | Steps) -> Steps:
    """Place of each value among the distinct ones, ascending from 0."""
    fresh = np.zeros(len(ascending), dtype=np.int32)
    fresh[1:] = ascending[1:] != ascending[:-1]
    return np.cumsum(fresh, dtype=np.int32)


def sums(place: NDArray[Any], weight: FloatArray, count: int) -> FloatArray:
    """(count,) sum of weights at each place."""
    return np.bincount(place, weight, minlength=count).astype(np.float64, copy=False)


def inner(a: NDArray[Any], b: NDArray[Any]) -> float:
    """Sum of the products. Not BLAS: its sum depends on how many threads it takes."""
    return float(np.sum(a * b))


def local_steps(step: Steps) -> Steps:
    """Steps of some of the rows, counted without gaps."""
    return _places(step)
