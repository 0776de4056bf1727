"""Change: one metric of B minus A on one slice of patients, by the method that fits how the rows are paired."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np

from codman.evaluate.columns import BoolArray
from codman.evaluate.compare.delong import AurocChange, auroc_change, place
from codman.evaluate.compare.paired_proportions import tango_interval, tango_z
from codman.evaluate.compare.pairs import Pairs, summed
from codman.evaluate.compare.precision_recall import average_precision
from codman.evaluate.compare.rates import AT_THRESHOLD, NEEDS_RISK_THRESHOLD, OF_RISK, SAME_PATIENTS, Ratio
from codman.evaluate.distributions import norm_ppf, norm_sf, t_cdf, t_ppf
from codman.evaluate.estimates import FloatArray

FEWEST_OF_A_CLASS: Final = 30  # below it DeLong's normal quantile gives too narrow an interval
NO_VARIANCE: Final = 1e-15  # standard errors below it are rounding, not knowledge
UNBOUNDED: Final = ("log_loss", "net_benefit", "standardized_net_benefit")  # their changes are not shares
ONE_CLASS: Final = "needs patients with and without the event"
NO_SPREAD: Final = "the paired differences do not vary, so they give no interval"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One metric of B minus A. NaN is written as null; `note` says why."""

    metric: str  # of each model: auroc; the Measurement is auroc_change
    threshold: float | None = None
    value: float = math.nan
    lower: float = math.nan
    upper: float = math.nan
    p_value: float | None = None
    n: int = 0
    positives: int = 0
    method: str = ""
    params: dict[str, Any] = field(default_factory=dict)
    note: str | None = None
    influence: FloatArray | None = None  # (patients,) how far each patient moves the change; for BCa
    p_above: Callable[[float], float] | None = None  # margin -> p value of "the change is not above it"


def undefined(metric: str, threshold: float | None, pairs: Pairs, note: str) -> Change:
    """A change that cannot be computed, and why."""
    return Change(metric=metric, threshold=threshold, n=pairs.n, positives=pairs.positives, note=note)


def change_of(metric: str, threshold: float | None, pairs: Pairs, level: float) -> Change:
    """How much one metric changes from A to B, with its paired interval and test.

    Args:
        metric: auroc, auprc, brier, log_loss, or a metric at a threshold.
        threshold: Positive is score >= threshold; None for the first four.
        pairs: The slice's rows.
        level: Of the interval.

    Returns:
        The change; NaN with a note where it is not defined.
    """
    if metric == "auroc":
        return _auroc(pairs, level)
    if metric == "auprc":
        return _auprc(pairs, level)
    if metric in OF_RISK:
        return _risk(metric, pairs, level)
    assert threshold is not None  # noqa: S101 (run.py asks for these only with a threshold)
    return _flagged(metric, threshold, pairs, level)


def _auroc(pairs: Pairs, level: float) -> Change:
    if not 0 < pairs.positives < pairs.n:
        return undefined("auroc", None, pairs, ONE_CLASS)
    a, b = place(pairs.event, pairs.a, pairs.weight), place(pairs.event, pairs.b, pairs.weight)
    found: AurocChange = auroc_change(pairs.event, a, b, pairs.subject if pairs.clustered else None)
    degrees = math.inf if found.clusters >= FEWEST_OF_A_CLASS and not pairs.clustered else max(found.clusters - 1, 1)
    plain = "obuchowski-paired" if pairs.clustered else "delong-paired"
    note = None
    if found.clusters < FEWEST_OF_A_CLASS:
        note = f"fewer than {FEWEST_OF_A_CLASS} patients in a class: t quantile with {degrees} degrees of freedom"
    return _normal(
        "auroc",
        None,
        pairs,
        value=found.change,
        variance=found.variance,
        degrees=degrees,
        level=level,
        method=plain if pairs.weight is None else f"{plain}:weighted",
        influence=_by_patient(b.influence - a.influence, pairs),
        note=note,
    )


def _auprc(pairs: Pairs, level: float) -> Change:
    if not 0 < pairs.positives < pairs.n:
        return undefined("auprc", None, pairs, ONE_CLASS)
    value_a, moved_a = average_precision(pairs.event, pairs.a, pairs.weight)
    value_b, moved_b = average_precision(pairs.event, pairs.b, pairs.weight)
    return _linear("auprc", None, pairs, value_b - value_a, moved_b - moved_a, pairs.event, level, "influence-paired")


def _risk(metric: str, pairs: Pairs, level: float) -> Change:
    for model, score in (("A", pairs.a), ("B", pairs.b)):
        if score.min(initial=0.0) < 0.0 or score.max(initial=1.0) > 1.0:
            return undefined(metric, None, pairs, f"scores of {model} lie outside 0 to 1, so they are not risks")
    a, b = OF_RISK[metric](pairs.event, pairs.a), OF_RISK[metric](pairs.event, pairs.b)
    return _ratio(metric, None, pairs, a, b, level, "mean-paired")


def _flagged(metric: str, threshold: float, pairs: Pairs, level: float) -> Change:
    if metric in NEEDS_RISK_THRESHOLD and not 0.0 < threshold < 1.0:
        return undefined(metric, threshold, pairs, "needs a threshold between 0 and 1")
    flag_a, flag_b = pairs.a >= threshold, pairs.b >= threshold
    if metric == "balanced_accuracy":
        return _balanced_accuracy(threshold, pairs, flag_a, flag_b, level)
    rule = AT_THRESHOLD[metric]
    a, b = rule(pairs.event, flag_a, threshold), rule(pairs.event, flag_b, threshold)
    if metric in SAME_PATIENTS:
        return _proportions(metric, threshold, pairs, a, b, level)
    return _ratio(
        metric, threshold, pairs, a, b, level, "delta-paired" if metric in ("ppv", "npv", "f1") else "mean-paired"
    )


def _balanced_accuracy(threshold: float, pairs: Pairs, flag_a: BoolArray, flag_b: BoolArray, level: float) -> Change:
    if not 0 < pairs.positives < pairs.n:
        return undefined("balanced_accuracy", threshold, pairs, ONE_CLASS)
    value, moved = 0.0, np.zeros(pairs.n)
    for half in ("sensitivity", "specificity"):
        a, b = (AT_THRESHOLD[half](pairs.event, flag, threshold) for flag in (flag_a, flag_b))
        value += (b.value(pairs.weight) - a.value(pairs.weight)) / 2.0
        moved += (b.influence(pairs.weight) - a.influence(pairs.weight)) / 2.0
    everyone = np.ones(pairs.n, dtype=bool)
    return _linear("balanced_accuracy", threshold, pairs, value, moved, everyone, level, "delta-paired")


def _ratio(metric: str, threshold: float | None, pairs: Pairs, a: Ratio, b: Ratio, level: float, method: str) -> Change:
    value = b.value(pairs.weight) - a.value(pairs.weight)
    if math.isnan(value):
        return undefined(metric, threshold, pairs, _nobody(metric, a, b))
    moved = b.influence(pairs.weight) - a.influence(pairs.weight)
    return _linear(metric, threshold, pairs, value, moved, (a.bottom > 0) | (b.bottom > 0), level, method)


def _nobody(metric: str, a: Ratio, b: Ratio) -> str:
    which = " and ".join(name for name, ratio in (("A", a), ("B", b)) if not np.any(ratio.bottom > 0))
    return {
        "ppv": f"no patient is flagged by {which}",
        "npv": f"every patient is flagged by {which}",
        "specificity": "no patient is without the event",
        "f1": f"no patient has the event or is flagged by {which}",
    }.get(metric, "no patient has the event")


def _proportions(metric: str, threshold: float, pairs: Pairs, a: Ratio, b: Ratio, level: float) -> Change:
    """Tango's interval; clustered or weighted rows enter it as an effective number of patients (Korn–Graubard)."""
    inside = a.bottom > 0
    if not np.any(inside):
        return undefined(metric, threshold, pairs, _nobody(metric, a, b))
    weight = np.ones(pairs.n) if pairs.weight is None else pairs.weight
    rows = int(np.count_nonzero(inside))
    total = float(weight[inside].sum())
    share_b = float(weight @ ((b.top > 0) & (a.top == 0))) / total
    share_a = float(weight @ ((a.top > 0) & (b.top == 0))) / total
    value = share_b - share_a
    moved = b.influence(pairs.weight) - a.influence(pairs.weight)
    by_patient = _by_patient(moved, pairs)
    n: float = rows
    method = "tango"
    if pairs.clustered or pairs.weight is not None:
        n = _effective_rows(pairs, moved, inside, share_a + share_b - value * value, level)
        method = "tango:effective-n"
    if n <= 0.0:
        return undefined(metric, threshold, pairs, "needs at least two patients")
    lower, upper = tango_interval(n * share_b, n * share_a, n, level)
    return Change(
        metric=metric,
        threshold=threshold,
        value=value,
        lower=lower,
        upper=upper,
        p_value=_two_sided(tango_z(n * share_b, n * share_a, n, 0.0), math.inf),
        n=rows,
        positives=int(np.count_nonzero(inside & pairs.event)),
        method=method,
        params={} if method == "tango" else {"effective_n": n},
        influence=by_patient,
        p_above=lambda margin: _upper_tail(tango_z(n * share_b, n * share_a, n, margin), math.inf),
    )


def _effective_rows(pairs: Pairs, moved: FloatArray, inside: BoolArray, spread: float, level: float) -> float:
    variance, clusters = _sandwich(moved, pairs, inside)
    if clusters < 2:
        return 0.0
    rows = float(np.count_nonzero(inside))
    independent = spread / variance if variance > 0.0 else float(clusters)
    few = norm_ppf(0.5 + level / 2) / t_ppf(0.5 + level / 2, clusters - 1)
    return min(independent * few * few, rows)


def _linear(
    metric: str,
    threshold: float | None,
    pairs: Pairs,
    value: float,
    moved: FloatArray,
    counted: BoolArray,
    level: float,
    method: str,
) -> Change:
    """An interval from each patient's influence on the change; `counted` rows are those that can have any."""
    variance, clusters = _sandwich(moved, pairs, counted)
    return _normal(
        metric,
        threshold,
        pairs,
        value=value,
        variance=variance if clusters >= 2 else math.nan,
        degrees=max(clusters - 1, 1),
        level=level,
        method=f"{method}:clustered" if pairs.clustered else method,
        influence=_by_patient(moved, pairs),
        n=int(np.count_nonzero(counted)) if threshold is not None else pairs.n,
    )


def _normal(
    metric: str,
    threshold: float | None,
    pairs: Pairs,
    *,
    value: float,
    variance: float,
    degrees: float,
    level: float,
    method: str,
    influence: FloatArray,
    n: int | None = None,
    note: str | None = None,
) -> Change:
    error = math.sqrt(variance)
    known = Change(
        metric=metric,
        threshold=threshold,
        value=value,
        n=pairs.n if n is None else n,
        positives=pairs.positives,
        method=method,
        note=note,
        influence=influence,
    )
    if math.isnan(error) or error <= NO_VARIANCE:
        return _without_spread(known, pairs, error)
    reach = _quantile(0.5 + level / 2, degrees) * error
    lower, upper = value - reach, value + reach
    if metric not in UNBOUNDED:
        lower, upper = max(lower, -1.0), min(upper, 1.0)
    return replace(
        known,
        lower=lower,
        upper=upper,
        p_value=_two_sided(value / error, degrees),
        params={"standard_error": error},
        p_above=lambda margin: _upper_tail((value - margin) / error, degrees),
    )


def _without_spread(change: Change, pairs: Pairs, error: float) -> Change:
    """Two models that treat every patient alike do not differ; otherwise no variation is no knowledge."""
    if _alike(change, pairs):
        return replace(
            change,
            lower=0.0,
            upper=0.0,
            p_value=1.0,
            note="A and B treat every patient alike here",
            p_above=lambda margin: 0.0 if margin < 0.0 else 1.0,
        )
    return replace(change, note="needs at least two patients of each kind" if math.isnan(error) else NO_SPREAD)


def _alike(change: Change, pairs: Pairs) -> bool:
    if change.threshold is not None:
        return bool(np.array_equal(pairs.a >= change.threshold, pairs.b >= change.threshold))
    return bool(np.array_equal(pairs.a, pairs.b))


def _sandwich(moved: FloatArray, pairs: Pairs, counted: BoolArray) -> tuple[float, int]:
    """Variance from each patient's summed influence, and how many patients count."""
    by_patient = _by_patient(moved, pairs)
    if pairs.clustered and pairs.subject is not None:
        clusters = int(np.count_nonzero(np.bincount(pairs.subject[counted], minlength=pairs.patients)))
    else:
        clusters = int(np.count_nonzero(counted))
    if clusters < 2:
        return math.nan, clusters
    return float(by_patient @ by_patient) * clusters / (clusters - 1), clusters


def _by_patient(moved: FloatArray, pairs: Pairs) -> FloatArray:
    if pairs.subject is None or not pairs.clustered:
        return moved
    return summed(moved, pairs.subject, pairs.patients)


def _quantile(p: float, degrees: float) -> float:
    return norm_ppf(p) if math.isinf(degrees) else t_ppf(p, degrees)


def _upper_tail(statistic: float, degrees: float) -> float:
    return norm_sf(statistic) if math.isinf(degrees) else t_cdf(-statistic, degrees)


def _two_sided(statistic: float, degrees: float) -> float:
    return min(1.0, 2.0 * _upper_tail(abs(statistic), degrees))
