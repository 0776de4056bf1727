"""run_due: every window whose number is due is looked at once: measured, signed, filed, judged, and what is wrong said.

A look is one change of the book: its statements, its signals, its incidents and that it was done stand together or not
at all. A run that is cut off, or made twice, adds nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any, Final

from sqlalchemy import Connection, select

from codman.errors import CodmanError
from codman.evidence.statements import ReadStatement, canonical_statement, digest, read_bytes
from codman.flows.filing import file_own
from codman.flows.house import House
from codman.flows.notary import sign_as_house
from codman.flows.review.evidence import exhibits_of
from codman.flows.watch.acting import act
from codman.flows.watch.asking import asked_of
from codman.flows.watch.calling import Called, call, same_windows
from codman.flows.watch.freshness import anything_new, missing_of, raise_missing
from codman.flows.watch.gathering import gather
from codman.flows.watch.judging import Held, computed_here, hold, signals_of, state_of
from codman.flows.watch.keeping import plan_in
from codman.flows.watch.measuring import (
    About,
    evaluation_statement,
    measure,
    monitoring_statement,
    newest_version,
)
from codman.flows.watch.rows import EventRows, bring_in, midnight, reference_days, reference_rows, rows_seen
from codman.flows.watch.senders import put_down_senders
from codman.flows.watch.versions import version_named
from codman.flows.watch.windows_due import Due, counts_rows, windows_due
from codman.jobs.leases import give_back, keeping, take
from codman.jobs.worker import this_worker
from codman.monitor.effect_of_care import Cause
from codman.registry import governance
from codman.registry.about import Known
from codman.registry.database import Change, instant
from codman.registry.filing import find
from codman.registry.governance import LOOKS, MONITORS, SIGNALS
from codman.registry.log import SYSTEM
from codman.registry.nouns import PRODUCTS, USES
from codman.registry.schema_watch import looks, monitors, signals
from codman.spine.monitor_plan import MonitorPlan
from codman.spine.product import Product
from codman.spine.statement import Statement
from codman.spine.use import RUNNING, Use
from codman.spine.verdict import Outcome
from codman.spine.watching import (
    CareVerdict,
    Look,
    LookFields,
    Monitor,
    MonitorState,
    WatchState,
)
from codman.tables.events.view import per_day, senders

log: Final = logging.getLogger("codman.monitoring")

LEASE: Final = "monitoring"
LEASE_S: Final = 120.0
_CARE: Final = {
    Cause.WORSENED: CareVerdict.WORSENED,
    Cause.CARE: CareVerdict.CARE,
    Cause.UNRESOLVED: CareVerdict.UNRESOLVED,
}


@dataclass(frozen=True, slots=True)
class Looked:
    """One window that was looked at."""

    use: str
    monitor: str
    window: str
    start: str
    end: str
    state: str
    statements: tuple[str, ...]
    outcomes: dict[str, str]


@dataclass(frozen=True, slots=True)
class Trouble:
    """A monitor that could not be looked at, and why."""

    use: str
    monitor: str
    why: str


@dataclass(slots=True)
class RanDue:
    """What a run did."""

    looked: list[Looked] = field(default_factory=list)
    signals: list[str] = field(default_factory=list)
    incidents: list[str] = field(default_factory=list)
    trouble: list[Trouble] = field(default_factory=list)
    elsewhere: bool = False  # another is at it: what they do counts

    def answer(self) -> dict[str, Any]:
        """As plain JSON types."""
        return {
            "looked": [
                {
                    "use": one.use, "monitor": one.monitor, "window": one.window, "start": one.start, "end": one.end,
                    "state": one.state, "statements": [f"sha256:{name}" for name in one.statements],
                    "outcomes": one.outcomes,
                }
                for one in self.looked
            ],
            "signals": self.signals,
            "incidents": self.incidents,
            "trouble": [{"use": one.use, "monitor": one.monitor, "why": one.why} for one in self.trouble],
            "elsewhere": self.elsewhere,
        }  # fmt: skip


def run_due(house: House, at: datetime | None = None, ended: Callable[[], bool] = lambda: False) -> RanDue:
    """Look at every window of every active monitor whose number is due and that was not looked at.

    Args:
        house: The open house.
        at: The time that decides what is due and which outcomes are known; now without.
        ended: Asked before each monitor; no further one is begun once it says so.

    Returns:
        What was looked at, raised and opened; a monitor that could not be looked at is named, and tried again later.

    Raises:
        Unreachable: The database does not answer.
        NotRecorded: The log could not be written.
    """
    now = (at or house.database.clock()).astimezone(UTC)
    done = RanDue()
    with house.database.unrecorded() as connection:
        lease = take(connection, LEASE, this_worker(), house.database.clock(), LEASE_S)
    if lease is None:
        done.elsewhere = True
        return done
    try:
        with keeping(house.database.unrecorded, lease, house.database.clock, LEASE_S) as lost:
            bring_in(house)
            for monitor in _active(house):
                if ended() or lost.is_set():
                    break
                try:
                    _look(house, monitor, now, done)
                except CodmanError as error:
                    log.warning("a monitor was not looked at: %s", type(error).__name__)
                    done.trouble.append(Trouble(monitor.use, monitor.id, f"{error.what}: {error.why}"))
    finally:
        with house.database.unrecorded() as connection:
            give_back(connection, lease)
    return done


def _active(house: House) -> list[Monitor]:
    with house.database.reading() as connection:
        return governance.every(connection, "monitor", monitors.c.state == MonitorState.ACTIVE.value)


def _look(house: House, monitor: Monitor, now: datetime, done: RanDue) -> None:
    plan = plan_in(monitor)
    with house.database.reading() as connection:
        use = USES.get(connection, monitor.use)
        product = PRODUCTS.get(connection, use.product)
        rows = connection.execute(
            select(looks.c.rule, looks.c.starts_on, looks.c.ends_on, looks.c.due_on).where(
                looks.c.monitor == monitor.id
            )
        )
        looked = {(row.rule, row.starts_on, row.ends_on, row.due_on) for row in rows}
    before: EventRows | None = None
    counted = per_day(house.events.tables, use.id) if counts_rows(plan) else {}
    waiting = windows_due(plan, date.fromisoformat(monitor.starts_on), now.date(), looked, counted)
    if waiting:
        before = reference_rows(house, monitor, plan, now)
    for due in waiting:
        _window(house, monitor, plan, use, product, due, before, now, done)
    if use.stage in RUNNING:
        _missing(house, monitor, plan, use, now, done)


def _window(
    house: House,
    monitor: Monitor,
    plan: MonitorPlan,
    use: Use,
    product: Product,
    due: Due,
    before: EventRows | None,
    now: datetime,
    done: RanDue,
) -> None:
    start, end = due.span.start, due.span.end
    rows = rows_seen(house, use.id, midnight(start), midnight(end), now)
    named = newest_version(rows)
    with house.database.reading() as connection:
        version = version_named(connection, product.id, next(iter(named), None))
        book = exhibits_of(house, connection, use)
    about = About(
        monitor=monitor.id, plan=plan, digest=monitor.digest, product=product.name, use=use.name, use_id=use.id,
        rule=due.rule, start=start, end=end, due_on=due.due_on, version=version, versions=named,
        at=instant(house.database.clock()),
    )  # fmt: skip
    asked = asked_of(plan, due.requires)
    mine = any(computed_here(one) for one in due.requires)
    statements: list[Statement] = []
    renamed: dict[str, str] = {}
    care: CareVerdict | None = None
    judged_at = max(now, house.database.clock().astimezone(UTC))

    def held_against(new: list[ReadStatement]) -> list[Held]:
        judged = None if version is None else version.id
        return hold(plan, due.requires, new, book, product=product.id, version=judged, use=use.id, at=judged_at)

    if mine:
        found = measure(about, asked, rows, before, now)
        care = None if found.care is None else _CARE.get(found.care)
        evaluation = evaluation_statement(about, asked, rows) if asked.evaluation else None
        beside = [evaluation] if evaluation is not None else []
        # its state follows from the verdict, and the verdict from its numbers: judged first, then written as it is
        draft = monitoring_statement(about, found, rows, before, list(found.alarms), "quiet")
        held = held_against([_read(one) for one in (draft, *beside)])
        blind = not any(m.value is not None for m in found.measurements)
        state = state_of(held, drifted=bool(found.alarms), blind=blind)
        wrong = [one.sentence for one in held if one.outcome is Outcome.NOT_MET]
        whole = monitoring_statement(about, found, rows, before, [*wrong, *found.alarms], state)
        renamed[digest(draft)] = digest(whole)
        statements = [whole, *beside]
    else:
        held = held_against([])
        state = state_of(held, drifted=False, blind=False)
    _file(house, monitor, plan, use, product, about, due, rows, held, state, statements, renamed, care, done)


def _file(
    house: House,
    monitor: Monitor,
    plan: MonitorPlan,
    use: Use,
    product: Product,
    about: About,
    due: Due,
    rows: EventRows,
    held: list[Held],
    state: str,
    statements: list[Statement],
    renamed: dict[str, str],
    care: CareVerdict | None,
    done: RanDue,
) -> None:
    """Everything that a look leaves in the book, as one change."""
    rule, first, last, day = due.key
    spans = [(midnight(about.start), midnight(about.end)), reference_days(monitor, plan)] if statements else []
    sent = sorted({one for start, end in spans for one in senders(house.events.tables, use.id, start, end)})
    with house.database.changing(SYSTEM, "a window was looked at") as change:
        connection = change.connection
        current = MONITORS.get(connection, monitor.id)
        again = select(looks.c.id).where(
            looks.c.monitor == monitor.id,
            looks.c.rule == rule,
            looks.c.starts_on == first,
            looks.c.ends_on == last,
            looks.c.due_on == day,
        )
        if current.state is not MonitorState.ACTIVE or connection.execute(again).first() is not None:
            return
        known = Known(product.id, None if about.version is None else about.version.id, use.id)
        filed = [_filed(change, house, one, known) for one in statements]
        put_down_senders(change, use.id, sent)
        LOOKS.add(
            change,
            LookFields(
                use=use.id, monitor=monitor.id, rule=rule, starts_on=first, ends_on=last, due_on=day,
                state=WatchState(state), outcomes={one.watched.requirement.id: one.outcome.value for one in held},
                sentences={one.watched.requirement.id: one.sentence for one in held},
                numbers={one.watched.requirement.id: one.number for one in held if one.number.value is not None},
                statements=filed, events=rows.n,
                labelled=rows.labelled, looked_at=change.at,
            ),
        )  # fmt: skip
        MONITORS.change(change, monitor.id, {"looked_until": max(last, current.looked_until or last)}, None)
        called = call(plan, rule, held, _earlier(connection, monitor, due))
        _end(change, monitor, held, called, first)
        new = SIGNALS.add_many(change, list(signals_of(about, monitor.id, held, called.raised, renamed, change.at)))
        opened = gather(change, house, use, current, plan, new, care)
        for one in opened:
            act(change, house, use, current, plan, one)
    done.looked.append(
        Looked(
            use.id, monitor.id, rule, first, last, state, tuple(filed),
            {one.watched.requirement.id: one.outcome.value for one in held},
        )
    )  # fmt: skip
    done.signals += [one.id for one in new]
    done.incidents += [one.id for one in opened if one.id not in done.incidents]


def _filed(change: Change, house: House, statement: Statement, known: Known) -> str:
    """File one of the house's own statements; what two looks say in the same words at the same moment stands once."""
    name = digest(statement)
    if find(change.connection, name) is not None:
        return name
    return file_own(change, house, sign_as_house(change, house, statement), known, source="monitoring")


def _earlier(connection: Connection, monitor: Monitor, due: Due) -> list[Look]:
    """Looks at earlier windows of this length at the same requirements."""
    before = governance.every(
        connection,
        "look",
        looks.c.monitor == monitor.id,
        looks.c.rule == due.rule,
        looks.c.starts_on < due.span.start.isoformat(),
    )
    return [look for look in before if same_windows(look, due.rule, due.span.end, due.due_on)]


def _end(change: Change, monitor: Monitor, held: list[Held], called: Called, start: str) -> None:
    """Signals of earlier windows end where their requirement is met again and windows together say so too."""
    met = [
        one.watched.requirement.id
        for one in held
        if (one.outcome is Outcome.MET and one.watched.requirement.id not in called.on)
        or (one.outcome is not Outcome.NOT_MET and one.watched.requirement.id in called.ended)
    ]
    there = governance.every(
        change.connection,
        "signal",
        signals.c.monitor == monitor.id,
        signals.c.ended_at.is_(None),
        signals.c.requirement.in_(met),
    )
    earlier = [one for one in there if one.window is None or one.window.start[:10] < start]
    SIGNALS.change_many(change, [(one, {"ended_at": change.at}) for one in earlier])


def _missing(house: House, monitor: Monitor, plan: MonitorPlan, use: Use, now: datetime, done: RanDue) -> None:
    with house.database.reading() as connection:
        found = missing_of(house, connection, use, monitor, plan, now)
        if not anything_new(connection, monitor, found):
            return
    with house.database.changing(SYSTEM, "what is missing was looked at") as change:
        current = MONITORS.get(change.connection, monitor.id)
        if current.state is not MonitorState.ACTIVE:
            return
        new = raise_missing(change, use, current, found, now.date())
        opened = gather(change, house, use, current, plan, new)
    done.signals += [one.id for one in new]
    done.incidents += [one.id for one in opened if one.id not in done.incidents]


def _read(statement: Statement) -> ReadStatement:
    return read_bytes(canonical_statement(statement), name="the house's own statement")
