"""likely: the uses of the book that a proposed one may be, told without reading the whole book for every question."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any, Final
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, Select, or_, select

from codman.flows.house import House
from codman.registry.database import Database
from codman.registry.log import size_of
from codman.registry.mine import in_sight
from codman.registry.schema import log_entries, products, uses, vendors
from codman.review.intake.duplicates import Candidate, Duplicate, UsesByWords

_MANY: Final = 500  # changed records at once: then the whole book is read again
_LOOKED_AT: Final = 50  # before those that a reader does not see are left out


class _Words:
    """One house's uses by their words, followed by the log: what an entry names is read again, the rest stays."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._uses = UsesByWords()
        self._seen = 0  # entries of the log

    def likely(self, connection: Connection, proposed: Candidate) -> list[Duplicate]:
        with self._lock:
            self._follow(connection)
            return self._uses.likely(proposed, most=_LOOKED_AT)

    def _follow(self, connection: Connection) -> None:
        size = size_of(connection)
        if size <= self._seen:  # an older view of the book than one that was asked before: what it lacks does no harm
            return
        changed = self._changed(connection)
        query = _candidates()
        if self._seen == 0 or len(changed) > _MANY:
            self._uses = UsesByWords()
        else:
            named = sorted(changed)
            query = query.where(or_(uses.c.id.in_(named), uses.c.product.in_(named), products.c.vendor.in_(named)))
        if self._seen == 0 or changed:
            for row in connection.execute(query):
                self._uses.put(_candidate(row))
        self._seen = size

    def _changed(self, connection: Connection) -> set[str]:
        query = (
            select(log_entries.c.about)
            .where(log_entries.c.number >= self._seen, log_entries.c.about_kind.in_(("use", "product", "vendor")))
            .distinct()
            .limit(_MANY + 1)
        )
        return set(connection.execute(query).scalars()) if self._seen else set()


_of: Final[WeakKeyDictionary[Database, _Words]] = WeakKeyDictionary()
_lock: Final = threading.Lock()


def likely(
    house: House, connection: Connection, proposed: Candidate, within: Sequence[str], most: int = 5
) -> list[Duplicate]:
    """The uses that a proposed one may be, as far as somebody sees them, the likeliest first.

    Args:
        house: The open house.
        connection: Where to read.
        proposed: What is proposed; its own id, if it has one, is passed over.
        within: Paths of the sites whose uses they see.
        most: How many to give.
    """
    with _lock:
        words = _of.setdefault(house.database, _Words())
    found = words.likely(connection, proposed)
    seen = in_sight(connection, [one.use for one in found], within)
    return [one for one in found if one.use in seen][:most]


def _candidates() -> Select[Any]:
    return (
        select(
            uses.c.id,
            uses.c.name,
            uses.c.purpose,
            uses.c.product,
            products.c.name.label("product_name"),
            vendors.c.name.label("vendor_name"),
        )
        .join(products, products.c.id == uses.c.product)
        .outerjoin(vendors, vendors.c.id == products.c.vendor)
    )


def _candidate(row: Any) -> Candidate:
    return Candidate(
        name=row.name,
        purpose=row.purpose,
        product=row.product_name,
        product_id=row.product,
        vendor=row.vendor_name,
        id=row.id,
    )
