"""Who hears that a concern was put down for another site: whom it reached before, and whom it reaches now."""

from __future__ import annotations

from typing import Final

from codman.flows.concerns.people import who_sees
from codman.flows.concerns.telling import notice, tell_people
from codman.flows.house import House
from codman.registry.database import Change
from codman.spine.concern import Concern

_GONE: Final = "This concern is put down for another site now. If it happened here, say so to the governance office."
_COME: Final = "This concern was put down for another site, and is put down here now. What was due stays due as it was."


def tell_of_move(change: Change, house: House, before: Concern, now: Concern, *, but: str) -> None:
    """Tell those whom a concern reached first, and those whom it reaches now, that its site is another one.

    Args:
        change: The change in which it happened.
        house: The open house.
        before: The concern as it was.
        now: The concern as it is.
        but: Who did it, and needs no word of it.
    """
    connection = change.connection
    for concern, text in ((before, _GONE), (now, _COME)):
        told = notice(house, connection, concern, "concern.site", "A concern has another site", text)
        people = [one for one in who_sees(connection, concern).people if one.id != but]
        tell_people(change, people, told, f"concern/{now.id}/site/{now.revision}")
