"""Survival: a risk foretold, a time observed, and some patients still free of the event when follow-up ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa

from codman.errors import BadInput, nearest
from codman.evaluate.columns import BoolArray, label, numbers
from codman.evaluate.estimates import FloatArray
from codman.evaluate.groups import CodeArray
from codman.evaluate.metrics.resampling import joined
from codman.evaluate.result import TaskResult
from codman.evaluate.rows import Standing
from codman.evaluate.sample import Exclusions, Sample, count, make_sample, patients, read_table, shared_columns
from codman.evaluate.suppression import suppressed
from codman.evaluate.survival.curves import curves_of
from codman.evaluate.survival.followup import Followup, follow
from codman.evaluate.survival.intervals import survival
from codman.evaluate.survival.points import Cohort, Wanted
from codman.evaluate.tasks.asked import one_column, refuse_what_does_not_apply
from codman.spine.evaluation_spec import EvaluationSpec
from codman.spine.vocabulary import DIFFERENCE, RATIO, word
from codman.tables.source import Source

RANKING: Final = ("cindex_harrell", "cindex_ipcw")
AT_HORIZON: Final = ("auroc_t",)
STATED: Final = ("brier_t", "integrated_brier", "oe_ratio_t", "calibration_slope_t")
CENSORING_FROM: Final = "censoring-from"


def measure(source: Source, spec: EvaluationSpec, others: Mapping[str, Source]) -> TaskResult:
    """Measure predicted risks against follow-up that is censored for some.

    Args:
        source: Has the label column (whether the event ended follow-up), the score column (risk, higher is sooner), the
            time column, and the columns of S(t) that `spec.survival` names.
        spec: What to measure.
        others: `censoring-from`: rows the censoring weights come from, with the same columns.

    Raises:
        BadInput: A time is negative or infinite, a stated probability lies outside [0, 1] (its row is named), or the
            spec asks for what has no meaning here.
    """
    refuse_what_does_not_apply(spec, allowed={"time", "horizons", "survival", "censoring_from", "positive"})
    if spec.censoring_from is None and CENSORING_FROM in others:
        spec = spec.model_copy(update={"censoring_from": CENSORING_FROM})  # what was used is what is written down
    names = _Names.of(spec)
    wanted = _wanted(spec, names)
    table = read_table(source, [names.label, names.score, names.time, *names.stated.values(), *shared_columns(spec)])
    exclusions = Exclusions(table.num_rows)
    score = numbers(table, names.score, source)
    exclusions.without_score(np.isnan(score))
    stated = {horizon: _probability(table, column, source) for horizon, column in names.stated.items()}
    for horizon, column in names.stated.items():
        exclusions.drop(np.isnan(stated[horizon]), f"{column} missing")
    time, event = _outcome(table, names, source, spec.positive, exclusions)
    sample = make_sample(table, spec, source, exclusions)
    keep = exclusions.keep
    if not keep.any():
        raise BadInput(
            what=f"no row of {source.uri} can be judged",
            why="; ".join(f"{n:,} rows: {reason}" for reason, n in exclusions.reasons.items()),
            fix="check --time, --label and --score",
        )
    rows = follow(
        time[keep],
        event[keep],
        score[keep],
        weight=sample.weight,
        survival={horizon: values[keep] for horizon, values in stated.items()},
    )
    outside, outside_subject = _censoring_from(spec, names, others)
    cohort = Cohort(
        rows=rows,
        slices=sample.slices,
        subject=sample.subject[rows.place] if sample.repeats and sample.subject is not None else None,
        outside=outside,
        outside_subject=outside_subject,
        wanted=wanted,
    )
    standing = _standing(sample, event[keep], spec)
    params = {} if spec.time_unit == "days" else {"time_unit": spec.time_unit}
    return TaskResult(
        estimates=joined([survival(cohort, params=params, seed=spec.seed)], sample, spec),
        standing=standing,
        rows=exclusions.rows(sample.patients),
        spec=spec,
        curves=curves_of(cohort, standing, strict=spec.suppression == "strict"),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Names:
    """Columns this task reads."""

    label: str
    score: str
    time: str
    stated: dict[float, str]  # ascending horizons
    horizons: tuple[float, ...]

    @staticmethod
    def of(spec: EvaluationSpec) -> _Names:
        if spec.time is None:
            raise BadInput(
                what="survival needs the column of follow-up time",
                why="--time was not given",
                fix="name it with --time, and its unit with --time-unit where that is not days",
            )
        stated = {_horizon(text, "--survival"): column for text, column in spec.survival.items()}
        horizons = sorted({_horizon(h, "--horizon") for h in spec.horizons} | set(stated))
        return _Names(
            label=one_column(spec.label, "label"),
            score=one_column(spec.score, "score"),
            time=spec.time,
            stated=dict(sorted(stated.items())),
            horizons=tuple(horizons),
        )


def _horizon(text: Any, argument: str) -> float:
    try:
        horizon = float(text)
    except ValueError:
        horizon = float("nan")
    if not (np.isfinite(horizon) and horizon > 0):
        raise BadInput(
            what=f"{argument} has a horizon that is no time",
            why=f"{text!r} is not a number above zero",
            fix="write it in the unit of the time column, for example --survival 365=s1y",
        )
    return horizon


def _wanted(spec: EvaluationSpec, names: _Names) -> Wanted:
    """The metrics the columns allow, or those asked for.

    Raises:
        BadInput: One that is asked for needs a horizon or a column of S(t), or is no survival metric.
    """
    possible = set(RANKING)
    possible |= set(AT_HORIZON) if names.horizons else set()
    possible |= set(STATED) if names.stated else set()
    if len(names.stated) < 2:
        possible.discard("integrated_brier")
    asked = possible
    if spec.metrics is not None:
        asked = {metric.removesuffix(DIFFERENCE).removesuffix(RATIO) for metric in spec.metrics}
        for metric in sorted(asked):
            _refuse_impossible(metric, possible)
    stated = tuple(names.stated)
    return Wanted(metrics=frozenset(asked), horizons=names.horizons, stated=stated)


def _refuse_impossible(metric: str, possible: set[str]) -> None:
    known = (*RANKING, *AT_HORIZON, *STATED)
    word(metric)  # an unknown name is refused with the nearest ones
    if metric not in known:
        raise BadInput(
            what=f"{metric} cannot be measured here",
            why="it is not a survival metric",
            fix=nearest(metric, known),
        )
    if metric in possible:
        return
    if metric in AT_HORIZON:
        need, fix = "a horizon", "add --horizon 365"
    elif metric == "integrated_brier":
        need, fix = "columns of S(t) at two horizons or more", "add --survival 365=s1y,730=s2y"
    else:
        need, fix = "a column of S(t)", "add --survival 365=s1y"
    raise BadInput(what=f"{metric} cannot be measured", why=f"it needs {need}", fix=fix)


def _probability(table: pa.Table, column: str, source: Source) -> FloatArray:
    values = numbers(table, column, source)
    wrong = (values < 0) | (values > 1)
    if wrong.any():
        raise BadInput(
            what=f"column {column!r} of {source.uri} holds no probability of being free of the event",
            why=f"{source.row_of(int(np.argmax(wrong)))} lies outside 0 to 1",
            fix="give S(t): 1 means surely free of the event at the horizon",
        )
    return values


def _outcome(
    table: pa.Table, names: _Names, source: Source, positive: str | None, exclusions: Exclusions
) -> tuple[FloatArray, BoolArray]:
    """Times and events; rows where either is missing are left out and counted. A time of 0 stays.

    Raises:
        BadInput: A time is negative or infinite.
    """
    time = numbers(table, names.time, source)
    wrong = (time < 0) | np.isinf(time)
    if wrong.any():
        raise BadInput(
            what=f"time column {names.time!r} of {source.uri} cannot be used",
            why=f"{source.row_of(int(np.argmax(wrong)))} is negative or infinite",
            fix="give the time from the prediction to the event or to the end of follow-up, 0 or more",
        )
    event, unknown = label(table, names.label, source, positive=positive)
    exclusions.drop(np.isnan(time), "time missing")
    exclusions.drop(unknown, "label missing")
    return time, event


def _censoring_from(
    spec: EvaluationSpec, names: _Names, others: Mapping[str, Source]
) -> tuple[Followup | None, CodeArray | None]:
    """The rows the censoring weights come from, where others are named."""
    if spec.censoring_from is None:
        return None, None
    source = others.get(CENSORING_FROM) or others.get(spec.censoring_from)
    if source is None:
        raise BadInput(
            what="the rows the censoring weights come from are not there",
            why=f"no input is named {spec.censoring_from!r}",
            fix="give the file with --censoring-from",
        )
    own = spec.model_copy(update={"by": [], "bands": {}})
    table = read_table(source, [names.label, names.time, *shared_columns(own)])
    exclusions = Exclusions(table.num_rows)
    time, event = _outcome(table, names, source, spec.positive, exclusions)
    sample = make_sample(table, own, source, exclusions)
    if not exclusions.keep.any():
        raise BadInput(
            what=f"no row of {source.uri} can be used for censoring weights",
            why="every row lacks its time or its label",
            fix=f"check the columns {names.time!r} and {names.label!r}",
        )
    keep = exclusions.keep
    rows = follow(time[keep], event[keep], np.zeros(int(keep.sum())), weight=sample.weight)
    clustered = sample.repeats and sample.subject is not None
    return rows, sample.subject[rows.place] if clustered and sample.subject is not None else None


def _standing(sample: Sample, event: BoolArray, spec: EvaluationSpec) -> Standing:
    strict = spec.suppression == "strict"
    there = patients(sample)
    return Standing(
        slices=sample.slices,
        n=count(sample),
        positives=count(sample, event),
        hidden=suppressed(
            sample.slices,
            there,
            strict=strict,
            smaller_class=np.minimum(patients(sample, event), patients(sample, ~event)) if strict else None,
        ),
        level=spec.level,
        patients=there if sample.repeats else None,
    )
