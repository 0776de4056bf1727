"""What needs attention: uses that run although nobody decided that they may, by risk and by owner, and over time."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, case, func, select

from codman.registry.inventory import visible
from codman.registry.names import told_apart
from codman.registry.schema import log_entries, people, uses
from codman.registry.schema_review import reopenings
from codman.registry.undecided import UNDECIDED, without_decision
from codman.spine.reopening import ReopeningState
from codman.spine.use import RUNNING, Stage

_RUNS: Final = tuple(stage.value for stage in RUNNING)


@dataclass(frozen=True, slots=True)
class Backlog:
    """Uses that run without a decision: how many of each risk, and for whom they wait."""

    by_risk: Sequence[tuple[str, int]]
    by_owner: Sequence[tuple[str | None, str | None, int, int]]  # id, name, how many, of them of high tier or impact
    total: int


def backlog(connection: Connection, within: Sequence[str], today: str) -> Backlog:
    """The uses that run without a decision, as a whole or somewhere, as far as a reader sees them.

    Args:
        connection: Where to read.
        within: Paths of the sites whose uses count.
        today: The day on which decisions hold or have run out.
    """
    waits = (without_decision(today), visible(within))
    high = (uses.c.tier == "high") | (uses.c.impact == "high-impact")
    risk = case(
        (high, "high"), (uses.c.tier == "medium", "medium"), (uses.c.tier == "low", "low"), else_="not determined"
    )
    found = {
        str(name): int(number)
        for name, number in connection.execute(select(risk, func.count()).where(*waits).group_by(risk))
    }
    owners = connection.execute(
        select(uses.c.owner, people.c.name, func.count(), func.sum(case((high, 1), else_=0)))
        .select_from(uses)
        .outerjoin(people, people.c.id == uses.c.owner)
        .where(*waits)
        .group_by(uses.c.owner, people.c.name)
        .order_by(func.count().desc(), uses.c.owner)
        .limit(50)
    )
    return Backlog(
        by_risk=[(name, found[name]) for name in ("high", "medium", "low", "not determined") if name in found],
        by_owner=[(owner, name, int(number), int(risky or 0)) for owner, name, number, risky in owners],
        total=sum(found.values()),
    )


@dataclass(frozen=True, slots=True)
class Reopened:
    """A use of which a change has reopened requirements, and nothing has shown them again."""

    use: str
    name: str
    requirements: int
    since: str  # when the oldest of them was reopened


def reopened_uses(connection: Connection, within: Sequence[str]) -> Sequence[Reopened]:
    """The uses that a change has reopened something of, the longest first, as far as a reader sees them."""
    rows = connection.execute(
        select(
            uses.c.id,
            uses.c.name,
            func.count(func.distinct(reopenings.c.policy + "/" + reopenings.c.requirement)),
            func.min(reopenings.c.created_at).label("since"),
        )
        .join(reopenings, reopenings.c.use == uses.c.id)
        .where(reopenings.c.state == ReopeningState.OPEN.value, uses.c.stage != Stage.RETIRED.value, visible(within))
        .group_by(uses.c.id, uses.c.name)
        .order_by("since", uses.c.id)
    ).all()
    called = told_apart(connection, {use: name for use, name, *_ in rows})
    return [Reopened(use, called[use], number, since) for use, _, number, since in rows]


class BacklogHistory:
    """How many uses ran that nobody had decided about, at the end of each day; worked out once, then kept up."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._next = 0
        self._waits: dict[str, tuple[str, str]] = {}  # use: its stage and decision
        self._count = 0
        self._days: dict[str, int] = {}

    def by_day(self, connection: Connection) -> Mapping[str, int]:
        """The count at the end of each day on which something changed, in order."""
        with self._lock:
            rows = connection.execute(
                select(log_entries.c.number, log_entries.c.entry)
                .where(log_entries.c.about_kind == "use", log_entries.c.number >= self._next)
                .order_by(log_entries.c.number)
            )
            for row in rows:
                self._take(json.loads(bytes(row.entry)))
                self._next = row.number + 1
            return dict(self._days)

    def _take(self, entry: Mapping[str, object]) -> None:
        after = entry.get("after")
        about = entry.get("about")
        if not isinstance(after, dict) or not isinstance(about, dict):
            return
        name = str(about["id"])
        stage, decision = self._waits.get(name, ("", ""))
        before = _counts(stage, decision)
        stage, decision = str(after.get("stage", stage)), str(after.get("decision", decision))
        self._waits[name] = (stage, decision)
        self._count += _counts(stage, decision) - before
        self._days[str(entry["at"])[:10]] = self._count


def _counts(stage: str, decision: str) -> int:
    return int(stage in _RUNS and decision in UNDECIDED)
