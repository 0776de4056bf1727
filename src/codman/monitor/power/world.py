"""World: how scores and outcomes are spread where a model is used, as chances of bins of the score."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from codman.evaluate.distributions import norm_ppf
from codman.evaluate.estimates import BoolArray, FloatArray, IntArray
from codman.monitor.alarms.score_looks import ScoreCounts, auroc
from codman.monitor.alarms.stream import WatchImpossible
from codman.monitor.normal import cdf

BINS: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """Chances by bin of the score, for patients with and without the event."""

    score: FloatArray  # (B,) the risk each bin stands for, rising
    event: FloatArray  # (B,) chance of each bin for a patient with the event; sums to 1
    other: FloatArray  # (B,) the same without it
    prevalence: float
    threshold: float | None = None
    source: str = ""  # "binormal" or where the scores were observed

    @property
    def alerted(self) -> FloatArray:
        """(B,) 1 where the bin is at or above the threshold."""
        if self.threshold is None:
            return np.zeros(len(self.score))
        return (self.score >= self.threshold).astype(np.float64)

    @property
    def mass(self) -> FloatArray:
        """(B,) chance of each bin for any patient."""
        return self.prevalence * self.event + (1 - self.prevalence) * self.other

    @property
    def auroc(self) -> float:
        """The AUROC of the world itself."""
        return float(auroc(self.counts(1e9))[0])

    def counts(self, patients: float) -> ScoreCounts:
        """What so many patients come to on average."""
        return ScoreCounts(
            event=patients * self.prevalence * self.event,
            other=patients * (1 - self.prevalence) * self.other,
            score=self.score,
            alerted=self.alerted,
        )

    def grouping(self, bins: int) -> IntArray:
        """(B,) which of so many coarser bins, of about equal chance, each goes to; none lies across the threshold."""
        # the middle of a bin's chance decides, so that each new bin holds whole old ones
        middle = np.cumsum(self.mass) - self.mass / 2
        key = np.minimum((middle * bins).astype(np.int64), bins - 1) + bins * self.alerted.astype(np.int64)
        return np.unique(key, return_inverse=True)[1].astype(np.int64)

    def grouped(self, which: IntArray) -> World:
        """The same in the coarser bins that `which` says."""

        def summed(chance: FloatArray) -> FloatArray:
            return np.asarray(np.bincount(which, weights=chance), dtype=np.float64)

        score = summed(self.score * self.mass) / summed(self.mass)
        return replace(self, event=summed(self.event), other=summed(self.other), score=score)


def binormal(auroc: float, prevalence: float, threshold: float | None = None) -> World:
    """A calibrated model with this AUROC: log odds normal in both classes, with one spread.

    Raises:
        WatchImpossible: An AUROC outside (0.5, 1), or a prevalence outside (0, 1).
    """
    if not (0.5 < auroc < 1 and 0 < prevalence < 1):
        raise WatchImpossible(
            what="there is no such model", why=f"AUROC {auroc:g}, prevalence {prevalence:g}",
            fix="give an AUROC in (0.5, 1) and a prevalence in (0, 1)",
        )  # fmt: skip
    d = np.sqrt(2) * norm_ppf(auroc)
    # fine bins first, so that the threshold falls between two of them
    edges = np.linspace(-6.0, 6.0 + d, 4001)
    log_odds = np.log(prevalence / (1 - prevalence)) + d * edges - d**2 / 2
    if threshold is not None and 0 < threshold < 1:
        at = (np.log(threshold / (1 - threshold)) - np.log(prevalence / (1 - prevalence)) + d**2 / 2) / d
        edges = np.unique(np.append(edges, np.clip(at, edges[0], edges[-1])))
        log_odds = np.log(prevalence / (1 - prevalence)) + d * edges - d**2 / 2
    event, other = np.diff(cdf(edges - d)), np.diff(cdf(edges))
    event, other = event / event.sum(), other / other.sum()
    risk = prevalence * event / np.maximum(prevalence * event + (1 - prevalence) * other, 1e-300)
    lower, upper = (1 / (1 + np.exp(-one)) for one in (log_odds[:-1], log_odds[1:]))
    # the risk of a bin lies between its edges; its own chances say where, save for rounding
    fine = World(
        score=np.clip(risk, lower, upper), event=event, other=other, prevalence=prevalence, threshold=threshold,
        source="binormal",
    )  # fmt: skip
    return fine.grouped(fine.grouping(BINS))


def observed(
    score: FloatArray, outcome: BoolArray | None, *, prevalence: float | None = None, threshold: float | None = None,
    name: str = "",
) -> World:  # fmt: skip
    """The world that earlier predictions came from.

    Args:
        score: (n,) predicted risks, in [0, 1] where there are no outcomes.
        outcome: (n,) what happened; None: the risks are taken at their word.
        prevalence: Another prevalence than theirs; each class keeps its spread of scores.
        threshold: Alerted is a score at or above it.
        name: Where they were observed.

    Raises:
        WatchImpossible: No rows, one class only, or risks outside [0, 1] without outcomes.
    """
    if len(score) == 0 or not np.all(np.isfinite(score)):
        raise WatchImpossible(what="there are no scores", why=f"{len(score)} rows, all need a number", fix="check them")
    if outcome is None and not (score.min() >= 0 and score.max() <= 1):
        raise WatchImpossible(
            what="scores are no risks", why="without outcomes they are taken at their word", fix="give --label too"
        )
    edges = np.unique(np.quantile(score, np.linspace(0, 1, BINS + 1)[1:-1], method="higher"))
    if threshold is not None:
        edges = np.unique(np.append(edges, threshold))
    which = np.searchsorted(edges, score, side="right")
    bins, n = len(edges) + 1, np.bincount(which, minlength=len(edges) + 1)
    happened = score if outcome is None else outcome.astype(np.float64)
    event = np.bincount(which, weights=happened, minlength=bins)
    other = n - event
    if event.sum() <= 0 or other.sum() <= 0:
        raise WatchImpossible(what="one class only", why="nobody had the event, or everybody", fix="give more rows")
    kept = n > 0
    mean = np.bincount(which, weights=score, minlength=bins)[kept] / n[kept]
    return World(
        score=mean, event=(event / event.sum())[kept], other=(other / other.sum())[kept],
        prevalence=float(event.sum() / n.sum()) if prevalence is None else prevalence, threshold=threshold, source=name,
    )  # fmt: skip
