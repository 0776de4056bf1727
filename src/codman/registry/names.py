"""Names by id: what a page calls the people, sites, products and versions that records mention."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from sqlalchemy import Connection, select

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
            found |= {str(name): str(said) for name, said in rows}
    runs = {name for name in wanted if name not in found and name.startswith("deployment-")}
    if runs:
        running = connection.execute(
            select(deployments.c.id, uses.c.name, sites.c.name)
            .join(uses, uses.c.id == deployments.c.use)
            .join(sites, sites.c.id == deployments.c.site)
            .where(deployments.c.id.in_(runs))
        )
        found |= {str(name): f"{use} at {site}" for name, use, site in running}
    brought = {name for name in wanted if name not in found and name.startswith("case-")}
    if brought:
        before = connection.execute(
            select(cases.c.id, uses.c.name, cases.c.checkpoint)
            .join(uses, uses.c.id == cases.c.use)
            .where(cases.c.id.in_(brought))
        )
        found |= {str(name): f"{use}, {checkpoint}" for name, use, checkpoint in before}
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


def _says_its_kind(name: str) -> bool:
    return name.partition("-")[0] in _NAMED
