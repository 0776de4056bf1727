"""Which filed statements are about a use: the one answer for its page, the lists, My work and what is judged."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, and_, exists, func, or_, select

from codman.registry.schema import statements, uses

_twin = uses.alias("twin")


def _called(name: Any) -> ColumnElement[str]:
    return func.lower(func.trim(name))


# Said of a product and of no use: it is about every use of that product.
OF_ALL_USES: Final[ColumnElement[bool]] = and_(statements.c.use_id.is_(None), statements.c.use_name.is_(None))
# Several uses of the product have the name it gives: about each of them until somebody says which is meant. A name
# that the book does not have is about none.
_IN_DOUBT: Final[ColumnElement[bool]] = and_(
    statements.c.use_id.is_(None),
    _called(statements.c.use_name) == _called(uses.c.name),
    exists(
        select(_twin.c.id)
        .where(
            _twin.c.product == uses.c.product, _twin.c.id != uses.c.id, _called(_twin.c.name) == _called(uses.c.name)
        )
        .correlate(uses)
    ),
)
ABOUT_USE: Final[ColumnElement[bool]] = or_(
    statements.c.use_id == uses.c.id,
    and_(statements.c.product_id == uses.c.product, or_(OF_ALL_USES, _IN_DOUBT)),
)


def about_uses(names: Sequence[str]) -> Select[tuple[str]]:
    """The digests of the statements that are about any of these uses."""
    return (
        select(statements.c.digest)
        .select_from(uses.join(statements, ABOUT_USE))
        .where(uses.c.id.in_(names))
        .correlate(None)
    )


def shown_beyond_its_own(*what: ColumnElement[bool]) -> ColumnElement[bool]:
    """Whether a use has a statement of this sort that is not filed under it: about its product, or in doubt.

    Each list is worked out once, and not asked of every use.
    """
    of_product = select(statements.c.product_id).where(OF_ALL_USES, statements.c.product_id.is_not(None), *what)
    meant = (
        select(uses.c.id)
        .select_from(uses.join(statements, and_(statements.c.product_id == uses.c.product, _IN_DOUBT)))
        .where(*what)
        .correlate(None)
    )
    return or_(uses.c.product.in_(of_product), uses.c.id.in_(meant))
