"""Concordance: of two patients whose order is known, does the one at higher risk have the event first?"""

from __future__ import annotations

import numpy as np

from codman.evaluate.estimates import FloatArray
from codman.evaluate.kernels.survival_bindings import pairs_after, pairs_before
from codman.evaluate.survival.followup import inner
from codman.evaluate.survival.point import NO_WEIGHTS, Censored, Point, undefined

NO_PAIRS = "no pair of patients can be compared"


def concordance(of: Censored, *, tau: float | None, harrell: bool, ipcw: bool, influence: bool) -> list[Point]:
    """Harrell's C and the C freed of the censoring pattern, in one pass over the pairs.

    A failure at T is compared with every row followed beyond T, or censored at T. Tied scores count half. The second
    weighs a pair by 1/G(T)², for T below `tau`.

    Args:
        of: The rows and their censoring curve.
        tau: Only failures before it count for the second; None for all.
        harrell: Give the first.
        ipcw: Give the second.
        influence: Give each row's pull as well.

    Returns:
        Those asked for, in this order; each in [0, 1].

    Source: Harrell and others 1982, doi:10.1001/jama.1982.03320430047030; Uno and others 2011, doi:10.1002/sim.4154.
    """
    rows = of.rows
    event = rows.event.view(np.uint8)
    lower, after = pairs_after(rows.step, event, rows.rank, rows.ranks, rows.weight)
    points: list[Point | None] = []
    firsts: list[FloatArray] = []
    counted = rows.event & (rows.weight > 0)
    if harrell:
        firsts.append(rows.weight * counted)
        points.append(None)
    if ipcw:
        used = counted if tau is None else counted & (rows.time < tau)
        if np.any(used & ~(of.stays > 0)):
            points.append(undefined(NO_WEIGHTS))
        else:
            safe = np.where(used, of.stays, 1.0)
            firsts.append(np.where(used, rows.weight / safe**2, 0.0))
            points.append(None)
    weight = np.array(firsts).reshape(len(firsts), len(rows.time))
    totals = [(inner(first, lower), inner(first, after)) for first in weight]
    higher = before = None
    if influence and any(pairs > 0 for _, pairs in totals):
        higher, before = pairs_before(rows.step, event, rows.rank, rows.ranks, weight)
    made: list[Point] = []
    for k, (concordant, pairs) in enumerate(totals):
        if not pairs > 0:
            made.append(undefined(NO_PAIRS))
            continue
        c = concordant / pairs
        as_first = weight[k] * (lower - c * after) / pairs
        own = pull = None
        if higher is not None and before is not None:
            own = as_first + rows.weight * (higher[k] - c * before[k]) / pairs
            if not (harrell and k == 0):
                pull = of.on_curve(weight[k] > 0, -2 * as_first)
        useful = np.where(after > 0, weight[k], 0.0)
        made.append(Point(value=c, own=own, pull=pull, scarcer=of.number(useful)))
    filled = iter(made)
    return [next(filled) if point is None else point for point in points]
