"""Shift: one statistic of one column on every slice, before it is written as Measurements."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from codman.evaluate.estimates import FloatArray, IntArray
from codman.evaluate.rows import finite
from codman.evaluate.suppression import FEWEST
from codman.monitor.drift.side import Side
from codman.spine.measurement import SUPPRESSED, Measurement, Window

_COUNTED: Final = frozenset({"degrees_of_freedom", "unseen_levels", "vanished_levels"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """One statistic on S slices; NaN is written as null, and `notes` says why."""

    metric: str  # a word of the vocabulary
    value: FloatArray  # (S,)
    n: tuple[IntArray, IntArray]  # (S,) rows with a value, of the reference and of the current rows
    method: str
    lower: FloatArray | None = None  # (S,)
    upper: FloatArray | None = None
    p_value: FloatArray | None = None
    notes: Mapping[int, str] = field(default_factory=dict)
    params: Mapping[str, Any] = field(default_factory=dict)
    slice_params: Mapping[str, FloatArray] = field(default_factory=dict)  # NaN is left out


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """What every measurement of a report shares."""

    reference: Side
    current: Side
    level: float
    window: Window | None
    delta: Mapping[str, float]

    def hides(self, s: int, n: tuple[int, int]) -> bool:
        """Whether a slice may not show a number that rests on so many rows."""
        few = min(int(self.reference.patients[s]), int(self.current.patients[s])) < FEWEST
        empty = 0 in (int(self.reference.rows[s]), int(self.current.rows[s]))
        return (few and not empty) or any(0 < rows < FEWEST for rows in n) or self._lone(s, empty=empty)

    def _lone(self, s: int, *, empty: bool) -> bool:
        """A slice that one side lacks and the other has too few patients of."""
        most = max(int(self.reference.patients[s]), int(self.current.patients[s]))
        return empty and most < FEWEST


def measurements(
    shift: Shift, feature: str | None, frame: Frame, shared: Mapping[str, Any] | None = None
) -> Iterator[Measurement]:
    """The statistic on every slice, in order."""
    n_reference, n_current = shift.n
    for s, name in enumerate(frame.current.slices.names):
        rows = int(n_reference[s]), int(n_current[s])
        params = {**(shared or {}), **shift.params}
        if frame.hides(s, rows):
            yield Measurement(
                metric=shift.metric, feature=feature, slice=name, window=frame.window, value=None, method=shift.method,
                params=params, note=SUPPRESSED,
            )  # fmt: skip
            continue
        value = finite(shift.value[s])
        low, high = (None if ends is None or value is None else finite(ends[s]) for ends in (shift.lower, shift.upper))
        bounded = low is not None and high is not None
        params["reference_n"] = rows[0]
        params |= {key: _plain(key, of[s]) for key, of in shift.slice_params.items() if np.isfinite(of[s])}
        if frame.current.clustered or frame.reference.clustered:
            params |= {
                "subjects": int(frame.current.patients[s]),
                "reference_subjects": int(frame.reference.patients[s]),
            }
        if shift.metric in frame.delta:
            params |= against(frame.delta[shift.metric], low, high)
        yield Measurement(
            metric=shift.metric,
            feature=feature,
            slice=name,
            window=frame.window,
            value=value,
            lower=low if bounded else None,
            upper=high if bounded else None,
            level=frame.level if bounded else None,
            p_value=None if shift.p_value is None or value is None else finite(shift.p_value[s]),
            n=rows[1],
            method=shift.method,
            params=params,
            note=shift.notes.get(s) or (_nothing(rows) if value is None else None),
        )


def _plain(key: str, number: float) -> float | int:
    return int(number) if key in _COUNTED else float(number)


def against(delta: float, low: float | None, high: float | None) -> dict[str, Any]:
    """Whether the shift is one that matters: its whole interval above delta, or below, or neither."""
    if low is None or high is None:
        return {"delta": delta, "beyond": "unknown"}
    return {"delta": delta, "beyond": "yes" if low > delta else "no" if high <= delta else "unclear"}


def _nothing(rows: tuple[int, int]) -> str:
    if rows[0] == 0:
        return "the reference has no value here"
    return "the current rows have no value here" if rows[1] == 0 else "it has no value here"
