"""Which sites somebody sees: one rule for every list, page and export that names a place or what runs there."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ColumnElement, exists, false, or_, select, true

from codman.registry.schema import sites


def inside(within: Sequence[str]) -> ColumnElement[bool]:
    """Sites at or below one of these paths; `/` is all of them."""
    if "/" in within:
        return true()
    return or_(false(), *(sites.c.path.startswith(path, autoescape=True) for path in within))


def at_site(column: ColumnElement[str | None], within: Sequence[str]) -> ColumnElement[bool]:
    """Rows whose site, named in a column, is one of those; what is of no site only who sees all of them has."""
    if "/" in within:
        return true()
    return exists(select(sites.c.id).where(sites.c.id == column, inside(within)))
