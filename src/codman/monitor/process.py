"""What staff do with a score: how often they are alerted, override, act, and how soon."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from codman.evaluate.distributions import chi2_ppf, z_of_level
from codman.evaluate.estimates import BoolArray, FloatArray
from codman.evaluate.intervals import wilson_ends
from codman.evaluate.suppression import FEWEST
from codman.spine.measurement import SUPPRESSED, Measurement, Measurements, Window

NO_ALERT: Final = "nobody was alerted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Alerts:
    """The alerts of one window, and the patient-days they came in."""

    overridden: BoolArray  # (n,) True where staff dismissed the alert
    acted: BoolArray  # (n,) True where they acted on it
    hours: FloatArray  # (n,) from alert to action; NaN where there was none
    patient_days: float


def process_measures(
    alerts: Alerts,
    *,
    threshold: float,
    window: Window | None = None,
    who: dict[str, str] | None = None,
    level: float = 0.95,
) -> Measurements:
    """Override rate, action rate, time to action, and alerts per 100 patient-days.

    Args:
        alerts: The window's alerts.
        threshold: From which score on they were raised.
        window: When.
        who: The slice of patients they are about; everyone without it.
        level: Of the intervals: Wilson for shares, order statistics for the median, exact Poisson for the rate.
    """
    n = len(alerts.overridden)
    shared: dict[str, Any] = {"slice": dict(who or {}), "window": window, "params": {"threshold": threshold}}
    if 0 < n < FEWEST:
        names = ("override_rate", "action_rate", "time_to_action", "alerts_per_100_patient_days")
        return Measurements(Measurement(metric=name, value=None, note=SUPPRESSED, **shared) for name in names)
    rows = [
        _share("override_rate", alerts.overridden, level, shared),
        _share("action_rate", alerts.acted, level, shared),
        _median(alerts.hours[~np.isnan(alerts.hours)], level, shared),
        _rate(n, alerts.patient_days, level, shared),
    ]
    return Measurements(rows)


def _share(metric: str, where: BoolArray, level: float, shared: dict[str, Any]) -> Measurement:
    n = len(where)
    if n == 0:
        return Measurement(metric=metric, value=None, n=0, note=NO_ALERT, **shared)
    share = float(where.mean())
    lower, upper = wilson_ends(np.array([share]), np.array([float(n)]), level)
    return Measurement(
        metric=metric, value=share, lower=float(lower[0]), upper=float(upper[0]), level=level, n=n, method="wilson",
        **shared,
    )  # fmt: skip


def _median(hours: FloatArray, level: float, shared: dict[str, Any]) -> Measurement:
    """Interval: the order statistics whose ranks a binomial of one half reaches."""
    n = len(hours)
    if 0 < n < FEWEST:
        return Measurement(metric="time_to_action", value=None, note=SUPPRESSED, **shared)
    if n == 0:
        return Measurement(metric="time_to_action", value=None, n=0, note="nobody acted on an alert", **shared)
    ranked = np.sort(hours)
    reach = z_of_level(level) * math.sqrt(n) / 2
    low, high = math.floor(n / 2 - reach), math.ceil(n / 2 + reach)
    bounded = low >= 0 and high < n
    return Measurement(
        metric="time_to_action",
        value=float(np.median(ranked)),
        lower=float(ranked[low]) if bounded else None,
        upper=float(ranked[high]) if bounded else None,
        level=level if bounded else None,
        n=n,
        method="order-statistics",
        note=None if bounded else "no interval: too few actions",
        **shared,
    )


def _rate(alerts: int, patient_days: float, level: float, shared: dict[str, Any]) -> Measurement:
    """Interval: exact Poisson (Garwood 1936), each alert its own."""
    if not patient_days > 0:
        note = "there were no patient-days"
        return Measurement(metric="alerts_per_100_patient_days", value=None, n=alerts, note=note, **shared)
    tail = (1 - level) / 2
    lower = chi2_ppf(tail, 2 * alerts) / 2 if alerts else 0.0
    upper = chi2_ppf(1 - tail, 2 * alerts + 2) / 2
    return Measurement(
        metric="alerts_per_100_patient_days", value=100 * alerts / patient_days, lower=100 * lower / patient_days,
        upper=100 * upper / patient_days, level=level, n=alerts, method="garwood", **shared,
    )  # fmt: skip
