"""drift: a reference and current rows in, Measurements out. Start here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from codman.evaluate.kernels.library import side_by_side
from codman.monitor.drift import categories, together
from codman.monitor.drift import numbers as numeric
from codman.monitor.drift.column import Pair
from codman.monitor.drift.missing import rate_difference
from codman.monitor.drift.prepared import Prepared, prepare
from codman.monitor.drift.reliance import reliance
from codman.monitor.drift.shift import Shift, measurements
from codman.monitor.drift.verdict import drifted
from codman.spine.drift_spec import DriftSpec
from codman.spine.measurement import Measurement, Measurements, Window
from codman.spine.statement import Rows
from codman.tables.source import Source, open_source

MATTERS: Final = {"psi": 0.1}  # the shift that is said to matter where nobody says otherwise


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftReport:
    """What a drift report found."""

    measurements: Measurements
    rows: Rows  # of the current rows
    window: Window | None
    reference: Window | None
    notes: tuple[str, ...]
    spec: DriftSpec


def run(reference: Source, current: Source, spec: DriftSpec) -> DriftReport:
    """Compare current rows with a reference, column by column and all together.

    Args:
        reference: What is normal.
        current: What came lately.
        spec: What to compare.

    Raises:
        BadInput: A column, a value or an argument cannot be used.
    """
    ready = prepare(reference, current, spec)
    found = list(compare(ready, spec))
    scored = int(np.count_nonzero(~np.isnan(ready.score[1]))) if ready.score else ready.frame.current.n
    patients = int(ready.frame.current.patients[0]) if spec.subject else None
    return DriftReport(
        measurements=Measurements(found),
        rows=Rows(
            eligible=ready.rows[1],
            scored=scored,
            excluded=ready.excluded,
            evaluated=ready.frame.current.n,
            patients=patients,
        ),
        window=ready.frame.window,
        reference=ready.reference_window,
        notes=ready.notes,
        spec=spec,
    )


def drift(reference: Any, current: Any, *, by: Sequence[str | Sequence[str]] = (), **asked: Any) -> Measurements:
    """Compare current rows with a reference: the door for notebooks.

    Args:
        reference: A path, or a polars, pandas or Arrow table.
        current: The same.
        by: Groupings: `["sex", ["sex", "age_band"]]`, or `"sex,age_band"` for an intersection.
        **asked: Any other field of DriftSpec: columns, label, score, subject, thresholds, …

    Returns:
        Every statistic of every column; `polars.DataFrame(result.rows())` makes a table.

    Raises:
        BadInput: A column, a value or an argument cannot be used.
    """
    groupings = [one.split(",") if isinstance(one, str) else list(one) for one in by]
    spec = DriftSpec(by=groupings, **{"delta": dict(MATTERS), **asked})
    return run(open_source(reference, name="reference"), open_source(current, name="current"), spec).measurements


def compare(ready: Prepared, spec: DriftSpec) -> Iterator[Measurement]:
    """Every statistic, columns in order."""
    found = [*columns(ready, spec), *rates(ready, spec)]
    told: list[Measurement] = []
    if spec.multivariate or spec.effect:
        apart = together.domain(ready, spec)
        if spec.multivariate:
            told.append(together.domain_measurement(apart, ready, spec))
            told += together.distances(ready, spec)
        if spec.effect:
            moved = [m.feature for m in drifted(found) if m.feature is not None and not m.slice]
            told += together.effects(ready, spec, apart, moved)
    shares, whence = reliance(
        ready.pairs, None if ready.score is None else ready.score[0], spec.importance, (spec.score, spec.label)
    )
    alone = {m.feature: m.value for m in told if m.metric == "estimated_auroc_change" and m.feature and not m.slice}
    yield from (_beside(m, shares, whence, alone) for m in found)
    yield from told


def _beside(m: Measurement, shares: Mapping[str, float], whence: str, alone: Mapping[str, float | None]) -> Measurement:
    """The same measurement with what the model's reliance on the column is, and what its shift does."""
    more: dict[str, Any] = {}
    if m.feature is not None and m.feature in shares:
        more = {"importance": round(shares[m.feature], 6), "importance_from": whence}
    if m.params.get("beyond") == "yes" and not m.slice and alone.get(m.feature or "") is not None:
        more["estimated_auroc_change"] = alone[m.feature or ""]
    return m.model_copy(update={"params": {**m.params, **more}}) if more else m


def columns(ready: Prepared, spec: DriftSpec) -> Iterator[Measurement]:
    """Each column by itself."""
    for pair, shifts in zip(ready.pairs, side_by_side(lambda pair: shifts_of(pair, ready), ready.pairs), strict=True):
        role = {spec.score: "score", spec.label: "label"}.get(pair.name, "feature")
        shared = {"read_as": pair.read_as, "why": pair.why, "role": role}
        for shift in shifts:
            yield from measurements(shift, pair.name, ready.frame, shared)


def shifts_of(pair: Pair, ready: Prepared) -> list[Shift]:
    """Every statistic of one column."""
    frame = ready.frame
    if pair.numeric:
        found = list(numeric.shifts(pair, numeric.walk(pair, frame), frame))
        gone = (np.isnan(pair.reference), np.isnan(pair.current))
    else:
        found = list(categories.shifts(pair, categories.counts_of(pair, frame), frame))
        gone = (pair.reference < 0, pair.current < 0)
    return [*found, rate_difference("missing_rate_difference", gone, None, frame)]


def rates(ready: Prepared, spec: DriftSpec) -> Iterator[Measurement]:
    """How often patients are flagged, and how often the event happens."""
    if ready.score is not None:
        there = (~np.isnan(ready.score[0]), ~np.isnan(ready.score[1]))
        for threshold in spec.thresholds:
            with np.errstate(invalid="ignore"):
                flagged = (ready.score[0] >= threshold, ready.score[1] >= threshold)
            shift = rate_difference("alert_rate_difference", flagged, there, ready.frame, {"threshold": threshold})
            yield from measurements(shift, None, ready.frame)
    if ready.label is not None and ready.unlabelled is not None:
        known = (~ready.unlabelled[0], ~ready.unlabelled[1])
        yield from measurements(
            rate_difference("prevalence_difference", ready.label, known, ready.frame), None, ready.frame
        )
