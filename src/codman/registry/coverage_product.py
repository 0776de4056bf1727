"""Coverage of one product: what is answered of it whoever uses it, and what only each of its uses can answer."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, select

from codman.registry.coverage import State, _says
from codman.registry.frameworks import Framework, FrameworkField, every_framework
from codman.registry.nouns import PRODUCTS
from codman.registry.schema import facts, products, statements, vendors, versions
from codman.registry.standing import STANDS

_ORDER: Final = tuple(State)
_VERIFIED: Final = "verified"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductTally:
    """One framework: how many of its fields are in each state for the product itself."""

    framework: str
    title: str
    fields: int  # those a product can answer; with `by_use`, all of the framework's
    counts: Mapping[State, int]
    by_use: int  # those that each use answers for itself: its purpose, its patients, who sees its output


def product_coverage(connection: Connection, product: str) -> list[ProductTally]:
    """Every framework's fields for a product itself, counted by what stands behind each answer.

    Raises:
        NoSuchRecord: There is no such product.
    """
    PRODUCTS.get(connection, product)
    columns = _columns(connection, product)
    told = _told(connection, product)
    shown = connection.execute(
        select(statements.c.kind, statements.c.origin, STANDS.label("standing")).where(
            statements.c.product_id == product
        )
    ).all()
    found = []
    for framework in every_framework():
        counts = dict.fromkeys(_ORDER, 0)
        by_use = 0
        for field in framework.fields:
            state = _state(framework, field, columns, told, shown)
            if state is State.MISSING and field.column is not None and field.column[0] == "use":
                by_use += 1
            else:
                counts[state] += 1
        title, fields = framework.title, len(framework.fields) - by_use
        found.append(
            ProductTally(framework=framework.framework, title=title, fields=fields, counts=counts, by_use=by_use)
        )
    return found


def _state(
    framework: Framework,
    field: FrameworkField,
    columns: Mapping[str, Sequence[Mapping[str, Any]]],
    told: Mapping[str, set[State]],
    shown: Sequence[Any],
) -> State:
    reached = {State.MISSING}
    if field.column is not None and any(_says(row[field.column[1]]) for row in columns.get(field.column[0], ())):
        reached.add(State.CLAIM)
    for name in framework.facts_of(field):
        reached |= told.get(name, set())
    if field.evidence is not None:
        for one in shown:
            if one.kind in field.evidence.kind and (not field.evidence.origin or one.origin in field.evidence.origin):
                reached.add(State.EVIDENCE if one.standing == _VERIFIED else State.CLAIM)
    return max(reached, key=_ORDER.index)


def _columns(connection: Connection, product: str) -> dict[str, list[Mapping[str, Any]]]:
    """The records that a home of the product's may name: the product, its vendor, its versions."""
    queries = {
        "product": select(products).where(products.c.id == product),
        "vendor": select(vendors).join(products, products.c.vendor == vendors.c.id).where(products.c.id == product),
        "version": select(versions).where(versions.c.product == product),
    }
    return {noun: [dict(row._mapping) for row in connection.execute(query)] for noun, query in queries.items()}


def _told(connection: Connection, product: str) -> dict[str, set[State]]:
    """What stands behind the facts about the product and its versions, by their field."""
    made = select(versions.c.id).where(versions.c.product == product)
    about = (facts.c.about == product) | facts.c.about.in_(made)
    found: dict[str, set[State]] = defaultdict(set)
    for fact in connection.execute(select(facts.c.field, facts.c.basis, facts.c.value).where(about)):
        if _says(fact.value):
            found[fact.field].add(State(fact.basis))
    return found
