"""Which numbers of an evaluation may leave the house: strict on small groups, whatever it was evaluated with.

The rows are not here any more, only what was counted of them. Groupings whose columns are nested in each other without
sharing one (a ward within a hospital) cannot be seen from that: evaluate with `--strict` where there are such.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from codman.evaluate.groups import Slices
from codman.evaluate.suppression import FEWEST, suppressed
from codman.report.reading import between_groups, slice_key
from codman.spine.measurement import Measurement
from codman.spine.statement import EvaluationPredicate

_MOST_CELLS: Final = 4_096
_NOT_TOLD: Final = "(not told)"
_GROUPS: Final = ("highest", "lowest", "group", "reference")
_Slice = Mapping[str, str]
_Key = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Shown:
    """What may be shown, and the groups that may not."""

    measurements: Sequence[Measurement]
    hidden: Sequence[_Slice]


def strict(predicate: EvaluationPredicate) -> Shown:
    """The measurements of an evaluation that may leave the house.

    A group is hidden where it has fewer than 11 patients, or fewer than 11 with or without the event; so is the
    smallest of those beside it, where the hidden one could be worked out by subtraction.

    Args:
        predicate: The evaluation as it was filed.

    Returns:
        Measurements of groups that may be shown, and between such groups; and the names of the others.
    """
    units: dict[Any, list[Measurement]] = {}
    for m in predicate.measurements:
        units.setdefault(m.params.get("unit"), []).append(m)
    hidden: dict[_Key, _Slice] = {}
    for found in units.values():  # a group that is too small by patient is too small by row
        hidden |= {slice_key(one): one for one in _hidden(found, predicate)}
    kept = [m for m in predicate.measurements if _may_leave(m, hidden)]
    return Shown(kept, [one for one in hidden.values() if one])


def _may_leave(m: Measurement, hidden: Mapping[_Key, _Slice]) -> bool:
    few = m.n is not None and m.n < FEWEST  # rows it rests on: those that were flagged, say
    if m.suppressed or few:
        return False
    named = [m.slice, *(one for key in _GROUPS if isinstance(one := m.params.get(key), dict))]
    if hidden and between_groups(m.metric) and len(named) == 1 and m.value is not None:
        return False  # nobody can tell which groups it compares
    return not any(slice_key(one) in hidden for one in named)


def _hidden(found: Sequence[Measurement], predicate: EvaluationPredicate) -> list[_Slice]:
    of_groups = [m for m in found if not between_groups(m.metric)]
    names: dict[_Key, _Slice] = {(): {}}
    for m in of_groups:
        names.setdefault(slice_key(m.slice), m.slice)
    by_slice: dict[_Key, list[Measurement]] = {key: [] for key in names}
    for m in of_groups:
        by_slice[slice_key(m.slice)].append(m)
    already = {key for key, ms in by_slice.items() if all(m.suppressed for m in ms) and ms}
    if predicate.spec.suppression == "strict":
        return [names[key] for key in already]
    sizes = {
        key: (0, 0) if key in already else _patients(ms, predicate, everyone=not key) for key, ms in by_slice.items()
    }
    names |= _untold(names, sizes)
    if all(min(one) >= FEWEST for one in sizes.values()):
        return []
    slices = _slices(names)
    if slices is None:  # too many to search: none is shown beside a hidden one
        return [name for key, name in names.items() if (key or min(sizes[key]) < FEWEST) and key in by_slice]
    order = [slice_key(name) for name in slices.names]
    patients = np.array([sizes[key][0] for key in order])
    smaller = np.array([sizes[key][1] for key in order])
    marks = suppressed(slices, patients, strict=True, smaller_class=smaller)
    return [name for name, mark in zip(slices.names, marks, strict=True) if mark and slice_key(name) in by_slice]


def _untold(names: Mapping[_Key, _Slice], sizes: dict[_Key, tuple[int, int]]) -> dict[_Key, _Slice]:
    """A group for the patients whom a grouping leaves out: anybody can work out their numbers. Adds their sizes."""
    groupings: dict[frozenset[str], list[_Key]] = {}
    for key, name in names.items():
        groupings.setdefault(frozenset(name), []).append(key)
    found: dict[_Key, _Slice] = {}
    for columns, members in groupings.items():
        rest, smaller = (sizes[()][part] - sum(sizes[key][part] for key in members) for part in (0, 1))
        if columns and rest > 0 and all(sizes[key][0] for key in members):
            name = dict.fromkeys(sorted(columns), _NOT_TOLD)
            found[slice_key(name)] = name
            sizes[slice_key(name)] = (rest, max(smaller, 0))
    return found


def _patients(found: Sequence[Measurement], predicate: EvaluationPredicate, *, everyone: bool) -> tuple[int, int]:
    """Patients of a group, and of its smaller class as far as that is known; the rows where each is a patient.

    Where rows repeat patients nobody counted those of a class: its share of them, halved, stands for them. Where no
    class was counted at all, only everyone is large enough.
    """
    counted = [m for m in found if m.n is not None and not m.suppressed]
    rows = max((m.n or 0 for m in counted), default=0)
    whole = [m for m in counted if m.n == rows]
    patients = min((int(m.params["subjects"]) for m in whole if "subjects" in m.params), default=rows)
    if everyone and predicate.rows.patients is not None:
        patients = min(patients, predicate.rows.patients)
    classes = [c for m in whole if m.positives is not None for c in (m.positives, rows - m.positives)]
    if not classes:
        return patients, patients if everyone or predicate.spec.task == "regression" else 0
    smaller = min(classes)
    return patients, smaller * patients // rows // 2 if patients < rows else smaller


def _slices(names: Mapping[_Key, _Slice]) -> Slices | None:
    """The groups as the engine knows them, their cells put together from the groups; None where those are too many."""
    groupings: dict[frozenset[str], tuple[str, ...]] = {}
    for name in names.values():
        groupings.setdefault(frozenset(name), tuple(name))
    members = {columns: [n for n in names.values() if frozenset(n) == columns] for columns in groupings}
    cells = _cells([members[c] for c in groupings if not any(c < other for other in groupings)])
    if cells is None:
        return None
    ordered = [(g, name) for g, columns in enumerate(groupings) for name in members[columns]]
    place = {slice_key(name): s for s, (_, name) in enumerate(ordered)}
    missing = len(ordered)  # a cell whose group nobody names stands in one of its own, which is hidden
    of_cell = np.array(
        [
            [place.get(slice_key({c: cell[c] for c in columns}), missing) for cell in cells]
            for columns in groupings.values()
        ],
        dtype=np.int32,
    )
    if (of_cell == missing).any():
        return None
    return Slices(
        names=tuple(dict(name) for _, name in ordered),
        grouping=np.array([g for g, _ in ordered], dtype=np.int64),
        groupings=tuple(groupings.values()),
        cell=np.zeros(0, dtype=np.int32),
        of_cell=of_cell,
    )


def _cells(finest: Iterable[Sequence[_Slice]]) -> list[dict[str, str]] | None:
    """Every combination that the finest groups leave possible; None where there are too many."""
    cells: list[dict[str, str]] = [{}]
    for groups in finest:
        if len(cells) * len(groups) > _MOST_CELLS * 64:
            return None
        cells = [
            {**cell, **group}
            for cell, group in itertools.product(cells, groups)
            if all(cell.get(column, level) == level for column, level in group.items())
        ]
        if len(cells) > _MOST_CELLS:
            return None
    return cells
