"""ages: a use's numbers window by window, each at its age: estimated, partial, final; read from what was filed.

A page may ask for any span of days. Of a window that was looked at twice the newest number of each age counts.
"""

from __future__ import annotations

import importlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import Connection, select

from codman.evidence.store import Store
from codman.flows.house import House
from codman.flows.records import get
from codman.flows.watch.keeping import plan_in
from codman.flows.watch.overview import Standing, next_due, standings_of
from codman.registry import governance
from codman.registry.access import Reader, paths_for
from codman.registry.nouns import DEPLOYMENTS
from codman.registry.schema import deployments, sites, versions
from codman.registry.schema_watch import incidents, looks, monitors, signals
from codman.review.policy.bound import Bound
from codman.spine.measurement import Measurement
from codman.spine.monitor_plan import COMPLETE, MonitorPlan, Watched
from codman.spine.statement import Kind
from codman.spine.use import Use
from codman.spine.vocabulary import ESTIMATED, UnknownMetric, word
from codman.spine.watching import Incident, Look, Monitor, MonitorState, Signal

AGES: Final = ("estimated", "partial", "final")
MOST_LOOKS: Final = 400
_SUMMARIES: Final = frozenset({"coverage", "bias"})  # of one window: the page reconciles all of them anew


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """One number of one window at its age."""

    starts_on: str
    ends_on: str
    age: str  # of AGES
    m: Measurement
    statement: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Track:
    """One number of the same patients, window after window."""

    metric: str
    slice: tuple[tuple[str, str], ...]
    threshold: float | None
    feature: str | None
    numbers: tuple[Number, ...]  # by window, then by age
    requires: tuple[Watched, ...]  # what the plan asks of it
    kept: Measurement | None = None  # how good its estimates have been, over the windows whose outcomes are known

    @property
    def low(self) -> float | None:
        """The highest floor that the plan sets."""
        return max((b.low for b in self._bounds() if b.low is not None), default=None)

    @property
    def high(self) -> float | None:
        """The lowest ceiling that it sets."""
        return min((b.high for b in self._bounds() if b.high is not None), default=None)

    def _bounds(self) -> Iterator[Bound]:
        return (one.requirement.asks for one in self.requires if isinstance(one.requirement.asks, Bound))


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """Something that happened, to be drawn at its day."""

    on: str
    words: str
    href: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class UseWatched:
    """A use's monitoring between two days."""

    use: Use
    monitor: Monitor | None
    plan: MonitorPlan | None
    rules: tuple[str, ...]  # lengths of window that were looked at, the most frequent first
    rule: str | None
    looks: tuple[Look, ...]  # of that length, by window
    standings: tuple[Standing, ...]
    performance: tuple[Track, ...]
    drift: tuple[Track, ...]
    effects: tuple[Track, ...]  # what the drift is expected to do to performance
    care: tuple[Track, ...]
    sentences: tuple[Note, ...]  # what the newest statement notes
    missing: tuple[Signal, ...]
    incidents: tuple[Incident, ...]  # the newest first
    notes: tuple[Note, ...]
    next_due: str | None


def use_watched(house: House, reader: Reader, use: str, first: str, last: str, rule: str | None = None) -> UseWatched:
    """A use's monitoring as far as the reader sees it.

    Args:
        house: The open house.
        reader: Who looks.
        use: Its id.
        first: The first day whose windows are shown, ISO 8601.
        last: The last; a window counts where it began on or before it.
        rule: Which length of window; the one that was looked at most without.

    Raises:
        NoSuchRecord: There is no such use within their reach.
        EvidenceTampered: A statement that is shown was changed on disk.
    """
    found: Use = get(house, reader, "use", use)
    with house.database.reading() as connection:
        followed = governance.every(connection, "monitor", monitors.c.use == use)
        monitor = max(followed, key=_standing_of, default=None)
        every = [] if monitor is None else governance.every(
            connection, "look", looks.c.monitor == monitor.id, looks.c.ends_on > first, looks.c.starts_on <= last,
            order="due_on",
        )  # fmt: skip
        newest = [] if monitor is None else governance.every(
            connection, "look", looks.c.monitor == monitor.id, looks.c.due_on >= _recent(every), order="due_on"
        )  # fmt: skip
        opened = governance.every(connection, "incident", incidents.c.use == use, order="opened_at")
        unended = governance.every(
            connection, "signal", signals.c.use == use, signals.c.ended_at.is_(None), signals.c.requirement.is_(None)
        )
        notes = sorted(_notes(connection, reader, found, opened), key=lambda one: one.on)
    rules = _rules(every)
    chosen = rule if rule in rules else next(iter(rules), None)
    shown = [look for look in every if look.rule == chosen][-MOST_LOOKS:]
    plan = None if monitor is None else plan_in(monitor)
    numbers = list(_newest(house.store, shown))
    tracks = list(_tracks(numbers, plan))
    return UseWatched(
        use=found,
        monitor=monitor,
        plan=plan,
        rules=rules,
        rule=chosen,
        looks=tuple(sorted(shown, key=lambda one: (one.starts_on, one.due_on))),
        standings=standings_of(newest),
        performance=tuple(one for one in tracks if _sort(one) == "performance"),
        drift=tuple(one for one in tracks if _sort(one) == "drift"),
        effects=tuple(one for one in tracks if _sort(one) == "effect"),
        care=tuple(one for one in tracks if _sort(one) == "care"),
        sentences=tuple(_sentences(house.store, shown)),
        missing=tuple(unended),
        incidents=tuple(reversed(opened)),
        notes=tuple(one for one in notes if first <= one.on <= last),
        next_due=_day(None if monitor is None else next_due(monitor, newest)),
    )


def _standing_of(monitor: Monitor) -> tuple[int, str]:
    """The one that is followed goes before one that waits, and that before those that are stopped."""
    order = {MonitorState.ACTIVE: 2, MonitorState.PLANNED: 1, MonitorState.STOPPED: 0}
    return order[monitor.state], monitor.created_at


def _recent(found: Sequence[Look]) -> str:
    """From which due day on the looks hold the newest of every requirement, in all likelihood."""
    days = sorted({look.due_on for look in found})
    return days[-min(len(days), 16)] if days else "0000"


def _rules(found: Iterable[Look]) -> tuple[str, ...]:
    count: dict[str, int] = defaultdict(int)
    for look in found:
        count[look.rule] += 1
    return tuple(sorted(count, key=lambda rule: (-count[rule], rule)))


def _newest(store: Store, shown: Sequence[Look]) -> Iterator[Number]:
    """Of every window and number the newest of each age; a later look stands in for an earlier one."""
    newest: dict[tuple[Any, ...], Number] = {}
    for look in shown:
        for name in look.statements:
            for m in measured(store, name):
                if _is_of_care(m) and not _complete(look):
                    continue  # events are often known sooner: half the outcomes would say that there are more of them
                age = _age(m)
                key = (look.starts_on, look.ends_on, age, *_names(m))
                newest[key] = Number(starts_on=look.starts_on, ends_on=look.ends_on, age=age, m=m, statement=name)
    yield from newest.values()


@lru_cache(maxsize=2_000)
def measured(store: Store, name: str) -> tuple[Measurement, ...]:
    """The numbers of a monitoring statement; what a digest names never changes, so each is read once."""
    read = store.recall(name)
    if read.statement.kind is not Kind.MONITORING:
        return ()
    found: tuple[Measurement, ...] = tuple(getattr(read.predicate, "measurements", ()))
    return tuple(m for m in found if m.metric not in _SUMMARIES)


def _complete(look: Look) -> bool:
    """Whether nearly all outcomes of a window were known when it was looked at."""
    return look.events > 0 and look.labelled >= COMPLETE * look.events


def _is_of_care(m: Measurement) -> bool:
    return bool(m.params.get("group")) or m.params.get("of") == "shown rows"


def _age(m: Measurement) -> str:
    said = m.params.get("age")
    return str(said) if said in AGES else "final"  # what needs no outcomes is final at once


def _names(m: Measurement) -> tuple[Any, ...]:
    kind = "estimate" if m.metric.startswith(ESTIMATED) and m.params.get("age") else ""
    metric = m.metric.removeprefix(ESTIMATED) if kind else m.metric
    group = m.params.get("group")
    return metric, tuple(sorted(m.slice.items())), m.params.get("threshold"), m.feature, group


def _tracks(numbers: Sequence[Number], plan: MonitorPlan | None) -> Iterator[Track]:
    together: dict[tuple[Any, ...], list[Number]] = defaultdict(list)
    for one in numbers:
        together[_names(one.m)].append(one)
    kept = _kept(numbers)
    for (metric, slice_, threshold, feature, _group), found in together.items():
        found.sort(key=lambda one: (one.starts_on, one.ends_on, AGES.index(one.age)))
        yield Track(
            metric=metric,
            slice=slice_,
            threshold=threshold,
            feature=feature,
            numbers=tuple(found),
            requires=tuple(_asked(plan, metric, slice_, threshold, feature)),
            kept=kept.get((metric, slice_, threshold)) if feature is None else None,
        )


def _kept(numbers: Sequence[Number]) -> dict[tuple[Any, ...], Measurement]:
    """How good the estimates of each number have been."""
    rows = [one.m for one in numbers if one.m.feature is None and one.m.params.get("age") in ("estimated", "final")]
    found = {}
    # loaded now: the engines take as long as the whole server does to start
    reconcile: Any = importlib.import_module("codman.monitor.estimate.reconcile")
    for m in reconcile.reconcile(rows):
        if m.metric == "coverage":
            of = str(m.params["of"]).removeprefix(ESTIMATED)
            found[of, tuple(sorted(m.slice.items())), m.params.get("threshold")] = m
    return found


def _asked(
    plan: MonitorPlan | None,
    metric: str,
    slice_: tuple[tuple[str, str], ...],
    threshold: float | None,
    feature: str | None,
) -> Iterator[Watched]:
    """The requirements of the plan that are about this number, at whatever age."""
    for one in () if plan is None else plan.requires:
        asks = one.requirement.asks
        if (
            isinstance(asks, Bound)
            and asks.metric.removeprefix(ESTIMATED) == metric
            and tuple(sorted(asks.slice.items())) == slice_
            and asks.threshold in (None, threshold)
            and asks.feature == feature
        ):
            yield one


def _sort(track: Track) -> str:
    """Which part of the page a track belongs to."""
    m = track.numbers[0].m
    if _is_of_care(m):
        return "care"
    if m.metric.startswith(ESTIMATED) and "age" not in m.params:
        return "effect"
    if track.feature is not None or m.metric.endswith(("_difference", "_change")) or _family(m.metric) == "drift":
        return "drift"
    return "performance"


def _family(metric: str) -> str:
    try:
        return word(metric).family
    except UnknownMetric:
        return ""


def _sentences(store: Store, shown: Sequence[Look]) -> Iterator[Note]:
    """What the newest statement of a window whose outcomes are known notes."""
    for look in sorted(filter(_complete, shown), key=lambda one: (one.due_on, one.ends_on), reverse=True):
        for name in look.statements:
            note = getattr(store.recall(name).predicate, "note", None)
            if note:
                yield Note(on=look.ends_on, words=note, href=f"/evidence/{name}")
                return


def _notes(connection: Connection, reader: Reader, use: Use, opened: Sequence[Incident]) -> Iterator[Note]:
    """Deployments and versions, and incidents by the window they were first seen in."""
    within = paths_for(reader, "inventory.read")
    rows = connection.execute(
        select(deployments, sites.c.name.label("place"), sites.c.path)
        .join(sites, sites.c.id == deployments.c.site)
        .where(deployments.c.use == use.id)
    ).all()
    seen = [row for row in rows if any(row.path.startswith(path) for path in within)]
    for row in seen:
        one = DEPLOYMENTS.read(row)
        if one.since:
            yield Note(on=one.since, words=f"{one.mode.value.capitalize()} at {row.place}")
    ran = {row.version for row in seen if row.version is not None}
    for label, day in connection.execute(
        select(versions.c.label, versions.c.released_on).where(versions.c.id.in_(ran)).order_by(versions.c.released_on)
    ):
        if day:
            yield Note(on=day, words=f"Version {label} released")
    if use.stage_since:
        yield Note(on=use.stage_since, words=f"The use became {use.stage.value}")
    for incident in opened:
        first = governance.every(connection, "signal", signals.c.incident == incident.id, order="raised_at")
        windows = sorted(one.window.start[:10] for one in first if one.window is not None)
        day = windows[0] if windows else incident.opened_at[:10]
        yield Note(on=day, words=f"Incident: {incident.title}", href=f"/monitor/incidents/{incident.id}")


def _day(day: Any) -> str | None:
    return None if day is None else day.isoformat()
