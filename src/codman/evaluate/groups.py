"""Who belongs to which slice: groupings, intersections, numeric bands, one finest cell a row.

Every row has one finest cell (a combination of all grouping columns that occurs). Each grouping maps cells to slices,
so work that adds up is done on cells and summed, and no slice is ever cut out of the data.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from codman.errors import BadInput, nearest
from codman.evaluate.estimates import FloatArray, IntArray

MISSING: Final = "(missing)"
CodeArray = NDArray[np.int32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Factor:
    """A grouping column as whole-number codes."""

    name: str
    codes: CodeArray  # (n,) index into levels
    levels: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Slices:
    """Which rows belong to which slice.

    Slice 0 is everyone. Slices of one grouping are disjoint and together everyone.
    """

    names: tuple[dict[str, str], ...]  # (S,) what a Measurement's `slice` says
    grouping: IntArray  # (S,) the grouping each slice belongs to
    groupings: tuple[tuple[str, ...], ...]  # (G,) columns; () first
    cell: CodeArray  # (n,) finest cell of each row
    of_cell: CodeArray  # (G, C) slice of each cell in each grouping

    @property
    def count(self) -> int:
        """Number of slices, everyone included."""
        return len(self.names)

    def of_rows(self, grouping: int) -> CodeArray:
        """(n,) slice of each row in one grouping."""
        of_rows: CodeArray = self.of_cell[grouping][self.cell]
        return of_rows

    def totals(self, per_cell: FloatArray) -> FloatArray:
        """Sum what adds up: (C, …) per finest cell to (S, …) per slice."""
        summed = np.zeros((self.count, *per_cell.shape[1:]), dtype=per_cell.dtype)
        for mapping in self.of_cell:
            np.add.at(summed, mapping, per_cell)
        return summed

    def rows_of(self, wanted: Sequence[int]) -> dict[int, IntArray]:
        """The rows of some slices, each grouping sorted once."""
        rows: dict[int, IntArray] = {}
        for g in sorted({int(self.grouping[s]) for s in wanted}):
            of_row = self.of_rows(g)
            order = np.argsort(of_row, kind="stable")
            placed = of_row[order]
            for s in wanted:
                if self.grouping[s] == g:
                    rows[s] = order[np.searchsorted(placed, s, "left") : np.searchsorted(placed, s, "right")]
        return rows

    def members(self, grouping: int) -> IntArray:
        """Slices of one grouping."""
        return np.flatnonzero(self.grouping == grouping)

    def subset(self, keep: NDArray[np.bool_]) -> Slices:
        """The same slices over some of the rows."""
        return Slices(
            names=self.names,
            grouping=self.grouping,
            groupings=self.groupings,
            cell=self.cell[keep],
            of_cell=self.of_cell,
        )


def make_slices(factors: Mapping[str, Factor], by: Sequence[Sequence[str]], rows: int) -> Slices:
    """Cut the rows into the named groupings, everyone first.

    Args:
        factors: Grouping columns by name.
        by: Groupings; several columns make an intersection.
        rows: Number of rows n.

    Returns:
        Only combinations that occur become slices; their order is that of their levels.
    """
    groupings = _distinct(by)
    used = list(dict.fromkeys(column for grouping in groupings for column in grouping))
    cell, combos = _finest_cells([factors[name] for name in used], rows)
    names: list[dict[str, str]] = []
    of_grouping: list[int] = []
    mappings = np.zeros((len(groupings), max(len(combos), 1)), dtype=np.int32)
    for g, grouping in enumerate(groupings):
        positions = [used.index(column) for column in grouping]
        kept = combos[:, positions]
        distinct, inverse = (
            np.unique(kept, axis=0, return_inverse=True) if positions else (kept[:1], np.zeros(len(combos), int))
        )
        mappings[g] = inverse.reshape(-1) + len(names)
        for levels in distinct if positions else [()]:
            names.append({column: factors[column].levels[code] for column, code in zip(grouping, levels, strict=True)})
            of_grouping.append(g)
    return Slices(
        names=tuple(names),
        grouping=np.array(of_grouping, dtype=np.int64),
        groupings=tuple(groupings),
        cell=cell,
        of_cell=mappings,
    )


def _distinct(by: Sequence[Sequence[str]]) -> list[tuple[str, ...]]:
    seen: dict[frozenset[str], tuple[str, ...]] = {frozenset(): ()}
    for grouping in by:
        columns = tuple(dict.fromkeys(grouping))
        seen.setdefault(frozenset(columns), columns)
    return list(seen.values())


def _finest_cells(factors: Sequence[Factor], rows: int) -> tuple[CodeArray, NDArray[np.int64]]:
    """(n,) cell of each row and (C, columns) level codes of each cell; only combinations that occur."""
    if not factors:
        return np.zeros(rows, dtype=np.int32), np.zeros((1, 0), dtype=np.int64)
    cell = np.zeros(rows, dtype=np.int64)
    combos = np.zeros((1, 0), dtype=np.int64)
    for factor in factors:
        width = len(factor.levels)
        cell = cell * width + factor.codes
        present = _present(cell, len(combos) * width)
        combos = np.column_stack([combos[present // width], present % width])
        remap = np.zeros(present[-1] + 1 if len(present) else 1, dtype=np.int64)
        remap[present] = np.arange(len(present))
        cell = remap[cell]
    return cell.astype(np.int32), combos


def _present(cell: NDArray[np.int64], possible: int) -> NDArray[np.int64]:
    if possible <= 4 * len(cell) + 1024:
        return np.flatnonzero(np.bincount(cell, minlength=possible))
    return np.unique(cell)


def band(values: FloatArray, edges: Sequence[float], *, name: str, source: str) -> Factor:
    """Cut a numeric column into half-open bands: edges 0, 40, 65 give `<0`, `0-39`, `40-64`, `65+`.

    Args:
        values: (n,) numbers, NaN where missing.
        edges: Increasing edges. Whole-number edges print as b−1; others as `[a,b)`.
        name: The column that was cut; the bands stand in `<name>_band`.
        source: The file, for the error.

    Raises:
        BadInput: Edges do not increase.
    """
    cuts = np.asarray(edges, dtype=np.float64)
    if len(cuts) == 0 or not np.all(np.isfinite(cuts)) or np.any(np.diff(cuts) <= 0):
        raise BadInput(
            what=f"bands of {name!r} in {source} cannot be made",
            why="edges must be numbers that increase",
            fix=f"write them in order, for example --band {name}=0,40,65",
        )
    codes = np.searchsorted(cuts, values, side="right").astype(np.int32)  # 0 is below the first edge
    missing = np.isnan(values)
    levels = band_levels(edges)
    codes[missing] = len(levels)
    return Factor(name=f"{name}_band", codes=codes, levels=(*levels, MISSING))


def band_levels(edges: Sequence[float]) -> tuple[str, ...]:
    """The names of the bands between edges, `<first` and `last+` included."""
    text = [f"{edge:g}" if float(edge) != int(edge) else str(int(edge)) for edge in edges]
    whole = all(float(edge) == int(edge) for edge in edges)
    inner = [
        (f"{a}-{int(high) - 1}" if int(high) - 1 > int(low) else a) if whole else f"[{a},{b})"
        for a, b, low, high in zip(text, text[1:], edges, edges[1:], strict=False)
    ]
    return (f"<{text[0]}", *inner, f"{text[-1]}+")


def reference_slice(slices: Slices, grouping: int, reference: Mapping[str, str]) -> int | None:
    """The slice a grouping's differences are taken against, where every column of it has a reference.

    Raises:
        BadInput: The reference level does not occur.
    """
    columns = slices.groupings[grouping]
    if not columns or not all(column in reference for column in columns):
        return None
    wanted = {column: reference[column] for column in columns}
    for s in slices.members(grouping):
        if slices.names[s] == wanted:
            return int(s)
    known = sorted({level for s in slices.members(grouping) for level in slices.names[s].values()})
    raise BadInput(
        what=f"reference group {wanted} does not occur",
        why=f"grouping {','.join(columns)} has no such level",
        fix=nearest(next(iter(wanted.values())), known),
    )
