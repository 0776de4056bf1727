"""Evidence that came before its product, version or use: linked when the book gets the one record it names."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

from sqlalchemy import ColumnElement, Row, and_, func, or_, select

from codman.registry.database import Change
from codman.registry.filing import ABOUT_A_MODEL, Filed, Known, Said, link, resolve
from codman.registry.schema import statements
from codman.spine.statement import Kind

# Of each kind of record: what a statement calls it, and whether it waits for one
_WAITS: Final = {
    "product": (statements.c.product, statements.c.product_id.is_(None)),
    "version": (statements.c.version, statements.c.version_id.is_(None)),
    "use": (statements.c.use_name, statements.c.use_id.is_(None)),
}
NAMED_BY: Final = {"product": "name", "version": "label", "use": "name"}


def link_waiting(change: Change, kind: str, names: Collection[str]) -> int:
    """Link the statements that wait for a record of these names or identifiers, where now exactly one matches.

    Args:
        change: The transaction that made or renamed the record; the links and their audit entries go with it.
        kind: product, version or use.
        names: What the record is called, was called before, and its identifier.

    Returns:
        How many statements were linked.
    """
    named, waits = _WAITS[kind]
    asked = {name.strip() for name in names}
    said = or_(named.in_(asked), func.lower(named).in_({name.lower() for name in asked}))
    return _link(change, and_(waits, said))


def link_all_waiting(change: Change) -> int:
    """The same for every statement that waits for anything: after many records were made at once."""
    return _link(change, or_(*(and_(named.is_not(None), waits) for named, waits in _WAITS.values())))


def _link(change: Change, which: ColumnElement[bool]) -> int:
    rows = change.connection.execute(select(statements).where(which).order_by(statements.c.log_index)).all()
    found: dict[tuple[str | None, ...], Known] = {}
    linked = 0
    for row in rows:
        named = (row.product, row.version, row.use_name)
        if named not in found:
            found[named] = resolve(change.connection, _said(row), ("/",))
        known = found[named]
        # its inputs are not in its row: what might be about another artefact is judged when it is sent again
        if known.artefact not in (None, row.subject_digest) and Kind(row.kind) in ABOUT_A_MODEL:
            continue
        there = Known(row.product_id, row.version_id, row.use_id)
        linked += link(change, Filed(row.digest, row.kind, row.log_index, row.standing, row.keyid, there), known)
    return linked


def _said(row: Row[Any]) -> Said:
    return Said(
        digest=row.digest,
        kind=Kind(row.kind),
        product=row.product,
        version=row.version,
        use=row.use_name,
        origin=row.origin,
        at=row.evaluated_at,
        subjects=(row.subject_digest,),
        inputs=frozenset(),
        headline=row.headline,
        measurements=row.measurements,
    )
