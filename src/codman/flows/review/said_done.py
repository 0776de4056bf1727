"""say_done: whoever owes a condition says that it is done and what shows it; that closes nothing, and moves no day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, select

from codman.errors import CodmanError
from codman.evidence.store import NotInStore
from codman.flows import records
from codman.flows.filed import list_evidence, read_evidence
from codman.flows.house import House
from codman.flows.papers import paper_with
from codman.flows.review.conditions import ConditionClosed
from codman.registry import governance
from codman.registry.access import NotAllowed, Reader, covers, paths_for
from codman.registry.documents import Document
from codman.registry.governance import CASES, CONDITIONS
from codman.registry.records import BadField, NoSuchRecord, Stale
from codman.registry.related import documents_about, versions_of
from codman.registry.schema import documents
from codman.spine.day import written_day
from codman.spine.review import CaseState, Condition, ConditionState
from codman.spine.statement import Kind
from codman.spine.use import Use

SAY: Final = "condition.change"  # what a token of its owner must carry; a role they need none
_OFFERED: Final = 30
_NO_PROOF: Final = (Kind.DECISION.value, Kind.CONCERN.value)


@dataclass(frozen=True, slots=True)
class Shown:
    """Something filed that could show that a condition is done."""

    digest: str
    called: str


class NotYourCondition(NotAllowed):
    """A word that a condition is done, by somebody who does not owe it."""

    def __init__(self) -> None:
        CodmanError.__init__(
            self,
            what="you cannot say that this condition is done",
            why="somebody else owes it",
            fix="leave it to them; who presides closes it",
        )


def say_done(
    house: House,
    reader: Reader,
    condition: str,
    revision: int,
    said: str,
    shown_by: str | None = None,
    *,
    request: str | None = None,
) -> Condition:
    """Say that one's own condition is done, with what shows it: who presides closes it, or gives it back with a reason.

    It stays open, and lapses on its day like any other.

    Args:
        house: The open house.
        reader: Who owes it.
        condition: Which.
        revision: The revision they saw.
        said: What was done, in a few words.
        shown_by: A document's id, or the digest of a document or statement, that they may read.
        request: The request it came with, for the log.

    Raises:
        NoSuchRecord: There is no such condition within their reach.
        NotYourCondition: Somebody else owes it.
        NotAllowed: They only look, or came with a token that may not.
        BadField: Nothing is said; evidence or a document closes it; or what shows it is not there.
        ConditionClosed: It is no longer open, or was not decided.
        Stale: It was changed since they looked.
    """
    digest = None if not (shown_by or "").strip() else _digest(house, reader, str(shown_by).strip())
    with house.database.changing(reader.author(request)) as change:
        one = own_condition(change.connection, reader, condition)
        if one.revision != revision:
            raise Stale("condition", condition, revision, one.revision)
        if not said.strip():
            raise BadField("condition", "said_done", "say what was done")
        told = {"said_done": said, "said_done_at": change.at, "shown_by": digest}
        done: Condition = CONDITIONS.change(change, condition, told, revision)
        return done


def own_condition(connection: Connection, reader: Reader, name: str) -> Condition:
    """A condition of which its owner may say that it is done.

    Raises:
        As `say_done`.
    """
    one: Condition = CONDITIONS.get(connection, name)
    if one.owner != reader.person:
        governance.get(connection, "condition", name, paths_for(reader, "review.read"))  # as if not there for strangers
        raise NotYourCondition
    if reader.read_only or (reader.scopes is not None and not covers(reader.scopes, SAY)):
        raise NotAllowed(SAY, "for this condition")
    if one.state is not ConditionState.OPEN:
        raise ConditionClosed(one.state)
    if CASES.get(connection, one.case).state is not CaseState.DECIDED:
        raise BadField(
            "condition",
            "state",
            "its case is not decided yet: nobody has asked for it",
            fix="wait until its case is decided",
        )
    why = closes_otherwise(one)
    if why is not None:
        raise BadField("condition", "state", why, fix="file what closes it")
    return one


def closes_otherwise(one: Condition) -> str | None:
    """Why nobody's word closes a condition; None where a person closes it."""
    if one.document is not None:
        return f"a document closes this one: file a {one.document}, and it waits to be accepted"
    if one.requirement is not None:
        return "evidence closes this one: file it, and it closes by itself"
    return None


def shown_for(house: House, reader: Reader, one: Condition) -> Sequence[Shown]:
    """What is filed about the use and its product that its owner may name: documents first, each the newest first."""
    try:
        use: Use = records.get(house, reader, "use", one.use)
        page = list_evidence(house, reader, where={"use": [use.id]}, limit=_OFFERED)
    except (NoSuchRecord, NotAllowed):
        return ()
    with house.database.reading() as connection:
        made = [one.id for one in versions_of(connection, use.product)]
        filed = documents_about(connection, use.id, use.product, *made)[:_OFFERED]
    papers = [Shown(paper.digest, f"{paper.title} ({paper.type}, {written_day(paper.created_at)})") for paper in filed]
    said = [each for each in page.items if each.kind not in _NO_PROOF]
    return [*papers, *(Shown(each.digest, f"{each.kind}, {written_day(each.filed_at)}") for each in said)]


def _digest(house: House, reader: Reader, named: str) -> str:
    """The digest of a document or a statement that somebody names and may read."""
    with house.database.reading() as connection:
        by_id = connection.execute(select(documents.c.digest).where(documents.c.id == named)).scalar_one_or_none()
    try:
        if by_id is not None:
            paper: Document = records.get(house, reader, "document", named)
            return paper.digest
        if paper_with(house, reader, named) is None:
            read_evidence(house, reader, named)
    except (NoSuchRecord, NotInStore, NotAllowed):
        raise BadField("condition", "shown_by", "there is no such document or evidence that you may read") from None
    return named
