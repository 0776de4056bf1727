"""Average run lengths of EWMA and CUSUM charts, by Markov chain, and the limits that give a wanted one.

A chart's in-control run length (ARL0) is how many points it goes, on average, before it signals for nothing. Points
are independent normals, in sigmas of one point.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache

import numpy as np

from codman.evaluate.estimates import FloatArray
from codman.monitor.charts.chart import ChartImpossible
from codman.monitor.normal import cdf

_COARSE, _FINE = 41, 81  # states of the two chains whose error in the states' width, squared, cancels
_WALK_STATES = 121  # where steps are of fixed sizes the error is not smooth, and one chain must do


@lru_cache(maxsize=256)
def ewma_run_length(weight: float, width: float, shift: float = 0.0) -> float:
    """Points until an EWMA with its steady limits first signals, starting at the centre.

    Args:
        weight: λ, the newest point's weight, in (0, 1].
        width: L, half the limits' distance in sigmas of the EWMA.
        shift: How far the mean has moved, in sigmas of one point.

    Raises:
        ChartImpossible: A weight or width that no chart has.

    Source: Lucas & Saccucci 1990, doi:10.1080/00401706.1990.10484583, by Brook & Evans's chain.
    """
    ewma_possible(weight, width)
    limit = width * math.sqrt(weight / (2 - weight))

    def chain(states: int) -> float:
        edges = np.linspace(-limit, limit, states + 1)
        middle = (edges[:-1] + edges[1:]) / 2
        reach = (edges[None, :] - (1 - weight) * middle[:, None]) / weight - shift
        return float(_waiting(np.diff(cdf(reach), axis=1))[states // 2])

    return _refined(chain(_COARSE), chain(_FINE), _FINE / _COARSE)


@lru_cache(maxsize=256)
def cusum_run_length(
    reference: float, limit: float, shift: float = 0.0, *, head_start: float = 0.0, two_sided: bool = True
) -> float:
    """Points until a tabular CUSUM first signals.

    Args:
        reference: k, sigmas taken off every point: half the shift it is tuned to.
        limit: h, the decision interval in sigmas.
        shift: How far the mean has moved, in sigmas of one point.
        head_start: Where each sum starts; h/2 is Lucas & Crosier's fast initial response.
        two_sided: Whether a second sum watches the other way.

    Raises:
        ChartImpossible: Values that no chart has.

    Source: Brook & Evans 1972, doi:10.1093/biomet/59.3.539; two-sided with a head start Lucas & Crosier 1982,
    doi:10.1080/00401706.1982.10487759.
    """
    cusum_possible(reference, limit, head_start)
    up, up_started = (_one_sided(reference, limit, shift, start) for start in (0.0, head_start))
    if not two_sided:
        return up_started
    down, down_started = (_one_sided(reference, limit, -shift, start) for start in (0.0, head_start))
    return (up_started * down + down_started * up - up * down) / (up + down)


def ewma_width(weight: float, in_control_run: float) -> float:
    """L that gives an EWMA this in-control run length: 2.814 for λ = 0.1 and 500 points."""
    _wanted(in_control_run)
    return limit_for(lambda width: ewma_run_length(weight, width), in_control_run, 1.5)


def cusum_limit(reference: float, in_control_run: float, *, head_start: bool = False, two_sided: bool = True) -> float:
    """h that gives a CUSUM this in-control run length: 4.77 for k = 0.5 and 370 points, two-sided."""
    _wanted(in_control_run)

    def run(limit: float) -> float:
        return cusum_run_length(reference, limit, head_start=limit / 2 if head_start else 0.0, two_sided=two_sided)

    return limit_for(run, in_control_run, 2.0)


def ewma_possible(weight: float, width: float) -> None:
    """Refuse a weight or a width that no EWMA has."""
    if not (0 < weight <= 1 and width > 0):
        raise ChartImpossible(
            what="this EWMA cannot be",
            why=f"weight {weight:g}, width {width:g}",
            fix="take a weight in (0, 1], a width above 0",
        )


def cusum_possible(reference: float, limit: float, head_start: float = 0.0) -> None:
    """Refuse a reference value, a decision interval or a head start that no CUSUM has."""
    if not (reference >= 0 and limit > 0 and 0 <= head_start < limit):
        raise ChartImpossible(
            what="this CUSUM cannot be",
            why=f"k {reference:g}, h {limit:g}, head start {head_start:g}",
            fix="take k of at least 0, h above 0, and a head start from 0 to below h",
        )


def chain_run_length(weights: FloatArray, chances: FloatArray, limit: float, head_start: float = 0.0) -> float:
    """Steps until max(0, sum of weights) first reaches `limit`, when each weight comes with its chance.

    Args:
        weights: (m,) what one step may add.
        chances: (m,) how likely each is; they sum to 1.
        limit: Above 0.
        head_start: Where the sum starts.

    A step that falls between two states is shared between them so that its mean is kept.
    """
    states = _WALK_STATES
    width = limit / states
    at = np.arange(states) * width
    to = np.maximum(at[:, None] + weights[None, :], 0.0)
    low = np.floor(to / width).astype(np.int64)
    part = to / width - low
    chance = np.broadcast_to(chances, to.shape)
    stays = to < limit
    row = np.broadcast_to(np.arange(states)[:, None], to.shape)
    size = states + 1  # the last column is past the limit
    place = row[stays] * size + low[stays]
    lower, upper = (chance * (1 - part))[stays], (chance * part)[stays]
    flat = np.bincount(place, weights=lower, minlength=states * size)
    flat = flat + np.bincount(np.minimum(place + 1, row[stays] * size + states), weights=upper, minlength=states * size)
    move = np.asarray(flat.reshape(states, size), dtype=np.float64)
    waiting = _waiting(move[:, :states])
    return float(np.interp(head_start, at, waiting))


@lru_cache(maxsize=256)
def _one_sided(reference: float, limit: float, shift: float, head_start: float) -> float:
    """Run length of one sum that starts at `head_start`."""

    def chain(states: int) -> float:
        width = 2 * limit / (2 * states - 1)
        # the chance of a step depends on the difference of two states only
        apart = np.arange(1 - states, states, dtype=np.float64)
        steps = cdf((apart + 0.5) * width + reference - shift)
        at = np.arange(states)
        below = steps[at[None, :] - at[:, None] + states - 1]
        move = np.diff(below, axis=1, prepend=0.0)
        move[:, 0] = below[:, 0]  # whatever falls below 0 is held there
        return float(np.interp(head_start, at * width, _waiting(move)))

    return _refined(chain(_COARSE), chain(_FINE), (2 * _FINE - 1) / (2 * _COARSE - 1))


def _refined(coarse: float, fine: float, times: float) -> float:
    """Richardson's extrapolation of two chains, one with states `times` as narrow, on the logarithm."""
    if not (0 < coarse < math.inf and 0 < fine < math.inf):
        return fine
    return math.exp((times**2 * math.log(fine) - math.log(coarse)) / (times**2 - 1))


def _waiting(move: FloatArray) -> FloatArray:
    """Mean steps until a chain leaves, from each state: (I − Q)⁻¹·1."""
    return np.asarray(np.linalg.solve(np.eye(len(move)) - move, np.ones(len(move))))


def _wanted(in_control_run: float) -> None:
    if not 1 < in_control_run <= 1e7:
        raise ChartImpossible(
            what="this run length cannot be met", why=f"{in_control_run:g} points", fix="ask for more than 1, say 370"
        )


def limit_for(run: Callable[[float], float], wanted: float, start: float) -> float:
    """Where a run length that rises with the limit is what is wanted: its logarithm is nearly a straight line."""

    def over(limit: float) -> float:
        return math.log(run(limit) / wanted)

    low, high = start, start * 1.4
    under, above = over(low), over(high)
    while under > 0:
        low, under, high, above = low / 2, over(low / 2), low, under
    while above < 0:
        low, under, high, above = high, above, high * 1.4, over(high * 1.4)
    while high - low > 1e-5:  # regula falsi, the end that stays halved (Illinois)
        middle = (low * above - high * under) / (above - under)
        found = over(middle)
        if abs(found) < 1e-7:
            return middle
        if found < 0:
            low, under, above = middle, found, above / 2
        else:
            high, above, under = middle, found, under / 2
    return (low + high) / 2
