"""Foretold: a number of one window before its labels are known, with a prediction interval for what it will be.

Each label is a draw with the row's calibrated risk; the number's variance and third moment follow from how it moves
with each label, to first order (exactly, where it is a sum). To it comes the variance of the calibrated risks.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from codman.evaluate.distributions import z_of_level
from codman.evaluate.estimates import BoolArray, FloatArray, IntArray
from codman.evaluate.groups import CodeArray
from codman.monitor.estimate.calibration import Calibration

MOST_SKEW: Final = 1.0  # of the third moment that the expansion follows


@dataclass(frozen=True, slots=True, kw_only=True)
class Foretold:
    """One number; NaN where it has no value or no interval, and `note` says why."""

    metric: str
    value: float
    lower: float
    upper: float
    threshold: float | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Awaited:
    """Rows of one window and slice whose labels are awaited, in ascending order of score."""

    score: FloatArray  # (n,)
    risk: FloatArray  # (n,) calibrated chance of the event
    variance: FloatArray  # (n,) of each label
    third: FloatArray  # (n,) third central moment of each label
    edges: IntArray  # (K + 1,) where rows of each block of the calibration begin, and n
    subject: CodeArray | None  # (n,) 0… within these rows; None: each row is a patient
    calibration: Calibration

    @property
    def n(self) -> int:
        """Rows."""
        return len(self.score)


def await_labels(score: FloatArray, risk: FloatArray, subject: CodeArray | None, calibration: Calibration) -> Awaited:
    """Rows of one window, ready for every metric.

    Args:
        score: (n,) ascending.
        risk: (n,) the calibration's risk at each.
        subject: (n,) patient of each row; None where each row is one.
        calibration: What a score means.
    """
    variance = risk * (1 - risk)
    return Awaited(
        score=score,
        risk=risk,
        variance=variance,
        third=variance * (1 - 2 * risk),
        edges=calibration.blocks(score),
        subject=None if subject is None else np.unique(subject, return_inverse=True)[1].astype(np.int32),
        calibration=calibration,
    )


@dataclass(frozen=True, slots=True)
class Spread:
    """Of a number: the variance its labels give it, its third moment, and what the calibration's doubt adds."""

    labels: float
    third: float
    doubt: float

    def ends(self, value: float, level: float, *, step: float = 0.0) -> tuple[float, float]:
        """Where it will lie: normal with its skew (Cornish–Fisher), half a step wider where it moves in steps."""
        sd = math.sqrt(self.labels + self.doubt)
        if not sd > 0:
            return math.nan, math.nan
        z = z_of_level(level)
        lean = max(-MOST_SKEW, min(MOST_SKEW, self.third / sd**3)) * (z * z - 1) / 6
        return value + sd * (lean - z) - step / 2, value + sd * (lean + z) + step / 2


def by_row(rows: Awaited, pull: FloatArray) -> Spread:
    """Spread of a number that each row's label moves by its own amount.

    Args:
        rows: The rows.
        pull: (n,) how the number moves with each label.
    """
    own = rows.variance * pull * pull
    third = float(np.sum(rows.third * pull**3))
    return spread_of(rows, pull, float(own.sum()), third, _summed(pull, rows.edges))


def spread_of(rows: Awaited, pull: FloatArray, variance: float, third: float, reach: FloatArray) -> Spread:
    """The same, from sums already made; patients' rows are dependent as they were in the reference."""
    residual = rows.calibration.residual
    if rows.subject is not None and residual is not None and residual.correlation > 0:
        together = np.bincount(rows.subject, weights=pull * np.sqrt(rows.variance))
        variance += residual.correlation * float(np.sum(together**2) - variance)
    return Spread(labels=max(variance, 0.0), third=third, doubt=rows.calibration.doubt(reach))


def _summed(pull: FloatArray, edges: IntArray) -> FloatArray:
    """(K,) sum over each block's rows."""
    sums: FloatArray = np.diff(np.append(0.0, np.cumsum(pull))[edges])
    return sums


class Flags:
    """The rows cut at one threshold: sums of the flagged and of the others."""

    def __init__(self, rows: Awaited, threshold: float) -> None:
        self.rows, self.threshold = rows, threshold
        cut = int(np.searchsorted(rows.score, threshold, side="left"))
        self.cut = cut
        self.flagged, self.others = rows.n - cut, cut
        self.tp, self.fn = float(rows.risk[cut:].sum()), float(rows.risk[:cut].sum())
        self._variance = float(rows.variance[:cut].sum()), float(rows.variance[cut:].sum())
        self._third = float(rows.third[:cut].sum()), float(rows.third[cut:].sum())
        self._reach = np.diff(np.minimum(rows.edges, cut)), np.diff(np.maximum(rows.edges, cut))

    @property
    def events(self) -> float:
        """Rows expected to have the event."""
        return self.tp + self.fn

    @property
    def others_free(self) -> float:
        """Rows not flagged that are expected to stay free of the event."""
        return self.others - self.fn

    def spread(self, other: float, flagged: float) -> Spread:
        """Spread of a number that moves by `flagged` with the label of a flagged row, by `other` with another's."""
        (v0, v1), (t0, t1), (r0, r1) = self._variance, self._third, self._reach
        variance = other**2 * v0 + flagged**2 * v1
        third = other**3 * t0 + flagged**3 * t1
        reach = other * r0 + flagged * r1
        pull = np.empty(0)
        if self.rows.subject is not None:
            is_flagged: BoolArray = np.arange(self.rows.n) >= self.cut
            pull = np.where(is_flagged, flagged, other)
        return spread_of(self.rows, pull, variance, third, reach)
