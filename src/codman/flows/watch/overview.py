"""overview: every use that runs and how its monitoring stands, the worst first; what nobody watches leads.

Read from looks alone: their sentences say what each requirement came to, and the days they were due what comes next.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final, TypeVar

from sqlalchemy import Connection, func, select

from codman.flows.house import House
from codman.flows.watch.keeping import plan_in
from codman.flows.watched import REACHES_PATIENTS
from codman.registry import governance
from codman.registry.access import Reader, paths_for
from codman.registry.governance import LOOKS
from codman.registry.inventory import visible
from codman.registry.nouns import USES
from codman.registry.schema import uses
from codman.registry.schema_watch import incidents, looks, monitors
from codman.review.watching.plan import needs_outcomes
from codman.review.watching.windows import due_on, following, window_of
from codman.spine.use import RUNNING, Use
from codman.spine.verdict import Outcome
from codman.spine.watching import Incident, IncidentState, Look, Monitor, MonitorState, WatchState

Owned = TypeVar("Owned", Monitor, Incident)
_NEWEST: Final = 8  # looks of a monitor and a rule: among them is the last of each requirement
_TOO_FEW: Final = "too few"
_REPORTED: Final = frozenset({Outcome.MET, Outcome.NOT_MET, Outcome.INCONCLUSIVE, Outcome.NOT_APPLICABLE})
_RANKS: Final = {
    "unwatched": 0, "alarm": 1, "blind": 2, "not-met": 3, "incident": 4, "planned": 5, "watch": 6, "new": 7,
    "silent": 8, "quiet": 9,
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What one requirement came to when it was last looked at."""

    requirement: str
    word: str  # met, not-met, inconclusive, too few, missing, stale, unverifiable, not-applicable
    sentence: str
    starts_on: str
    ends_on: str
    statement: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchedUse:
    """A use that runs, and how it is watched."""

    use: Use
    monitor: Monitor | None  # the one that is followed, else the one that waits for go-live
    last: Look | None  # the newest window that was looked at
    standings: tuple[Standing, ...]  # the worst first
    incidents: tuple[Incident, ...]  # not resolved, the oldest first
    next_due: date | None
    rank: str  # a word of _RANKS

    @property
    def watched(self) -> bool:
        """Whether a monitor follows it now."""
        return self.monitor is not None and self.monitor.state is MonitorState.ACTIVE and self.rank != "unwatched"

    @property
    def order(self) -> tuple[int, str]:
        """The worst first, then by name."""
        return _RANKS[self.rank], self.use.name


def overview(house: House, reader: Reader) -> list[WatchedUse]:
    """Every use that runs, as far as the reader sees, the worst first."""
    within = paths_for(reader, "monitor.read")
    with house.database.reading() as connection:
        running = uses.c.stage.in_([stage.value for stage in RUNNING])
        found = [USES.read(row) for row in connection.execute(select(uses).where(running, visible(within)))]
        names = {one.id for one in found}
        followed = _by_use(
            governance.every(
                connection, "monitor",
                monitors.c.state.in_([MonitorState.ACTIVE.value, MonitorState.PLANNED.value]),
            ),
            names,
        )  # fmt: skip
        unresolved = incidents.c.state != IncidentState.RESOLVED.value
        opened = _by_use(governance.every(connection, "incident", unresolved, order="opened_at"), names)
        newest = _newest_looks(connection)
    listed, today = [], house.database.today().isoformat()
    for use in found:
        monitor = max(followed.get(use.id, []), key=lambda one: one.state is MonitorState.ACTIVE, default=None)
        looked = [] if monitor is None else newest.get(monitor.id, [])
        listed.append(_watched(use, monitor, looked, opened.get(use.id, []), today))
    return sorted(listed, key=lambda one: one.order)


def standings_of(looked: Iterable[Look]) -> tuple[Standing, ...]:
    """What each requirement came to in the newest look that judged it, the worst first.

    Args:
        looked: Looks of one monitor.
    """
    last: dict[str, Look] = {}
    for look in sorted(looked, key=lambda one: (one.due_on, one.ends_on)):
        last |= dict.fromkeys(look.outcomes, look)
    found = [standing(look, name) for name, look in last.items()]
    return tuple(sorted(found, key=lambda one: (_WORST.get(one.word, 0), one.requirement)))


_WORST: Final = {"not-met": 0, "missing": 1, "stale": 1, "unverifiable": 1, "inconclusive": 2, _TOO_FEW: 3, "met": 4}


def standing(look: Look, requirement: str) -> Standing:
    """What a requirement came to in one look."""
    word, sentence = look.outcomes[requirement], look.sentences.get(requirement, "")
    if word == Outcome.INCONCLUSIVE.value and (sentence.startswith("Too few") or sentence.endswith("needed.")):
        word = _TOO_FEW
    return Standing(
        requirement=requirement, word=word, sentence=sentence, starts_on=look.starts_on, ends_on=look.ends_on,
        statement=next(iter(look.statements), None),
    )  # fmt: skip


def next_due(monitor: Monitor, looked: Sequence[Look]) -> date | None:
    """The day on which the next window is due; one that has passed is overdue.

    It is read from the looks; only a monitor that never looked has its plan read.
    """
    if monitor.state is not MonitorState.ACTIVE:
        return None
    last: dict[tuple[str, int], Look] = {}
    for look in looked:
        lag = (date.fromisoformat(look.due_on) - date.fromisoformat(look.ends_on)).days
        if look.ends_on >= last.get((look.rule, lag), look).ends_on:
            last[look.rule, lag] = look
    days = []
    for (rule, lag), look in last.items():
        span = window_of(rule, date.fromisoformat(look.ends_on))
        if span is not None:
            days.append(due_on(span, label_delay_days=lag, due_days=0))
    return min(days) if days else _first_due(monitor)


def _first_due(monitor: Monitor) -> date | None:
    plan, days = plan_in(monitor), []
    for one in plan.requires:
        span = next(following(one.watch.window, date.fromisoformat(monitor.starts_on)), None)
        if span is not None:
            delay = plan.label_delay_days if needs_outcomes(one.requirement) else 0
            days.append(due_on(span, label_delay_days=delay, due_days=one.watch.due_days))
    return min(days, default=None)


def _watched(
    use: Use, monitor: Monitor | None, looked: Sequence[Look], opened: Sequence[Incident], today: str
) -> WatchedUse:
    standings = standings_of(looked)
    last = max(looked, key=lambda one: (one.due_on, one.ends_on), default=None)
    return WatchedUse(
        use=use,
        monitor=monitor,
        last=last,
        standings=standings,
        incidents=tuple(opened),
        next_due=None if monitor is None else next_due(monitor, looked),
        rank=_rank(use, monitor, last, standings, opened, today),
    )


def _rank(
    use: Use,
    monitor: Monitor | None,
    last: Look | None,
    standings: Sequence[Standing],
    opened: Sequence[Incident],
    today: str,
) -> str:
    active = monitor is not None and monitor.state is MonitorState.ACTIVE and monitor.starts_on <= today
    if not active and use.stage in REACHES_PATIENTS:
        return "unwatched"
    if any(one.severe for one in opened):
        return "alarm"
    if last is not None and last.state is WatchState.BLIND:
        return "blind"
    if any(one.word == Outcome.NOT_MET.value for one in standings):
        return "not-met"
    if opened:
        return "incident"
    if not active:
        return "silent" if monitor is None else "planned"
    if last is None:
        return "new"
    return "quiet" if all(one.word in ("met", "not-applicable") for one in standings) else "watch"


def _by_use(found: Iterable[Owned], names: set[str]) -> dict[str, list[Owned]]:
    by_use: dict[str, list[Owned]] = defaultdict(list)
    for one in found:
        if one.use in names:
            by_use[one.use].append(one)
    return by_use


def _newest_looks(connection: Connection) -> dict[str, list[Look]]:
    """The newest looks of each monitor that is followed, of each length of window."""
    place = func.row_number().over(partition_by=(looks.c.monitor, looks.c.rule), order_by=looks.c.due_on.desc())
    ranked = (
        select(looks.c.id, place.label("place"))
        .join(monitors, monitors.c.id == looks.c.monitor)
        .where(monitors.c.state == MonitorState.ACTIVE.value)
        .subquery()
    )
    rows = connection.execute(select(looks).join(ranked, ranked.c.id == looks.c.id).where(ranked.c.place <= _NEWEST))
    by_monitor: dict[str, list[Look]] = defaultdict(list)
    for row in rows:
        one = LOOKS.read(row)
        by_monitor[one.monitor].append(one)
    return by_monitor
