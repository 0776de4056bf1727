"""Replay of predictions: a reference and a history of rows, cut into windows and slices, through the alarms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import pyarrow as pa

from codman.evaluate.columns import codes, label, numbers
from codman.evaluate.estimates import BoolArray, FloatArray, IntArray
from codman.evaluate.sample import Exclusions, Sample, make_sample, read_table, shared_columns
from codman.monitor.alarms.distance_looks import DISTANCES, distance_look
from codman.monitor.alarms.evidence import Evidence, Look, Repeats, once, over_memory, repeats_of
from codman.monitor.alarms.score_looks import ScoreCounts
from codman.monitor.alarms.stream import Stream, WatchImpossible
from codman.monitor.alarms.watch import Rules
from codman.monitor.estimate.windows import Cut, cut, times, without_time
from codman.monitor.power.looks import ALL, NEEDS_LABEL, NEEDS_THRESHOLD, delta_of, look_at
from codman.monitor.power.replay import Replay, replay
from codman.spine.evaluation_spec import EvaluationSpec
from codman.tables.source import Source

_FINE, _COARSE = 100, 10
_MOST_LEVELS: Final = 50  # of a column of words


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What of the rows is watched."""

    timestamp: str
    score: str
    window: str  # day, week or month
    label: str | None = None
    positive: str | None = None
    subject: str | None = None
    by: Sequence[Sequence[str]] = ()
    bands: Mapping[str, Sequence[float]] = field(default_factory=dict)
    columns: Sequence[str] = ()  # features, watched by a drift distance
    metrics: Sequence[str] = ()  # all that the columns allow unless named
    threshold: float | None = None
    deltas: Mapping[str, float] = field(default_factory=dict)
    delay_days: float = 0.0  # until a row's label is final
    owner: str = "owner"
    budget: int = 4
    lineage: Mapping[str, Sequence[str]] = field(default_factory=dict)  # feature -> what it is made from

    def spec(self) -> EvaluationSpec:
        """The rows and slices, as an evaluation of them would ask."""
        return EvaluationSpec(
            task="binary", label=self.label or "", score=self.score, positive=self.positive, subject=self.subject,
            by=[list(one) for one in self.by], bands={name: list(edges) for name, edges in self.bands.items()},
        )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rows:
    sample: Sample
    score: FloatArray
    event: BoolArray
    known: BoolArray  # the label is there
    table: pa.Table
    cut: Cut | None


def replay_rows(reference: Source, current: Source, asked: Asked, rules: Rules) -> Replay:
    """Replay a history of predictions.

    Args:
        reference: Rows of before, with what is asked of the history.
        current: The history.
        asked: What is watched.
        rules: How alarms go on and off.

    Raises:
        BadInput: A column or a value cannot be used.
        WatchImpossible: A metric that needs a label or a threshold and has none, or no window.
    """
    metrics = _metrics(asked, {*reference.columns} & {*current.columns})
    before, now = _read(reference, asked, timed=False), _read(current, asked, timed=True)
    assert now.cut is not None  # noqa: S101 (timed)
    names = _slices_of_both(before.sample, now.sample)
    seen, held = _repeats(before, now)
    streams: list[Stream] = []
    parts: list[Evidence] = []

    def watched(look: Look, metric: str, feature: str | None, delta: float) -> None:
        parts.append(over_memory(look, delta, memory=rules.memory, quiet=rules.quiet, off=rules.off))
        streams.extend(
            Stream(
                metric=metric, feature=feature, slice=name, delta=delta, owner=asked.owner, site=name.get("site"),
                params={"threshold": asked.threshold} if metric in NEEDS_THRESHOLD else {},
                lineage=tuple(asked.lineage.get(feature or "", ())),
            )
            for name in names
        )  # fmt: skip

    fine, coarse = (_edges(before.score, bins, asked.threshold) for bins in (_FINE, _COARSE))
    for metric in metrics:
        edges, known = coarse if metric in DISTANCES else fine, metric in NEEDS_LABEL
        delta = delta_of(metric, asked.deltas)
        then = _counts(before, edges, names, asked.threshold, known=known)
        here = _counts(now, edges, names, asked.threshold, known=known)
        first = ScoreCounts(event=then.event[0], other=then.other[0], score=then.score, alerted=then.alerted)
        watched(
            look_at(metric, _scored(here, then), first, delta, repeats=seen, reference_repeats=held),
            metric,
            None,
            delta,
        )
    for column in asked.columns:
        metric, of_before, of_now = _column(before, now, column, reference, current)
        delta, bins = delta_of(metric, asked.deltas), int(max(of_before.max(), of_now.max())) + 1
        then_bins = _binned(before, of_before, bins, names)[0]
        look = distance_look(
            metric, _binned(now, of_now, bins, names), then_bins, delta, repeats=seen, reference_repeats=held
        )
        watched(look, metric, column, delta)
    whole = Evidence(
        e=np.concatenate([one.e for one in parts], axis=1),
        beyond=np.concatenate([one.beyond for one in parts], axis=1),
        back=np.concatenate([one.back for one in parts], axis=1),
        shift=np.concatenate([one.shift for one in parts], axis=1),
    )  # fmt: skip
    starts, ends = _spans(now.cut)
    late = [asked.delay_days if one.metric in NEEDS_LABEL else 0.0 for one in streams]
    return replay(whole, streams, rules, starts, ends, budgets={asked.owner: asked.budget}, late=late)


def _metrics(asked: Asked, columns: set[str]) -> list[str]:
    label, threshold = asked.label in columns, asked.threshold is not None
    if not asked.metrics:
        default = ("auroc", "oe_ratio", "prevalence", "sensitivity", "ppv", "alert_rate", "ks")
        return [
            one for one in default if (label or one not in NEEDS_LABEL) and (threshold or one not in NEEDS_THRESHOLD)
        ]
    for one in asked.metrics:
        if one not in ALL:
            raise WatchImpossible(
                what=f"{one} cannot be replayed from rows",
                why="it is none of those that can",
                fix=f"take of {', '.join(ALL)}",
            )
        if one in NEEDS_LABEL and not label:
            raise WatchImpossible(what=f"{one} needs a label", why="it is about what happened", fix="give --label COL")
        if one in NEEDS_THRESHOLD and not threshold:
            raise WatchImpossible(what=f"{one} needs a threshold", why="it is about alerts", fix="give --threshold X")
    return list(dict.fromkeys(asked.metrics))


def _read(source: Source, asked: Asked, *, timed: bool) -> _Rows:
    spec = asked.spec()
    known = [asked.label] if asked.label is not None and asked.label in source.columns else []
    more = [*known, *asked.columns, *([asked.timestamp] if timed else [])]
    table = read_table(source, [asked.score, *shared_columns(spec), *more])
    exclusions = Exclusions(table.num_rows)
    score = numbers(table, asked.score, source)
    exclusions.without_score(np.isnan(score))
    event, there = np.zeros(len(score), dtype=np.bool_), np.zeros(len(score), dtype=np.bool_)
    if known:
        event, missing = label(table, known[0], source, positive=asked.positive)
        there = ~missing
    said = times(table, asked.timestamp, source) if timed else None
    if said is not None:
        exclusions.drop(without_time(said), "time missing")
    sample = make_sample(table, spec, source, exclusions)
    keep = exclusions.keep
    windows = None if said is None else cut(said[keep], int(keep.sum()), asked.window)
    return _Rows(
        sample=sample, score=score[keep], event=event[keep] & there[keep], known=there[keep],
        table=table.filter(pa.array(keep)), cut=windows,
    )  # fmt: skip


def _slices_of_both(before: Sample, now: Sample) -> list[dict[str, str]]:
    """Slices that stand in both: without a reference nothing has shifted."""
    held = [dict(name) for name in before.slices.names]
    return [dict(name) for name in now.slices.names if dict(name) in held]


def _repeats(before: _Rows, now: _Rows) -> tuple[Repeats, float]:
    held = 1.0
    if before.sample.subject is not None and before.sample.repeats:
        held = repeats_of(before.sample.subject, np.zeros(before.sample.n, dtype=np.int64))(1)
    if now.sample.subject is None or not now.sample.repeats or now.cut is None:
        return once, held
    return repeats_of(now.sample.subject, now.cut.code), held


def _edges(score: FloatArray, bins: int, threshold: float | None) -> FloatArray:
    edges = np.quantile(score, np.linspace(0, 1, bins + 1)[1:-1])
    return np.unique(edges if threshold is None else np.append(edges, threshold))


def _counts(
    rows: _Rows, edges: FloatArray, names: Sequence[dict[str, str]], threshold: float | None, *, known: bool
) -> ScoreCounts:
    """(T, S, B) rows by window, slice and bin; of those with a label only, where it is about one."""
    which = np.searchsorted(edges, rows.score, side="right")
    bins = len(edges) + 1
    keep = rows.known if known else np.ones(len(rows.score), dtype=np.bool_)
    event, other = (_table(rows, which, bins, names, keep & one) for one in (rows.event, ~rows.event))
    total = np.bincount(which, minlength=bins)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.bincount(which, weights=rows.score, minlength=bins) / total
    mean = np.where(total > 0, mean, np.append(edges, edges[-1] if len(edges) else 0.0))
    alerted = np.zeros(bins) if threshold is None else (np.append(-np.inf, edges) >= threshold).astype(np.float64)
    return ScoreCounts(event=event, other=other, score=mean, alerted=alerted)


def _scored(here: ScoreCounts, then: ScoreCounts) -> ScoreCounts:
    """The history's counts, its bins standing for the scores they stand for in the reference."""
    return ScoreCounts(event=here.event, other=here.other, score=then.score, alerted=then.alerted)


def _column(before: _Rows, now: _Rows, name: str, reference: Source, current: Source) -> tuple[str, IntArray, IntArray]:
    """The distance a feature is watched by, and the bin of each row: deciles of a number, the levels of a word."""
    kind = before.table.column(name).type
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        held, here = numbers(before.table, name, reference), numbers(now.table, name, current)
        edges = np.unique(np.quantile(held[~np.isnan(held)], np.linspace(0, 1, _COARSE + 1)[1:-1]))
        # missing values have a place of their own, at the end
        return "ks", *(
            np.where(np.isnan(one), len(edges) + 1, np.searchsorted(edges, one, side="right")).astype(np.int64)
            for one in (held, here)
        )  # type: ignore[return-value]
    held_codes, here_codes = codes(before.table, name), codes(now.table, name)
    levels = list(dict.fromkeys([*held_codes.levels, *here_codes.levels]))
    if len(levels) > _MOST_LEVELS:
        raise WatchImpossible(
            what=f"column {name!r} has {len(levels)} levels", why="most patients would stand alone", fix="leave it out"
        )
    place = {level: i for i, level in enumerate(levels)}
    return (
        "hellinger",
        *(np.array([place[level] for level in one.levels])[one.codes] for one in (held_codes, here_codes)),
    )  # type: ignore[return-value]


def _binned(rows: _Rows, which: IntArray, bins: int, names: Sequence[dict[str, str]]) -> FloatArray:
    return _table(rows, which, bins, names, np.ones(len(which), dtype=np.bool_))


def _table(rows: _Rows, which: IntArray, bins: int, names: Sequence[dict[str, str]], keep: BoolArray) -> FloatArray:
    """(T, S, B) rows counted once a cell and summed into slices."""
    slices = rows.sample.slices
    window = np.zeros(len(which), dtype=np.int64) if rows.cut is None else rows.cut.code
    windows = 1 if rows.cut is None else len(rows.cut.windows)
    cells = slices.of_cell.shape[1]
    at = (slices.cell[keep].astype(np.int64) * windows + window[keep]) * bins + which[keep]
    counted = np.bincount(at, minlength=cells * windows * bins).reshape(cells, windows, bins).astype(np.float64)
    summed = slices.totals(counted)
    place = {tuple(sorted(name.items())): s for s, name in enumerate(slices.names)}
    return np.stack([summed[place[tuple(sorted(name.items()))]] for name in names], axis=1)


def _spans(windows: Cut) -> tuple[list[str], list[str]]:
    spans = [one for one in windows.windows if one is not None]  # a column of times is always asked for
    return [one.start for one in spans], [one.end for one in spans]
