"""An incident of the book as the engine's state machine reads it, and back; who is next up the ladder."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection

from codman.flows.concerns.people import officers
from codman.jobs.times import instant, read_instant
from codman.monitor.alarms.duty import Duty, Ladder, Standing, Step
from codman.spine.concern import ConcernCategory, ConcernFields, ConcernSeverity
from codman.spine.use import Tier, Use
from codman.spine.watching import Incident, IncidentStep

# how long nobody may have answered before it goes up, by tier: hours, and of a severe one
_WAITS: Final[Mapping[Tier | None, tuple[float, float]]] = {
    Tier.HIGH: (12, 1),
    Tier.MEDIUM: (24, 4),
    Tier.LOW: (72, 24),
    None: (24, 4),
}
_MOST_RUNGS: Final = 5
TOLD: Final = frozenset({"told", "digest"})  # steps of the house's own, which the state machine does not know


def ladder_of(connection: Connection, use: Use, owner: str) -> Ladder:
    """Who is asked next when the owner does not answer: who answers for the use, then the officers of its site."""
    wait, severe = _WAITS[use.tier]
    asked = ConcernFields(
        use=use.id, site=use.site, category=ConcernCategory.OTHER, severity=ConcernSeverity.UNKNOWN,
        raised_at="2000-01-01T00:00:00Z", see_by="2000-01-01T00:00:00Z",
    )  # fmt: skip
    people = [use.owner, *(one.id for one in officers(connection, asked))]
    rungs = [one for one in dict.fromkeys(people) if one is not None and one != owner]
    return Ladder(wait=timedelta(hours=wait), severe_wait=timedelta(hours=severe), rungs=tuple(rungs[:_MOST_RUNGS]))


def duty_of(one: Incident) -> Duty:
    """The incident on its desk."""
    return Duty(
        incident=one.id,
        owner=one.owner,
        severe=one.severe,
        standing=Standing(one.state.value),
        holder=one.holder,
        rung=one.rung,
        due=None if one.answer_by is None else read_instant(one.answer_by),
        history=tuple(_step(step) for step in one.steps),
    )


def stands(duty: Duty) -> dict[str, Any]:
    """What of a duty the book keeps; words stand apart, where they can be erased."""
    return {
        "state": duty.standing.value,
        "holder": duty.holder,
        "severe": duty.severe,
        "rung": duty.rung,
        "answer_by": None if duty.due is None else instant(duty.due),
        "steps": [_kept(step).model_dump(mode="json") for step in duty.history],
    }


def _step(one: IncidentStep) -> Step:
    until = None if one.until is None else read_instant(one.until)
    return Step(at=read_instant(one.at), did=one.did, by=one.by, until=until, to=one.to or "")


def _kept(step: Step) -> IncidentStep:
    return IncidentStep(
        at=instant(step.at), did=step.did, by=step.by, until=None if step.until is None else instant(step.until),
        to=step.to or None,
    )  # fmt: skip


def now_or(later: datetime, one: Incident) -> datetime:
    """A time no earlier than the incident's last step: a clock that was set back must not undo it."""
    return max(later, read_instant(one.steps[-1].at)) if one.steps else later
