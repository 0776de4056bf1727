"""Who lets a use off: makes a concern less bad, or puts it to another use or site; never who has a hand in the use."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection, select

from codman.errors import CodmanError
from codman.flows.concerns.people import places
from codman.flows.concerns.reading import CHANGE, use_of
from codman.registry.access import NotAllowed, Reader, may, require
from codman.registry.database import Change
from codman.registry.governance import CONCERNS
from codman.registry.interests import hand_in
from codman.registry.nouns import PRODUCTS
from codman.registry.records import BadField
from codman.registry.schema import uses
from codman.registry.schema_review import concerns
from codman.spine.concern import Concern, ConcernFields, ConcernSeverity, ConcernState

# the graver the further on; what nobody knows yet may have been harm, and stands between
_GRAVITY: Final = (
    ConcernSeverity.NO_HARM,
    ConcernSeverity.NEAR_MISS,
    ConcernSeverity.UNKNOWN,
    ConcernSeverity.HARM,
    ConcernSeverity.SERIOUS,
)
_PRESIDES: Final = "use.retire"  # what chairs and officers do
_NO_HAND: Final = "let somebody do it who has no hand in the use"
_NAMES_IT: Final = "let a chair or an officer do it who answers for no use, or say which use of yours it is about"


class NotImpartial(NotAllowed):
    """A step that lets a use off, by somebody who has a hand in it, or who may have in one that nobody has named."""

    def __init__(self, step: str, why: str, fix: str = _NO_HAND) -> None:
        CodmanError.__init__(self, what=f"you cannot {step}", why=f"you {why}", fix=fix)


def refuse_letting_off(
    change: Change, reader: Reader, before: Concern, made: ConcernFields, why: str | None = None
) -> None:
    """Refuse a change that makes a concern less bad than was said, or takes it off its use or site, without the right.

    Nobody does it who has a hand in the use. It takes the right to change concerns there, which whoever is named the
    site's clinician has not by that, and a reason. What nobody knew yet is answered by whoever has it in hand.

    Raises:
        NotImpartial: They have a hand in the use.
        NotAllowed: They may not change concerns there.
        BadField: No reason is given.
    """
    less = made.severity not in as_grave(before.severity)
    if less:
        for about in (before, made):
            refuse_own_work(change, reader, about, "say that it was less bad")
    if made.use != before.use:
        if before.use is not None:
            refuse_own_work(change, reader, before, "take it off this use")
        elif _answers_for_some(change.connection, reader) and own_work(change.connection, reader, made) is None:
            raise NotImpartial("say that it is about this use", "answer for another one", _NAMES_IT)
    if made.site != before.site and not (before.use is None and before.site is None):
        refuse_own_work(change, reader, before, "put it down for another site")
    known = less and before.severity is not ConcernSeverity.UNKNOWN
    if known or before.use not in (None, made.use) or before.site not in (None, made.site):
        require(reader, CHANGE, places(change.connection, before))
        if not (why or "").strip():
            raise BadField("concern", "why", "say why it was less bad than was said, or about another use or site")


def refuse_own_work(change: Change, reader: Reader, one: Concern | ConcernFields, step: str) -> None:
    """Refuse a step to somebody who has a hand in the use that a concern is about.

    Raises:
        NotImpartial: They have.
    """
    why = own_work(change.connection, reader, one)
    if why is not None:
        raise NotImpartial(step, why, _NAMES_IT if one.use is None else _NO_HAND)


def own_work(connection: Connection, reader: Reader, one: Concern | ConcernFields) -> str | None:
    """Why somebody has a hand in the use that a concern is about, as `you …` continues; None where they have none.

    Where nobody could say which use, it may be anybody's: it is let off by chairs and officers who answer for none.
    """
    use = use_of(connection, one)
    if use is None:
        if _answers_for_some(connection, reader):
            return "answer for a use, and nobody has said which one it is about"
        at = places(connection, one)
        return None if may(reader, _PRESIDES, at) else "do not preside, and nobody has said which use it is about"
    return hand_in(connection, use, PRODUCTS.get(connection, use.product)).get(reader.person)


def release_repeats(change: Change, name: str) -> None:
    """Let what repeats a concern in a flood wait no longer with it: the oldest stands alone, the others wait with that.

    Args:
        change: The change in which the concern was closed, made less, or put to another use or site.
        name: Which concern.
    """
    of_it = select(concerns.c.id).where(concerns.c.repeats == name, concerns.c.state != ConcernState.CLOSED.value)
    waiting = change.connection.execute(of_it.order_by(concerns.c.raised_at, concerns.c.id)).scalars().all()
    for number, one in enumerate(waiting):
        CONCERNS.change(change, one, {"repeats": waiting[0] if number else None}, None)


def _answers_for_some(connection: Connection, reader: Reader) -> bool:
    owned = select(uses.c.id).where(uses.c.owner == reader.person).limit(1)
    return connection.execute(owned).first() is not None


def lets_off(connection: Connection, reader: Reader, one: Concern) -> bool:
    """Whether somebody may say that a concern was less bad than was said, or about another use or site."""
    return may(reader, CHANGE, places(connection, one)) and own_work(connection, reader, one) is None


def as_grave(severity: ConcernSeverity) -> tuple[ConcernSeverity, ...]:
    """The severities that make a concern no less than it is, the least grave first."""
    return _GRAVITY[_GRAVITY.index(severity) :]
