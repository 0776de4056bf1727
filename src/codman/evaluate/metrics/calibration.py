"""Distances between stated and observed risk: ECE, ICI, E50, E90. Biased upward, so without intervals.

`expected_if_calibrated` beside each says how large it would be if every risk were right: a number near it is no
finding.
Sources: Austin & Steyerberg 2019 (ICI, E50, E90), doi:10.1002/sim.8281; Naeini 2015 (ECE), doi:10.1609/aaai.v29i1.9602.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from codman.evaluate.estimates import Estimates, FloatArray
from codman.evaluate.kernels.library import half_normal_quantile, loess, side_by_side
from codman.evaluate.ranked import Ranked

ECE_BINS: Final = 10
POINTS: Final = 400  # points a smooth is fitted to; fewer rows than this are smoothed one by one
SPAN: Final = 0.75
HALF_NORMAL_MEAN: Final = math.sqrt(2 / math.pi)


@dataclass(frozen=True, slots=True, kw_only=True)
class Points:
    """Rows gathered into points of neighbouring risk, for every slice: additive, so cells are summed."""

    mass: FloatArray  # (S, B) weight of rows
    rows: FloatArray  # (S, B) rows
    events: FloatArray  # (S, B) weight of events
    risk: FloatArray  # (S, B) weighted sum of risks
    null: FloatArray  # (S, B) squared weight times p(1 − p)


def points_by_rank(ranked: Ranked, most: int = POINTS) -> Points:
    """Gather rows into at most `most` points of equal numbers of rows, ties kept together."""
    n = len(ranked.sorted_score)
    place = np.empty(n, dtype=np.int32)  # point of each arranged row, from the top
    block = np.cumsum(ranked.fresh, dtype=np.int64) - 1
    starts = np.flatnonzero(ranked.fresh)
    if len(starts) <= most:
        place[:] = block
    else:
        place[:] = ((starts * most) // n)[block]
    used, from_top = np.unique(place, return_inverse=True)
    return _points(ranked, (len(used) - 1 - from_top).astype(np.int64), len(used))


def points_by_risk(ranked: Ranked) -> Points:
    """Gather rows into ten equal-width bins on [0, 1], the last closed."""
    edges = np.arange(1, ECE_BINS) / ECE_BINS
    return _points(ranked, np.searchsorted(edges, ranked.sorted_score, side="right"), ECE_BINS)


def _points(ranked: Ranked, place: Any, points: int) -> Points:
    cells = ranked.slices.of_cell.shape[1]
    code, p, w = ranked.sorted_code, ranked.sorted_score, ranked.sorted_weight
    where = (code >> 1).astype(np.int64) * points + place
    event = (code & 1).astype(np.float64)

    def add(values: FloatArray | None) -> FloatArray:
        summed = np.bincount(where, weights=values, minlength=cells * points)
        return ranked.slices.totals(summed.reshape(cells, points).astype(np.float64))

    rows = add(None)
    if w is None:
        return Points(mass=rows, rows=rows, events=add(event), risk=add(p), null=add(p * (1 - p)))
    return Points(mass=add(w), rows=rows, events=add(w * event), risk=add(w * p), null=add(w * w * p * (1 - p)))


def ece(ranked: Ranked, params: Mapping[str, Any]) -> Estimates:
    """Expected calibration error: 10 equal-width bins on [0, 1], the last closed."""
    bins = points_by_risk(ranked)
    total = bins.mass.sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        value = np.abs(bins.events - bins.risk).sum(axis=1) / total
        expected = HALF_NORMAL_MEAN * np.sqrt(bins.null).sum(axis=1) / total
    return Estimates(
        metric="ece",
        value=value,
        method=f"equal-width:{ECE_BINS}",
        params=params,
        slice_params={"expected_if_calibrated": [float(e) if np.isfinite(e) else None for e in expected]},
        compared=False,  # its bias grows as groups shrink, so a difference would measure their sizes
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Smooth:
    """One slice's LOESS of what happened on stated risk."""

    risk: FloatArray  # (points,) sorted
    observed: FloatArray  # (points,) smoothed, kept inside [0, 1]
    spread: FloatArray  # (points,) standard deviation if the risks were right
    mass: FloatArray  # (points,)
    rows: FloatArray


def smooth(points: Points, s: int) -> Smooth | None:
    """Smooth one slice; None with fewer than three points."""
    held = np.flatnonzero(points.mass[s] > 0)
    if len(held) < 3:
        return None
    mass = points.mass[s, held]
    risk, share = points.risk[s, held] / mass, points.events[s, held] / mass
    by_risk = np.argsort(risk, kind="stable")  # weighted means of neighbouring points can cross
    risk, share, mass, held = risk[by_risk], share[by_risk], mass[by_risk], held[by_risk]
    variance = points.null[s, held] / mass**2
    observed, spread = loess(risk, share, mass, variance, risk, span=SPAN)
    return Smooth(risk=risk, observed=np.clip(observed, 0, 1), spread=spread, mass=mass, rows=points.rows[s, held])


def smoothed_errors(points: Points, params: Mapping[str, Any]) -> tuple[list[Estimates], list[Smooth | None]]:
    """ICI, E50 and E90 from the smooth of every slice, and the smooths."""
    count = len(points.mass)
    smooths = side_by_side(lambda s: smooth(points, s), range(count))
    distances = {name: np.full(count, np.nan) for name in ("ici", "e50", "e90")}
    expected: dict[str, list[float | None]] = {name: [None] * count for name in distances}
    for s, found in enumerate(smooths):
        if found is None:
            continue
        distance = np.abs(found.risk - found.observed)
        distances["ici"][s] = np.average(distance, weights=found.mass)
        expected["ici"][s] = float(np.average(HALF_NORMAL_MEAN * found.spread, weights=found.mass))
        for name, share in (("e50", 0.5), ("e90", 0.9)):
            distances[name][s] = _weighted_quantile(distance, found.mass, share)
            expected[name][s] = half_normal_quantile(found.spread, found.mass, share)
    few = {s: "fewer than three different risks" for s, found in enumerate(smooths) if found is None}
    return [
        Estimates(
            metric=name,
            value=value,
            method=f"loess:{SPAN}:points={points.mass.shape[1]}",
            params=params,
            slice_params={"expected_if_calibrated": expected[name]},
            notes=few,
            compared=False,
        )
        for name, value in distances.items()
    ], smooths


def _weighted_quantile(values: FloatArray, mass: FloatArray, share: float) -> float:
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(mass[order])
    return float(values[order][np.searchsorted(reached, share * reached[-1] * (1 - 1e-12))])
