"""What is missing is a signal too: no events, outcomes that stopped, a model or a validation that has grown old."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

from sqlalchemy import Connection, select

from codman.flows.house import House
from codman.flows.watch.rows import rows_of
from codman.registry import governance
from codman.registry.database import Change
from codman.registry.evidence_of import about_uses
from codman.registry.governance import SIGNALS
from codman.registry.schema import deployments, statements, versions
from codman.registry.schema_watch import signals
from codman.spine.day import written_day
from codman.spine.monitor_plan import MonitorPlan
from codman.spine.site import Mode
from codman.spine.statement import Kind
from codman.spine.use import Use
from codman.spine.watching import Monitor, Signal, SignalFields, SignalKind
from codman.tables.events.view import per_day

FEWEST: Final = 11  # predictions of which none has an outcome, before that is said
_RUNS: Final = (Mode.SILENT.value, Mode.PILOT.value, Mode.LIVE.value)
KINDS: Final = (SignalKind.SILENCE, SignalKind.NO_LABELS, SignalKind.STALE)


@dataclass(frozen=True, slots=True)
class Missing:
    """Something that is missing now."""

    kind: SignalKind
    sentence: str


def missing_of(
    house: House, connection: Connection, use: Use, monitor: Monitor, plan: MonitorPlan, now: datetime
) -> list[Missing]:
    """What is missing of a use that runs, now.

    Args:
        house: The open house.
        connection: Where to read.
        use: The use.
        monitor: Its monitor.
        plan: What it watches.
        now: The time.

    Raises:
        MissingExtra: What reads the tables of events is not installed.
    """
    return [
        *_silent(house, use, monitor, plan, now),
        *_unlabelled(house, use, plan, now),
        *_aged(connection, use, plan, now.date()),
    ]


def raise_missing(change: Change, use: Use, monitor: Monitor, found: list[Missing], today: date) -> list[Signal]:
    """Raise what is missing and was not said yet, and end what is there again.

    Returns:
        The signals that are new.
    """
    there = {one.kind: one for one in open_missing(change.connection, monitor)}
    now = {one.kind: one for one in found}
    gone = [(one, {"ended_at": change.at}) for kind, one in there.items() if kind not in now]
    SIGNALS.change_many(change, gone)
    new = [
        SignalFields(
            use=use.id,
            monitor=monitor.id,
            kind=kind,
            about=f"{kind.value}: {today.isoformat()}",
            sentence=one.sentence,
            raised_at=change.at,
        )
        for kind, one in now.items()
        if kind not in there and not _said(change.connection, monitor, f"{kind.value}: {today.isoformat()}")
    ]
    return SIGNALS.add_many(change, new)


def anything_new(connection: Connection, monitor: Monitor, found: list[Missing]) -> bool:
    """Whether what is missing differs from what was said to be."""
    return {one.kind for one in open_missing(connection, monitor)} != {one.kind for one in found}


def open_missing(connection: Connection, monitor: Monitor) -> list[Signal]:
    """Signals that something is missing, and that have not ended."""
    return governance.every(
        connection,
        "signal",
        signals.c.monitor == monitor.id,
        signals.c.kind.in_([kind.value for kind in KINDS]),
        signals.c.ended_at.is_(None),
    )


def _said(connection: Connection, monitor: Monitor, about: str) -> bool:
    """Whether it was raised and ended today already: what comes and goes within a day is said once."""
    rows = select(signals.c.id).where(signals.c.monitor == monitor.id, signals.c.about == about)
    return connection.execute(rows).first() is not None


def _silent(house: House, use: Use, monitor: Monitor, plan: MonitorPlan, now: datetime) -> Iterator[Missing]:
    seen = [day for day in per_day(house.events.tables, use.id) if day <= now.date()]
    first = date.fromisoformat(monitor.starts_on)
    since = seen[-1] if seen else first
    quiet = (now.date() - since).days
    if quiet > plan.silence_days:
        last = f"the last prediction came on {written_day(since.isoformat())}" if seen else "none ever came"
        yield Missing(SignalKind.SILENCE, f"No events for {quiet} days: {last}.")


def _unlabelled(house: House, use: Use, plan: MonitorPlan, now: datetime) -> Iterator[Missing]:
    last = datetime.combine(now.date() - timedelta(days=plan.label_delay_days), time(), UTC)
    rows = rows_of(house, use.id, last - timedelta(days=plan.labels_days), last, now)
    if rows.n >= FEWEST and rows.labelled == 0:
        yield Missing(
            SignalKind.NO_LABELS,
            f"Outcomes stopped: none is known of {rows.n:,} predictions made in the {plan.labels_days} days before"
            f" {written_day(last.date().isoformat())}.",
        )


def _aged(connection: Connection, use: Use, plan: MonitorPlan, today: date) -> Iterator[Missing]:
    if plan.oldest_days is None:
        return
    oldest = (today - timedelta(days=plan.oldest_days)).isoformat()
    about = statements.c.digest.in_(about_uses([use.id]))
    validated = connection.execute(
        select(statements.c.evaluated_at).where(about, statements.c.kind == Kind.EVALUATION.value)
    ).scalars()
    newest = max((one for one in validated if one is not None), default=None)
    runs = select(versions.c.label, versions.c.released_on).join(deployments, deployments.c.version == versions.c.id)
    released = connection.execute(runs.where(deployments.c.use == use.id, deployments.c.mode.in_(_RUNS))).all()
    old = sorted(row.label for row in released if row.released_on is not None and row.released_on < oldest)
    if newest is not None and newest[:10] < oldest:
        yield Missing(
            SignalKind.STALE,
            f"The last validation is of {written_day(newest[:10])}: more than {plan.oldest_days} days ago.",
        )
    elif old:
        yield Missing(SignalKind.STALE, f"Version {old[0]} was released more than {plan.oldest_days} days ago.")
