"""Proof, just now, of who somebody is: asked for before what cannot be taken back or stands in their name."""

from __future__ import annotations

from codman.errors import CodmanError
from codman.flows.house import House
from codman.registry.access import NotAllowed, Reader
from codman.registry.database import instant


class NotFresh(NotAllowed):
    """A signature, or what needs one's own hand, by somebody whose sign-in is too old, or who is a program."""

    def __init__(self, why: str, to: str = "sign this") -> None:
        CodmanError.__init__(self, what=f"sign in again to {to}", why=why, fix="sign in again, then do it at once")


def require_fresh(house: House, reader: Reader, to: str) -> str:
    """Refuse somebody who did not prove who they are in the last minutes.

    Args:
        house: The open house.
        reader: Who.
        to: What they are about to do, for the message.

    Returns:
        The time now, as the book writes it.

    Raises:
        NotFresh: Their sign-in is too old, or a token came instead of a person.
    """
    now = instant(house.database.clock())
    if reader.via != "person":
        raise NotFresh("a program cannot do it in a person's name", to)
    if reader.fresh_until is None or reader.fresh_until <= now:
        raise NotFresh("the last sign-in is too long ago, or has signed something already", to)
    return now
