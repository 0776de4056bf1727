"""LinearPredictor: how the model's log odds are spread over the patients, on a grid."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from codman.errors import BadInput
from codman.evaluate.estimates import FloatArray

GRID: Final = 4001  # points; the trapezoid rule on a smooth density is then exact to rounding
REACH: Final = 10.0  # standard deviations on either side
SMALLEST_RISK: Final = 1e-12
_HALVINGS: Final = 60


class NoSpread(BadInput):
    """A spread of risks that cannot be used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LinearPredictor:
    """Log odds of the event that the model gives, and what share of patients has each.

    Made by the functions below; read by precision.py.
    """

    log_odds: FloatArray  # (k,) increasing
    share: FloatArray  # (k,) sums to 1
    source: str  # how it was come by, for the answer

    @property
    def risk(self) -> FloatArray:
        """(k,) stated risk, 0 to 1."""
        return expit(self.log_odds)

    @property
    def prevalence(self) -> float:
        """Share of patients with the event, if the risks are right."""
        return float(self.share @ self.risk)

    @property
    def auroc(self) -> float:
        """AUROC, if the risks are right."""
        with_event, without = self.share * self.risk, self.share * (1.0 - self.risk)
        below = np.cumsum(without) - without / 2.0
        return float(with_event @ below) / (float(with_event.sum()) * float(without.sum()))

    def flagged(self, threshold: float) -> FloatArray:
        """(k,) 1.0 where the risk is at or above the threshold."""
        return (self.risk >= threshold).astype(np.float64)


def expit(log_odds: FloatArray) -> FloatArray:
    """Risk of log odds, without overflow."""
    small = np.exp(-np.abs(log_odds))
    risk: FloatArray = np.where(log_odds >= 0.0, 1.0 / (1.0 + small), small / (1.0 + small))
    return risk


def normal(mean: float, sd: float) -> LinearPredictor:
    """Log odds that are normal with this mean and standard deviation.

    Raises:
        NoSpread: sd is not above 0, or a number is not finite.
    """
    if not (math.isfinite(mean) and math.isfinite(sd) and sd > 0.0):
        raise NoSpread(
            what="the log odds cannot be normal with these numbers",
            why=f"mean {mean:g}, standard deviation {sd:g}",
            fix="give a finite mean and a standard deviation above 0",
        )
    z = np.linspace(-REACH, REACH, GRID)
    density = np.exp(-z * z / 2.0)
    return LinearPredictor(
        log_odds=mean + sd * z, share=density / density.sum(), source=f"normal log odds, mean {mean:g}, sd {sd:g}"
    )


def beta(a: float, b: float) -> LinearPredictor:
    """Risks that follow a beta distribution, as read off the histogram of a calibration plot.

    Raises:
        NoSpread: a or b is not above 0.
    """
    if not (0.0 < a < math.inf and 0.0 < b < math.inf):
        raise NoSpread(
            what="the risks cannot follow a beta distribution with these numbers",
            why=f"a {a:g}, b {b:g}",
            fix="give two finite numbers above 0",
        )
    # the density of the log odds is risk^a (1−risk)^b: its tails fall like e^(a·x) and e^(−b·x)
    log_odds = np.linspace(math.log(a / b) - 45.0 / min(a, 1.0), math.log(a / b) + 45.0 / min(b, 1.0), 10 * GRID)
    exponent = -a * np.logaddexp(0.0, -log_odds) - b * np.logaddexp(0.0, log_odds)
    density = np.exp(exponent - exponent.max())
    return LinearPredictor(
        log_odds=log_odds, share=density / density.sum(), source=f"risks of a beta distribution, {a:g} and {b:g}"
    )


def of_scores(score: FloatArray) -> LinearPredictor:
    """The risks a model gave to real patients.

    Args:
        score: (n,) risks, 0 to 1; 0 and 1 are clipped at 1e-12.

    Raises:
        NoSpread: A score lies outside 0 to 1, or all are the same.
    """
    if len(score) == 0 or not np.all((score >= 0.0) & (score <= 1.0)):
        raise NoSpread(
            what="the scores are not risks",
            why="some lie outside 0 to 1, or there are none",
            fix="give a column of stated risks, or the spread with --lp-mean and --lp-sd",
        )
    if float(score.min()) == float(score.max()):
        raise NoSpread(what="the scores are all the same", why="they have no spread", fix="give a model's own scores")
    clipped = np.sort(np.clip(score, SMALLEST_RISK, 1.0 - SMALLEST_RISK))
    return LinearPredictor(
        log_odds=np.log(clipped) - np.log1p(-clipped),
        share=np.full(len(clipped), 1.0 / len(clipped)),
        source=f"the scores of {len(clipped):,} patients",
    )


def of_auroc(auroc: float, prevalence: float) -> LinearPredictor:
    """Normal log odds that would give this AUROC and prevalence, where nothing more is known of the model.

    Args:
        auroc: Expected, above 0.5 and at most 0.995.
        prevalence: Expected, in (0, 1).

    Raises:
        NoSpread: No normal spread gives them.

    Source: Pavlou et al. 2021, doi:10.1177/09622802211007522 (marginal normality of the linear predictor).
    """
    if not (0.5 < auroc <= 0.995 and 0.0 < prevalence < 1.0):
        raise NoSpread(
            what="no spread of risks follows from these numbers",
            why=f"AUROC {auroc:g}, prevalence {prevalence:g}",
            fix="give an AUROC above 0.5 and up to 0.995, or the spread with --lp-mean and --lp-sd",
        )
    low, high = 1e-3, 30.0
    for _ in range(_HALVINGS):
        sd = math.sqrt(low * high)
        found = normal(_mean_for(prevalence, sd), sd)
        low, high = (sd, high) if found.auroc < auroc else (low, sd)
    sd = math.sqrt(low * high)
    spread = normal(_mean_for(prevalence, sd), sd)
    return LinearPredictor(
        log_odds=spread.log_odds, share=spread.share, source=f"{spread.source}, from AUROC {auroc:g} and the prevalence"
    )


def _mean_for(prevalence: float, sd: float) -> float:
    z = np.linspace(-REACH, REACH, GRID)
    share = np.exp(-z * z / 2.0)
    share /= share.sum()
    low, high = -60.0 - 10.0 * sd, 60.0 + 10.0 * sd
    for _ in range(_HALVINGS):
        middle = (low + high) / 2.0
        low, high = (middle, high) if float(share @ expit(middle + sd * z)) < prevalence else (low, middle)
    return (low + high) / 2.0
