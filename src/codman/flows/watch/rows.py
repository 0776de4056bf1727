"""A use's events as the engines read them: one row a prediction, its features as columns, its outcome where known."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from codman.flows.house import House
from codman.spine.monitor_plan import MonitorPlan
from codman.spine.watching import Monitor
from codman.tables.events.away import EventsElsewhere
from codman.tables.events.view import View, events
from codman.tables.source import Source, open_source

SCORE: Final = "score"
LABEL: Final = "label"
SUBJECT: Final = "subject"
TIME: Final = "predicted_at"
KNOWN_AFTER: Final = "known_after_days"
SHOWN: Final = "shown"
OWN: Final = frozenset({SCORE, LABEL, SUBJECT, TIME, KNOWN_AFTER, SHOWN, "version"})
REFERENCE_DAYS: Final = 365  # before the first day that is watched, where a plan names no reference
_DAY: Final = timedelta(days=1).total_seconds() * 1e6


@dataclass(frozen=True, slots=True)
class EventRows:
    """Some time's predictions with what became of them."""

    table: pa.Table  # columns of OWN, and a column a feature
    numbers: tuple[str, ...]  # features that are numbers
    levels: tuple[str, ...]  # features that are levels
    view: View
    notes: tuple[str, ...]

    @property
    def n(self) -> int:
        """Predictions."""
        return int(self.table.num_rows)

    @property
    def labelled(self) -> int:
        """Predictions whose outcome is known."""
        return self.n - int(self.table[LABEL].null_count)

    @property
    def binary(self) -> bool:
        """Whether outcomes are events: 0 or 1 where they are known."""
        said = np.asarray(self.table[LABEL].drop_null(), dtype=np.float64)
        return bool(np.isin(said, (0.0, 1.0)).all())

    @property
    def shown(self) -> NDArray[np.bool_]:
        """(n,) whether staff saw it; where nobody says, they did."""
        return np.asarray(self.table[SHOWN].fill_null(True).to_numpy(), dtype=bool)

    def take(self, rows: NDArray[np.bool_], note: str | None = None) -> EventRows:
        """Some of the rows, and why the others are not among them."""
        mask = pa.array(rows)
        return replace(
            self,
            table=self.table.filter(mask),
            view=self.view._replace(rows=self.view.rows.filter(mask)),
            notes=self.notes if note is None else (*self.notes, note),
        )

    def source(self, name: str, use: str, start: str, end: str) -> Source:
        """The rows as an engine's input."""
        found = open_source(self.table, name=name)
        found.uri = f"events of {use} from {start} to {end}"
        return found


def bring_in(house: House) -> None:
    """Have events that were acknowledged stand in the tables; where another process has them, it does so itself.

    Raises:
        MissingExtra: What writes the tables is not installed.
    """
    with suppress(EventsElsewhere):
        house.events.move()


def rows_of(house: House, use: str, start: datetime, end: datetime, known_by: datetime) -> EventRows:
    """A use's predictions from `start` to before `end`; an outcome observed after `known_by` is not known yet.

    Raises:
        MissingExtra: What reads the tables is not installed.
    """
    return unfolded(events(house.events.tables, use, start, end), known_by)


def rows_seen(house: House, use: str, start: datetime, end: datetime, known_by: datetime) -> EventRows:
    """The same without versions in shadow: a challenger's predictions say nothing of what the ward works with.

    Raises:
        MissingExtra: What reads the tables is not installed.
    """
    return without_shadows(rows_of(house, use, start, end, known_by))


def reference_rows(house: House, monitor: Monitor, plan: MonitorPlan, now: datetime) -> EventRows | None:
    """The events that later ones are held against; None where there are none.

    Raises:
        MissingExtra: What reads the tables is not installed.
    """
    rows = rows_seen(house, monitor.use, *reference_days(monitor, plan), now)
    return rows if rows.n else None


def reference_days(monitor: Monitor, plan: MonitorPlan) -> tuple[datetime, datetime]:
    """When what later events are held against begins, and when it is over: the plan's days, else the year before."""
    if plan.reference is not None:
        return midnight(plan.reference.start), midnight(plan.reference.end)
    end = midnight(monitor.starts_on)
    return end - timedelta(days=REFERENCE_DAYS), end


def without_shadows(rows: EventRows) -> EventRows:
    """The rows without versions that nobody was shown while others were; where nobody saw any, all stay.

    A version that a silent phase tries is no shadow: nothing else is shown beside it.
    """
    of = np.asarray(rows.table["version"].to_pylist(), dtype=object)
    seen = set(of[rows.shown])
    hidden = sorted(set(of) - seen)
    if not seen or not hidden:
        return rows
    counted = ", ".join(f"{int((of == name).sum()):,} of {name}" for name in hidden)
    note = f"predictions that nobody was shown, while others were, are left out: {counted}"
    return rows.take(np.isin(of, list(seen)), note)


def midnight(day: str | date) -> datetime:
    """When a day begins, UTC."""
    return datetime.combine(date.fromisoformat(day) if isinstance(day, str) else day, time(), UTC)


def unfolded(view: View, known_by: datetime) -> EventRows:
    """A view's rows with a column a feature."""
    rows, notes = view.rows, []
    n = rows.num_rows
    observed = _micros(rows["observed_at"])
    known = ~np.isnan(observed) & (observed <= known_by.timestamp() * 1e6)
    label = np.asarray(rows["label"].to_numpy(), dtype=np.float64)
    if rows["label_class"].null_count < n:
        notes.append("outcomes that are classes are not measured here")
    known &= ~np.isnan(label)
    said = _micros(rows[TIME])
    columns: dict[str, Any] = {
        SUBJECT: rows["subject"],
        TIME: rows[TIME],
        SCORE: rows["score"],
        LABEL: pa.array(np.where(known, label, 0.0), mask=~known),
        KNOWN_AFTER: pa.array(np.where(known, (observed - said) / _DAY, 0.0), mask=~known),
        SHOWN: rows["shown"],
        "version": rows["version"],
    }
    named: dict[str, tuple[str, ...]] = {}
    for kind in ("numbers", "levels"):
        found = {name: column for name, column in _features(rows[kind], n).items() if name not in columns}
        columns |= found
        named[kind] = tuple(sorted(found))
    if view.doubled:
        notes.append(f"{view.doubled:,} predictions were left out: an earlier one has their id")
    if view.corrected:
        notes.append(f"{view.corrected:,} events were corrected since; the corrections count")
    return EventRows(pa.table(columns), named["numbers"], named["levels"], view, tuple(notes))


def _micros(column: pa.ChunkedArray) -> np.ndarray[Any, Any]:
    """(n,) microseconds since 1970; NaN where there is no time."""
    return np.asarray(column.cast(pa.int64()).to_numpy(), dtype=np.float64)


def _features(column: pa.ChunkedArray, n: int) -> dict[str, pa.Array]:
    """A column of maps as a column a key; a row without the key is missing there."""
    if n == 0 or column.null_count == n:
        return {}
    folded = column.combine_chunks()
    there = np.asarray(folded.is_valid())
    offsets = np.asarray(folded.offsets)
    lengths = np.where(there, np.diff(offsets), 0)
    starts = offsets[:-1]
    places = np.repeat(starts - np.concatenate([[0], np.cumsum(lengths)[:-1]]), lengths) + np.arange(lengths.sum())
    row = np.repeat(np.arange(n), lengths)
    keys = folded.keys.take(pa.array(places)).dictionary_encode()
    items = folded.items.take(pa.array(places))
    codes = np.asarray(keys.indices)
    found = {}
    for code, name in enumerate(keys.dictionary.to_pylist()):
        mine = np.flatnonzero(codes == code)
        place = np.full(n, -1, dtype=np.int64)
        place[row[mine]] = mine
        found[str(name)] = items.take(pa.array(place, mask=place < 0))
    return found
