"""Names by id: what a page calls the people, sites, products and versions that records mention."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from sqlalchemy import Connection, func, select

from codman.registry.schema import (
    deployments,
    documents,
    erasures,
    grants,
    keys,
    people,
    products,
    sites,
    uses,
    vendors,
    versions,
)
from codman.registry.schema_review import cases

# The word an id begins with says where its name stands
_NAMED: Final = {
    "person": people.c.name,
    "site": sites.c.name,
    "product": products.c.name,
    "version": versions.c.label,
    "vendor": vendors.c.name,
    "use": uses.c.name,
    "document": documents.c.title,
    "key": keys.c.name,
}

_FEW: Final = 500  # of more names the book asks once for all


def names_of(connection: Connection, ids: Iterable[str | None]) -> dict[str, str]:
    """The name of each record, by id; ids that the book does not have are left out.

    An id given by a caller need not begin with its kind's word, so those are looked for everywhere.
    """
    wanted = {name for name in ids if name}
    found: dict[str, str] = {}
    for kind, column in _NAMED.items():
        asked = {name for name in wanted if name.startswith(f"{kind}-") or not _says_its_kind(name)}
        if asked:
            rows = connection.execute(select(column.table.c.id, column).where(column.table.c.id.in_(asked)))
            named = {str(name): str(said) for name, said in rows}
            found |= told_apart(connection, named) if kind == "use" else named
    runs = {name for name in wanted if name not in found and name.startswith("deployment-")}
    if runs:
        running = connection.execute(
            select(deployments.c.id, uses.c.id, uses.c.name, sites.c.name)
            .join(uses, uses.c.id == deployments.c.use)
            .join(sites, sites.c.id == deployments.c.site)
            .where(deployments.c.id.in_(runs))
        ).all()
        called = told_apart(connection, {use: name for _, use, name, _ in running})
        found |= {str(name): f"{called[use]} at {site}" for name, use, _, site in running}
    brought = {name for name in wanted if name not in found and name.startswith("case-")}
    if brought:
        before = connection.execute(
            select(cases.c.id, uses.c.id, uses.c.name, cases.c.checkpoint)
            .join(uses, uses.c.id == cases.c.use)
            .where(cases.c.id.in_(brought))
        ).all()
        called = told_apart(connection, {use: name for _, use, name, _ in before})
        found |= {str(name): f"{called[use]}, {checkpoint}" for name, use, _, checkpoint in before}
    given = {name for name in wanted if name not in found and name.startswith("grant-")}
    if given:
        held = connection.execute(
            select(grants.c.id, grants.c.role, people.c.name)
            .join(people, people.c.id == grants.c.person)
            .where(grants.c.id.in_(given))
        )
        found |= {str(name): f"{role} for {person}" for name, role, person in held}
    requests = {name for name in wanted if name not in found and name.startswith("erasure-")}
    if requests:
        entries = connection.execute(select(erasures.c.id, erasures.c.log_index).where(erasures.c.id.in_(requests)))
        found |= {str(name): f"words of entry {index}" for name, index in entries}
    return found


def told_apart(connection: Connection, called: Mapping[str, str]) -> dict[str, str]:
    """The names of uses, by id, each with its product beside it where uses of several products have that name."""
    counted = select(uses.c.name).group_by(uses.c.name).having(func.count(func.distinct(uses.c.product)) > 1)
    if len(called) <= _FEW:
        counted = counted.where(uses.c.name.in_(set(called.values())))
    shared = set(connection.execute(counted).scalars()) if called else set()
    alike = [use for use, name in called.items() if name in shared]
    if not alike:
        return dict(called)
    of = select(uses.c.id, products.c.name).join(products, products.c.id == uses.c.product).where(uses.c.id.in_(alike))
    return {**called, **{use: f"{called[use]} ({product})" for use, product in connection.execute(of)}}


def _says_its_kind(name: str) -> bool:
    return name.partition("-")[0] in _NAMED
