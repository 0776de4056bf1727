"""Brier score at a horizon, weighted for censoring, and its mean over horizons."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from codman.evaluate.estimates import FloatArray
from codman.evaluate.survival.followup import inner
from codman.evaluate.survival.point import NO_WEIGHTS, Censored, Point, undefined


def brier_t(of: Censored, horizon: float, *, influence: bool) -> Point:
    """Mean squared distance of the stated chance of being free of the event from what happened by the horizon.

    Patients with the event count 1/G(T), those free of it 1/G(horizon), those censored before it nothing.

    Args:
        of: The rows, with what was stated at the horizon, and their censoring curve.
        horizon: In the unit of the times.
        influence: Give each row's pull as well, that on the censoring curve included.

    Returns:
        0 is perfect; 0.25 is what saying 0.5 to everyone gives.

    Source: Graf and others 1999, doi:10.1002/(SICI)1097-0258(19990915/30)18:17/18<2529::AID-SIM274>3.0.CO;2-5.
    """
    rows = of.rows
    stated = rows.survival[horizon]
    counted = rows.weight > 0
    total = float(rows.weight.sum())
    case = rows.event & (rows.time <= horizon) & counted
    free = (rows.time > horizon) & counted
    at_horizon = of.at(horizon)
    if not total > 0 or (np.any(free) and not at_horizon > 0) or np.any(case & ~(of.stays > 0)):
        return undefined(NO_WEIGHTS)
    if not np.any(free) and np.any(~rows.event & counted & (rows.time <= horizon)):
        return undefined("nobody is followed beyond the horizon")
    by_event = np.where(case, stated**2 / np.where(case, of.stays, 1.0), 0.0)
    by_free = np.where(free, (1 - stated) ** 2 / (at_horizon if at_horizon > 0 else 1.0), 0.0)
    score = inner(rows.weight, by_event + by_free) / total
    own = pull = None
    if influence:
        own = rows.weight * (by_event + by_free - score) / total
        pull = of.on_curve(case, -rows.weight * by_event / total)
        pull = pull + of.put_at(horizon, -inner(rows.weight, by_free) / total)
    scarcer = min(of.number(rows.weight * case), of.number(rows.weight * free))
    return Point(value=score, own=own, pull=pull, scarcer=scarcer)


def integrated(points: Sequence[Point], horizons: Sequence[float]) -> Point:
    """Area under the Brier score from the first horizon to the last (trapezoid), over their distance."""
    if any(np.isnan(point.value) for point in points):
        return undefined("the Brier score has no value at one of the horizons")
    share = trapezoid_weights(horizons)
    own = pull = None
    if all(point.own is not None for point in points):
        own = np.sum([w * p.own for w, p in zip(share, points, strict=True) if p.own is not None], axis=0)
        pull = np.sum([w * p.pull for w, p in zip(share, points, strict=True) if p.pull is not None], axis=0)
    value = float(sum(w * p.value for w, p in zip(share, points, strict=True)))
    return Point(value=value, own=own, pull=pull, scarcer=min(point.scarcer for point in points))


def trapezoid_weights(horizons: Sequence[float]) -> FloatArray:
    """What each horizon counts for in the mean; they sum to 1."""
    gaps = np.diff(np.asarray(horizons, dtype=np.float64))
    weights: FloatArray = np.concatenate([gaps, [0.0]]) / 2 + np.concatenate([[0.0], gaps]) / 2
    weights /= gaps.sum()
    return weights
