"""Coverage: which fields of a framework are answered, and by what: evidence, a document, a claim, or nothing.

A column or a fact is somebody's claim until a document or verified evidence stands behind it. `N/A` answers nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Connection, Select, Table, and_, case, func, or_, select, true

from codman.registry.frameworks import Framework, FrameworkField, every_framework
from codman.registry.inventory import visible
from codman.registry.records import NoSuchRecord
from codman.registry.schema import facts, products, statements, uses, vendors, versions

_NO_ANSWER: Final = (
    "",
    "-",
    "n/a",
    "na",
    "none provided",
    "not available",
    "not provided",
    "not specified",
    "tbd",
    "to be determined",
    "unknown",
)
_VERIFIED: Final = "verified"


class State(StrEnum):
    """What stands behind an answer, the weakest first."""

    MISSING = "missing"
    CLAIM = "claim"
    DOCUMENT = "document"
    EVIDENCE = "evidence"


_ORDER: Final = tuple(State)


@dataclass(frozen=True, slots=True)
class Answer:
    """One field of a framework, for one use."""

    framework: str
    field: FrameworkField
    state: State
    value: str | None  # what is said, where it is words
    source: str | None  # the column, or whose word a fact is
    evidence: str | None = None  # the digest of the statement that shows it


@dataclass(frozen=True, slots=True)
class Tally:
    """How many fields are in each state."""

    framework: str
    title: str
    fields: int
    counts: Mapping[State, int]

    @property
    def answered(self) -> int:
        """Fields that are not missing."""
        return self.fields - self.counts.get(State.MISSING, 0)


@dataclass(frozen=True, slots=True)
class FieldCoverage:
    """One field of a framework over all uses: how many uses are in each state."""

    framework: str
    field: FrameworkField
    counts: Mapping[State, int]


def coverage_of(connection: Connection, use: str) -> list[Answer]:
    """Every field of every framework for one use, with its state.

    Raises:
        NoSuchRecord: There is no such use.
    """
    row = connection.execute(
        select(uses.c.id, uses.c.product, products.c.vendor)
        .join(products, products.c.id == uses.c.product)
        .where(uses.c.id == use)
    ).one_or_none()
    if row is None:
        raise NoSuchRecord("use", use)
    nouns = _nouns(connection, row)
    told = _told(connection, row)
    shown = _shown(connection, row)
    return [_answer(f, field, nouns, told, shown) for f in every_framework() for field in f.fields]


def tallies(answers: Iterable[Answer]) -> list[Tally]:
    """How many fields of each framework are in each state."""
    counts: dict[str, dict[State, int]] = defaultdict(lambda: dict.fromkeys(_ORDER, 0))
    for answer in answers:
        counts[answer.framework][answer.state] += 1
    return [Tally(f.framework, f.title, len(f.fields), counts[f.framework]) for f in every_framework()]


def house_coverage(connection: Connection, within: Sequence[str] = ("/",)) -> list[FieldCoverage]:
    """Every field of every framework over all uses in reach: how many are shown, documented, claimed, missing.

    Sets of uses are whole numbers here, one bit a use: a union is one operation, however many uses there are.
    """
    rows = connection.execute(select(uses.c.id, uses.c.product).where(visible(within)).order_by(uses.c.id)).all()
    bit = {row.id: 1 << position for position, row in enumerate(rows)}
    of_product: dict[str, int] = defaultdict(int)
    for row in rows:
        of_product[row.product] |= bit[row.id]
    everyone = (1 << len(rows)) - 1
    columns = _column_sets(connection, bit, of_product)
    told = _fact_sets(connection, bit, of_product)
    result = []
    for f in every_framework():
        for field in f.fields:
            reached = dict.fromkeys(_ORDER, 0)
            if field.column is not None:
                reached[State.CLAIM] |= columns.get(field.column, 0)
            for name in f.facts_of(field):
                for state, users in told.get(name, {}).items():
                    reached[state] |= users
            if field.evidence is not None:
                for state, users in _statement_sets(connection, field, bit, of_product).items():
                    reached[state] |= users
            result.append(FieldCoverage(f.framework, field, _counts(reached, everyone)))
    return result


def _counts(reached: Mapping[State, int], everyone: int) -> dict[State, int]:
    """How many uses have each state as their best."""
    counts: dict[State, int] = {}
    left = everyone
    for state in reversed(_ORDER[1:]):
        counts[state] = (reached[state] & left).bit_count()
        left &= ~reached[state]
    counts[State.MISSING] = left.bit_count()
    return counts


def _nouns(connection: Connection, row: Any) -> dict[str, list[Mapping[str, Any]]]:
    """The records a home may name: the use, its product, the vendor, the product's versions."""

    def read(table: Table, condition: Any) -> list[Mapping[str, Any]]:
        return [dict(r._mapping) for r in connection.execute(select(table).where(condition))]

    return {
        "use": read(uses, uses.c.id == row.id),
        "product": read(products, products.c.id == row.product),
        "vendor": read(vendors, vendors.c.id == row.vendor) if row.vendor else [],
        "version": read(versions, versions.c.product == row.product),
    }


def _told(connection: Connection, row: Any) -> dict[str, list[Any]]:
    """Facts about the use, its product and its versions, by their field."""
    found: dict[str, list[Any]] = defaultdict(list)
    made = select(versions.c.id).where(versions.c.product == row.product)
    for fact in connection.execute(
        select(facts).where(or_(facts.c.about.in_((row.id, row.product)), facts.c.about.in_(made)), _says_something())
    ):
        found[fact.field].append(fact)
    return found


def _shown(connection: Connection, row: Any) -> list[Any]:
    about = or_(
        statements.c.use_id == row.id, and_(statements.c.use_id.is_(None), statements.c.product_id == row.product)
    )
    return list(
        connection.execute(
            select(statements.c.digest, statements.c.kind, statements.c.origin, statements.c.standing)
            .where(about)
            .order_by(statements.c.filed_at.desc())
        )
    )


def _answer(
    framework: Framework,
    field: FrameworkField,
    nouns: Mapping[str, Sequence[Mapping[str, Any]]],
    told: Mapping[str, Sequence[Any]],
    shown: Sequence[Any],
) -> Answer:
    best = Answer(framework.framework, field, State.MISSING, None, None)
    if field.column is not None:
        noun, column = field.column
        value = next((r[column] for r in nouns[noun] if _says(r[column])), None)
        if value is not None:
            words = ", ".join(map(str, value)) or "none" if isinstance(value, list) else str(value)
            best = Answer(framework.framework, field, State.CLAIM, words, field.home)
    for name in framework.facts_of(field):
        for fact in told.get(name, ()):
            state = State(fact.basis)
            if _ORDER.index(state) > _ORDER.index(best.state):
                best = Answer(framework.framework, field, state, fact.value, fact.source, fact.evidence)
    if field.evidence is not None:
        for statement in shown:
            fits = statement.kind in field.evidence.kind and (
                not field.evidence.origin or statement.origin in field.evidence.origin
            )
            state = State.EVIDENCE if statement.standing == _VERIFIED else State.CLAIM
            if fits and _ORDER.index(state) > _ORDER.index(best.state):
                best = Answer(framework.framework, field, state, best.value, "filed evidence", statement.digest)
    return best


def _says(value: Any) -> bool:
    return value is not None and (not isinstance(value, str) or value.strip().casefold() not in _NO_ANSWER)


def _says_something() -> Any:
    return func.lower(func.trim(func.substr(facts.c.value, 1, 40))).not_in(_NO_ANSWER)


def _column_sets(
    connection: Connection, bit: Mapping[str, int], of_product: Mapping[str, int]
) -> dict[tuple[str, str], int]:
    """The uses whose column is filled, by noun and column."""
    wanted: dict[str, list[str]] = defaultdict(list)
    for f in every_framework():
        for field in f.fields:
            if field.column is not None and field.column[1] not in wanted[field.column[0]]:
                wanted[field.column[0]].append(field.column[1])
    queries: dict[str, tuple[Select[Any], Mapping[str, int]]] = {
        "use": (select(uses.c.id, *_filled(uses, wanted["use"])), bit),
        "product": (select(products.c.id, *_filled(products, wanted["product"])), of_product),
        "vendor": (
            select(products.c.id, *_filled(vendors, wanted["vendor"])).join(vendors, vendors.c.id == products.c.vendor),
            of_product,
        ),
        "version": (select(versions.c.product, *_filled(versions, wanted["version"])), of_product),
    }
    found: dict[tuple[str, str], int] = defaultdict(int)
    for noun, (query, who) in queries.items():
        if not wanted[noun]:
            continue
        names = wanted[noun]
        gathered = [_Gather() for _ in names]
        for about, *filled in connection.execute(query):
            users = who.get(about)
            if users:
                for gather, yes in zip(gathered, filled, strict=True):
                    if yes:
                        gather.add(users)
        for name, gather in zip(names, gathered, strict=True):
            found[noun, name] = gather.union()
    return found


def _filled(table: Table, names: Sequence[str]) -> list[Any]:
    columns = [table.c[name] for name in names]
    return [case((c.is_not(None), 1), else_=0).label(f"has_{c.name}") for c in columns]


def _fact_sets(
    connection: Connection, bit: Mapping[str, int], of_product: Mapping[str, int]
) -> dict[str, dict[State, int]]:
    """The uses a fact is told of, by its field and what stands behind it."""
    asked = {name for f in every_framework() for field in f.fields for name in f.facts_of(field)}
    gathered: dict[tuple[str, str], _Gather] = defaultdict(_Gather)
    of_version = {v.id: v.product for v in connection.execute(select(versions.c.id, versions.c.product))}
    query = select(facts.c.field, facts.c.basis, facts.c.about_kind, facts.c.about).where(_says_something())
    for name, basis, kind, about in connection.execute(query):
        if name in asked:
            users = bit.get(about) if kind == "use" else of_product.get(of_version.get(about, about))
            if users:
                gathered[name, basis].add(users)
    found: dict[str, dict[State, int]] = defaultdict(dict)
    for (name, basis), gather in gathered.items():
        found[name][State(basis)] = gather.union()
    return found


def _statement_sets(
    connection: Connection, field: FrameworkField, bit: Mapping[str, int], of_product: Mapping[str, int]
) -> dict[State, int]:
    shown = field.evidence
    if shown is None:
        return {}
    origin = statements.c.origin.in_(shown.origin) if shown.origin else true()
    gathered: dict[State, _Gather] = defaultdict(_Gather)
    for use, product, standing in connection.execute(
        select(statements.c.use_id, statements.c.product_id, statements.c.standing)
        .where(statements.c.kind.in_(shown.kind), origin)
        .distinct()
    ):
        users = bit.get(use) if use else of_product.get(product)
        if users:
            gathered[State.EVIDENCE if standing == _VERIFIED else State.CLAIM].add(users)
    return {state: gather.union() for state, gather in gathered.items()}


class _Gather:
    """A union of many sets, joined pairwise at the end: joining one by one would copy the whole each time."""

    def __init__(self) -> None:
        self._parts: list[int] = []

    def add(self, users: int) -> None:
        self._parts.append(users)

    def union(self) -> int:
        parts = self._parts or [0]
        while len(parts) > 1:
            pairs = [a | b for a, b in zip(parts[::2], parts[1::2], strict=False)]
            parts = pairs + parts[len(parts) - len(parts) % 2 :]
        return parts[0]
