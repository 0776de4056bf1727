"""Mappings the house keeps: saved under their name by the import that used them, and used again by it."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import Connection, select

from codman.registry.database import Change
from codman.registry.imports.mapping import READY, BadMapping, Mapping, as_mapping, ready_mapping
from codman.registry.records import Records
from codman.registry.schema import mappings
from codman.spine.record import Fields, Line, Record


class MappingFields(Fields):
    """A mapping somebody confirmed."""

    name: Line
    body: dict[str, Any]


class SavedMapping(Record, MappingFields):
    """A mapping as the book has it."""


MAPPINGS: Final = Records("mapping", mappings, MappingFields, SavedMapping)


def mapping_named(connection: Connection, name: str) -> Mapping:
    """A ready or saved mapping.

    Raises:
        BadMapping: There is none of that name.
    """
    if name in READY:
        return ready_mapping(name)
    body = connection.execute(select(mappings.c.body).where(mappings.c.name == name)).scalar_one_or_none()
    if body is None:
        known = [*READY, *connection.execute(select(mappings.c.name).order_by(mappings.c.name)).scalars()]
        raise BadMapping(name[:80], "there is none of that name", f"give a file, or one of: {', '.join(known)[:300]}")
    return as_mapping(body, name)


def every_mapping(connection: Connection) -> list[Mapping]:
    """The ready ones, then the saved ones."""
    saved = connection.execute(select(mappings.c.name, mappings.c.body).order_by(mappings.c.name))
    return [*map(ready_mapping, READY), *(as_mapping(body, name) for name, body in saved)]


def save(change: Change, mapping: Mapping) -> None:
    """Keep a mapping under its name; a ready one is kept already.

    Raises:
        BadMapping: It has a ready mapping's name and says something else.
    """
    if mapping.mapping in READY:
        if mapping != ready_mapping(mapping.mapping):
            raise BadMapping(mapping.mapping, "a ready mapping has that name", "give yours another: the key 'mapping'")
        return
    body = mapping.model_dump(mode="json", exclude_defaults=True)
    old = change.connection.execute(
        select(mappings.c.id, mappings.c.body).where(mappings.c.name == mapping.mapping)
    ).one_or_none()
    if old is None:
        MAPPINGS.add(change, MappingFields(name=mapping.mapping, body=body))
    elif old.body != body:
        MAPPINGS.change(change, old.id, {"body": body}, None)
