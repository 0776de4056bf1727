"""What follows where a concern turns out worse than was said: a pause is proposed, and people are told at once."""

from __future__ import annotations

from codman.flows.concerns.letting_off import as_grave
from codman.flows.concerns.pausing import tell_of_pause
from codman.flows.concerns.people import who_sees
from codman.flows.concerns.reading import can_pause, use_of
from codman.flows.concerns.telling import GRAVE, notice, tell_people, tell_systems
from codman.flows.house import House
from codman.registry.database import Change
from codman.registry.governance import CONCERNS
from codman.spine.concern import Concern, Pause
from codman.spine.day import written_day


def follow_harm(change: Change, house: House, before: Concern, now: Concern, *, by: str) -> Concern:
    """Propose a pause and tell people where harm is put down later, or put to a use; as if it had been raised so.

    Args:
        change: The change in which it happened.
        house: The open house.
        before: The concern as it was.
        now: The concern as it is.
        by: Who put it down, and needs no word of it.

    Returns:
        The concern, with the pause that is proposed now; one that was declined before is proposed anew.
    """
    worse = before.severity not in as_grave(now.severity)
    elsewhere = now.use is not None and now.use != before.use
    if now.severity not in GRAVE or not (worse or elsewhere):
        return now
    if now.pause is not Pause.PROPOSED and can_pause(change.connection, use_of(change.connection, now)):
        said = {"pause": Pause.PROPOSED.value, "pause_by": None, "pause_at": change.at, "pause_why": None}
        now = CONCERNS.change(change, now.id, said, None)
    told = {by}
    if worse:
        told |= _tell(change, house, before, now, by)
    if now.pause is Pause.PROPOSED and (elsewhere or before.pause is not Pause.PROPOSED):
        tell_of_pause(change, house, now, but=told)
    return now


def _tell(change: Change, house: House, before: Concern, now: Concern, by: str) -> set[str]:
    text = "This concern is worse than was said at first."
    if now.pause is Pause.PROPOSED:
        text += " A pause of this use is proposed: take it or decline it there."
    if now.clock_due is not None and now.clock != before.clock:
        text += f" A duty to report may run until {written_day(now.clock_due)}."
    people = [one for one in who_sees(change.connection, now).people if one.id != by]
    word = notice(house, change.connection, now, "concern.worse", f"Concern: {now.severity.value}", text)
    key = f"concern/{now.id}/worse/{now.revision}"
    tell_people(change, people, word, key)
    tell_systems(change, house, word, key)
    return {by, *(one.id for one in people)}
