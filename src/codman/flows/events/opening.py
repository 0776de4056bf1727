"""What a request carries: CloudEvents as JSON, one, a batch or in headers; or a table of one kind as an Arrow stream.

Source: CloudEvents 1.0.2, JSON format and HTTP binding (structured, binary and batched content modes).
"""

from __future__ import annotations

import urllib.parse
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import pyarrow as pa
from pydantic import ValidationError

from codman.errors import BadInput
from codman.evidence.canonical import parse
from codman.spine.event import (
    ARROW,
    BATCH,
    DATA,
    MOST_A_BATCH,
    Event,
    EventType,
    OutcomeData,
    PredictionData,
)
from codman.tables.events.checks import NotEvents
from codman.tables.events.columns import LEVELS, NUMBERS, SAID
from codman.tables.events.stream import read_stream

PLAIN: Final = "application/json"
_BY_COLUMN: Final = {"score": EventType.PREDICTION, "label": EventType.OUTCOME, "action": EventType.ACTION}


class NoEvent(BadInput):
    """A body that is meant as events and is none."""

    def __init__(self, why: str) -> None:
        super().__init__(
            what="this is no event that can be taken",
            why=why,
            fix="send CloudEvents 1.0 of the types in docs/events.md, or an Arrow stream of one type",
        )


@dataclass(frozen=True, slots=True)
class Sheet:
    """Events of one kind as a table, and where in the request each stood."""

    kind: EventType
    table: pa.Table
    places: np.ndarray[Any, np.dtype[np.int64]]


@dataclass(slots=True)
class Opened:
    """What a request carries."""

    count: int
    many: bool  # a batch or a table: each event gets its own answer
    sheets: list[Sheet] = field(default_factory=list)
    refused: dict[int, str] = field(default_factory=dict)


def open_events(headers: Mapping[str, str], body: bytes) -> Opened:
    """What a request carries.

    Args:
        headers: The request's, with names in lower case.
        body: Its bytes.

    Raises:
        NoEvent: It is meant as events and is none.
        NotJson: It should be JSON and is not.
        NotEvents: It should be a table of events and is not.
    """
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    attributes = {
        name.removeprefix("ce-"): urllib.parse.unquote(value)
        for name, value in headers.items()
        if name.startswith("ce-")
    }
    if kind == ARROW:
        return open_table(read_stream(body), attributes)
    value = parse(body, name="the body")
    if kind == BATCH or (kind == PLAIN and isinstance(value, list)):
        if not isinstance(value, list) or len(value) > MOST_A_BATCH:
            raise NoEvent(f"a batch is a list of at most {MOST_A_BATCH:,} events")
        return open_batch(value)
    if kind == PLAIN and "specversion" in attributes:
        value = {**attributes, "data": value}
    opened = open_batch([value])
    opened.many = False
    return opened


def open_batch(events: list[Any]) -> Opened:
    """CloudEvents as plain types; each that is none is refused by itself."""
    opened = Opened(len(events), many=True)
    rows: dict[EventType, list[tuple[int, Event, Any]]] = defaultdict(list)
    for place, value in enumerate(events):
        try:
            event = Event.model_validate(value)
            data = dict(event.data)
            if "replaces" not in data and isinstance(value.get("replaces"), str):  # an extension attribute
                data["replaces"] = value["replaces"]
        except ValidationError as error:
            opened.refused[place] = _fault(error, "")
            continue
        try:
            read = DATA[event.type].model_validate(data)
        except ValidationError as error:
            opened.refused[place] = _fault(error, "/data")
            continue
        rows[event.type].append((place, event, read))
    for kind, found in rows.items():
        places = np.array([place for place, _, _ in found], "i8")
        opened.sheets.append(Sheet(kind, _table(kind, [(event, data) for _, event, data in found]), places))
    return opened


def open_table(table: pa.Table, attributes: Mapping[str, str]) -> Opened:
    """A table of one type of event.

    Args:
        table: Its columns `type` and `source` may be left out: the type is then read off the columns, and both may be
            given beside the table.
        attributes: `type` and `source` for all the rows, where no column gives them; the stream's own metadata too.

    Raises:
        NotEvents: It does not say what its rows are, or they are of several types.
    """
    meta = {
        key.decode(): value.decode(errors="replace")
        for key, value in (table.schema.metadata or {}).items()
        if key in _NAMED
    }
    given = {**meta, **attributes}
    types = {given["type"]} if given.get("type") else set()
    if "type" in table.column_names:
        if pa.types.is_nested(table.schema.field("type").type):
            raise NotEvents("its column `type` is no text", "give the type's name as text")
        types = set(table.column("type").unique().to_pylist())
        table = table.drop_columns(["type"])
    types = types or {kind.value for column, kind in _BY_COLUMN.items() if column in table.column_names}
    if table.num_rows == 0:
        return Opened(0, many=True)
    if len(types) != 1 or next(iter(types)) not in set(EventType):
        known = ", ".join(EventType)
        raise NotEvents("its rows are of no type, of several, or of one not known", f"give `type`: one of {known}")
    kind = EventType(next(iter(types)))
    if "source" not in table.column_names and given.get("source"):
        words = pa.DictionaryArray.from_arrays(np.zeros(table.num_rows, "i4"), pa.array([given["source"][:500]]))
        table = table.append_column("source", words)
    if kind is EventType.PREDICTION and "id" not in table.column_names and "prediction_id" in table.column_names:
        table = table.append_column("id", table.column("prediction_id"))
    return Opened(table.num_rows, True, [Sheet(kind, table.replace_schema_metadata(None), np.arange(table.num_rows))])


_NAMED: Final = (b"type", b"source")


def _table(kind: EventType, found: list[tuple[Event, Any]]) -> pa.Table:
    columns: dict[str, pa.Array] = {
        "source": pa.array([event.source for event, _ in found], pa.string()),
        "id": pa.array([event.id for event, _ in found], pa.string()),
    }
    said = [data for _, data in found]
    for one in SAID[kind]:
        name = one.name
        if pa.types.is_timestamp(one.type):
            columns[name] = pa.array([getattr(data, name) for data in said], pa.string())
        elif name in ("numbers", "levels"):
            columns[name] = _features(said, levels=name == "levels")
        elif name in ("label", "label_class"):
            columns[name] = _labels(said, words=name == "label_class")
        elif pa.types.is_floating(one.type):
            columns[name] = pa.array([_number(getattr(data, name)) for data in said], pa.float64())
        else:
            columns[name] = pa.array([getattr(data, name) for data in said], one.type)
    return pa.table(columns)


def _features(said: list[PredictionData], *, levels: bool) -> pa.Array:
    rows: list[list[tuple[str, Any]] | None] = []
    for data in said:
        pairs = [(key, value) for key, value in (data.features or {}).items() if isinstance(value, str) == levels]
        rows.append(sorted(pairs if levels else [(key, _feature(value)) for key, value in pairs]) or None)
    return pa.array(rows, LEVELS if levels else NUMBERS)


def _labels(said: list[OutcomeData], *, words: bool) -> pa.Array:
    if words:
        return pa.array([data.label if isinstance(data.label, str) else None for data in said], pa.string())
    return pa.array([None if isinstance(data.label, str) else float(data.label) for data in said], pa.float64())


def _feature(value: Any) -> float:
    return float("nan") if value is None else float(value)


def _number(value: float | None) -> float | None:
    return None if value is None else float(value)


def _fault(error: ValidationError, place: str) -> str:
    """The first fault and where; never the value, which may be a patient's."""
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    known = [str(part) for part in first["loc"] if isinstance(part, int) or str(part) in _FIELDS]
    return f"{'/'.join([place, *known]) or '/'}: {first['msg'].removeprefix('Value error, ')[:200]}"


_FIELDS: Final = frozenset(
    {name for model in (Event, *DATA.values()) for name in model.model_fields}
)  # a key of the sender's own may hold anything, and is not repeated
