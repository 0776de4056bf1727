"""counting: how often each kind of decision was given, stands, ended, was followed; and each emergency decision."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta, tzinfo

from sqlalchemy import Connection, select

from codman.flows.decided import decided_as
from codman.registry.database import instant
from codman.registry.governance import CASES
from codman.registry.inventory import visible
from codman.registry.names import told_apart
from codman.registry.schema import people, uses
from codman.registry.schema_review import cases
from codman.review.stages import Decided, Standing
from codman.review.stages_counted import Counted, counted
from codman.review.terms import KIND_OF, DecisionKind
from codman.spine.review import Case, CaseOutcome, CaseState, Procedure
from codman.spine.statement import when
from codman.spine.use import Stage


def decisions_counted(connection: Connection, within: Sequence[str], at: str, zone: tzinfo) -> tuple[Counted, ...]:
    """Every kind of decision about the uses of some sites, for the report to the board.

    Args:
        connection: Where to read.
        within: Paths of the sites whose uses count.
        at: When, ISO 8601.
        zone: Of the house's days.
    """
    rows = connection.execute(
        select(cases)
        .join(uses, uses.c.id == cases.c.use)
        .where(cases.c.state == CaseState.DECIDED.value, visible(within))
        .order_by(cases.c.decided_at, cases.c.id)
    )
    by_use: dict[str, list[Decided]] = {}
    beside: list[Case] = []
    for row in rows:
        case = CASES.read(row)
        decided = decided_as(case, zone)
        if decided is not None:
            by_use.setdefault(case.use, []).append(decided)
        elif case.outcome is not CaseOutcome.DEFERRED:
            beside.append(case)
    found = counted((Standing(stage=None, decisions=tuple(ones)) for ones in by_use.values()), at)
    return _with_those_beside(found, beside, by_use, at)


def _with_those_beside(
    found: Sequence[Counted], beside: Sequence[Case], by_use: Mapping[str, Sequence[Decided]], at: str
) -> tuple[Counted, ...]:
    """The same with what let nothing run: a retirement, a validation, a look at how it does. Each was decided too."""
    given, followed = Counter[DecisionKind](), Counter[DecisionKind]()
    for case in beside:
        if case.decided_at is None or when(case.decided_at) > when(at):
            continue
        kind = KIND_OF[case.procedure]
        given[kind] += 1
        later = (d for d in by_use.get(case.use, ()) if when(case.decided_at) < when(d.at) <= when(at))
        followed[kind] += any(d.kind is DecisionKind.ORDINARY for d in later)
    return tuple(
        replace(one, given=one.given + given[one.kind], followed=one.followed + followed[one.kind]) for one in found
    )


@dataclass(frozen=True, slots=True)
class EmergencyAct:
    """One decision that one person took in an emergency: what it did, and who took it."""

    case: str
    use: str  # its name
    outcome: CaseOutcome
    leads_to: Stage
    decided_at: str
    by: str  # their name


def emergency_acts(connection: Connection, within: Sequence[str], at: str) -> tuple[EmergencyAct, ...]:
    """Every emergency decision of a year about the uses of some sites, the newest first: grants, refusals, retirements.

    Args:
        connection: Where to read.
        within: Paths of the sites whose uses count.
        at: The end of the year, ISO 8601.
    """
    since = instant(when(at) - timedelta(days=365))
    rows = connection.execute(
        select(cases, uses.c.name.label("called"), people.c.name.label("by"))
        .join(uses, uses.c.id == cases.c.use)
        .outerjoin(people, people.c.id == cases.c.chair)
        .where(
            cases.c.state == CaseState.DECIDED.value,
            cases.c.procedure == Procedure.EMERGENCY.value,
            cases.c.decided_at > since,
            visible(within),
        )
        .order_by(cases.c.decided_at.desc(), cases.c.id)
    ).all()
    called = told_apart(connection, {row.use: row.called for row in rows})
    return tuple(
        EmergencyAct(
            case=row.id,
            use=called[row.use],
            outcome=CaseOutcome(row.outcome),
            leads_to=Stage(row.leads_to),
            decided_at=row.decided_at,
            by=row.by or "",
        )
        for row in rows
    )
