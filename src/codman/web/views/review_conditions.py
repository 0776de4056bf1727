"""Conditions on the page of a case: who owes what, by when, what closes it, and what the reader can do about it."""

from __future__ import annotations

from dataclasses import dataclass

from codman.flows.review.beside import LaidOut
from codman.registry.access import Reader
from codman.spine.review import CaseState, Condition, ConditionState
from codman.web.render import count
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
    closes: str
    note: str
    statement: str
    revision: int
    closable: bool
    acceptable: bool
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
    theirs = (
        (waits or one.state is ConditionState.OPEN)
        and found.docket.case.state is CaseState.DECIDED
        and reader.person not in (one.owner, one.handed_in_by)
        and found.impartial(reader)
    )
    by_hand = one.requirement is None and one.document is None
    return ConditionLine(
        id=one.id,
        sentence=one.sentence,
        tag=marks.condition(one.state.value),
        owner=found.names.get(one.owner, one.owner),
        due_on=one.due_on,
        closes=closes,
        note=one.note or "",
        statement=one.closed_by or one.handed_in or "",
        revision=one.revision,
        closable=theirs and by_hand and found.may(reader, "condition.change"),
        acceptable=theirs and waits and found.may(reader, "case.change"),
        prolongable=theirs and not waits and found.may(reader, "case.change"),
    )
