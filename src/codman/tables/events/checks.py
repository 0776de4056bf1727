"""Events by the column: whatever a sender's table looks like, the columns a segment keeps, and why a row is refused.

A fault of a column's type refuses the table; a fault of a value refuses its row. No value ever stands in a reason.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from codman.errors import BadInput, nearest
from codman.spine import event as said
from codman.spine.event import EventType
from codman.tables.events.columns import ROWS, SAID, TIME
from codman.tables.events.features import features_of, written_badly
from codman.tables.events.identity import digests_of

_AHEAD: Final = timedelta(hours=said.AHEAD_HOURS)
_BEFORE_IT_HAPPENED: Final = timedelta(days=1)  # clocks of two systems may differ; days do not
_PSEUDONYMS: Final = ("subject", "encounter")
_SIGNS: Final = {  # which signs a column's texts are made of, and how long they may be
    "source": (said.NAME_PATTERN, said.LONGEST),
    "id": (said.NAME_PATTERN, said.LONGEST),
    "replaces": (said.NAME_PATTERN, said.LONGEST),
    "prediction_id": (said.NAME_PATTERN, said.LONGEST),
    "use": (said.USE_PATTERN, said.LONGEST_CODE),
    "version": (said.CODE_PATTERN, said.LONGEST_CODE),
    "subject": (said.PSEUDONYM_PATTERN, said.LONGEST_PSEUDONYM),
    "encounter": (said.PSEUDONYM_PATTERN, said.LONGEST_PSEUDONYM),
    "features_digest": (said.DIGEST_PATTERN, said.DIGEST_LENGTH),
    "label_class": (said.WORD_PATTERN, said.LONGEST_CODE),
    "action": (said.CODE_PATTERN, said.LONGEST_CODE),
    "reason": (said.CODE_PATTERN, said.LONGEST_CODE),
}
_FEATURES: Final = "features"


class NotEvents(BadInput):
    """A table that cannot hold events of its kind."""

    def __init__(self, why: str, fix: str = "see docs/events.md for the columns of each kind") -> None:
        super().__init__(what="the table holds no events that can be taken", why=why, fix=fix)


class Refusal(NamedTuple):
    """Why one row is not taken."""

    place: int
    why: str


class Checked(NamedTuple):
    """The rows that can be taken, where each stood in what was sent, and the others."""

    rows: pa.RecordBatch  # of the kind's schema in columns.ROWS
    places: np.ndarray[Any, np.dtype[np.int64]]
    refused: list[Refusal]


def check(kind: EventType, table: pa.Table, now: datetime) -> Checked:
    """The rows of a table that are events.

    Args:
        kind: What they are.
        table: `source`, `id` and the kind's fields as columns; features as a struct or a map.
        now: The time, later than which by a day nothing has happened.

    Raises:
        NotEvents: A column is missing, unknown, or of a type that cannot hold what it should.
    """
    try:
        return _Checking(kind, table, now).done()
    except pa.ArrowException:
        raise NotEvents("a column is of a type or a size that cannot be read") from None


class _Checking:
    def __init__(self, kind: EventType, table: pa.Table, now: datetime) -> None:
        self.kind, self.now, self.count = kind, now, table.num_rows
        if self.count > said.MOST_ROWS:
            raise NotEvents(f"{self.count:,} rows", f"send at most {said.MOST_ROWS:,} at once")
        self.given = {name: _whole(table.column(name)) for name in _names(kind, table)}
        self.good = np.ones(self.count, dtype=bool)
        self.why: dict[int, str] = {}

    def done(self) -> Checked:
        """Go over every column, and keep the rows without a fault."""
        arrays: dict[str, pa.Array] = {}
        for field in ROWS[self.kind]:
            if field.name not in ("digest", "numbers", "levels"):
                arrays[field.name] = self._column(field)
        if self.kind is EventType.PREDICTION:
            arrays["numbers"], arrays["levels"] = self._features()
        if self.kind is EventType.OUTCOME:
            self._outcome(arrays)
        rows = [arrays[field.name] for field in ROWS[self.kind] if field.name != "digest"]
        schema = pa.schema([field for field in ROWS[self.kind] if field.name != "digest"])
        index = np.flatnonzero(self.good)
        batch = pa.RecordBatch.from_arrays(rows, schema=pa.schema([f.with_nullable(True) for f in schema]))
        if len(index) != self.count:
            batch = batch.take(pa.array(index))
        digest = digests_of(self.kind, [batch.column(field.name) for field in SAID[self.kind]])
        whole = pa.RecordBatch.from_arrays([*batch.columns, digest], schema=ROWS[self.kind])
        return Checked(whole, index, [Refusal(at, self.why[at]) for at in sorted(self.why)])

    def refuse(self, bad: pa.Array | np.ndarray[Any, Any], why: str) -> None:
        """Note that some rows are not taken; the first reason of a row stands."""
        if isinstance(bad, pa.BooleanArray) and bad.true_count == 0:
            return
        mask = np.asarray(bad if isinstance(bad, np.ndarray) else bad.fill_null(False).to_numpy(zero_copy_only=False))
        for at in np.flatnonzero(mask & self.good):
            self.why[int(at)] = why
        self.good &= ~mask

    def _column(self, field: pa.Field) -> pa.Array:
        name = field.name
        if self.kind is EventType.OUTCOME and name in ("label", "label_class"):
            return self._label(name)
        array = self.given.get(name)
        if array is None:
            return pa.nulls(self.count, field.type)
        if not field.nullable:
            self.refuse(array.is_null(), f"{name} is missing")
        if pa.types.is_string(field.type):
            return self._text(name, _as_text(name, array))
        if field.type == TIME:
            return self._time(name, array)
        if pa.types.is_boolean(field.type):
            if not (pa.types.is_boolean(array.type) or pa.types.is_null(array.type)):
                raise NotEvents(f"{name} is {array.type}, not boolean")
            return array.cast(field.type)
        numbers = _as_number(name, array)
        if name == "latency_ms":
            self.refuse(_outside(numbers, 0, said.LONGEST_LATENCY_MS), f"{name} is negative, too large or no number")
        else:
            self.refuse(_outside(numbers, -said.LARGEST, said.LARGEST), f"{name} is not a finite number in range")
        return numbers

    def _text(self, name: str, array: pa.Array) -> pa.Array:
        signs, longest = _SIGNS[name]
        if array.null_count == len(array):
            return array
        self.refuse(written_badly(array, signs, longest), f"{name} is too long or has a sign not allowed")
        if name == "features_digest":
            self.refuse(pc.not_equal(pc.binary_length(array), longest), f"{name} is not {longest} digits")
        if name in _PSEUDONYMS:
            number = pc.match_substring_regex(array, said.RECORD_NUMBER_PATTERN)
            person = pc.match_substring_regex(array, said.PERSON_NAME_PATTERN)
            short = pc.less(pc.binary_length(array), said.SURELY_RANDOM)
            self.refuse(pc.or_(number, pc.and_(person, short)), f"{name}: {said.NO_PSEUDONYM}")
        return array

    def _time(self, name: str, array: pa.Array) -> pa.Array:
        times = self._cast_times(name, array)
        first = pa.scalar(datetime.fromisoformat(said.EARLIEST), TIME)
        last = pa.scalar(self.now + _AHEAD, TIME)
        self.refuse(
            pc.or_(pc.less(times, first), pc.greater(times, last)),
            f"{name} is before {said.EARLIEST[:4]} or more than {said.AHEAD_HOURS} hours ahead of the server's clock",
        )
        return times

    def _cast_times(self, name: str, array: pa.Array) -> pa.Array:
        if pa.types.is_timestamp(array.type):
            if array.type.tz is None:
                raise NotEvents(f"{name} has no time zone", f"give {name} a zone: UTC, or the one it was taken in")
            return array.cast(TIME, safe=False)  # nanoseconds are cut, as no clinical clock has them
        texts = _as_text(name, array)
        zoned = pc.match_substring_regex(texts, r"T\d{2}:\d{2}:\d{2}(\.\d{1,9})?(Z|[+-]\d{2}:\d{2})$")
        self.refuse(pc.invert(zoned), f"{name} is not an ISO 8601 time with its zone")
        values = [_time_of(text) for text in texts.to_pylist()]
        self.refuse(
            pc.and_(pa.array([value is None for value in values], pa.bool_()), texts.is_valid()),
            f"{name} is not an ISO 8601 time with its zone",
        )
        return pa.array(values, TIME)

    def _label(self, name: str) -> pa.Array:
        """The numbers of the labels, or the classes: a row has one of them."""
        numbers, words = self.given.get("label"), self.given.get("label_class")
        if numbers is not None and words is None and _is_text(numbers.type):
            numbers, words = None, numbers
        if name == "label_class":
            return pa.nulls(self.count, pa.string()) if words is None else self._text(name, _as_text("label", words))
        none = pa.repeat(pa.scalar(True), self.count)
        without = none if numbers is None else numbers.is_null()
        unsaid = none if words is None else words.is_null()
        self.refuse(pc.equal(without, unsaid), "label is missing, or there are two")
        if numbers is None:
            return pa.nulls(self.count, pa.float64())
        numbers = numbers.cast(pa.float64()) if pa.types.is_boolean(numbers.type) else _as_number("label", numbers)
        self.refuse(_outside(numbers, -said.LARGEST, said.LARGEST), "label is not a finite number in range")
        return numbers

    def _outcome(self, arrays: dict[str, pa.Array]) -> None:
        nowhere = pc.and_(
            arrays["prediction_id"].is_null(), pc.or_(arrays["subject"].is_null(), arrays["use"].is_null())
        )
        self.refuse(nowhere, "it names neither a prediction_id, nor a subject and a use")
        early = pc.less(arrays["observed_at"], pc.subtract(arrays["occurred_at"], pa.scalar(_BEFORE_IT_HAPPENED)))
        self.refuse(early, "observed_at is more than a day before occurred_at")

    def _features(self) -> tuple[pa.Array, pa.Array]:
        return features_of(self.given, self.count, self.refuse)


def _names(kind: EventType, table: pa.Table) -> list[str]:
    """The columns there are, none unknown, twice or missing."""
    fields = [field for field in ROWS[kind] if field.name != "digest"]
    known = {field.name for field in fields} | ({_FEATURES} if kind is EventType.PREDICTION else set())
    names = table.column_names
    for name in names:
        if name not in known:
            raise NotEvents(f"a column of it is none of a {_word(kind)}'s", nearest(name[:40], sorted(known)))
    if len(set(names)) != len(names):
        raise NotEvents("a column is there twice", "give each column once")
    needed = [field.name for field in fields if not field.nullable]
    if kind is EventType.OUTCOME and "label_class" not in names:
        needed.append("label")
    missing = [name for name in needed if name not in names]
    if missing:
        raise NotEvents(f"it has no column {', '.join(missing)}", f"a {_word(kind)} needs {', '.join(needed)}")
    return list(names)


def _word(kind: EventType) -> str:
    return kind.name.lower()


def _whole(column: pa.ChunkedArray) -> pa.Array:
    array = column.combine_chunks()
    if isinstance(array, pa.ChunkedArray):
        array = array.chunk(0) if array.num_chunks else pa.array([], array.type)
    return array.dictionary_decode() if _is_coded(array.type) else array


def _is_coded(kind: pa.DataType) -> bool:
    return bool(pa.types.is_dictionary(kind))


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def _as_text(name: str, array: pa.Array) -> pa.Array:
    kind = array.type
    if pa.types.is_string(kind):
        return array
    if _is_text(kind) or pa.types.is_null(kind):
        return array.cast(pa.string())
    raise NotEvents(f"{name} is {kind}, not text")


def _as_number(name: str, array: pa.Array) -> pa.Array:
    kind = array.type
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind) or pa.types.is_null(kind):
        return array.cast(pa.float64(), safe=False)
    raise NotEvents(f"{name} is {kind}, not a number")


def _outside(numbers: pa.Array, least: float, most: float) -> pa.Array:
    """NaN is outside too."""
    return pc.invert(pc.and_(pc.greater_equal(numbers, least), pc.less_equal(numbers, most)))


def _time_of(text: str | None) -> datetime | None:
    try:
        return None if text is None else datetime.fromisoformat(text)
    except ValueError:
        return None
