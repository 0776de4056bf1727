"""Concerns as somebody may see them: one with what is done about it, a page of them, and how they stand together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from pydantic import BaseModel, ConfigDict
from sqlalchemy import ColumnElement, Connection, and_, case, func, literal, or_, select

from codman.flows.concerns.numbers import number_in
from codman.flows.concerns.people import answerable, places, who_sees
from codman.flows.house import House
from codman.flows.records import MISSING, BadListing
from codman.registry import governance
from codman.registry.access import NotAllowed, Reader, covers, may, paths_for, require
from codman.registry.governance import CONCERNS
from codman.registry.nouns import USES
from codman.registry.records import NoSuchRecord, Page
from codman.registry.schema import deployments
from codman.registry.schema_review import concerns, corrective_actions
from codman.registry.undecided import running
from codman.review.clocks import Rule, Yearly, clocks
from codman.spine.concern import Concern, ConcernFields, ConcernSeverity, ConcernState, CorrectiveAction
from codman.spine.statement import when
from codman.spine.use import RUNNING, Use

READ: Final = "concern.read"
CHANGE: Final = "concern.change"
FILTERS: Final = ("number", "state", "severity", "category", "use", "site", "pause", "clock")
_RECEIPT: Final = timedelta(days=1)  # how long its number alone tells a sender what became of it
ORDERS: Final = ("raised_at", "see_by", "clock_due", "closed_at")


class ConcernRead(BaseModel):
    """A concern with what is done about it."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    concern: Concern
    actions: list[CorrectiveAction]
    seen_by: str  # why the people below are told: accountable clinician, owner of the use, governance office
    people: list[str]  # whom it reached, by id
    overdue: bool  # nobody said in time that they have it
    lacking: list[str]  # what keeps it from being closed


@dataclass(frozen=True, slots=True)
class Duty:
    """A report that is due once a year, and how much it would hold."""

    rule: Yearly
    year: int
    due_on: str
    concerns: int


@dataclass(frozen=True, slots=True)
class Overview:
    """How the concerns within reach stand."""

    open: int
    overdue: int
    pauses: int  # proposed, and nobody took or declined them
    clocks: int  # duties to report that run
    actions: int  # that are not done
    late_actions: int
    repeats: int  # that repeat another in a flood, and are not closed
    duties: tuple[Duty, ...]


def read_concern(house: House, reader: Reader, name: str) -> ConcernRead:
    """One concern.

    Raises:
        NoSuchRecord: There is none of that name within their reach.
    """
    with house.database.reading() as connection:
        concern = seen(connection, reader, name)
        told = who_sees(connection, concern)
        actions = actions_of(connection, name)
        return ConcernRead(
            concern=concern,
            actions=actions,
            seen_by=told.circle.value,
            people=[one.id for one in told.people],
            overdue=is_overdue(concern, house.database.clock().isoformat()),
            lacking=lacking(concern, actions),
        )


@dataclass(frozen=True, slots=True)
class Receipt:
    """What is told to whoever has a concern's number: nothing that somebody said."""

    number: str
    circle: str
    see_by: str
    by_mail: bool  # somebody of them has an address


def sent_receipt(house: House, name: str) -> Receipt:
    """What a sender may know of a concern by its number alone, without an account, on the day they sent it.

    A number stands in mails and tickets too: later it tells nobody that there is such a concern.

    Raises:
        NoSuchRecord: There is none of that number, or it was sent longer ago.
    """
    with house.database.reading() as connection:
        found: Concern = CONCERNS.get(connection, name)
        if when(found.raised_at) < house.database.clock() - _RECEIPT:
            raise NoSuchRecord("concern", name)
        told = who_sees(connection, found)
        return Receipt(found.number or found.id, told.circle.value, found.see_by, bool(told.by_mail))


def concern_of_number(house: House, reader: Reader, text: str) -> str:
    """The id of the concern that has a number, as somebody wrote it down or heard it.

    Raises:
        NoSuchRecord: There is none of that number within their reach; whether there is one at all is not said.
    """
    number = number_in(text)
    with house.database.reading() as connection:
        named = select(concerns.c.id).where(concerns.c.number == number)
        name = None if number is None else connection.execute(named).scalar_one_or_none()
        if name is None:
            raise NoSuchRecord("concern", (number or text)[:60])
        try:
            return seen(connection, reader, name).id
        except NoSuchRecord:
            raise NoSuchRecord("concern", number or "") from None


def list_concerns(
    house: House,
    reader: Reader,
    *,
    where: Mapping[str, Sequence[str]] | None = None,
    repeats: bool | None = None,
    order: str = "raised_at",
    descending: bool = True,
    limit: int = 50,
    cursor: str | None = None,
) -> Page[Concern]:
    """Some of the concerns within somebody's reach, a page at a time.

    Args:
        house: The open house.
        reader: Who asks.
        where: Wanted values by filter.
        repeats: Only those that repeat another in a flood, or only the others; None is all.
        order: By what, one of ORDERS.
        descending: Whether the greatest comes first.
        limit: How many.
        cursor: Where the page before ended.

    Raises:
        NotAllowed: They may read none.
        BadListing: A filter or the order is none of these.
    """
    within = _within(reader)
    conditions: list[ColumnElement[bool]] = []
    for name, values in (where or {}).items():
        if name not in FILTERS:
            raise BadListing("concern", name, FILTERS)
        conditions.append(_one_of(concerns.c[name], values))
    if repeats is not None:
        conditions.append(concerns.c.repeats.is_not(None) if repeats else concerns.c.repeats.is_(None))
    if order not in ORDERS:
        raise BadListing("concern", order, ORDERS)
    with house.database.reading() as connection:
        return governance.page(
            connection, "concern", within, *conditions, order=order, descending=descending, limit=limit, cursor=cursor
        )


def overview(house: House, reader: Reader) -> Overview:
    """How many wait for whom.

    Raises:
        NotAllowed: They may read none.
    """
    mine = governance.seen(CONCERNS, _within(reader))
    now = house.database.clock()
    today = now.astimezone(house.settings.zone).date()
    raised = and_(concerns.c.state == ConcernState.RAISED.value, concerns.c.repeats.is_(None))
    late = corrective_actions.c.due_on < today.isoformat()
    with house.database.reading() as connection:
        row = connection.execute(
            select(
                _count(concerns.c.state != ConcernState.CLOSED.value),
                _count(and_(raised, concerns.c.see_by < now.strftime("%Y-%m-%dT%H:%M:%S.%fZ"))),
                _count(concerns.c.pause == "proposed"),
                _count(and_(concerns.c.clock.is_not(None), concerns.c.clock_met_on.is_(None))),
                _count(and_(concerns.c.repeats.is_not(None), concerns.c.state != ConcernState.CLOSED.value)),
            ).where(mine)
        ).one()
        waiting = connection.execute(
            select(func.count(), _count(late))
            .select_from(corrective_actions.join(concerns, concerns.c.id == corrective_actions.c.concern))
            .where(mine, corrective_actions.c.done_on.is_(None))
        ).one()
        rules = clocks(house.settings.concern_clocks)
        duties = []
        for yearly in rules.yearly:
            if not yearly.holds(today):
                continue
            counted = connection.execute(
                select(func.count()).where(
                    mine,
                    concerns.c.clock.in_(yearly.counts),
                    concerns.c.raised_at.startswith(str(today.year)),
                )
            ).scalar_one()
            duties.append(Duty(yearly, today.year, yearly.due_after(today.year).isoformat(), int(counted)))
    opened, overdue, pauses, running, repeats = (int(number) for number in row)
    undone, late_ones = (int(number) for number in waiting)
    return Overview(opened, overdue, pauses, running, undone, late_ones, repeats, tuple(duties))


def seen(connection: Connection, reader: Reader, name: str) -> Concern:
    """One concern, for who may read concerns there, and for who must take it in hand.

    Raises:
        NoSuchRecord: There is none of that name within their reach.
    """
    found: Concern = CONCERNS.get(connection, name)
    if not (may(reader, READ, places(connection, found)) or is_answerable(connection, reader, found, READ)):
        raise NoSuchRecord("concern", name)
    return found


def to_change(connection: Connection, reader: Reader, name: str, *, theirs: bool = False) -> Concern:
    """One concern, for somebody who may change it.

    Args:
        connection: The change's own.
        reader: Who.
        name: Which.
        theirs: Whether those who answer for it may, too: its clinician, the use's owner.

    Raises:
        NoSuchRecord: There is none of that name within their reach.
        NotAllowed: They see it, and may not change it.
    """
    found = seen(connection, reader, name)
    if not (theirs and is_answerable(connection, reader, found, CHANGE)):
        require(reader, CHANGE, places(connection, found))
    return found


def is_answerable(connection: Connection, reader: Reader, concern: Concern, action: str) -> bool:
    """Whether somebody is one of those whom a concern reaches, and came in a way that may do this."""
    if reader.scopes is not None and not covers(reader.scopes, action):
        return False
    if reader.read_only and action != READ:
        return False
    return reader.person in answerable(connection, concern)


def actions_of(connection: Connection, name: str) -> list[CorrectiveAction]:
    """What is done because of a concern, in the order of its days."""
    found: list[CorrectiveAction] = governance.every(
        connection, "corrective_action", corrective_actions.c.concern == name, order="due_on"
    )
    return found


def lacking(concern: Concern, actions: Sequence[CorrectiveAction]) -> list[str]:
    """What keeps a concern from being closed, in words; its finding is asked for with the close."""
    if concern.state is ConcernState.CLOSED:
        return []
    found = []
    if concern.state is ConcernState.RAISED:
        found.append("nobody has said that they have it")
    if concern.severity is ConcernSeverity.UNKNOWN:
        found.append("how bad it was is not known")
    if concern.pause is not None and concern.pause.value == "proposed":
        found.append("a pause is proposed: take it or decline it")
    if concern.clock is not None and concern.clock_met_on is None:
        found.append("a duty to report runs: say when it was met, or why none applies")
    if waiting := sum(one.done_on is None for one in actions):
        found.append(f"{waiting} action{' is' if waiting == 1 else 's are'} not done")
    return found


def is_overdue(concern: Concern, now: str) -> bool:
    """Whether its time to be seen has passed and nobody has it; what repeats another waits with that one."""
    return concern.repeats is None and concern.state is ConcernState.RAISED and concern.see_by[:19] < now[:19]


def rule_of(house: House, concern: Concern) -> Rule | None:
    """The rule whose clock runs for a concern, as the clocks in use have it."""
    return None if concern.clock is None else clocks(house.settings.concern_clocks).rule(concern.clock)


def use_of(connection: Connection, concern: Concern | ConcernFields) -> Use | None:
    """The use it is about."""
    return None if concern.use is None else USES.get(connection, concern.use)


def can_pause(connection: Connection, use: Use | None) -> bool:
    """Whether there is something to pause: it runs, as a whole or anywhere, whatever anybody decided."""
    if use is None or use.stage in RUNNING:
        return use is not None
    runs = select(deployments.c.id).where(deployments.c.use == use.id, running())
    return connection.execute(runs.limit(1)).first() is not None


def _within(reader: Reader) -> tuple[str, ...]:
    within = paths_for(reader, READ)
    if not within:
        raise NotAllowed(READ, "anywhere")
    return within


def _one_of(column: ColumnElement[Any], values: Sequence[str]) -> ColumnElement[bool]:
    named = column.in_([value for value in values if value != MISSING])
    return or_(named, column.is_(None)) if MISSING in values else named


def _count(condition: ColumnElement[bool]) -> ColumnElement[Any]:
    return func.coalesce(func.sum(case((condition, literal(1)), else_=literal(0))), literal(0))
