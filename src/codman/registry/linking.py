"""Evidence that came before its product, version or use: linked when the book gets the one record it names."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Row, and_, func, or_, select

from codman.registry.about import ABOUT_A_MODEL, Known, Said, resolve
from codman.registry.database import Change
from codman.registry.filing import Filed, link
from codman.registry.keys import KEYS, Key
from codman.registry.schema import keys, statements
from codman.registry.schema_filing import statement_signatures
from codman.spine.statement import Kind

# Of each kind of record: what a statement calls it, and whether it waits for one
_WAITS: Final = {
    "product": (statements.c.product, statements.c.product_id.is_(None)),
    "version": (statements.c.version, statements.c.version_id.is_(None)),
    "use": (statements.c.use_name, statements.c.use_id.is_(None)),
}
_MANY: Final = 500
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
    signers = signers_of(change.connection, [row.digest for row in rows])
    found: dict[tuple[object, ...], Known] = {}
    linked = 0
    for row in rows:
        signed = signers.get(row.digest, ())
        asked = (row.product, row.version, row.use_name, row.subject_digest, *(key.id for key in signed))
        if asked not in found:
            found[asked] = resolve(change.connection, said_in(row), ("/",), signed)
        known = found[asked]
        # its inputs are not in its row: what might be about another artefact is judged when it is sent again
        if known.artefact not in (None, row.subject_digest) and Kind(row.kind) in ABOUT_A_MODEL:
            continue
        linked += link(change, filed_in(row), known)
    return linked


def signers_of(connection: Connection, digests: Sequence[str]) -> dict[str, list[Key]]:
    """The keys whose signatures statements carry, in the order the log had them."""
    found: dict[str, list[Key]] = {}
    for low in range(0, len(digests), _MANY):
        rows = connection.execute(
            select(statement_signatures.c.digest.label("signed"), *keys.c)
            .join(keys, keys.c.keyid == statement_signatures.c.keyid)
            .where(statement_signatures.c.digest.in_(digests[low : low + _MANY]))
            .order_by(statement_signatures.c.log_index)
        )
        for row in rows:
            found.setdefault(row.signed, []).append(KEYS.read(row))
    return found


def filed_in(row: Row[Any]) -> Filed:
    """A statement's row as it was filed."""
    there = Known(row.product_id, row.version_id, row.use_id)
    return Filed(row.digest, row.kind, row.log_index, row.standing, row.keyid, there)


def said_in(row: Row[Any]) -> Said:
    """What a statement says it is about, as far as its row has it."""
    return Said(
        digest=row.digest,
        kind=Kind(row.kind),
        product=row.product,
        version=row.version,
        use=row.use_name,
        origin=row.origin,
        at=row.evaluated_at,
        subjects=(row.subject_digest,),
        inputs=frozenset((row.subject_digest,)),  # they are not in its row: its subject may be one of them
        headline=row.headline,
        measurements=row.measurements,
    )
