"""What a shift does to performance: the labelled reference, weighted to look like the current rows.

Each reference row counts for as much as its kind has grown (the density ratio), so its labels say what performance is
on today's mix of patients, if outcomes at equal columns are what they were: covariate shift, which rows without labels
cannot check. The interval is where the metric of these current rows will lie once their labels are known: chance in the
labelled reference and in the current rows together. Source: Shimodaira 2000, doi:10.1016/S0378-3758(00)00115-4.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from codman.evaluate.estimates import BoolArray, FloatArray
from codman.evaluate.intervals import logit_scale, normal
from codman.evaluate.kernels.library import gram, rank_influence, rank_sweep
from codman.evaluate.ranked import Ranked, rank
from codman.evaluate.rows import finite
from codman.evaluate.sample import Sample
from codman.monitor.drift.domain import MOST_WEIGHT
from codman.monitor.drift.prepared import Prepared
from codman.spine.measurement import SUPPRESSED, Measurement
from codman.spine.vocabulary import CHANGE, ESTIMATED

FEWEST_EFFECTIVE: Final = 30.0  # patients' worth of either class left once weighted
ASSUMES: Final = "holds if outcomes at equal columns are what they were, which rows without labels cannot check"


@dataclass(frozen=True, slots=True, kw_only=True)
class Labelled:
    """The reference's rows that have a score and a label, ready to be weighted again and again."""

    rows: BoolArray  # (nr,) which of the reference's
    ranked: Ranked  # unweighted; rows in patients' order where they repeat
    thresholds: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """One metric on the current mix, by slice."""

    metric: str
    params: dict[str, Any]
    now: FloatArray  # (S,)
    before: FloatArray
    now_se: FloatArray
    change_se: FloatArray


def labelled(ready: Prepared, thresholds: tuple[float, ...]) -> Labelled | None:
    """None where the reference has no score or no label, or only one outcome."""
    if ready.score is None or ready.reference_label is None or ready.labelled_reference is None:
        return None
    rows = ready.labelled_reference & ~np.isnan(ready.score[0])
    event, score = ready.reference_label[rows], ready.score[0][rows]
    if len(event) == 0 or event.all() or not event.any():
        return None
    side = ready.frame.reference
    slices = side.slices.subset(rows)
    subject = None if side.subject is None else side.subject[rows]
    repeats = subject is not None and len(np.unique(subject)) < len(subject)
    sample = Sample(slices=slices, subject=subject, weight=None, row=np.arange(len(event)), repeats=repeats)
    return Labelled(rows=rows, ranked=rank(sample, event, score), thresholds=thresholds)


def effects(of: Labelled, weight: FloatArray, current: FloatArray, *, groupings: int | None = None) -> Iterator[Effect]:
    """Every metric on the current mix beside the reference's own.

    Args:
        of: The labelled reference.
        weight: (rows,) how much each of its rows counts for, in its own order; 0 or more.
        current: (S,) current rows (patients, where they repeat), by whose number what will come true varies.
        groupings: Only so many of the groupings; all without it.
    """
    ranked = of.ranked
    weighted = _weighted(ranked, weight[ranked.row])
    slices = ranked.slices
    count = len(slices.groupings) if groupings is None else groupings
    parts = _parts(ranked, of.thresholds)
    shape = (2 * (len(parts) + 1), slices.count)
    values, errors = np.full(shape, np.nan), np.full(shape, np.nan)
    for g in range(count):
        members = slices.members(g)
        mapping = np.ascontiguousarray(slices.of_cell[g] - int(members[0]))
        columns, found = _influences(ranked, weighted, mapping, len(members), parts)
        _totals, moments, units = gram(columns, slices.cell, mapping, len(members), ranked.subject)
        with np.errstate(divide="ignore", invalid="ignore"):
            variance = np.diagonal(moments, axis1=1, axis2=2).T * (units / (units - 1))
        variance += _yet_to_come(columns, weighted, mapping, len(members)) / current[members]
        values[:, members], errors[:, members] = found, np.sqrt(np.maximum(variance, 0.0))
    for k, (metric, params) in enumerate([("auroc", {}), *((m, p) for m, p, _a, _b in parts)]):
        yield Effect(
            metric=metric, params=dict(params), now=values[2 * k], before=values[2 * k + 1], now_se=errors[2 * k],
            change_se=errors[2 * k + 1],
        )  # fmt: skip


def measurements(
    found: Effect,
    of: Labelled,
    weight: FloatArray,
    ready: Prepared,
    *,
    feature: str | None,
    params: dict[str, Any],
    everyone: bool = False,
) -> Iterator[Measurement]:
    """The metric on the current mix, and what it changed by, on every slice.

    Args:
        found: What `effects` gave.
        of: The labelled reference.
        weight: (rows,) as `effects` had it.
        ready: The two sides.
        feature: The column whose shift alone is weighted in; None: all together.
        params: What else names it.
        everyone: Only everyone, no slices.
    """
    worth = _worth(of, weight)
    slices = of.ranked.slices
    level = ready.frame.level
    inside = logit_scale(found.now, found.now_se)(level)
    change = found.now - found.before
    around = normal(change, found.change_se)(level)
    method = "importance-weighted; prediction interval"
    for s, name in enumerate(slices.names[:1] if everyone else slices.names):
        shared: dict[str, Any] = {**found.params, **params}
        if ready.frame.hides(s, (int(of.ranked.n[s]), int(ready.frame.current.rows[s]))):
            for metric in (f"{ESTIMATED}{found.metric}", f"{ESTIMATED}{found.metric}{CHANGE}"):
                yield Measurement(
                    metric=metric, feature=feature, slice=name, window=ready.frame.window, value=None, method=method,
                    params=shared, note=SUPPRESSED,
                )  # fmt: skip
            continue
        shared |= {"reference": finite(found.before[s]), "effective_n": round(float(worth[s].sum()), 1)}
        few = not float(worth[s].min()) >= FEWEST_EFFECTIVE
        left = f"{worth[s].min():,.0f} patients' worth of a class"
        note = f"too little of the labelled reference resembles the current rows: {left}"
        for metric, value, ends in (
            (f"{ESTIMATED}{found.metric}", found.now[s], inside),
            (f"{ESTIMATED}{found.metric}{CHANGE}", change[s], around),
        ):
            shown = None if few else finite(value)
            low, high = (None if shown is None else finite(end[s]) for end in ends)
            bounded = low is not None and high is not None
            yield Measurement(
                metric=metric,
                feature=feature,
                slice=name,
                window=ready.frame.window,
                value=shown,
                lower=low if bounded else None,
                upper=high if bounded else None,
                level=level if bounded else None,
                n=int(of.ranked.n[s]),
                positives=int(of.ranked.positives[s]),
                method=method,
                params=shared,
                note=note if few else ASSUMES if shown is not None else "it has no value here",
            )


def ratio_of_bins(reference: FloatArray, current: FloatArray) -> FloatArray:
    """(K,) how much each bin or category has grown; at most 20, and 0 where nobody is left."""
    with np.errstate(divide="ignore", invalid="ignore"):
        grown = (current / current.sum()) / (reference / reference.sum())
    kept: FloatArray = np.minimum(np.nan_to_num(grown, nan=0.0, posinf=MOST_WEIGHT), MOST_WEIGHT)
    return kept


def _weighted(ranked: Ranked, weight: FloatArray) -> Ranked:
    """The same rows under weights; the order of scores stays."""
    down = ranked.order[::-1]
    return replace(ranked, weight=weight, sorted_weight=np.ascontiguousarray(weight[down]))


def _worth(of: Labelled, weight: FloatArray) -> FloatArray:
    """(S, 2) effective number of rows of each class under the weights (Kish)."""
    ranked = of.ranked
    w = weight[ranked.row]
    slices = ranked.slices
    size = slices.of_cell.shape[1] * 2
    sums, squares = (
        slices.totals(np.bincount(ranked.code, weights=x, minlength=size).reshape(-1, 2).astype(np.float64))
        for x in (w, w * w)
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        own = np.where(ranked.n[:, None] > 0, sums**2 / squares, 0.0)
        plain = np.stack([ranked.n - ranked.positives, ranked.positives], axis=1)
        clustered = np.where(plain > 0, ranked.effective / plain, 1.0)  # what repeated patients take off
    worth: FloatArray = np.nan_to_num(own * clustered)
    return worth


Part = tuple[str, dict[str, Any], FloatArray, FloatArray]


def _parts(ranked: Ranked, thresholds: tuple[float, ...]) -> list[Part]:
    """Metrics that are one weighted sum over another: name, params, numerator and denominator of each row."""
    y, score = ranked.event.astype(np.float64), ranked.score
    one = np.ones(len(y))
    parts: list[Part] = [("prevalence", {}, y, one)]
    if score.min() >= 0 and score.max() <= 1:
        parts.append(("brier", {}, (score - y) ** 2, one))
    for at in thresholds:
        flag = (score >= at).astype(np.float64)
        named = {"threshold": at}
        parts += [
            ("alert_rate", named, flag, one),
            ("sensitivity", named, flag * y, y),
            ("specificity", named, (1 - flag) * (1 - y), 1 - y),
            ("ppv", named, flag * y, flag),
        ]
    return parts


def _yet_to_come(columns: FloatArray, weighted: Ranked, mapping: np.ndarray, members: int) -> FloatArray:
    """(2k, members) variance of one current row's influence on each metric: what is measured on n of them varies by
    this over n. Columns stand in twos, value and change, and both vary by the value's.
    """
    weight = weighted.weight
    assert weight is not None  # noqa: S101 (they were weighted)
    slice_of = mapping[weighted.slices.cell]
    whole = np.bincount(slice_of, weights=weight, minlength=members)
    found = np.empty((columns.shape[1], members))
    for k in range(0, columns.shape[1], 2):
        with np.errstate(divide="ignore", invalid="ignore"):
            square = np.where(weight > 0, columns[:, k] ** 2 / weight, 0.0)
        found[k] = found[k + 1] = whole * np.bincount(slice_of, weights=square, minlength=members)
    return found


def _influences(
    ranked: Ranked, weighted: Ranked, mapping: np.ndarray, members: int, parts: list[Part]
) -> tuple[FloatArray, FloatArray]:
    """(n, 2k) influence of each row on each metric's new value and on its change; (2k, members) new value and old."""
    count = len(parts) + 1
    columns = np.empty((len(ranked.event), 2 * count))
    values = np.empty((2 * count, members))
    own: list[FloatArray] = []
    for k, one in enumerate((weighted, ranked)):
        sums = rank_sweep(one.sorted_code, one.fresh, one.sorted_weight, members, mapping)
        with np.errstate(divide="ignore", invalid="ignore"):
            values[k] = sums[:, 2] / (sums[:, 0] * sums[:, 1])
        own.append(rank_influence(one.order, one.sorted_code, one.fresh, one.sorted_weight, mapping, sums)[:, 0])
    columns[:, 0], columns[:, 1] = own[0], own[0] - own[1]
    slice_of = mapping[ranked.slices.cell]
    weight = weighted.weight
    assert weight is not None  # noqa: S101 (it was just given)

    def total(x: FloatArray) -> FloatArray:
        return np.bincount(slice_of, weights=x, minlength=members).astype(np.float64)

    for k, (_metric, _params, above, below) in enumerate(parts, start=1):
        with np.errstate(divide="ignore", invalid="ignore"):
            under, under_plain = total(weight * below), total(below)
            now, before = total(weight * above) / under, total(above) / under_plain
            first = weight * (above - now[slice_of] * below) / under[slice_of]
            second = (above - before[slice_of] * below) / under_plain[slice_of]
        columns[:, 2 * k], columns[:, 2 * k + 1] = first, first - second
        values[2 * k], values[2 * k + 1] = now, before
    return np.nan_to_num(columns, posinf=0.0, neginf=0.0), values
