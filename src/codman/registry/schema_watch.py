"""More tables of the book of record: monitors, what they saw, and what people did about it."""

from __future__ import annotations

from sqlalchemy import JSON, Boolean, Column, Float, Integer, Text, UniqueConstraint

from codman.registry.columns import DAY, DIGEST, LINE, TIME, WORD, record_table, ref

monitors = record_table(
    "monitors",
    ref("use", "uses", needed=True),
    Column("name", LINE, nullable=False),
    Column("edition", LINE, nullable=False),
    Column("plan", Text, nullable=False),
    Column("digest", DIGEST, nullable=False, index=True),
    Column("state", WORD, nullable=False, index=True),
    ref("owner", "people", needed=True),
    ref("version", "versions"),
    Column("reference", DIGEST),
    Column("starts_on", DAY, nullable=False),
    Column("looked_until", DAY),
    ref("rollback_case", "cases"),
    Column("rollback_unattended", Boolean, nullable=False),
)

looks = record_table(
    "looks",
    ref("use", "uses", needed=True),
    ref("monitor", "monitors", needed=True),
    Column("rule", WORD, nullable=False),
    Column("starts_on", DAY, nullable=False),
    Column("ends_on", DAY, nullable=False),
    Column("due_on", DAY, nullable=False, index=True),
    Column("state", WORD, nullable=False),
    Column("outcomes", JSON, nullable=False),
    Column("sentences", JSON, nullable=False),
    Column("numbers", JSON, nullable=False),
    Column("statements", JSON, nullable=False),
    Column("events", Integer, nullable=False),
    Column("labelled", Integer, nullable=False),
    Column("looked_at", TIME, nullable=False),
    UniqueConstraint("monitor", "rule", "starts_on", "ends_on", "due_on"),
)

incidents = record_table(
    "incidents",
    ref("use", "uses", needed=True),
    Column("title", LINE, nullable=False),
    Column("cause", LINE),
    ref("owner", "people", needed=True),
    ref("holder", "people", needed=True),
    Column("severe", Boolean, nullable=False),
    Column("state", WORD, nullable=False, index=True),
    Column("opened_at", TIME, nullable=False, index=True),
    Column("answer_by", TIME, index=True),
    Column("rung", Integer, nullable=False),
    Column("steps", JSON, nullable=False),
    Column("why", Text),
    Column("care", WORD),
    Column("finding", Text),
    Column("resolved_at", TIME),
)

signals = record_table(
    "signals",
    ref("use", "uses", needed=True),
    ref("monitor", "monitors", needed=True),
    Column("kind", WORD, nullable=False, index=True),
    Column("about", LINE, nullable=False),
    Column("requirement", LINE),
    Column("metric", LINE),
    Column("feature", LINE),
    Column("slice", JSON, nullable=False),
    Column("window", JSON),
    Column("value", Float),
    Column("lower", Float),
    Column("upper", Float),
    Column("evidence", Float),
    Column("sentence", LINE, nullable=False),
    Column("severe", Boolean, nullable=False),
    Column("statement", DIGEST),
    Column("raised_at", TIME, nullable=False, index=True),
    ref("incident", "incidents"),
    Column("ended_at", TIME),
    UniqueConstraint("monitor", "about"),
)

watch_steps = record_table(
    "watch_steps",
    ref("incident", "incidents", needed=True),
    ref("use", "uses", needed=True),
    Column("kind", WORD, nullable=False),
    ref("to_version", "versions"),
    Column("instead_of", JSON, nullable=False),
    Column("state", WORD, nullable=False, index=True),
    Column("told", JSON, nullable=False),
    Column("acknowledged", JSON, nullable=False),
    ref("decided_by", "people"),
    Column("done_at", TIME),
    Column("reason", Text),
    Column("proposal", JSON(none_as_null=True)),
    ref("case", "cases"),
)
