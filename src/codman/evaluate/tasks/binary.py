"""A score against a yes-or-no outcome, row by row and, on request, one result per encounter or patient."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa

from codman.errors import BadInput
from codman.evaluate.binary import measure_scores
from codman.evaluate.choose import chosen
from codman.evaluate.columns import BoolArray, label, numbers
from codman.evaluate.estimates import FloatArray
from codman.evaluate.groups import CodeArray
from codman.evaluate.result import TaskResult
from codman.evaluate.sample import Exclusions, Sample, make_sample, read_table, shared_columns
from codman.evaluate.tasks.asked import refuse_what_does_not_apply
from codman.evaluate.tasks.stated import stated, stated_columns
from codman.evaluate.unit import Stays, aggregated, alerting, gather, unit_sample
from codman.spine.evaluation_spec import EvaluationSpec
from codman.spine.statement import Rows
from codman.tables.source import Source


def measure(source: Source, spec: EvaluationSpec, others: Mapping[str, Source]) -> TaskResult:
    """Measure a binary prediction."""
    outcome, score = str(spec.label), str(spec.score)
    _refuse(spec)
    named = spec.subject is not None and (spec.unit is None or spec.subject != spec.unit.column)
    spec = _clustered_by_unit(spec)
    unit = (
        [] if spec.unit is None else [spec.unit.column, spec.unit.index_time, spec.unit.onset, spec.unit.exclude_after]
    )
    columns = [outcome, score, *shared_columns(spec), *filter(None, [*unit, spec.time]), *stated_columns(spec)]
    table = read_table(source, columns)
    exclusions = Exclusions(table.num_rows)
    risk = numbers(table, score, source)
    exclusions.without_score(np.isnan(risk))
    event, missing = label(table, outcome, source, positive=spec.positive)
    exclusions.drop(missing, "label missing")
    if spec.time is not None:
        event = _by_horizon(table, spec, source, event, exclusions)
    sample = make_sample(table, spec, source, exclusions)
    keep = exclusions.keep
    spec = chosen(spec, others, (event[keep], risk[keep]))
    scored = measure_scores(sample, event[keep], risk[keep], spec)
    return TaskResult(
        estimates=[*scored.estimates, *stated(table, spec, source, sample, keep, event[keep], risk[keep])],
        standing=scored.standing,
        rows=exclusions.rows(sample.patients if named else None),
        spec=spec,
        curves=scored.curves,
        also=() if spec.unit is None else (_by_unit(table, spec, source, sample, keep, event, risk),),
    )


def _refuse(spec: EvaluationSpec) -> None:
    allowed = {"thresholds", "chosen", "unit", "time", "prediction_set", "abstain", "positive"}
    refuse_what_does_not_apply(spec, allowed=allowed | ({"horizons"} if spec.time is not None else set()))
    if spec.unit is not None and spec.unit.aggregate == "first-alert" and not (spec.thresholds or spec.chosen):
        raise BadInput(
            what="there is no first alert without a threshold",
            why="nothing says when a score becomes an alert",
            fix="give --threshold",
        )


def _clustered_by_unit(spec: EvaluationSpec) -> EvaluationSpec:
    """Rows of one unit are not independent: where no patient column is named, the unit stands for it."""
    if spec.unit is None or spec.subject is not None:
        return spec
    return spec.model_copy(update={"subject": spec.unit.column})


def _by_horizon(
    table: pa.Table, spec: EvaluationSpec, source: Source, event: BoolArray, exclusions: Exclusions
) -> BoolArray:
    """The event within the horizon; patients whose follow-up ends earlier without it are left out and counted."""
    if len(spec.horizons) != 1:
        raise BadInput(
            what="a binary label from a follow-up time needs one horizon",
            why=f"{len(spec.horizons)} were given",
            fix="give --horizon once, or --task survival for several",
        )
    horizon = spec.horizons[0]
    followed = numbers(table, str(spec.time), source)
    exclusions.drop(np.isnan(followed), "follow-up time missing")
    within: BoolArray = event & (followed <= horizon)
    exclusions.drop(~event & (followed < horizon), f"censored before {horizon:g} {spec.time_unit}")
    return within


def _by_unit(
    table: pa.Table,
    spec: EvaluationSpec,
    source: Source,
    sample: Sample,
    keep: BoolArray,
    event: BoolArray,
    risk: FloatArray,
) -> TaskResult:
    assert spec.unit is not None  # noqa: S101 (the caller checked)
    stays, unit = gather(table, spec.unit, source, keep)
    if len(stays.starts) == 0:
        raise BadInput(
            what=f"no {spec.unit.column} has a row to judge in {source.uri}",
            why="every row lies after its onset or has no time",
            fix="check the columns named for the unit",
        )
    one, happened = aggregated(stays, risk, event, spec.unit)
    units = unit_sample(sample, stays, keep)
    params = {"unit": spec.unit.column, "aggregate": spec.unit.aggregate}
    scored = measure_scores(units, happened, one, spec, params=params, curves=False)
    extra = [
        estimate
        for threshold in dict.fromkeys(spec.thresholds)
        for estimate in alerting(stays, units, risk, happened, threshold, spec.unit, params)
        if spec.metrics is None or estimate.metric in spec.metrics
    ]
    return TaskResult(
        estimates=[*scored.estimates, *extra], standing=scored.standing, rows=_account(stays, unit, one), spec=spec
    )


def _account(stays: Stays, unit: CodeArray, one: FloatArray) -> Rows:
    eligible = len(np.unique(unit[unit >= 0]))
    none = eligible - len(stays.starts)
    excluded = {"no row to judge": none} if none else {}
    return Rows(eligible=eligible, scored=len(one), excluded=excluded, evaluated=len(one))
