"""Coverage: which fields of a framework are answered, and by what: evidence, a document, a claim, or nothing.

A column or a fact is somebody's claim until a document or verified evidence stands behind it. `N/A` answers nothing.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    FromClause,
    Table,
    and_,
    case,
    func,
    literal_column,
    or_,
    select,
    true,
)

from codman.registry.evidence_of import OF_ALL_USES
from codman.registry.frameworks import Framework, FrameworkField, Shown, every_framework
from codman.registry.inventory import visible
from codman.registry.keys import ALWAYS
from codman.registry.records import NoSuchRecord
from codman.registry.schema import FACT_SAYS, NO_ANSWER, facts, keys, products, statements, uses, vendors, versions
from codman.registry.schema_filing import statement_signatures
from codman.registry.standing import COUNTS, FACT_BASIS, LEANS_ON_NOTHING, STANDS

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


def coverage_of(connection: Connection, use: str, *, version: str | None = None) -> list[Answer]:
    """Every field of every framework for one use, with its state.

    Args:
        connection: Where to read.
        use: Which use.
        version: Of its product's versions only this one; what was said or shown of others answers nothing. Any without.

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
    nouns = _nouns(connection, row, version)
    told = _told(connection, row, version)
    shown = _shown(connection, row, version)
    return [_answer(f, field, nouns, told, shown) for f in every_framework() for field in f.fields]


def tallies(answers: Iterable[Answer]) -> list[Tally]:
    """How many fields of each framework are in each state."""
    counts: dict[str, dict[State, int]] = defaultdict(lambda: dict.fromkeys(_ORDER, 0))
    for answer in answers:
        counts[answer.framework][answer.state] += 1
    return [Tally(f.framework, f.title, len(f.fields), counts[f.framework]) for f in every_framework()]


def house_coverage(connection: Connection, within: Sequence[str] = ("/",)) -> list[FieldCoverage]:
    """Every field of every framework over all uses in reach: how many are shown, documented, claimed, missing."""
    sets = _Sets(connection, within)
    columns = _column_sets(connection, sets)
    told = _fact_sets(connection, sets)
    shown = _statement_sets(connection, sets)
    result = []
    for f in every_framework():
        for field in f.fields:
            reached = dict.fromkeys(_ORDER, 0)
            if field.column is not None:
                reached[State.CLAIM] |= columns.get(field.column, 0)
            for name in f.facts_of(field):
                for state, users in told.get(name, {}).items():
                    reached[state] |= users
            for kind, origin, state, users in shown:
                if field.evidence is not None and _fits(field.evidence, kind, origin):
                    reached[state] |= users
            result.append(FieldCoverage(f.framework, field, _counts(reached, sets.everyone)))
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


def _nouns(connection: Connection, row: Any, version: str | None) -> dict[str, list[Mapping[str, Any]]]:
    """The records a home may name: the use, its product, the vendor, the product's versions."""

    def read(table: Table, condition: Any) -> list[Mapping[str, Any]]:
        return [dict(r._mapping) for r in connection.execute(select(table).where(condition))]

    return {
        "use": read(uses, uses.c.id == row.id),
        "product": read(products, products.c.id == row.product),
        "vendor": read(vendors, vendors.c.id == row.vendor) if row.vendor else [],
        "version": read(versions, and_(versions.c.product == row.product, _only(versions.c.id, version))),
    }


def _told(connection: Connection, row: Any, version: str | None) -> dict[str, list[Any]]:
    """Facts about the use, its product and its versions, by their field."""
    found: dict[str, list[Any]] = defaultdict(list)
    made = select(versions.c.id).where(versions.c.product == row.product, _only(versions.c.id, version))
    for fact in connection.execute(
        select(facts, FACT_BASIS.label("stands_as")).where(
            or_(facts.c.about.in_((row.id, row.product)), facts.c.about.in_(made)), FACT_SAYS
        )
    ):
        found[fact.field].append(fact)
    return found


def _shown(connection: Connection, row: Any, version: str | None) -> list[Any]:
    about = or_(statements.c.use_id == row.id, and_(OF_ALL_USES, statements.c.product_id == row.product))
    return list(
        connection.execute(
            select(statements.c.digest, statements.c.kind, statements.c.origin, STANDS.label("standing"))
            .where(about, or_(statements.c.version.is_(None), _only(statements.c.version_id, version)))
            .order_by(statements.c.filed_at.desc())
        )
    )


def _only(column: Column[str], version: str | None) -> ColumnElement[bool]:
    return true() if version is None else column == version


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
            state = State(fact.stands_as)
            if _ORDER.index(state) > _ORDER.index(best.state):
                best = Answer(framework.framework, field, state, fact.value, fact.source, fact.evidence)
    if field.evidence is not None:
        for statement in shown:
            fits = _fits(field.evidence, statement.kind, statement.origin)
            state = State.EVIDENCE if statement.standing == _VERIFIED else State.CLAIM
            if fits and _ORDER.index(state) > _ORDER.index(best.state):
                best = Answer(framework.framework, field, state, best.value, "filed evidence", statement.digest)
    return best


def _says(value: Any) -> bool:
    return value is not None and (not isinstance(value, str) or value.strip().casefold() not in NO_ANSWER)


def _fits(shown: Shown, kind: str, origin: str | None) -> bool:
    return kind in shown.kind and (not shown.origin or origin in shown.origin)


class _Sets:
    """Sets of the uses in reach as whole numbers, one byte a use: a union is one operation, however many there are."""

    def __init__(self, connection: Connection, within: Sequence[str]) -> None:
        rows = connection.execute(select(uses.c.id, uses.c.product).where(visible(within))).all()
        self._place = {use: place for place, (use, _) in enumerate(rows)}
        self._places: dict[str, list[int]] = defaultdict(list)
        for place, (_, product) in enumerate(rows):
            self._places[product].append(place)
        self.everyone = int.from_bytes(b"\x01" * len(rows), "little")

    def of_uses(self, names: Iterable[str]) -> int:
        """These uses, but those out of reach."""
        found = bytearray(len(self._place))
        for place in map(self._place.get, names):
            if place is not None:
                found[place] = 1
        return int.from_bytes(found, "little")

    def of_products(self, names: Iterable[str]) -> int:
        """The uses of these products."""
        found = bytearray(len(self._place))
        for name in set(names):
            for place in self._places.get(name, ()):
                found[place] = 1
        return int.from_bytes(found, "little")


def _together(names: Column[str]) -> ColumnElement[str]:
    """All names of a group as one text: a row a group is read, not a row a name."""
    return func.aggregate_strings(names, ",")


def _column_sets(connection: Connection, sets: _Sets) -> dict[tuple[str, str], int]:
    """The uses whose column is filled, by noun and column."""
    wanted: dict[str, list[str]] = defaultdict(list)
    for f in every_framework():
        for field in f.fields:
            if field.column is not None and field.column[1] not in wanted[field.column[0]]:
                wanted[field.column[0]].append(field.column[1])
    sources: dict[str, tuple[Table, Column[str], FromClause]] = {
        "use": (uses, uses.c.id, uses),
        "product": (products, products.c.id, products),
        "vendor": (vendors, products.c.id, products.join(vendors, vendors.c.id == products.c.vendor)),
        "version": (versions, versions.c.product, versions),
    }
    found: dict[tuple[str, str], int] = defaultdict(int)
    for noun, (table, name, source) in sources.items():
        columns = wanted[noun]
        if not columns:
            continue
        # which columns are filled, as one number a record: few numbers occur, so few rows are read
        filled = sum(
            (case((table.c[column].is_not(None), 1 << bit), else_=0) for bit, column in enumerate(columns)),
            start=literal_column("0"),
        ).label("filled")
        whose = sets.of_uses if noun == "use" else sets.of_products
        for number, names in connection.execute(select(filled, _together(name)).select_from(source).group_by(filled)):
            users = whose(names.split(","))
            for bit, column in enumerate(columns):
                if number >> bit & 1:
                    found[noun, column] |= users
    return found


def _fact_sets(connection: Connection, sets: _Sets) -> dict[str, dict[State, int]]:
    """The uses a fact is told of, by its field and what stands behind it."""
    of_version = {v.id: v.product for v in connection.execute(select(versions.c.id, versions.c.product))}
    found: dict[str, dict[State, int]] = defaultdict(lambda: defaultdict(int))

    def told(kind: str, names: Iterable[str]) -> int:
        return sets.of_uses(names) if kind == "use" else sets.of_products(of_version.get(one, one) for one in names)

    # few answers lean on a statement that counts no more: those are looked up, and not what everybody's lean on
    gone: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    leaning = select(facts.c.about_kind, facts.c.field, facts.c.about).where(FACT_SAYS, LEANS_ON_NOTHING)
    for kind, name, about in connection.execute(leaning):
        gone[kind, name][about] += 1
    key = (facts.c.about_kind, facts.c.field, facts.c.basis)
    for kind, name, basis, together in connection.execute(
        select(*key, _together(facts.c.about)).where(FACT_SAYS).group_by(*key)
    ):
        names = together.split(",")  # one a fact
        lost = gone.get((kind, name)) if basis == State.EVIDENCE.value else None
        if lost:
            found[name][State.CLAIM] |= told(kind, lost)
            names = [one for one, number in Counter(names).items() if number > lost[one]]
        found[name][State(basis)] |= told(kind, names)
    return found


def _statement_sets(connection: Connection, sets: _Sets) -> list[tuple[str, str | None, State, int]]:
    """The uses that statements of a kind and an origin show, and as what."""
    lost = _lost(connection)
    found = []
    key = (statements.c.kind, statements.c.origin, statements.c.standing)
    for name, whose, of in (
        (statements.c.use_id, sets.of_uses, statements.c.use_id.is_not(None)),
        (statements.c.product_id, sets.of_products, OF_ALL_USES),
    ):
        for kind, origin, standing, together in connection.execute(
            select(*key, _together(name)).where(of, name.is_not(None)).group_by(*key)
        ):
            names = together.split(",")  # one a statement
            gone = lost.get((kind, origin)) if standing == _VERIFIED else None
            if gone:
                found.append((kind, origin, State.CLAIM, whose(gone)))
                names = [one for one, number in Counter(names).items() if number > gone[one]]
            state = State.EVIDENCE if standing == _VERIFIED else State.CLAIM
            found.append((kind, origin, state, whose(names)))
    return found


def _lost(connection: Connection) -> dict[tuple[str, str | None], Counter[str]]:
    """What was verified when it was filed and counts no more, by kind and origin: how many statements about what.

    Few keys are ever revoked or replaced, so their signatures are looked up and not everybody's.
    """
    not_for_ever = or_(keys.c.revoked_from.is_not(None), keys.c.valid_to.is_not(None), keys.c.valid_from > ALWAYS)
    theirs = list(connection.execute(select(keys.c.keyid).where(not_for_ever)).scalars())
    if not theirs:
        return {}
    of_all = case((OF_ALL_USES, statements.c.product_id))
    about = func.coalesce(statements.c.use_id, of_all)
    rows = connection.execute(
        select(statements.c.digest, statements.c.kind, statements.c.origin, about)
        .join(statement_signatures, statement_signatures.c.digest == statements.c.digest)
        .where(statement_signatures.c.keyid.in_(theirs), about.is_not(None), ~COUNTS)
    )
    found: dict[tuple[str, str | None], Counter[str]] = defaultdict(Counter)
    for _, kind, origin, name in set(map(tuple, rows)):  # one that two of them signed is one
        found[kind, origin][name] += 1
    return found
