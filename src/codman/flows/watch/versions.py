"""Versions as events name them: by id or by label."""

from __future__ import annotations

from sqlalchemy import Connection, or_, select

from codman.registry.nouns import VERSIONS
from codman.registry.schema import versions
from codman.spine.product import Version


def version_named(connection: Connection, product: str, named: str | None) -> Version | None:
    """The version of a product that events name, by its id or its label; None where the book has none, or two."""
    if named is None:
        return None
    which = or_(versions.c.id == named, versions.c.label == named)
    rows = connection.execute(select(versions).where(versions.c.product == product, which)).all()
    return VERSIONS.read(rows[0]) if len(rows) == 1 else None
