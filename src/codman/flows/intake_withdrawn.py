"""Journey: a proposal is taken back before it is sent in, with a reason, and may be taken up again."""

from __future__ import annotations

from sqlalchemy import Connection

from codman.flows.house import House
from codman.flows.intake import own_intake
from codman.registry.access import Reader
from codman.registry.governance import INTAKES
from codman.registry.records import BadField
from codman.registry.timeline import Asked, entries_of
from codman.spine.intake import Intake, IntakeState


def withdraw(
    house: House, reader: Reader, name: str, revision: int, *, why: str | None, request: str | None = None
) -> Intake:
    """Take a proposal back before it is sent in; it stays in the book, with the reason.

    Args:
        house: The open house.
        reader: Who proposed it.
        name: The proposal.
        revision: The revision they saw.
        why: Why; others read it beside the proposal.
        request: The request it came with, for the log.

    Raises:
        NoSuchRecord: There is no such proposal within their reach.
        NotAllowed: It is not theirs.
        IntakeClosed: It was sent in or withdrawn.
        Stale: It was changed meanwhile.
        BadField: No reason is given.
    """
    with house.database.changing(reader.author(request), why) as change:
        own_intake(change.connection, reader, name, revision, IntakeState.DRAFT)
        if not (why or "").strip():
            raise BadField("intake", "why", "say why it is withdrawn")
        return INTAKES.change(change, name, {"state": IntakeState.WITHDRAWN.value}, revision)


def take_up(house: House, reader: Reader, name: str, revision: int, *, request: str | None = None) -> Intake:
    """Take a withdrawn proposal up again: it is a draft as it was, under the questions it was begun with.

    Raises:
        NoSuchRecord: There is no such proposal within their reach.
        NotAllowed: It is not theirs.
        IntakeClosed: It was sent in.
        BadField: It was never withdrawn.
        Stale: It was changed meanwhile.
    """
    with house.database.changing(reader.author(request)) as change:
        own_intake(change.connection, reader, name, revision, IntakeState.WITHDRAWN)
        return INTAKES.change(change, name, {"state": IntakeState.DRAFT.value}, revision)


def why_withdrawn(connection: Connection, intake: Intake) -> str:
    """The reason a proposal was withdrawn for; nothing where it was not, none was given, or the words were erased."""
    if intake.state is not IntakeState.WITHDRAWN:
        return ""
    entries = entries_of(connection, Asked(about=[intake.id], about_kind="intake", limit=1)).items
    return next((one.texts.get("why") or "" for one in entries), "")
