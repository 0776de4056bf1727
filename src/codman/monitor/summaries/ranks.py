"""Sorted values at some places of a column too large to sort, exact: brackets that narrow with every reading.

One reading thins a column to a few thousand of its values, each standing for the rows up to it; what thinning leaves
uncertain is counted, so each wanted value lies in a known bracket. The next reading looks only into the brackets. Most
columns are known after one reading or two; which rows were read together changes nothing.

Source: Munro & Paterson 1980, doi:10.1016/0304-3975(80)90061-4.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from codman.evaluate.estimates import BoolArray, FloatArray, IntArray
from codman.monitor.summaries.packed import packed, unpacked

KEPT: Final = 32_768  # values of a column that one reading keeps
_WIDER: Final = 4  # times as many in the next one, so that there is a last one
_SIGN: Final = np.int64(np.iinfo(np.int64).min)
_ENDS: Final = (int(np.iinfo(np.int64).min), int(np.iinfo(np.int64).max))  # no number has these keys


@dataclass(frozen=True, slots=True, kw_only=True)
class Brackets:
    """Where to look: disjoint intervals of keys (low, high], ascending."""

    low: IntArray  # (B,)
    high: IntArray  # (B,)
    kept: int = KEPT

    def of(self, keys: IntArray) -> tuple[IntArray, BoolArray]:
        """(n,) the bracket each key lies in or before, and whether it lies in it."""
        bracket = np.searchsorted(self.high, keys, side="left")
        inside = bracket < len(self.high)
        inside[inside] = keys[inside] > self.low[bracket[inside]]
        return bracket, inside


@dataclass(frozen=True, slots=True, kw_only=True)
class Thinned:
    """A column's values in B brackets."""

    key: IntArray  # (K,) ascending
    rows: IntArray  # (K,) that each stands for: those of its bracket up to it, above the one before
    bracket: IntArray  # (K,)
    slack: IntArray  # (B,) at most so many rows more lie at or below any value than are told
    before: IntArray  # (B + 1,) rows outside, before each bracket and after the one before it; the last, after all

    @property
    def total(self) -> int:
        """Rows that have a value."""
        return int(self.rows.sum() + self.before.sum())


def everywhere() -> Brackets:
    """All numbers."""
    return Brackets(low=np.array([_ENDS[0]]), high=np.array([_ENDS[1]]))


def keys_of(values: FloatArray) -> IntArray:
    """(n,) whole numbers in the order of the values, which are no NaN; −0 is 0."""
    bits = (np.asarray(values, np.float64) + 0.0).view(np.int64)
    keys: IntArray = np.where(bits < 0, ~bits ^ _SIGN, bits)
    return keys


def values_of(keys: IntArray) -> FloatArray:
    """(n,) the values that have these keys."""
    bits = np.where(keys < 0, ~(keys ^ _SIGN), keys)
    values: FloatArray = np.ascontiguousarray(bits).view(np.float64)
    return values


def thin(values: FloatArray, at: Brackets) -> Thinned:
    """Some rows of a column.

    Args:
        values: (n,) numbers, NaN where missing.
        at: Where to look.
    """
    keys, rows = np.unique(keys_of(values[~np.isnan(values)]), return_counts=True)
    bracket, inside = at.of(keys)
    before = np.bincount(bracket[~inside], weights=rows[~inside], minlength=len(at.high) + 1).astype(np.int64)
    none = np.zeros(len(at.high), np.int64)
    return _thinner(keys[inside], rows[inside].astype(np.int64), bracket[inside], none, before, at.kept)


def add_thinned(parts: Sequence[Thinned], kept: int) -> Thinned:
    """Several parts' as one, on the same brackets."""
    keys, place = np.unique(np.concatenate([one.key for one in parts]), return_inverse=True)
    rows = np.zeros(len(keys), np.int64)
    np.add.at(rows, place.reshape(-1), np.concatenate([one.rows for one in parts]))
    bracket = np.zeros(len(keys), np.int64)
    bracket[place.reshape(-1)] = np.concatenate([one.bracket for one in parts])
    slack, before = (sum(getattr(one, name) for one in parts) for name in ("slack", "before"))
    return _thinner(keys, rows, bracket, np.asarray(slack), np.asarray(before), kept)


def _thinner(
    keys: IntArray, rows: IntArray, bracket: IntArray, slack: IntArray, before: IntArray, kept: int
) -> Thinned:
    """The last key of each run of so many rows, within each bracket; all of them where they are few."""
    if len(keys) > kept:
        run = (np.cumsum(rows) - 1) // -(-int(rows.sum()) // kept)
        last = np.append((np.diff(run) != 0) | (np.diff(bracket) != 0), True)
        ends = np.flatnonzero(last)
        of_run = np.add.reduceat(rows, np.append(0, ends[:-1] + 1))
        untold = np.zeros_like(slack)
        np.maximum.at(untold, bracket[ends], of_run - rows[ends])
        keys, rows, bracket, slack = keys[ends], of_run, bracket[ends], slack + untold
    return Thinned(key=keys, rows=rows, bracket=bracket, slack=slack, before=before)


def found_in(thinned: Thinned, at: Brackets, wanted: IntArray) -> tuple[dict[int, float], Brackets | None]:
    """The values at wanted places that are certain, and where to look for the others; None: they all are.

    Args:
        thinned: All rows of the column.
        at: Where was looked.
        wanted: Places, from 0, ascending, each within a bracket.
    """
    inside = np.bincount(thinned.bracket, weights=thinned.rows, minlength=len(at.high)).astype(np.int64)
    outside = np.cumsum(thinned.before)[:-1]  # before each bracket
    first = outside + np.cumsum(inside) - inside  # (B,) place of each bracket's first row
    told = np.cumsum(thinned.rows)
    known: dict[int, float] = {}
    lows, highs = [], []
    for place in wanted.tolist():
        b = int(np.searchsorted(first + inside, place, side="right"))
        start, end = np.searchsorted(thinned.bracket, [b, b + 1])
        up_to = told[start:end] - (told[start - 1] if start else 0)
        nth = place - int(first[b]) + 1
        k = int(np.searchsorted(up_to, nth))
        slack = int(thinned.slack[b])
        if slack == 0:
            known[place] = float(values_of(thinned.key[start + k : start + k + 1])[0])
            continue
        under = int(np.searchsorted(up_to + slack, nth))  # so many are certainly too small
        lows.append(int(thinned.key[start + under - 1]) if under else int(at.low[b]))
        highs.append(int(thinned.key[start + k]))
    return known, _joined(lows, highs, at.kept * _WIDER) if lows else None


def _joined(lows: list[int], highs: list[int], kept: int) -> Brackets:
    """Overlapping intervals as one."""
    joined: list[list[int]] = []
    for low, high in sorted(zip(lows, highs, strict=True)):
        if joined and low < joined[-1][1]:
            joined[-1][1] = max(high, joined[-1][1])
        else:
            joined.append([low, high])
    low, high = np.array(joined, np.int64).T
    return Brackets(low=low, high=high, kept=kept)


Reading = Callable[[Mapping[str, Brackets]], Mapping[str, Thinned]]


def sorted_values(wanted: Mapping[str, IntArray], read: Reading) -> dict[str, tuple[IntArray, FloatArray]]:
    """By column, places and the values there, were the column sorted.

    Args:
        wanted: By column, places, ascending.
        read: Thins all rows of these columns at these brackets.
    """
    known: dict[str, dict[int, float]] = {name: {} for name in wanted}
    left = {name: everywhere() for name, places in wanted.items() if len(places)}
    while left:
        thinned = read(left)
        narrower: dict[str, Brackets] = {}
        for name, at in left.items():
            missing = np.array([place for place in wanted[name].tolist() if place not in known[name]], np.int64)
            more, rest = found_in(thinned[name], at, missing)
            known[name] |= more
            if rest is not None:
                narrower[name] = rest
        left = narrower
    return {name: (np.array(sorted(of)), np.array([of[place] for place in sorted(of)])) for name, of in known.items()}


def thinned_bytes(found: Mapping[str, Thinned]) -> bytes:
    """The columns of one reading, on their way."""
    arrays = {
        f"{c}.{field}": getattr(one, field)
        for c, one in enumerate(found.values())
        for field in ("key", "rows", "bracket", "slack", "before")
    }
    return packed(list(found), arrays)


def thinned_of(whole: bytes) -> dict[str, Thinned]:
    """What `thinned_bytes` gave."""
    names, arrays = unpacked(whole)
    return {
        name: Thinned(**{field: arrays[f"{c}.{field}"] for field in ("key", "rows", "bracket", "slack", "before")})
        for c, name in enumerate(names)
    }
