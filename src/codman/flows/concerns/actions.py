"""Corrective and preventive actions: who does what by when because of a concern; and its close, by other hands."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import Connection

from codman.errors import CodmanError
from codman.flows.concerns.following import ConcernClosed, working
from codman.flows.concerns.letting_off import refuse_own_work, release_repeats
from codman.flows.concerns.people import places
from codman.flows.concerns.reading import actions_of, lacking, seen
from codman.flows.concerns.telling import notice, tell_people
from codman.flows.house import House
from codman.registry.access import NotAllowed, Reader, covers, may
from codman.registry.database import Change
from codman.registry.governance import CONCERNS, CORRECTIVE_ACTIONS
from codman.registry.nouns import PEOPLE
from codman.registry.records import BadField, NoSuchRecord, Stale
from codman.spine.concern import ActionKind, Concern, ConcernState, CorrectiveAction, CorrectiveActionFields
from codman.spine.day import written_day

ACT: Final = "action.change"


class CannotClose(CodmanError):
    """A close of a concern about which something is still to be done."""

    exit_code = 3

    def __init__(self, lacks: list[str]) -> None:
        super().__init__(
            what="this concern cannot be closed yet", why="; ".join(lacks), fix="see to each of these, then close it"
        )


def add_action(
    house: House,
    reader: Reader,
    name: str,
    kind: ActionKind,
    sentence: str,
    owner: str,
    due_on: str,
    *,
    request: str | None = None,
) -> CorrectiveAction:
    """Give somebody something to do because of a concern; they are told.

    Raises:
        NoSuchRecord: There is no such concern within their reach.
        NotAllowed: They may not give any there.
        BadField: The day is past, or the owner is nobody who is active.
        ConcernClosed: The concern is closed.
    """
    with house.database.changing(reader.author(request)) as change:
        one = working(change, reader, name, theirs=True)
        given = PEOPLE.get_many(change.connection, [owner]).get(owner)
        if given is None or not given.active:
            raise BadField("corrective_action", "owner", "there is nobody of that name who is active")
        today = house.database.today().isoformat()
        if due_on < today:
            raise BadField("corrective_action", "due_on", "the day is past: give one that can still be kept")
        fields = {"concern": name, "use": one.use, "kind": kind, "sentence": sentence, "owner": owner, "due_on": due_on}
        made: CorrectiveActionFields = CORRECTIVE_ACTIONS.validated(fields)
        action = CORRECTIVE_ACTIONS.add(change, made)
        text = f"A {kind.value} action of a concern is yours, by {written_day(due_on)}."
        said = notice(house, change.connection, one, "action.given", f"A {kind.value} action is yours", text)
        tell_people(change, [given], said, f"action/{action.id}/given")
        return action


def read_action(house: House, reader: Reader, action: str) -> CorrectiveAction:
    """One action, for its owner and for whoever sees its concern.

    Raises:
        NoSuchRecord: There is none of that name within their reach.
    """
    with house.database.reading() as connection:
        return _action(connection, reader, action)


def finish_action(
    house: House, reader: Reader, action: str, revision: int, result: str, *, request: str | None = None
) -> CorrectiveAction:
    """Say that an action is done, what it did, and how that was checked: its owner, or who may change concerns there.

    Raises:
        NoSuchRecord: There is no such action within their reach.
        NotAllowed: It is not theirs.
        BadField: It is done already.
        ConcernClosed: Its concern is closed.
        Stale: It was changed since they looked.
    """
    with house.database.changing(reader.author(request)) as change:
        connection = change.connection
        one = _action(connection, reader, action)
        concern = _of_action(change, reader, one)
        if concern.state is ConcernState.CLOSED:
            raise ConcernClosed
        if one.revision != revision:
            raise Stale("corrective_action", action, revision, one.revision)
        if one.done_on is not None:
            raise BadField("corrective_action", "done_on", f"it was done on {one.done_on}")
        today = house.database.today().isoformat()
        return CORRECTIVE_ACTIONS.change(change, action, {"done_on": today, "result": result}, revision)


def close(
    house: House, reader: Reader, name: str, revision: int, finding: str, *, request: str | None = None
) -> Concern:
    """Close a concern with what was found: nothing may be open, and nobody closes what they built or answer for.

    What repeats it in a flood is not closed with it: the oldest stands alone from then on.

    Raises:
        NoSuchRecord: There is none of that name within their reach.
        NotAllowed: They may not close any there.
        NotImpartial: They have a hand in the use.
        CannotClose: Something is still to be done: each is named.
        BadField: There is no finding.
        ConcernClosed: It is closed already.
        Stale: It was changed since they looked.
    """
    with house.database.changing(reader.author(request)) as change:
        one = working(change, reader, name, revision=revision)
        refuse_own_work(change, reader, one, "close this concern")
        if not finding.strip():
            raise BadField("concern", "finding", "say what was found; that nothing was found is a finding too")
        lacks = lacking(one, actions_of(change.connection, name))
        if lacks:
            raise CannotClose(lacks)
        patch: dict[str, Any] = {"state": ConcernState.CLOSED.value, "finding": finding, "closed_at": change.at}
        closed: Concern = CONCERNS.change(change, name, patch, revision)
        release_repeats(change, name)
        return closed


def _action(connection: Connection, reader: Reader, name: str) -> CorrectiveAction:
    """One action that somebody owns or whose concern they see; what they may not see is as if it were not there."""
    one = CORRECTIVE_ACTIONS.get(connection, name)
    if one.owner != reader.person:
        try:
            seen(connection, reader, one.concern)
        except NoSuchRecord:
            raise NoSuchRecord("corrective_action", name) from None
    return one


def _of_action(change: Change, reader: Reader, one: CorrectiveAction) -> Concern:
    concern: Concern = CONCERNS.get(change.connection, one.concern)
    own = one.owner == reader.person and not reader.read_only  # whoever was given it may say that it is done
    if not own or (reader.scopes is not None and not covers(reader.scopes, ACT)):
        concern = seen(change.connection, reader, one.concern)
        if not may(reader, "concern.change", places(change.connection, concern)):
            raise NotAllowed(ACT, "for somebody else")
    return concern
