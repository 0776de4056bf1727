"""Points to Estimates: the interval each metric gets, and how it is named."""

from __future__ import annotations

from itertools import count
from typing import Any

import numpy as np

from codman.evaluate.estimates import Bounds, Estimates, FloatArray
from codman.evaluate.intervals import chosen, wilson
from codman.evaluate.kernels.library import poisson_bytes
from codman.evaluate.metrics.bounds import student, student_log, student_logit
from codman.evaluate.metrics.resampling import Family
from codman.evaluate.survival.points import Cohort, Table, influence, table, values

FEW = 30  # below it, of either class, an interval is made for few
NO_SPREAD = 1e-20  # a variance below it is rounding
NO_INTERVAL = "too few patients with the event, or without it, for an interval"
TOO_EXTREME, SLOPE_NEEDS = 0.6, 100  # where the slope's interval was seen to hold too seldom
UNSURE = "few events and risks far too extreme: a 95 % interval from the sandwich holds the truth in about 92 %"
SHARES = frozenset({"cindex_harrell", "cindex_ipcw", "auroc_t"})
WEIGHTED = frozenset({"cindex_ipcw", "auroc_t", "brier_t", "integrated_brier", "calibration_slope_t"})


def survival(cohort: Cohort, *, params: dict[str, Any], seed: int) -> Family:
    """Every wanted number with its interval, and what the bootstrap needs.

    Args:
        cohort: Rows, slices and where the censoring weights come from.
        params: What every row says besides its horizon.
        seed: Of the bootstrap, for the rows the censoring weights come from.
    """
    found = table(cohort)
    estimates = [
        _estimate(found, m, metric, horizon, cohort, params) for m, (metric, horizon) in enumerate(cohort.wanted.names)
    ]
    replicates = count()  # points is called once a replicate, in order

    def points(times: FloatArray) -> list[FloatArray]:
        rows = cohort.rows.times(times[cohort.rows.place])
        outside = cohort.outside
        if outside is not None:
            who = outside.place if cohort.outside_subject is None else cohort.outside_subject
            drawn = poisson_bytes(who.astype(np.uint32), seed + 1, next(replicates))  # another sample, drawn apart
            outside = outside.times(drawn.astype(np.float64))
        drawn_values = values(cohort, rows, outside)
        return list(drawn_values.T)

    return Family(estimates=estimates, points=points, influence=lambda grouping: influence(cohort, grouping))


def _estimate(
    found: Table, m: int, metric: str, horizon: float | None, cohort: Cohort, params: dict[str, Any]
) -> Estimates:
    value, variance, scarcer = found.value[:, m], found.variance[:, m], found.scarcer[:, m]
    df = np.minimum(found.patients, scarcer) - 1  # the scarcer class decides how well the spread is known
    weights = "" if metric not in WEIGHTED else (":ipcw" if cohort.outside is None else ":ipcw-censoring-from")
    method: str | list[str]
    if metric in SHARES:
        few = (scarcer < FEW) | ~(variance > NO_SPREAD)
        bounds = chosen(few, wilson(value, scarcer), student_logit(value, variance, df))
        method = [("wilson-min" if thin else "influence-logit") + weights for thin in few]
    elif metric == "oe_ratio_t":
        bounds = _ratio(value, variance, scarcer, found.expected[:, m], df)
        method = ["clopper-pearson" if v == 0 else "influence-log" for v in value]
    elif metric == "calibration_slope_t":
        bounds = student(value, variance, df)
        method = "logistic-sandwich" + weights
    else:
        bounds = student_log(value, variance, df)
        method = "influence-log" + weights
    named = dict(params) if horizon is None else {"horizon": plain(horizon), **params}
    if metric == "cindex_ipcw" and cohort.wanted.horizons:
        named = {"horizon": plain(cohort.wanted.horizons[-1]), **params}
    if metric == "integrated_brier":
        named = {"horizons": [plain(h) for h in cohort.wanted.stated], **params}
    notes = dict.fromkeys(np.flatnonzero(np.isfinite(value) & ~np.isfinite(bounds(0.95)[0])).tolist(), NO_INTERVAL)
    if metric == "calibration_slope_t":
        unsure = (value < TOO_EXTREME) & (scarcer < SLOPE_NEEDS) & np.isfinite(value)
        notes |= dict.fromkeys(np.flatnonzero(unsure).tolist(), UNSURE)
    notes = {s: "; ".join(filter(None, (notes.get(s), found.notes[m].get(s)))) for s in {*notes, *found.notes[m]}}
    return Estimates(metric=metric, value=value, bounds=bounds, method=method, params=named, notes=notes)


def _ratio(
    value: FloatArray, variance: FloatArray, scarcer: FloatArray, expected: FloatArray, df: FloatArray
) -> Bounds:
    """Log scale; where no event was seen, from 0 to the exact upper end for as many patients as are still followed."""
    usual = student_log(value, variance, df)

    def none_seen(level: float) -> tuple[FloatArray, FloatArray]:
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.zeros(len(value)), (1 - ((1 - level) / 2) ** (1 / scarcer)) / expected

    return chosen(value == 0, none_seen, usual)


def plain(horizon: float) -> float | int:
    """365 for 365.0, so that a horizon reads as it was typed."""
    return int(horizon) if float(horizon).is_integer() else float(horizon)
