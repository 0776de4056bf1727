"""Point: one metric on one slice, with each row's pull on it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from codman.evaluate.columns import BoolArray
from codman.evaluate.estimates import FloatArray, IntArray
from codman.evaluate.groups import CodeArray
from codman.evaluate.survival.followup import Followup, sums
from codman.evaluate.survival.product_limit import ProductLimit

NO_WEIGHTS = "the censoring weights have no value here: follow-up ends before the horizon"


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """A metric's value on a slice of m rows."""

    value: float
    own: FloatArray | None = (
        None  # (m,) weight times the derivative in the row's weight, the censoring curve held still
    )
    pull: FloatArray | None = None  # (K,) derivative in the log of the censoring curve at each of its times
    scarcer: float = np.nan  # effective number of the scarcer class
    expected: float = np.nan  # mean stated risk, where the number is a ratio to it
    note: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Censored:
    """A slice's rows with the censoring curve that weighs them."""

    rows: Followup
    curve: ProductLimit
    place: IntArray  # (m,) place of each row's time on the curve, −1 before its first
    stays: FloatArray  # (m,) the curve at each row's time; NaN beyond it
    subject: CodeArray | None  # (m,) patient of each row; None where each row is a patient

    def at(self, horizon: float) -> float:
        """The curve at one time."""
        return float(self.curve.at(np.array([horizon]))[0])

    def on_curve(self, where: BoolArray, mass: FloatArray) -> FloatArray:
        """(K,) mass of the rows where `where`, gathered at their times on the curve."""
        chosen = where & (self.place >= 0)
        return sums(self.place[chosen], mass[chosen], len(self.curve.times))

    def number(self, weight: FloatArray) -> float:
        """Effective number of patients among the rows with a weight."""
        return effective(weight, self.subject)

    def put_at(self, horizon: float, mass: float) -> FloatArray:
        """(K,) mass at one time of the curve."""
        out = np.zeros(len(self.curve.times))
        where = int(self.curve.index(np.array([horizon]))[0])
        if where >= 0:
            out[where] = mass
        return out


def undefined(note: str) -> Point:
    """A metric without a value here, and why."""
    return Point(value=np.nan, note=note)


def effective(weight: FloatArray, subject: CodeArray | None = None) -> float:
    """Number of patients of equal weight that would say as much. Source: Kish 1965, section 11.7."""
    if subject is not None and len(weight):
        weight = sums(subject, weight, int(subject.max()) + 1)
    squares = float(np.sum(weight**2))
    return float(np.sum(weight)) ** 2 / squares if squares > 0 else 0.0
