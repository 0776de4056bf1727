"""AUROC at a horizon: those with the event by then against those still free of it."""

from __future__ import annotations

import numpy as np

from codman.evaluate.estimates import FloatArray
from codman.evaluate.survival.followup import Followup, inner
from codman.evaluate.survival.point import NO_WEIGHTS, Censored, Point, undefined


def auroc_t(of: Censored, horizon: float, *, influence: bool) -> Point:
    """Cumulative/dynamic AUROC: chance that a patient with the event by the horizon scores above one still free of it.

    Patients with the event are weighed by 1/G(T); those censored before the horizon count for neither.

    Args:
        of: The rows and their censoring curve.
        horizon: In the unit of the times.
        influence: Give each row's pull as well, that on the censoring curve included.

    Returns:
        A value in [0, 1].

    Source: Uno and others 2007, doi:10.1198/016214507000000149; interval: Blanche, Dartigues & Jacqmin-Gadda 2013,
    doi:10.1002/sim.5958.
    """
    rows = of.rows
    counted = rows.weight > 0
    case = rows.event & (rows.time <= horizon) & counted
    free = (rows.time > horizon) & counted
    if not case.any():
        return undefined("nobody has the event by the horizon")
    if not free.any():
        return undefined("nobody is followed beyond the horizon free of the event")
    if np.any(case & ~(of.stays > 0)):
        return undefined(NO_WEIGHTS)
    mass = np.where(case, rows.weight / np.where(case, of.stays, 1.0), 0.0)
    spared = np.where(free, rows.weight, 0.0)
    cases, frees = float(mass.sum()), float(spared.sum())
    frees_below = _below(rows, spared)
    auc = inner(mass, frees_below) / (cases * frees)
    own = pull = None
    if influence:
        cases_above = cases - _below(rows, mass)
        as_case = mass * (frees_below / frees - auc) / cases
        own = as_case + spared * (cases_above / cases - auc) / frees
        pull = of.on_curve(case, -as_case)
    return Point(value=min(1.0, auc), own=own, pull=pull, scarcer=min(of.number(mass), of.number(spared)))


def _below(rows: Followup, mass: FloatArray) -> FloatArray:
    """(m,) mass of the rows with a lower score, ties by half."""
    at_rank = np.bincount(rows.rank, mass, minlength=rows.ranks)
    up_to = np.cumsum(at_rank)
    return (up_to - 0.5 * at_rank)[rows.rank]
