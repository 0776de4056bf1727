"""What people are told of a concern, in the transaction of what happened; never anybody's own words."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import tzinfo
from typing import Final, Literal

from sqlalchemy import Connection, Table, select

from codman.flows.house import House
from codman.jobs.notice import Notice, one_line
from codman.jobs.outbox import enqueue
from codman.jobs.times import read_instant
from codman.registry.database import Change
from codman.registry.schema import sites, uses
from codman.spine.concern import Concern, ConcernSeverity
from codman.spine.day import written_moment
from codman.spine.person import Person

MAIL: Final = "mail"
WEBHOOK: Final = "webhook"
RAISED: Final = "raised"  # how the key of the first word about a concern ends
GRAVE: Final = frozenset({ConcernSeverity.SERIOUS, ConcernSeverity.HARM})


def tell_people(change: Change, people: Iterable[Person], notice: Notice, key: str) -> None:
    """Mail to each who has an address; the same key tells each of them once."""
    for one in people:
        if one.email is not None:
            enqueue(change.connection, MAIL, one.email, notice, f"{key}/{one.id}", at=change.at)


def tell_systems(change: Change, house: House, notice: Notice, key: str) -> None:
    """A notice to the hospital's own systems that hear of concerns; a ticket is opened once, with the first of them."""
    for way in house.settings.concerns_to:
        if way in house.notifiers and (way == WEBHOOK or key.endswith(f"/{RAISED}")):
            enqueue(change.connection, way, "concerns", notice, f"{key}/{way}", at=change.at)


def notice(
    house: House,
    connection: Connection,
    concern: Concern,
    event: str,
    title: str,
    text: str,
    *,
    urgency: Literal["low", "medium", "high"] | None = None,
) -> Notice:
    """A notice about a concern: what it is about, what to do, where to look."""
    about = [f"{concern.category.value[:1].upper()}{concern.category.value[1:]}; {concern.severity.value}."]
    if named := where(connection, concern):
        about.append(f"About {named}.")
    about.append("What was written stands in the record only.")
    return Notice(
        event=event,
        title=title[:200] if concern.number is None else f"{title[:180]} ({concern.number})",
        text=f"{text}\n\n{' '.join(about)}"[:4000],
        link=f"{house.settings.address}/incidents/{concern.id}",
        about=concern.id,
        urgency=urgency or ("high" if concern.severity in GRAVE else "medium"),
    )


def where(connection: Connection, concern: Concern) -> str:
    """The use and the site by their names, as one line; empty where neither is known."""
    use = _name(connection, uses, concern.use)
    site = _name(connection, sites, concern.site)
    told = " at ".join(part for part in (use, site) if part)
    return one_line(told)


def spoken(at: str, zone: tzinfo) -> str:
    """A time as a person on the ward reads it: 3 Oct 2026, 14:05 UTC."""
    return written_moment(read_instant(at), zone)


def _name(connection: Connection, table: Table, name: str | None) -> str:
    if name is None:
        return ""
    return str(connection.execute(select(table.c.name).where(table.c.id == name)).scalar_one_or_none() or "")
