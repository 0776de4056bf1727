"""Vendors, products and their versions by their names, made once where they are new."""

from __future__ import annotations

from typing import Final

from sqlalchemy import select

from codman.registry.database import Change
from codman.registry.identifiers import new_id
from codman.registry.imports.convert import Converted
from codman.registry.imports.table import normal
from codman.registry.imports.values import vendor_key
from codman.registry.nouns import VENDORS, VERSIONS
from codman.registry.schema import products, vendors, versions
from codman.spine.product import VendorFields, VersionFields

_LONGEST: Final = 300


class Suppliers:
    """The book's vendors and products by the names that files use.

    Args:
        change: The transaction; vendors that are new are added in it.
    """

    def __init__(self, change: Change) -> None:
        self._change = change
        self._vendors: dict[str, str] = {
            vendor_key(row.name): row.id for row in change.connection.execute(select(vendors.c.id, vendors.c.name))
        }
        self._products: dict[tuple[str, str | None], str] = {}
        for row in change.connection.execute(
            select(products.c.id, products.c.name, products.c.vendor).order_by(products.c.id)
        ):
            self._products.setdefault((normal(row.name), row.vendor), row.id)

    def vendor(self, row: Converted) -> str | None:
        """The vendor a row names, made where the book has none of that name."""
        name = row.fields.get("vendor.name")
        if not name:
            return None
        key = vendor_key(str(name))
        if key not in self._vendors:
            made = new_id("vendor")
            contact = str(row.fields.get("vendor.contact") or "")[:_LONGEST] or None
            VENDORS.add(self._change, VendorFields(name=name, contact=contact), made)
            self._vendors[key] = made
        return self._vendors[key]

    def named(self, name: str | None) -> str | None:
        """The vendor of that name, if the book has one."""
        return self._vendors.get(vendor_key(name)) if name else None

    def product(self, row: Converted, vendor: str | None) -> str | None:
        """The product of that name and vendor, if the book has one."""
        return self._products.get((normal(str(row.fields["product.name"])), vendor))

    def remember(self, row: Converted, vendor: str | None, product: str) -> None:
        """Know a new product again in the rows that follow."""
        self._products[normal(str(row.fields["product.name"])), vendor] = product

    def version(self, product: str, row: Converted) -> None:
        """The edition a row names, once for each label; a digest that is none was kept as a fact and pins nothing."""
        fields = row.of("version") | {"product": product}
        digest = str(fields.get("digest") or "").casefold()
        fields["digest"] = digest if len(digest) == 64 and all(c in "0123456789abcdef" for c in digest) else None
        there = self._change.connection.execute(
            select(versions.c.id).where(versions.c.product == product, versions.c.label == fields["label"])
        ).scalar_one_or_none()
        if there is None:
            VERSIONS.add(self._change, VersionFields.model_validate(fields))
