"""Open harm: concerns that keep a use from reaching more patients."""

from __future__ import annotations

from sqlalchemy import Connection

from codman.registry import governance
from codman.registry.schema_review import concerns
from codman.spine.concern import Concern, ConcernSeverity, ConcernState


def open_harm(connection: Connection, use: str) -> list[Concern]:
    """The concerns that a patient was harmed by a use and that nobody has closed, the oldest first; no repeats."""
    return governance.every(
        connection,
        "concern",
        concerns.c.use == use,
        concerns.c.severity.in_([ConcernSeverity.HARM.value, ConcernSeverity.SERIOUS.value]),
        concerns.c.state != ConcernState.CLOSED.value,
        concerns.c.repeats.is_(None),
        order="raised_at",
    )
