"""More tables of the book of record: monitors, what they saw, and what people did about it."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import JSON, Boolean, Column, Float, ForeignKey, Integer, String, Table, Text, UniqueConstraint

from codman.registry.schema import metadata

_ID: Final = String(64)
_DIGEST: Final = String(64)
_TIME: Final = String(40)
_DAY: Final = String(10)
_WORD: Final = String(64)
_LINE: Final = String(400)


def _ref(name: str, target: str, *, needed: bool = False) -> Column[str]:
    return Column(name, _ID, ForeignKey(f"{target}.id"), nullable=not needed, index=True)


def _records(name: str, *columns: Column[Any] | UniqueConstraint) -> Table:
    return Table(
        name,
        metadata,
        Column("id", _ID, primary_key=True),
        Column("revision", Integer, nullable=False),
        Column("created_at", _TIME, nullable=False),
        Column("updated_at", _TIME, nullable=False),
        *columns,
    )


monitors = _records(
    "monitors",
    _ref("use", "uses", needed=True),
    Column("name", _LINE, nullable=False),
    Column("edition", _LINE, nullable=False),
    Column("plan", Text, nullable=False),
    Column("digest", _DIGEST, nullable=False, index=True),
    Column("state", _WORD, nullable=False, index=True),
    _ref("owner", "people", needed=True),
    _ref("version", "versions"),
    Column("reference", _DIGEST),
    Column("starts_on", _DAY, nullable=False),
    Column("looked_until", _DAY),
    _ref("rollback_case", "cases"),
    Column("rollback_unattended", Boolean, nullable=False),
)

looks = _records(
    "looks",
    _ref("use", "uses", needed=True),
    _ref("monitor", "monitors", needed=True),
    Column("rule", _WORD, nullable=False),
    Column("starts_on", _DAY, nullable=False),
    Column("ends_on", _DAY, nullable=False),
    Column("due_on", _DAY, nullable=False, index=True),
    Column("state", _WORD, nullable=False),
    Column("outcomes", JSON, nullable=False),
    Column("sentences", JSON, nullable=False),
    Column("statements", JSON, nullable=False),
    Column("events", Integer, nullable=False),
    Column("labelled", Integer, nullable=False),
    Column("looked_at", _TIME, nullable=False),
    UniqueConstraint("monitor", "rule", "starts_on", "ends_on", "due_on"),
)

incidents = _records(
    "incidents",
    _ref("use", "uses", needed=True),
    Column("title", _LINE, nullable=False),
    Column("cause", _LINE),
    _ref("owner", "people", needed=True),
    _ref("holder", "people", needed=True),
    Column("severe", Boolean, nullable=False),
    Column("state", _WORD, nullable=False, index=True),
    Column("opened_at", _TIME, nullable=False, index=True),
    Column("answer_by", _TIME, index=True),
    Column("rung", Integer, nullable=False),
    Column("steps", JSON, nullable=False),
    Column("why", Text),
    Column("care", _WORD),
    Column("finding", Text),
    Column("resolved_at", _TIME),
)

signals = _records(
    "signals",
    _ref("use", "uses", needed=True),
    _ref("monitor", "monitors", needed=True),
    Column("kind", _WORD, nullable=False, index=True),
    Column("about", _LINE, nullable=False),
    Column("requirement", _LINE),
    Column("metric", _LINE),
    Column("feature", _LINE),
    Column("slice", JSON, nullable=False),
    Column("window", JSON),
    Column("value", Float),
    Column("lower", Float),
    Column("upper", Float),
    Column("evidence", Float),
    Column("sentence", _LINE, nullable=False),
    Column("severe", Boolean, nullable=False),
    Column("statement", _DIGEST),
    Column("raised_at", _TIME, nullable=False, index=True),
    _ref("incident", "incidents"),
    Column("ended_at", _TIME),
    UniqueConstraint("monitor", "about"),
)

watch_steps = _records(
    "watch_steps",
    _ref("incident", "incidents", needed=True),
    _ref("use", "uses", needed=True),
    Column("kind", _WORD, nullable=False),
    _ref("to_version", "versions"),
    Column("state", _WORD, nullable=False, index=True),
    Column("told", JSON, nullable=False),
    Column("acknowledged", JSON, nullable=False),
    _ref("decided_by", "people"),
    Column("done_at", _TIME),
    Column("reason", Text),
)
