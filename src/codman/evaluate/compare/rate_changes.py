"""Rates of two models on the same patients: intervals that keep their level with few patients and at 0 or 1.

Where both models divide by the same patients (sensitivity, specificity, accuracy) the change is a paired proportion and
Tango's. PPV and NPV divide by different, overlapping patients: Wilson's limits of each, joined by MOVER with the
correlation of the two. Clustered or weighted rows enter as an effective number of patients.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Final, NamedTuple

import numpy as np

from codman.evaluate.columns import BoolArray
from codman.evaluate.compare.change import Change, linear, same, sandwich, two_sided, undefined, upper_tail
from codman.evaluate.compare.cohort import Group
from codman.evaluate.compare.kinds import EVENT, FLAG_A, FLAG_B, Kinds
from codman.evaluate.compare.paired_proportions import tango_interval, tango_z
from codman.evaluate.compare.rates import AT_THRESHOLD, NEEDS_RISK_THRESHOLD, SAME_PATIENTS, Ratio
from codman.evaluate.distributions import norm_ppf, t_ppf
from codman.evaluate.estimates import FloatArray
from codman.evaluate.intervals import wilson_ends

ONE_CLASS: Final = "needs patients with and without the event"


class Limits(NamedTuple):
    """A rate and its interval."""

    value: float
    lower: float
    upper: float


def rate_change(metric: str, threshold: float, kinds: Kinds, group: Group, level: float) -> Change:
    """How much a metric at a threshold changes from A to B on one slice.

    Args:
        metric: In AT_THRESHOLD, or balanced_accuracy.
        threshold: Positive is score >= threshold.
        kinds: The slice's rows at that threshold.
        group: The slice.
        level: Of the interval.
    """
    if metric in NEEDS_RISK_THRESHOLD and not 0.0 < threshold < 1.0:
        return undefined(metric, threshold, group, "needs a threshold between 0 and 1")
    if metric == "balanced_accuracy":
        return _balanced_accuracy(threshold, kinds, group, level)
    if metric in SAME_PATIENTS:
        return _proportion(metric, threshold, kinds, group, level)
    if metric in ("ppv", "npv"):
        return _predictive(metric, threshold, kinds, group, level)
    return _ratio(metric, threshold, kinds, group, level)


def _both(metric: str, threshold: float) -> tuple[Ratio, Ratio]:
    """A's metric and B's, a row for each kind."""
    rule = AT_THRESHOLD[metric]
    return rule(EVENT, FLAG_A, threshold), rule(EVENT, FLAG_B, threshold)


def _nobody(metric: str, kinds: Kinds, a: Ratio, b: Ratio) -> str:
    """Why a rate has no value: nobody stands at its bottom."""
    which = " and ".join(name for name, ratio in (("A", a), ("B", b)) if not kinds.count(ratio.bottom > 0))
    return {
        "ppv": f"no patient is flagged by {which}",
        "npv": f"every patient is flagged by {which}",
        "specificity": "no patient is without the event",
        "f1": f"no patient has the event or is flagged by {which}",
    }.get(metric, "no patient has the event")


def _ratio(metric: str, threshold: float, kinds: Kinds, group: Group, level: float) -> Change:
    a, b = _both(metric, threshold)
    value = b.value(kinds.weight) - a.value(kinds.weight)
    if math.isnan(value):
        return undefined(metric, threshold, group, _nobody(metric, kinds, a, b))
    moved = b.influence(kinds.weight) - a.influence(kinds.weight)
    counted = (a.bottom > 0) | (b.bottom > 0)
    return linear(
        metric,
        threshold,
        group,
        value=value,
        square=kinds.product(moved, moved),
        patients=kinds.patients(counted),
        n=kinds.count(counted),
        level=level,
        method="delta-paired" if metric == "f1" else "mean-paired",
    )


def _proportion(metric: str, threshold: float, kinds: Kinds, group: Group, level: float) -> Change:
    """Tango's interval; clustered or weighted rows enter it as an effective number of patients (Korn–Graubard)."""
    a, b = _both(metric, threshold)
    inside = a.bottom > 0
    rows = kinds.count(inside)
    if rows == 0:
        return undefined(metric, threshold, group, _nobody(metric, kinds, a, b))
    has_a, has_b = a.top > 0, b.top > 0
    total = kinds.weighed(inside)
    share_b, share_a = kinds.weighed(has_b & ~has_a) / total, kinds.weighed(has_a & ~has_b) / total
    value = share_b - share_a
    n: float = rows
    method = "tango"
    if group.clustered or group.weighted:
        moved = b.influence(kinds.weight) - a.influence(kinds.weight)
        n = _effective_rows(kinds, moved, inside, share_a + share_b - value * value, level)
        method = "tango:effective-n"
    if n <= 0.0:
        return undefined(metric, threshold, group, "needs at least two patients")
    lower, upper = tango_interval(n * share_b, n * share_a, n, level)
    change = Change(
        metric=metric,
        threshold=threshold,
        value=value,
        lower=lower,
        upper=upper,
        p_value=two_sided(tango_z(n * share_b, n * share_a, n, 0.0), math.inf),
        n=rows,
        positives=kinds.count(inside & EVENT),
        method=method,
        params={} if method == "tango" else {"effective_n": n},
        p_above=lambda margin: upper_tail(tango_z(n * share_b, n * share_a, n, margin), math.inf),
    )
    return same(change) if group.same_scores else change


def _effective_rows(kinds: Kinds, moved: FloatArray, inside: BoolArray, spread: float, level: float) -> float:
    patients = kinds.patients(inside)
    if patients < 2:
        return 0.0
    variance = sandwich(kinds.product(moved, moved), patients)
    independent = spread / variance if variance > 0.0 else float(patients)
    few = norm_ppf(0.5 + level / 2) / t_ppf(0.5 + level / 2, patients - 1)
    return min(independent * few * few, float(kinds.count(inside)))


def _predictive(metric: str, threshold: float, kinds: Kinds, group: Group, level: float) -> Change:
    """PPV or NPV: each model has its own patients at the bottom, and they overlap.

    Source: Zou & Donner 2008, doi:10.1002/sim.3095 (MOVER); with correlation, Zou 2007,
    doi:10.1037/1082-989X.12.4.399.
    """
    a, b = _both(metric, threshold)
    value = b.value(kinds.weight) - a.value(kinds.weight)
    if math.isnan(value):
        return undefined(metric, threshold, group, _nobody(metric, kinds, a, b))
    counted = (a.bottom > 0) | (b.bottom > 0)
    change = Change(
        metric=metric,
        threshold=threshold,
        value=value,
        n=kinds.count(counted),
        positives=kinds.count(counted & EVENT),
        method="wilson-mover-paired" + (":clustered" if group.clustered else ""),
    )
    if group.same_scores:
        return same(change)
    if kinds.count(a.bottom != b.bottom) == 0:
        # nobody changes sides; how many would in other patients is what Tango's interval says of no discordance
        lower, upper = tango_interval(0.0, 0.0, float(kinds.patients(counted)), level)
    else:
        moved_a, moved_b = a.influence(kinds.weight), b.influence(kinds.weight)
        wilson_a = _wilson(a, moved_a, kinds, group, level)
        wilson_b = _wilson(b, moved_b, kinds, group, level)
        lower, upper = _mover(wilson_a, wilson_b, _correlation(moved_a, moved_b, kinds))
    return _tested(replace(change, lower=max(lower, -1.0), upper=min(upper, 1.0)), level)


def _balanced_accuracy(threshold: float, kinds: Kinds, group: Group, level: float) -> Change:
    """Mean of the changes of sensitivity and specificity, their Tango intervals joined by MOVER."""
    if not 0 < group.positives < group.n:
        return undefined("balanced_accuracy", threshold, group, ONE_CLASS)
    halves: list[Change] = []
    moved: list[FloatArray] = []
    for half in ("sensitivity", "specificity"):
        a, b = _both(half, threshold)
        halves.append(_proportion(half, threshold, kinds, group, level))
        moved.append(b.influence(kinds.weight) - a.influence(kinds.weight))
    gained, spared = halves
    correlation = _correlation(moved[0], moved[1], kinds)  # 0 unless patients have rows of both classes
    sensitivity = Limits(-gained.value, -gained.upper, -gained.lower)
    lower, upper = _mover(sensitivity, Limits(spared.value, spared.lower, spared.upper), -correlation)
    change = Change(
        metric="balanced_accuracy",
        threshold=threshold,
        value=(gained.value + spared.value) / 2.0,
        lower=lower / 2.0,
        upper=upper / 2.0,
        n=group.n,
        positives=group.positives,
        method="tango-mover" + (":clustered" if group.clustered else ""),
    )
    return same(change) if group.same_scores else _tested(change, level)


def _wilson(ratio: Ratio, moved: FloatArray, kinds: Kinds, group: Group, level: float) -> Limits:
    rate = ratio.value(kinds.weight)
    inside = ratio.bottom > 0
    n = float(kinds.count(inside))
    if group.clustered or group.weighted:
        n = _effective_rows(kinds, moved, inside, rate * (1.0 - rate), level)
    if n <= 0.0:
        return Limits(rate, math.nan, math.nan)
    lower, upper = wilson_ends(np.array([rate]), np.array([n]), level)
    return Limits(rate, float(lower[0]), float(upper[0]))


def _mover(a: Limits, b: Limits, correlation: float) -> tuple[float, float]:
    """Interval of b − a from the intervals of each."""
    down_b, up_a, up_b, down_a = b.value - b.lower, a.upper - a.value, b.upper - b.value, a.value - a.lower
    low = math.sqrt(max(down_b**2 + up_a**2 - 2.0 * correlation * down_b * up_a, 0.0))
    high = math.sqrt(max(up_b**2 + down_a**2 - 2.0 * correlation * up_b * down_a, 0.0))
    return b.value - a.value - low, b.value - a.value + high


def _correlation(moved_a: FloatArray, moved_b: FloatArray, kinds: Kinds) -> float:
    spread = math.sqrt(kinds.product(moved_a, moved_a) * kinds.product(moved_b, moved_b))
    return kinds.product(moved_a, moved_b) / spread if spread > 0.0 else 0.0


def _tested(change: Change, level: float) -> Change:
    """The p value at which the interval's nearer end would touch; no width or no interval is no test."""
    z = norm_ppf(0.5 + level / 2)

    def statistic(against: float) -> float:
        reach = change.value - change.lower if change.value >= against else change.upper - change.value
        return z * (change.value - against) / reach if reach > 0.0 else math.copysign(math.inf, change.value - against)

    if math.isnan(change.lower) or math.isnan(change.upper):
        return change
    above: Callable[[float], float] = lambda margin: upper_tail(statistic(margin), math.inf)  # noqa: E731
    return replace(change, p_value=1.0 if change.value == 0.0 else two_sided(statistic(0.0), math.inf), p_above=above)
