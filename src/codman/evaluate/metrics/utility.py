"""Clinical utility: what acting on the score is worth at a threshold.

Source: Vickers & Elkin 2006, doi:10.1177/0272989X06295361.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from codman.evaluate.estimates import Estimates, FloatArray
from codman.evaluate.intervals import normal
from codman.evaluate.metrics.tables import FN, TP, Table


def odds(threshold: float) -> float:
    """The odds at which a clinician is torn between acting and not."""
    return threshold / (1 - threshold)


def utility(table: Table, params: Mapping[str, Any]) -> Iterator[Estimates]:
    """Net benefit, its standardised form and interventions avoided; nothing where the threshold is not inside (0, 1).

    Intervals: from per-patient contributions (linear in the table), the standardised form by the delta method.
    """
    if not 0 < table.threshold < 1:
        return
    named = {"threshold": table.threshold, **params}
    o = odds(table.threshold)
    benefit, variance = net_benefit(table)
    yield Estimates(
        metric="net_benefit", value=benefit, bounds=normal(benefit, np.sqrt(variance)), method="linearised", params=named
    )
    events = table.sum([TP, FN])
    tp, fp = table.totals[:, 0], table.totals[:, 1]
    with np.errstate(divide="ignore", invalid="ignore"):
        standard = (tp - o * fp) / events
        gradient = np.stack(
            [(1 - standard) / events, -o / events, -standard / events, np.zeros_like(events)], axis=1
        )
    yield Estimates(
        metric="standardized_net_benefit",
        value=standard,
        bounds=normal(standard, np.sqrt(table.variance(gradient))),
        method="delta",
        params=named,
        notes={int(s): "no patient has the event" for s in np.flatnonzero(np.isnan(standard))},
    )
    avoided, spread = _linear(table, np.array([0.0, 0.0, -1 / o, 1.0]))
    yield Estimates(
        metric="interventions_avoided", value=avoided, bounds=normal(avoided, np.sqrt(spread)), method="linearised", params=named
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
