"""Calibration: what a score means, learned where labels are known, with how surely it was learned.

recalibrate.py finds out whether a score is taken as it is or recalibrated.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from codman.errors import BadInput
from codman.evaluate.estimates import FloatArray, IntArray
from codman.evaluate.groups import CodeArray
from codman.monitor.estimate.isotonic import Isotonic, isotonic
from codman.monitor.estimate.recalibrate import Kind, Labelled, Logistic, best_kind, deal, fit_logistic

FINE: Final = 8192  # bins on which a logistic curve is fitted
GROUPS: Final = 64  # of equal mass, on which an uncorrected score's own uncertainty is reckoned
FEWEST_EVENTS: Final = 10  # of either class in the reference, under which nothing can be learned


class TooFewToCalibrate(BadInput):
    """The reference cannot say what a score means."""

    def __init__(self, events: int, rows: int) -> None:
        super().__init__(
            what="the reference cannot say what a score means",
            why=f"{events:,} of its {rows:,} labelled rows have the event, {FEWEST_EVENTS} of each class needed",
            fix="give a reference with more labelled rows",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """The risk at a score, in K blocks of neighbouring scores whose risks were learned apart."""

    kind: Kind
    curve: Isotonic | Logistic | None  # None: the score is the risk
    begins: FloatArray  # (K - 1,) lowest score of every block but the first
    variance: FloatArray  # (K,) of the block's risk
    rows: int
    events: int
    effective: float  # rows of equal weight that the reference is worth
    residual: Residuals | None  # where rows repeat patients

    def risk(self, score: FloatArray) -> FloatArray:
        """(n,) chance of the event at these scores."""
        return score if self.curve is None else self.curve.at(score)

    def blocks(self, score: FloatArray) -> IntArray:
        """(K + 1,) where each block's rows begin among ascending scores, and their end."""
        inner = np.searchsorted(score, self.begins, side="left")
        return np.concatenate([[0], inner, [len(score)]])

    def doubt(self, reach: FloatArray) -> float:
        """Variance that the calibration's own uncertainty adds to a number.

        Args:
            reach: (K,) how much the number moves with each block's risk.
        """
        if self.residual is None:
            return float(np.sum(reach**2 * self.variance))
        return self.residual.variance(reach)


@dataclass(frozen=True, slots=True, kw_only=True)
class Residuals:
    """What happened less what was foretold in the reference, by patient: rows of one are not independent."""

    subject: CodeArray  # (n,)
    block: IntArray  # (n,)
    pull: FloatArray  # (n,) what the row adds to its block's risk
    patients: int
    correlation: float  # of two rows' standardised residuals within a patient, at least 0

    def variance(self, reach: FloatArray) -> float:
        """Of the sum of reach times block risk, patients independent."""
        of_patient = np.bincount(self.subject, weights=reach[self.block] * self.pull)
        return float(np.sum(of_patient**2) * self.patients / max(self.patients - 1, 1))


def calibrate(reference: Labelled, kind: Kind | None = None) -> Calibration:
    """Learn what a score means.

    Args:
        reference: Labelled rows.
        kind: `none` takes the score as the risk, `logistic` and `isotonic` recalibrate it; None finds out which
            foretells best.

    Raises:
        TooFewToCalibrate: Fewer than 10 rows with the event or without it.
    """
    n, events = len(reference.score), int(np.count_nonzero(reference.event))
    if min(events, n - events) < FEWEST_EVENTS:
        raise TooFewToCalibrate(events, n)
    kind = kind or best_kind(reference)
    curve: Isotonic | Logistic | None = None
    if kind == "isotonic":
        curve = isotonic(reference.score, reference.event, reference.weight)
        begins, weight, squares, happened = curve.low[1:], curve.weight, curve.squares, curve.events
    else:
        begins, weight, squares, happened = _groups(reference)
        curve = fit_logistic(deal(reference, FINE)) if kind == "logistic" else None
    worth = weight**2 / squares
    share = (happened / weight * worth + 0.5) / (worth + 1)  # a block without events is not certain of none
    weights = reference.weight
    found = Calibration(
        kind=kind,
        curve=curve,
        begins=begins,
        variance=share * (1 - share) / worth,
        rows=n,
        events=events,
        effective=float(n) if weights is None else float(weights.sum() ** 2 / np.sum(weights**2)),
        residual=None,
    )
    if reference.subject is None:
        return found
    return replace(found, residual=_residuals(reference, reference.subject, found, weight, share))


def _groups(reference: Labelled) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Blocks of equal mass for a score that is taken as it is: begins, weight, squared weight, weight of events."""
    score, n = reference.score, len(reference.score)
    begins = np.unique(score[np.arange(1, min(GROUPS, n)) * n // min(GROUPS, n)])
    begins = begins[begins > score[0]]
    start = np.concatenate([[0], np.searchsorted(score, begins, side="left")])
    weight = np.ones(n) if reference.weight is None else reference.weight
    return (
        begins,
        np.add.reduceat(weight, start),
        np.add.reduceat(weight**2, start),
        np.add.reduceat(weight * reference.event, start),
    )


def _residuals(
    reference: Labelled, by: CodeArray, found: Calibration, weight: FloatArray, share: FloatArray
) -> Residuals:
    edges = found.blocks(reference.score)
    block = np.repeat(np.arange(len(weight)), np.diff(edges))
    own = np.ones(len(reference.score)) if reference.weight is None else reference.weight
    error = reference.event - share[block]
    present, subject = np.unique(by, return_inverse=True)
    risk = np.clip(found.risk(reference.score), 0.0, 1.0)
    spread = np.sqrt(risk * (1 - risk))
    standard = np.divide(reference.event - risk, spread, out=np.zeros(len(risk)), where=spread > 1e-6)
    total, square, many = (np.bincount(subject, weights=part) for part in (standard, standard**2, np.ones(len(risk))))
    pairs = float(np.sum(many * (many - 1)))
    correlation = float(np.sum(total**2 - square)) / pairs if pairs else 0.0
    return Residuals(
        subject=subject.astype(np.int32),
        block=block,
        patients=len(present),
        pull=own * error / weight[block],
        correlation=max(correlation, 0.0),
    )
