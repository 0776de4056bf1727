"""Intervals that hold at every look, however often one looks and whenever one stops."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Final

from codman.evaluate.compare.change import Change
from codman.evaluate.compare.cohort import Group
from codman.evaluate.distributions import z_of_level

FEWEST: Final = 30  # patients with the event, and without: below it the normal limit is not reached yet
METHOD: Final = "asymptotic-confidence-sequence"
_TOO_FEW: Final = f"fewer than {FEWEST} patients with the event or without it: no interval holds at every look yet"
_ONE_LOOK: Final = "McNemar's test is for one look; the change in accuracy says the same at every look"


def anytime(change: Change, group: Group, *, level: float, planned: int) -> Change:
    """The change with an interval that covers the truth at all looks together, as often as `level` says.

    It is asymptotic: it rests on the normal limit of what each patient adds, as the analytic interval does, from
    the first look on. What each patient adds to an AUROC is DeLong's placement.

    Args:
        change: With its analytic interval, from which its standard error follows.
        group: The patients it is about.
        level: Of all looks together.
        planned: Patients at which the interval is to be tightest; fixed before the first look.

    Source: Waudby-Smith et al. 2024, doi:10.1214/24-AOS2408, Theorem 2.2 and its choice of ρ (Appendix B.2).
    """
    if change.metric == "mcnemar":
        return _withheld(change, _ONE_LOOK)
    error = standard_error(change, level)
    if math.isnan(error):
        return _withheld(change, change.note)
    if error == 0.0:
        return change  # two models with the same scores do not differ, at any look
    if min(group.with_event, group.without) < FEWEST:
        return _withheld(change, _TOO_FEW)
    reach = error * widening(group.patients, level, planned)
    lower, upper = change.value - reach, change.value + reach
    if change.lower >= -1.0 and change.upper <= 1.0:  # a change of a share
        lower, upper = max(lower, -1.0), min(upper, 1.0)
    return replace(
        change,
        lower=lower,
        upper=upper,
        p_value=_p_value(change.value / error, group.patients, level, planned),
        method=f"{METHOD}:{change.method}",
        params={**change.params, "standard_error": error, "planned_patients": planned},
        p_above=None,
    )


def _withheld(change: Change, why: str | None) -> Change:
    return replace(change, lower=math.nan, upper=math.nan, p_value=None, p_above=None, params={}, note=why)


def standard_error(change: Change, level: float) -> float:
    """Of a change with an analytic interval; NaN where it has none. A skew interval's longer side decides."""
    if "standard_error" in change.params:
        return float(change.params["standard_error"])
    return max(change.upper - change.value, change.value - change.lower) / z_of_level(level)


def widening(patients: int, level: float, planned: int) -> float:
    """How many standard errors the interval reaches to either side after so many patients."""
    spread = patients * _rho_squared(level, planned)
    return math.sqrt((1.0 + 1.0 / spread) * (math.log1p(spread) - 2.0 * math.log(1.0 - level)))


def _rho_squared(level: float, planned: int) -> float:
    twice = -2.0 * math.log(1.0 - level)
    return (twice + math.log(twice) + 1.0) / planned


def _p_value(z: float, patients: int, level: float, planned: int) -> float:
    """The smallest error rate whose interval, with the same ρ, leaves no change out: valid at every look too."""
    spread = patients * _rho_squared(level, planned)
    return min(1.0, math.exp(0.5 * math.log1p(spread) - 0.5 * z * z * spread / (1.0 + spread)))
