"""filed: what evidence there is, as far as somebody may see it, and one statement with what it is worth now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import ColumnElement, and_, false, or_, select

from codman.evidence.envelope import Envelope
from codman.evidence.statements import ReadStatement
from codman.evidence.store import NotInStore
from codman.flows.house import House
from codman.registry.access import NotAllowed, Reader, paths_for
from codman.registry.evidence_of import OF_ALL_USES, about_uses
from codman.registry.governance import concerns_of
from codman.registry.inventory import reached
from codman.registry.records import BadField, Page, decode_cursor, encode_cursor
from codman.registry.schema import statements
from codman.registry.schema_review import concerns
from codman.registry.standing import Standing, standing_of
from codman.spine.statement import Kind

READ: Final = "evidence.read"
FILTERS: Final = ("kind", "product", "version", "use", "origin", "standing")
MOST_A_PAGE: Final = 500


class Filed(BaseModel):
    """A filed statement as a list shows it."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    digest: str = Field(description="sha256 of the canonical statement")
    kind: str
    product: str | None = Field(description="As the statement names it")
    version: str | None
    use: str | None
    product_id: str | None = Field(description="As the book knows it; null where it does not")
    version_id: str | None
    use_id: str | None
    origin: str | None
    evaluated_at: str | None
    standing: Literal["verified", "claim", "revoked"] = Field(description="What it is worth now")
    why: str = Field(description="Why it is worth that")
    measurements: int | None
    headline: str | None
    size: int
    filed_at: str
    filed_by: str
    log_index: int


@dataclass(frozen=True, slots=True)
class Held:
    """One filed statement, whole."""

    filed: Filed
    read: ReadStatement
    envelopes: Sequence[Envelope]


def list_evidence(
    house: House,
    reader: Reader,
    *,
    where: Mapping[str, Sequence[str]] | None = None,
    limit: int = 50,
    cursor: str | None = None,
    oldest_first: bool = False,
) -> Page[Any]:
    """The statements somebody may see, the newest filed first, a page at a time.

    Args:
        house: The open house.
        reader: Who asks.
        where: Of FILTERS: a field to the values it may have. Product, version and use match names and ids; a use also
            what is filed about its product for every use.
        limit: How many, 1 to 500.
        cursor: What the page before gave as `next`.
        oldest_first: Turn the order round.

    Raises:
        NotAllowed: They may read none.
        BadField: A filter is none of them, or the cursor is none of ours.
    """
    conditions = [_seen(reader)]
    for name, values in (where or {}).items():
        conditions.append(_one_of(name, list(values)))
    column = statements.c.log_index
    if cursor is not None:
        index, _ = decode_cursor(cursor, "statement")
        if not isinstance(index, int):
            raise BadField("statement", "cursor", "it is not one that a list gave")
        conditions.append(column > index if oldest_first else column < index)
    limit = max(1, min(limit, MOST_A_PAGE))
    query = select(statements).where(*conditions).order_by(column if oldest_first else column.desc()).limit(limit + 1)
    with house.database.reading() as connection:
        rows = connection.execute(query).all()
        worth = standing_of(connection, [row.digest for row in rows[:limit]])
    items = [_filed(row, worth[row.digest]) for row in rows[:limit]]
    more = len(rows) > limit
    return Page(items=items, next=encode_cursor(items[-1].log_index, items[-1].digest) if more else None)


def read_evidence(house: House, reader: Reader, digest: str) -> Held:
    """One statement as it was filed, the envelopes it came in, and what it is worth now.

    Raises:
        NotAllowed: They may read none.
        NotInStore: There is none of that digest within their reach.
        EvidenceTampered: Its bytes are no longer those that were filed.
    """
    with house.database.reading() as connection:
        row = connection.execute(select(statements).where(statements.c.digest == digest, _seen(reader))).one_or_none()
        if row is None:
            raise NotInStore(digest)
        worth = standing_of(connection, [digest])
    read = house.store.get(digest)
    return Held(_filed(row, worth[digest]), read, house.store.envelopes(digest))


def _seen(reader: Reader) -> ColumnElement[bool]:
    """Of a use: who sees the use. Of a product alone: everybody. Of a use the book does not know: the whole house.

    The statement of a concern: who reads that concern.
    """
    within = paths_for(reader, READ)
    if not within:
        raise NotAllowed(READ, "anywhere")
    concern = statements.c.kind == Kind.CONCERN.value
    read = concerns_of(reader.person, paths_for(reader, "concern.read"))
    theirs = and_(concern, statements.c.digest.in_(select(concerns.c.statement).where(read)))
    if "/" in within:
        return or_(~concern, theirs)
    return or_(and_(~concern, or_(statements.c.use_id.in_(reached(within)), OF_ALL_USES)), theirs)


def _one_of(name: str, values: list[str]) -> ColumnElement[bool]:
    if name not in FILTERS:
        raise BadField("statement", name[:60], "the list cannot be narrowed by it")
    named = {"product": "product", "version": "version", "use": "use_name"}.get(name)
    if named is None:
        return or_(false(), statements.c[name].in_(values))
    known = statements.c.digest.in_(about_uses(values)) if name == "use" else statements.c[f"{name}_id"].in_(values)
    return or_(statements.c[named].in_(values), known)


def _filed(row: Any, worth: Standing) -> Filed:
    return Filed(
        digest=row.digest,
        kind=row.kind,
        product=row.product,
        version=row.version,
        use=row.use_name,
        product_id=row.product_id,
        version_id=row.version_id,
        use_id=row.use_id,
        origin=row.origin,
        evaluated_at=row.evaluated_at,
        standing=worth.word,
        why=worth.why,
        measurements=row.measurements,
        headline=row.headline,
        size=row.size,
        filed_at=row.filed_at,
        filed_by=row.filed_by,
        log_index=row.log_index,
    )
