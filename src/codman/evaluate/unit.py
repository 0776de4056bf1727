"""One result per encounter or patient beside the row-level one.

Hourly scores judged row by row answer the wrong question: staff act on the first alert of a stay. Here each unit
has one
score and one outcome, and each threshold has its lead time and its alerts per 100 patient-days.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa

from codman.errors import BadInput
from codman.evaluate.columns import BoolArray, column_of, identities, numbers
from codman.evaluate.distributions import z_of_level
from codman.evaluate.estimates import Estimates, FloatArray, IntArray
from codman.evaluate.groups import CodeArray, Slices
from codman.evaluate.intervals import log_scale
from codman.evaluate.kernels.library import gram
from codman.evaluate.sample import Sample
from codman.spine.evaluation_spec import UnitSpec
from codman.tables.arrays import as_numpy
from codman.tables.source import Source

HOURS: Final = {"seconds": 1 / 3600, "minutes": 1 / 60, "hours": 1.0, "days": 24.0}
HOURS_A_DAY: Final = 24.0
FEW_LEADS: Final = 30  # fewer times than these give a median whose interval is wide and coarse
MICROSECONDS_AN_HOUR: Final = 3_600_000_000.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Stays:
    """Rows gathered by unit, in time order within each."""

    order: IntArray  # (m,) kept rows, unit by unit, earliest first
    starts: IntArray  # (units,) where each unit begins in `order`
    hours: FloatArray | None  # (m,) time of each kept row
    onset: FloatArray | None  # (units,) hour the event began, NaN where it did not
    length: FloatArray  # (units,) hours observed; NaN without an index time
    lengths_known: bool


def times(table: pa.Table, name: str, source: Source, spec: UnitSpec) -> FloatArray:
    """(n,) hours, NaN where missing; from numbers in the unit's clock, or from timestamps and dates."""
    column = column_of(table, name)
    if pa.types.is_timestamp(column.type) or pa.types.is_date(column.type):
        stamps = column.cast(pa.timestamp("us")).cast(pa.int64())
        return np.asarray(as_numpy(stamps.cast(pa.float64(), safe=False), missing=np.nan)) / MICROSECONDS_AN_HOUR
    return numbers(table, name, source) * HOURS[spec.time_unit]


def gather(table: pa.Table, spec: UnitSpec, source: Source, keep: BoolArray) -> tuple[Stays, CodeArray]:
    """Sort the kept rows into units.

    Returns:
        The stays, and (n,) the unit of each row of the file.

    Raises:
        BadInput: A time column without the index time it is compared with.
    """
    unit, _ = identities(table, spec.column)
    if (spec.onset or spec.exclude_after) and not spec.index_time:
        raise BadInput(
            what="an onset or an exclusion time was named without the time of each row",
            why="there is nothing to compare it with",
            fix="name the column of the rows' times with --index-time",
        )
    if spec.aggregate == "last" and not spec.index_time:
        raise BadInput(
            what="the last row of a unit cannot be told",
            why="no time of each row was named",
            fix="name the column of the rows' times with --index-time",
        )
    _one_clock(table, spec, source)
    keep = keep & (unit >= 0)
    hours = times(table, spec.index_time, source, spec) if spec.index_time else None
    onset_of_row = times(table, spec.onset, source, spec) if spec.onset else None
    if hours is not None:
        keep = keep & ~np.isnan(hours)
        if onset_of_row is not None:
            keep = keep & ~(hours > onset_of_row)  # what is said once the event has begun foretells nothing
        if spec.exclude_after:
            keep = keep & ~(hours > times(table, spec.exclude_after, source, spec))
    rows = np.flatnonzero(keep)
    keys = (unit[rows],) if hours is None else (hours[rows], unit[rows])
    order = rows[np.lexsort(keys)]
    first = np.flatnonzero(np.concatenate([[True], unit[order][1:] != unit[order][:-1]])) if len(order) else order
    ordered_hours = None if hours is None else hours[order]
    return (
        Stays(
            order=order,
            starts=first,
            hours=ordered_hours,
            onset=None if onset_of_row is None or not len(first) else np.fmin.reduceat(onset_of_row[order], first),
            length=_lengths(ordered_hours, first, len(order)),
            lengths_known=hours is not None,
        ),
        unit,
    )


def _one_clock(table: pa.Table, spec: UnitSpec, source: Source) -> None:
    """Refuse numbers beside dates: they cannot be subtracted."""
    if spec.index_time is None:
        return
    dated = pa.types.is_temporal(table.schema.field(spec.index_time).type)
    for column in filter(None, (spec.onset, spec.exclude_after)):
        if pa.types.is_temporal(table.schema.field(column).type) != dated:
            raise BadInput(
                what=f"times {column!r} and {spec.index_time!r} of {source.uri} are on different clocks",
                why="one holds dates, the other numbers",
                fix="give both as dates, or both as numbers of the same unit",
            )


def _lengths(hours: FloatArray | None, starts: IntArray, rows: int) -> FloatArray:
    """Hours observed: from the first row to the last, and one usual step more for the last row's own time."""
    if hours is None or not len(starts):
        return np.full(len(starts), np.nan)
    ends = np.append(starts[1:], rows) - 1
    steps = np.diff(hours)
    inside = np.ones(len(steps), dtype=bool)
    inside[ends[:-1]] = False
    usual = float(np.median(steps[inside])) if inside.any() else 1.0
    lengths: FloatArray = hours[ends] - hours[starts] + usual
    return lengths


def aggregated(stays: Stays, score: FloatArray, event: BoolArray, spec: UnitSpec) -> tuple[FloatArray, BoolArray]:
    """One score and one outcome a unit.

    `first-alert` ranks units by their highest score, which is at or above a threshold exactly when some row is.
    The outcome is that of any row of the unit, or that an onset was recorded.
    """
    s, y = score[stays.order], event[stays.order]
    ends = np.append(stays.starts[1:], len(s))
    if spec.aggregate in ("max", "first-alert"):
        one = np.maximum.reduceat(s, stays.starts)
    elif spec.aggregate == "mean":
        one = np.add.reduceat(s, stays.starts) / (ends - stays.starts)
    else:
        one = s[ends - 1]
    happened: BoolArray = np.logical_or.reduceat(y, stays.starts)
    if stays.onset is not None:
        happened = happened | ~np.isnan(stays.onset)
    return one, happened


def unit_sample(sample: Sample, stays: Stays, kept_rows: BoolArray) -> Sample:
    """The sample of units: each has the groups and the patient of its first row.

    Args:
        sample: The row-level sample, over the rows where `kept_rows`.
        stays: The units.
        kept_rows: (n,) which rows of the file the sample holds.
    """
    place = np.cumsum(kept_rows) - 1
    first = place[stays.order[stays.starts]]
    subject = None if sample.subject is None else _dense(sample.subject[first])
    return Sample(
        slices=Slices(
            names=sample.slices.names,
            grouping=sample.slices.grouping,
            groupings=sample.slices.groupings,
            cell=np.ascontiguousarray(sample.slices.cell[first]),
            of_cell=sample.slices.of_cell,
        ),
        subject=subject,
        weight=None if sample.weight is None else sample.weight[first],
        row=stays.order[stays.starts],
        repeats=subject is not None and len(subject) > 0 and int(subject.max()) + 1 < len(subject),
    )


def _dense(codes: CodeArray) -> CodeArray:
    return np.unique(codes, return_inverse=True)[1].astype(np.int32)


def alerting(
    stays: Stays,
    units: Sample,
    score: FloatArray,
    happened: BoolArray,
    threshold: float,
    spec: UnitSpec,
    params: dict[str, Any],
) -> Iterator[Estimates]:
    """Lead time and alert burden at one threshold, on every slice.

    Lead time: median over units with the event that were alerted at or before its onset; interval from order
    statistics.
    Burden: alerts per 100 patient-days; interval by patient on the log scale.
    """
    flagged = score[stays.order] >= threshold
    named = {"threshold": threshold, **params}
    if stays.hours is not None and stays.onset is not None:
        yield _lead_time(stays, units, flagged, happened, named)
    if stays.lengths_known:
        yield _burden(stays, units, flagged, spec, named)


def _lead_time(
    stays: Stays, units: Sample, flagged: BoolArray, happened: BoolArray, params: dict[str, Any]
) -> Estimates:
    assert stays.hours is not None  # noqa: S101 (the caller checked)
    assert stays.onset is not None  # noqa: S101
    at = np.where(flagged, stays.hours, np.nan)
    first = np.fmin.reduceat(at, stays.starts)
    lead = np.where(happened, stays.onset - first, np.nan)
    slices = units.slices
    value = np.full(slices.count, np.nan)
    counted = np.zeros(slices.count, dtype=np.int64)
    leads: list[FloatArray] = [np.zeros(0)] * slices.count
    known = ~np.isnan(lead)
    for g in range(len(slices.groupings)):
        of_row = slices.of_rows(g)
        for s in slices.members(g):
            leads[s] = np.sort(lead[known & (of_row == s)])
            counted[s] = len(leads[s])
            value[s] = np.median(leads[s]) if len(leads[s]) else np.nan

    def bounds(level: float) -> tuple[FloatArray, FloatArray]:
        lower, upper = np.full(slices.count, np.nan), np.full(slices.count, np.nan)
        for s, ordered in enumerate(leads):
            k = _median_rank(len(ordered), level)
            if k is not None:
                lower[s], upper[s] = ordered[k], ordered[len(ordered) - 1 - k]
        return lower, upper

    clustered = units.repeats
    return Estimates(
        metric="lead_time",
        value=value,
        bounds=None if clustered else bounds,
        n=counted,
        positives=counted,
        method="median" if clustered else "median-order-statistics",
        params={**params, "statistic": "median"},
        notes={
            s: "the median of fewer than 30 results: take it as a rough figure"
            if k
            else "no patient with the event was alerted before it"
            for s, k in enumerate(counted)
            if k < FEW_LEADS
        },
    )


def _median_rank(n: int, level: float) -> int | None:
    """Largest k so that the k-th smallest and k-th largest (from 0) hold the median with at least this level."""
    half, best, term, total = (1 - level) / 2, None, 0.5**n if n < 1000 else 0.0, 0.0
    if n >= 1000:  # the binomial is normal to far more than the data's own precision
        z = z_of_level(level)
        return max(0, math.floor(n / 2 - z * math.sqrt(n) / 2) - 1)
    for k in range(n // 2):
        total += term
        if total > half:
            break
        best = k
        term *= (n - k) / (k + 1)
    return best


def _burden(stays: Stays, units: Sample, flagged: BoolArray, spec: UnitSpec, params: dict[str, Any]) -> Estimates:
    alerts = np.add.reduceat(flagged.astype(np.float64), stays.starts)
    if spec.aggregate == "first-alert":
        alerts = np.minimum(alerts, 1.0)  # the alert fires once a unit
    days = stays.length / HOURS_A_DAY
    w = np.ones(len(days)) if units.weight is None else units.weight
    columns = np.column_stack([w * alerts, w * days])
    slices, subject, cell = units.slices, None, units.slices.cell
    if units.repeats and units.subject is not None:
        by_patient = np.argsort(units.subject, kind="stable")
        columns, cell, subject = columns[by_patient], cell[by_patient], units.subject[by_patient]
    value, se = np.empty(slices.count), np.empty(slices.count)
    for g in range(len(slices.groupings)):
        members = slices.members(g)
        of_cell = np.ascontiguousarray(slices.of_cell[g] - int(members[0]))
        totals, moments, patients = gram(
            np.ascontiguousarray(columns), np.ascontiguousarray(cell), of_cell, len(members), subject
        )
        with np.errstate(divide="ignore", invalid="ignore"):
            rate = totals[:, 0] / totals[:, 1]
            square = moments[:, 0, 0] - 2 * rate * moments[:, 0, 1] + rate**2 * moments[:, 1, 1]
            value[members] = 100 * rate
            se[members] = 100 * np.sqrt(square * patients / (patients - 1)) / totals[:, 1]
    return Estimates(
        metric="alerts_per_100_patient_days",
        value=value,
        bounds=log_scale(value, se),
        method="ratio-log",
        params=params,
        notes={int(s): "no alert was given" for s in np.flatnonzero(value == 0)},
    )
