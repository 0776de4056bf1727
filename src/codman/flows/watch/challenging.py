"""challenge: a version in shadow, or beside the one in use, judged on the events of both, at every look anew.

Intervals hold at all looks together. Which challenger of the use this is, the book counts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal

from sqlalchemy import Connection, select

from codman.errors import BadInput
from codman.evaluate.compare.run import run as compare
from codman.evidence.statements import build, digest
from codman.flows import records
from codman.flows.filing import file_own
from codman.flows.house import House
from codman.flows.notary import sign_as_house
from codman.flows.provenance import input_of, note_of, software, subject_of
from codman.flows.watch.challenge_rows import Sides, sides_of
from codman.flows.watch.keeping import plan_in
from codman.flows.watch.refusals import CHALLENGE, OtherwisePlanned
from codman.flows.watch.rows import LABEL, SCORE, SUBJECT, bring_in
from codman.flows.watch.senders import put_down_senders
from codman.flows.watch.versions import version_named
from codman.flows.watched import followed
from codman.registry.about import Known
from codman.registry.access import Reader, require
from codman.registry.filing import find
from codman.registry.inventory import paths_of
from codman.registry.nouns import PRODUCTS
from codman.registry.requests import Once, remember, reply_to
from codman.registry.schema import deployments, statements
from codman.spine.comparison_spec import ComparisonSpec
from codman.spine.comparison_statement import ComparisonPredicate
from codman.spine.measurement import Window
from codman.spine.product import Product, Version
from codman.spine.site import Mode
from codman.spine.statement import Kind, Origin, Statement
from codman.spine.use import Use
from codman.tables.events.view import senders
from codman.tables.source import Source, open_source

_REACHES: Final = (Mode.PILOT.value, Mode.LIVE.value)
_NEAR: Final = timedelta(minutes=5)


class NoSuchVersion(BadInput):
    """A version that the book does not have, or that cannot be told from others."""

    def __init__(self, which: str, why: str, fix: str) -> None:
        super().__init__(what=f"the {which} is not known", why=why, fix=fix)


@dataclass(frozen=True, slots=True, kw_only=True)
class Challenge:
    """What is asked of a challenger."""

    use: str
    challenger: str  # a version's id or label
    planned: int  # patients at which the intervals are to be tightest
    champion: str | None = None  # the version that runs, without
    margins: Mapping[str, float] = field(default_factory=dict)
    thresholds: tuple[float, ...] = ()  # the plan's, without
    within: timedelta = _NEAR
    design: Literal["paired", "ab"] = "paired"
    at: datetime | None = None  # now without


@dataclass(frozen=True, slots=True, kw_only=True)
class Challenged:
    """What came of it: the statement, and whether it stands in the book."""

    statement: Statement
    digest: str
    filed: bool

    @property
    def said(self) -> ComparisonPredicate:
        """What it says."""
        return ComparisonPredicate.model_validate(self.statement.predicate)


def challenge(
    house: House,
    reader: Reader,
    asked: Challenge,
    *,
    keep: bool = False,
    request: str | None = None,
    once: Once | None = None,
) -> Challenged:
    """Compare a challenger with the version in use, on the events of both since the challenger's first prediction.

    Args:
        house: The open house.
        reader: Who asks.
        asked: What.
        keep: File it as evidence of the use, signed by the house.
        request: The request it came with, for the log.
        once: Makes a repeated request find what the first one filed.

    Raises:
        NoSuchRecord: There is no such use within their reach.
        NotAllowed: They may not, for this use.
        NoSuchVersion: A version is not in the book, or it is not said which one runs.
        OtherwisePlanned: An earlier look at this challenger was planned otherwise.
        NothingToCompare: Events of the two have nothing in common, or no outcomes.
        BadInput: A margin or a threshold cannot be used.
    """
    require(reader, CHALLENGE)
    use: Use = records.get(house, reader, "use", asked.use)
    with house.database.reading() as connection:
        require(reader, CHALLENGE, paths_of(connection, use))
        if once is not None and (reply := reply_to(connection, once)) is not None:
            return _again(house, str(reply["digest"]))
        product = PRODUCTS.get(connection, use.product)
        challenger = _challenger(connection, product, asked.challenger)
        champion = _champion(connection, product, use, challenger, asked.champion)
        thresholds = asked.thresholds or _thresholds(connection, use)
        _as_planned(house, connection, use, challenger, asked)
    at = (asked.at or house.database.clock()).astimezone(UTC)
    bring_in(house)
    sides = sides_of(house, use.id, champion, challenger, at, asked.within, asked.design)
    spec = ComparisonSpec(
        design=asked.design,
        label=LABEL,
        score=SCORE,
        subject=SUBJECT,
        interval="anytime",
        planned=asked.planned,
        thresholds=list(thresholds),
        margins=dict(asked.margins),
    )
    predicate = _measured(product, use, champion, challenger, sides, spec, at, _second(house.database.clock()))
    if not keep:
        with house.database.reading() as connection:
            statement = _statement(predicate, challenger, _attempt(connection, use, challenger))
        return Challenged(statement=statement, digest=digest(statement), filed=False)
    sent = senders(house.events.tables, use.id, sides.start, at)
    with house.database.changing(reader.author(request), "a challenger was looked at") as change:
        # counted where nobody else files meanwhile
        statement = _statement(predicate, challenger, _attempt(change.connection, use, challenger))
        name = digest(statement)
        if find(change.connection, name) is None:
            known = Known(product.id, challenger.id, use.id)
            file_own(change, house, sign_as_house(change, house, statement), known, source="monitoring")
            put_down_senders(change, use.id, sent)
        if once is not None:
            remember(change, once, {"digest": name})
    return Challenged(statement=statement, digest=name, filed=True)


def _measured(
    product: Product,
    use: Use,
    champion: Version,
    challenger: Version,
    sides: Sides,
    spec: ComparisonSpec,
    at: datetime,
    now: str,
) -> ComparisonPredicate:
    """What was found, but for the attempt."""
    window = Window(start=_second(sides.start), end=_second(at))
    a, b = (_source(sides, side, use, window, one) for side, one in (("a", champion), ("b", challenger)))
    found = compare(a, b, spec)
    left_out = sum(sides.excluded.values())
    rows = found.rows.model_copy(
        update={
            "eligible": found.rows.eligible + left_out,
            "excluded": {**sides.excluded, **found.rows.excluded},
            "scored": found.rows.scored + left_out,
        }
    )
    said = f"A is version {champion.label}, B is version {challenger.label}"
    return ComparisonPredicate(
        product=product.name,
        version=challenger.label,
        use=use.name,
        origin=Origin.LOCAL,
        evaluated_at=now,
        note=note_of(said, *sides.notes),
        inputs=[_pinned(one, sides) for one in (a, b)],
        rows=rows,
        spec=found.spec,
        software=software(),
        measurements=[one.model_copy(update={"window": window}) for one in found.measurements],
    )


def _statement(predicate: ComparisonPredicate, challenger: Version, attempt: int) -> Statement:
    spec = predicate.spec.model_copy(update={"attempt": attempt})
    artefact = None if challenger.digest is None else f"sha256:{challenger.digest}"
    predictions = predicate.inputs[1].digest.sha256
    subject, note = subject_of(predicate.product, challenger.label, artefact, predictions)
    said = predicate.model_copy(update={"spec": spec, "note": note_of(note, predicate.note)})
    return build(Kind.COMPARISON, subject, said)


def _source(sides: Sides, side: str, use: Use, window: Window, version: Version) -> Source:
    found = open_source(sides.a if side == "a" else sides.b, name=side)
    found.uri = f"events of {use.id} by version {version.label} from {window.start} to {window.end}"
    return found


def _pinned(source: Source, sides: Sides) -> Any:
    return input_of(source).model_copy(update={"table_version": sides.table_version})


def _challenger(connection: Connection, product: Product, named: str) -> Version:
    found = version_named(connection, product.id, named)
    if found is None:
        raise NoSuchVersion(
            "challenger", "the book has no version of that name, or two", "register it, or name it by its id"
        )
    return found


def _champion(connection: Connection, product: Product, use: Use, challenger: Version, named: str | None) -> Version:
    if named is None:
        runs = select(deployments.c.version).where(
            deployments.c.use == use.id, deployments.c.mode.in_(_REACHES), deployments.c.version.is_not(None)
        )
        there = sorted(set(connection.execute(runs).scalars()) - {challenger.id})
        if len(there) != 1:
            why = "no other version reaches patients" if not there else f"{len(there)} versions reach patients"
            raise NoSuchVersion("champion", why, "name it: --champion VERSION")
        named = there[0]
    found = version_named(connection, product.id, named)
    if found is None or found.id == challenger.id:
        why = "it is the challenger itself" if found is not None else "the book has no version of that name, or two"
        raise NoSuchVersion("champion", why, "name the version in use, by its label or its id")
    return found


def _thresholds(connection: Connection, use: Use) -> tuple[float, ...]:
    """Those of the plan that is followed."""
    plans = followed(connection, use.id)
    return tuple(plan_in(plans[0]).thresholds) if plans else ()


def _attempt(connection: Connection, use: Use, challenger: Version) -> int:
    """How many challengers of the use comparisons were filed about, this one included."""
    tried = select(statements.c.version_id, statements.c.version).where(
        statements.c.use_id == use.id, statements.c.kind == Kind.COMPARISON.value
    )
    names = {row.version_id or row.version for row in connection.execute(tried)}
    return len({name for name in names if name is not None} | {challenger.id})


def _as_planned(house: House, connection: Connection, use: Use, challenger: Version, asked: Challenge) -> None:
    """Hold a look against the first one of its design that was filed."""
    filed = select(statements.c.digest).where(
        statements.c.use_id == use.id,
        statements.c.version_id == challenger.id,
        statements.c.kind == Kind.COMPARISON.value,
    )
    for name in connection.execute(filed.order_by(statements.c.log_index)).scalars():
        said = house.store.recall(name).predicate
        if not isinstance(said, ComparisonPredicate) or said.spec.planned is None or said.spec.design != asked.design:
            continue
        if said.spec.planned != asked.planned:
            raise OtherwisePlanned(f"{asked.planned:,} patients", f"{said.spec.planned:,}")
        for metric, margin in asked.margins.items():
            if said.spec.margins.get(metric) != margin:
                before = said.spec.margins.get(metric)
                raise OtherwisePlanned(
                    f"the margin {metric}={margin:g}", "none" if before is None else f"{metric}={before:g}"
                )
        return


def _second(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def _again(house: House, name: str) -> Challenged:
    return Challenged(statement=house.store.recall(name).statement, digest=name, filed=True)
