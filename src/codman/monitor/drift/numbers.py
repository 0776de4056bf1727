"""A column of numbers: KS, Wasserstein, PSI, Jensen–Shannon and Hellinger on every slice, from one sort each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from codman.evaluate.estimates import FloatArray, IntArray
from codman.monitor.drift.bins import counts_between, decile_edges, shares
from codman.monitor.drift.clusters import largest
from codman.monitor.drift.column import Pair
from codman.monitor.drift.hellinger import hellinger, hellinger_ends
from codman.monitor.drift.js import js_distance, js_ends
from codman.monitor.drift.ks import ks_ends, ks_p
from codman.monitor.drift.psi import psi, psi_ends
from codman.monitor.drift.shift import Frame, Shift
from codman.monitor.drift.side import Arranged
from codman.monitor.drift.wasserstein import area_of_chance, wasserstein_ends
from codman.monitor.kernels.library import place, two_samples

_BINS: Final = 10
_ONE_VALUE: Final = "the reference's deciles are one value: there are no bins to compare"
_INFINITE: Final = "some values are infinite"
_FAR: Final = "some values are infinite: they count as the largest and the smallest"


@dataclass(slots=True)
class Walked:
    """What the walks through both samples gave. S slices; the first axis of two is reference, current."""

    gap: FloatArray  # (S,)
    area: FloatArray  # (S,) not finite where a value is not
    chance: FloatArray  # (2, S) as wasserstein.area_of_chance
    deviation: FloatArray  # (2, S)
    rows: IntArray  # (2, S) with a number
    counts: FloatArray  # (2, S, 10) between the reference's deciles
    effect: FloatArray  # (2, S) design effect

    @property
    def worth(self) -> FloatArray:
        """(2, S) independent rows."""
        return self.rows / self.effect


def walk(pair: Pair, frame: Frame) -> Walked:
    """Sort each slice's numbers once and walk through both samples.

    Args:
        pair: A column of numbers.
        frame: The two sides.
    """
    sides, slices = (frame.reference, frame.current), frame.current.slices
    count = slices.count
    found = Walked(
        gap=np.full(count, np.nan),
        area=np.full(count, np.nan),
        chance=np.full((2, count), np.nan),
        deviation=np.full((2, count), np.nan),
        rows=np.zeros((2, count), np.int64),
        counts=np.zeros((2, count, _BINS)),
        effect=np.ones((2, count)),
    )
    columns = [np.ascontiguousarray(x, np.float64) for x in (pair.reference, pair.current)]
    for g in range(len(slices.groupings)):
        members = slices.members(g)
        arranged = [side.arranged[g] for side in sides]
        values = [x if a.order is None else x[a.order] for x, a in zip(columns, arranged, strict=True)]
        edges = []
        for k, s in enumerate(members.tolist()):
            before, now = (_ascending(x[a.edges[k] : a.edges[k + 1]]) for x, a in zip(values, arranged, strict=True))
            edges.append(_of_slice(found, s, before, now))
        for which, (side, a, x) in enumerate(zip(sides, arranged, values, strict=True)):
            if side.clustered:
                bins = _placed(a, x, edges)
                found.effect[which, members] = largest(a, bins, found.counts[which, members])
    return found


def shifts(pair: Pair, found: Walked, frame: Frame) -> Iterator[Shift]:
    """Every statistic of a column of numbers.

    Args:
        pair: The column.
        found: What `walk` gave.
        frame: The two sides.
    """
    n = (found.rows[0], found.rows[1])
    worth = found.worth
    infinite = {int(s): _FAR for s in np.flatnonzero(np.isfinite(found.gap) & ~np.isfinite(found.area))}
    yield _ks(found, frame, infinite)
    lower, upper = wasserstein_ends(found.area, found.chance, found.deviation, worth, frame.level)
    with np.errstate(divide="ignore", invalid="ignore"):
        scaled = found.area / found.deviation[0]
    yield Shift(
        metric="wasserstein",
        value=found.area,
        lower=lower,
        upper=upper,
        n=n,
        method="exact; interval by Borell's inequality",
        params={"unit": pair.unit} if pair.unit else {},
        slice_params={"scaled": scaled, "reference_sd": found.deviation[0]},
        notes=dict.fromkeys(infinite, _INFINITE),
    )
    yield from of_shares(found.counts, (worth[0], worth[1]), n, frame, "deciles of the reference")


def of_shares(
    counts: FloatArray,
    worth: tuple[FloatArray, FloatArray],
    n: tuple[IntArray, IntArray],
    frame: Frame,
    bins: str,
) -> Iterator[Shift]:
    """PSI, Jensen–Shannon and Hellinger of the same shares.

    Args:
        counts: (2, S, K) rows of each bin.
        worth: (S,) independent rows of each side.
        n: (S,) rows of each side.
        frame: The two sides.
        bins: What the bins are, for `method`.
    """
    p, q = shares(counts)
    one = ((counts > 0).any(axis=0).sum(axis=-1) < 2) & (n[0] > 0) & (n[1] > 0)
    notes = {int(s): _ONE_VALUE for s in np.flatnonzero(one)} if "deciles" in bins else {}
    for metric, measure, ends in (
        ("psi", psi, psi_ends),
        ("js_distance", js_distance, js_ends),
        ("hellinger", hellinger, hellinger_ends),
    ):
        lower, upper = ends(p, q, worth, frame.level)
        yield Shift(
            metric=metric,
            value=np.where(one, np.nan, measure(p, q)) if notes else measure(p, q),
            lower=lower,
            upper=upper,
            n=n,
            method=f"{bins}; noncentral chi-square",
            notes=notes,
        )


def _ks(found: Walked, frame: Frame, notes: dict[int, str]) -> Shift:
    count = len(found.gap)
    p, lower, upper = np.full(count, np.nan), np.full(count, np.nan), np.full(count, np.nan)
    worth = found.worth
    for s in np.flatnonzero(np.isfinite(found.gap)).tolist():
        p[s] = ks_p(found.gap[s], worth[0, s], worth[1, s])
        lower[s], upper[s] = ks_ends(found.gap[s], worth[0, s], worth[1, s], frame.level)
    clustered = found.effect.max(initial=1.0) > 1
    return Shift(
        metric="ks",
        value=found.gap,
        lower=lower,
        upper=upper,
        p_value=p,
        n=(found.rows[0], found.rows[1]),
        method="asymptotic, effective n" if clustered else "asymptotic",
        notes=notes,
        slice_params={"effective_n": worth[1], "reference_effective_n": worth[0]} if clustered else {},
    )


def _ascending(values: FloatArray) -> FloatArray:
    """Sorted, without NaN."""
    ordered: FloatArray = np.sort(values)  # NaN comes last
    if len(ordered) == 0 or not np.isnan(ordered[-1]):
        return ordered
    return ordered[: np.searchsorted(ordered, np.nan)]


def _of_slice(found: Walked, s: int, before: FloatArray, now: FloatArray) -> FloatArray:
    """Write one slice's part of what is found; returns the edges of its bins."""
    found.rows[:, s] = len(before), len(now)
    if len(before) == 0:
        return np.empty(0)
    edges = decile_edges(before)
    for which, part in enumerate((before, now)):
        found.counts[which, s, : len(edges) + 1] = counts_between(part, edges)
    if len(now) == 0:
        return edges
    found.gap[s], found.area[s] = two_samples(before, now)
    if not all(np.isfinite(part[0]) and np.isfinite(part[-1]) for part in (before, now)):
        found.area[s] = np.nan
        return edges
    for which, part in enumerate((before, now)):
        found.deviation[which, s] = part.std()
        found.chance[which, s] = area_of_chance(part)
    return edges


def _placed(arranged: Arranged, values: FloatArray, edges: list[FloatArray]) -> np.ndarray:
    """(n,) decile of each row in the grouping's order."""
    cut = arranged.edges
    return np.concatenate(
        [place(np.ascontiguousarray(values[cut[k] : cut[k + 1]]), of, missing=_BINS) for k, of in enumerate(edges)]
    )
