"""Two tables read and made ready: which rows, whose they are, which slices, which columns as what."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from codman.errors import BadInput
from codman.evaluate.columns import BoolArray, codes, identities, label, numbers
from codman.evaluate.estimates import FloatArray
from codman.evaluate.groups import CodeArray, Factor, Slices, band, make_slices
from codman.evaluate.kernels.library import side_by_side
from codman.evaluate.sample import MOST_SLICES
from codman.monitor.drift.column import NotComparable, NotTheSameColumn, Pair, read_pair
from codman.monitor.drift.season import rows_of_season, times_of, window_of
from codman.monitor.drift.shift import Frame
from codman.monitor.drift.side import make_side
from codman.spine.drift_spec import ALL_OF_IT, DriftSpec
from codman.spine.measurement import Window
from codman.tables.reader import require
from codman.tables.source import Source


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """Everything the statistics need."""

    pairs: tuple[Pair, ...]
    frame: Frame
    score: tuple[FloatArray, FloatArray] | None  # NaN where missing
    label: tuple[BoolArray, BoolArray] | None
    unlabelled: tuple[BoolArray, BoolArray] | None  # rows without a label
    labelled_reference: BoolArray | None  # the reference alone may have labels
    reference_label: BoolArray | None
    reference_window: Window | None
    subjects: tuple[CodeArray, CodeArray] | None  # patients, the same code in both
    rows: tuple[int, int]  # eligible: in the files, in the reference's season
    excluded: dict[str, int] = field(default_factory=dict)  # of the current rows
    notes: tuple[str, ...] = ()


def prepare(reference: Source, current: Source, spec: DriftSpec) -> Prepared:
    """Read both tables and decide what is compared with what.

    Raises:
        BadInput: A column is missing, cannot be compared, or no row is left.
    """
    columns, notes = compared_columns(reference, current, spec)
    shared = shared_columns(spec)
    tables = []
    for source, has_label in ((reference, True), (current, _has(current, spec.label))):
        wanted = [*columns, *shared, *([spec.label] if spec.label and has_label else [])]
        require(source, [*shared, *spec.columns])
        tables.append(source.read(list(dict.fromkeys(wanted))))
        if tables[-1].num_rows == 0:
            raise BadInput(
                what=f"{source.uri} has no rows", why="there is nothing to compare", fix="give a fuller file"
            )
    windows: list[Window | None] = [None, None]
    if spec.timestamp is not None:
        times = [times_of(t, spec.timestamp, s) for t, s in zip(tables, (reference, current), strict=True)]
        kept = rows_of_season(spec.reference_window, times[0], times[1])
        windows = [window_of(times[0][kept]), window_of(times[1])]
        tables[0] = tables[0].filter(pa.array(kept)) if not kept.all() else tables[0]
    elif spec.reference_window != ALL_OF_IT:
        raise BadInput(
            what="a reference window needs times", why="nothing says when a row was scored", fix="add --timestamp COL"
        )
    eligible = (tables[0].num_rows, tables[1].num_rows)
    subjects: tuple[CodeArray, CodeArray] | None = None
    excluded: dict[str, int] = {}
    if spec.subject is not None:
        subjects, tables, excluded = _patients(tables, spec.subject)
    slices = _slices(tables, (reference, current), spec)
    n = tables[0].num_rows
    sides = []
    for which, rows in enumerate((slice(0, n), slice(n, None))):
        part = Slices(
            names=slices.names, grouping=slices.grouping, groupings=slices.groupings, cell=slices.cell[rows],
            of_cell=slices.of_cell,
        )  # fmt: skip
        sides.append(make_side(part, None if subjects is None else subjects[which]))
    pairs, more = _pairs(columns, tables, (reference, current), spec)
    if not pairs:
        raise BadInput(
            what="there is no column to compare",
            why="; ".join(more) or "the two files share none",
            fix="name columns with --column",
        )
    labels = [_label(t, spec, s) for t, s in zip(tables, (reference, current), strict=True)]
    both = labels[0] is not None and labels[1] is not None
    return Prepared(
        pairs=tuple(pairs),
        frame=Frame(reference=sides[0], current=sides[1], level=spec.level, window=windows[1], delta=dict(spec.delta)),
        score=None
        if spec.score is None
        else (numbers(tables[0], spec.score, reference), numbers(tables[1], spec.score, current)),
        label=(labels[0][0], labels[1][0]) if labels[0] and labels[1] and both else None,
        unlabelled=(labels[0][1], labels[1][1]) if labels[0] and labels[1] and both else None,
        reference_label=labels[0][0] if labels[0] else None,
        labelled_reference=~labels[0][1] if labels[0] else None,
        reference_window=windows[0],
        subjects=subjects,
        rows=eligible,
        excluded=excluded,
        notes=(*notes, *more),
    )


def _has(source: Source, column: str | None) -> bool:
    return column is not None and column in source.columns


def shared_columns(spec: DriftSpec) -> list[str]:
    """What is read besides: groupings, patient, time and score."""
    grouping = [c.removesuffix("_band") if c.removesuffix("_band") in spec.bands else c for by in spec.by for c in by]
    return [c for c in (*grouping, spec.subject, spec.timestamp, spec.score) if c is not None]


def compared_columns(reference: Source, current: Source, spec: DriftSpec) -> tuple[list[str], list[str]]:
    """What is compared: the named columns, or all that both have but patient and time, and the score always; notes."""
    kept = [c for c in (spec.score, spec.label) if c is not None and c in current.columns and c in reference.columns]
    require(reference, [c for c in (spec.score, spec.label) if c is not None])
    if spec.columns:
        return list(dict.fromkeys([*spec.columns, *kept])), []
    aside = {spec.subject, spec.timestamp}
    both = [c for c in reference.columns if c in current.columns and c not in aside]
    notes = []
    for source, other, where in ((reference, current, "the reference"), (current, reference, "the current rows")):
        alone = [c for c in source.columns if c not in other.columns and c not in aside and c != spec.label]
        if alone:
            notes.append(f"only in {where}: {', '.join(alone[:10])}{' …' if len(alone) > 10 else ''}")
    return both, notes


def _patients(tables: list[pa.Table], name: str) -> tuple[tuple[CodeArray, CodeArray], list[pa.Table], dict[str, int]]:
    """Patients' codes, the same in both tables; rows without one are left out."""
    columns = [table.column(name) for table in tables]
    if columns[0].type != columns[1].type:
        columns = [column.cast(pa.string()) for column in columns]
    together = pa.table(
        {name: pa.chunked_array([chunk for column in columns for chunk in column.chunks], columns[0].type)}
    )
    who, _ = identities(together, name)
    n = tables[0].num_rows
    parts = [who[:n], who[n:]]
    excluded = int(np.count_nonzero(parts[1] < 0))
    for k, part in enumerate(parts):
        if (part < 0).any():
            tables[k] = tables[k].filter(pa.array(part >= 0))
            parts[k] = part[part >= 0]
        if len(parts[k]) == 0:
            raise BadInput(
                what=f"no row has a patient in {name!r}", why="every value is missing", fix="name another column"
            )
    return (parts[0], parts[1]), tables, {"subject missing": excluded} if excluded else {}


def _slices(tables: list[pa.Table], sources: tuple[Source, Source], spec: DriftSpec) -> Slices:
    factors: dict[str, Factor] = {}
    for column in dict.fromkeys(c for by in spec.by for c in by):
        base = column.removesuffix("_band")
        if column.endswith("_band") and base in spec.bands:
            values = np.concatenate([numbers(t, base, s) for t, s in zip(tables, sources, strict=True)])
            factors[column] = band(values, spec.bands[base], name=base, source=sources[1].uri)
            continue
        parts = [codes(table, column) for table in tables]
        levels = list(dict.fromkeys(level for part in parts for level in part.levels))
        place = {level: code for code, level in enumerate(levels)}
        moved = [np.array([place[x] for x in part.levels], np.int32)[part.codes] for part in parts]
        factors[column] = Factor(name=column, codes=np.concatenate(moved), levels=tuple(levels))
    slices = make_slices(factors, spec.by, sum(table.num_rows for table in tables))
    if slices.count > MOST_SLICES:
        raise BadInput(
            what=f"the groupings make {slices.count:,} groups",
            why=f"at most {MOST_SLICES:,} can be judged at once",
            fix="group by columns with fewer levels, or cut numeric ones with --band",
        )
    return slices


def _pairs(
    columns: list[str], tables: list[pa.Table], sources: tuple[Source, Source], spec: DriftSpec
) -> tuple[list[Pair], list[str]]:
    """Columns that can be compared; one that cannot is an error where it was asked for, else a note."""

    def read(name: str) -> Pair | str:
        categorical = {*spec.categorical, *({spec.label} if spec.label else ())}
        numeric = {*spec.numeric, *({spec.score} if spec.score else ())}
        try:
            return read_pair(name, tables[0], tables[1], sources, categorical=categorical, numeric=numeric)
        except (NotComparable, NotTheSameColumn) as error:
            if name in spec.columns or name in (spec.score, spec.label):
                raise
            return f"{name} is not compared: {error.why}"

    found = side_by_side(read, columns)
    return [one for one in found if isinstance(one, Pair)], [one for one in found if isinstance(one, str)]


def _label(table: pa.Table, spec: DriftSpec, source: Source) -> tuple[BoolArray, BoolArray] | None:
    if spec.label is None or spec.label not in table.column_names:
        return None
    if table.column(spec.label).null_count == table.num_rows:
        return None  # labels have not come yet
    return label(table, spec.label, source, positive=spec.positive)
