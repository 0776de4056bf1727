"""Kaplan–Meier, of the event and of censoring, and how much each patient pulls on it.

Ties: events come before censorings, so a patient censored at a time is at risk of the event then, and a patient with
the event is no longer at risk of being censored.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from codman.evaluate.columns import BoolArray
from codman.evaluate.estimates import FloatArray, IntArray
from codman.evaluate.survival.followup import Followup, Steps, local_steps, sums


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductLimit:
    """A right-continuous curve over K distinct times, 1 before the first."""

    times: FloatArray  # (K,)
    value: FloatArray  # (K,) chance of having stayed beyond each time
    leaving: FloatArray  # (K,) weight that leaves at each time
    at_risk: FloatArray  # (K,) weight that could have left
    left: FloatArray  # (K,) weight that could have left and did not
    step: Steps  # (n,) time of each row
    leaves: BoolArray  # (n,) rows that leave: events for survival, censorings for the censoring curve
    stays_for_own: bool  # True where rows that do not leave are still at risk at their own time

    def at(self, when: FloatArray) -> FloatArray:
        """Value at these times; NaN beyond the last one, unless nobody was left."""
        where = np.searchsorted(self.times, when, side="right") - 1
        out = np.where(where < 0, 1.0, self.value[np.maximum(where, 0)])
        beyond = (when > self.times[-1]) & (self.value[-1] > 0)
        return np.where(beyond, np.nan, out)

    def index(self, when: FloatArray) -> IntArray:
        """Place of each time on the curve: −1 before the first."""
        return np.searchsorted(self.times, when, side="right") - 1

    def pulls(self, mass: FloatArray) -> tuple[FloatArray, FloatArray]:
        """What one more unit of weight on a row does to Σ mass·log(value): (K,) for rows that leave, (K,) for others.

        The derivative of log Π(1 − d/Y) in a row's weight: −1/(Y − d) where it leaves, + d/(Y(Y − d)) at every time it
        was at risk.

        Args:
            mass: (K,) weight put on the log of the curve at each time.
        """
        later = np.cumsum(mass[::-1])[::-1]
        left = self.left
        with np.errstate(divide="ignore", invalid="ignore"):
            gain = np.where(left > 0, self.leaving / (self.at_risk * left) * later, 0.0)
            loss = np.where(left > 0, later / left, 0.0)
        gained = np.cumsum(gain)
        return gained - loss, gained if self.stays_for_own else gained - gain

    def pull_of_rows(self, mass: FloatArray) -> FloatArray:
        """(n,) the same for each row."""
        leaving, other = self.pulls(mass)
        return np.where(self.leaves, leaving[self.step], other[self.step])


def kaplan_meier(rows: Followup) -> ProductLimit:
    """Chance of being free of the event. Source: Kaplan & Meier 1958, doi:10.1080/01621459.1958.10501452."""
    return _curve(rows, rows.event, events_go_first=False)


def censoring(rows: Followup) -> ProductLimit:
    """Chance of being followed still: the Kaplan–Meier curve of censoring, events before censorings."""
    return _curve(rows, ~rows.event, events_go_first=True)


def _curve(rows: Followup, leaves: BoolArray, *, events_go_first: bool) -> ProductLimit:
    step = local_steps(rows.step)
    count = int(step[-1]) + 1
    first = np.searchsorted(step, np.arange(count))
    leaving = sums(step, rows.weight * leaves, count)
    later = np.zeros(count)
    later[:-1] = np.cumsum(sums(step, rows.weight, count)[:0:-1])[::-1]
    # those left are summed, never found by subtraction: where nobody is left the curve is 0 and not a rounding above
    left = later if events_go_first else later + sums(step, rows.weight * ~leaves, count)
    at_risk = left + leaving
    with np.errstate(divide="ignore", invalid="ignore"):
        stay = np.where(leaving > 0, left / at_risk, 1.0)
    return ProductLimit(
        times=rows.time[first],
        value=np.cumprod(stay, dtype=np.float64),
        leaving=leaving,
        at_risk=at_risk,
        left=left,
        step=step,
        leaves=leaves,
        stays_for_own=not events_go_first,
    )
