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
from codman.evaluate.compare.change import Change, by_patient, same, sandwich, two_sided, undefined, upper_tail
from codman.evaluate.compare.paired_proportions import tango_interval, tango_z
from codman.evaluate.compare.pairs import Pairs
from codman.evaluate.compare.rates import AT_THRESHOLD, Ratio
from codman.evaluate.distributions import norm_ppf, t_ppf
from codman.evaluate.estimates import FloatArray
from codman.evaluate.intervals import wilson_ends

ONE_CLASS: Final = "needs patients with and without the event"


class Limits(NamedTuple):
    """A rate and its interval."""

    value: float
    lower: float
    upper: float


def nobody(metric: str, a: Ratio, b: Ratio) -> str:
    """Why a rate has no value: nobody stands at its bottom."""
    which = " and ".join(name for name, ratio in (("A", a), ("B", b)) if not np.any(ratio.bottom > 0))
    return {
        "ppv": f"no patient is flagged by {which}",
        "npv": f"every patient is flagged by {which}",
        "specificity": "no patient is without the event",
        "f1": f"no patient has the event or is flagged by {which}",
    }.get(metric, "no patient has the event")


def proportions(metric: str, threshold: float, pairs: Pairs, a: Ratio, b: Ratio, level: float) -> Change:
    """Tango's interval; clustered or weighted rows enter it as an effective number of patients (Korn–Graubard)."""
    inside = a.bottom > 0
    if not np.any(inside):
        return undefined(metric, threshold, pairs, nobody(metric, a, b))
    rows = int(np.count_nonzero(inside))
    has_a, has_b = a.top > 0, b.top > 0
    total = _weighed(inside, pairs)
    share_b, share_a = _weighed(has_b & ~has_a, pairs) / total, _weighed(has_a & ~has_b, pairs) / total
    value = share_b - share_a
    moved = b.influence(pairs.weight) - a.influence(pairs.weight)
    n: float = rows
    method = "tango"
    if pairs.clustered or pairs.weight is not None:
        n = _effective_rows(pairs, moved, inside, share_a + share_b - value * value, level)
        method = "tango:effective-n"
    if n <= 0.0:
        return undefined(metric, threshold, pairs, "needs at least two patients")
    lower, upper = tango_interval(n * share_b, n * share_a, n, level)
    change = Change(
        metric=metric,
        threshold=threshold,
        value=value,
        lower=lower,
        upper=upper,
        p_value=two_sided(tango_z(n * share_b, n * share_a, n, 0.0), math.inf),
        n=rows,
        positives=int(np.count_nonzero(inside & pairs.event)),
        method=method,
        params={} if method == "tango" else {"effective_n": n},
        influence=by_patient(moved, pairs),
        p_above=lambda margin: upper_tail(tango_z(n * share_b, n * share_a, n, margin), math.inf),
    )
    return same(change) if np.array_equal(pairs.a, pairs.b) else change


def _weighed(which: BoolArray, pairs: Pairs) -> float:
    return float(np.count_nonzero(which)) if pairs.weight is None else float(pairs.weight[which].sum())


def _effective_rows(pairs: Pairs, moved: FloatArray, inside: BoolArray, spread: float, level: float) -> float:
    variance, clusters = sandwich(moved, pairs, inside)
    if clusters < 2:
        return 0.0
    rows = float(np.count_nonzero(inside))
    independent = spread / variance if variance > 0.0 else float(clusters)
    few = norm_ppf(0.5 + level / 2) / t_ppf(0.5 + level / 2, clusters - 1)
    return min(independent * few * few, rows)


def predictive(metric: str, threshold: float, pairs: Pairs, a: Ratio, b: Ratio, level: float) -> Change:
    """PPV or NPV: each model has its own patients at the bottom, and they overlap.

    Source: Zou & Donner 2008, doi:10.1002/sim.3095 (MOVER); with correlation, Zou 2007,
    doi:10.1037/1082-989X.12.4.399.
    """
    value = b.value(pairs.weight) - a.value(pairs.weight)
    if math.isnan(value):
        return undefined(metric, threshold, pairs, nobody(metric, a, b))
    counted = (a.bottom > 0) | (b.bottom > 0)
    moved_a, moved_b = a.influence(pairs.weight), b.influence(pairs.weight)
    change = Change(
        metric=metric,
        threshold=threshold,
        value=value,
        n=int(np.count_nonzero(counted)),
        positives=int(np.count_nonzero(counted & pairs.event)),
        method="wilson-mover-paired" + (":clustered" if pairs.clustered else ""),
        influence=by_patient(moved_b - moved_a, pairs),
    )
    if np.array_equal(pairs.a, pairs.b):
        return same(change)
    if np.array_equal(a.bottom, b.bottom):
        # nobody changes sides; how many would in other patients is what Tango's interval says of no discordance
        patients = float(sandwich(moved_a, pairs, counted)[1])
        lower, upper = tango_interval(0.0, 0.0, patients, level)
    else:
        wilson_a = _wilson(a, moved_a, pairs, level)
        wilson_b = _wilson(b, moved_b, pairs, level)
        lower, upper = _mover(wilson_a, wilson_b, _correlation(moved_a, moved_b, pairs))
    return _tested(replace(change, lower=max(lower, -1.0), upper=min(upper, 1.0)), level)


def balanced_accuracy(threshold: float, pairs: Pairs, flag_a: BoolArray, flag_b: BoolArray, level: float) -> Change:
    """Mean of the changes of sensitivity and specificity, their Tango intervals joined by MOVER."""
    if not 0 < pairs.positives < pairs.n:
        return undefined("balanced_accuracy", threshold, pairs, ONE_CLASS)
    halves: list[Change] = []
    moved: list[FloatArray] = []
    for half in ("sensitivity", "specificity"):
        a, b = (AT_THRESHOLD[half](pairs.event, flag, threshold) for flag in (flag_a, flag_b))
        halves.append(proportions(half, threshold, pairs, a, b, level))
        moved.append(b.influence(pairs.weight) - a.influence(pairs.weight))
    gained, spared = halves
    value = (gained.value + spared.value) / 2.0
    correlation = _correlation(moved[0], moved[1], pairs)  # 0 unless patients have rows of both classes
    sensitivity = Limits(-gained.value, -gained.upper, -gained.lower)
    lower, upper = _mover(sensitivity, Limits(spared.value, spared.lower, spared.upper), -correlation)
    change = Change(
        metric="balanced_accuracy",
        threshold=threshold,
        value=value,
        lower=lower / 2.0,
        upper=upper / 2.0,
        n=pairs.n,
        positives=pairs.positives,
        method="tango-mover" + (":clustered" if pairs.clustered else ""),
        influence=by_patient((moved[0] + moved[1]) / 2.0, pairs),
    )
    return same(change) if np.array_equal(pairs.a, pairs.b) else _tested(change, level)


def _wilson(ratio: Ratio, moved: FloatArray, pairs: Pairs, level: float) -> Limits:
    rate = ratio.value(pairs.weight)
    inside = ratio.bottom > 0
    n = float(np.count_nonzero(inside))
    if pairs.clustered or pairs.weight is not None:
        n = _effective_rows(pairs, moved, inside, rate * (1.0 - rate), level)
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


def _correlation(moved_a: FloatArray, moved_b: FloatArray, pairs: Pairs) -> float:
    of_a, of_b = by_patient(moved_a, pairs), by_patient(moved_b, pairs)
    spread = math.sqrt(float(of_a @ of_a) * float(of_b @ of_b))
    return float(of_a @ of_b) / spread if spread > 0.0 else 0.0


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
