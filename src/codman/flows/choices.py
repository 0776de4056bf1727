"""What a form may choose from: records by their names, as far as somebody sees them.

A name and an id each, never the whole record: a house has thousands of products.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from sqlalchemy import Column, ColumnElement, Connection, Select, false, null, or_, select

from codman.flows.house import House
from codman.flows.record_rules import KINDS
from codman.registry.access import ACTIONS, Reader, paths_for
from codman.registry.names import told_apart
from codman.registry.schema import grants, people, products, sites, uses, versions
from codman.spine.person import Role

_BESIDE: Final[dict[str, Column[Any]]] = {  # what tells apart those of one name
    "site": sites.c.path,
    "person": people.c.discipline,
    "version": products.c.name,
}


@dataclass(frozen=True, slots=True)
class Who:
    """Which people may be chosen: those of the house who may do something."""

    action: str
    places: Sequence[str] = ()  # paths of sites, at one of which they may; without, anywhere
    but: Collection[str] = ()  # these may not, whatever their roles
    not_as: Collection[Role] = ()  # roles by which alone nobody is offered


# Who keeps the accounts is no clinician by that; one who is both holds another role beside
CLINICIANS: Final = Who("deployment.accept", not_as=(Role.ADMIN,))


@dataclass(frozen=True, slots=True)
class Choice:
    """A record that may be chosen."""

    id: str
    name: str
    beside: str | None  # a site's path, a person's discipline, a version's product


def choices(
    house: House,
    reader: Reader,
    kind: str,
    *,
    words: str | None = None,
    within: Sequence[str] = ("/",),
    product: str | None = None,
    who: Who | None = None,
    limit: int = 200,
) -> list[Choice]:
    """Some records of a kind that somebody sees, by name; sites as the hierarchy has them.

    Args:
        house: The open house.
        reader: Who chooses.
        kind: Which kind, e.g. product.
        words: Looked for in the names; all of them must be found.
        within: Of sites, only those at or below these paths.
        product: Of versions, only those of this product.
        who: Of people, only these.
        limit: How many.
    """
    query, called = _query(reader, kind)
    for word in (words or "").split()[:8]:
        looked = [called, products.c.name] if kind == "version" else [called]
        query = query.where(or_(*(column.icontains(word, autoescape=True) for column in looked)))
    if kind == "site" and "/" not in within:
        query = query.where(or_(false(), *(sites.c.path.startswith(path, autoescape=True) for path in within)))
    if kind == "version" and product is not None:
        query = query.where(versions.c.product == product)
    if kind == "person" and who is not None:
        query = query.where(people.c.active, people.c.id.in_(_holding(who)), people.c.id.not_in(who.but))
    order = (sites.c.path if kind == "site" else called, KINDS[kind].records.table.c.id)
    with house.database.reading() as connection:
        return _apart(connection, kind, connection.execute(query.order_by(*order).limit(limit)))


def _holding(who: Who) -> Select[Any]:
    """The people whose role lets them do something; it reaches the site it begins at and all below."""
    roles = [role.value for role in ACTIONS[who.action] if role not in who.not_as]
    query = select(grants.c.person).outerjoin(sites, sites.c.id == grants.c.site).where(grants.c.role.in_(roles))
    if not who.places:
        return query
    above = {path[: end + 1] for path in who.places for end, letter in enumerate(path) if letter == "/"}
    return query.where(or_(grants.c.site.is_(None), sites.c.path.in_(above)))


def product_of(house: House, reader: Reader, use: str) -> str | None:
    """The product of a use; None where there is no such use within reach."""
    rules = KINDS["use"]
    query = select(uses.c.product).where(uses.c.id == use, rules.seen(paths_for(reader, rules.read), reader))
    with house.database.reading() as connection:
        return connection.execute(query).scalar_one_or_none()


def chosen(house: House, reader: Reader, kind: str, name: str) -> Choice | None:
    """One record as a choice; None where there is none of that id within reach."""
    query, _ = _query(reader, kind)
    with house.database.reading() as connection:
        found = _apart(connection, kind, connection.execute(query.where(KINDS[kind].records.table.c.id == name)))
    return found[0] if found else None


def _apart(connection: Connection, kind: str, rows: Iterable[Any]) -> list[Choice]:
    """The rows as choices; a use whose name uses of other products have is called with its product."""
    found = [Choice(*row) for row in rows]
    if kind != "use":
        return found
    called = told_apart(connection, {one.id: one.name for one in found})
    return [replace(one, name=called[one.id]) for one in found]


def _query(reader: Reader, kind: str) -> tuple[Select[Any], ColumnElement[Any]]:
    rules = KINDS[kind]
    table = rules.records.table
    called = versions.c.label if kind == "version" else table.c.name
    query = select(table.c.id, called, _BESIDE.get(kind, null())).select_from(table)
    if kind == "version":
        query = query.join(products, products.c.id == versions.c.product)
    return query.where(rules.seen(paths_for(reader, rules.read), reader)), called
