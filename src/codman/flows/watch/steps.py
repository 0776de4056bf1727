"""Steps taken about an incident: each has a name of its own, so that it happens once."""

from __future__ import annotations

from sqlalchemy import Connection, select

from codman.registry.schema_watch import watch_steps
from codman.spine.watching import Incident, StepTaken


def step_name(one: Incident, kind: StepTaken) -> str:
    """What names a step: the same thing is done of an incident once."""
    return f"{one.id}.{kind.value.replace(' ', '-')}"


def taken(connection: Connection, one: Incident, kind: StepTaken) -> bool:
    """Whether it was done of the incident already."""
    there = select(watch_steps.c.id).where(watch_steps.c.id == step_name(one, kind))
    return connection.execute(there).first() is not None
