"""Reading: an evaluation's measurements, looked up the way a report needs them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from codman.report import words
from codman.spine.evaluation_spec import EvaluationSpec
from codman.spine.measurement import Measurement
from codman.spine.statement import Curve, Curves, Rows
from codman.spine.vocabulary import CHANGE, DIFFERENCE, RATIO, WORDS, Better

JUDGED_ROWS: Final = "judged rows"
NAMING: Final = ("threshold", "horizon", "class", "label", "kind", "model")


def between_groups(metric: str) -> bool:
    """Whether a metric compares groups (`sensitivity_difference`, `ppv_ratio`)."""
    return metric not in WORDS and metric.endswith((DIFFERENCE, RATIO))


def between_versions(metric: str) -> bool:
    """Whether a metric compares two models."""
    return metric == "mcnemar" or metric.endswith(CHANGE)


def _key(metric: str, params: Mapping[str, Any]) -> tuple[Any, ...]:
    return metric, *((k, _plain(params[k])) for k in NAMING if params.get(k) is not None)


def _plain(value: Any) -> Any:
    return round(float(value), 12) if isinstance(value, (int, float)) and not isinstance(value, bool) else str(value)


def slice_key(slice_: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """A slice as something that can be looked up, whatever the order of its columns."""
    return tuple(sorted(slice_.items()))


@dataclass(frozen=True)
class Reading:
    """One evaluation's numbers at one unit of analysis.

    Args:
        spec: What was asked.
        rows: Where the rows went.
        every: All measurements, of every unit.
        curves: The curves.
        unit: Column of one result per patient or encounter; None is row by row.
    """

    spec: EvaluationSpec
    rows: Rows
    every: Sequence[Measurement]
    curves: Curves
    unit: str | None

    @cached_property
    def measurements(self) -> list[Measurement]:
        """Those at this unit of analysis, about the prediction as a whole."""
        return [m for m in self.every if m.params.get("unit") == self.unit and m.feature is None]

    @property
    def noun(self) -> str:
        """What one row of the judged is: a patient, or one result of a patient who has several."""
        patients = self.rows.patients
        several = patients is not None and patients < self.rows.evaluated
        return "results" if several or self.spec.unit is not None else "patients"

    @cached_property
    def _found(self) -> dict[tuple[Any, ...], Measurement]:
        found: dict[tuple[Any, ...], Measurement] = {}
        for m in self.measurements:
            if not between_groups(m.metric):
                found.setdefault((slice_key(m.slice), *_key(m.metric, m.params)), m)
        return found

    def at(self, metric: str, slice_: Mapping[str, str] | None = None, **params: Any) -> Measurement | None:
        """The measurement with exactly these naming parameters; None where there is none."""
        return self._found.get((slice_key(slice_ or {}), *_key(metric, params)))

    @cached_property
    def slices(self) -> list[dict[str, str]]:
        """Every group of patients, everyone first, in the order of the statement."""
        seen: dict[tuple[tuple[str, str], ...], dict[str, str]] = {(): {}}
        for m in self.measurements:
            if not between_groups(m.metric):
                seen.setdefault(slice_key(m.slice), dict(m.slice))
        return list(seen.values())

    def size(self, slice_: Mapping[str, str]) -> Measurement | None:
        """Any measurement that tells how many rows and events a group has."""
        return self._sizes.get(slice_key(slice_))

    @cached_property
    def _sizes(self) -> dict[tuple[tuple[str, str], ...], Measurement]:
        sizes: dict[tuple[tuple[str, str], ...], Measurement] = {}
        for m in self._found.values():
            key = slice_key(m.slice)
            held = sizes.get(key)
            if held is None or (held.n or 0, held.positives is not None) < (m.n or 0, m.positives is not None):
                sizes[key] = m
        return sizes

    def suppressed(self, slice_: Mapping[str, str]) -> bool:
        """Whether a group is too small to show."""
        return slice_key(slice_) in self._suppressed

    @cached_property
    def _suppressed(self) -> set[tuple[tuple[str, str], ...]]:
        shown = {slice_key(m.slice) for m in self._found.values() if m.value is not None}
        return {slice_key(m.slice) for m in self._found.values() if m.suppressed} - shown

    def parameter(self, name: str) -> list[Any]:
        """Every value of a parameter (threshold, horizon, class, label), in order."""
        values = {_plain(m.params[name]): m.params[name] for m in self.measurements if m.params.get(name) is not None}
        try:
            return [values[k] for k in sorted(values)]
        except TypeError:
            return list(values.values())

    def curve(self, name: str, slice_: Mapping[str, str] | None = None, kind: str | None = None) -> Curve | None:
        """One slice's curve of one name, at this unit; `kind` chooses among calibration curves."""
        for curve in getattr(self.curves, name):
            extra = curve.model_extra or {}
            if (
                slice_key(curve.slice) == slice_key(slice_ or {})
                and (kind is None or extra.get("kind", "equal-mass") == kind)
                and self._same_unit(extra)
                and curve.x
            ):
                found: Curve = curve
                return found
        return None

    def _same_unit(self, extra: Mapping[str, Any]) -> bool:
        stated: str | None = extra.get("unit", (extra.get("params") or {}).get("unit"))
        return stated == self.unit

    def worst(self, metric: str, slices: Iterable[Mapping[str, str]], most: int, **params: Any) -> list[dict[str, str]]:
        """The groups where the metric is worst, worst first; none where a metric has no better direction."""
        word = words.meaning(metric)
        if word is None or word.better is Better.NEITHER:
            return []
        held = [(m.value, dict(s)) for s in slices if (m := self.at(metric, s, **params)) and m.value is not None]
        return [s for _, s in sorted(held, key=lambda pair: -_badness(pair[0], word.better))[:most]]


def _badness(value: float, better: Better) -> float:
    if better is Better.NEAR_ONE:
        return abs(value - 1)
    return {Better.HIGHER: -value, Better.LOWER: value}.get(better, abs(value))


def readings(
    spec: EvaluationSpec, rows: Rows, measurements: Sequence[Measurement], curves: Curves
) -> tuple[Reading, Reading | None]:
    """What a policy may use, and beside it the row-level numbers where they are not that."""
    units = {m.params["unit"] for m in measurements if m.params.get("unit") is not None}
    row_level = Reading(spec, rows, measurements, curves, None)
    if not units:
        return row_level, None
    unit = spec.unit.column if spec.unit is not None and spec.unit.column in units else sorted(map(str, units))[0]
    return Reading(spec, rows, measurements, curves, unit), row_level
