"""Confidence-based performance estimation: what a window's metrics will be once its labels are known.

A row with calibrated risk p counts as p of an event and 1 − p of none. It holds while a score means what it meant in
the reference; a change of what is common at equal scores (concept drift) cannot be seen without labels.

Sources: NannyML 0.13.1's CBPE, whose values these are; Białek 2024, arXiv:2401.08348.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Final

import numpy as np

from codman.evaluate.intervals import wilson_ends
from codman.evaluate.metrics.probability import CLIP
from codman.monitor.estimate.foretold import Awaited, Flags, Foretold, Spread, by_row, spread_of
from codman.monitor.kernels.foretold import expected_auroc

FEWEST_EXPECTED: Final = 10.0  # events, or rows without, under which their ratios have no interval
OVERALL: Final = ("auroc", "brier", "log_loss", "prevalence", "oe_ratio")
AT_THRESHOLD: Final = ("sensitivity", "specificity", "ppv", "npv", "f1", "accuracy", "alert_rate")
METRICS: Final = (*OVERALL, *AT_THRESHOLD)
OF_RISKS: Final = frozenset({"brier", "log_loss", "oe_ratio"})  # need scores that are risks
NOT_RISKS: Final = "scores lie outside 0 to 1: they rank patients but are not risks"


def foretell(
    rows: Awaited, thresholds: Sequence[float], metrics: Collection[str] = METRICS, *, level: float = 0.95
) -> Iterator[Foretold]:
    """Every metric of one window.

    Args:
        rows: The window's rows.
        thresholds: Flagged is score >= threshold.
        metrics: Which.
        level: Of the prediction intervals: how often the realised number lies inside while the assumption holds.
    """
    risks = float(rows.score[0]) >= 0 and float(rows.score[-1]) <= 1
    for metric in OVERALL:
        if metric in metrics:
            if metric in OF_RISKS and not risks:
                yield Foretold(metric=metric, value=math.nan, lower=math.nan, upper=math.nan, note=NOT_RISKS)
            else:
                yield _OVERALL[metric](rows, level)
    for threshold in thresholds:
        flags = Flags(rows, threshold)
        for metric in AT_THRESHOLD:
            if metric in metrics:
                yield _alert_rate(flags, level) if metric == "alert_rate" else _at(metric, flags, level)


def _within(
    metric: str, value: float, spread: Spread, level: float, high: float, *, step: float = 0.0,
    threshold: float | None = None, few: str | None = None,
) -> Foretold:  # fmt: skip
    lower, upper = (math.nan, math.nan) if few else spread.ends(value, level, step=step)
    note = few or ("no interval: nothing about it is uncertain by this calibration" if math.isnan(lower) else None)
    return Foretold(
        metric=metric, value=value, lower=max(lower, 0.0), upper=min(upper, high), threshold=threshold, note=note
    )


def _few(events: float, others: float) -> str | None:
    """Why a ratio of so few expected rows has no interval; None where it has one."""
    for expected, what in ((events, "with"), (others, "without")):
        if expected < FEWEST_EXPECTED:
            return f"no interval: {expected:.1f} rows {what} the event are expected, and {FEWEST_EXPECTED:g} are needed"
    return None


def _auroc(rows: Awaited, level: float) -> Foretold:
    sums, reach, pull = expected_auroc(rows.score, rows.risk, rows.edges, pulls=rows.subject is not None)
    events, pairs, variance, third = (float(one) for one in sums)
    others = rows.n - events
    if not (events > 0 and others > 0):
        lacking = "no event is expected" if events <= 0 else "nobody is expected to stay free of the event"
        return Foretold(metric="auroc", value=math.nan, lower=math.nan, upper=math.nan, note=lacking)
    spread = spread_of(rows, np.empty(0) if pull is None else pull, variance, third, reach)
    return _within("auroc", pairs / (events * others), spread, level, 1.0, few=_few(events, others))


def _brier(rows: Awaited, level: float) -> Foretold:
    pull = (1 - 2 * rows.score) / rows.n
    value = float(np.mean(rows.score**2)) + float(rows.risk @ pull)
    return _within("brier", value, by_row(rows, pull), level, 1.0)


def _log_loss(rows: Awaited, level: float) -> Foretold:
    kept = np.clip(rows.score, CLIP, 1 - CLIP)
    if_not = -np.log1p(-kept)
    pull = (-np.log(kept) - if_not) / rows.n
    value = float(np.mean(if_not)) + float(rows.risk @ pull)
    return _within("log_loss", value, by_row(rows, pull), level, math.inf)


def _prevalence(rows: Awaited, level: float) -> Foretold:
    whole = Flags(rows, -math.inf)
    spread = whole.spread(0.0, 1 / rows.n)
    return _within("prevalence", whole.events / rows.n, spread, level, 1.0, step=1 / rows.n)


def _oe_ratio(rows: Awaited, level: float) -> Foretold:
    whole, foretold = Flags(rows, -math.inf), float(rows.score.sum())
    if foretold <= 0:
        return Foretold(
            metric="oe_ratio", value=math.nan, lower=math.nan, upper=math.nan, note="the model foretells no event"
        )
    spread = whole.spread(0.0, 1 / foretold)
    return _within("oe_ratio", whole.events / foretold, spread, level, math.inf, step=1 / foretold)


_OVERALL: Final[dict[str, Callable[[Awaited, float], Foretold]]] = {
    "auroc": _auroc,
    "brier": _brier,
    "log_loss": _log_loss,
    "prevalence": _prevalence,
    "oe_ratio": _oe_ratio,
}


def _at(metric: str, flags: Flags, level: float) -> Foretold:
    """A metric at a threshold: its value, how it moves with a label below and above it, and its steps."""
    n, tp, events, flagged = flags.rows.n, flags.tp, flags.events, flags.flagged
    free, others_free = n - events, flags.others_free
    few: str | None = None
    if metric == "sensitivity":
        whole, part, few = events, tp, _few(events, math.inf)
        below, above = (-tp / events**2, (events - tp) / events**2) if events > 0 else (0.0, 0.0)
    elif metric == "specificity":
        whole, part, few = free, others_free, _few(math.inf, free)
        below, above = (-(free - others_free) / free**2, others_free / free**2) if free > 0 else (0.0, 0.0)
    elif metric == "ppv":
        whole, part = float(flagged), tp
        below, above = 0.0, 1 / flagged if flagged else 0.0
    elif metric == "npv":
        whole, part = float(flags.others), others_free
        below, above = -1 / flags.others if flags.others else 0.0, 0.0
    elif metric == "f1":
        whole, part, few = (flagged + events) / 2, tp, _few(events, math.inf)
        both = flagged + events
        below, above = (-2 * tp / both**2, 2 * (both - tp) / both**2) if both > 0 else (0.0, 0.0)
    else:
        whole, part = float(n), tp + others_free
        below, above = -1 / n, 1 / n
    if not whole > 0:
        return Foretold(
            metric=metric, value=math.nan, lower=math.nan, upper=math.nan, threshold=flags.threshold,
            note=_NOBODY[metric],
        )  # fmt: skip
    spread = flags.spread(below, above)
    return _within(metric, part / whole, spread, level, 1.0, step=1 / whole, threshold=flags.threshold, few=few)


_NOBODY: Final = {
    "sensitivity": "no event is expected",
    "specificity": "nobody is expected to stay free of the event",
    "ppv": "nobody is flagged",
    "npv": "everybody is flagged",
    "f1": "nobody is flagged and no event is expected",
}


def _alert_rate(flags: Flags, level: float) -> Foretold:
    """Known without labels. Interval: Wilson, of as many rows as they are worth where they repeat patients."""
    n = flags.rows.n
    share = flags.flagged / n
    worth = float(n)
    if flags.rows.subject is not None and 0 < share < 1:
        lean = np.where(np.arange(n) >= flags.cut, 1 - share, -share)
        worth = min(n, n * n * share * (1 - share) / float(np.sum(np.bincount(flags.rows.subject, weights=lean) ** 2)))
    lower, upper = wilson_ends(np.array([share]), np.array([worth]), level)
    return Foretold(
        metric="alert_rate", value=share, lower=float(lower[0]), upper=float(upper[0]), threshold=flags.threshold
    )
