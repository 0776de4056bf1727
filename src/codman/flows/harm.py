"""Open harm: concerns that keep a use from reaching more patients."""

from __future__ import annotations

from sqlalchemy import Connection

from codman.registry import governance
from codman.registry.schema_review import concerns
from codman.spine.concern import Concern, ConcernSeverity, ConcernState


def open_harm(connection: Connection, use: str) -> list[Concern]:
    """The concerns that a patient was harmed by a use and that nobody has closed, the oldest first; no repeats."""
    return _open(connection, use, ConcernSeverity.HARM, ConcernSeverity.SERIOUS)


def untold_harm(connection: Connection, use: str) -> list[Concern]:
    """The open concerns about a use of which nobody has said yet whether a patient was harmed; no repeats."""
    return _open(connection, use, ConcernSeverity.UNKNOWN)


def _open(connection: Connection, use: str, *severities: ConcernSeverity) -> list[Concern]:
    return governance.every(
        connection,
        "concern",
        concerns.c.use == use,
        concerns.c.severity.in_([one.value for one in severities]),
        concerns.c.state != ConcernState.CLOSED.value,
        concerns.c.repeats.is_(None),
        order="raised_at",
    )
