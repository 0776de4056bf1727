"""Names that stand for more than one record: refused where nobody means it, told apart by a person where they do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, func, or_, select

from codman.registry.about import products_meant, uses_meant
from codman.registry.linking import said_in, signers_of
from codman.registry.records import AlreadyThere, NoSuchRecord
from codman.registry.schema import products, statements, uses, vendors, versions
from codman.registry.schema_review import cases, concerns
from codman.spine.concern import ConcernSeverity, ConcernState
from codman.spine.use import Stage

MOST: int = 200


class Namesake(AlreadyThere):
    """A product whose name and vendor another one has."""

    def __init__(self, existing: str) -> None:
        super().__init__("product", f"{existing} has this name and this vendor")
        self.existing = existing
        self.fix = f"use {existing}; if it is another one, say so: another=true"


@dataclass(frozen=True, slots=True)
class Ambiguous:
    """A statement whose product or use the book cannot tell, because several have the name."""

    digest: str
    product: str
    version: str | None
    use: str | None
    filed_at: str
    products: Sequence[str]  # ids: those it may mean; one where only the use is in doubt
    uses: Sequence[str]


def refuse_namesake(connection: Connection, product: Any, but: str | None = None) -> None:
    """Refuse a product that has the name and the vendor of another.

    Raises:
        Namesake: There is one.
    """
    called = func.lower(func.trim(products.c.name)) == product.name.strip().lower()
    same = select(products.c.id).where(called, products.c.vendor.is_not_distinct_from(product.vendor))
    found = connection.execute(same.where(products.c.id != (but or "")).order_by(products.c.id).limit(1)).scalar()
    if found is not None:
        raise Namesake(str(found))


def same_product(connection: Connection, product: str) -> frozenset[str]:
    """Every record of what one product is, itself among them: the same artefact, or the same name of the same vendor.

    What is counted for a product is counted for all of them: another record of it is no other product.
    """
    other, mine, theirs, artefact = products.alias(), vendors.alias(), vendors.alias(), versions.alias()
    called = func.lower(func.trim(other.c.name)) == func.lower(func.trim(products.c.name))
    supplied = func.lower(func.trim(mine.c.name)).is_not_distinct_from(func.lower(func.trim(theirs.c.name)))
    twins = (
        select(other.c.id)
        .select_from(products)
        .join(other, called)
        .outerjoin(mine, mine.c.id == products.c.vendor)
        .outerjoin(theirs, theirs.c.id == other.c.vendor)
        .where(products.c.id == product, supplied)
    )
    alike = (
        select(artefact.c.product)
        .join(versions, versions.c.digest == artefact.c.digest)
        .where(versions.c.product == product)
    )
    return frozenset({product, *connection.execute(twins).scalars(), *connection.execute(alike).scalars()})


def why_not_as_before(connection: Connection, product: str, but: str = "") -> str | None:
    """Why nobody says by themselves that a use of a product ran before anybody asked; None where they may.

    What a committee refused, what was paused or what harmed would go on by another name.

    Args:
        connection: Where to read.
        product: The product; every record of it counts.
        but: The use that is asked about, where it is in the book.
    """
    known = and_(uses.c.product.in_(sorted(same_product(connection, product))), uses.c.id != but)
    harm = and_(
        concerns.c.severity.in_([ConcernSeverity.HARM.value, ConcernSeverity.SERIOUS.value]),
        concerns.c.state != ConcernState.CLOSED.value,
    )
    for which, why in (
        (uses.c.id.in_(select(cases.c.use)), "a use of this product came before the committee"),
        (uses.c.stage == Stage.PAUSED.value, "a use of this product is paused"),
        (uses.c.id.in_(select(concerns.c.use).where(harm)), "a concern about harm by this product is open"),
    ):
        if connection.execute(select(uses.c.id).where(known, which).limit(1)).first() is not None:
            return why
    return None


def ambiguous(connection: Connection, digest: str | None = None) -> Sequence[Ambiguous]:
    """The statements that wait for a person to say which of several records they mean, the oldest first.

    Args:
        connection: Where to read.
        digest: Only this one.
    """
    query = _in_doubt()
    if digest is not None:
        query = query.where(statements.c.digest == digest)
    rows = connection.execute(query.order_by(statements.c.log_index).limit(MOST)).all()
    signers = signers_of(connection, [row.digest for row in rows])
    found = []
    for row in rows:
        said, signed = said_in(row), signers.get(row.digest, ())
        meant = [row.product_id] if row.product_id else list(products_meant(connection, said, ("/",), signed))
        used = uses_meant(connection, meant[0], said, ("/",), signed) if len(meant) == 1 else ()
        if len(meant) > 1 or len(used) > 1:
            found.append(Ambiguous(row.digest, row.product, row.version, row.use_name, row.filed_at, meant, list(used)))
    return found


def ambiguous_named(connection: Connection, digest: str) -> Ambiguous:
    """One of them.

    Raises:
        NoSuchRecord: It is not filed, or nothing about it is in doubt.
    """
    found = ambiguous(connection, digest)
    if not found:
        raise NoSuchRecord("statement", digest)
    return found[0]


def _in_doubt() -> Select[Any]:
    """Statements that name something which several records are called; few, so each is then looked at by itself."""
    twice = select(func.lower(products.c.name)).group_by(func.lower(products.c.name)).having(func.count() > 1)
    used_twice: ColumnElement[bool] = (
        select(func.count())
        .select_from(uses)
        .where(uses.c.product == statements.c.product_id, func.lower(uses.c.name) == func.lower(statements.c.use_name))
        .correlate(statements)
        .scalar_subquery()
        > 1
    )
    return select(statements).where(
        or_(
            and_(statements.c.product_id.is_(None), func.lower(statements.c.product).in_(twice)),
            and_(
                statements.c.product_id.is_not(None),
                statements.c.use_id.is_(None),
                statements.c.use_name.is_not(None),
                used_twice,
            ),
        )
    )
