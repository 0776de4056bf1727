"""What follows from counts: each statistic with how wrong it can be, which the counts themselves say.

PSI, Jensen–Shannon, Hellinger, chi-square, rates, Brier and O:E are exact. KS, Wasserstein and AUROC depend on where in
its bin a value lies: `params.error` is the most they can be off, whatever the rows were.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import numpy as np

from codman.evaluate.estimates import FloatArray, IntArray
from codman.evaluate.intervals import logit_scale, of_two, wilson
from codman.evaluate.rows import finite
from codman.evaluate.suppression import FEWEST
from codman.monitor.drift.bins import shares
from codman.monitor.drift.chi2 import chi2, chi2_p
from codman.monitor.drift.hellinger import hellinger, hellinger_ends
from codman.monitor.drift.js import js_distance, js_ends
from codman.monitor.drift.ks import ks_ends, ks_p
from codman.monitor.drift.psi import psi, psi_ends
from codman.monitor.summaries.grid import Column, GridsDiffer
from codman.monitor.summaries.windows import Totals
from codman.spine.measurement import SUPPRESSED, Measurement

_UNLABELLED, _NO, _YES = 0, 1, 2
_METHOD: Final = "summed days"


def drift_of(reference: Totals, current: Totals, *, level: float = 0.95) -> Iterator[Measurement]:
    """Every column's drift statistics, on every slice.

    Args:
        reference: The window that is normal.
        current: The window that is judged, on the same grid and slices.
        level: Of the intervals.

    Raises:
        GridsDiffer: The two were not counted alike.
    """
    if reference.grid != current.grid or reference.names != current.names:
        raise GridsDiffer
    for c, column in enumerate(current.grid.columns):
        p, q = reference.of_column(c), current.of_column(c)
        values = (p[:, :-1].astype(np.float64), q[:, :-1].astype(np.float64))
        n = (values[0].sum(axis=1), values[1].sum(axis=1))
        found: list[_Found] = []
        if column.numeric:
            found += [_ks(*values, n, level), _wasserstein(values, n, column, reference, current, c)]
            binned = tuple(_between_deciles(part, column) for part in values)
            found += _of_shares((binned[0], binned[1]), n, level)
        else:
            found += [_chi2(*values), *_of_shares(values, n, level)]
        found.append(_missing((p, q), level))
        yield from _rows(found, column.name, (n[0], n[1]), reference, current, level)


def performance_of(totals: Totals, *, level: float = 0.95) -> Iterator[Measurement]:
    """AUROC, Brier, log loss, O:E, prevalence, and rates at the grid's thresholds, on every slice.

    Args:
        totals: One window.
        level: Of the intervals.
    """
    if not totals.grid.score:
        return
    counts = totals.of_score().astype(np.float64)[:, :, :-1]
    no, yes, seen = counts[:, _NO], counts[:, _YES], counts.sum(axis=1)
    labelled, events = no.sum(axis=1) + yes.sum(axis=1), yes.sum(axis=1)
    sums = totals.score_sums
    value, error, variance = _auroc(no, yes)
    with np.errstate(divide="ignore", invalid="ignore"):
        inside = logit_scale(value, np.sqrt(variance))(level)
        found = [
            _Found("auroc", value, inside, {"error": error}, method="delong-logit on summed days"),
            _Found("brier", sums[:, 0] / labelled),
            _Found("log_loss", sums[:, 3] / labelled),
            _Found("oe_ratio", events / sums[:, 2]),
            _Found("prevalence", events / labelled, wilson(events / labelled, labelled)(level), method="wilson"),
        ]
        edges = totals.grid.score_edges
        for at in totals.grid.thresholds:
            first = int(np.searchsorted(edges, at)) + 1  # the bin that begins at the threshold
            flagged = seen[:, first:].sum(axis=1)
            hit, miss = yes[:, first:].sum(axis=1), no[:, first:].sum(axis=1)
            for metric, part, whole in (
                ("alert_rate", flagged, seen.sum(axis=1)),
                ("sensitivity", hit, events),
                ("specificity", labelled - events - miss, labelled - events),
                ("ppv", hit, hit + miss),
            ):
                ends = wilson(part / whole, whole)(level)
                found.append(_Found(metric, part / whole, ends, {}, {"threshold": at}, method="wilson"))
    hidden = totals.patients < FEWEST
    for one in found:
        for s, name in enumerate(totals.names):
            rests = seen[s].sum() if one.metric == "alert_rate" else labelled[s]
            yield _measurement(one, s, name, None, int(rests), bool(hidden[s]), totals, level, int(events[s]))


class _Found:
    """One statistic on S slices."""

    def __init__(
        self,
        metric: str,
        value: FloatArray,
        ends: tuple[FloatArray, FloatArray] | None = None,
        of_slice: dict[str, FloatArray] | None = None,
        params: dict[str, Any] | None = None,
        *,
        p_value: FloatArray | None = None,
        method: str = _METHOD,
    ) -> None:
        self.metric, self.value, self.ends, self.of_slice = metric, value, ends, of_slice or {}
        self.params, self.p_value, self.method = params or {}, p_value, method


def _ks(p: FloatArray, q: FloatArray, n: tuple[FloatArray, FloatArray], level: float) -> _Found:
    """At the edges the gap is known; between them it can be no wider than from one's foot to the other's head."""
    below, above = _steps(p), _steps(q)
    value = np.abs(below[:, 1:] - above[:, 1:]).max(axis=1, initial=0.0)
    most = np.maximum(below[:, 1:] - above[:, :-1], above[:, 1:] - below[:, :-1]).max(axis=1, initial=0.0)
    nothing = (n[0] == 0) | (n[1] == 0)
    value = np.where(nothing, np.nan, value)
    lower, upper, chance = (np.full(len(value), np.nan) for _ in range(3))
    for s in np.flatnonzero(~nothing).tolist():
        lower[s], _ = ks_ends(value[s], n[0][s], n[1][s], level)
        _, upper[s] = ks_ends(most[s], n[0][s], n[1][s], level)
        chance[s] = ks_p(value[s], n[0][s], n[1][s])
    return _Found("ks", value, (lower, upper), {"error": most - value}, p_value=chance)


def _wasserstein(
    values: tuple[FloatArray, FloatArray], n: tuple[FloatArray, FloatArray], column: Column, reference: Totals,
    current: Totals, c: int,
) -> _Found:  # fmt: skip
    below, above = _steps(values[0]), _steps(values[1])
    least = np.minimum(reference.least[:, c], current.least[:, c])
    most = np.maximum(reference.most[:, c], current.most[:, c])
    inner = np.broadcast_to(np.asarray(column.edges), (len(least), len(column.edges)))
    with np.errstate(invalid="ignore"):
        ends = np.concatenate([least[:, None], np.clip(inner, least[:, None], most[:, None]), most[:, None]], axis=1)
        width = np.diff(ends, axis=1)
        gap = np.abs(below - above)
        value = (width * (gap[:, 1:] + gap[:, :-1]) / 2).sum(axis=1)
        widest = (width * np.maximum(below[:, 1:] - above[:, :-1], above[:, 1:] - below[:, :-1])).sum(axis=1)
        narrowest = np.maximum(np.maximum(below[:, :-1] - above[:, 1:], above[:, :-1] - below[:, 1:]), 0.0)
        error = np.maximum(widest - value, value - (width * narrowest).sum(axis=1))
    infinite = values[0].sum(axis=1) + values[1].sum(axis=1) > 0
    nothing = (n[0] == 0) | (n[1] == 0) | ~np.isfinite(width.sum(axis=1)) | ~infinite
    return _Found("wasserstein", np.where(nothing, np.nan, value), None, {"error": error})


def _steps(counts: FloatArray) -> FloatArray:
    """(S, bins + 1) the distribution function at the foot of the first bin and the head of each."""
    total = counts.sum(axis=1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        below = np.cumsum(counts, axis=1) / total
    return np.concatenate([np.zeros((len(counts), 1)), np.nan_to_num(below)], axis=1)


def _between_deciles(counts: FloatArray, column: Column) -> FloatArray:
    starts = np.concatenate([[0], np.asarray(column.deciles, np.int64) + 1])
    summed: FloatArray = np.add.reduceat(counts, starts, axis=1)
    return summed


def _of_shares(
    counts: tuple[FloatArray, FloatArray], n: tuple[FloatArray, FloatArray], level: float
) -> Iterator[_Found]:
    p, q = shares(counts[0]), shares(counts[1])
    one = ((counts[0] + counts[1]) > 0).sum(axis=1) < 2
    for metric, measure, ends in (
        ("psi", psi, psi_ends),
        ("js_distance", js_distance, js_ends),
        ("hellinger", hellinger, hellinger_ends),
    ):
        yield _Found(metric, np.where(one, np.nan, measure(p, q)), ends(p, q, n, level), {"error": np.zeros(len(p))})


def _chi2(p: FloatArray, q: FloatArray) -> _Found:
    square, free, _ = chi2(p, q)
    chance = np.array([chi2_p(*x) if np.isfinite(x[0]) else np.nan for x in zip(square, free, strict=True)])
    return _Found("chi2", square, None, {"degrees_of_freedom": free}, p_value=chance)


def _missing(counts: tuple[IntArray, IntArray], level: float) -> _Found:
    n = [part.sum(axis=1).astype(np.float64) for part in counts]
    with np.errstate(divide="ignore", invalid="ignore"):
        before, now = (part[:, -1] / rows for part, rows in zip(counts, n, strict=True))
    ends = of_two(now, wilson(now, n[1]), 1.0, before, wilson(before, n[0]), -1.0)(level)
    return _Found("missing_rate_difference", now - before, ends, {"reference": before, "current": now})


def _auroc(no: FloatArray, yes: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """(S,) AUROC, the most it can be off (half of the pairs within a bin), and DeLong's variance on the bins."""
    with np.errstate(divide="ignore", invalid="ignore"):
        others, events = no.sum(axis=1, keepdims=True), yes.sum(axis=1, keepdims=True)
        under = (np.cumsum(no, axis=1) - no / 2) / others  # placement of an event of each bin
        over = 1 - (np.cumsum(yes, axis=1) - yes / 2) / events
        value = (yes * under).sum(axis=1) / events[:, 0]
        error = (no * yes).sum(axis=1) / 2 / (others * events)[:, 0]
        of_events = (yes * (under - value[:, None]) ** 2).sum(axis=1) / (events[:, 0] * (events[:, 0] - 1))
        of_others = (no * (over - value[:, None]) ** 2).sum(axis=1) / (others[:, 0] * (others[:, 0] - 1))
    return value, error, of_events + of_others


def _rows(
    found: list[_Found],
    feature: str,
    n: tuple[FloatArray, FloatArray],
    reference: Totals,
    current: Totals,
    level: float,
) -> Iterator[Measurement]:
    few = np.minimum(reference.patients, current.patients) < FEWEST
    for one in found:
        one.params.setdefault("deciles", "of the whole reference") if one.metric in (
            "psi",
            "js_distance",
            "hellinger",
        ) else None
        for s, name in enumerate(current.names):
            hidden = bool(few[s]) or any(0 < part[s] < FEWEST for part in n)
            one_n = current.rows[s] if one.metric == "missing_rate_difference" else n[1][s]
            yield _measurement(one, s, name, feature, int(one_n), hidden, current, level)


def _measurement(
    one: _Found, s: int, name: dict[str, str], feature: str | None, n: int, hidden: bool, totals: Totals, level: float,
    positives: int | None = None,
) -> Measurement:  # fmt: skip
    if hidden:
        return Measurement(
            metric=one.metric, feature=feature, slice=name, window=totals.window, value=None, method=one.method,
            params=dict(one.params), note=SUPPRESSED,
        )  # fmt: skip
    value = finite(one.value[s])
    low, high = (None, None) if one.ends is None or value is None else (finite(end[s]) for end in one.ends)
    bounded = low is not None and high is not None
    return Measurement(
        metric=one.metric,
        feature=feature,
        slice=name,
        window=totals.window,
        value=value,
        lower=low if bounded else None,
        upper=high if bounded else None,
        level=level if bounded else None,
        p_value=None if one.p_value is None or value is None else finite(one.p_value[s]),
        n=n,
        positives=positives,
        method=one.method,
        params={**one.params, **{key: float(of[s]) for key, of in one.of_slice.items() if np.isfinite(of[s])}},
        note="there is nothing to compare here" if value is None else None,
    )
