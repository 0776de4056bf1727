"""Differences between groups, with intervals that are honest about having searched for the largest.

Value: largest group minus smallest. Interval: lower end = the largest Bonferroni-adjusted pairwise lower bound, floored
at 0; upper end = the largest unadjusted pairwise upper bound (MOVER, Zou & Donner 2008, doi:10.1002/sim.3095). `met` is
then an intersection-union test (Berger 1982, doi:10.1080/00401706.1982.10487790). The maximum is never bootstrapped.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from codman.evaluate.distributions import two_sided_p, z_of_level
from codman.evaluate.estimates import Estimates, FloatArray
from codman.evaluate.groups import reference_slice
from codman.evaluate.rows import Standing, finite
from codman.spine.measurement import SUPPRESSED, Measurement
from codman.spine.vocabulary import DIFFERENCE, RATIO, word

NO_RATIO: Final = "the group divided by has 0"
MIXED: Final = "prevalence differs between groups and is mixed into this difference"
RATIO_OF: Final = frozenset(
    {"sensitivity", "specificity", "ppv", "npv", "accuracy", "alert_rate", "prevalence", "balanced_accuracy", "f1"}
)  # shares, where the ratio of the smallest to the largest group is read (four-fifths rule)


def mover(
    a: FloatArray, a_low: FloatArray, a_high: FloatArray, b: FloatArray, b_low: FloatArray, b_high: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Interval of a − b from the two separate intervals. Source: Zou & Donner 2008, doi:10.1002/sim.3095."""
    gap = a - b
    lower = gap - np.hypot(a - a_low, b_high - b)  # squares of ends that few patients carry would overflow
    upper = gap + np.hypot(a_high - a, b - b_low)
    return lower, upper


def mover_ratio(
    a: FloatArray, a_low: FloatArray, a_high: FloatArray, b: FloatArray, b_low: FloatArray, b_high: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Interval of a / b for numbers above 0, MOVER on the log scale; an end at 0 gives 0 or infinity."""
    with np.errstate(divide="ignore", invalid="ignore"):
        lower, upper = mover(np.log(a), np.log(a_low), np.log(a_high), np.log(b), np.log(b_low), np.log(b_high))
        return np.exp(lower), np.exp(upper)


@dataclass(slots=True)
class _Comparison:
    """One grouping's groups for one metric: which can be judged, and their numbers."""

    judged: list[int] = field(default_factory=list)
    not_judged: list[dict[str, Any]] = field(default_factory=list)


def between_groups(
    estimates: Sequence[Estimates],
    standing: Standing,
    reference: Mapping[str, str],
    wanted: Sequence[str] | None = None,
) -> Iterator[Measurement]:
    """Difference (and for shares ratio) rows of every metric over every grouping.

    Args:
        estimates: Metrics on all slices.
        standing: What the slices are.
        reference: Level each column's differences are taken against; then one signed row a group.
        wanted: Only these metric names; None is all.
    """
    for estimate in estimates:
        if not estimate.compared:
            continue
        if wanted is None or estimate.metric + DIFFERENCE in wanted or estimate.metric in wanted:
            yield from _adjusted(list(_rows(estimate, standing, reference, DIFFERENCE)))
        if estimate.metric in RATIO_OF and (
            wanted is None or estimate.metric + RATIO in wanted or estimate.metric in wanted
        ):
            yield from _rows(estimate, standing, reference, RATIO)


def _rows(estimate: Estimates, standing: Standing, reference: Mapping[str, str], suffix: str) -> Iterator[Measurement]:
    slices = standing.slices
    for g, columns in enumerate(slices.groupings):
        if not columns:
            continue
        against = reference_slice(slices, g, reference)
        compared = _sort_out(estimate, standing, g)
        params: dict[str, Any] = {**estimate.params, "by": list(columns)}
        if compared.not_judged:
            params["not_judged"] = compared.not_judged
        if against is None:
            yield _widest(estimate, standing, compared, params, suffix)
        else:
            yield from _signed(estimate, standing, compared, params, suffix, against)


def _sort_out(estimate: Estimates, standing: Standing, grouping: int) -> _Comparison:
    compared = _Comparison()
    lower, upper = estimate.bounds(standing.level) if estimate.bounds else (None, None)
    for s in standing.slices.members(grouping):
        name = standing.slices.names[s]
        if standing.hides(estimate, int(s)):
            compared.not_judged.append({"slice": name, "why": SUPPRESSED})
        elif not np.isfinite(estimate.value[s]):
            compared.not_judged.append({"slice": name, "why": estimate.notes.get(int(s), "it has no value here")})
        elif lower is not None and upper is not None and not (np.isfinite(lower[s]) and np.isfinite(upper[s])):
            compared.not_judged.append({"slice": name, "why": estimate.notes.get(int(s), "it has no interval here")})
        else:
            compared.judged.append(int(s))
    return compared


def _interval(estimate: Estimates, level: float, a: Any, b: Any, suffix: str) -> tuple[FloatArray, FloatArray]:
    lower, upper = estimate.bounds_among(level, np.union1d(a, b))
    combine = mover if suffix == DIFFERENCE else mover_ratio
    return combine(estimate.value[a], lower[a], upper[a], estimate.value[b], lower[b], upper[b])


def _widest(
    estimate: Estimates, standing: Standing, compared: _Comparison, params: dict[str, Any], suffix: str
) -> Measurement:
    metric = estimate.metric + suffix
    groups = np.array(compared.judged, dtype=np.int64)
    if len(groups) < 2:
        return _row(estimate, standing, metric, None, None, None, None, params, "fewer than two groups can be compared")
    values = estimate.value[groups]
    high, low = groups[int(np.argmax(values))], groups[int(np.argmin(values))]
    params = {
        **params,
        "highest": standing.slices.names[high],
        "lowest": standing.slices.names[low],
    }
    if suffix == RATIO:
        value = estimate.value[low] / estimate.value[high] if estimate.value[high] > 0 else np.nan
    else:
        value = estimate.value[high] - estimate.value[low]
    if not np.isfinite(value):
        return _row(estimate, standing, metric, None, None, None, None, params, NO_RATIO)
    if estimate.bounds is None:
        return _row(estimate, standing, metric, float(value), None, None, None, params, None)
    a, b = (side.ravel() for side in np.meshgrid(groups, groups, indexing="ij"))
    a, b = a[a != b], b[a != b]
    pairs = len(groups) * (len(groups) - 1) // 2
    adjusted = 1 - (1 - standing.level) / pairs
    plain_low, plain_high = _interval(estimate, standing.level, a, b, suffix)
    strict_low, strict_high = _interval(estimate, adjusted, a, b, suffix)
    if suffix == RATIO:
        lower, upper, p_value = float(np.min(plain_low)), min(1.0, float(np.min(strict_high))), None
    else:
        lower, upper = max(0.0, float(np.max(strict_low))), float(np.max(plain_high))
        p_value = min(
            1.0, pairs * _least_p(estimate.value[a] - estimate.value[b], plain_low, plain_high, standing.level)
        )
    return _row(estimate, standing, metric, float(value), lower, upper, p_value, params, None)


def _signed(
    estimate: Estimates,
    standing: Standing,
    compared: _Comparison,
    params: dict[str, Any],
    suffix: str,
    against: int,
) -> Iterator[Measurement]:
    metric = estimate.metric + suffix
    names = standing.slices.names
    params = {**params, "reference": names[against]}
    if against not in compared.judged or len(compared.judged) < 2:
        yield _row(estimate, standing, metric, None, None, None, None, params, "the reference group cannot be judged")
        return
    for s in compared.judged:
        if s == against:
            continue
        a, b = np.array([s]), np.array([against])
        gap = estimate.value[s] - estimate.value[against]
        high, low = (s, against) if gap >= 0 else (against, s)
        named = {**params, "group": names[s], "highest": names[high], "lowest": names[low]}
        if suffix == RATIO:
            value = estimate.value[s] / estimate.value[against] if estimate.value[against] > 0 else np.nan
        else:
            value = gap
        if not np.isfinite(value):
            yield _row(estimate, standing, metric, None, None, None, None, named, NO_RATIO)
            continue
        if estimate.bounds is None:
            yield _row(estimate, standing, metric, float(value), None, None, None, named, None)
            continue
        lower, upper = _interval(estimate, standing.level, a, b, suffix)
        p = None if suffix == RATIO else _least_p(np.array([gap]), lower, upper, standing.level)
        yield _row(estimate, standing, metric, float(value), float(lower[0]), float(upper[0]), p, named, None)


def _least_p(gap: FloatArray, lower: FloatArray, upper: FloatArray, level: float) -> float:
    """The smallest two-sided p of no difference.

    From the interval's side that faces 0, so that it is below 1 − level just when the interval excludes 0.
    """
    side = np.where(gap >= 0, gap - lower, upper - gap)
    with np.errstate(divide="ignore", invalid="ignore"):
        z = np.where(side > 0, np.abs(gap) / side * z_of_level(level), np.where(gap == 0, 0.0, np.inf))
    return two_sided_p(float(np.max(z)))  # NaN stays NaN


def _row(
    estimate: Estimates,
    standing: Standing,
    metric: str,
    value: float | None,
    lower: float | None,
    upper: float | None,
    p_value: float | None,
    params: dict[str, Any],
    note: str | None,
) -> Measurement:
    value = None if value is None else finite(value)
    bounded = (
        value is not None and lower is not None and upper is not None and np.isfinite(lower) and np.isfinite(upper)
    )
    mixed = MIXED if word(estimate.metric).mixes_prevalence else None
    unbounded = "this metric has no valid interval" if value is not None and estimate.bounds is None else None
    return Measurement(
        metric=metric,
        value=value,
        lower=lower if bounded else None,
        upper=upper if bounded else None,
        level=standing.level if bounded else None,
        p_value=p_value if value is not None else None,
        n=int(standing.n[0]),
        positives=None if standing.positives is None else int(standing.positives[0]),
        method="mover" if estimate.bounds is not None else "",
        params={**params, **standing.subjects(0)},
        note="; ".join(filter(None, (note, unbounded, mixed))) or None,
    )


def _adjusted(rows: list[Measurement]) -> Iterator[Measurement]:
    """Holm and Benjamini–Hochberg values over the rows of one metric, the family named."""
    tested = [m.p_value for m in rows if m.p_value is not None]
    if len(tested) < 2:
        yield from rows
        return
    p = np.array(tested)
    order = np.argsort(p, kind="stable")
    m = len(p)
    holm, bh = np.empty(m), np.empty(m)
    holm[order] = np.minimum(1, np.maximum.accumulate(p[order] * (m - np.arange(m))))
    bh[order] = np.minimum(1, np.minimum.accumulate((p[order] * m / np.arange(1, m + 1))[::-1])[::-1])
    adjusted = iter(zip(holm, bh, strict=True))
    family = f"{rows[0].metric}: {m} comparisons"
    for row in rows:
        if row.p_value is None:
            yield row
            continue
        by_holm, by_bh = next(adjusted)
        yield row.model_copy(
            update={"params": {**row.params, "family": family, "p_holm": float(by_holm), "p_bh": float(by_bh)}}
        )
