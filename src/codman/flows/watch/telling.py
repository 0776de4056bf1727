"""What people and systems are told of an incident, in the change of what happened; never anybody's own words."""

from __future__ import annotations

from typing import Final, Literal

from sqlalchemy import Connection, select

from codman.flows.concerns.telling import MAIL, WEBHOOK
from codman.flows.house import House
from codman.jobs.notice import Notice, one_line
from codman.jobs.outbox import enqueue
from codman.jobs.times import instant, read_instant
from codman.monitor.alarms.budgets import MONTH, Sent, deliver
from codman.monitor.alarms.budgets import Notice as Waiting
from codman.registry.database import Change
from codman.registry.governance import INCIDENTS
from codman.registry.nouns import PEOPLE
from codman.registry.schema_watch import incidents
from codman.spine.use import Use
from codman.spine.watching import Incident, IncidentStep

TOLD: Final = "told"
DIGEST: Final = "digest"


def tell_opened(change: Change, house: House, use: Use, one: Incident) -> Incident:
    """Tell its holder of an incident at once, or leave it to the digest where the month's budget is used up.

    A severe one always passes; both are steps of the incident, and nothing is dropped: it stands in the holder's work.
    """
    at = read_instant(change.at)
    already = _told(change.connection, one.holder, instant(at - MONTH))
    waiting = Waiting(incident=one.id, owner=one.holder, at=at, severe=one.severe)
    told = bool(deliver([waiting], already, {}, otherwise=house.settings.incidents_a_month).at_once)
    if told:
        tell(change, house, one, notice(house, use, one, "incident.opened", "Monitoring saw something"), "opened")
    step = IncidentStep(at=change.at, did=TOLD if told else DIGEST, by="codman", to=one.holder)
    done: Incident = INCIDENTS.change(
        change, one.id, {"steps": [*(s.model_dump(mode="json") for s in one.steps), step.model_dump(mode="json")]}, None
    )
    return done


def tell(change: Change, house: House, one: Incident, said: Notice, what: str, *people: str) -> list[str]:
    """Mail to the holder, or to those named, and to the systems that hear of incidents; each key once.

    Returns:
        The people who were told.
    """
    told = []
    for person in PEOPLE.get_many(change.connection, people or [one.holder]).values():
        if person.active and person.email is not None:
            enqueue(change.connection, MAIL, person.email, said, f"incident/{one.id}/{what}/{person.id}", at=change.at)
            told.append(person.id)
    for way in house.settings.incidents_to:
        if way in house.notifiers and (way == WEBHOOK or what == "opened"):  # one ticket an incident
            enqueue(change.connection, way, "incidents", said, f"incident/{one.id}/{what}/{way}", at=change.at)
    return told


def notice(house: House, use: Use, one: Incident, event: str, title: str, text: str = "") -> Notice:
    """A notice about an incident, in the house's own words."""
    named = one_line(use.name)
    parts = [text, one_line(one.title), one_line(one.cause or "")]
    urgency: Literal["high", "medium"] = "high" if one.severe else "medium"
    return Notice(
        event=event,
        title=f"{title}: {named}"[:200],
        text="\n\n".join(part for part in parts if part)[:4000],
        link=f"{house.settings.address}{page_of(one)}",
        about=one.id,
        urgency=urgency,
    )


def page_of(one: Incident) -> str:
    """Path of the page where an incident is seen."""
    return f"/monitor/incidents/{one.id}"


def _told(connection: Connection, owner: str, since: str) -> list[Sent]:
    lately = select(incidents).where(incidents.c.owner == owner, incidents.c.updated_at >= since)
    rows = connection.execute(lately.order_by(incidents.c.id))
    found = [INCIDENTS.read(row) for row in rows]
    steps = [step for one in found for step in one.steps if step.did == TOLD and step.to == owner]
    return [Sent(owner=owner, at=read_instant(step.at)) for step in steps]
