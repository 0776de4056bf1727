"""The look at one metric: which evidence a metric is judged by, the same for power, replay and the running watch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from codman.monitor.alarms.distance_looks import DISTANCES, distance_look
from codman.monitor.alarms.evidence import Look, Repeats, Side, once
from codman.monitor.alarms.score_looks import SHARES, ScoreCounts, auroc_look, oe_look, share_look
from codman.monitor.alarms.stream import WatchImpossible

# a fall in these is bad and a rise is not; of the others both are looked for
_BAD_WHEN_LOWER: Final = ("auroc", "sensitivity", "specificity", "ppv", "npv")
ALL: Final = ("auroc", "oe_ratio", *SHARES, *DISTANCES)
NEEDS_LABEL: Final = ("auroc", "sensitivity", "specificity", "ppv", "npv", "oe_ratio", "prevalence")
NEEDS_THRESHOLD: Final = ("sensitivity", "specificity", "ppv", "npv", "alert_rate")
# shifts that seldom matter, where nobody has said what does; in the unit of each
_USUAL: Final = {
    "auroc": 0.03, "auprc": 0.05, "brier": 0.02, "sensitivity": 0.05, "specificity": 0.05, "ppv": 0.05, "npv": 0.05,
    "oe_ratio": 0.15, "prevalence": 0.03, "alert_rate": 0.03, "calibration_slope": 0.15, "calibration_intercept": 0.15,
    "ks": 0.1, "psi": 0.1, "js_distance": 0.1, "hellinger": 0.1, "domain_auroc": 0.1, "missing_rate_difference": 0.05,
}  # fmt: skip


def side_of(metric: str) -> Side:
    """Which way of moving is looked for."""
    return "fall" if metric in _BAD_WHEN_LOWER else "both"


def look_at(
    metric: str, now: ScoreCounts, reference: ScoreCounts, delta: float, *, repeats: Repeats = once,
    reference_repeats: float = 1.0,
) -> Look:  # fmt: skip
    """The look at a metric of the score: one of `ALL`.

    Args:
        metric: A word of the vocabulary.
        now: (T, S, B) windows.
        reference: (S, B) the reference.
        delta: The largest shift that does not matter, in the metric's unit.
        repeats: Rows of m windows that a patient has.
        reference_repeats: Rows that a patient of the reference has.
    """
    if metric in DISTANCES:
        here, held = now.event + now.other, reference.event + reference.other
        return distance_look(metric, here, held, delta, repeats=repeats, reference_repeats=reference_repeats)
    if metric == "auroc":
        return auroc_look(now, reference, delta, repeats=repeats, reference_repeats=reference_repeats)
    if metric == "oe_ratio":
        return oe_look(now, reference, delta, repeats=repeats, reference_repeats=reference_repeats)
    side = side_of(metric)
    return share_look(metric, now, reference, delta, side=side, repeats=repeats, reference_repeats=reference_repeats)


def delta_of(metric: str, said: Mapping[str, float] | None = None) -> float:
    """The largest shift of a metric that does not matter: as said, or a usual one.

    Raises:
        WatchImpossible: Nothing is said and nothing is usual.
    """
    of = metric.removeprefix("estimated_")
    found = (said or {}).get(metric, (said or {}).get(of, _USUAL.get(of)))
    if found is None:
        raise WatchImpossible(
            what=f"nobody has said which shift of {metric} matters",
            why="there is no usual one",
            fix=f"say --delta {metric}=X",
        )
    return found
