"""How good the stated risks are as probabilities: Brier, log loss, O:E, Spiegelhalter's z; and prevalence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from codman.evaluate.distributions import two_sided_p
from codman.evaluate.estimates import Bounds, Estimates, FloatArray
from codman.evaluate.intervals import log_scale
from codman.evaluate.kernels.library import gram, probability_columns, side_by_side
from codman.evaluate.metrics.tables import FN, FP, TN, TP, Table, share
from codman.evaluate.ranked import Ranked

CLIP: Final = 1e-12
PART_ROWS: Final = 1 << 18  # summed apart, side by side
CACHED_ROWS: Final = 1 << 14  # whose columns stay in the processor's cache
NOT_RISKS: Final = "scores lie outside 0 to 1: they rank patients but are not risks"
_FEW: Final = 10
_STEPS: Final = "fewer than 10 with or without the event: the interval may cover a little less than its level"
ONE, EVENT, RISK, SQUARE, SURPRISE, LEAN, LEAN_NULL = range(7)  # columns of Sums


@dataclass(frozen=True, slots=True, kw_only=True)
class Sums:
    """Totals of what adds up, with the second moments of patients' sums."""

    totals: FloatArray  # (S, 7)
    moments: FloatArray  # (S, 7, 7)
    units: FloatArray  # (S,)
    plain: bool

    def variance(self, gradient: FloatArray) -> FloatArray:
        """(S,) variance of a smooth function of the totals, gradient (S, 7)."""
        square = np.einsum("si,sij,sj->s", gradient, self.moments, gradient)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            variance: FloatArray = np.maximum(square, 0) * self.units / (self.units - 1)
        return variance


def are_risks(score: FloatArray) -> bool:
    """Whether every score lies in [0, 1]."""
    return len(score) == 0 or (float(score.min()) >= 0.0 and float(score.max()) <= 1.0)


def sums(ranked: Ranked) -> Sums:
    """One pass over the rows (on finest cells), or one a grouping where rows repeat patients."""
    slices = ranked.slices
    if ranked.subject is None:
        totals, moments, units = _by_cell(ranked)
        return Sums(
            totals=slices.totals(totals),
            moments=slices.totals(moments),
            units=slices.totals(units),
            plain=ranked.weight is None,
        )
    columns = probability_columns(ranked.score, ranked.code, ranked.weight, CLIP)
    k = columns.shape[1]
    totals, moments, units = (np.empty((slices.count, *shape)) for shape in ((k,), (k, k), ()))

    def one(g: int) -> None:
        members = slices.members(g)
        of_cell = np.ascontiguousarray(slices.of_cell[g] - int(members[0]))
        totals[members], moments[members], units[members] = gram(
            columns, slices.cell, of_cell, len(members), ranked.subject
        )

    side_by_side(one, range(len(slices.groupings)))
    return Sums(totals=totals, moments=moments, units=units, plain=False)


def _by_cell(ranked: Ranked) -> list[FloatArray]:
    """Totals, moments and rows of every finest cell.

    Summed in parts whose number does not depend on the machine, so that the last bit does not either.
    """
    cells, n = ranked.slices.of_cell.shape[1], len(ranked.score)
    same = np.arange(cells, dtype=np.int32)
    step = max(CACHED_ROWS, 64 * cells)

    def part(first: int) -> list[FloatArray]:
        found = [np.zeros((cells, *shape)) for shape in ((7,), (7, 7), ())]
        for start in range(first, min(first + PART_ROWS, n), step):
            rows = slice(start, min(start + step, first + PART_ROWS))
            weight = None if ranked.weight is None else ranked.weight[rows]
            columns = probability_columns(ranked.score[rows], ranked.code[rows], weight, CLIP)
            for held, more in zip(found, gram(columns, ranked.slices.cell[rows], same, cells, None), strict=True):
                held += more
        return found

    parts = side_by_side(part, range(0, max(n, 1), PART_ROWS))
    return [np.sum(held, axis=0) for held in zip(*parts, strict=True)]


def prevalence(everyone: Table, params: Mapping[str, Any]) -> Estimates:
    """The share of patients with the event. Interval: Wilson.

    Its coverage moves in steps where events are few: 93.3 % at 200 patients of whom 2 % have the event. A note says so.
    """
    part = share(everyone, [TP, FN], [TP, FP, FN, TN])
    with np.errstate(invalid="ignore"):
        events = part.value * part.worth
        few = (events > 0) & (np.minimum(events, part.worth - events) < _FEW)
    return Estimates(
        metric="prevalence",
        value=part.value,
        bounds=part.bounds(),
        method=part.method,
        params=params,
        notes=dict.fromkeys(np.flatnonzero(few).tolist(), _STEPS) if part.plain else {},
    )


def probability(ranked: Ranked, found: Sums, params: Mapping[str, Any]) -> Iterator[Estimates]:
    """Metrics of the risks themselves, on every slice."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        lean, lean_null = found.totals[:, LEAN], found.totals[:, LEAN_NULL]
        yield _mean("brier", found, SQUARE, params, ranked.df)
        yield _brier_skill(found, params, ranked.df)
        yield _mean("log_loss", found, SURPRISE, params, ranked.df)
        yield _oe_ratio(found, params, ranked.df)
        null = found.moments[:, LEAN, LEAN] if ranked.clustered else lean_null
        z = np.where(null > 0, lean / np.sqrt(null), np.nan)
    yield Estimates(
        metric="spiegelhalter_z",
        value=z,
        method="spiegelhalter" if not ranked.clustered else "spiegelhalter-clustered",
        params=params,
        p_value=np.array([two_sided_p(x) if np.isfinite(x) else np.nan for x in z]),
        notes={int(s): "every risk is 0, 0.5 or 1" for s in np.flatnonzero(np.isnan(z))},
        compared=False,
    )


def _mean(metric: str, found: Sums, column: int, params: Mapping[str, Any], df: FloatArray | None) -> Estimates:
    """A mean above 0, its interval by the sandwich variance on the log scale."""
    rows = found.totals[:, ONE]
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        value = found.totals[:, column] / rows
        gradient = np.zeros_like(found.totals)
        gradient[:, column] = 1 / rows
        gradient[:, ONE] = -value / rows
        se = np.sqrt(found.variance(gradient))
    return Estimates(metric=metric, value=value, bounds=log_scale(value, se, df), method="sandwich-log", params=params)


def _brier_skill(found: Sums, params: Mapping[str, Any], df: FloatArray | None) -> Estimates:
    """1 − Brier / (prevalence (1 − prevalence)). Interval: delta method on the log of the ratio."""
    rows, events, square = found.totals[:, ONE], found.totals[:, EVENT], found.totals[:, SQUARE]
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        share_of, brier = events / rows, square / rows
        spread = share_of * (1 - share_of)
        left = np.where(spread > 0, brier / spread, np.nan)
        by_brier, by_share = -1 / spread, brier * (1 - 2 * share_of) / spread**2
        gradient = np.zeros_like(found.totals)
        gradient[:, SQUARE] = by_brier / rows
        gradient[:, EVENT] = by_share / rows
        gradient[:, ONE] = -(by_brier * brier + by_share * share_of) / rows
        se = np.sqrt(found.variance(gradient))
    left_bounds = log_scale(left, se, df)

    def bounds(level: float) -> tuple[FloatArray, FloatArray]:
        low, high = left_bounds(level)
        return 1 - high, 1 - low

    return Estimates(
        metric="brier_skill",
        value=1 - left,
        bounds=bounds,
        method="delta-log",
        params=params,
        notes={int(s): "one class only" for s in np.flatnonzero(np.isnan(left))},
    )


def _oe_ratio(found: Sums, params: Mapping[str, Any], df: FloatArray | None) -> Estimates:
    """Observed over expected events.

    Interval: log scale with SE = √Σ(y − OE·p)²/O; where no event was observed, 0 to the exact Poisson upper bound.
    """
    observed, expected = found.totals[:, EVENT], found.totals[:, RISK]
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        value = np.where(expected > 0, observed / expected, np.nan)
        gradient = np.zeros_like(found.totals)
        gradient[:, EVENT] = 1 / expected
        gradient[:, RISK] = -value / expected
        square = np.einsum("si,sij,sj->s", gradient, found.moments, gradient)
        if not found.plain:
            square = square * found.units / (found.units - 1)
        se = np.sqrt(np.maximum(square, 0))
        worth = np.where(
            observed > 0, 1.0, found.totals[:, ONE] ** 2 / found.moments[:, ONE, ONE] / found.totals[:, ONE]
        )
    return Estimates(
        metric="oe_ratio",
        value=value,
        bounds=_with_none_observed(value, se, observed, expected * np.minimum(worth, 1.0), df),
        method=["exact-upper" if o == 0 else "sandwich-log" for o in observed],
        params=params,
        notes={int(s): "no event was expected" for s in np.flatnonzero(np.isnan(value))},
    )


def _with_none_observed(
    value: FloatArray, se: FloatArray, observed: FloatArray, expected: FloatArray, df: FloatArray | None
) -> Bounds:
    usual = log_scale(value, se, df)

    def bounds(level: float) -> tuple[FloatArray, FloatArray]:
        lower, upper = usual(level)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            most = -np.log((1 - level) / 2) / expected
        none = (observed == 0) & (expected > 0)
        return np.where(none, 0.0, lower), np.where(none, most, upper)

    return bounds
