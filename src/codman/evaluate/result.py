"""TaskResult: what one task found, before it is written as Measurements."""

from __future__ import annotations

from dataclasses import dataclass, field

from codman.evaluate.estimates import Estimates
from codman.evaluate.rows import Standing
from codman.spine.evaluation_spec import EvaluationSpec
from codman.spine.measurement import Measurements
from codman.spine.statement import Curves, Rows


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskResult:
    """Estimates over one set of rows; `also` holds other sets (one result per encounter beside the row-level one)."""

    estimates: list[Estimates]
    standing: Standing
    rows: Rows
    spec: EvaluationSpec  # chosen thresholds filled in
    curves: Curves = field(default_factory=Curves)
    also: tuple[TaskResult, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """What an evaluation found."""

    measurements: Measurements
    curves: Curves
    rows: Rows
    spec: EvaluationSpec
