"""The two tables as arrays: a reference with labels, and rows whose labels are here, awaited or not looked for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC

import numpy as np
import pyarrow as pa

from codman.errors import BadInput
from codman.evaluate.columns import BoolArray, codes, label, numbers
from codman.evaluate.estimates import FloatArray, IntArray
from codman.evaluate.groups import MISSING
from codman.evaluate.sample import Exclusions, Sample, make_sample, read_table, shared_columns
from codman.monitor.estimate.windows import Cut, Times, cut, days, instant, times, without_time
from codman.spine.estimate_spec import EstimateSpec
from codman.spine.measurement import Window
from codman.spine.statement import Rows, when
from codman.tables.source import Source


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceRows:
    """Rows whose labels are known, and from which everything is learned."""

    sample: Sample
    score: FloatArray  # (n,)
    event: BoolArray  # (n,)
    table: pa.Table  # (n,) the same rows, for features
    window: Window | None
    left_out: dict[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class CurrentRows:
    """Rows to be judged."""

    sample: Sample
    score: FloatArray  # (n,)
    event: BoolArray  # (n,) False where not known
    here: BoolArray  # (n,) True where the label is here by the time asked about
    cut: Cut
    table: pa.Table  # (n,)
    age: FloatArray | None  # (n,) days since the model spoke
    delay: FloatArray | None  # (n,) days until the label was known; NaN where nobody wrote it down
    stratum: IntArray  # (n,) within which delays are alike
    chance: FloatArray | None  # (n,) with which the label was looked for
    rows: Rows


def read_reference(source: Source, spec: EstimateSpec) -> ReferenceRows:
    """The reference's labelled, scored rows.

    Raises:
        BadInput: A column or a value cannot be used.
    """
    dated = [spec.timestamp] if spec.timestamp in source.columns else []
    table = read_table(
        source, [spec.label, spec.score, *shared_columns(spec.shape()), *filter(None, dated), *spec.features]
    )
    exclusions = Exclusions(table.num_rows)
    score = numbers(table, spec.score, source)
    exclusions.without_score(~np.isfinite(score))
    event, missing = label(table, spec.label, source, positive=spec.positive)
    exclusions.drop(missing, "label missing")
    sample = make_sample(table, spec.shape(), source, exclusions)
    keep = exclusions.keep
    window = None
    if dated:
        said = times(table, str(spec.timestamp), source)[keep]
        said = said[~without_time(said)]
        window = Window(start=instant(int(said.min())), end=instant(int(said.max()) + 1)) if len(said) else None
    return ReferenceRows(
        sample=sample, score=score[keep], event=event[keep], table=_kept(table, keep), window=window,
        left_out=dict(exclusions.reasons),
    )  # fmt: skip


def read_current(source: Source, spec: EstimateSpec) -> CurrentRows:
    """The rows to be judged; a label that is missing, or known later than `as_of`, is awaited.

    Raises:
        BadInput: A column or a value cannot be used.
    """
    known = [spec.label] if spec.label in source.columns else []
    more = [*filter(None, (spec.timestamp, spec.delay, spec.verified)), *spec.delay_by, *spec.features]
    table = read_table(source, [spec.score, *known, *shared_columns(spec.shape()), *more])
    exclusions = Exclusions(table.num_rows)
    score = numbers(table, spec.score, source)
    exclusions.without_score(~np.isfinite(score))
    said: Times | None = None
    if spec.timestamp is not None:
        said = times(table, spec.timestamp, source)
        exclusions.drop(without_time(said), "time missing")
        if spec.as_of is not None:
            exclusions.drop(said > _microseconds(spec.as_of), "scored after the time asked about")
    sample = make_sample(table, spec.shape(), source, exclusions)
    keep = exclusions.keep
    event, here = _labels(table, spec, source) if known else (np.zeros(len(score), bool), np.zeros(len(score), bool))
    event, here = event[keep], here[keep]
    said = None if said is None else said[keep]
    age, delay, here = _ages(table, keep, said, here, spec, source)
    return CurrentRows(
        sample=sample,
        score=score[keep],
        event=event & here,
        here=here,
        cut=cut(said, int(keep.sum()), spec.window),
        table=_kept(table, keep),
        age=age,
        delay=delay,
        stratum=_strata(table, spec.delay_by)[keep],
        chance=None if spec.verified is None else numbers(table, spec.verified, source)[keep],
        rows=exclusions.rows(sample.patients),
    )


def _kept(table: pa.Table, keep: BoolArray) -> pa.Table:
    return table if keep.all() else table.take(np.flatnonzero(keep))


def _labels(table: pa.Table, spec: EstimateSpec, source: Source) -> tuple[BoolArray, BoolArray]:
    column = table.column(spec.label)
    if column.null_count == len(column):  # all are awaited: that is no mistake here
        return np.zeros(len(column), bool), np.zeros(len(column), bool)
    if spec.positive is not None and spec.positive not in (found := codes(table, spec.label)).levels:
        missing = np.array([level == MISSING for level in found.levels])[found.codes]  # no event has come yet
        return np.zeros(len(column), bool), ~missing
    event, missing = label(table, spec.label, source, positive=spec.positive)
    return event, ~missing


def _ages(
    table: pa.Table, keep: BoolArray, said: Times | None, here: BoolArray, spec: EstimateSpec, source: Source
) -> tuple[FloatArray | None, FloatArray | None, BoolArray]:
    """Ages and delays in days, and which labels were here by the time asked about."""
    if spec.delay is None:
        return None, None, here
    if said is None:
        raise BadInput(
            what=f"the delay in {spec.delay!r} needs to know when the model spoke",
            why="no column of times is named",
            fix="name it with --timestamp",
        )
    kind = table.schema.field(spec.delay).type
    if pa.types.is_temporal(kind) or pa.types.is_string(kind) or pa.types.is_large_string(kind):
        observed = times(table, spec.delay, source)[keep]
        delay = np.where(without_time(observed), np.nan, days(observed - said))
    else:
        delay = numbers(table, spec.delay, source)[keep]
    if np.any(delay[here] < 0):
        raise BadInput(
            what=f"column {spec.delay!r} of {source.uri} says a label was known before the model spoke",
            why=f"{np.count_nonzero(delay[here] < 0):,} rows",
            fix="leave rows out whose outcome was known already, or mend the times",
        )
    spoke = days(said)
    if spec.as_of is not None:
        clock = _microseconds(spec.as_of) / 86_400_000_000
    else:
        last = spoke + np.where(here & ~np.isnan(delay), delay, 0.0)
        clock = float(last.max(initial=0.0))
    age = clock - spoke
    here = here & ~(delay > age)
    return age, np.where(here, delay, np.nan), here


def _microseconds(instant: str) -> int:
    """A time as it is written, since 1970 in UTC."""
    at = when(instant).astimezone(UTC).replace(tzinfo=None)
    return int(np.datetime64(at, "us").astype(np.int64))


def _strata(table: pa.Table, columns: list[str]) -> IntArray:
    found = np.zeros(table.num_rows, dtype=np.int64)
    if not columns:
        return found
    for column in columns:
        factor = codes(table, column)
        found = found * len(factor.levels) + factor.codes
    return np.unique(found, return_inverse=True)[1].astype(np.int64)
