"""What decisions left open that no later decision took the place of: lapsed conditions, rejections, what ran out."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any, Final

from sqlalchemy import Connection, exists, select

from codman.registry import governance
from codman.registry.governance import CASES
from codman.registry.nouns import DEPLOYMENTS
from codman.registry.schema import deployments
from codman.registry.schema_review import cases, conditions, reopenings
from codman.review.superseding import covers, exposure, takes_the_place_of
from codman.spine.policy import Checkpoint
from codman.spine.reopening import Changed, Reopening, ReopeningState
from codman.spine.review import APPROVALS, Case, CaseOutcome, CaseState, Condition, ConditionState
from codman.spine.site import Deployment, Mode
from codman.spine.use import Stage, Use

_RUNS: Final = frozenset({Mode.SILENT, Mode.PILOT, Mode.LIVE})
_later = cases.alias()


def lapsed(connection: Connection, *which: Any) -> list[Condition]:
    """Conditions that lapsed, of decisions that no later one took the place of, and that nothing has met since.

    A retirement ends them too: nothing is left to show of what runs no more. What two decisions asked in the same
    words, of the same person by the same day, is one condition: the newer decision's.
    """
    retired = exists(
        select(_later.c.id).where(
            _later.c.use == conditions.c.use,
            _later.c.outcome == CaseOutcome.RETIRED.value,
            _later.c.decided_at >= conditions.c.closed_at,
        )
    )
    found: list[Condition] = governance.every(
        connection, "condition", conditions.c.state == ConditionState.LAPSED.value, ~retired, *which
    )
    left = [one for one in found if _still(connection, one)]
    held = CASES.get_many(connection, [one.case for one in left])
    still = [one for one in left if not superseded(connection, held[one.case])]
    once = {(one.use, one.requirement, one.sentence, one.owner, one.due_on): one for one in still}
    return list(once.values())


def superseded(connection: Connection, case: Case, *, reach: int | None = None) -> bool:
    """Whether a later decision took the place of one: as far-reaching, at its sites, about what runs, and as strict.

    Args:
        connection: Where to read.
        case: The earlier decision, granted or a rejection.
        reach: How exposed the later one must be; as much as the earlier without.
    """
    there = _there(connection, case.use)
    return any(takes_the_place_of(one, case, there, reach=reach) for one in _granted(connection, case.use))


def rejection_stands(connection: Connection, use: Use, case: Case) -> bool:
    """Whether a rejection was not undone: by a decision as strict that reaches as far as it refused, or as it runs."""
    there = [one for one in _there(connection, use.id) if one.mode in _RUNS]
    runs = [exposure(use.stage), *(exposure(Stage(one.mode.value)) for one in there)]
    return not superseded(connection, case, reach=max(exposure(case.leads_to), *runs))


def rejected(connection: Connection, use: Use) -> bool:
    """Whether any rejection of a use stands."""
    refused: list[Case] = governance.every(
        connection,
        "case",
        cases.c.use == use.id,
        cases.c.state == CaseState.DECIDED.value,
        cases.c.outcome == CaseOutcome.REJECTED.value,
    )
    there = [one for one in _there(connection, use.id) if one.mode in _RUNS]
    return any(
        exposure(case.leads_to) >= 0 and not _elsewhere(case, there) and rejection_stands(connection, use, case)
        for case in refused
    )


def _elsewhere(case: Case, runs: Collection[Deployment]) -> bool:
    """Whether a case refused sites at which nothing runs, or a change to a version that runs nowhere."""
    if runs and case.sites and not any(one.site in case.sites for one in runs):
        return True
    brought = case.checkpoint is Checkpoint.CHANGE and case.version is not None
    return brought and case.version not in {one.version for one in runs}


def ran_out(connection: Connection, day: str, *which: Any) -> list[Case]:
    """Decisions that ran out by a day, where no other covers what they covered and stands longer.

    An emergency decision carries a use for as long as it stands, and then it is the one that ran out. What was put off
    or refused carries nothing.

    Args:
        connection: Where to read.
        day: The day, ISO 8601; one to come finds those that end until then.
        which: Of which cases.
    """
    found: list[Case] = governance.every(
        connection,
        "case",
        cases.c.state == CaseState.DECIDED.value,
        cases.c.outcome.in_([one.value for one in APPROVALS]),
        cases.c.expires_on <= day,
        *which,
    )
    return [one for one in found if not _carried(connection, one)]


def _carried(connection: Connection, case: Case) -> bool:
    there = _there(connection, case.use)
    longer = (one for one in _granted(connection, case.use) if _ends(one) > _ends(case))
    return any(covers(one, case, there) for one in longer)


def _ends(case: Case) -> tuple[bool, str, str]:
    """When a decision ends, to be compared: one without a day never does; of two on one day the newer counts."""
    return (case.expires_on is None, case.expires_on or "", case.decided_at or "")


def _granted(connection: Connection, use: str) -> Collection[Case]:
    found: list[Case] = governance.every(
        connection,
        "case",
        cases.c.use == use,
        cases.c.state == CaseState.DECIDED.value,
        cases.c.outcome.in_([one.value for one in APPROVALS]),
    )
    return found


def _there(connection: Connection, use: str) -> Collection[Deployment]:
    return [DEPLOYMENTS.read(row) for row in connection.execute(select(deployments).where(deployments.c.use == use))]


def settled_late(connection: Connection, found: Iterable[Condition]) -> dict[str, Reopening]:
    """What conditions that lapsed left open and something has settled since, by condition."""
    late: dict[str, Reopening] = {}
    for one in found:
        if one.state is not ConditionState.LAPSED or one.requirement is None:
            continue
        settled = (
            reopenings.c.use == one.use,
            reopenings.c.requirement == one.requirement,
            reopenings.c.changed == Changed.CONDITION.value,
            reopenings.c.created_at == one.closed_at,
            reopenings.c.closed_by.is_not(None),
        )
        for left in governance.every(connection, "reopening", *settled):
            late[one.id] = left
    return late


def _still(connection: Connection, one: Condition) -> bool:
    """Whether what a lapsed condition left open is still open; without a requirement only a new decision ends it."""
    if one.requirement is None:
        return True
    left = select(reopenings.c.id).where(
        reopenings.c.use == one.use,
        reopenings.c.requirement == one.requirement,
        reopenings.c.changed == Changed.CONDITION.value,
        reopenings.c.state == ReopeningState.OPEN.value,
    )
    return connection.execute(left).first() is not None
