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

_STATES = 201


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
    edges = np.linspace(-limit, limit, _STATES + 1)
    middle = (edges[:-1] + edges[1:]) / 2
    reach = (edges[None, :] - (1 - weight) * middle[:, None]) / weight - shift
    return float(_waiting(np.diff(cdf(reach), axis=1))[_STATES // 2])


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
    up = _one_sided(reference, limit, shift)
    if not two_sided:
        return _at(up, limit, head_start)
    down = _one_sided(reference, limit, -shift)
    started = _at(up, limit, head_start) * down[0] + _at(down, limit, head_start) * up[0] - up[0] * down[0]
    return float(started / (up[0] + down[0]))


def ewma_width(weight: float, in_control_run: float) -> float:
    """L that gives an EWMA this in-control run length: 2.814 for λ = 0.1 and 500 points."""
    _wanted(in_control_run)
    return _solve(lambda width: ewma_run_length(weight, width), in_control_run, 0.1, 8.0)


def cusum_limit(reference: float, in_control_run: float, *, head_start: bool = False, two_sided: bool = True) -> float:
    """h that gives a CUSUM this in-control run length: 4.77 for k = 0.5 and 370 points, two-sided."""
    _wanted(in_control_run)

    def run(limit: float) -> float:
        return cusum_run_length(reference, limit, head_start=limit / 2 if head_start else 0.0, two_sided=two_sided)

    return _solve(run, in_control_run, 0.05, 60.0)


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
    states = 2 * _STATES - 1
    width = limit / states
    at = np.arange(states) * width
    to = np.maximum(at[:, None] + weights[None, :], 0.0)
    low = np.floor(to / width).astype(np.int64)
    part = to / width - low
    chance = np.broadcast_to(chances, to.shape)
    stays = to < limit
    move = np.zeros((states, states + 1))
    row = np.broadcast_to(np.arange(states)[:, None], to.shape)
    np.add.at(move, (row[stays], low[stays]), (chance * (1 - part))[stays])
    np.add.at(move, (row[stays], np.minimum(low[stays] + 1, states)), (chance * part)[stays])
    waiting = _waiting(move[:, :states])
    return float(np.interp(head_start, at, waiting))


@lru_cache(maxsize=256)
def _one_sided(reference: float, limit: float, shift: float) -> FloatArray:
    """(states,) run lengths of one sum from each starting state; state 0 is the sum at 0."""
    width = 2 * limit / (2 * _STATES - 1)
    at = np.arange(_STATES) * width
    reach = at[None, :] + width / 2 - at[:, None] + reference - shift
    below = cdf(reach)
    move = np.diff(below, axis=1, prepend=0.0)
    move[:, 0] = below[:, 0]
    return _waiting(move)


def _at(runs: FloatArray, limit: float, head_start: float) -> float:
    width = 2 * limit / (2 * _STATES - 1)
    return float(np.interp(head_start, np.arange(_STATES) * width, runs))


def _waiting(move: FloatArray) -> FloatArray:
    """Mean steps until a chain leaves, from each state: (I − Q)⁻¹·1."""
    return np.asarray(np.linalg.solve(np.eye(len(move)) - move, np.ones(len(move))))


def _wanted(in_control_run: float) -> None:
    if not 1 < in_control_run <= 1e7:
        raise ChartImpossible(
            what="this run length cannot be met", why=f"{in_control_run:g} points", fix="ask for more than 1, say 370"
        )


def _solve(run: Callable[[float], float], wanted: float, low: float, high: float) -> float:
    while high - low > 1e-4:
        middle = (low + high) / 2
        found = run(middle)
        low, high = (middle, high) if 0 < found < wanted else (low, middle)
    return (low + high) / 2
