"""What happens when patients at or above a threshold are flagged."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from codman.evaluate.estimates import BoolArray, Estimates, FloatArray
from codman.evaluate.intervals import fisher_z, log_scale, mapped, nowhere, of_two
from codman.evaluate.metrics.tables import FN, FP, TN, TP, Share, Table, correlation, share


def at_threshold(table: Table, params: Mapping[str, Any]) -> Iterator[Estimates]:
    """Every metric of one threshold, on every slice."""
    named = {"threshold": table.threshold, **params}
    sensitivity, specificity = share(table, [TP], [TP, FN]), share(table, [TN], [TN, FP])
    ppv, npv = share(table, [TP], [TP, FP]), share(table, [TN], [TN, FN])
    yield _share("sensitivity", sensitivity, named, "no patient has the event")
    yield _share("specificity", specificity, named, "every patient has the event")
    yield _share("ppv", ppv, named, "no patient is flagged")
    yield _share("npv", npv, named, "every patient is flagged")
    yield _share("accuracy", share(table, [TP, TN], [TP, FP, FN, TN]), named, "no patients")
    yield _share("alert_rate", share(table, [TP, FP], [TP, FP, FN, TN]), named, "no patients")
    yield balanced_accuracy(table, sensitivity, specificity, named)
    yield f1(table, named)
    yield mcc(table, named)
    yield number_needed_to_evaluate(ppv, named)
    yield likelihood_ratio(table, named, positive=True)
    yield likelihood_ratio(table, named, positive=False)


def _share(metric: str, part: Share, params: Mapping[str, Any], nothing: str) -> Estimates:
    return Estimates(
        metric=metric,
        value=part.value,
        bounds=part.bounds(),
        method=part.method,
        params=params,
        notes=_where(np.isnan(part.value), nothing),
    )


def _where(mask: BoolArray, note: str) -> dict[int, str]:
    return {int(s): note for s in np.flatnonzero(mask)}


def balanced_accuracy(table: Table, sensitivity: Share, specificity: Share, params: Mapping[str, Any]) -> Estimates:
    """The mean of sensitivity and specificity.

    Interval: MOVER from the two Wilson intervals, with their correlation where one patient may count in both.
    """
    value = (sensitivity.value + specificity.value) / 2
    joint = 0.0 if table.plain else correlation(table, ([TP], [TP, FN]), ([TN], [TN, FP]))
    bounds = of_two(sensitivity.value, sensitivity.bounds(), 0.5, specificity.value, specificity.bounds(), 0.5, joint)
    return Estimates(
        metric="balanced_accuracy", value=value, bounds=bounds, method=f"mover-{sensitivity.method}", params=params,
        notes=_where(np.isnan(value), "one class only"),
    )  # fmt: skip


def f1(table: Table, params: Mapping[str, Any]) -> Estimates:
    """The harmonic mean of PPV and sensitivity.

    Interval: Wilson on TP/(TP+FP+FN), mapped (F1 = 2J/(1+J)). With neither flags nor events F1 has no value.
    """
    jaccard = share(table, [TP], [TP, FP, FN])
    return Estimates(
        metric="f1",
        value=_f1_of(jaccard.value),
        bounds=mapped(jaccard.bounds(), _f1_of),
        method=f"{jaccard.method}-mapped",
        params=params,
        notes=_where(np.isnan(jaccard.value), "no patient is flagged or has the event"),
    )


def _f1_of(jaccard: FloatArray) -> FloatArray:
    return 2 * jaccard / (1 + jaccard)


def mcc(table: Table, params: Mapping[str, Any]) -> Estimates:
    """Correlation between flag and event (Matthews). Interval: multinomial delta method on Fisher's z."""
    tp, fp, fn, tn = table.totals.T
    flagged, quiet, events, others = tp + fp, fn + tn, tp + fn, fp + tn
    with np.errstate(divide="ignore", invalid="ignore"):
        scale = np.sqrt(flagged) * np.sqrt(quiet) * np.sqrt(events) * np.sqrt(others)
        value = (tp * tn - fp * fn) / scale
        half = value / 2
        gradient = np.stack(
            [
                tn / scale - half * (1 / flagged + 1 / events),
                -fn / scale - half * (1 / flagged + 1 / others),
                -fp / scale - half * (1 / quiet + 1 / events),
                tp / scale - half * (1 / quiet + 1 / others),
            ],
            axis=1,
        )
    return Estimates(
        metric="mcc",
        value=value,
        bounds=fisher_z(value, np.sqrt(table.variance(gradient)), table.df),
        method="delta-fisher-z",
        params=params,
        notes=_where(np.isnan(value), "flags or events are all alike"),
    )


def number_needed_to_evaluate(ppv: Share, params: Mapping[str, Any]) -> Estimates:
    """Flagged patients per patient found: 1/PPV, interval from PPV's; no value where no flagged one has the event."""
    with np.errstate(divide="ignore", invalid="ignore"):
        value = np.where(ppv.value > 0, 1 / ppv.value, np.nan)
    return Estimates(
        metric="number_needed_to_evaluate",
        value=value,
        bounds=mapped(ppv.bounds(), lambda end: 1 / end, turns=True),
        method=f"{ppv.method}-inverted",
        params=params,
        notes=_where(np.isnan(value), "no flagged patient has the event"),
    )


def likelihood_ratio(table: Table, params: Mapping[str, Any], *, positive: bool) -> Estimates:
    """Sensitivity over the false-positive rate, or the miss rate over specificity.

    Interval: log method, Simel 1991, doi:10.1016/0895-4356(91)90128-V; null where a cell it needs is empty, and where
    all patients or none are flagged, when the method would claim to know the ratio for certain.
    """
    a, b = (TP, FP) if positive else (FN, TN)
    hit, false = table.totals[:, a], table.totals[:, b]
    events, others = table.sum([TP, FN]), table.sum([FP, TN])
    with np.errstate(divide="ignore", invalid="ignore"):
        value = (hit / events) / (false / others)
        gradient = np.zeros_like(table.totals)
        for part in (TP, FN):
            gradient[:, part] -= 1 / events
        for part in (FP, TN):
            gradient[:, part] += 1 / others
        gradient[:, a] += 1 / hit
        gradient[:, b] -= 1 / false
        se = value * np.sqrt(table.variance(gradient))
    value = np.where(np.isfinite(value), value, np.nan)
    alike = (hit == events) & (false == others)
    name = "likelihood_ratio_positive" if positive else "likelihood_ratio_negative"
    return Estimates(
        metric=name,
        value=value,
        bounds=nowhere(alike, log_scale(value, se, table.df)),
        method="simel-log",
        params=params,
        notes=_where(np.isnan(value), "a cell it divides by is empty")
        | _where(alike & ~np.isnan(value), "no interval: all patients are on the same side of the threshold")
        | _where(value == 0, "no interval: a cell of the table is empty"),
    )
