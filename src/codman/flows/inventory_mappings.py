"""Journey: how files become uses: mappings proposed for a file, kept by the house, read, replaced and taken out."""

from __future__ import annotations

import json
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection, select

from codman.flows.house import House
from codman.registry.access import Reader, require
from codman.registry.imports.mapping import LARGEST, READY, BadMapping, Mapping, Reads, as_mapping, ready_mapping
from codman.registry.imports.propose import Proposal, propose
from codman.registry.imports.reading import read_bytes
from codman.registry.imports.saved import MAPPINGS, MappingFields, SavedMapping, body_of, saved_as
from codman.registry.records import MOST_A_PAGE, AlreadyThere, NoSuchRecord, Page, decode_cursor, encode_cursor
from codman.registry.schema import mappings


class NamedMapping(BaseModel):
    """A mapping as a list shows it."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    name: str = Field(description="What an import calls it")
    title: str | None
    reads: Reads = Field(description="What kind of file it is for")
    ready: bool = Field(description="It comes with Codman and cannot be changed")
    revision: int | None = Field(description="Of one that was saved here; null for a ready one")
    updated_at: str | None = Field(description="When it was last saved; null for a ready one")


def propose_for(reader: Reader, body: bytes, name: str | None = None) -> Proposal:
    """Guess what the columns of a file mean, for a person to confirm.

    Args:
        reader: Who asks.
        body: The file.
        name: What the mapping shall be called.

    Raises:
        UnreadableList: No reader takes the file.
        NotAllowed: The reader may keep no mappings.
    """
    require(reader, "mapping.save", ["/"])
    return propose(read_bytes(body, "the file"), name or "list", "a file that was sent")


def list_mappings(house: House, reader: Reader, *, limit: int = 50, cursor: str | None = None) -> Page[Any]:
    """The ready mappings and the saved ones, by name.

    Raises:
        NotAllowed: The reader may see none.
        BadField: The cursor is none of ours.
    """
    require(reader, "mapping.read")
    after = "" if cursor is None else decode_cursor(cursor, "mapping")[1]
    limit = max(1, min(limit, MOST_A_PAGE))
    with house.database.reading() as connection:
        saved = [MAPPINGS.read(row) for row in connection.execute(select(mappings))]
    every = [_named(as_mapping(one.body, one.name), one) for one in saved] + [_named(ready_mapping(n)) for n in READY]
    # a database may sort names its own way: the few there are, are sorted here
    rest = sorted((one for one in every if one.name > after), key=lambda one: one.name)
    shown = rest[:limit]
    return Page(items=shown, next=encode_cursor(None, shown[-1].name) if len(rest) > limit else None)


def read_named(house: House, reader: Reader, name: str) -> tuple[Mapping, int | None]:
    """A mapping, and its revision; a ready one has none.

    Raises:
        NotAllowed: The reader may see none.
        NoSuchRecord: There is none of that name.
    """
    require(reader, "mapping.read")
    if name in READY:
        return ready_mapping(name), None
    with house.database.reading() as connection:
        saved = _saved(connection, name)
    return as_mapping(saved.body, name), saved.revision


def put_mapping(
    house: House,
    reader: Reader,
    mapping: Mapping,
    revision: int | None,
    *,
    why: str | None = None,
    request: str | None = None,
) -> int:
    """Keep a mapping under its name; the revision it has now.

    Args:
        house: The book.
        reader: Who does it.
        mapping: What to keep.
        revision: The revision they saw; None where there is none of that name yet.
        why: The reason they give.
        request: The request it came with, for the log.

    Raises:
        NotAllowed: The reader may keep none.
        BadMapping: It has a ready mapping's name, or is too large.
        AlreadyThere: There is one of that name, and they name no revision.
        NoSuchRecord: They name a revision, and there is none of that name.
        Stale: It was changed meanwhile.
    """
    require(reader, "mapping.save", ["/"])
    name, body = mapping.mapping, body_of(mapping)
    _refuse_ready(name)
    if len(json.dumps(body)) > LARGEST:
        raise BadMapping(name, f"it is larger than {LARGEST >> 20} MiB")
    with house.database.changing(reader.author(request), why) as change:
        if revision is not None:
            there = _saved(change.connection, name)
            return MAPPINGS.change(change, there.id, {"body": body}, revision).revision
        if saved_as(change.connection, name) is not None:
            raise AlreadyThere("mapping", f"one has the name {name}")
        return MAPPINGS.add(change, MappingFields(name=name, body=body)).revision


def remove_mapping(
    house: House, reader: Reader, name: str, revision: int, *, why: str | None = None, request: str | None = None
) -> None:
    """Take a saved mapping out; what was imported by it stays, and is known again under its name.

    Raises:
        NotAllowed: The reader may keep none.
        BadMapping: It comes with Codman.
        NoSuchRecord: There is none of that name.
        Stale: It was changed meanwhile.
    """
    require(reader, "mapping.save", ["/"])
    _refuse_ready(name)
    with house.database.changing(reader.author(request), why) as change:
        MAPPINGS.remove(change, _saved(change.connection, name).id, revision)


def _saved(connection: Connection, name: str) -> SavedMapping:
    saved = saved_as(connection, name)
    if saved is None:
        raise NoSuchRecord("mapping", name)
    return saved


def _refuse_ready(name: str) -> None:
    if name in READY:
        raise BadMapping(name, "it comes with Codman and stays as it is", "keep yours under another name")


def _named(mapping: Mapping, saved: SavedMapping | None = None) -> NamedMapping:
    return NamedMapping(
        name=mapping.mapping,
        title=mapping.title,
        reads=mapping.reads,
        ready=saved is None,
        revision=None if saved is None else saved.revision,
        updated_at=None if saved is None else saved.updated_at,
    )
