"""Curves on fixed grids, with no point that rests on fewer than 11 patients."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

import numpy as np

from codman.evaluate.distributions import z_of_level
from codman.evaluate.estimates import BoolArray, FloatArray
from codman.evaluate.groups import Slices
from codman.evaluate.intervals import wilson_ends
from codman.evaluate.metrics.calibration import Points, Smooth
from codman.evaluate.metrics.tables import counts_above, moments_by_patient
from codman.evaluate.metrics.utility import odds
from codman.evaluate.ranked import Ranked
from codman.evaluate.suppression import FEWEST
from codman.spine.statement import Curve

DECISION_GRID: Final = tuple(round(k / 100, 2) for k in range(1, 100))
RANK_GRID: Final = 100
GROUPS: Final = 10
SMOOTH_GRID: Final = 50
MOST_DRAWN: Final = 40  # with more slices than this, intersections are left to the measurements


def drawn(slices: Slices, hidden: BoolArray) -> list[int]:
    """The slices whose curves are kept."""
    wide = slices.count <= MOST_DRAWN
    return [
        s
        for s in range(slices.count)
        if not hidden[s] and (wide or len(slices.groupings[int(slices.grouping[s])]) <= 1)
    ]


def ranking(ranked: Ranked, wanted: Iterable[int]) -> tuple[list[Curve], list[Curve]]:
    """ROC and precision–recall at 100 score quantiles; a point needs 11 patients on each side of its cut."""
    places = np.linspace(0, len(ranked.sorted_score) - 1, RANK_GRID + 1)[1:-1].astype(np.int64)
    cuts = ranked.sorted_score[places]  # the highest first, so equal ones are neighbours
    cuts = cuts[np.append(True, cuts[1:] != cuts[:-1])]
    cuts = cuts[np.isfinite(cuts)]  # an infinite threshold cannot be written down
    above, everyone = counts_above(ranked, [float(c) for c in cuts])
    roc, recall = [], []
    for s in wanted:
        total = everyone[s]
        if total[0, 1] <= 0 or total[1, 1] <= 0:
            continue
        flagged = above[:, s, :, 0].sum(axis=1)
        kept = (flagged >= FEWEST) & (total[:, 0].sum() - flagged >= FEWEST)
        tp, fp = above[kept, s, 1, 1], above[kept, s, 0, 1]
        name, threshold = ranked.slices.names[s], _plain(cuts[kept])
        roc.append(Curve(slice=name, x=_plain(fp / total[0, 1]), y=_plain(tp / total[1, 1]), threshold=threshold))
        with np.errstate(divide="ignore", invalid="ignore"):
            recall.append(Curve(slice=name, x=_plain(tp / total[1, 1]), y=_plain(tp / (tp + fp)), threshold=threshold))
    return roc, recall


def decision(ranked: Ranked, wanted: Sequence[int], level: float) -> list[Curve]:
    """Net benefit at 1 % to 99 %, beside treating everyone and no one.

    Where rows repeat patients and are weighted the interval is given for everyone only: it needs a pass over the rows
    for each threshold.
    """
    cuts = np.array(DECISION_GRID)
    above, everyone = counts_above(ranked, DECISION_GRID)
    total = everyone[:, :, 1].sum(axis=1)
    o = (cuts / (1 - cuts))[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        benefit = (above[:, :, 1, 1] - o * above[:, :, 0, 1]) / total
        half = z_of_level(level) * np.sqrt(_benefit_variance(ranked, above, everyone, o, benefit))
        share = everyone[:, 1, 1] / total
        treat_all = share - (1 - share) * o
    drawn_at = (above[:, :, :, 0].sum(axis=2) >= FEWEST) & np.isfinite(benefit)
    curves = []
    for s in wanted:
        kept = drawn_at[:, s]
        if not kept.any():
            continue
        y, wide = benefit[kept, s], half[kept, s]
        known = bool(np.isfinite(wide).all())
        curves.append(
            Curve(
                slice=ranked.slices.names[s],
                x=_plain(cuts[kept]),
                y=_plain(y),
                lower=_plain(y - wide) if known else _known(y - wide),
                upper=_plain(y + wide) if known else _known(y + wide),
                treat_all=_plain(treat_all[kept, s]),
                level=level,
            )
        )
    return curves


def _benefit_variance(
    ranked: Ranked, above: FloatArray, everyone: FloatArray, o: FloatArray, benefit: FloatArray
) -> FloatArray:
    """(T, S) variance of net benefit: the squares of what each patient adds to it, less its mean."""
    total = everyone[:, :, 1].sum(axis=1)
    if ranked.subject is None:
        hit, false = above[:, :, 1, 2], above[:, :, 0, 2]
        square = hit * (1 - benefit) ** 2 + false * (o + benefit) ** 2
        square += (everyone[:, :, 2].sum(axis=1) - hit - false) * benefit**2
        units = everyone[:, :, 0].sum(axis=1)
        variance: FloatArray = square / total**2 if ranked.plain else square / total**2 * units / (units - 1)
        return variance
    if ranked.weight is not None:
        spread = np.full(benefit.shape, np.nan)
        spread[:, 0] = list(_everyone_variance(ranked).values())
        return spread
    found = moments_by_patient(ranked, np.array(DECISION_GRID))
    _a, _b, aa, bb, ab, a_p, a_n, b_p, b_n = np.moveaxis(found.at, 2, 0).transpose(0, 2, 1)
    _p, _n, pp, nn, pn, units = found.whole.T
    square = aa + o**2 * bb - 2 * o * ab - 2 * benefit * (a_p + a_n - o * (b_p + b_n)) + benefit**2 * (pp + 2 * pn + nn)
    by_patient: FloatArray = np.maximum(square, 0) / total**2 * units / np.maximum(units - 1, 1)
    return by_patient


def _known(values: FloatArray) -> list[float | None]:
    return [float(v) if np.isfinite(v) else None for v in values]


def _everyone_variance(ranked: Ranked) -> dict[float, float]:
    """Variance by patient of everyone's net benefit, one pass of sums by patient a threshold."""
    assert ranked.subject is not None  # noqa: S101 (called only where rows repeat patients)
    w = np.ones(len(ranked.score)) if ranked.weight is None else ranked.weight
    hit, total = w * ranked.event, float(w.sum())
    starts = np.flatnonzero(np.concatenate([[True], ranked.subject[1:] != ranked.subject[:-1]]))
    patients = len(starts)
    weight_of = np.add.reduceat(w, starts)
    out = {}
    for threshold in DECISION_GRID:
        worth = (ranked.score >= threshold) * (hit - odds(threshold) * (w - hit))
        mean = float(worth.sum()) / total
        residual = np.add.reduceat(worth, starts) - mean * weight_of
        out[threshold] = float(residual @ residual) / total**2 * patients / max(patients - 1, 1)
    return out


def calibration(
    points: Points, smooths: Sequence[Smooth | None], slices: Slices, wanted: Iterable[int], level: float
) -> list[Curve]:
    """Observed against stated risk: groups of equal numbers of patients with Wilson intervals, and the LOESS."""
    curves: list[Curve] = []
    for s in wanted:
        grouped = _equal_mass(points, s, level)
        if grouped is not None:
            curves.append(Curve(slice=slices.names[s], kind="equal-mass", level=level, **grouped))
        found = smooths[s]
        if found is not None:
            curves.append(Curve(slice=slices.names[s], kind="loess", level=level, **_thinned(found, level)))
    return curves


def _equal_mass(points: Points, s: int, level: float) -> dict[str, Any] | None:
    rows = points.rows[s]
    total = rows.sum()
    if total < FEWEST:
        return None
    groups = int(min(GROUPS, total // FEWEST))
    middle = np.cumsum(rows) - rows / 2
    group = np.minimum((middle * groups / total).astype(int), groups - 1)
    held, mass, events, risk = (
        np.bincount(group, weights=part, minlength=groups)
        for part in (rows, points.mass[s], points.events[s], points.risk[s])
    )
    kept = held >= FEWEST
    if not kept.any():
        return None
    share = events[kept] / mass[kept]
    lower, upper = wilson_ends(share, held[kept].astype(np.float64), level)
    return {
        "x": _plain(risk[kept] / mass[kept]),
        "y": _plain(share),
        "lower": _plain(lower),
        "upper": _plain(upper),
        "n": [int(h) for h in held[kept]],
    }


def _thinned(found: Smooth, level: float) -> dict[str, Any]:
    place = np.cumsum(found.rows)
    inner = np.flatnonzero((place >= FEWEST) & (place[-1] - place + found.rows >= FEWEST))
    if len(inner) > SMOOTH_GRID:
        inner = np.unique(inner[np.linspace(0, len(inner) - 1, SMOOTH_GRID).astype(int)])
    half = z_of_level(level) * found.spread[inner]
    observed = found.observed[inner]
    return {
        "x": _plain(found.risk[inner]),
        "y": _plain(observed),
        "lower": _plain(np.clip(observed - half, 0, 1)),
        "upper": _plain(np.clip(observed + half, 0, 1)),
    }


def _plain(values: FloatArray) -> list[float]:
    plain: list[float] = values.tolist()
    return plain
