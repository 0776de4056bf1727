"""run: drift from counts that add up, here or on Spark; the same numbers wherever and in what order rows were read.

PSI, Jensen–Shannon, Hellinger, chi-square and rates are those of the rows themselves; KS and Wasserstein carry in
`params.error` the most they can be off. What needs all rows at once (the classifier, MMD, principal components, the
effect on performance, designs of repeated patients) is not among them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final

import numpy as np
import pyarrow as pa

from codman.compute.here import Here
from codman.compute.map_reduce import Job, Place, S
from codman.errors import BadInput
from codman.evaluate.columns import label as yes_or_no
from codman.evaluate.estimates import FloatArray, IntArray
from codman.evaluate.groups import MISSING, band_levels
from codman.evaluate.sample import MOST_SLICES
from codman.monitor.drift.column import NotComparable, NotTheSameColumn
from codman.monitor.drift.prepared import compared_columns, shared_columns
from codman.monitor.drift.run import DriftReport
from codman.monitor.drift.season import Times, nothing_in, window_of
from codman.monitor.drift.shift import against
from codman.monitor.summaries.counting import Patients, Rules, counting, different, looking, meeting, thinning
from codman.monitor.summaries.day import Summary
from codman.monitor.summaries.grid import Column, Grid, numeric_column, places_of_edges
from codman.monitor.summaries.look import Look, ReadAs, in_order, read_as
from codman.monitor.summaries.ranks import Brackets, Reading, Thinned, sorted_values
from codman.monitor.summaries.statistics import drift_of, rates_of
from codman.monitor.summaries.table import SparkTable
from codman.monitor.summaries.windows import Totals, slices_of, total, windows
from codman.spine.drift_spec import ALL_OF_IT, DriftSpec
from codman.spine.measurement import Measurement, Measurements
from codman.spine.statement import Rows
from codman.tables.frame import FrameSource
from codman.tables.reader import require
from codman.tables.source import Source

_MOST_CELLS: Final = 1_000_000  # of groupings together
_REPEATED: Final = "no interval: counts that add up do not say which rows are of one patient"


Reader = Callable[[Job[Any]], Any]  # does a job over a table's rows


class TableChanged(BadInput):
    """A table that had other rows when it was read again."""

    def __init__(self, uri: str) -> None:
        super().__init__(
            what=f"{uri!r} changed while it was counted",
            why="it is read several times, and had other rows the second time",
            fix="pin a version of a Delta table, or count it when nobody writes",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Summed:
    """Both tables counted on one grid that the reference decides.

    Made by `count`; `total` and `drift_of` of this room read its summaries.
    """

    grid: Grid
    reference: Summary  # one window
    current: Summary  # a line a window and cell
    looks: tuple[Look, Look]
    read: Mapping[str, ReadAs]  # by column
    events: frozenset[str]  # values of the label that mean the event
    labelled: bool  # whether both have labels
    patients: tuple[Patients, Patients] | None
    notes: tuple[str, ...]


def run(reference: Source, current: Source, spec: DriftSpec, on: Place | None = None) -> DriftReport:
    """Compare current rows with a reference, column by column, from counts.

    Args:
        reference: What is normal; read two to six times, never held.
        current: What came lately; read twice.
        spec: What to compare.
        on: Where the rows are read; in this process without it.

    Raises:
        BadInput: A column, a value or an argument cannot be used.
        Unreachable: Spark did not start, or gave up.
    """
    counted = count(reference, current, spec, on)
    found = Measurements(list(_measured(counted, spec)))
    look, scored = counted.looks[1], int(counted.current.rows.sum())
    if spec.score is not None:
        scored = look.columns[spec.score].values
    return DriftReport(
        measurements=found,
        rows=Rows(
            eligible=look.rows,
            scored=scored,
            excluded={"subject missing": look.rows - look.kept} if look.rows > look.kept else {},
            evaluated=look.kept,
        ),
        window=window_of(look.times),
        reference=window_of(counted.looks[0].times),
        notes=(*counted.notes, *([_REPEATED] if spec.subject else [])),
        spec=spec,
    )


def count(reference: Source, current: Source, spec: DriftSpec, on: Place | None = None) -> Summed:
    """Decide a grid from the reference and count both tables on it.

    Args:
        reference: What is normal.
        current: What came lately.
        spec: What will be compared.
        on: Where the rows are read; in this process without it.

    Raises:
        BadInput: A column, a value or an argument cannot be used.
    """
    _refuse(spec)
    place = on or Here()
    columns, notes = compared_columns(reference, current, spec)
    shared = shared_columns(spec)
    for source in (reference, current):
        require(source, [*shared, *spec.columns])
    wanted = list(dict.fromkeys([*columns, *shared]))
    rules = [
        Rules(uri=source.uri, subject=spec.subject, timestamp=spec.timestamp, bands=spec.bands)
        for source in (reference, current)
    ]
    groups = [name for name in dict.fromkeys(c for by in spec.by for c in by) if not _banded(name, spec)]
    seen = list(dict.fromkeys([*columns, *groups]))
    tables = [partial(_read, source, wanted, place) for source in (reference, current)]
    now = tables[1](looking(rules[1], seen))
    if now is None:
        raise _empty(current)
    rules[0] = replace(rules[0], season=spec.reference_window, now=_season(spec, now))
    before = tables[0](looking(rules[0], seen))
    if before is None:
        raise _empty(reference)
    if before.rows == 0:
        raise nothing_in(spec.reference_window)
    for source, look in ((reference, before), (current, now)):
        if source.rows is None and (source is current or spec.reference_window == ALL_OF_IT):
            source.rows = look.rows
    looks = (before, now)
    if not (before.kept and now.kept):
        raise BadInput(
            what=f"no row has a patient in {spec.subject!r}", why="every value is missing", fix="name another column"
        )
    read, more = _readings(columns, looks, spec)
    events, labelled = _events(looks, spec, reference)
    grid = Grid(
        columns=tuple(_columns(read, looks, lambda brackets: _thinned(tables[0], rules[0], brackets, before))),
        by=tuple((name, _levels(name, looks, spec)) for name in dict.fromkeys(c for by in spec.by for c in by)),
        thresholds=tuple(sorted(set(spec.thresholds))),
        score=spec.score is not None,
    )
    if grid.cells > _MOST_CELLS:
        raise _too_many(grid.cells)
    rules[1] = replace(rules[1], every=spec.window)
    label = spec.label if labelled else None
    summaries = [
        _needed(table(counting(rule, grid, score=spec.score, label=label, events=events)))
        for table, rule in zip(tables, rules, strict=True)
    ]
    for source, look, summary in zip((reference, current), looks, summaries, strict=True):
        if int(summary.rows.sum()) != look.kept:
            raise TableChanged(source.uri)
    patients = None
    if spec.subject is not None:
        met = [_needed(table(meeting(rule, grid))) for table, rule in zip(tables, rules, strict=True)]
        patients = (met[0], met[1])
    return Summed(
        grid=grid,
        reference=summaries[0],
        current=summaries[1],
        looks=looks,
        read=read,
        events=events,
        labelled=labelled,
        patients=patients,
        notes=(*notes, *more),
    )


def _thinned(table: Reader, rules: Rules, brackets: Mapping[str, Brackets], look: Look) -> Mapping[str, Thinned]:
    """One reading of the reference's numbers."""
    found: Mapping[str, Thinned] = _needed(table(thinning(rules, brackets)))
    if any(one.total != look.columns[name].values for name, one in found.items()):
        raise TableChanged(rules.uri)
    return found


def _refuse(spec: DriftSpec) -> None:
    if spec.multivariate or spec.effect:
        raise BadInput(
            what="counts that add up judge column by column",
            why="all columns together, and the effect on performance, need all rows at once",
            fix="leave --multivariate and --effect out, or --on",
        )
    if spec.timestamp is None and (spec.window or spec.reference_window != ALL_OF_IT):
        raise BadInput(what="a window needs times", why="nothing says when a row was scored", fix="add --timestamp COL")


def _read(source: Source, columns: Sequence[str], place: Place, job: Job[S]) -> S | None:
    if isinstance(source, SparkTable):
        return place.map_reduce(source.frame_of(columns), job)
    if isinstance(place, Here):
        return place.map_reduce([partial(source.batches, columns)], job)
    return place.map_reduce(source.parts(columns), job)


def _needed(found: S | None) -> S:
    assert found is not None  # noqa: S101 (the look found rows)
    return found


def _season(spec: DriftSpec, now: Look) -> Times | None:
    return None if spec.reference_window == ALL_OF_IT else now.times


def _readings(columns: Sequence[str], looks: tuple[Look, Look], spec: DriftSpec) -> tuple[dict[str, ReadAs], list[str]]:
    """How each column is compared; one that cannot be is an error where it was asked for, else a note."""
    read: dict[str, ReadAs] = {}
    notes: list[str] = []
    categorical, numeric = {*spec.categorical, spec.label}, {*spec.numeric, spec.score}
    rows = sum(look.kept for look in looks)
    for name in columns:
        both = (looks[0].columns[name], looks[1].columns[name])
        try:
            read[name] = read_as(name, both, rows, categorical=name in categorical, numeric=name in numeric)
        except (NotComparable, NotTheSameColumn) as error:
            if name in spec.columns or name in (spec.score, spec.label):
                raise
            notes.append(f"{name} is not compared: {error.why}")
    if not read:
        raise BadInput(
            what="there is no column to compare",
            why="; ".join(notes) or "the two files share none",
            fix="name columns with --column",
        )
    return read, notes


def _events(looks: tuple[Look, Look], spec: DriftSpec, reference: Source) -> tuple[frozenset[str], bool]:
    """Which values of the label mean the event, and whether both tables have labels."""
    if spec.label is None or not all(spec.label in look.columns for look in looks):
        return frozenset(), False
    columns = [look.columns[spec.label] for look in looks]
    if any(one.values == 0 or one.levels is None for one in columns):
        return frozenset(), False
    events: frozenset[str] = frozenset()
    for one in columns:
        levels = in_order(one.levels or frozenset(), one.sort)
        table = pa.table({spec.label: pa.array(levels, pa.string())})
        event, _ = yes_or_no(table, spec.label, _named(reference), positive=spec.positive)
        events |= {level for level, yes in zip(levels, event.tolist(), strict=True) if yes}
    return events, True


def _named(source: Source) -> Source:
    named = FrameSource(pa.table({}), source.name)
    named.uri = source.uri
    return named


def _columns(read: Mapping[str, ReadAs], looks: tuple[Look, Look], thinned: Reading) -> Iterator[Column]:
    """Edges of numbers from the reference's own sorted values; categories of both."""
    n = {name: looks[0].columns[name].values for name, one in read.items() if one.numeric}
    wanted = {name: places_of_edges(rows) for name, rows in n.items() if rows}
    known = sorted_values(wanted, thinned)
    for name, one in read.items():
        if not one.numeric:
            yield Column(name=name, levels=one.levels or ("(none)",))
            continue
        places, values = known.get(name, (np.zeros(0, np.int64), np.zeros(0)))
        yield numeric_column(name, n[name], partial(_value_at, places, values))


def _value_at(places: IntArray, values: FloatArray, wanted: IntArray) -> FloatArray:
    found: FloatArray = values[np.searchsorted(places, wanted)]
    return found


def _levels(name: str, looks: tuple[Look, Look], spec: DriftSpec) -> tuple[str, ...]:
    if _banded(name, spec):
        return (*band_levels(spec.bands[name.removesuffix("_band")]), MISSING)
    both = [look.columns[name] for look in looks]
    levels: frozenset[str] = frozenset()
    for one in both:
        if one.levels is None:
            raise _too_many(MOST_SLICES + 1)
        levels |= one.levels
    return (*in_order(levels, both[0].sort), *([MISSING] if any(one.missing for one in both) else []))


def _banded(name: str, spec: DriftSpec) -> bool:
    return name.endswith("_band") and name.removesuffix("_band") in spec.bands


def _measured(counted: Summed, spec: DriftSpec) -> Iterator[Measurement]:
    slices = slices_of(counted.grid, spec.by)
    if slices.count > MOST_SLICES:
        raise _too_many(slices.count)
    before = _totals(counted, 0, spec, None)
    every: list[tuple[str, str] | None] = [None] if spec.window is None else list(windows(counted.current, spec.window))
    for one in every:
        now = _totals(counted, 1, spec, one)
        if one is None:
            now = replace(now, window=window_of(counted.looks[1].times))
        rows = {_key(name): (int(a), int(b)) for name, a, b in zip(now.names, before.rows, now.rows, strict=True)}
        found = [*drift_of(before, now, level=spec.level), *_rates(counted, before, now, spec)]
        yield from (_finished(m, counted, spec) for m in found if any(rows[_key(m.slice)]))


def _rates(counted: Summed, before: Totals, now: Totals, spec: DriftSpec) -> Iterator[Measurement]:
    event = None
    if counted.labelled and spec.label in counted.read:
        levels = counted.read[str(spec.label)].levels
        event = (str(spec.label), np.array([level in counted.events for level in levels]))
    yield from rates_of(before, now, event, level=spec.level)


def _totals(counted: Summed, which: int, spec: DriftSpec, window: tuple[str, str] | None) -> Totals:
    """One window's counts by slice, with the patients that suppression asks for."""
    summary = (counted.reference, counted.current)[which]
    start, end = window or (None, None)
    totals = total(summary, by=spec.by, start=start, end=end)
    if counted.patients is None:
        return replace(totals, patients=totals.rows)
    met = counted.patients[which]
    cells = counted.grid.cells
    cell, day = met.line % cells, (met.line // cells).astype("M8[D]")
    slices = slices_of(counted.grid, spec.by)
    there = np.ones(len(cell), bool) if window is None else (day >= np.datetime64(start)) & (day < np.datetime64(end))
    patients = np.zeros(slices.count, np.int64)
    for g in range(len(slices.groupings)):
        patients += different(met, np.where(there, slices.of_rows(g)[cell], -1), slices.count)
    return replace(totals, patients=patients)


def _finished(m: Measurement, counted: Summed, spec: DriftSpec) -> Measurement:
    """With how its column was read, whether the shift matters, and no interval where rows repeat patients."""
    more: dict[str, Any] = {}
    if m.feature is not None:
        read = counted.read[m.feature]
        role = {spec.score: "score", spec.label: "label"}.get(m.feature, "feature")
        more = {"read_as": "numbers" if read.numeric else "categories", "why": read.why, "role": role}
    changed: dict[str, Any] = {}
    low, high = m.lower, m.upper
    if spec.subject is not None:
        low = high = None
        changed = {"lower": None, "upper": None, "level": None, "p_value": None}
    if m.metric in spec.delta and m.note is None:
        more |= against(spec.delta[m.metric], low, high)
    whole = sum(spec.importance.get(name, 0.0) for name in counted.read if name not in (spec.score, spec.label))
    if spec.importance and whole > 0 and more.get("role") == "feature":
        more |= {"importance": round(spec.importance.get(m.feature or "", 0.0) / whole, 6), "importance_from": "given"}
    return m.model_copy(update={"params": {**more, **m.params}, **changed})


def _key(name: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(name.items()))


def _empty(source: Source) -> BadInput:
    return BadInput(what=f"{source.uri} has no rows", why="there is nothing to compare", fix="give a fuller file")


def _too_many(groups: int) -> BadInput:
    return BadInput(
        what=f"the groupings make {groups:,} groups or more",
        why=f"at most {MOST_SLICES:,} can be judged at once",
        fix="group by columns with fewer levels, or cut numeric ones with --band",
    )
