"""matrix_house: how each control of each framework stands over all uses somebody sees, on a day."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from functools import cache
from typing import Any, Final

from sqlalchemy import Column, ColumnElement, Connection, Row, Table, or_, select

from codman.flows.house import House
from codman.flows.review.evidence import exhibits_of_many, judged
from codman.flows.review.exclusions import excluded_in, standing_of
from codman.flows.review.matrix import policies_asked
from codman.flows.review.setting import settings_of
from codman.flows.review.spared import spared_of_many
from codman.registry.access import NotAllowed, Reader, paths_for
from codman.registry.database import instant
from codman.registry.documents import Basis
from codman.registry.evidence_of import OF_ALL_USES
from codman.registry.frameworks import FrameworkField, every_framework
from codman.registry.inventory import visible
from codman.registry.nouns import PRODUCTS, USES
from codman.registry.schema import NO_ANSWER, documents, facts, products, statements, uses, vendors, versions
from codman.registry.standing import FACT_BASIS, STANDS
from codman.review.controls import Filed, Judged, Known, Said, judged_in
from codman.review.controls_house import HouseMatrix, house_matrix
from codman.review.packs.choose import technique_of
from codman.review.packs.framework import frameworks
from codman.review.policy.exhibit import Exhibit
from codman.spine.day import end_of
from codman.spine.exclusion import Exclusion
from codman.spine.policy import Policy
from codman.spine.product import Product
from codman.spine.use import Stage, Use

_AT_ONCE: Final = 500  # names in one question


def controls_of_house(house: House, reader: Reader, connection: Connection, on: date) -> HouseMatrix:
    """Every control of the frameworks that hold on a day, over all uses within somebody's reach but the retired ones.

    What counts on a past day, and what does not, is as `matrix.controls_of` says of one use.

    Raises:
        NotAllowed: They may read no review.
    """
    within = paths_for(reader, "review.read")
    if not within:
        raise NotAllowed("review.read", "anywhere")
    now = house.database.clock()
    at = now if on >= house.database.today() else end_of(on, house.database.zone)
    rows = connection.execute(
        select(uses).where(visible(within), uses.c.stage != Stage.RETIRED.value).order_by(uses.c.name, uses.c.id)
    )
    known = known_in_house(house, connection, [USES.read(row) for row in rows], at, today=at is now)
    return house_matrix(frameworks(on), known, at)


def known_in_house(
    house: House, connection: Connection, found: Sequence[Use], at: datetime, *, today: bool
) -> dict[str, Known]:
    """What is known of many uses, with as many questions to the database as for a few.

    Args:
        house: The open house.
        connection: Where to read.
        found: The uses.
        at: Until when what was filed counts.
        today: Whether what the book says without a date counts too.
    """
    made_by = PRODUCTS.get_many(connection, sorted({use.product for use in found}))
    book = _Book(connection, found)
    later = _later(connection, at)
    exhibits = exhibits_of_many(house, connection, found)
    asked = _Asked(house, at)
    settings = settings_of(connection, found)
    names = [use.id for use in found]
    spared, agreed = spared_of_many(connection, names), standing_of(connection)
    known = {}
    for use in found:
        product, setting = made_by[use.product], settings[use.id]
        held = [one for one in exhibits[use.id] if one.digest not in later]
        said = [*(book.undated(use) if today else ()), *book.told(use)]
        known[use.id] = Known(
            judged=list(_judged(asked, connection, use, product, setting, held, agreed.get(use.id, []), at)),
            said=said,
            filed=book.papers(use),
            subject=_subject(use, product, setting),
            not_applicable=spared.get(use.id, {}),
        )
    return known


def _subject(use: Use, product: Product, setting: str | None) -> dict[str, str]:
    subject = {
        "technique": technique_of(product.generative, None),
        "tier": use.tier,
        "setting": setting,
        "kind": product.kind,
    }
    return {key: str(value) for key, value in subject.items() if value is not None}


def _judged(
    asked: _Asked,
    connection: Connection,
    use: Use,
    product: Product,
    setting: str | None,
    held: list[Exhibit],
    agreed: list[Exclusion],
    at: datetime,
) -> Iterator[Judged]:
    agreed = [one for one in agreed if (one.agreed_at or "") <= instant(at)]
    tasks = {one.task for one in held if one.task is not None}
    origins = {one.digest: one.origin for one in held}
    for policy in asked.of(use, product, next(iter(tasks)) if len(tasks) == 1 else None, setting):
        excluded = excluded_in(connection, policy, agreed) if agreed else None
        verdict = judged(held, policy, use, product, at=at, setting=setting, excluded=excluded)
        yield from judged_in(policy, verdict, origins)


class _Asked:
    """The policies that uses are held to: chosen once for all that are alike."""

    def __init__(self, house: House, at: datetime) -> None:
        self._house, self._at = house, at
        self._found: dict[tuple[Any, ...], list[Policy]] = {}

    def of(self, use: Use, product: Product, task: str | None, setting: str | None) -> list[Policy]:
        """As `policies_asked` gives them."""
        alike = (use.stage, use.tier, setting, product.kind, product.generative, task)
        if alike not in self._found:
            self._found[alike] = list(policies_asked(self._house, use, product, task, setting, self._at))
        return self._found[alike]


class _Book:
    """What the registry says of many uses, read at once and handed out by use."""

    def __init__(self, connection: Connection, found: Sequence[Use]) -> None:
        names = sorted({use.product for use in found})
        self._products = _by_id(_rows(connection, products, products.c.id, names))
        owners = {row.vendor for row in self._products.values() if row.vendor is not None}
        self._vendors = _by_id(_rows(connection, vendors, vendors.c.id, sorted(owners)))
        self._uses = {use.id: use for use in found}
        self._made: dict[str, list[Row[Any]]] = defaultdict(list)
        for row in _rows(connection, versions, versions.c.product, names):
            self._made[row.product].append(row)
        about = sorted({*names, *self._uses, *(row.id for rows in self._made.values() for row in rows)})
        self._facts = _by_about(_rows(connection, facts, facts.c.about, about, FACT_BASIS.label("stands_as")))
        self._papers = _by_about(_rows(connection, documents, documents.c.about, about))
        self._shown: dict[str, set[tuple[str, str | None, str]]] = defaultdict(set)
        for some in _some(names):
            query = select(
                statements.c.use_id,
                statements.c.product_id,
                statements.c.kind,
                statements.c.origin,
                STANDS.label("stands"),
            )
            told = or_(statements.c.use_id.is_not(None), OF_ALL_USES)
            for row in connection.execute(query.where(told, statements.c.product_id.in_(some)).distinct()):
                self._shown[row.use_id or row.product_id].add((row.kind, row.origin, row.stands))

    def _abouts(self, use: Use) -> tuple[str, ...]:
        return (use.id, use.product, *(row.id for row in self._made[use.product]))

    def told(self, use: Use) -> list[Said]:
        """Facts about it, each also under the controls that it answers beside its own."""
        found = []
        for about in self._abouts(use):
            for row in self._facts.get(about, ()):
                if row.value.strip().casefold() not in NO_ANSWER:
                    for control in _answered_by().get(row.field, (row.field,)):
                        said_at = row.updated_at
                        found.append(
                            Said(control=control, basis=Basis(row.stands_as), source=row.source, said_at=said_at)
                        )
        return found

    def papers(self, use: Use) -> list[Filed]:
        """Documents about it."""
        return [
            Filed(type=row.type, filed_at=row.created_at)
            for about in self._abouts(use)
            for row in self._papers.get(about, ())
        ]

    def undated(self, use: Use) -> Iterator[Said]:
        """What columns say and statements show; of the book as it stands today."""
        product = self._products[use.product]
        nouns: Mapping[str, Sequence[Any]] = {
            "use": (use,),
            "product": (product,),
            "vendor": (self._vendors[product.vendor],) if product.vendor is not None else (),
            "version": self._made[use.product],
        }
        shown = self._shown[use.id] | self._shown[use.product]
        for (noun, column), said in _columns().items():
            if any(_says(getattr(one, column)) for one in nouns[noun]):
                yield from said
        for kind, origin, stands in shown:
            basis = Basis.EVIDENCE if stands == "verified" else Basis.CLAIM
            for control in _shown_by(kind, origin):
                yield Said(control=control, basis=basis, source="filed evidence")


@cache
def _columns() -> Mapping[tuple[str, str], tuple[Said, ...]]:
    """What each noun's column answers, where it says anything."""
    found: dict[tuple[str, str], list[Said]] = defaultdict(list)
    for f in every_framework():
        for field in f.fields:
            if field.column is not None:
                said = Said(control=f"{f.framework}/{field.id}", basis=Basis.CLAIM, source=field.home)
                found[field.column].append(said)
    return {column: tuple(said) for column, said in found.items()}


@cache
def _shown_by(kind: str, origin: str | None) -> tuple[str, ...]:
    """The controls that such a statement answers."""
    return tuple(
        f"{f.framework}/{field.id}" for f in every_framework() for field in f.fields if _fits(field, kind, origin)
    )


@cache
def _answered_by() -> Mapping[str, tuple[str, ...]]:
    """The controls that each fact answers."""
    found: dict[str, list[str]] = defaultdict(list)
    for f in every_framework():
        for field in f.fields:
            for name in f.facts_of(field):
                found[name].append(f"{f.framework}/{field.id}")
    return {name: tuple(controls) for name, controls in found.items()}


def _fits(field: FrameworkField, kind: str, origin: str | None) -> bool:
    shown = field.evidence
    return shown is not None and kind in shown.kind and (not shown.origin or origin in shown.origin)


def _says(value: Any) -> bool:
    return value is not None and (not isinstance(value, str) or value.strip().casefold() not in NO_ANSWER)


def _later(connection: Connection, at: datetime) -> set[str]:
    """What was filed only afterwards."""
    after = instant(at)
    filed = connection.execute(select(statements.c.digest).where(statements.c.filed_at > after)).scalars()
    papers = connection.execute(select(documents.c.digest).where(documents.c.created_at > after)).scalars()
    return {*filed, *papers}


def _rows(
    connection: Connection, table: Table, column: Column[Any], names: Sequence[str], *more: ColumnElement[Any]
) -> Iterator[Row[Any]]:
    for some in _some(names):
        yield from connection.execute(select(table, *more).where(column.in_(some)))


def _some(names: Sequence[str]) -> Iterator[Sequence[str]]:
    for low in range(0, len(names), _AT_ONCE):
        yield names[low : low + _AT_ONCE]


def _by_id(rows: Iterable[Row[Any]]) -> dict[str, Row[Any]]:
    return {row.id: row for row in rows}


def _by_about(rows: Iterable[Row[Any]]) -> dict[str, list[Row[Any]]]:
    found: dict[str, list[Row[Any]]] = defaultdict(list)
    for row in rows:
        found[row.about].append(row)
    return found
