"""views: questions to the inventory that people keep, for themselves or for everybody."""

from __future__ import annotations

from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field, StrictBool
from sqlalchemy import Connection, and_, delete, insert, or_, select

from codman.flows.house import House
from codman.registry.access import NotAllowed, Reader, require
from codman.registry.database import instant
from codman.registry.identifiers import new_id
from codman.registry.records import MOST_A_PAGE, NoSuchRecord, Page, decode_cursor, encode_cursor
from codman.registry.schema import saved_views
from codman.spine.record import Line

SAVE: Final = "view.save"
SHARE: Final = "view.share"


class ViewFields(BaseModel):
    """A question to keep."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    name: Line
    query: str = Field(
        max_length=4000, description="The inventory's query string, e.g. stage=live&monitoring=(missing)"
    )
    shared: StrictBool = Field(default=False, description="Whether everybody sees it")


class View(ViewFields):
    """A kept question."""

    id: str
    person: str | None = Field(description="Whose it is; null came with Codman")
    created_at: str


def list_views(house: House, reader: Reader, *, limit: int = 50, cursor: str | None = None) -> Page[Any]:
    """One's own views and the shared ones, by name.

    Raises:
        NotAllowed: They may keep none.
        BadField: The cursor is none of ours.
    """
    require(reader, SAVE)
    query = select(saved_views).where(_seen(reader))
    if cursor is not None:
        value, name = decode_cursor(cursor, "view")
        after = and_(saved_views.c.name == str(value), saved_views.c.id > name)
        query = query.where(or_(saved_views.c.name > str(value), after))
    limit = max(1, min(limit, MOST_A_PAGE))
    with house.database.reading() as connection:
        rows = connection.execute(query.order_by(saved_views.c.name, saved_views.c.id).limit(limit + 1)).all()
    items = [_view(row) for row in rows[:limit]]
    more = len(rows) > limit
    return Page(items=items, next=encode_cursor(items[-1].name, items[-1].id) if more else None)


def read_view(house: House, reader: Reader, name: str) -> View:
    """One view.

    Raises:
        NotAllowed: They may keep none.
        NoSuchRecord: There is none of that id that they see.
    """
    require(reader, SAVE)
    with house.database.reading() as connection:
        return _found(connection, reader, name)


def save_view(house: House, reader: Reader, fields: ViewFields) -> View:
    """Keep a question.

    Raises:
        NotAllowed: They may keep none, or would show one to everybody and may not.
    """
    require(reader, SAVE)
    if fields.shared:
        require(reader, SHARE)
    row = {
        "id": new_id("view"),
        "person": reader.person,
        "created_at": instant(house.database.clock()),
        **fields.model_dump(),
    }
    with house.database.unrecorded() as connection:
        connection.execute(insert(saved_views), row)
    return View.model_validate(row)


def forget_view(house: House, reader: Reader, name: str) -> None:
    """Let go of a view of one's own.

    Raises:
        NoSuchRecord: There is none of that id that they see.
        NotAllowed: It is somebody else's.
    """
    require(reader, SAVE)
    with house.database.unrecorded() as connection:
        if _found(connection, reader, name).person != reader.person:
            raise NotAllowed(SAVE, "for somebody else")
        connection.execute(delete(saved_views).where(saved_views.c.id == name))


def _seen(reader: Reader) -> Any:
    return or_(saved_views.c.person == reader.person, saved_views.c.shared)


def _found(connection: Connection, reader: Reader, name: str) -> View:
    row = connection.execute(select(saved_views).where(saved_views.c.id == name, _seen(reader))).one_or_none()
    if row is None:
        raise NoSuchRecord("view", name)
    return _view(row)


def _view(row: Any) -> View:
    return View(**{name: row._mapping[name] for name in View.model_fields})
