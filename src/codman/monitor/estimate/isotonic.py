"""Isotonic regression of what happened on the score: the risk that never falls as the score rises, least squares.

Source: pool adjacent violators, Ayer 1955, doi:10.1214/aoms/1177728423.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from codman.evaluate.estimates import BoolArray, FloatArray
from codman.monitor.kernels.foretold import pooled


@dataclass(frozen=True, slots=True, kw_only=True)
class Isotonic:
    """K blocks of neighbouring scores that share one risk."""

    low: FloatArray  # (K,) lowest score of each block
    high: FloatArray  # (K,) highest
    weight: FloatArray  # (K,) weight of its rows
    squares: FloatArray  # (K,) sum of their squared weights; rows where unweighted
    events: FloatArray  # (K,) weight of its rows with the event

    @property
    def risk(self) -> FloatArray:
        """(K,) share of events, rising."""
        risk: FloatArray = self.events / self.weight
        return risk

    def at(self, score: FloatArray) -> FloatArray:
        """Risk at any score: constant within a block and beyond the ends, straight between two blocks."""
        ends = np.column_stack([self.low, self.high]).ravel()
        found: FloatArray = np.interp(score, ends, np.repeat(self.risk, 2))
        return found


def isotonic(score: FloatArray, event: BoolArray, weight: FloatArray | None = None) -> Isotonic:
    """Fit by weighted least squares.

    Args:
        score: (n,) ascending, at least one.
        event: (n,) True where it happened.
        weight: (n,) above 0; None: 1 for all.
    """
    last, mass, squares, events = pooled(score, event, weight)
    first = np.append(0, last[:-1] + 1)
    return Isotonic(low=score[first], high=score[last], weight=mass, squares=squares, events=events)
