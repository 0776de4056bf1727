"""Who hears at once that a pause is proposed because something lapsed or ran out: all who answer for the use."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from sqlalchemy import Connection, select

from codman.flows.house import House
from codman.jobs.notice import Notice, one_line
from codman.jobs.outbox import enqueue
from codman.registry.database import Change
from codman.registry.inventory import paths_of
from codman.registry.nouns import PEOPLE, USES
from codman.registry.officers import presiding_for, who_may
from codman.registry.places import told
from codman.registry.schema import deployments, people
from codman.spine.pausing import PauseProposal
from codman.spine.person import Person
from codman.spine.site import Mode
from codman.spine.use import Use

_MAIL: Final = "mail"


def tell_of_proposed(change: Change, house: House, proposed: Iterable[PauseProposal]) -> None:
    """Mail to who can stop a use or say why it goes on, in the change that proposes its pause; each once."""
    for one in proposed:
        use = USES.get(change.connection, one.use)
        hear = list(_told(change.connection, use))
        sees = who_may(change.connection, "inventory.read", [person.id for person in hear])
        for person in hear:
            (because,) = told(change.connection, sees.get(person.id, ()), [one.because])
            if person.email is not None:
                notice, key = _notice(house, use, because), f"pause/{one.id}/{person.id}"
                enqueue(change.connection, _MAIL, person.email, notice, key, at=change.at)


def _notice(house: House, use: Use, because: str) -> Notice:
    named = one_line(use.name)
    return Notice(
        event="pause.proposed",
        title=f"A pause is proposed: {named}"[:200],
        text=f"A pause of {named} is proposed: {one_line(because)}.\n\nUntil somebody pauses it, the use runs."[:4000],
        link=f"{house.settings.address}/uses/{use.id}/changes",
        about=use.id,
        urgency="high",
    )


def _told(connection: Connection, use: Use) -> Iterable[Person]:
    """The use's owner, the accountable clinicians of every site it is at, the chairs and officers of its sites."""
    there = select(deployments.c.clinician).where(deployments.c.use == use.id, deployments.c.mode != Mode.ENDED.value)
    own = (people.c.id == use.owner) | people.c.id.in_(there)
    found = {row.id: PEOPLE.read(row) for row in connection.execute(select(people).where(own, people.c.active))}
    found |= {one.id: one for one in presiding_for(connection, paths_of(connection, use))}
    return found.values()
