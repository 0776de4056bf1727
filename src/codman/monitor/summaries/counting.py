"""What a worker does with a batch: leave out rows that do not count, look at it, thin its columns, or count it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from codman.compute.map_reduce import Job
from codman.errors import BadInput
from codman.evaluate.columns import codes, identities, numbers
from codman.evaluate.estimates import BoolArray, IntArray
from codman.evaluate.groups import MISSING, Factor, band
from codman.evaluate.suppression import FEWEST
from codman.monitor.drift.season import Times, in_season, times_of
from codman.monitor.summaries.day import Day, Summary, add, summarise
from codman.monitor.summaries.file import summary_bytes, summary_of
from codman.monitor.summaries.grid import Grid
from codman.monitor.summaries.look import Look, add_looks, look_at, look_bytes, look_of, values_of_column
from codman.monitor.summaries.packed import packed, unpacked
from codman.monitor.summaries.ranks import Brackets, Thinned, add_thinned, thin, thinned_bytes, thinned_of
from codman.monitor.summaries.rows import places
from codman.spine.drift_spec import ALL_OF_IT
from codman.tables.frame import FrameSource
from codman.tables.source import Source

Every = Literal["day", "week", "month"]
_NOBODY: Final = np.uint64(np.iinfo(np.uint64).max)


class _Batch(FrameSource):
    """Some rows of a table that has no numbered ones."""

    def __init__(self, rows: pa.RecordBatch, uri: str) -> None:
        super().__init__(rows, "rows")
        self.uri = uri

    def row_of(self, index: int) -> str:
        del index
        return "a row"


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """A batch's rows that count."""

    table: pa.Table
    source: Source
    times: Times | None  # (n,)
    eligible: int  # with those that nobody is named for


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """Which rows of a table count, and what they belong to."""

    uri: str
    subject: str | None = None
    timestamp: str | None = None
    season: str = ALL_OF_IT
    now: Times | None = None  # of the current rows: the first and last of each month
    bands: Mapping[str, Sequence[float]]
    every: Every | None = None  # windows; None: all rows are one

    def of(self, batch: pa.RecordBatch) -> Counted:
        """The rows of a batch that count."""
        table, source = pa.Table.from_batches([batch]), _Batch(batch, self.uri)
        times = None if self.timestamp is None else times_of(table, self.timestamp, source)
        if times is not None and self.now is not None:
            kept = in_season(self.season, times, self.now)
            table, times = table.filter(pa.array(kept)), times[kept]
        eligible = table.num_rows
        if self.subject is not None:
            there = identities(table, self.subject)[0] >= 0
            table, times = table.filter(pa.array(there)), None if times is None else times[there]
        return Counted(table=table, source=source, times=times, eligible=eligible)

    def starts(self, rows: Counted) -> NDArray[np.datetime64]:
        """(n,) the first day of each row's window.

        Raises:
            BadInput: A row has no time.
        """
        if self.every is None or rows.times is None:
            return np.zeros(rows.table.num_rows, "M8[D]")
        if np.isnat(rows.times).any():
            raise BadInput(
                what=f"a row of {self.uri} has no time",
                why=f"its value is missing in {self.timestamp!r}",
                fix="leave such rows out, or give them their time",
            )
        day: NDArray[np.datetime64] = rows.times.astype("M8[D]")
        if self.every == "month":
            day = rows.times.astype("M8[M]").astype("M8[D]")
        elif self.every == "week":
            day = day - ((day.astype(np.int64) + 3) % 7).astype("m8[D]")  # 1970-01-01 was a Thursday
        return day

    def group(self, rows: Counted, name: str) -> Factor:
        """A grouping column, or the bands of one."""
        base = name.removesuffix("_band")
        if name.endswith("_band") and base in self.bands:
            return band(numbers(rows.table, base, rows.source), self.bands[base], name=base, source=self.uri)
        return codes(rows.table, name)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Looking:
    rules: Rules
    columns: tuple[str, ...]

    def __call__(self, batch: pa.RecordBatch) -> Look:
        rows = self.rules.of(batch)
        return look_at(rows.table, rows.source, self.columns, rows=rows.eligible, times=rows.times)


def looking(rules: Rules, columns: Sequence[str]) -> Job[Look]:
    """What do these columns hold?"""
    return Job(map=_Looking(rules=rules, columns=tuple(columns)), add=add_looks, write=look_bytes, read=look_of)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Thinning:
    rules: Rules
    brackets: Mapping[str, Brackets]

    def __call__(self, batch: pa.RecordBatch) -> dict[str, Thinned]:
        rows = self.rules.of(batch)
        return {name: thin(values_of_column(rows.table, name, rows.source), at) for name, at in self.brackets.items()}


def thinning(rules: Rules, brackets: Mapping[str, Brackets]) -> Job[dict[str, Thinned]]:
    """Which values do these columns have in these brackets?"""
    kept = {name: at.kept for name, at in brackets.items()}
    return Job(
        map=_Thinning(rules=rules, brackets=dict(brackets)),
        add=partial(_add_columns, kept),
        write=thinned_bytes,
        read=thinned_of,
    )


def _add_columns(kept: Mapping[str, int], parts: Sequence[dict[str, Thinned]]) -> dict[str, Thinned]:
    return {name: add_thinned([part[name] for part in parts], kept[name]) for name in parts[0]}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Counting:
    rules: Rules
    grid: Grid
    score: str | None
    label: str | None
    events: frozenset[str]

    def __call__(self, batch: pa.RecordBatch) -> Summary:
        rows = self.rules.of(batch)
        columns = {
            column.name: values_of_column(rows.table, column.name, rows.source)
            if column.numeric
            else places(codes(rows.table, column.name), column.levels)
            for column in self.grid.columns
        }
        event, labelled = self._label(rows)
        return summarise(
            self.grid,
            Day(
                day=self.rules.starts(rows),
                columns=columns,
                by={
                    name: np.where((code := places(self.rules.group(rows, name), levels)) < 0, len(levels), code)
                    for name, levels in self.grid.by
                },
                score=None if self.score is None else numbers(rows.table, self.score, rows.source),
                label=event,
                labelled=labelled,
            ),
        )

    def _label(self, rows: Counted) -> tuple[BoolArray | None, BoolArray | None]:
        if self.label is None:
            return None, None
        coded = codes(rows.table, self.label)
        if not coded.levels:
            return np.zeros(0, bool), np.zeros(0, bool)
        event = np.array([level in self.events for level in coded.levels])
        known = np.array([level != MISSING for level in coded.levels])
        return event[coded.codes], known[coded.codes]


def counting(
    rules: Rules, grid: Grid, *, score: str | None = None, label: str | None = None, events: frozenset[str]
) -> Job[Summary]:
    """How many rows lie where? A line a window and cell.

    Args:
        rules: Which rows.
        grid: Where.
        score: Column of the score.
        label: Column of what happened.
        events: Its values that mean the event.
    """
    counted = _Counting(rules=rules, grid=grid, score=score, label=label, events=events)
    return Job(map=counted, add=add, write=summary_bytes, read=summary_of)


@dataclass(frozen=True, slots=True, kw_only=True)
class Patients:
    """Of each window and finest cell, as many different patients as suppression asks for, by the least of hashes.

    Any two give the same together as their rows would, so the number is exact up to the limit.
    """

    line: IntArray  # (L,) ascending: window and cell in one
    least: NDArray[np.uint64]  # (L, 11) ascending; the largest number where there are fewer


@dataclass(frozen=True, slots=True, kw_only=True)
class _Meeting:
    rules: Rules
    grid: Grid

    def __call__(self, batch: pa.RecordBatch) -> Patients:
        rows = self.rules.of(batch)
        cell = np.zeros(rows.table.num_rows, np.int64)
        for name, levels in self.grid.by:
            code = places(self.rules.group(rows, name), levels)
            cell = cell * (len(levels) + 1) + np.where(code < 0, len(levels), np.minimum(code, len(levels)))
        line = self.rules.starts(rows).astype(np.int64) * self.grid.cells + cell
        who = codes(rows.table, str(self.rules.subject))
        hashes = np.array([_hash(level) for level in who.levels], np.uint64)
        return _least(line, hashes[who.codes] if len(hashes) else np.zeros(0, np.uint64))


def meeting(rules: Rules, grid: Grid) -> Job[Patients]:
    """Does each group have enough patients to be shown?"""
    return Job(map=_Meeting(rules=rules, grid=grid), add=add_patients, write=_patients_bytes, read=_patients_of)


def add_patients(parts: Sequence[Patients]) -> Patients:
    """Several parts as one."""
    line = np.concatenate([np.repeat(one.line, FEWEST) for one in parts])
    return _least(line, np.concatenate([one.least.reshape(-1) for one in parts]))


def different(patients: Patients, of_line: IntArray, groups: int) -> IntArray:
    """(groups,) different patients in each group, at most 11.

    Args:
        patients: By window and cell.
        of_line: (L,) which group each line belongs to; −1: to none.
        groups: How many there are.
    """
    kept = of_line >= 0
    together = _least(np.repeat(of_line[kept], FEWEST), patients.least[kept].reshape(-1))
    found = np.zeros(groups, np.int64)
    found[together.line] = (together.least != _NOBODY).sum(axis=1)
    return found


def _least(line: IntArray, hashes: NDArray[np.uint64]) -> Patients:
    """The least 11 different hashes of each line."""
    order = np.lexsort((hashes, line))
    line, hashes = line[order], hashes[order]
    fresh = np.append(True, (line[1:] != line[:-1]) | (hashes[1:] != hashes[:-1])) if len(line) else np.zeros(0, bool)
    line, hashes = line[fresh], hashes[fresh]
    lines, first, of = np.unique(line, return_index=True, return_inverse=True)
    nth = np.arange(len(line)) - first[of] if len(line) else np.zeros(0, np.int64)
    least = np.full((len(lines), FEWEST), _NOBODY)
    few = nth < FEWEST
    least[of[few], nth[few]] = hashes[few]
    return Patients(line=lines, least=least)


def _hash(patient: str) -> int:
    return int.from_bytes(hashlib.blake2b(patient.encode(errors="surrogatepass"), digest_size=8).digest(), "little")


def _patients_bytes(patients: Patients) -> bytes:
    return packed(None, {"line": patients.line, "least": patients.least})


def _patients_of(whole: bytes) -> Patients:
    _, arrays = unpacked(whole)
    return Patients(line=arrays["line"], least=arrays["least"])
