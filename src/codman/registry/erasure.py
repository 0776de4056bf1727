"""Erasing people's own words from the log: one person asks, another agrees, a legal hold stops both.

What is erased is the text and its salt: without the salt nobody can try out what it may have been, and the entry's hash
stays, so every proof still holds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from pydantic import Field
from sqlalchemy import Connection, Row, Table, and_, exists, func, select, update

from codman.errors import BadInput, CodmanError
from codman.registry.database import Change
from codman.registry.log import Entry, NoSuchEntry, size_of
from codman.registry.records import BadField, Records
from codman.registry.schema import erasures, keys, log_entries, log_texts, statements
from codman.registry.schema_review import concerns, corrective_actions
from codman.spine.record import Fields, Id, Line, Record


class ErasureState(StrEnum):
    """How far a request has come."""

    ASKED = "asked"
    DONE = "done"
    WITHDRAWN = "withdrawn"


class ErasureFields(Fields):
    """A request to erase people's own words from one entry of the log."""

    log_index: int = Field(ge=0)
    field: Line | None = Field(default=None, description="One text of the entry, e.g. after.purpose; all without")
    asked_by: Id
    agreed_by: Id | None = None
    state: ErasureState = ErasureState.ASKED


class Erasure(Record, ErasureFields):
    """A request as the book has it."""


class OnHold(BadInput):
    """A text that a legal hold keeps."""

    def __init__(self, index: int, field: str) -> None:
        super().__init__(
            what=f"the text '{field}' of entry {index} cannot be erased",
            why="it is on legal hold",
            fix="have the hold lifted first, by whoever placed it",
        )


class SamePerson(CodmanError):
    """A request and its agreement by one person."""

    exit_code = 2

    def __init__(self) -> None:
        super().__init__(
            what="you cannot agree to your own request",
            why="erasing takes two people",
            fix="ask another officer to agree",
        )


class StillNeeded(BadInput):
    """A text that says whose hand is in something: without it the wrong people would judge it."""

    def __init__(self, index: int, field: str, why: str) -> None:
        super().__init__(
            what=f"the text '{field}' of entry {index} cannot be erased",
            why=why,
            fix="erase the other texts of the entry by name; this one stays while that holds",
        )


ERASED: Final = "(erased)"
_CALLED: Final = frozenset({"before.email", "after.email", "before.name", "after.name"})
_SAT_AS: Final = frozenset({"before.discipline", "after.discipline"})
# records that hold people's words themselves, in which columns, and what else goes with each
_ALSO_IN: Final[Mapping[str, tuple[Table, Mapping[str, Sequence[str]]]]] = {
    "concern": (
        concerns,
        {"words": ("words_salt",), "contact": (), "ward": (), "finding": (), "event_reference": ()},
    ),
    "corrective_action": (corrective_actions, {"sentence": (), "result": ()}),
}
ERASURES: Final = Records("erasure", erasures, ErasureFields, Erasure)


def ask(change: Change, index: int, field: str | None, person: str) -> Erasure:
    """Ask to erase a text of an entry, or all of them; nothing is erased until somebody else agrees.

    Raises:
        NoSuchEntry: The log has not got that far.
        BadField: The entry has no such text, or it is erased already.
        OnHold: One of them is on legal hold.
    """
    _erasable(change.connection, index, field)
    return ERASURES.add(change, ErasureFields(log_index=index, field=field, asked_by=person))


def agree(change: Change, name: str, person: str) -> Erasure:
    """Agree to a request: the texts and their salts are gone when the change is.

    Raises:
        NoSuchRecord: There is no such request.
        SamePerson: The one who asked.
        BadField: It is done or withdrawn already, or there is nothing left to erase.
        OnHold: One of the texts came under legal hold meanwhile.
    """
    asked = ERASURES.get(change.connection, name)
    if asked.state is not ErasureState.ASKED:
        raise BadField(
            "erasure",
            "state",
            f"it is {asked.state.value}",
            fix="look at the request: nothing more is to be done with it",
        )
    if asked.asked_by == person:
        raise SamePerson
    rows = _erasable(change.connection, asked.log_index, asked.field)
    gone = [row.field for row in rows if row.text is not None]
    change.connection.execute(
        update(log_texts)
        .where(log_texts.c.number == asked.log_index, log_texts.c.field.in_(gone))
        .values(text=None, salt=b"", erased_at=change.at)
    )
    _erase_in_record(change.connection, asked.log_index, {row.field: row.text for row in rows if row.text is not None})
    after = {"entry": asked.log_index, "fields": sorted(gone), "asked_by": asked.asked_by}
    change.record(Entry("audit.erase", "entry", str(asked.log_index), after=after))
    return ERASURES.change(change, name, {"state": ErasureState.DONE, "agreed_by": person}, asked.revision)


def _erase_in_record(connection: Connection, index: int, gone: Mapping[str, str]) -> None:
    """Take the same words out of the record that an entry is about, where it still holds them."""
    entry = connection.execute(
        select(log_entries.c.about_kind, log_entries.c.about).where(log_entries.c.number == index)
    ).one()
    of = _ALSO_IN.get(entry.about_kind)
    if of is None:
        return
    table, columns = of
    later = (
        select(log_texts.c.field)
        .join(log_entries, log_entries.c.number == log_texts.c.number)
        .where(log_entries.c.about_kind == entry.about_kind, log_entries.c.about == entry.about)
        .where(log_texts.c.number > index)
    )
    said_again = set(connection.execute(later).scalars())  # what a later entry put there is erased with that entry
    for column, beside in columns.items():
        field = f"after.{column}"
        if field in gone and field not in said_again:
            here = and_(table.c.id == entry.about, table.c[column] == gone[field])
            empty = None if table.c[column].nullable else ERASED
            connection.execute(update(table).where(here).values({column: empty, **dict.fromkeys(beside)}))


def withdraw(change: Change, name: str) -> Erasure:
    """Take a request back before anybody agreed.

    Raises:
        NoSuchRecord: There is no such request.
        BadField: It is done or withdrawn already.
    """
    asked = ERASURES.get(change.connection, name)
    if asked.state is not ErasureState.ASKED:
        raise BadField(
            "erasure",
            "state",
            f"it is {asked.state.value}",
            fix="look at the request: nothing more is to be done with it",
        )
    return ERASURES.change(change, name, {"state": ErasureState.WITHDRAWN}, asked.revision)


def waiting(connection: Connection) -> list[Erasure]:
    """Requests that nobody has agreed to yet, the oldest first."""
    query = select(erasures).where(erasures.c.state == ErasureState.ASKED.value).order_by(erasures.c.created_at)
    return [ERASURES.read(row) for row in connection.execute(query)]


def mark(
    change: Change, index: int, field: str | None, *, hold: bool | None = None, privileged: bool | None = None
) -> int:
    """Put texts on legal hold or lift it; mark them privileged or not. None leaves a mark as it is.

    Returns:
        How many texts were changed.

    Raises:
        NoSuchEntry: The log has not got that far.
        BadField: The entry has no such text.
    """
    marks = {"hold": hold, "privileged": privileged}
    wanted = {name: value for name, value in marks.items() if value is not None}
    changed = [
        row for row in _texts(change.connection, index, field) if any(row._mapping[n] != v for n, v in wanted.items())
    ]
    if changed:
        fields = sorted(row.field for row in changed)
        change.connection.execute(
            update(log_texts).where(log_texts.c.number == index, log_texts.c.field.in_(fields)).values(**wanted)
        )
        change.record(Entry("audit.mark", "entry", str(index), after={"entry": index, "fields": fields, **wanted}))
    return len(changed)


@dataclass(frozen=True, slots=True)
class TextMarks:
    """How one text of an entry stands: whether it is erased, on legal hold, privileged."""

    field: str
    erased_at: str | None
    hold: bool
    privileged: bool


def marks_of(connection: Connection, index: int) -> list[TextMarks]:
    """How each text of an entry stands, by its field; none where it holds no words of people's own."""
    columns = (log_texts.c.field, log_texts.c.erased_at, log_texts.c.hold, log_texts.c.privileged)
    query = select(*columns).where(log_texts.c.number == index).order_by(log_texts.c.field)
    return [TextMarks(**row._mapping) for row in connection.execute(query)]


def _texts(connection: Connection, index: int, field: str | None) -> list[Row[tuple[object, ...]]]:
    size = size_of(connection)
    if not 0 <= index < size:
        raise NoSuchEntry(index, size)
    found = select(log_texts).where(log_texts.c.number == index)
    rows = list(connection.execute(found if field is None else found.where(log_texts.c.field == field)))
    if not rows:
        raise BadField("erasure", "field", f"entry {index} holds no such text of people's own")
    return rows


def _erasable(connection: Connection, index: int, field: str | None) -> list[Row[tuple[object, ...]]]:
    rows = _texts(connection, index, field)
    for row in rows:
        if row.hold:
            raise OnHold(index, row.field)
        if row.field in _SAT_AS:
            raise StillNeeded(index, row.field, "who may judge a case goes by what its reviewers were named as")
        if row.field in _CALLED and _names_a_key(connection, index, row.text):
            raise StillNeeded(index, row.field, "a key is registered to this name or address, and has signed evidence")
    if all(row.text is None for row in rows):
        raise BadField("erasure", "field", "it is erased already", fix="leave it: the words are gone")
    return rows


def _names_a_key(connection: Connection, index: int, text: str | None) -> bool:
    """Whether an entry's text is what somebody was called to whom a key is registered that signed evidence."""
    person = exists(
        select(log_entries.c.number).where(log_entries.c.number == index, log_entries.c.about_kind == "person")
    )
    signed = exists(select(statements.c.digest).where(statements.c.keyid == keys.c.keyid))
    called = func.lower(func.trim(keys.c.owner)) == (text or "").strip().lower()
    return text is not None and connection.execute(select(keys.c.id).where(person, signed, called)).first() is not None
