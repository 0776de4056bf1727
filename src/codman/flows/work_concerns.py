"""What of concerns waits for one person: to look, to say whether the use pauses, to see it to its close, to act."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

from sqlalchemy import Connection

from codman.flows.concerns.letting_off import lets_off, own_work
from codman.flows.concerns.people import above, who_sees
from codman.flows.concerns.telling import GRAVE
from codman.flows.house import House
from codman.flows.task import Duty, Task
from codman.jobs.times import instant
from codman.registry import governance
from codman.registry.access import Reader
from codman.registry.names import names_of
from codman.registry.nouns import USES
from codman.registry.schema_review import concerns, corrective_actions
from codman.spine.concern import Concern, ConcernState, Pause
from codman.spine.day import day_in, start_of, written_day


def of_concerns(house: House, connection: Connection, reader: Reader) -> Iterator[Task]:
    """Everything that concerns ask of somebody; one thing of each concern, the most pressing.

    Args:
        house: The open house.
        connection: A connection in a transaction.
        reader: Who.
    """
    still = (concerns.c.state != ConcernState.CLOSED.value, concerns.c.repeats.is_(None))
    for one in governance.every(connection, "concern", *still):
        task = _of_one(house, connection, reader, one)
        if task is not None:
            yield task
    yield from _actions(connection, reader)


def _of_one(house: House, connection: Connection, reader: Reader, one: Concern) -> Task | None:
    use = None if one.use is None else USES.get(connection, one.use)
    what = "a use that nobody could name" if use is None else use.name
    number = "" if one.number is None else f" ({one.number})"
    said: dict[str, Any] = {"at": f"/incidents/{one.id}", "since": one.raised_at, "use": one.use}
    seen_by = _due(house, one.see_by)
    raised = one.state is ConcernState.RAISED
    over = {person.id for person in above(connection, one)}
    grave = one.severity in GRAVE and use is not None
    if one.pause is Pause.PROPOSED and reader.person in over:
        declines = " or decline it" if own_work(connection, reader, one) is None else ""
        sentence = f"A concern about {'harm by ' if grave else ''}{what}: a pause is proposed: take it{declines}"
        return Task(duty=Duty.PAUSE, sentence=sentence + number, **said, **seen_by)
    first = raised and any(person.id == reader.person for person in who_sees(connection, one).people)
    if first or (raised and one.escalated_at is not None and reader.person in over):
        sentence = f"A concern about {what} ({one.category.value}; {one.severity.value})"
        return Task(duty=Duty.CONCERN, sentence=sentence + number, **said, **seen_by)
    if not raised and (one.acknowledged_by == reader.person or lets_off(connection, reader, one)):
        sentence = f"A concern about {what}: {_in_hand(house, connection, reader, one)}"
        return Task(duty=Duty.SEE_THROUGH, sentence=sentence + number, **said, **_clock(house, one))
    if grave and use is not None and use.owner == reader.person and reader.person in over:
        sentence = f"A concern about harm by {what}: it is open"
        return Task(duty=Duty.CONCERN, sentence=sentence + number, **said, **(seen_by if raised else {}))
    return None


def _in_hand(house: House, connection: Connection, reader: Reader, one: Concern) -> str:
    """Who has it and since when."""
    taken = one.acknowledged_by or ""
    own = taken == reader.person
    who = "you have" if own else f"{names_of(connection, [taken]).get(taken, 'somebody')} has"
    since = day_in(one.acknowledged_at or one.raised_at, house.settings.zone)
    return f"{who} it in hand since {written_day(since)}, and it is not closed"


def _due(house: House, at: str) -> dict[str, Any]:
    return {"due_on": day_in(at, house.settings.zone).isoformat(), "due_at": at}


def _clock(house: House, one: Concern) -> dict[str, Any]:
    """The last day of a duty to report that runs: it ends with that day where the house is."""
    if one.clock_due is None or one.clock_met_on is not None:
        return {}
    ends = start_of(date.fromisoformat(one.clock_due) + timedelta(days=1), house.settings.zone)
    return {"due_on": one.clock_due, "due_at": instant(ends)}


def _actions(connection: Connection, reader: Reader) -> Iterator[Task]:
    open_ones = (corrective_actions.c.owner == reader.person, corrective_actions.c.done_on.is_(None))
    for one in governance.every(connection, "corrective_action", *open_ones):
        concern: Concern = governance.CONCERNS.get(connection, one.concern)
        what = "a use that nobody could name" if one.use is None else USES.get(connection, one.use).name
        number = "" if concern.number is None else f" ({concern.number})"
        yield Task(
            duty=Duty.ACTION,
            sentence=f"You owe a {one.kind.value} action for a concern about {what}{number}",
            at=f"/incidents/{one.concern}",
            since=one.created_at,
            due_on=one.due_on,
            use=one.use,
            words=one.sentence,
        )
