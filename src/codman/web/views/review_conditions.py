"""Conditions on the page of a case: who owes what, by when, what closes it, and what the reader can do about it."""

from __future__ import annotations

from dataclasses import dataclass

from codman.flows.review.beside import LaidOut
from codman.flows.review.conditions import last_day
from codman.registry.access import Reader
from codman.spine.day import written_day
from codman.spine.review import CaseState, Condition, ConditionState
from codman.web.render import count, day
from codman.web.views import marks
from codman.web.views.marks import Tag


@dataclass(frozen=True, slots=True, kw_only=True)
class ConditionLine:
    """What is asked for afterwards."""

    id: str
    sentence: str
    tag: Tag
    owner: str
    due_on: str
    closes: str  # what closes it, or that it lapsed and was settled since
    note: str
    said_done: str  # what its owner says was done; empty where they said nothing
    said_done_at: str | None
    statement: str
    href: str  # where it is read: a document as the file that was handed in
    shown: str  # what the link to it is called
    revision: int
    closable: bool
    acceptable: bool
    returnable: bool
    sayable: bool  # the reader owes it, and may say that it is done
    prolongable: bool


def condition_line(one: Condition, found: LaidOut, reader: Reader) -> ConditionLine:
    """One condition of a case, for one reader."""
    titles = {r.id: r.title for r in found.requirements}
    closes = "somebody of the office says that it is done"
    if one.requirement is not None:
        closes = f"evidence meets “{titles.get(one.requirement, one.requirement)}”"
        if one.patients_needed is not None:
            closes += f": about {count(one.patients_needed)} more patients"
    elif one.document is not None:
        closes = f"a document is filed and accepted: {one.document}"
    waits = one.state is ConditionState.HANDED_IN
    if waits:
        closes += f"; unless what came is accepted by {written_day(last_day(one))}, the condition lapses"
    theirs = (
        (waits or one.state is ConditionState.OPEN)
        and found.docket.case.state is CaseState.DECIDED
        and reader.person not in (one.owner, one.handed_in_by)
        and found.impartial(reader)
    )
    open_ = one.state is ConditionState.OPEN
    said = one.said_done if open_ or one.state is ConditionState.CLOSED else None
    shown_by = one.closed_by or one.handed_in or one.shown_by or ""
    by_hand = one.requirement is None and one.document is None
    late = found.settled_late.get(one.id)
    if late is not None:
        shown_by = late.closed_by or ""
    return ConditionLine(
        id=one.id,
        sentence=one.sentence,
        tag=marks.condition(one.state.value),
        owner=found.names.get(one.owner, one.owner),
        due_on=one.due_on,
        closes=f"closes when {closes}" if late is None else f"settled late, on {day(late.closed_at)}",
        note=one.note or "",
        said_done=said or "",
        said_done_at=one.said_done_at,
        statement=shown_by,
        href=_href(shown_by, found),
        shown="what settled it"
        if late is not None
        else "what closed it"
        if one.closed_by
        else "the document"
        if one.handed_in
        else "what its owner shows",
        revision=one.revision,
        closable=theirs and by_hand and found.may(reader, "case.change"),
        acceptable=theirs and waits and found.may(reader, "case.change"),
        returnable=theirs and (waits or (open_ and one.said_done is not None)) and found.may(reader, "case.change"),
        sayable=open_
        and by_hand
        and one.owner == reader.person
        and not reader.read_only
        and found.docket.case.state is CaseState.DECIDED,
        prolongable=theirs and not waits and found.may(reader, "case.change"),
    )


def _href(digest: str, found: LaidOut) -> str:
    there = found.shown.get(digest)
    document = None if there is None else there.document
    return f"/evidence/{digest}" if document is None else f"/documents/{document}/content"
