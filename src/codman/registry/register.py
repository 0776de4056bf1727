"""The house's registers as pages show them: people with their roles, sites as a tree, vendors with what they supply."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, func, select

from codman.registry.inventory import visible
from codman.registry.nouns import PRODUCTS, VENDORS
from codman.registry.schema import deployments, grants, products, sites, uses, vendors
from codman.spine.product import Product, Vendor


@dataclass(frozen=True, slots=True)
class Held:
    """A role somebody holds."""

    id: str
    revision: int
    role: str
    site: str | None  # its id; None is the whole house
    site_name: str | None
    path: str


def roles_of(connection: Connection, persons: Sequence[str]) -> dict[str, list[Held]]:
    """The roles of these people, by site."""
    rows = connection.execute(
        select(
            grants.c.id, grants.c.revision, grants.c.person, grants.c.role, grants.c.site, sites.c.name, sites.c.path
        )
        .outerjoin(sites, sites.c.id == grants.c.site)
        .where(grants.c.person.in_(persons))
        .order_by(sites.c.path, grants.c.role)
    )
    found: dict[str, list[Held]] = {}
    for row in rows:
        held = Held(row.id, row.revision, row.role, row.site, row.name, row.path or "/")
        found.setdefault(row.person, []).append(held)
    return found


def uses_owned(connection: Connection, persons: Sequence[str]) -> dict[str, int]:
    """How many uses each of these people answers for, but the retired ones."""
    rows = connection.execute(
        select(uses.c.owner, func.count())
        .where(uses.c.owner.in_(persons), uses.c.stage != "retired")
        .group_by(uses.c.owner)
    )
    return {owner: int(number) for owner, number in rows}


@dataclass(frozen=True, slots=True)
class Place:
    """A site in the tree."""

    id: str
    name: str
    level: str
    path: str
    uses: int  # that run there and have not ended
    revision: int


def tree(connection: Connection, within: Sequence[str] = ("/",)) -> Sequence[Place]:
    """Every site a reader sees, each below the one it stands under."""
    running = (
        select(deployments.c.site, func.count().label("number"))
        .where(deployments.c.mode != "ended")
        .group_by(deployments.c.site)
        .subquery()
    )
    rows = connection.execute(
        select(sites, running.c.number).outerjoin(running, running.c.site == sites.c.id).order_by(sites.c.path)
    ).all()
    seen = [row for row in rows if any(row.path.startswith(path) or path.startswith(row.path) for path in within)]
    return [Place(row.id, row.name, row.level, row.path, int(row.number or 0), row.revision) for row in _in_order(seen)]


def vendor_lines(connection: Connection) -> Sequence[tuple[Vendor, int]]:
    """Every vendor with the number of products they supply; the contract that ends soonest first."""
    supplied = select(products.c.vendor, func.count().label("number")).group_by(products.c.vendor).subquery()
    rows = connection.execute(
        select(vendors, supplied.c.number)
        .outerjoin(supplied, supplied.c.vendor == vendors.c.id)
        .order_by(vendors.c.contract_ends.is_(None), vendors.c.contract_ends, vendors.c.name)
        .limit(1000)
    )
    return [(VENDORS.read(row), int(row.number or 0)) for row in rows]


def supplied_by(connection: Connection, vendor: str, within: Sequence[str] = ("/",)) -> Sequence[tuple[Product, int]]:
    """A vendor's products with the number of their uses that a reader sees."""
    seen = (
        select(uses.c.product, func.count().label("number")).where(visible(within)).group_by(uses.c.product).subquery()
    )
    rows = connection.execute(
        select(products, seen.c.number)
        .outerjoin(seen, seen.c.product == products.c.id)
        .where(products.c.vendor == vendor)
        .order_by(products.c.name)
        .limit(1000)
    )
    return [(PRODUCTS.read(row), int(row.number or 0)) for row in rows]


def _in_order(rows: Sequence[Row[Any]]) -> list[Row[Any]]:
    """Siblings by name, each family together: a path alone sorts by ids."""
    by_parent: dict[str | None, list[Row[Any]]] = {}
    ids = {row.id for row in rows}
    for row in rows:
        parent = row.parent if row.parent in ids else None
        by_parent.setdefault(parent, []).append(row)
    ordered: list[Row[Any]] = []

    def take(parent: str | None) -> None:
        for row in sorted(by_parent.get(parent, []), key=lambda row: row.name):
            ordered.append(row)
            take(row.id)

    take(None)
    return ordered
