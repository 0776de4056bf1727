"""Which binary metrics the compiled bootstrap gives, and how their replicates follow from its sums."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from codman.evaluate.bootstrap import Plan, Replicates, accelerations, bounds_of, fast_replicates, rebounded
from codman.evaluate.estimates import Estimates, FloatArray
from codman.evaluate.intervals import nowhere
from codman.evaluate.metrics.discrimination import rests_on_few
from codman.evaluate.metrics.probability import RISK, SQUARE, SURPRISE, Sums, probability
from codman.evaluate.metrics.tables import Table
from codman.evaluate.metrics.thresholds import at_threshold
from codman.evaluate.metrics.utility import utility
from codman.evaluate.ranked import Ranked

SLOW = frozenset({"calibration_slope", "calibration_intercept"})  # a fit a replicate
COLUMN_OF = {"brier": SQUARE, "brier_skill": SQUARE, "log_loss": SURPRISE, "oe_ratio": RISK}  # what each adds up
Measure = Callable[[Ranked, Sequence[str]], list[Estimates]]


def bootstrapped(
    ranked: Ranked,
    estimates: list[Estimates],
    measure: Measure,
    thresholds: Sequence[float],
    plan: Plan,
    *,
    risks: bool,
) -> list[Estimates]:
    """The estimates with bootstrap intervals in place of the analytic ones.

    Args:
        ranked: The rows.
        estimates: What was measured.
        measure: Measures some metrics again, for rows under other weights.
        thresholds: Where patients are flagged.
        plan: How many replicates, from which seed, corrected or not.
        risks: Whether the scores are risks.
    """
    fast = [e for e in estimates if e.metric not in SLOW] if ranked.weight is None else []
    slow = [e for e in estimates if e.metric in SLOW or not fast]
    done = {id(e): e for e in estimates}
    if fast:
        needed = {COLUMN_OF[e.metric] for e in fast if e.metric in COLUMN_OF}
        sums = fast_replicates(ranked, thresholds, plan, risks=risks, columns=needed)
        drawn = dict(_replicated(ranked, sums, thresholds, risks=risks))
        again = accelerations(ranked, _values(measure, fast)) if plan.corrected else [None] * len(fast)
        for estimate, acceleration in zip(fast, again, strict=True):
            key = _key(estimate)
            if estimate.bounds is not None and key in drawn:
                done[id(estimate)] = replace(
                    estimate, bounds=bounds_of(drawn[key], estimate.value, acceleration), method=plan.method
                )
    if any(e.bounds is not None for e in slow):
        for before, after in zip(slow, rebounded(ranked, slow, _values(measure, slow), plan), strict=True):
            done[id(before)] = after
    return [_withheld(done[id(e)], ranked) for e in estimates]


def _withheld(estimate: Estimates, ranked: Ranked) -> Estimates:
    """Replicates of a few heavy rows repeat those rows: what has no interval by formula has none by bootstrap."""
    if estimate.metric != "auprc" or estimate.bounds is None:
        return estimate
    return replace(estimate, bounds=nowhere(rests_on_few(ranked), estimate.bounds))


def _key(estimate: Estimates) -> tuple[str, float | None]:
    return estimate.metric, estimate.params.get("threshold")


def _values(measure: Measure, estimates: Sequence[Estimates]) -> Callable[[Ranked], list[FloatArray]]:
    names = sorted({e.metric for e in estimates})
    wanted = [(e.metric, dict(e.params).get("threshold"), dict(e.params).get("kind")) for e in estimates]

    def values(ranked: Ranked) -> list[FloatArray]:
        found = {(e.metric, e.params.get("threshold"), e.params.get("kind")): e.value for e in measure(ranked, names)}
        return [found[key] for key in wanted]

    return values


def _replicated(
    ranked: Ranked, drawn: Replicates, thresholds: Sequence[float], *, risks: bool
) -> Iterator[tuple[tuple[str, float | None], FloatArray]]:
    """(B, S) replicates of every metric that follows from the sweep's sums."""
    shape = drawn.positives.shape
    p, q = drawn.positives, drawn.negatives
    with np.errstate(divide="ignore", invalid="ignore"):
        yield ("auroc", None), drawn.mann_whitney / (p * q)
        yield ("auprc", None), drawn.precision_sum / p
        yield ("prevalence", None), p / (p + q)
    found: list[Estimates] = []
    if risks:
        totals = drawn.columns.reshape(-1, drawn.columns.shape[2])
        flat = Sums(
            totals=totals, moments=np.zeros((len(totals), 7, 7)), units=np.full(len(totals), np.inf), plain=False
        )
        found += probability(ranked, flat, {})
    for t, threshold in enumerate(thresholds):
        tp, fp = drawn.flagged[:, :, t, 0], drawn.flagged[:, :, t, 1]
        four = np.stack([tp, fp, p - tp, q - fp], axis=-1).reshape(-1, 4)
        table = Table(
            threshold=threshold,
            totals=four,
            rows=four,
            moments=np.zeros((len(four), 4, 4)),
            units=four.sum(axis=1),
            plain=True,
        )
        found += at_threshold(table, {})
        found += utility(table, {})
    for estimate in found:
        if estimate.bounds is not None:
            yield _key(estimate), estimate.value.reshape(shape)
