"""The inventory as people ask for it: searched, filtered, counted by facet, a page at a time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from sqlalchemy import (
    Column,
    ColumnElement,
    CompoundSelect,
    Connection,
    Select,
    and_,
    case,
    exists,
    false,
    func,
    literal,
    or_,
    select,
    true,
    union_all,
)

from codman.errors import BadInput, nearest
from codman.registry.evidence_of import shown_beyond_its_own
from codman.registry.places import inside
from codman.registry.records import Page, decode_cursor, encode_cursor
from codman.registry.schema import deployments, people, products, sites, statements, uses, vendors
from codman.registry.standing import COUNTS, COUNTS_FOR_EVER, SHOWS_HOW_IT_WORKS
from codman.registry.undecided import running, without_decision
from codman.spine.product import ProductKind
from codman.spine.use import RUNNING, Decision, DecisionRole, Impact, Listed, Stage, Tier, Use

MISSING: Final = "(missing)"  # as a null prints in a slice
MOST_A_PAGE: Final = 500
_PLANNED: Final = 50

_home = sites.alias("home")
_owner = people.alias("owner")
_FILED: Final = "filed"
_WORDS: Final = {  # fields that hold one of few words
    "stage": Stage,
    "impact": Impact,
    "tier": Tier,
    "decision": Decision,
    "decision_role": DecisionRole,
    "kind": ProductKind,
    "evidence": (_FILED,),
    "runs": ("without a decision", "as decided"),
}
_OF_USE: Final = select(statements.c.digest).where(statements.c.use_id == uses.c.id, SHOWS_HOW_IT_WORKS)
# told apart, for the first is answered from an index for almost every use
_HAS_EVIDENCE: Final = or_(
    exists(_OF_USE.where(COUNTS_FOR_EVER)),
    exists(_OF_USE.where(COUNTS)),
    shown_beyond_its_own(SHOWS_HOW_IT_WORKS, COUNTS),
)

# What a filter may name, and the column it looks at
FILTERS: Final[Mapping[str, ColumnElement[Any]]] = {
    "stage": uses.c.stage,
    "impact": uses.c.impact,
    "tier": uses.c.tier,
    "decision": uses.c.decision,
    "monitoring": uses.c.monitoring,
    "organisation": uses.c.organisation,
    "care_setting": uses.c.care_setting,
    "decision_role": uses.c.decision_role,
    "topic": uses.c.topic,
    "kind": products.c.kind,
    "product": products.c.id,
    "vendor": vendors.c.name,
    "owner": uses.c.owner,
    "site": uses.c.site,
    "purpose": uses.c.purpose,
    "population": uses.c.population,
    "downtime_procedure": uses.c.downtime_procedure,
    "evidence": case((_HAS_EVIDENCE, _FILED)),
}
RUNS: Final = "runs"  # whether what runs was decided; of a day, so no column
AT: Final = "at"  # the uses at a site or below it, whoever answers for them
CONTRACT_ENDS: Final = "contract_ends"  # the uses whose vendor's contract ends within so many days
_DAYS_AHEAD: Final = 3660
FACETS: Final = ("stage", RUNS, "decision", "impact", "tier", "kind", "organisation", "vendor")
ORDERS: Final[Mapping[str, Column[Any]]] = {
    "name": uses.c.name,
    "organisation": uses.c.organisation,
    "stage": uses.c.stage,
    "tier": uses.c.tier,
    "updated": uses.c.updated_at,
    "product": products.c.name,
}


class BadFilter(BadInput):
    """A filter that names no field of the inventory."""

    def __init__(self, name: str, known: Iterable[str]) -> None:
        super().__init__(
            what=f"the inventory cannot be filtered by {name[:60]!r}",
            why="it has no such field",
            fix=nearest(name, known),
        )
        self.field = name.partition("=")[0][:60]


class BadFilterValue(BadFilter):
    """A filter by a value that its field can never hold: it would find nothing, and look like an answer."""

    def __init__(self, name: str, value: str, known: Iterable[str]) -> None:
        what, why = f"the inventory cannot be filtered by {name}={value[:60]!r}", f"'{name}' never holds that"
        BadInput.__init__(self, what=what, why=why, fix=nearest(value[:60], known))
        self.field = name


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of the inventory."""

    words: str | None = None  # looked for in names, purpose, product and vendor
    where: Mapping[str, Sequence[str]] = field(default_factory=dict)  # field to the values it may have; `(missing)` too
    not_where: Mapping[str, Sequence[str]] = field(default_factory=dict)
    order: str = "name"
    descending: bool = False
    limit: int = 50
    cursor: str | None = None
    today: str | None = None  # the day on which decisions and contracts are looked at; the machine's own without

    @property
    def day(self) -> str:
        """The day it is asked on."""
        return datetime.now(UTC).date().isoformat() if self.today is None else self.today


@dataclass(frozen=True, slots=True)
class Found(Page[Any]):
    """A page of the inventory, and how many there are in all."""

    total: int = 0


def search(connection: Connection, question: Question, within: Sequence[str] = ("/",)) -> Found:
    """A page of the uses that answer a question.

    Args:
        connection: Where to read.
        question: What is asked.
        within: Paths of the sites the reader may see; `/` is all.

    Raises:
        BadFilter: It names a field the inventory does not have.
        BadFilterValue: It names a value that its field never holds.
    """
    asked = and_(*_conditions(question, within), visible(within))
    if question.order not in ORDERS:
        raise BadFilter(question.order, ORDERS)
    column = ORDERS[question.order]
    # the place of each use first, from few columns; then all columns of the few uses on the page
    places = _joined(
        select(uses.c.id, column.label("sorted_by")), question, *(["product"] if question.order == "product" else [])
    ).where(asked)
    if question.cursor is not None:
        value, name = decode_cursor(question.cursor, "use")
        beyond = column < value if question.descending else column > value
        places = places.where(
            and_(column.is_(None), uses.c.id > name)
            if value is None
            else or_(beyond, and_(column == value, uses.c.id > name), column.is_(None))
        )
    limit = max(1, min(question.limit, MOST_A_PAGE))
    direction = column.desc() if question.descending else column.asc()
    order = [*([column.is_(None)] if column.nullable else []), direction, uses.c.id]
    counted = question.cursor is None and _narrows(question, within)
    if counted:  # all of them are looked at for the page: count them on the way
        places = places.add_columns(func.count().over().label("total"))
    # asked for very few, PostgreSQL goes through every use in order until it has met them; all are counted anyway
    fetched = max(limit, _PLANNED) if counted else limit
    rows = connection.execute(places.order_by(*order).limit(fetched + 1)).all()
    if counted:
        total = int(rows[0].total) if rows else 0
    else:
        total = int(connection.execute(_joined(select(func.count()), question).where(asked)).scalar_one())
    names = [row.id for row in rows[:limit]]
    where = sites_of(connection, names, within)
    shown = _shown(connection, names)
    items = [_listed(shown[name], where.get(name, [])) for name in names]
    last = rows[limit - 1] if len(rows) > limit else None
    return Found(items=items, next=None if last is None else encode_cursor(last.sorted_by, last.id), total=total)


def _shown(connection: Connection, names: Sequence[str]) -> dict[str, Any]:
    query = _joined(
        select(
            *uses.c,
            products.c.name.label("product_name"),
            products.c.kind.label("product_kind"),
            vendors.c.name.label("vendor_name"),
            _owner.c.name.label("owner_name"),
        ),
        None,
    )
    return {row.id: row for row in connection.execute(query.where(uses.c.id.in_(names)))} if names else {}


def facets(
    connection: Connection, question: Question, within: Sequence[str] = ("/",)
) -> dict[str, list[tuple[str, int]]]:
    """How many uses each value of each facet would leave, the most first; a facet's own filter does not bind it."""
    bound = [name for name in FACETS if question.where.get(name)]
    free = [name for name in FACETS if name not in bound]
    asks = _narrows(question, within)
    # where nothing narrows it, each facet's index counts faster than one pass over all of them
    passes = [free] if asks else [[name] for name in free]
    counted: dict[str, list[tuple[str, int]]] = {}
    for names in passes:
        counted |= _counted(connection, question, names, within)
    for name in bound:
        rest = replace(question, where={k: v for k, v in question.where.items() if k != name})
        counted |= _counted(connection, rest, [name], within)
    return {name: counted[name] for name in FACETS}


def _narrows(question: Question, within: Sequence[str]) -> bool:
    """Whether a question leaves out some uses, or the reader's reach does."""
    return bool(question.words or question.where or question.not_where) or "/" not in within


def _counted(
    connection: Connection, question: Question, names: Sequence[str], within: Sequence[str]
) -> dict[str, list[tuple[str, int]]]:
    """How many of the uses that answer a question have each value of each facet; the question is asked once."""
    hits = (
        _joined(select(*(_facet(name, question.day).label(name) for name in names)), question, *names)
        .where(*_conditions(question, within), visible(within))
        .cte("hits")
    )
    if len(names) > 1:
        hits = hits.prefix_with("MATERIALIZED")
    parts = [
        select(literal(name).label("facet"), hits.c[name].label("value"), func.count().label("number")).group_by(
            hits.c[name]
        )
        for name in names
    ]
    found: dict[str, list[tuple[str, int]]] = {name: [] for name in names}
    for name, value, number in connection.execute(union_all(*parts)):
        found[name].append((MISSING if value is None else str(value), int(number)))
    return {name: sorted(values, key=lambda pair: (-pair[1], pair[0])) for name, values in found.items()}


def visible(within: Sequence[str]) -> ColumnElement[bool]:
    """Uses whose own site, or one they run at, lies at or below these paths; those of no site are the whole house's."""
    if "/" in within:
        return true()
    return uses.c.id.in_(reached(within)) if within else false()


def reached(within: Sequence[str]) -> CompoundSelect[Any]:
    """The ids of those uses, for paths that are not the whole house's."""
    return _belonging(inside(within))


def _belonging(inside: ColumnElement[bool]) -> CompoundSelect[Any]:
    """The uses whose own site, or one they run at, is one of these."""
    # one list, worked out once by the sites' indexes; not a question asked of every use
    here = select(sites.c.id).where(inside)
    own = select(uses.c.id).where(uses.c.site.in_(here))
    return own.union(select(deployments.c.use).where(deployments.c.site.in_(here)))


def sites_of(connection: Connection, names: Sequence[str], within: Sequence[str] = ("/",)) -> dict[str, list[str]]:
    """The names of the sites each use runs at, as far as a reader sees them."""
    rows = connection.execute(
        select(deployments.c.use, sites.c.name)
        .join(sites, sites.c.id == deployments.c.site)
        .where(deployments.c.use.in_(names), deployments.c.mode != "ended", inside(within))
        .order_by(sites.c.name)
    )
    found: dict[str, list[str]] = {}
    for use, site in rows:
        found.setdefault(use, []).append(site)
    return found


def paths_of(connection: Connection, use: Use, named: Sequence[str] = ()) -> list[str]:
    """Paths of the sites a use belongs to: its own, and those named or, with none, those it runs at; else `/` alone."""
    ran = select(deployments.c.site).where(deployments.c.use == use.id)
    runs = sites.c.id.in_(named) if named else sites.c.id.in_(ran.where(deployments.c.mode != "ended"))
    # where it ran last only of what runs nowhere: who once had it decides nothing for those who have it
    for which in (or_(sites.c.id == use.site, runs), sites.c.id.in_(ran)):
        if rows := connection.execute(select(sites.c.path).where(which)).scalars().all():
            return sorted(rows)
    return ["/"]


def _joined(query: Select[Any], question: Question | None, *facets_asked: str) -> Select[Any]:
    """With the tables a question looks at; a count joins no more than it must, for it goes over every row."""
    named = set(facets_asked) if question is None else {*question.where, *question.not_where, *facets_asked}
    whole = question is None or question.words is not None
    query = query.select_from(uses)
    if whole or named & {"kind", "vendor", "product", CONTRACT_ENDS}:
        query = query.join(products, products.c.id == uses.c.product)
    if whole or named & {"vendor", CONTRACT_ENDS}:
        query = query.outerjoin(vendors, vendors.c.id == products.c.vendor)
    return query.outerjoin(_owner, _owner.c.id == uses.c.owner) if question is None else query


def _conditions(question: Question, within: Sequence[str]) -> list[ColumnElement[bool]]:
    conditions = [_one_of(name, values, question.day, within) for name, values in question.where.items() if values]
    conditions += [
        ~func.coalesce(_one_of(name, values, question.day, within), false())
        for name, values in question.not_where.items()
        if values
    ]
    for word in (question.words or "").split()[:8]:
        looked = (uses.c.name, uses.c.purpose, uses.c.organisation, products.c.name, vendors.c.name)
        conditions.append(or_(*(column.icontains(word, autoescape=True) for column in looked)))
    return conditions


def _facet(name: str, today: str) -> ColumnElement[Any]:
    return _running(today) if name == RUNS else FILTERS[name]


def _running(today: str) -> ColumnElement[Any]:
    """Whether what runs of a use was decided; nothing where nothing runs."""
    anywhere = select(deployments.c.use).where(running())
    runs = or_(uses.c.stage.in_([stage.value for stage in RUNNING]), uses.c.id.in_(anywhere))
    return case((without_decision(today), "without a decision"), (runs, "as decided"))


def _one_of(name: str, values: Sequence[str], today: str, within: Sequence[str]) -> ColumnElement[bool]:
    if name == AT:
        return or_(*(_at(site, within) for site in values))
    if name == CONTRACT_ENDS:
        return or_(*(_ends_within(days, today) for days in values))
    if name not in FILTERS and name != RUNS:
        raise BadFilter(name, [*FILTERS, RUNS, AT, CONTRACT_ENDS])
    if name in _WORDS and (unknown := [v for v in values if v not in (words := [*map(str, _WORDS[name]), MISSING])]):
        raise BadFilterValue(name, unknown[0], words)
    if name == "evidence":  # in this form PostgreSQL joins once and does not ask use by use
        return or_(
            false(), *([_HAS_EVIDENCE] if _FILED in values else []), *([~_HAS_EVIDENCE] if MISSING in values else [])
        )
    column = _facet(name, today)
    given = [value for value in values if value != MISSING]
    parts: list[ColumnElement[bool]] = [column.in_(given)] if given else []
    if MISSING in values:
        parts.append(column.is_(None))
    return or_(*parts)


def _at(site: str, within: Sequence[str]) -> ColumnElement[bool]:
    top = sites.alias("top")
    path = select(top.c.path).where(top.c.id == site).scalar_subquery()
    below = func.substr(sites.c.path, 1, func.length(path)) == path
    return uses.c.id.in_(_belonging(and_(below, inside(within))))


def _ends_within(days: str, today: str) -> ColumnElement[bool]:
    if not days.isascii() or not days.isdecimal() or not 0 < int(days[:6]) <= _DAYS_AHEAD:
        raise BadFilter(f"{CONTRACT_ENDS}={days}", [f"{CONTRACT_ENDS}=90"])
    first = date.fromisoformat(today)
    last = first + timedelta(days=int(days))
    return vendors.c.contract_ends.between(first.isoformat(), last.isoformat())


def _listed(row: Any, where: list[str]) -> Listed:
    return Listed(
        id=row.id,
        product=row.product_name,
        product_id=row.product,
        name=row.name,
        organisation=row.organisation,
        stage=row.stage,
        stage_since=row.stage_since,
        impact=row.impact,
        tier=row.tier,
        owner=row.owner_name,
        owner_id=row.owner,
        vendor=row.vendor_name,
        kind=row.product_kind,
        decision=row.decision,
        monitoring=row.monitoring,
        sites=where,
        revision=row.revision,
        updated_at=row.updated_at,
    )
