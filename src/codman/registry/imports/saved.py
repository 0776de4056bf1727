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
    saved = saved_as(connection, name)
    if saved is None:
        known = [*READY, *connection.execute(select(mappings.c.name).order_by(mappings.c.name)).scalars()]
        raise BadMapping(name[:80], "there is none of that name", f"give a file, or one of: {', '.join(known)[:300]}")
    return as_mapping(saved.body, name)


def saved_as(connection: Connection, name: str) -> SavedMapping | None:
    """The mapping that somebody saved under a name; None where nobody did."""
    row = connection.execute(select(mappings).where(mappings.c.name == name)).one_or_none()
    return None if row is None else MAPPINGS.read(row)


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
    old = saved_as(change.connection, mapping.mapping)
    if old is None:
        MAPPINGS.add(change, MappingFields(name=mapping.mapping, body=body_of(mapping)))
    else:
        MAPPINGS.change(change, old.id, {"body": body_of(mapping)}, None)


def body_of(mapping: Mapping) -> dict[str, Any]:
    """What a mapping says beyond what every mapping says."""
    return mapping.model_dump(mode="json", exclude_defaults=True)
