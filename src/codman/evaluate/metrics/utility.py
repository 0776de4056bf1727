"""Clinical utility: what acting on the score is worth at a threshold.

Source: Vickers & Elkin 2006, doi:10.1177/0272989X06295361.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import numpy as np

from codman.evaluate.estimates import Estimates, FloatArray
from codman.evaluate.intervals import log_scale, of_two
from codman.evaluate.metrics.tables import FN, FP, TN, TP, Table, correlation, share

EVERYONE: Final = (TP, FP, FN, TN)


def odds(threshold: float) -> float:
    """The odds at which a clinician is torn between acting and not."""
    return threshold / (1 - threshold)


def utility(table: Table, params: Mapping[str, Any]) -> Iterator[Estimates]:
    """Net benefit, its standardised form and interventions avoided; nothing where the threshold is not inside (0, 1).

    Each is a difference of two parts of the per-patient contributions; their Wilson intervals are joined by MOVER with
    their correlation, because the normal interval of the contributions' mean fails where one part is rare.
    """
    if not 0 < table.threshold < 1:
        return
    named = {"threshold": table.threshold, **params}
    o = odds(table.threshold)
    yield _difference("net_benefit", table, named, TP, 1.0, FP, -o)
    yield _standardized(table, named, o)
    yield _difference("interventions_avoided", table, named, TN, 1.0, FN, -1 / o)


def _difference(
    metric: str, table: Table, params: Mapping[str, Any], one: int, k: float, other: int, m: float
) -> Estimates:
    first, second = share(table, [one], EVERYONE), share(table, [other], EVERYONE)
    joint = correlation(table, ([one], EVERYONE), ([other], EVERYONE))
    return Estimates(
        metric=metric,
        value=k * first.value + m * second.value,
        bounds=of_two(first.value, first.bounds(), k, second.value, second.bounds(), m, joint),
        method=f"mover-{first.method}",
        params=params,
    )


def _standardized(table: Table, params: Mapping[str, Any], o: float) -> Estimates:
    """Sensitivity less false positives per event at the odds: the second part's interval is made on the log scale."""
    found = share(table, [TP], [TP, FN])
    events, false = table.sum([TP, FN]), table.totals[:, FP]
    with np.errstate(divide="ignore", invalid="ignore"):
        per_event = false / events
        gradient = np.zeros_like(table.totals)
        gradient[:, FP] = 1 / events
        gradient[:, [TP, FN]] = -(per_event / events)[:, None]
        se = np.sqrt(table.variance(gradient))
        value = found.value - o * per_event
    return Estimates(
        metric="standardized_net_benefit",
        value=value,
        bounds=of_two(found.value, found.bounds(), 1.0, per_event, log_scale(per_event, se, table.df), -o),
        method=f"mover-{found.method}",
        params=params,
        notes={int(s): "no patient has the event" for s in np.flatnonzero(np.isnan(value))},
    )


def net_benefit(table: Table) -> tuple[FloatArray, FloatArray]:
    """(S,) net benefit and its variance."""
    return _linear(table, np.array([1.0, -odds(table.threshold), 0.0, 0.0]))


def _linear(table: Table, worth: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Mean worth per patient when each of the four outcomes is worth so much."""
    total = table.totals.sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = table.totals @ worth / total
        gradient = (worth[None, :] - mean[:, None]) / total[:, None]
    return mean, table.variance(gradient)
