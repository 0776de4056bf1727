"""Change control: what changed since it was decided, which requirements that reopens, and what settles them again.

The log tells of every change, whichever door it came through; a round reads on from where it stopped. Editions of
policies and frameworks change with the day, so those are looked at once a day.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, tzinfo
from typing import Any, Final

from sqlalchemy import Connection, select
from sqlalchemy.dialects import postgresql, sqlite

from codman.flows import records
from codman.flows.house import House
from codman.flows.review import conditions, pausing
from codman.flows.review.changes_seen import CURSOR, Seen, read_log, read_until, version_shift
from codman.flows.review.exclusions import end_those_moved
from codman.flows.review.failing import decided_uses, failing
from codman.flows.review.grounds import decisions_in_force, grounds_of
from codman.flows.review.opening import own_packs
from codman.flows.review.plans import plan_for
from codman.flows.review.policies import digest_of, kept
from codman.flows.review.reading import list_governed
from codman.flows.review.reopening import not_shown_again, reopen, reopen_these, settle
from codman.registry.access import Reader, paths_for
from codman.registry.log import SYSTEM, size_of
from codman.registry.places import inside
from codman.registry.records import BadField, Page
from codman.registry.schema import sites, uses, versions
from codman.registry.schema_review import cases, log_cursors, reopenings
from codman.review.changes import PLANNABLE, Shift, Touched, number, touched, touched_by_edition, touched_by_framework
from codman.review.packs.catalog import packs
from codman.review.packs.framework import frameworks
from codman.spine.day import day_in
from codman.spine.policy import Policy
from codman.spine.reopening import Changed, ReopeningState
from codman.spine.review import APPROVALS, Case, CaseState
from codman.spine.use import Use
from codman.spine.verdict import Result

REOPENING_FILTERS: Final = ("use", "policy", "requirement", "changed", "state")
PLAN_FILTERS: Final = ("use", "case")


@dataclass(frozen=True, slots=True)
class Looked:
    """What a look at the changes did."""

    entries: int = 0  # of the log that were read
    reopened: int = 0
    closed: int = 0
    in_plan: int = 0


@dataclass(frozen=True, slots=True)
class WouldReopen:
    """One requirement that a change would reopen."""

    policy: str
    requirement: str
    title: str
    because: str
    evidence: str | None  # what meets it now
    plan: str | None  # the approved plan that the change is inside of


def change_round(house: House) -> Looked:
    """Read what the log tells since the last round: reopen, close, and propose pauses; again, it changes nothing."""
    with house.database.reading() as connection:
        start, stop = read_until(connection), size_of(connection)
        if start >= stop:
            return Looked()
        stirred = read_log(connection, start, stop)
        waiting = _waiting(connection)
        told = {*stirred.uses, *(name for name, product in waiting.items() if product in stirred.products)}
    if told or stirred.products:
        conditions.look(house)
    end_those_moved(house, stirred.seen)
    reopened = sum(reopen(house, use, seen) for use, seen in _by_use(stirred.seen).items())
    reopened += look_at_evidence(house, stirred.shown, stirred.shown_products)
    closed, in_plan = _settle(house, told & set(waiting) | {one.use for one in stirred.seen})
    if told or reopened or stirred.seen:
        pausing.propose(house)
    _move_on(house, stop)
    return Looked(stop - start, reopened, closed, in_plan)


def day_round(house: House) -> Looked:
    """What comes with the day: editions in force from now on, conditions that lapsed, decisions that ran out."""
    first = change_round(house)
    conditions.look(house)
    reopened = look_at_editions(house)
    with house.database.reading() as connection:
        waiting = set(_waiting(connection))
    closed, in_plan = _settle(house, waiting)
    pausing.propose(house)
    return Looked(first.entries, first.reopened + reopened, first.closed + closed, first.in_plan + in_plan)


def look_at_editions(house: House) -> int:
    """Reopen what today's editions of policies and frameworks ask anew of uses that run on a decision.

    Returns:
        How many requirements were reopened.
    """
    today = house.database.today()
    editions = editions_of(house, today)
    digests = {name: digest_of(policy) for name, policy in editions.items()}
    found: dict[str, list[Touched]] = defaultdict(list)
    with house.database.reading() as connection:
        for case in _standing(connection, today.isoformat()):
            moved = _frameworks_moved(case, today, house.database.zone)
            other = case.policy in digests and digests[case.policy] != case.policy_digest
            if not moved and not other:
                continue
            grounds = grounds_of(house, connection, case)
            if other:
                found[case.use] += touched_by_edition(
                    grounds, kept(connection, case.policy_digest), editions[case.policy]
                )
            for old, new in moved:
                found[case.use] += touched_by_framework(grounds, old, new)
    return sum(reopen_these(house, use, touches) for use, touches in found.items())


def look_at_evidence(house: House, names: Iterable[str], products: Iterable[str]) -> int:
    """Reopen what some uses, or those of some products, were decided on as met and newer evidence fails, or none shows.

    Returns:
        How many requirements were reopened.
    """
    day = house.database.today().isoformat()
    with house.database.reading() as connection:
        found = {use: failing(house, connection, use) for use in decided_uses(connection, day, names, products)}
    return sum(reopen_these(house, use, touches) for use, touches in found.items() if touches)


def editions_of(house: House, day: date) -> Mapping[str, Policy]:
    """The policies in force on a day, by name; of several editions the newest, of equals the hospital's own."""
    found: dict[str, Policy] = {}
    for pack in sorted(packs(day, own_packs(house)), key=lambda one: (one.valid_from, one.own)):
        found |= {policy.policy: policy for policy in pack.checkpoints}
    return found


def not_shown_now(house: House, connection: Connection, use: str) -> Mapping[str, Result]:
    """What is to be shown again of a use and its newest evidence does not meet: how it stands, by reopening.

    Args:
        house: The open house.
        connection: Where to read.
        use: Which use.
    """
    return not_shown_of(house, connection, [use]).get(use, {})


def not_shown_of(house: House, connection: Connection, names: Sequence[str]) -> dict[str, Mapping[str, Result]]:
    """The same of several uses; those are left out of which newest evidence fails nothing.

    Args:
        house: The open house.
        connection: Where to read.
        names: Ids of the uses.
    """
    waiting = select(reopenings.c.use).where(
        reopenings.c.use.in_(names), reopenings.c.state == ReopeningState.OPEN.value
    )
    wanted = connection.execute(waiting.distinct().order_by(reopenings.c.use)).scalars().all()
    editions = editions_of(house, house.database.today()) if wanted else {}
    found = {use: not_shown_again(house, connection, use, editions) for use in wanted}
    return {use: results for use, results in found.items() if results}


def would_reopen(house: House, reader: Reader, use: str, changed: Changed, to: str | None = None) -> list[WouldReopen]:
    """What a change would reopen, before it is made.

    Args:
        house: The open house.
        reader: Who asks.
        use: Which use.
        changed: What would change.
        to: What it would become: a version or a site (id or name), a threshold, a data source, an EHR build.

    Raises:
        NoSuchRecord: There is no such use within their reach.
        BadField: It cannot be asked about, or `to` is missing or unknown.
    """
    found: Use = records.get(house, reader, "use", use)
    day = house.database.today().isoformat()
    with house.database.reading() as connection:
        shift = shift_asked(connection, reader, found, changed, to)
        plan = plan_for(connection, use, shift, day)
        hits: dict[tuple[str, str], Touched] = {}
        for case in decisions_in_force(connection, use, day):
            for one in touched(grounds_of(house, connection, case), shift):
                hits.setdefault((one.policy, one.requirement), one)
    return [
        WouldReopen(
            one.policy, one.requirement, one.title, one.because, one.evidence, None if plan is None else plan.id
        )
        for one in hits.values()
    ]


def list_reopenings(house: House, reader: Reader, **asked: Any) -> Page[Any]:
    """Reopenings of the uses somebody sees, a page at a time; `asked` as `list_governed` takes it."""
    return list_governed(house, reader, "reopening", REOPENING_FILTERS, **asked)


def list_plans(house: House, reader: Reader, **asked: Any) -> Page[Any]:
    """Change plans of the uses somebody sees, a page at a time."""
    return list_governed(house, reader, "change_plan", PLAN_FILTERS, **asked)


def shift_asked(connection: Connection, reader: Reader, use: Use, changed: Changed, to: str | None) -> Shift:
    """A change that is not made yet, as it would be seen once it is.

    Raises:
        BadField: It cannot be asked about, or `to` is missing or unknown.
    """
    if changed not in PLANNABLE:
        raise BadField("change", "changed", "ask `codman policy diff --all` about a policy; of a framework nobody can")
    if changed is Changed.POPULATION:
        return Shift(changed, "the population it is for would be another")
    if to is None or not to.strip():
        raise BadField("change", "to", "say what it would become")
    name = to.strip()
    if changed is Changed.VERSION:
        known = connection.execute(
            select(versions.c.id).where(
                versions.c.product == use.product, (versions.c.id == name) | (versions.c.label == name)
            )
        ).scalar_one_or_none()
        return version_shift(connection, None, known or name, "its sites")
    if changed is Changed.SITE:
        row = connection.execute(
            select(sites.c.id, sites.c.name)
            .where((sites.c.id == name) | (sites.c.name == name), inside(paths_for(reader, "inventory.read")))
            .order_by(sites.c.id)
        ).first()
        if row is None:
            raise BadField("change", "to", "there is no such site")
        return Shift(changed, f"it is to run at {row.name}", row.id, row.name)
    if changed is Changed.THRESHOLD:
        try:
            name = number(float(name))
        except ValueError:
            raise BadField("change", "to", "a threshold is a number") from None
    return Shift(changed, f"its {changed.value} would become {name}"[:300], name[:300], name[:300])


def _by_use(seen: Iterable[Seen]) -> dict[str, list[Seen]]:
    found: dict[str, list[Seen]] = defaultdict(list)
    for one in seen:
        found[one.use].append(one)
    return found


def _settle(house: House, names: Iterable[str]) -> tuple[int, int]:
    closed = in_plan = 0
    wanted = sorted(names)
    editions = editions_of(house, house.database.today()) if wanted else {}
    for use in wanted:
        more, planned = settle(house, use, editions)
        closed, in_plan = closed + more, in_plan + planned
    return closed, in_plan


def _waiting(connection: Connection) -> dict[str, str]:
    """The uses with something open, and their products."""
    query = (
        select(uses.c.id, uses.c.product)
        .join(reopenings, reopenings.c.use == uses.c.id)
        .where(reopenings.c.state == ReopeningState.OPEN.value)
        .distinct()
    )
    return {row.id: row.product for row in connection.execute(query)}


def _standing(connection: Connection, day: str) -> Sequence[Case]:
    """Every decision that some use runs on."""
    granted = select(cases.c.use).where(
        cases.c.state == CaseState.DECIDED.value,
        cases.c.outcome.in_([one.value for one in APPROVALS]),
        cases.c.expires_on > day,
    )
    names = connection.execute(granted.distinct().order_by(cases.c.use)).scalars().all()
    return [case for use in names for case in decisions_in_force(connection, use, day)]


def _frameworks_moved(case: Case, today: date, zone: tzinfo) -> list[tuple[Any, Any]]:
    """Frameworks of which another edition is in force than on the day of the decision."""
    if case.decided_at is None:
        return []
    then = {one.framework: one for one in frameworks(day_in(case.decided_at, zone))}
    return [
        (then[one.framework], one)
        for one in frameworks(today)
        if one.framework in then and then[one.framework].edition != one.edition
    ]


def _move_on(house: House, position: int) -> None:
    with house.database.changing(SYSTEM) as change:
        if read_until(change.connection) >= position:  # another server was quicker
            return
        dialect = sqlite if change.connection.dialect.name == "sqlite" else postgresql
        row = dialect.insert(log_cursors).values(name=CURSOR, position=position)
        change.connection.execute(
            row.on_conflict_do_update(index_elements=["name"], set_={"position": row.excluded.position})
        )
