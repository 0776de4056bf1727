"""What people do with an incident, and what time does: acknowledge, snooze, escalate, resolve, reopen; each a step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from pydantic import BaseModel, ConfigDict
from sqlalchemy import Connection, select

from codman.flows.house import House
from codman.flows.review.reading import list_governed
from codman.flows.watch.desk import duty_of, ladder_of, stands
from codman.flows.watch.telling import notice, tell
from codman.jobs.times import instant, read_instant
from codman.monitor.alarms import duty as desk
from codman.monitor.alarms.duty import Duty, Ladder
from codman.registry import governance
from codman.registry.access import NotAllowed, Reader, may, paths_for, require
from codman.registry.database import Change
from codman.registry.governance import INCIDENTS
from codman.registry.inventory import paths_of
from codman.registry.log import SYSTEM
from codman.registry.nouns import USES
from codman.registry.records import BadField, Page, Stale
from codman.registry.schema_watch import incidents, signals, watch_steps
from codman.spine.use import Use
from codman.spine.watching import Incident, IncidentState, Signal, WatchStep

CHANGE: Final = "incident.change"
SIGNAL_FILTERS: Final = ("use", "monitor", "kind", "incident")
INCIDENT_FILTERS: Final = ("use", "state", "owner", "holder")
LOOK_FILTERS: Final = ("use", "monitor", "state")


class IncidentRead(BaseModel):
    """An incident and everything in it."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    incident: Incident
    signals: list[Signal]
    steps: list[WatchStep]


@dataclass(frozen=True, slots=True)
class Passed:
    """What time did to incidents."""

    woke: int
    escalated: int


def acknowledge(house: House, reader: Reader, name: str, revision: int, *, request: str | None = None) -> Incident:
    """Take an incident: it is no longer escalated.

    Raises:
        NoSuchRecord: There is none of that name within their reach.
        NotAllowed: It is not theirs to take.
        NotNow: It is resolved, or theirs already.
        Stale: It was changed since they looked.
    """
    return _step(house, reader, name, revision, None, request, lambda d, at, _: desk.acknowledge(d, reader.person, at))


def snooze(
    house: House, reader: Reader, name: str, revision: int, until: str, why: str, *, request: str | None = None
) -> Incident:
    """Quiet until a time, for a reason.

    Raises:
        WatchImpossible: No reason, or an end that is past or too far off.
        NotNow: It is resolved.
        BadField: The end is no time.
        The rest as for `acknowledge`.
    """
    try:
        end = read_instant(until)
    except ValueError:
        raise BadField("incident", "until", "it is no time with a zone: write 2026-11-30T08:00:00Z") from None
    if end.tzinfo is None:
        raise BadField("incident", "until", "it is no time with a zone: write 2026-11-30T08:00:00Z")
    return _step(
        house,
        reader,
        name,
        revision,
        why,
        request,
        lambda d, at, ladder: desk.snooze(d, reader.person, at, end, why, ladder),
    )


def escalate(
    house: House, reader: Reader, name: str, revision: int, why: str, *, request: str | None = None
) -> Incident:
    """Hand it up the ladder: to who answers for the use, then the officers.

    Raises:
        NotNow: It is resolved, or there is nobody further up.
        The rest as for `acknowledge`.
    """
    _said(why, "say why it goes further up")
    return _step(
        house, reader, name, revision, why, request,
        lambda d, at, ladder: desk.escalate(d, reader.person, at, why, ladder),
    )  # fmt: skip


def resolve(
    house: House, reader: Reader, name: str, revision: int, finding: str, *, request: str | None = None
) -> Incident:
    """Done, with what was found.

    Raises:
        WatchImpossible: Nothing is said of what was found.
        NotNow: It is resolved already.
        The rest as for `acknowledge`.
    """
    return _step(
        house, reader, name, revision, None, request, lambda d, at, _: desk.resolve(d, reader.person, at, finding),
        {"finding": finding.strip()},
    )  # fmt: skip


def reopen(house: House, reader: Reader, name: str, revision: int, why: str, *, request: str | None = None) -> Incident:
    """Back on the owner's desk, with a reason.

    Raises:
        WatchImpossible: No reason is given.
        NotNow: It is not resolved.
        The rest as for `acknowledge`.
    """
    return _step(
        house, reader, name, revision, why, request,
        lambda d, at, ladder: desk.reopen(d, reader.person, at, why, ladder),
    )  # fmt: skip


def pass_time(house: House) -> Passed:
    """What time alone does: a snooze that ended, an answer that did not come; again, it adds nothing."""
    now = house.database.clock()
    with house.database.reading() as connection:
        late = _late(connection, now)
    if not late:
        return Passed(0, 0)
    woke = escalated = 0
    with house.database.changing(SYSTEM, "incidents that nobody answered were looked at") as change:
        for one in _late(change.connection, now):
            use = USES.get(change.connection, one.use)
            after = desk.passed(duty_of(one), now, ladder_of(change.connection, use, one.owner))
            done: Incident = INCIDENTS.change(change, one.id, stands(after), None)
            new = after.history[len(one.steps) :]
            woke += sum(step.did == "woke" for step in new)
            escalated += sum(step.did == "escalated" for step in new)
            _tell_holder(change, house, use, one, done)
    return Passed(woke, escalated)


def read_incident(house: House, reader: Reader, name: str) -> IncidentRead:
    """An incident with its signals and what was done about it.

    Raises:
        NoSuchRecord: There is none of that name within their reach.
    """
    with house.database.reading() as connection:
        one: Incident = governance.get(connection, "incident", name, paths_for(reader, "incident.read"))
        return IncidentRead(
            incident=one,
            signals=governance.every(connection, "signal", signals.c.incident == name, order="raised_at"),
            steps=governance.every(connection, "watch_step", watch_steps.c.incident == name),
        )


def list_incidents(house: House, reader: Reader, **asked: Any) -> Page[Any]:
    """Incidents of the uses somebody sees, a page at a time; `asked` as `list_governed` takes it."""
    return list_governed(house, reader, "incident", INCIDENT_FILTERS, action="incident.read", **asked)


def list_signals(house: House, reader: Reader, **asked: Any) -> Page[Any]:
    """Signals of the uses somebody sees, a page at a time."""
    return list_governed(house, reader, "signal", SIGNAL_FILTERS, action="monitor.read", **asked)


def list_looks(house: House, reader: Reader, **asked: Any) -> Page[Any]:
    """Windows that were looked at, of the uses somebody sees, a page at a time."""
    return list_governed(house, reader, "look", LOOK_FILTERS, action="monitor.read", **asked)


def _step(
    house: House,
    reader: Reader,
    name: str,
    revision: int,
    why: str | None,
    request: str | None,
    go: Callable[[Duty, datetime, Ladder], Duty],
    more: dict[str, Any] | None = None,
) -> Incident:
    """One step of a person: the state machine says whether it can be, the book keeps it, the log who and why."""
    with house.database.changing(reader.author(request), why) as change:
        connection = change.connection
        one = incident_to_change(connection, reader, name, revision)
        use = USES.get(connection, one.use)
        after = go(duty_of(one), read_instant(change.at), ladder_of(connection, use, one.owner))
        patch: dict[str, Any] = {**stands(after), **(more or {})}
        if why is not None:
            patch["why"] = why.strip() or None
        patch["resolved_at"] = change.at if after.standing is desk.Standing.RESOLVED else None
        done: Incident = INCIDENTS.change(change, name, patch, revision)
        if done.holder != reader.person:
            _tell_holder(change, house, use, one, done)
        return done


def incident_to_change(connection: Connection, reader: Reader, name: str, revision: int) -> Incident:
    """An incident for somebody who may work on it: who has it, who owns it, who answers for the use, or the office.

    Raises:
        NoSuchRecord: There is none of that name within their reach.
        NotAllowed: It is not theirs.
        Stale: It was changed since they looked.
    """
    one: Incident = governance.get(connection, "incident", name, paths_for(reader, "incident.read"))
    use = USES.get(connection, one.use)
    require(reader, CHANGE, paths_of(connection, use))
    if not is_theirs(connection, reader, one, use):
        raise NotAllowed(CHANGE, "of an incident that is on somebody else's desk")
    if one.revision != revision:
        raise Stale("incident", name, revision, one.revision)
    return one


def is_theirs(connection: Connection, reader: Reader, one: Incident, use: Use) -> bool:
    """Whether somebody may work on an incident: who has it, who owns it, who answers for the use, or the office.

    The office of one of its sites is enough: what went wrong there is theirs, wherever else the use runs.
    """
    places = paths_of(connection, use)
    if not may(reader, CHANGE, places):
        return False
    office = any(may(reader, "case.change", [place]) for place in places)
    return reader.person in {one.holder, one.owner, use.owner} or office


def _tell_holder(change: Change, house: House, use: Use, before: Incident, after: Incident) -> None:
    """Tell who has it now, where that is somebody else or it is theirs to answer again."""
    last = after.steps[-1]
    if last.did == "escalated":
        said = notice(house, use, after, "incident.escalated", "An incident waits for you", "Nobody answered in time.")
    elif last.did in ("woke", "reopened"):
        said = notice(house, use, after, "incident.reminder", "An incident waits for you", "It was put off until now.")
    else:
        return
    if len(after.steps) > len(before.steps):
        tell(change, house, after, said, f"{last.did}-{len(after.steps)}")


def _late(connection: Connection, now: datetime) -> list[Incident]:
    rows = connection.execute(
        select(incidents).where(
            incidents.c.state != IncidentState.RESOLVED.value,
            incidents.c.answer_by.is_not(None),
            incidents.c.answer_by <= instant(now),
        )
    )
    return [INCIDENTS.read(row) for row in rows]


def _said(text: str, what: str) -> None:
    if not text.strip():
        raise BadField("incident", "why", what)
