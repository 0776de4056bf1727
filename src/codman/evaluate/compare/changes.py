"""Which method fits which metric: every change on every slice, by how the rows are paired."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from codman.evaluate.columns import BoolArray
from codman.evaluate.compare.change import RANKED, Change, linear, normal, undefined
from codman.evaluate.compare.cohort import Cohort, Group, alone
from codman.evaluate.compare.discordance import mcnemar_of
from codman.evaluate.compare.kinds import Kinds, kinds_of
from codman.evaluate.compare.pairs import Pairs
from codman.evaluate.compare.rankings import Means, Rankings, means, rankings
from codman.evaluate.compare.rate_changes import ONE_CLASS, rate_change
from codman.evaluate.compare.rates import OF_RISK
from codman.evaluate.metrics.discrimination import FEWEST_EVENTS

FEWEST_OF_A_CLASS: Final = 30  # below it DeLong's normal quantile gives too narrow an interval
Named = tuple[str, float | None]  # a metric, and its threshold where it has one


def changes_of(cohort: Cohort, names: Sequence[Named], level: float, *, shown: BoolArray) -> list[list[Change] | None]:
    """How much metrics change from A to B on every slice, with paired intervals and tests.

    Args:
        cohort: Both models' ranking of the rows.
        names: auroc, auprc, brier, log_loss, or a metric and its threshold.
        level: Of the intervals.
        shown: (S,) slices to measure.

    Returns:
        By slice, a change for each name, NaN with a note where it is not defined; None for slices not shown.
    """
    metrics = [metric for metric, _ in names]
    sums = _Sums(
        rankings=rankings(cohort) if RANKED.intersection(metrics) else None,
        means=means(cohort, [metric for metric in OF_RISK if metric in metrics]),
        kinds={t: kinds_of(cohort, t) for t in dict.fromkeys(t for _, t in names if t is not None)},
    )
    return [
        [sums.change(metric, threshold, s, group, level) for metric, threshold in names] if shown[s] else None
        for s, group in enumerate(cohort.groups)
    ]


def change_of(metric: str, threshold: float | None, pairs: Pairs, level: float) -> Change:
    """How much one metric changes from A to B on one slice alone."""
    (found,) = changes_of(alone(pairs), [(metric, threshold)], level, shown=np.ones(1, dtype=bool))
    assert found is not None  # noqa: S101 (the one slice is shown)
    return found[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sums:
    """What changes and their variances are made of, on every slice."""

    rankings: Rankings | None
    means: dict[str, Means]
    kinds: dict[float, list[Kinds]]  # by threshold

    def change(self, metric: str, threshold: float | None, s: int, group: Group, level: float) -> Change:
        if metric in OF_RISK:
            return _of_risk(metric, self.means[metric], s, group, level)
        if threshold is not None:
            of = mcnemar_of if metric == "mcnemar" else rate_change
            return of(metric, threshold, self.kinds[threshold][s], group, level)
        assert self.rankings is not None  # noqa: S101 (every other metric ranks)
        return (_auroc if metric == "auroc" else _auprc)(self.rankings, s, group, level)


def _auroc(found: Rankings, s: int, group: Group, level: float) -> Change:
    """With one row a patient DeLong's covariance; with several, Obuchowski's sums of placements by patient."""
    if not 0 < group.positives < group.n:
        return undefined("auroc", None, group, ONE_CLASS)
    fewest = min(group.with_event, group.without)
    variance = math.nan
    if fewest >= 2:
        variance = float(
            found.with_event[s] * group.with_event / (group.with_event - 1)
            + found.without[s] * group.without / (group.without - 1)
        )
        if group.clustered:
            variance += 2.0 * float(found.across[s]) * group.patients / max(group.patients - 1, 1)
        variance = max(variance, 0.0)
    degrees = math.inf if fewest >= FEWEST_OF_A_CLASS and not group.clustered else max(fewest - 1, 1)
    plain = "obuchowski-paired" if group.clustered else "delong-paired"
    note = None
    if fewest < FEWEST_OF_A_CLASS:
        note = f"fewer than {FEWEST_OF_A_CLASS} patients in a class: t quantile with {degrees} degrees of freedom"
    return normal(
        "auroc",
        None,
        group,
        value=float(found.auroc[s]),
        variance=variance,
        degrees=degrees,
        level=level,
        method=f"{plain}:weighted" if group.weighted else plain,
        n=group.n,
        note=note,
    )


def _auprc(found: Rankings, s: int, group: Group, level: float) -> Change:
    if not 0 < group.positives < group.n:
        return undefined("auprc", None, group, ONE_CLASS)
    change = linear(
        "auprc",
        None,
        group,
        value=float(found.auprc[s]),
        square=float(found.auprc_square[s]),
        patients=group.with_event,
        n=group.n,
        level=level,
        method="influence-paired",
    )
    if group.with_event >= FEWEST_EVENTS:
        return change
    few = f"fewer than {FEWEST_EVENTS} patients with the event: no interval"
    return replace(change, lower=math.nan, upper=math.nan, p_value=None, p_above=None, note=few)


def _of_risk(metric: str, found: Means, s: int, group: Group, level: float) -> Change:
    for model, outside in zip("AB", group.outside, strict=True):
        if outside:
            return undefined(metric, None, group, f"scores of {model} lie outside 0 to 1, so they are not risks")
    return linear(
        metric,
        None,
        group,
        value=float(found.value[s]),
        square=float(found.square[s]),
        patients=group.patients,
        n=group.n,
        level=level,
        method="mean-paired",
    )
