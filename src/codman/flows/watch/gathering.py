"""gather: signals become incidents on somebody's desk, each with what probably moved first; told within a budget."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any, Final

from sqlalchemy import Connection, select

from codman.flows.house import House
from codman.flows.watch.desk import duty_of, ladder_of, stands
from codman.flows.watch.telling import tell_opened
from codman.jobs.times import read_instant
from codman.monitor.alarms.duty import opened, worsened
from codman.monitor.alarms.incidents import Alarm
from codman.monitor.alarms.incidents import incidents as grouped
from codman.monitor.alarms.stream import Stream
from codman.registry import governance
from codman.registry.database import Change
from codman.registry.governance import INCIDENTS, SIGNALS
from codman.registry.identifiers import new_id
from codman.registry.schema_watch import incidents, signals
from codman.review.policy.bound import Bound
from codman.spine.monitor_plan import MonitorPlan
from codman.spine.use import Use
from codman.spine.watching import (
    CareVerdict,
    Incident,
    IncidentFields,
    IncidentState,
    IncidentStep,
    Monitor,
    Signal,
    SignalKind,
)

_PERFORMANCE: Final = frozenset({SignalKind.PERFORMANCE, SignalKind.DRIFT})


def gather(
    change: Change,
    house: House,
    use: Use,
    monitor: Monitor,
    plan: MonitorPlan,
    new: Sequence[Signal],
    care: CareVerdict | None = None,
) -> list[Incident]:
    """Put new signals into incidents: one that goes on, or a new one; its owner is told in the same change.

    Args:
        change: The open change, in which the signals were raised.
        house: The open house.
        use: The use.
        monitor: Its monitor.
        plan: What it watches.
        new: Signals that stand in no incident yet.
        care: Whether care may have changed the outcome, where that was asked.

    Returns:
        The incidents that the new signals are in.
    """
    if not new:
        return []
    going = _unresolved(change.connection, use.id)
    of_going = _signals_in(change.connection, [one.id for one in going])
    by_id = {one.id: one for one in going}
    touched: dict[str, Incident] = {}
    for members, cause in _groups([*of_going, *new], use, monitor, plan):
        fresh = [one for one in members if one.incident is None]
        if not fresh:
            continue
        there = sorted({one.incident for one in members if one.incident is not None})
        if there:
            one = _joined(change, house, use, by_id[there[0]], fresh, cause, care)
        else:
            one = _opened(change, house, use, monitor, fresh, cause, care)
        SIGNALS.change_many(change, [(signal, {"incident": one.id}) for signal in fresh])
        touched[one.id] = one
    return list(touched.values())


def _opened(
    change: Change,
    house: House,
    use: Use,
    monitor: Monitor,
    fresh: Sequence[Signal],
    cause: str | None,
    care: CareVerdict | None,
) -> Incident:
    name = new_id("incident")
    severe = any(one.severe for one in fresh)
    ladder = ladder_of(change.connection, use, monitor.owner)
    duty = opened(name, monitor.owner, read_instant(change.at), ladder, severe=severe)
    made = IncidentFields(
        use=use.id,
        title=_title(fresh),
        cause=cause,
        owner=monitor.owner,
        holder=duty.holder,
        severe=severe,
        opened_at=change.at,
        answer_by=stands(duty)["answer_by"],
        steps=[IncidentStep(at=change.at, did="opened", by="codman")],
        care=care if any(one.kind is SignalKind.PERFORMANCE for one in fresh) else None,
    )
    incident = INCIDENTS.add(change, made, name)
    return tell_opened(change, house, use, incident)


def _joined(
    change: Change,
    house: House,
    use: Use,
    one: Incident,
    fresh: Sequence[Signal],
    cause: str | None,
    care: CareVerdict | None,
) -> Incident:
    severe = any(signal.severe for signal in fresh)
    duty = worsened(
        duty_of(one),
        read_instant(change.at),
        _title(fresh),
        ladder_of(change.connection, use, one.owner),
        severe=severe,
    )
    patch: dict[str, Any] = {**stands(duty), "cause": cause or one.cause}
    if care is not None and any(signal.kind is SignalKind.PERFORMANCE for signal in fresh):
        patch["care"] = care.value
    done: Incident = INCIDENTS.change(change, one.id, patch, None)
    return tell_opened(change, house, use, done) if severe and not one.severe else done


def _groups(
    all_: Sequence[Signal], use: Use, monitor: Monitor, plan: MonitorPlan
) -> list[tuple[list[Signal], str | None]]:
    """Signals that belong together, and what probably caused them."""
    measured = [one for one in all_ if one.kind in _PERFORMANCE and one.metric is not None and one.window is not None]
    found: list[tuple[list[Signal], str | None]] = []
    if measured:
        unit = max(_length(one) for one in measured)
        streams = {one.about: _stream(one, use, monitor) for one in measured}
        listed = [_alarm(one, streams[one.about], unit) for one in measured]
        alarms = {id(alarm): one for alarm, one in zip(listed, measured, strict=True)}
        quiet = [
            Stream(
                metric=bound.metric, delta=0.0, feature=bound.feature, slice=dict(bound.slice), use=use.id,
                site=use.site, owner=monitor.owner,
            )
            for bound in (one.requirement.asks for one in plan.requires)
            if isinstance(bound, Bound)
        ]  # fmt: skip
        for incident in grouped(listed, [*streams.values(), *quiet]):
            members = [alarms[id(alarm)] for alarm in incident.alarms]
            found.append((members, incident.sentence[:300] if incident.causes else None))
    others: dict[str, list[Signal]] = {}
    for one in all_:
        if one not in measured:
            others.setdefault(one.kind.value, []).append(one)
    return _kept_together([*found, *((members, None) for members in others.values())])


def _kept_together(groups: list[tuple[list[Signal], str | None]]) -> list[tuple[list[Signal], str | None]]:
    """Groups that share an incident that goes on are one."""
    whole: list[tuple[list[Signal], str | None]] = []
    for members, cause in groups:
        names = {one.incident for one in members} - {None}
        other = next(
            (i for i, (some, _) in enumerate(whole) if names & ({one.incident for one in some} - {None})), None
        )
        if other is None:
            whole.append((members, cause))
        else:
            whole[other] = ([*whole[other][0], *members], cause or whole[other][1])
    return whole


def _stream(one: Signal, use: Use, monitor: Monitor) -> Stream:
    return Stream(
        metric=str(one.metric), delta=0.0, feature=one.feature, slice=dict(one.slice), use=use.id, site=use.site,
        owner=monitor.owner,
    )  # fmt: skip


def _alarm(one: Signal, stream: Stream, unit: int) -> Alarm:
    ends = _day(one.window.end if one.window else one.raised_at)
    window = ends.toordinal() // unit
    return Alarm(stream=stream, window=window, at=one.raised_at, moved=window, shift=0.0, e=one.evidence or 1.0)


def _length(one: Signal) -> int:
    if one.window is None:
        return 1
    return max(1, (_day(one.window.end) - _day(one.window.start)) // timedelta(days=1))


def _day(instant: str) -> date:
    return date.fromisoformat(instant[:10])


def _title(fresh: Sequence[Signal]) -> str:
    first = sorted(fresh, key=lambda one: (not one.severe, one.about))[0]
    more = len(fresh) - 1
    tail = f" (and {more} more)" if more else ""
    return first.sentence[: 300 - len(tail)] + tail


def _unresolved(connection: Connection, use: str) -> list[Incident]:
    return governance.every(
        connection, "incident", incidents.c.use == use, incidents.c.state != IncidentState.RESOLVED.value
    )


def _signals_in(connection: Connection, names: Sequence[str]) -> list[Signal]:
    rows = connection.execute(select(signals).where(signals.c.incident.in_(names)).order_by(signals.c.id))
    return [SIGNALS.read(row) for row in rows]
