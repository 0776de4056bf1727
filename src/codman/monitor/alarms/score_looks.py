"""Looks at a model's performance, from how many patients with and without the event stand in each bin of the score.

Counts of windows add up, so that the last m windows together are one look and not an average of m. Counts may be of
patients or, divided by how many rows a patient has, of rows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from codman.evaluate.estimates import FloatArray
from codman.monitor.alarms.e_values import as_normal
from codman.monitor.alarms.evidence import Look, Repeats, Side, once, shares, sided, trailing

FEWEST_EVENTS: Final = 5  # of either class: fewer say nothing of a ranking


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreCounts:
    """Patients by bin of the score: (T, S, B) of windows, or (S, B) of the reference."""

    event: FloatArray
    other: FloatArray
    score: FloatArray  # (B,) the score each bin stands for, rising
    alerted: FloatArray  # (B,) 1 where the bin is at or above the threshold


# what a share counts, and out of what
_SHARES: Final[Mapping[str, tuple[Callable[[ScoreCounts], FloatArray], Callable[[ScoreCounts], FloatArray]]]] = {
    "sensitivity": (lambda c: c.event @ c.alerted, lambda c: c.event.sum(axis=-1)),
    "specificity": (lambda c: c.other @ (1 - c.alerted), lambda c: c.other.sum(axis=-1)),
    "ppv": (lambda c: c.event @ c.alerted, lambda c: (c.event + c.other) @ c.alerted),
    "npv": (lambda c: c.other @ (1 - c.alerted), lambda c: (c.event + c.other) @ (1 - c.alerted)),
    "alert_rate": (lambda c: (c.event + c.other) @ c.alerted, lambda c: (c.event + c.other).sum(axis=-1)),
    "prevalence": (lambda c: c.event.sum(axis=-1), lambda c: (c.event + c.other).sum(axis=-1)),
}
SHARES: Final = tuple(_SHARES)


def share_counts(metric: str, counts: ScoreCounts) -> tuple[FloatArray, FloatArray]:
    """Patients a share counts, and out of how many."""
    of, out_of = _SHARES[metric]
    return of(counts), out_of(counts)


def share_look(
    metric: str, now: ScoreCounts, reference: ScoreCounts, delta: FloatArray | float, *, side: Side,
    repeats: Repeats = once, reference_repeats: float = 1.0,
) -> Look:  # fmt: skip
    """Look at sensitivity, specificity, PPV, NPV, alert rate or prevalence against the reference's."""
    events, n = share_counts(metric, now)
    held, total = (one / reference_repeats for one in share_counts(metric, reference))
    return shares(events, n, held, total, delta, side=side, repeats=repeats)


def auroc_look(
    now: ScoreCounts, reference: ScoreCounts, delta: FloatArray | float, *, side: Side = "fall",
    repeats: Repeats = once, reference_repeats: float = 1.0,
) -> Look:  # fmt: skip
    """Look at the AUROC against the reference's, by DeLong's variance on the logit scale."""
    held, held_variance, _ = auroc(reference)
    held_variance = held_variance * reference_repeats

    def look(m: int) -> tuple[FloatArray, FloatArray]:
        value, variance, fewer = auroc(_together(now, m))
        fewer, variance = fewer / repeats(m), variance * repeats(m)
        with np.errstate(invalid="ignore", divide="ignore"):
            shift = np.where(fewer >= FEWEST_EVENTS, value - held, np.nan)
            x = {}
            for sign in (1.0, -1.0):
                bound = np.clip(held + sign * delta, 1e-6, 1 - 1e-6)
                slope, own = 1 / (bound * (1 - bound)), 1 / (value * (1 - value))
                se = np.sqrt(variance * own**2 + held_variance * slope**2)
                away = sign * (np.log(value / (1 - value)) - np.log(bound / (1 - bound)))
                x[sign] = np.where(np.isfinite(shift) & (se > 0), away / se, np.nan)
        return sided(as_normal(x[1.0], fewer - 1), as_normal(x[-1.0], fewer - 1), shift, side)

    return look


def oe_look(
    now: ScoreCounts, reference: ScoreCounts, delta: FloatArray | float, *, side: Side = "both",
    repeats: Repeats = once, reference_repeats: float = 1.0,
) -> Look:  # fmt: skip
    """Look at observed over expected events against the reference's, on the log scale."""
    held, held_se, _ = oe(reference)
    held_variance = held_se**2 * reference_repeats

    def look(m: int) -> tuple[FloatArray, FloatArray]:
        value, se, events = oe(_together(now, m))
        events = events / repeats(m)
        with np.errstate(invalid="ignore", divide="ignore"):
            shift = np.where(events >= FEWEST_EVENTS, value - held, np.nan)
            spread = np.sqrt(se**2 * repeats(m) + held_variance)
            up = np.where(np.isfinite(shift), (np.log(value) - np.log(held + delta)) / spread, np.nan)
            low = np.maximum(held - delta, 1e-9)
            down = np.where(np.isfinite(shift), (np.log(low) - np.log(value)) / spread, np.nan)
        return sided(as_normal(up, events - 1), as_normal(down, events - 1), shift, side)

    return look


def auroc(counts: ScoreCounts) -> tuple[FloatArray, FloatArray, FloatArray]:
    """AUROC, DeLong's variance of it, and the smaller class; ties within a bin count half."""
    events, others = counts.event.sum(axis=-1), counts.other.sum(axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        below = (np.cumsum(counts.other, axis=-1) - counts.other / 2) / others[..., None]
        above = 1 - (np.cumsum(counts.event, axis=-1) - counts.event / 2) / events[..., None]
        value = (counts.event * below).sum(axis=-1) / events
        of_events = (counts.event * (below - value[..., None]) ** 2).sum(axis=-1) / (events - 1)
        of_others = (counts.other * (above - value[..., None]) ** 2).sum(axis=-1) / (others - 1)
        return value, of_events / events + of_others / others, np.minimum(events, others)


def oe(counts: ScoreCounts) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Observed over expected events, the standard error of its logarithm, and the events."""
    events = counts.event.sum(axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        value = events / ((counts.event + counts.other) @ counts.score)
        told = value[..., None] * counts.score
        squares = (counts.event * (1 - told) ** 2 + counts.other * told**2).sum(axis=-1)
        return value, np.sqrt(squares) / events, events


def _together(counts: ScoreCounts, m: int) -> ScoreCounts:
    return ScoreCounts(
        event=trailing(counts.event, m), other=trailing(counts.other, m), score=counts.score, alerted=counts.alerted
    )
