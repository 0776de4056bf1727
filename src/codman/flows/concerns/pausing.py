"""Who hears that a pause was proposed, taken or declined because of a concern: all who answer for the use, at once."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

from codman.flows.concerns.people import above, answerable, told_of_pause
from codman.flows.concerns.telling import notice, tell_people
from codman.flows.house import House
from codman.jobs.notice import Notice, one_line
from codman.registry.database import Change
from codman.registry.nouns import USES
from codman.spine.concern import Concern, Pause

_TITLES: Final[Mapping[Pause, str]] = {
    Pause.PROPOSED: "A pause is proposed",
    Pause.TAKEN: "A use is paused",
    Pause.DECLINED: "A pause is declined",
}
_TEXTS: Final[Mapping[Pause, str]] = {
    Pause.PROPOSED: "A pause of this use is proposed. Until somebody takes it or declines it, the use runs.",
    Pause.TAKEN: "This use is paused because of a concern, everywhere it ran. Work without it until it runs again.",
    Pause.DECLINED: "A pause of this use was proposed and is declined: it runs on. Why stands with the concern.",
}


def tell_of_pause(change: Change, house: House, concern: Concern, *, but: Collection[str] = ()) -> None:
    """Tell the use's owner, its accountable clinicians at every site and the officers what became of a pause.

    A clinician of another site, who may not see the concern, hears of the use alone.

    Args:
        change: The change in which it happened.
        house: The open house.
        concern: The concern, as it is now.
        but: Who needs no word of it: who did it themselves, or has one already.
    """
    if concern.pause is None or concern.use is None:
        return
    connection = change.connection
    people = [one for one in told_of_pause(connection, concern) if one.id not in but]
    see = answerable(connection, concern) | {one.id for one in above(connection, concern)}
    key = f"concern/{concern.id}/pause/{concern.revision}"
    title, text = _TITLES[concern.pause], _TEXTS[concern.pause]
    said = notice(house, connection, concern, "concern.pause", title, text, urgency="high")
    tell_people(change, [one for one in people if one.id in see], said, key)
    use = USES.get(connection, concern.use)
    named = one_line(use.name)
    elsewhere = Notice(
        event="concern.pause",
        title=f"{title}: {named}"[:200],
        text=f"{text}\n\nIt is about {named}."[:4000],
        link=f"{house.settings.address}/uses/{use.id}",
        about=use.id,
        urgency="high",
    )
    tell_people(change, [one for one in people if one.id not in see], elsewhere, key)
