"""What follows from counts: each statistic with how wrong it can be, which the counts themselves say.

PSI, Jensen–Shannon, Hellinger, chi-square, rates, Brier and O:E are exact. KS, Wasserstein and AUROC depend on where in
its bin a value lies: `params.error` is the most they can be off, whatever the rows were.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import numpy as np

from codman.evaluate.estimates import BoolArray, FloatArray, IntArray
from codman.evaluate.intervals import logit_scale, of_two, wilson
from codman.evaluate.suppression import FEWEST
from codman.monitor.drift.bins import shares
from codman.monitor.drift.chi2 import chi2, chi2_p
from codman.monitor.drift.hellinger import hellinger, hellinger_ends
from codman.monitor.drift.js import js_distance, js_ends
from codman.monitor.drift.kolmogorov import kolmogorov_limit, kolmogorov_quantile
from codman.monitor.drift.psi import psi, psi_ends
from codman.monitor.summaries.grid import Column, GridsDiffer
from codman.monitor.summaries.windows import Totals
from codman.spine.measurement import SUPPRESSED, Measurement

_UNLABELLED, _NO, _YES = 0, 1, 2
_METHOD: Final = "summed days"
_CATEGORIES: Final = "categories"


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
            found += _of_shares((binned[0], binned[1]), n, level, "deciles of the whole reference")
        else:
            found += [_chi2(*values), *_of_shares(values, n, level, _CATEGORIES)]
        found.append(_missing((p, q), level))
        few = np.minimum(reference.patients, current.patients) < FEWEST
        hidden = few | ((n[0] > 0) & (n[0] < FEWEST)) | ((n[1] > 0) & (n[1] < FEWEST))
        for one in found:
            rests: FloatArray = current.rows.astype(np.float64) if one.metric == "missing_rate_difference" else n[1]
            yield from _listed(one, current, feature=column.name, n=rests, hidden=hidden, level=level)


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
        rests = seen.sum(axis=1) if one.metric == "alert_rate" else labelled
        yield from _listed(one, totals, feature=None, n=rests, hidden=hidden, level=level, positives=events)


def rates_of(
    reference: Totals, current: Totals, event: tuple[str, BoolArray] | None = None, *, level: float = 0.95
) -> Iterator[Measurement]:
    """How much more often rows are flagged at the grid's thresholds, and how much more often the event happens.

    Args:
        reference: The window that is normal.
        current: The window that is judged, on the same grid and slices.
        event: The label's column and which of its levels mean the event, where there are labels.
        level: Of the intervals.
    """
    counted: list[tuple[str, dict[str, Any], list[tuple[FloatArray, FloatArray]]]] = []
    both = (reference, current)
    if current.grid.score:
        seen = [one.of_score()[:, :, :-1].sum(axis=1).astype(np.float64) for one in both]
        for at in current.grid.thresholds:
            first = int(np.searchsorted(current.grid.score_edges, at)) + 1  # the bin that begins at the threshold
            flagged = [(of[:, first:].sum(axis=1), of.sum(axis=1)) for of in seen]
            counted.append(("alert_rate_difference", {"threshold": at}, flagged))
    if event is not None:
        c = [column.name for column in current.grid.columns].index(event[0])
        known = [one.of_column(c)[:, : len(event[1])].astype(np.float64) for one in both]
        counted.append(("prevalence_difference", {}, [(of[:, event[1]].sum(axis=1), of.sum(axis=1)) for of in known]))
    few = np.minimum(reference.patients, current.patients) < FEWEST
    for metric, params, ((yes_before, n_before), (yes_now, n_now)) in counted:
        with np.errstate(divide="ignore", invalid="ignore"):
            before, now = yes_before / n_before, yes_now / n_now
        ends = of_two(now, wilson(now, n_now), 1.0, before, wilson(before, n_before), -1.0)(level)
        shares = {"reference": before, "current": now}
        hidden = few | ((n_before > 0) & (n_before < FEWEST)) | ((n_now > 0) & (n_now < FEWEST))
        found = _Found(metric, now - before, ends, shares, params, method="newcombe-wilson on summed days")
        yield from _listed(found, current, feature=None, n=n_now, hidden=hidden, level=level)


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
    with np.errstate(divide="ignore", invalid="ignore"):
        apart = 1 / n[0] + 1 / n[1]
        reach = kolmogorov_quantile(level) * np.sqrt(apart)
        ends = np.maximum(value - reach, 0.0), np.minimum(most + reach, 1.0)
        chance = kolmogorov_limit(value / np.sqrt(apart))
    return _Found("ks", value, ends, {"error": most - value}, p_value=chance, method="summed days; limiting p")


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
    counts: tuple[FloatArray, FloatArray], n: tuple[FloatArray, FloatArray], level: float, bins: str
) -> Iterator[_Found]:
    p, q = shares(counts[0]), shares(counts[1])
    # one category in both is no shift; one bin of numbers is no measure of any
    one = (((counts[0] + counts[1]) > 0).sum(axis=1) < 2) & (bins != _CATEGORIES)
    named = {"bins": bins}
    for metric, measure, ends in (
        ("psi", psi, psi_ends),
        ("js_distance", js_distance, js_ends),
        ("hellinger", hellinger, hellinger_ends),
    ):
        yield _Found(
            metric, np.where(one, np.nan, measure(p, q)), ends(p, q, n, level), {"error": np.zeros(len(p))}, named
        )


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


def _listed(
    one: _Found,
    totals: Totals,
    *,
    feature: str | None,
    n: FloatArray,
    hidden: BoolArray,
    level: float,
    positives: FloatArray | None = None,
) -> Iterator[Measurement]:
    """The statistic as rows, one a slice."""
    value = _plain(one.value)
    low, high = ([None] * len(value),) * 2 if one.ends is None else (_plain(end) for end in one.ends)
    chance = [None] * len(value) if one.p_value is None else _plain(one.p_value)
    extra = {key: _plain(of) for key, of in one.of_slice.items()}
    rows = n.astype(np.int64).tolist()
    events = [None] * len(value) if positives is None else positives.astype(np.int64).tolist()
    suppressed = hidden.tolist()
    for s, name in enumerate(totals.names):
        shown = value[s] is not None and not suppressed[s]
        bounded = shown and low[s] is not None and high[s] is not None
        note = SUPPRESSED if suppressed[s] else None if shown else "there is nothing to compare here"
        more = {} if suppressed[s] else {key: of[s] for key, of in extra.items() if of[s] is not None}
        yield Measurement(
            metric=one.metric,
            feature=feature,
            slice=name,
            window=totals.window,
            value=value[s] if shown else None,
            lower=low[s] if bounded else None,
            upper=high[s] if bounded else None,
            level=level if bounded else None,
            p_value=chance[s] if shown else None,
            n=None if suppressed[s] else rows[s],
            positives=None if suppressed[s] else events[s],
            method=one.method,
            params={**one.params, **more},
            note=note,
        )


def _plain(numbers: FloatArray) -> list[float | None]:
    """Python's floats, None where there is none."""
    found = np.asarray(numbers, np.float64).astype(object)
    found[~np.isfinite(numbers)] = None
    listed: list[float | None] = found.tolist()
    return listed
