"""Events to send: plain rows with sound values, each to be changed in one place."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from codman.spine.event import EventType
from codman.tables.events.checks import Checked, check
from codman.tables.events.store import EventStore, Part

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def at(day: int, hour: int = 0) -> datetime:
    return datetime(2026, 11, day, hour, tzinfo=UTC)


def prediction(name: str, **more: Any) -> dict[str, Any]:
    plain = {
        "source": "model",
        "id": name,
        "replaces": None,
        "prediction_id": name,
        "use": "icu-use",
        "version": "1.0",
        "subject": "s-1",
        "predicted_at": at(1),
        "score": 0.5,
    }
    return plain | more


def outcome(name: str, **more: Any) -> dict[str, Any]:
    plain = {
        "source": "ehr",
        "id": name,
        "replaces": None,
        "prediction_id": None,
        "use": None,
        "subject": None,
        "label": 1.0,
        "occurred_at": at(2),
        "observed_at": at(3),
    }
    return plain | more


def action(name: str, **more: Any) -> dict[str, Any]:
    plain = {
        "source": "ehr",
        "id": name,
        "replaces": None,
        "prediction_id": "p1",
        "use": None,
        "action": "shown",
        "reason": None,
        "acted_at": at(2),
    }
    return plain | more


_TEXTS = ("replaces", "prediction_id", "use", "subject", "reason")


def table(rows: list[dict[str, Any]]) -> pa.Table:
    made = pa.Table.from_pylist(rows)
    for name in _TEXTS:  # a column of nulls alone has no type of its own
        if name in made.column_names:
            made = made.set_column(made.column_names.index(name), name, made[name].cast(pa.string()))
    return made


def checked(kind: EventType, rows: list[dict[str, Any]]) -> Checked:
    return check(kind, table(rows), NOW)


def part(kind: EventType, rows: list[dict[str, Any]]) -> Part:
    found = checked(kind, rows)
    assert found.refused == []
    return Part(kind, found.rows)


def take(store: EventStore, kind: EventType, rows: list[dict[str, Any]], sender: str = "sender") -> list[int]:
    (became,) = store.take(sender, [part(kind, rows)])
    return became.tolist()
