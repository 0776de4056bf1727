"""Reopenings: written where a change took the ground from a requirement, closed where it was shown again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Connection

from codman.flows.house import House
from codman.flows.review.changes_seen import Seen, merged
from codman.flows.review.exclusions import end_those_reopened
from codman.flows.review.grounds import (
    decisions_in_force,
    grounds_of,
    logged_at,
)
from codman.flows.review.plans import plan_for
from codman.flows.review.shown_again import Bench
from codman.registry import governance
from codman.registry.governance import REOPENINGS
from codman.registry.log import SYSTEM
from codman.registry.related import deployments_of
from codman.registry.schema_review import reopenings
from codman.review.changes import Touched, touched
from codman.review.superseding import brings_another
from codman.spine.policy import Policy
from codman.spine.reopening import Changed, Reopening, ReopeningFields, ReopeningState
from codman.spine.verdict import Outcome, Result

# what a thing became is one change however often it is told of: twenty sites, or a site that ended and came back
_ONCE: Final = frozenset({Changed.VERSION, Changed.SITE})


def reopen(house: House, use: str, seen: Sequence[Seen]) -> int:
    """Write down which requirements some changes of a use reopen; told of the same again, it writes nothing.

    Returns:
        How many were reopened.
    """
    with house.database.reading() as connection:
        if not _to_reopen(house, connection, use, seen):
            return 0
    with house.database.changing(SYSTEM, "a change was seen") as change:
        new = _to_reopen(house, change.connection, use, seen)  # again, where nobody else writes them
        REOPENINGS.add_many(change, new)
    return len(new)


def reopen_these(house: House, use: str, found: Iterable[Touched]) -> int:
    """The same for requirements that a new edition touches, or evidence fails: the log tells of neither as a change."""
    wanted = list(found)
    why = (
        "evidence was looked at"
        if all(one.changed is Changed.EVIDENCE for one in wanted)
        else "a new edition is in force"
    )
    with house.database.reading() as connection:
        if not _new(connection, use, wanted):
            return 0
    with house.database.changing(SYSTEM, why) as change:
        new = [_fields(use, one) for one in _new(change.connection, use, wanted)]
        REOPENINGS.add_many(change, new)
        end_those_reopened(change, new)
    return len(new)


def _to_reopen(house: House, connection: Connection, use: str, seen: Sequence[Seen]) -> list[ReopeningFields]:
    day = house.database.today().isoformat()
    found: list[ReopeningFields] = []
    asked: set[tuple[Any, ...]] = set()  # the same ask in two policies is one thing to show
    named: set[tuple[Any, ...]] = set()
    there, runs = _there(connection, use), deployments_of(connection, use)
    in_force = decisions_in_force(connection, use, day)
    for case in in_force:
        since = logged_at(connection, case)
        later = merged(one for one in seen if one.index > since)
        if not later:
            continue
        grounds = grounds_of(house, connection, case)
        asks = {g.requirement.id: (g.requirement.asked_as, repr(g.requirement.asks), g.evidence) for g in grounds}
        brought = {other.version for other in in_force if brings_another(other, case, runs)} - {None}
        for one in later:
            if one.shift.changed is Changed.VERSION and one.shift.became in brought:
                continue
            hit = touched(grounds, one.shift)
            plan = plan_for(connection, use, one.shift, day) if hit else None
            for each in hit:
                same = (one.index, one.shift.changed, *asks[each.requirement])
                called = (one.index, one.shift.changed, each.policy, each.requirement)
                if same in asked or called in named or any(_tells_of(old, each, one.index, since) for old in there):
                    continue
                asked.add(same)
                named.add(called)
                found.append(_fields(use, each, one.index, None if plan is None else plan.id))
    return found


def _fields(use: str, one: Touched, index: int | None = None, plan: str | None = None) -> ReopeningFields:
    return ReopeningFields(
        use=use,
        policy=one.policy,
        requirement=one.requirement,
        changed=one.changed,
        because=one.because[:300],
        became=one.became,
        log_index=index,
        plan=plan,
    )


def _there(connection: Connection, use: str) -> list[Reopening]:
    return governance.every(connection, "reopening", reopenings.c.use == use)


def _tells_of(old: Reopening, new: Touched, index: int, since: int) -> bool:
    if (old.policy, old.requirement, old.changed) != (new.policy, new.requirement, new.changed):
        return False
    if old.log_index == index:
        return True
    if new.changed not in _ONCE or new.became is None or old.became != new.became:
        return False
    # what went away and came back was never shown: it is asked for anew
    went_away = old.state is ReopeningState.CLOSED and old.closed_by is None
    return (old.log_index or 0) > since and not went_away


def _new(connection: Connection, use: str, wanted: Sequence[Touched]) -> list[Touched]:
    # an edition comes once; evidence that fails may stop to, and fail again once what came after it counts no more
    there = {
        (one.policy, one.requirement, one.changed, one.became)
        for one in _there(connection, use)
        if one.changed is not Changed.EVIDENCE or one.state is ReopeningState.OPEN
    }
    return [one for one in wanted if (one.policy, one.requirement, one.changed, one.became) not in there]


def settle(house: House, use: str, editions: Mapping[str, Policy]) -> tuple[int, int]:
    """Close the reopenings of a use that newer evidence, a newer decision or an approved plan settles.

    Args:
        house: The open house.
        use: Which use.
        editions: The policies that are in force today, by name.

    Returns:
        How many were closed, and how many passed as in-plan.
    """
    with house.database.reading() as connection:
        if not _to_settle(house, connection, use, editions):
            return 0, 0
    with house.database.changing(SYSTEM, "what was reopened is looked at") as change:
        done = _to_settle(house, change.connection, use, editions)
        REOPENINGS.change_many(change, [(one, {**patch, "closed_at": change.at}) for one, patch in done])
    in_plan = sum(patch["state"] == ReopeningState.IN_PLAN.value for _, patch in done)
    return len(done) - in_plan, in_plan


def not_shown_again(
    house: House, connection: Connection, use: str, editions: Mapping[str, Policy]
) -> dict[str, Result]:
    """What stands open of a use although evidence came: not met by it, or too little to tell; by reopening.

    Args:
        house: The open house.
        connection: Where to read.
        use: Which use.
        editions: The policies that are in force today, by name.
    """
    waiting = [one for one in _there(connection, use) if one.state is ReopeningState.OPEN]
    if not waiting:
        return {}
    bench = Bench(house, connection, use, editions)
    found = {one.id: bench.as_it_stands(one) for one in waiting}
    short = (Outcome.NOT_MET, Outcome.INCONCLUSIVE)
    return {
        name: result for name, result in found.items() if result and result.outcome in short and result.finding.evidence
    }


def _to_settle(
    house: House, connection: Connection, use: str, editions: Mapping[str, Policy]
) -> list[tuple[Reopening, dict[str, Any]]]:
    waiting = [one for one in _there(connection, use) if one.state is ReopeningState.OPEN]
    if not waiting:
        return []
    bench = Bench(house, connection, use, editions)
    found = []
    for one in waiting:
        patch = bench.settled(one)
        if patch is not None:
            found.append((one, patch))
    return found
