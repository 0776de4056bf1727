"""What of a file only a review may set: of a use that ran before anybody asked, its word is taken for what it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import Connection, or_, select

from codman.registry.fixed_fields import DECIDED, RAN_BEFORE
from codman.registry.imports.convert import Converted, Note
from codman.registry.imports.table import normal
from codman.registry.imports.values import vendor_key
from codman.registry.schema import products, uses, vendors, versions
from codman.registry.schema_review import cases
from codman.spine.use import Decision, Stage

_TARGETS: Final = frozenset(f"use.{name}" for name in DECIDED)
_AT_FIRST: Final = {"use.stage": Stage.PROPOSED.value, "use.decision": Decision.UNDECIDED.value}


class Reviewed:
    """The products of which a use came before a committee, as a file's rows name them.

    Args:
        connection: Where to read.
    """

    def __init__(self, connection: Connection) -> None:
        had = select(uses.c.product).join(cases, cases.c.use == uses.c.id)
        of_them = select(versions.c.digest).where(versions.c.product.in_(had), versions.c.digest.is_not(None))
        self._digests = set(connection.execute(of_them).scalars())
        alike = select(versions.c.product).where(versions.c.digest.in_(of_them))
        named = select(products.c.name, vendors.c.name.label("vendor")).outerjoin(
            vendors, vendors.c.id == products.c.vendor
        )
        rows = connection.execute(named.where(or_(products.c.id.in_(had), products.c.id.in_(alike))))
        self._names = {_key(row.name, row.vendor) for row in rows}

    def has(self, row: Converted) -> bool:
        """Whether a row's product is one of them: the same name of the same vendor, or the same artefact."""
        said = row.fields
        digest = str(said.get("version.digest") or "").casefold()
        return digest in self._digests or _key(said["product.name"], said.get("vendor.name")) in self._names


def _key(name: str, vendor: str | None) -> tuple[str, str | None]:
    return normal(name), vendor_key(vendor) if vendor else None


def leave_to_review(row: Converted, written: Mapping[str, Any] | None, reviewed: Reviewed) -> list[Note]:
    """Have a row say nothing that only a review may set, for somebody who may not decide.

    Args:
        row: The row; what it may not say becomes what it said before, or what every new use begins with.
        written: What the row said when it was imported last; None for a new use, which may say that it runs already,
            since when, and under which risk, unless a committee had its product before it.
        reviewed: The products that a committee had.

    Returns:
        A note for each thing that was left out.
    """
    again = written is None and row.fields.get("use.stage") in RAN_BEFORE
    if again and not reviewed.has(row):
        return []
    why = "a committee had its product, so a review says it" if again else "a review sets it, and you may not"
    before = _AT_FIRST if written is None else {name: written[name] for name in _TARGETS & set(written)}
    said = {name: row.fields.pop(name) for name in _TARGETS & set(row.fields)}
    row.fields |= before
    return [
        Note(row.row, name, f"{name}: {why}; it was left out")
        for name in sorted(said)
        if name != "use.decision" and said[name] != before.get(name)
    ]
