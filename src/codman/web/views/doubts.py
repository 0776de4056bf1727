"""Statements that may mean several products or uses, each with what to choose from; and what names none in the book."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from codman.flows.settling import Unknown
from codman.registry.names import names_of
from codman.registry.namesakes import Ambiguous
from codman.registry.nouns import PRODUCTS


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One thing a statement may mean."""

    product: str
    use: str
    href: str
    said: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DoubtLine:
    """A statement that waits."""

    digest: str
    says: str
    filed_at: str
    choices: tuple[Choice, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownLine:
    """A statement that names a use or a version which its product does not have in the book."""

    digest: str
    product: str
    names: str
    filed_at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DoubtsView:
    """The whole page."""

    lines: tuple[DoubtLine, ...]
    unknown: tuple[UnknownLine, ...]


def doubts_view(connection: Connection, waiting: Sequence[Ambiguous], unknown: Sequence[Unknown]) -> DoubtsView:
    """The page.

    Args:
        connection: Where to read.
        waiting: The statements that may mean several.
        unknown: Those that name what the book does not know.
    """
    about = {name for one in waiting for name in one.products} | {one.product for one in unknown}
    products = PRODUCTS.get_many(connection, about)
    ids = [name for one in waiting for name in one.uses]
    named = names_of(connection, [*ids, *(one.vendor for one in products.values())])

    def product(name: str) -> Choice:
        one = products[name]
        vendor = named.get(one.vendor or "", "no vendor said")
        return Choice(product=name, use="", href=f"/products/{name}", said=f"{one.name} ({vendor}; {name})")

    def use(of: str, name: str) -> Choice:
        return Choice(product=of, use=name, href=f"/uses/{name}", said=f"{named.get(name, name)} ({name})")

    return DoubtsView(
        lines=tuple(
            DoubtLine(
                digest=one.digest,
                says=", ".join(part for part in (one.product, one.version, one.use) if part),
                filed_at=one.filed_at,
                choices=tuple(use(one.products[0], name) for name in one.uses)
                if len(one.products) == 1
                else tuple(product(name) for name in one.products),
            )
            for one in waiting
        ),
        unknown=tuple(
            UnknownLine(
                digest=one.digest,
                product=products[one.product].name,
                names=" and ".join(
                    f"the {what} “{said}”" for what, said in (("use", one.use), ("version", one.version)) if said
                ),
                filed_at=one.filed_at,
            )
            for one in unknown
        ),
    )
