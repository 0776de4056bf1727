"""Conditions after the decision: closed by evidence, a document or a person; lapsed when their day has passed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from sqlalchemy import Connection, select

from codman.errors import CodmanError
from codman.flows.house import House
from codman.flows.review.cases import NotYours, docket_within, require_impartial
from codman.flows.review.meeting import Meets, met_by
from codman.flows.superseded import ran_out
from codman.registry import governance
from codman.registry.access import Reader, paths_for, require
from codman.registry.database import Change
from codman.registry.governance import CASES, CONDITIONS, REOPENINGS
from codman.registry.interests import filers_of
from codman.registry.inventory import paths_of
from codman.registry.log import SYSTEM
from codman.registry.nouns import USES
from codman.registry.records import BadField
from codman.registry.schema import documents, log_entries, people, statements
from codman.registry.schema_review import cases, conditions
from codman.spine.article import with_article
from codman.spine.day import written_day
from codman.spine.reopening import Changed, ReopeningFields
from codman.spine.review import CaseState, Condition, ConditionState

_TO_ACCEPT: Final = timedelta(days=14)  # after a condition's day, for what was handed in to be accepted or handed back
_NOTHING_IN: Final = {"handed_in": None, "handed_in_at": None, "handed_in_by": None}
_NOTHING_SAID: Final = {"said_done": None, "said_done_at": None, "shown_by": None}


class ConditionClosed(CodmanError):
    """A step on a condition that is no longer open."""

    exit_code = 2

    def __init__(self, state: ConditionState) -> None:
        super().__init__(
            what="this condition is not open", why=f"it is {state.value}", fix="look at the use's conditions"
        )


@dataclass(frozen=True, slots=True)
class Looked:
    """What a look at the conditions found."""

    closed: tuple[str, ...]  # met by evidence
    lapsed: tuple[str, ...]  # their day passed
    expired: tuple[str, ...]  # cases whose decision ran out, where no other stands longer
    handed_in: tuple[str, ...] = ()  # a document came, which somebody has to accept


def close_by_hand(
    house: House, reader: Reader, condition: str, revision: int, note: str, *, request: str | None = None
) -> Condition:
    """Close a condition that no evidence can close, or accept the document that was handed in for it; never one's own.

    Raises:
        NoSuchRecord: There is none of that name within their reach.
        NotAllowed: They may not, for this use.
        NotYours: They have a hand in the use, filed the document, or have a conflict of interest.
        BadField: It is closed by evidence or a document that has not come, it is their own, or no reason is given.
        ConditionClosed: It is closed already.
    """
    with house.database.changing(reader.author(request), note) as change:
        one = _open(change, reader, condition, "case.change", waits=True)
        accepts = one.state is ConditionState.HANDED_IN
        if not accepts and one.document is not None:
            raise BadField(
                "condition",
                "state",
                f"a document closes this one: file {with_article(one.document)}, then accept it",
                fix="file the document that it asks for",
            )
        if not accepts and one.requirement is not None:
            raise BadField(
                "condition",
                "state",
                "evidence closes this one: file it, and it closes by itself",
                fix="file the evidence",
            )
        _not_theirs(change, reader, one, "somebody else says that it is done", note)
        done = {"state": ConditionState.CLOSED.value, "closed_at": change.at, "note": note, "closed_by": one.handed_in}
        return CONDITIONS.change(change, condition, done, revision)


def hand_back(
    house: House, reader: Reader, condition: str, revision: int, why: str, *, request: str | None = None
) -> Condition:
    """Not accept the document, or its owner's word that it is done: the condition goes back to who owes it, with why.

    It is open again, and only a later document counts.

    Raises:
        NoSuchRecord: There is none of that name within their reach.
        NotAllowed: They may not, for this use.
        NotYours: They have a hand in the use, filed the document, or have a conflict of interest.
        BadField: No document and no word of its owner waits, it is their own condition, or no reason is given.
        ConditionClosed: It is closed already.
    """
    with house.database.changing(reader.author(request), why) as change:
        one = _open(change, reader, condition, waits=True)
        if one.state is not ConditionState.HANDED_IN and one.said_done is None:
            raise BadField(
                "condition",
                "state",
                "no document waits to be accepted, and nobody says that it is done",
                fix="wait until a document is handed in, or its owner says that it is done",
            )
        require(reader, "case.change", _places(change.connection, one))
        _not_theirs(change, reader, one, "somebody else says whether it is done", why)
        back = {
            "state": ConditionState.OPEN.value,
            "returned_at": change.at,
            "note": why,
            **_NOTHING_IN,
            **_NOTHING_SAID,
        }
        return CONDITIONS.change(change, condition, back, revision)


def _not_theirs(change: Change, reader: Reader, one: Condition, who: str, said: str) -> None:
    """Refuse somebody who owes a condition, filed its document or has a hand in the use, and one without a reason."""
    if one.owner == reader.person:
        raise BadField(
            "condition", "state", f"it is yours: {who}", fix="ask somebody else who presides and has no hand in the use"
        )
    if one.handed_in is not None and reader.person in filers_of(change.connection, one.handed_in):
        raise NotYours(f"you filed this document: {who}")
    require(reader, "case.change", _places(change.connection, one))  # who presides says that it is done
    require_impartial(docket_within(change.connection, reader, one.case), reader)
    if not said.strip():
        raise BadField("condition", "note", "say what shows that it is done, or why it is not")


def prolong(
    house: House, reader: Reader, condition: str, revision: int, due_on: str, why: str, *, request: str | None = None
) -> Condition:
    """Give a condition another day, with a reason; never one's own.

    Raises:
        NoSuchRecord: There is none of that name within their reach.
        NotAllowed: They may not, for this use.
        NotYours: They submitted the case, answer for the use or built it, or have a conflict of interest.
        BadField: The day is past, or no earlier than the decision's own end; the condition's own day has passed; it is
            their own; or no reason is given.
    """
    with house.database.changing(reader.author(request), why) as change:
        one = _open(change, reader, condition, "case.change")
        if one.owner == reader.person:
            raise BadField(
                "condition",
                "due_on",
                "it is yours: somebody else gives you another day",
                fix="ask somebody else who presides and has no hand in the use",
            )
        found = docket_within(change.connection, reader, one.case)
        require_impartial(found, reader)
        if one.due_on < change.today:
            raise BadField(
                "condition",
                "due_on",
                "its day has passed: it lapses, and the committee is asked again",
                fix="bring what it asks, or have it decided anew",
            )
        if due_on <= change.today or not why.strip():
            raise BadField("condition", "due_on", "give a day to come, and why")
        ends = found.case.expires_on
        if ends is not None and due_on >= ends:
            raise BadField("condition", "due_on", f"give a day before {written_day(ends)}, when its decision ends")
        return CONDITIONS.change(change, condition, {"due_on": due_on, "note": why}, revision)


def withdraw_condition(
    house: House, reader: Reader, condition: str, revision: int, why: str, *, request: str | None = None
) -> Condition:
    """Take back a condition that a case was going to ask for, before it is decided.

    Raises:
        NoSuchRecord: There is none of that name within their reach.
        NotAllowed: They do not preside over this use's cases.
        NotYours: They submitted the case, answer for the use or built it, or have a conflict of interest.
        BadField: The case is decided, or something inconclusive was accepted under it.
        ConditionClosed: It is closed already.
    """
    with house.database.changing(reader.author(request), why) as change:
        one = _open(change, reader, condition, "case.change")
        found = docket_within(change.connection, reader, one.case)
        require_impartial(found, reader)
        if found.case.state is CaseState.DECIDED:
            raise BadField(
                "condition",
                "state",
                "the decision names it: prolong it, or let evidence close it",
                fix="prolong it, or bring what closes it",
            )
        if any(accepted.condition == condition for accepted in found.acceptances):
            raise BadField(
                "condition",
                "state",
                "a requirement was accepted under it, which it has to decide",
                fix="leave it: the acceptance stands under it",
            )
        gone = {"state": ConditionState.WITHDRAWN.value, "closed_at": change.at, "note": why}
        return CONDITIONS.change(change, condition, gone, revision)


def last_day(one: Condition) -> str:
    """The day after which a condition lapses: its own; of one that was handed in, the last to accept what came."""
    if one.state is not ConditionState.HANDED_IN:
        return one.due_on
    return (date.fromisoformat(one.due_on) + _TO_ACCEPT).isoformat()


def look(house: House, now: str | None = None) -> Looked:
    """Close what evidence has met, mark what has lapsed, find decisions that ran out; again, it changes nothing.

    A document closes nothing by itself: the condition waits for somebody without a hand in the use to accept it.

    A round of `codman serve`, and every filing of evidence, calls this.

    Args:
        house: The open house.
        now: The day, ISO 8601; today without.
    """
    day = now or house.database.today().isoformat()
    with house.database.reading() as connection:
        todo = _due(house, connection, day)
    if not todo.closed and not todo.lapsed and not todo.handed_in:
        return todo
    with house.database.changing(SYSTEM, "conditions looked at") as change:
        todo = _due(house, change.connection, day)  # again, where nobody else changes them
        found = CONDITIONS.get_many(change.connection, [*todo.closed, *todo.lapsed, *todo.handed_in])
        for name in (*todo.closed, *todo.handed_in):
            meets = met_by(house, change.connection, found[name])
            if meets is None:
                continue
            done = {"state": ConditionState.CLOSED.value, "closed_at": change.at, "closed_by": meets.digest}
            CONDITIONS.change(change, name, _handed_in(change, meets) if meets.paper else done, None)
        for name in todo.lapsed:
            CONDITIONS.change(change, name, {"state": ConditionState.LAPSED.value, "closed_at": change.at}, None)
            _reopen(change, found[name])
    return todo


def _handed_in(change: Change, meets: Meets) -> dict[str, str | None]:
    """That a document waits, and who filed it."""
    filed = (
        select(log_entries.c.actor)
        .join(documents, documents.c.id == log_entries.c.about)
        .join(people, people.c.id == log_entries.c.actor)
        .where(documents.c.digest == meets.digest, log_entries.c.action == "document.create")
        .order_by(log_entries.c.number.desc())
    )
    sent = select(statements.c.filed_by).join(people, people.c.id == statements.c.filed_by)
    connection = change.connection
    by = connection.execute(filed).scalars().first()
    by = by or connection.execute(sent.where(statements.c.digest == meets.digest)).scalars().first()
    return {
        "state": ConditionState.HANDED_IN.value,
        "handed_in": meets.digest,
        "handed_in_at": change.at,
        "handed_in_by": by,
    }


def _places(connection: Connection, one: Condition) -> list[str]:
    """Where a condition binds: the sites that its decision names."""
    return paths_of(connection, USES.get(connection, one.use), CASES.get(connection, one.case).sites)


def _open(
    change: Change, reader: Reader, name: str, action: str = "condition.change", *, waits: bool = False
) -> Condition:
    connection = change.connection
    one: Condition = governance.get(connection, "condition", name, paths_for(reader, "review.read"))
    require(reader, action, _places(connection, one))
    if one.state is not ConditionState.OPEN and not (waits and one.state is ConditionState.HANDED_IN):
        raise ConditionClosed(one.state)
    return one


def _due(house: House, connection: Connection, day: str) -> Looked:
    decided = select(cases.c.id).where(cases.c.state == CaseState.DECIDED.value)
    waiting: Sequence[Condition] = governance.every(
        connection, "condition", conditions.c.state == ConditionState.OPEN.value, conditions.c.case.in_(decided)
    )
    met = {one.id: meets for one in waiting if (meets := met_by(house, connection, one)) is not None}
    came = conditions.c.state == ConditionState.HANDED_IN.value
    handed_in: Sequence[Condition] = governance.every(connection, "condition", came, conditions.c.case.in_(decided))
    lapsed = tuple(one.id for one in (*waiting, *handed_in) if one.id not in met and last_day(one) < day)
    expired = tuple(one.id for one in ran_out(connection, day))
    closed = tuple(name for name, meets in met.items() if not meets.paper)
    return Looked(closed, lapsed, expired, tuple(name for name, meets in met.items() if meets.paper))


def _reopen(change: Change, one: Condition) -> None:
    """What a lapsed condition leaves undecided stands open again."""
    case = CASES.get(change.connection, one.case)
    if one.requirement is None:
        return
    REOPENINGS.add(
        change,
        ReopeningFields(
            use=one.use,
            policy=case.policy,
            requirement=one.requirement,
            changed=Changed.CONDITION,
            because=f"its condition was due on {written_day(one.due_on)} and nothing came that meets it",
        ),
    )
