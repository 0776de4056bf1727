"""What stands open about uses and cannot wait: proposed pauses, harm, lapsed conditions, reports that did not come."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, select

from codman.flows.superseded import lapsed
from codman.registry.inventory import visible
from codman.registry.names import told_apart
from codman.registry.schema import uses
from codman.registry.schema_review import concerns, expected_reports, pause_proposals
from codman.spine.concern import ConcernSeverity, ConcernState
from codman.spine.partner_report import ReportState
from codman.spine.pausing import PauseState
from codman.spine.use import Stage

# the gravest first: what one is called, and several
HARM: Final = ("a concern about harm is open", "{} concerns about harm are open")
PAUSE: Final = ("a pause is proposed", "{} pauses are proposed")
LAPSED: Final = ("a condition has lapsed", "{} conditions have lapsed")
REPORT: Final = ("a report is overdue", "{} reports are overdue")
_KINDS: Final = (HARM, PAUSE, LAPSED, REPORT)


@dataclass(frozen=True, slots=True)
class Urgent:
    """A use about which something stands open."""

    use: str
    name: str
    said: tuple[str, ...]  # the gravest first


def urgent(connection: Connection, within: Sequence[str], today: str) -> list[Urgent]:
    """The uses a reader sees about which something stands open that cannot wait, the gravest first.

    Args:
        connection: Where to read.
        within: Paths of the sites whose uses count.
        today: The day of the house, ISO 8601; a report is overdue from the day after its own.
    """
    harmed = select(concerns.c.use).where(
        concerns.c.use.is_not(None),
        concerns.c.severity.in_([ConcernSeverity.HARM.value, ConcernSeverity.SERIOUS.value]),
        concerns.c.state != ConcernState.CLOSED.value,
        concerns.c.repeats.is_(None),
    )
    late = select(expected_reports.c.use).where(
        expected_reports.c.state == ReportState.DUE.value, expected_reports.c.due_on < today
    )
    paused = select(pause_proposals.c.use).where(pause_proposals.c.state == PauseState.OPEN.value)
    counted: dict[str, Counter[tuple[str, str]]] = defaultdict(Counter)
    for kind, query in ((HARM, harmed), (PAUSE, paused), (REPORT, late)):
        for use in connection.execute(query).scalars():
            counted[use][kind] += 1
    for condition in lapsed(connection):
        counted[condition.use][LAPSED] += 1
    rows = connection.execute(
        select(uses.c.id, uses.c.name).where(
            uses.c.id.in_(sorted(counted)), uses.c.stage != Stage.RETIRED.value, visible(within)
        )
    )
    called = told_apart(connection, {row.id: row.name for row in rows})
    found = [Urgent(use, name, _said(counted[use])) for use, name in called.items()]
    return sorted(found, key=lambda one: ([-counted[one.use][kind] for kind in _KINDS], one.name, one.use))


def _said(counts: Counter[tuple[str, str]]) -> tuple[str, ...]:
    kinds = ((one, many, counts[one, many]) for one, many in _KINDS)
    return tuple(one if number == 1 else many.format(number) for one, many, number in kinds if number)
