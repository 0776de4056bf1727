"""Change: one metric of B minus A on one slice of patients, with its interval and test."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Final

from codman.evaluate.compare.cohort import Group
from codman.evaluate.distributions import norm_ppf, norm_sf, t_cdf, t_ppf

NO_VARIANCE: Final = 1e-15  # standard errors below it are rounding, not knowledge
UNBOUNDED: Final = ("log_loss", "net_benefit", "standardized_net_benefit")  # their changes are not shares
RANKED: Final = frozenset({"auroc", "auprc"})
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
    p_above: Callable[[float], float] | None = None  # margin -> p value of "the change is not above it"


def undefined(metric: str, threshold: float | None, group: Group, note: str) -> Change:
    """A change that cannot be computed, and why."""
    return Change(metric=metric, threshold=threshold, n=group.n, positives=group.positives, note=note)


def linear(
    metric: str,
    threshold: float | None,
    group: Group,
    *,
    value: float,
    square: float,
    patients: int,
    n: int,
    level: float,
    method: str,
) -> Change:
    """An interval from what each patient adds to the change: the sum of its squares, and how many can add any."""
    return normal(
        metric,
        threshold,
        group,
        value=value,
        variance=sandwich(square, patients),
        degrees=max(patients - 1, 1),
        level=level,
        method=f"{method}:clustered" if group.clustered else method,
        n=n,
    )


def normal(
    metric: str,
    threshold: float | None,
    group: Group,
    *,
    value: float,
    variance: float,
    degrees: float,
    level: float,
    method: str,
    n: int,
    note: str | None = None,
) -> Change:
    """A symmetric interval from a variance, with the t quantile of `degrees` (the normal's where infinite)."""
    error = math.sqrt(variance)
    known = Change(
        metric=metric,
        threshold=threshold,
        value=value,
        n=n,
        positives=group.positives,
        method=method,
        note=note,
    )
    if math.isnan(error) or error <= NO_VARIANCE:
        return _without_spread(known, group, error, ranks=metric in RANKED)
    reach = quantile(0.5 + level / 2, degrees) * error
    lower, upper = value - reach, value + reach
    if metric not in UNBOUNDED:
        lower, upper = max(lower, -1.0), min(upper, 1.0)
    return replace(
        known,
        lower=lower,
        upper=upper,
        p_value=two_sided(value / error, degrees),
        params={"standard_error": error},
        p_above=lambda margin: upper_tail((value - margin) / error, degrees),
    )


def _without_spread(change: Change, group: Group, error: float, *, ranks: bool) -> Change:
    """Two models with the same scores, or the same order where it is ranks that count, do not differ."""
    if group.same_ranks() if ranks else group.same_scores:
        return same(change)
    return replace(change, note="needs at least two patients of each kind" if math.isnan(error) else NO_SPREAD)


def sandwich(square: float, patients: int) -> float:
    """Variance from the sum of squares of what each patient adds; NaN with fewer than two patients."""
    return square * patients / (patients - 1) if patients >= 2 else math.nan


def same(change: Change) -> Change:
    """Two models that give every patient the same score do not differ."""
    return replace(
        change,
        lower=0.0,
        upper=0.0,
        p_value=1.0,
        note="A and B give every patient the same score",
        p_above=lambda margin: 0.0 if margin < 0.0 else 1.0,
    )


def quantile(p: float, degrees: float) -> float:
    """Of Student's t; of the normal where the degrees of freedom are infinite."""
    return norm_ppf(p) if math.isinf(degrees) else t_ppf(p, degrees)


def upper_tail(statistic: float, degrees: float) -> float:
    """Chance of a larger statistic."""
    return norm_sf(statistic) if math.isinf(degrees) else t_cdf(-statistic, degrees)


def two_sided(statistic: float, degrees: float) -> float:
    """Two-sided p value of a statistic."""
    return min(1.0, 2.0 * upper_tail(abs(statistic), degrees))
