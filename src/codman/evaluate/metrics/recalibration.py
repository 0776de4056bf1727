"""Calibration slope and intercept: the logistic recalibration of what happened on logit(score), every slice.

The fit starts from sums over fine bins of logit(score). Of many rows it is finished on a grid: sums over rows of ten
Chebyshev polynomials in bins 0.2 wide give the sum of any function as smooth as the logistic, to more digits than a sum
row by row: a million rows in any number of slices are read once. Of few rows it is finished by passes over the
rows. Sources: Cox 1958, doi:10.1093/biomet/45.3-4.562; Van Calster 2019, doi:10.1186/s12916-019-1466-7.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from codman.evaluate.distributions import chi2_ppf
from codman.evaluate.estimates import BoolArray, Estimates, FloatArray, IntArray
from codman.evaluate.intervals import normal
from codman.evaluate.kernels.library import (
    Codes,
    chebyshev_sums,
    gram,
    logistic_pass,
    logits,
    profile_interval,
    side_by_side,
)
from codman.evaluate.metrics.probability import CLIP
from codman.evaluate.ranked import Ranked

FEW_EVENTS: Final = 100  # of either class: the profile likelihood is used
MOST_BINS: Final = 1024  # of one slice
FEWEST_BINS: Final = 32
ALL_BINS: Final = 1 << 22  # of all slices together: bounds the memory
BINNED_PASSES: Final = 15  # enough unless scores separate the classes, and then no number is
HALVINGS: Final = 4
EXACT_PASSES: Final = 60
CONVERGED: Final = 1e-9
SETTLED: Final = 1e-3  # on bins: close enough that exact steps finish it
LARGEST_STEP: Final = 4.0  # log odds, in the middle and two standard deviations out
RUNAWAY: Final = 50.0
WIDTH: Final = 0.2  # of the grid's bins, on the logit scale
DEGREE: Final = 10  # nodes of a bin
STEEPEST: Final = 2.5  # slope to which the grid is exact: its error is about 2 (slope WIDTH / 4π)^DEGREE


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """Recalibration of every slice."""

    intercept: FloatArray  # (S,) fitted jointly with the slope
    slope: FloatArray
    in_the_large: FloatArray  # the intercept with slope 1
    variance: FloatArray  # (S, 3) of the three, in that order
    converged: BoolArray  # (S,) the joint fit; False where scores separate the classes or are all alike
    large_converged: BoolArray
    clipped: int  # rows whose score was 0 or 1
    x: FloatArray  # (n,) logit of the score


def fit(ranked: Ranked) -> Fit:
    """Fit every slice."""
    slices = ranked.slices
    x, clipped = logits(ranked.score, CLIP)
    coefficients, variance = np.zeros((slices.count, 3)), np.full((slices.count, 3), np.nan)
    converged, large = np.zeros(slices.count, bool), np.zeros(slices.count, bool)
    grid = _gridded(ranked, x)
    start = _binned(ranked, x) if grid is None else grid.bins
    mixed = (ranked.positives > 0) & (ranked.positives < ranked.n)

    def one(g: int) -> None:
        members = slices.members(g)
        of_cell = np.ascontiguousarray(slices.of_cell[g] - int(members[0]))
        begun, settled = _newton_on_bins(start, of_cell, len(members))
        exact = _over_rows(ranked, x, of_cell) if grid is None else _over_grid(ranked, x, of_cell, grid, len(members))
        done = _newton(ranked, x, of_cell, begun, settled & mixed[members, None], exact)
        coefficients[members], variance[members], converged[members], large[members] = done

    side_by_side(one, range(len(slices.groupings)))
    return Fit(
        intercept=coefficients[:, 0],
        slope=coefficients[:, 1],
        in_the_large=coefficients[:, 2],
        variance=variance,
        converged=converged & mixed,
        large_converged=large & mixed,
        clipped=clipped,
        x=x,
    )


@dataclass(frozen=True, slots=True)
class _Bins:
    rows: FloatArray  # (C, bins) weight
    events: FloatArray
    x: FloatArray  # weighted sum of logits


def _binned(ranked: Ranked, x: FloatArray) -> _Bins:
    cells = ranked.slices.of_cell.shape[1]
    together = max(cells, ranked.slices.count)
    bins = int(np.clip(min(ALL_BINS, 2 * len(x)) // together, FEWEST_BINS, MOST_BINS))
    low, high = (float(x.min()), float(x.max())) if len(x) else (0.0, 0.0)
    place = ((x - low) * ((bins - 1) / (high - low) if high > low else 0.0)).astype(np.int64)
    place += ranked.slices.cell.astype(np.int64) * bins
    w = ranked.weight

    def add(values: FloatArray | None) -> FloatArray:
        return np.bincount(place, weights=values, minlength=cells * bins).reshape(cells, bins).astype(np.float64)

    event = ranked.event.astype(np.float64)
    return _Bins(add(w), add(event if w is None else w * event), add(x if w is None else w * x))


@dataclass(frozen=True, slots=True)
class _Grid:
    bins: _Bins
    x: FloatArray  # (K,) nodes
    rows: FloatArray  # (C, K) weight that stands at each node; some below 0
    events: FloatArray


def _gridded(ranked: Ranked, x: FloatArray) -> _Grid | None:
    """Rows gathered on nodes; None where passes over the rows cost no more, or squares of weights are needed."""
    if len(x) == 0 or (ranked.weight is not None and ranked.subject is None):
        return None
    cells, low = ranked.slices.of_cell.shape[1], float(x.min())
    bins = int((float(x.max()) - low) / WIDTH) + 1
    if max(2 * cells, ranked.slices.count) * bins * DEGREE > min(len(x), ALL_BINS):
        return None
    sums = chebyshev_sums(x, ranked.code, ranked.weight, low, WIDTH, bins, DEGREE, 2 * cells)
    held = np.flatnonzero(sums[:, :, 0].any(axis=0))
    sums = sums.reshape(cells, 2, bins, DEGREE)[:, :, held]
    angle = np.pi * (np.arange(DEGREE) + 0.5) / DEGREE
    to_nodes = np.cos(np.outer(np.arange(DEGREE), angle)) * np.where(np.arange(DEGREE) == 0, 1, 2)[:, None] / DEGREE
    both = sums.sum(axis=1)
    middle = low + (held + 0.5) * WIDTH
    return _Grid(
        bins=_Bins(both[:, :, 0], sums[:, 1, :, 0], both[:, :, 0] * middle + both[:, :, 1] * (WIDTH / 2)),
        x=(middle[:, None] + np.cos(angle) * (WIDTH / 2)).ravel(),
        rows=(both @ to_nodes).reshape(cells, -1),
        events=(sums[:, 1] @ to_nodes).reshape(cells, -1),
    )


def _newton_on_bins(bins: _Bins, of_cell: Codes, slices: int) -> tuple[FloatArray, BoolArray]:
    """Coefficients close to the fit, from the bins' means; steps that do not raise the likelihood are halved.

    Also (slices, 2): whether the joint fit and the lone intercept settled; neither does where scores separate classes.
    """
    rows, events, total = (np.zeros((slices, bins.rows.shape[1])) for _ in range(3))
    for part, summed in ((bins.rows, rows), (bins.events, events), (bins.x, total)):
        np.add.at(summed, of_cell, part)
    with np.errstate(divide="ignore", invalid="ignore"):
        x = np.where(rows > 0, total / rows, 0.0)
        share = events.sum(1) / rows.sum(1)
        begin = np.where((share > 0) & (share < 1), np.log(share / (1 - share)), 0.0)
    at = np.stack([begin, np.zeros(slices), np.zeros(slices)], axis=1)
    best = _likelihoods(at, rows, events, x)
    step = np.zeros_like(at)
    for _ in range(BINNED_PASSES):
        sums = _at_points(at, rows, events, x)
        step = _step(sums)
        for _ in range(HALVINGS):
            reached = _likelihoods(at + step, rows, events, x)
            worse = reached < best - 1e-9 * np.abs(best)
            if not worse.any():
                break
            step[worse[:, 0], :2] /= 2
            step[worse[:, 1], 2] /= 2
        at, best = at + step, reached
        if np.max(np.abs(step), initial=0.0) < 1e-6:
            break
    return at, _small(step, SETTLED)


def _at_points(at: FloatArray, rows: FloatArray, events: FloatArray, x: FloatArray) -> FloatArray:
    """(slices, 11) as `logistic_pass`, without its meat, of rows and events standing at points."""
    p, q = _risk(at[:, :1] + at[:, 1:2] * x), _risk(at[:, 2:] + x)
    g, h = events - rows * p, rows * p * (1 - p)
    hx = h * x
    out = np.zeros((len(at), 11))
    out[:, 0], out[:, 1], out[:, 2] = g.sum(1), (g * x).sum(1), h.sum(1)
    out[:, 3], out[:, 4] = hx.sum(1), (hx * x).sum(1)
    out[:, 8], out[:, 9] = (events - rows * q).sum(1), (rows * q * (1 - q)).sum(1)
    return out


Exact = Callable[[FloatArray], FloatArray]


def _over_rows(ranked: Ranked, x: FloatArray, of_cell: Codes) -> Exact:
    return lambda at: logistic_pass(x, ranked.code, ranked.weight, of_cell, at)[0]


def _over_grid(ranked: Ranked, x: FloatArray, of_cell: Codes, grid: _Grid, slices: int) -> Exact:
    rows, events = np.zeros((slices, len(grid.x))), np.zeros((slices, len(grid.x)))
    np.add.at(rows, of_cell, grid.rows)
    np.add.at(events, of_cell, grid.events)

    def sums(at: FloatArray) -> FloatArray:
        found = _at_points(at, rows, events, grid.x)
        steep = np.abs(at[:, 1]) > STEEPEST
        if steep.any():
            found[steep] = logistic_pass(x, ranked.code, ranked.weight, of_cell, at)[0][steep]
        return found

    return sums


def _small(step: FloatArray, limit: float) -> BoolArray:
    """(slices, 2) whether the joint fit's and the lone intercept's last step were below a limit."""
    return np.stack([np.abs(step[:, :2]).max(axis=1) < limit, np.abs(step[:, 2]) < limit], axis=1)


def _risk(z: FloatArray) -> FloatArray:
    with np.errstate(over="ignore"):
        risk: FloatArray = 1 / (1 + np.exp(-z))
    return risk


def _likelihoods(at: FloatArray, rows: FloatArray, events: FloatArray, x: FloatArray) -> FloatArray:
    """(slices, 2) log likelihood of the joint fit and of the lone intercept."""
    fits = (at[:, :1] + at[:, 1:2] * x, at[:, 2:] + x)
    return np.stack([(events * z - rows * np.logaddexp(0, z)).sum(axis=1) for z in fits], axis=1)


def _step(sums: FloatArray) -> FloatArray:
    """(slices, 3) Newton step, never further than it could be trusted; 0 where there is none."""
    g0, g1, h00, h01, h11 = sums[:, :5].T
    with np.errstate(divide="ignore", invalid="ignore"):
        determinant = h00 * h11 - h01**2
        alike = ~(determinant > 1e-12 * h00 * h11)
        step = np.stack(
            [(h11 * g0 - h01 * g1) / determinant, (h00 * g1 - h01 * g0) / determinant, sums[:, 8] / sums[:, 9]], axis=1
        )
        mean = h01 / h00
        spread = np.sqrt(np.maximum(h11 / h00 - mean**2, 0))
        # intercept and slope move together, so it is the step's length in log odds that is bounded, not its parts
        moved = np.abs(step[:, 0] + step[:, 1] * mean) + 2 * np.abs(step[:, 1]) * spread
        step[:, :2] *= np.minimum(1.0, LARGEST_STEP / moved)[:, None]
        step[:, 2] = np.clip(step[:, 2], -LARGEST_STEP, LARGEST_STEP)
    step[alike, :2] = 0.0
    step[~np.isfinite(step)] = 0.0
    return step


def _newton(
    ranked: Ranked, x: FloatArray, of_cell: Codes, start: FloatArray, settled: BoolArray, exact: Exact
) -> tuple[FloatArray, FloatArray, BoolArray, BoolArray]:
    at = start.copy()
    moves = np.column_stack([settled[:, 0], settled[:, 0], settled[:, 1]])
    sums = np.zeros((len(at), 11))
    done = np.zeros((len(at), 2), bool)
    for _ in range(EXACT_PASSES):
        sums = exact(at)
        step = _step(sums) * moves
        at += step
        done = _small(step, CONVERGED) & settled
        if np.all(done | ~settled):
            break
    g0, h00, h01, h11 = sums[:, 0], sums[:, 2], sums[:, 3], sums[:, 4]
    with np.errstate(divide="ignore", invalid="ignore"):
        determinant = h00 * h11 - h01**2
        inverse = np.empty((len(at), 2, 2))
        inverse[:, 0, 0], inverse[:, 1, 1] = h11 / determinant, h00 / determinant
        inverse[:, 0, 1] = inverse[:, 1, 0] = -h01 / determinant
        if ranked.plain:
            variance = np.stack([inverse[:, 0, 0], inverse[:, 1, 1], 1 / sums[:, 9]], axis=1)
        else:
            meat, lone = _meat(ranked, x, of_cell, at, sums)
            joint = np.einsum("sij,sjk,skl->sil", inverse, meat, inverse)
            variance = np.stack([joint[:, 0, 0], joint[:, 1, 1], lone / sums[:, 9] ** 2], axis=1)
        usable = (determinant > 1e-12 * h00 * h11) & np.isfinite(g0)
    bounded = np.abs(at) < RUNAWAY
    return at, variance, done[:, 0] & usable & bounded[:, :2].all(axis=1), done[:, 1] & bounded[:, 2]


def _meat(
    ranked: Ranked, x: FloatArray, of_cell: Codes, at: FloatArray, sums: FloatArray
) -> tuple[FloatArray, FloatArray]:
    if ranked.subject is None:
        meat = np.empty((len(at), 2, 2))
        meat[:, 0, 0], meat[:, 1, 1] = sums[:, 5], sums[:, 7]
        meat[:, 0, 1] = meat[:, 1, 0] = sums[:, 6]
        return meat, sums[:, 10]
    _sums, residuals = logistic_pass(x, ranked.code, ranked.weight, of_cell, at, residuals=True)
    assert residuals is not None  # noqa: S101 (asked for)
    _totals, moments, units = gram(residuals, ranked.slices.cell, of_cell, len(at), ranked.subject)
    with np.errstate(divide="ignore", invalid="ignore"):
        moments = moments * (units / (units - 1))[:, None, None]
    return moments[:, :2, :2], moments[:, 2, 2]


def recalibration(ranked: Ranked, found: Fit, params: Mapping[str, Any]) -> Iterator[Estimates]:
    """Slope, intercept in the large, and the jointly fitted intercept.

    Intervals: Wald; profile likelihood under 100 events or non-events; sandwich where rows repeat patients or are
    weighted.
    """
    few = np.minimum(ranked.positives, ranked.n - ranked.positives) < FEW_EVENTS
    wald = "wald" if ranked.plain else "wald-sandwich"
    # where rows repeat patients there is no likelihood to profile
    methods = ["profile-likelihood" if f and ranked.plain else wald for f in few]
    unfitted = {
        int(s): "scores separate the classes or are all alike: it has no finite value"
        for s in np.flatnonzero(~found.converged)
    } | {int(s): "one class only" for s in np.flatnonzero((ranked.positives == 0) | (ranked.positives == ranked.n))}
    extra = {**params, "clipped": found.clipped} if found.clipped else dict(params)
    slope = np.where(found.converged, found.slope, np.nan)
    large = np.where(found.large_converged, found.in_the_large, np.nan)
    joint = np.where(found.converged, found.intercept, np.nan)
    yield Estimates(
        metric="calibration_slope",
        value=slope,
        bounds=_Profiled(ranked, found, few, slope, 1) if ranked.plain else normal(slope, _se(found, 1), ranked.df),
        method=methods,
        params=extra,
        notes=unfitted,
    )
    yield Estimates(
        metric="calibration_intercept",
        value=large,
        bounds=_Profiled(ranked, found, few, large, 2) if ranked.plain else normal(large, _se(found, 2), ranked.df),
        method=methods,
        params=extra,
        notes=unfitted,
    )
    yield Estimates(
        metric="calibration_intercept",
        value=joint,
        bounds=normal(joint, _se(found, 0), ranked.df),
        method=wald,
        params={**extra, "kind": "joint"},
        notes=unfitted,
        compared=False,
    )


def _se(found: Fit, which: int) -> FloatArray:
    """Standard errors; NaN where a fit that did not converge left a negative variance."""
    with np.errstate(invalid="ignore"):
        out: FloatArray = np.sqrt(found.variance[:, which])
    return out


class _Profiled:
    """Profile likelihood bounds where a class is small, Wald's elsewhere; each slice's are found once a level."""

    def __init__(self, ranked: Ranked, found: Fit, few: BoolArray, value: FloatArray, which: int) -> None:
        self.ranked, self.found, self.which = ranked, found, which
        self.se = _se(found, which)
        self.wald = normal(value, self.se)
        self.small = np.flatnonzero(few & np.isfinite(value))
        self.rows = ranked.slices.rows_of([int(s) for s in self.small])
        self.known: dict[tuple[float, int], tuple[float, float]] = {}

    def __call__(self, level: float) -> tuple[FloatArray, FloatArray]:
        """(S,) bounds of every slice."""
        return self.of(level, self.small)

    def of(self, level: float, members: IntArray) -> tuple[FloatArray, FloatArray]:
        """(S,) bounds, right for these slices only."""
        lower, upper = (end.copy() for end in self.wald(level))
        wanted = [int(s) for s in np.intersect1d(members, self.small)]
        side_by_side(lambda s: self._find(level, s), [s for s in wanted if (level, s) not in self.known])
        for s in wanted:
            lower[s], upper[s] = self.known[level, s]
        return lower, upper

    def _find(self, level: float, s: int) -> None:
        x, y = self.found.x[self.rows[s]], self.ranked.event[self.rows[s]].astype(np.uint8)
        a = self.found.intercept[s] if self.which == 1 else self.found.in_the_large[s]
        self.known[level, s] = profile_interval(
            x, y, None, slope=self.which == 1, a=float(a), b=float(self.found.slope[s]), se=float(self.se[s]),
            fall=chi2_ppf(level, 1),
        )  # fmt: skip
