"""What a window's requirements ask to be computed: metrics, thresholds, groups, features; read from their bounds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from codman.monitor.estimate.cbpe import METRICS, OVERALL
from codman.review.policy.bound import Bound
from codman.spine.monitor_plan import CODMAN, MonitorPlan, Watched
from codman.spine.statement import Kind
from codman.spine.vocabulary import ESTIMATED, word

PROCESS: Final = frozenset({"override_rate", "action_rate", "time_to_action", "alerts_per_100_patient_days"})
TOGETHER: Final = frozenset({"domain_auroc", "mmd", "reconstruction_error"})  # drift of all columns at once
USUAL: Final = ("auroc", "oe_ratio", "prevalence", "alert_rate")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is computed of a window."""

    estimates: tuple[str, ...]  # metrics by age: estimated, partial, final
    thresholds: tuple[float, ...]
    by: tuple[tuple[str, ...], ...]
    features: tuple[str, ...]  # that drift is asked of; empty: all
    together: bool  # drift of all columns together too
    evaluation: bool  # an evaluation statement is wanted beside
    bands: dict[str, list[float]]


def asked_of(plan: MonitorPlan, requirements: Sequence[Watched]) -> Asked:
    """What the house computes for these requirements of a plan."""
    mine = [one for one in requirements if one.watch.responsible == CODMAN]
    bounds = [one.requirement.asks for one in mine if isinstance(one.requirement.asks, Bound)]
    named = {bound.metric.removeprefix(ESTIMATED) for bound in bounds}
    thresholds = {*plan.thresholds, *(bound.threshold for bound in bounds if bound.threshold is not None)}
    groupings = {tuple(sorted(bound.slice)) for bound in bounds if bound.slice}
    groupings |= {tuple(bound.by) for bound in bounds if bound.by}
    features = {bound.feature for bound in bounds if bound.feature is not None and is_drift(bound.metric)}
    possible = METRICS if thresholds else OVERALL
    estimates = [name for name in possible if name in named or name in USUAL]
    return Asked(
        estimates=tuple(estimates),
        thresholds=tuple(sorted(thresholds)),
        by=tuple(sorted(groupings)),
        features=tuple(sorted(features)),
        together=bool(named & TOGETHER),
        evaluation=any(one.requirement.evidence is Kind.EVALUATION for one in mine),
        bands={column: list(edges) for column, edges in plan.bands.items()},
    )


def is_drift(metric: str) -> bool:
    """Whether a metric says how far now is from before."""
    return word(metric).family == "drift"
