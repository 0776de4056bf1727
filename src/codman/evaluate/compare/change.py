"""Change: one metric of B minus A on one slice of patients, with its interval and test."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np

from codman.evaluate.columns import BoolArray
from codman.evaluate.compare.pairs import Pairs, summed
from codman.evaluate.distributions import norm_ppf, norm_sf, t_cdf, t_ppf
from codman.evaluate.estimates import FloatArray

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
    influence: FloatArray | None = None  # (patients,) how far each patient moves the change; for BCa
    p_above: Callable[[float], float] | None = None  # margin -> p value of "the change is not above it"


def undefined(metric: str, threshold: float | None, pairs: Pairs, note: str) -> Change:
    """A change that cannot be computed, and why."""
    return Change(metric=metric, threshold=threshold, n=pairs.n, positives=pairs.positives, note=note)


def linear(
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
    variance, clusters = sandwich(moved, pairs, counted)
    return normal(
        metric,
        threshold,
        pairs,
        value=value,
        variance=variance if clusters >= 2 else math.nan,
        degrees=max(clusters - 1, 1),
        level=level,
        method=f"{method}:clustered" if pairs.clustered else method,
        influence=by_patient(moved, pairs),
        n=int(np.count_nonzero(counted)) if threshold is not None else pairs.n,
    )


def normal(
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
    """A symmetric interval from a variance, with the t quantile of `degrees` (the normal's where infinite)."""
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
        return _without_spread(known, pairs, error, ranks=metric in RANKED)
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


def _without_spread(change: Change, pairs: Pairs, error: float, *, ranks: bool) -> Change:
    """Two models with the same scores, or the same order where it is ranks that count, do not differ."""
    a, b = ((np.unique(s, return_inverse=True)[1] if ranks else s) for s in (pairs.a, pairs.b))
    if np.array_equal(a, b):
        return same(change)
    return replace(change, note="needs at least two patients of each kind" if math.isnan(error) else NO_SPREAD)


def sandwich(moved: FloatArray, pairs: Pairs, counted: BoolArray) -> tuple[float, int]:
    """Variance from each patient's summed influence, and how many patients count."""
    totals = by_patient(moved, pairs)
    clusters = int(np.count_nonzero(counted))
    if pairs.clustered and pairs.subject is not None:
        seen = np.zeros(pairs.patients, dtype=bool)
        seen[pairs.subject[counted]] = True
        clusters = int(np.count_nonzero(seen))
    if clusters < 2:
        return math.nan, clusters
    return float(totals @ totals) * clusters / (clusters - 1), clusters


def by_patient(moved: FloatArray, pairs: Pairs) -> FloatArray:
    """(patients,) sum of the influence of each patient's rows; the rows themselves where none repeats."""
    if pairs.subject is None or not pairs.clustered:
        return moved
    return summed(moved, pairs.subject, pairs.patients)


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
