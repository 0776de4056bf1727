"""keeping: a use's monitoring plan in the book; it begins when the use reaches patients and ends when it retires."""

from __future__ import annotations

import hashlib
from typing import Any, Final

from sqlalchemy import Connection, func, select

from codman.errors import CodmanError
from codman.flows.house import House
from codman.flows.review.opening import policy_of
from codman.flows.review.reading import list_governed
from codman.flows.watch.planning import Planned, plan_of_use
from codman.flows.watched import REACHES_PATIENTS, followed
from codman.registry import governance
from codman.registry.access import NotAllowed, Reader, paths_for, require
from codman.registry.governance import MONITORS
from codman.registry.interests import hand_in
from codman.registry.inventory import paths_of, visible
from codman.registry.nouns import PEOPLE, PRODUCTS, USES
from codman.registry.records import BadField, NoSuchRecord, Page, Stale
from codman.registry.requests import Once, remember, reply_to
from codman.registry.schema import people, uses
from codman.registry.schema_watch import looks
from codman.review.packs import NoPolicy, SeveralPolicies
from codman.review.watching.softer import softer_than
from codman.review.watching.written import plan_of_bytes, written_out
from codman.spine.monitor_plan import MonitorPlan, WatchAction
from codman.spine.policy import Checkpoint
from codman.spine.review import GRANTED, CaseState
from codman.spine.use import Use
from codman.spine.watching import Monitor, MonitorFields, MonitorState

_SOFTER: Final = "it asks less than the use's policy"
_LONGEST: Final = 600
MONITOR_FILTERS: Final = ("use", "state", "owner")


class MonitorStopped(CodmanError):
    """A step on a monitor that is followed no more."""

    exit_code = 2

    def __init__(self) -> None:
        super().__init__(
            what="this monitor is stopped",
            why="the use runs no more, or a newer plan took its place",
            fix="look at the use's newest plan, or write another",
        )


def plan_use(
    house: House,
    reader: Reader,
    use: str,
    *,
    text: bytes | None = None,
    said: Planned | None = None,
    owner: str | None = None,
    why: str | None = None,
    request: str | None = None,
    once: Once | None = None,
) -> Monitor:
    """Put a use's monitoring plan into the book; a new one takes the place of the one before.

    It is followed at once where the use reaches patients, else from its go-live on.

    Args:
        house: The open house.
        reader: Who plans.
        use: Which use.
        text: The plan as somebody edited it, YAML; without it, the plan that follows from the use's policy.
        said: What is added to the plan that follows from the policy.
        owner: Who hears of what it sees, a person's id; without one whom the plan names accountable, else the use's
            owner.
        why: Why it asks less than the use's policy, where it does.
        request: The request it came with, for the log.
        once: Makes a repeated request find what the first one made.

    Raises:
        NoSuchRecord: There is no such use within their reach.
        NotAllowed: They may not plan for it.
        NoPolicy: No pack has a monitoring policy for it.
        BadPolicy: The text is no plan; the message names the line.
        BadField: It is the plan of another use, nobody answers for it, or it asks less than the use's policy and no
            reason is given.
    """
    require(reader, "monitor.create")
    plan = plan_of_use(house, reader, use, said or Planned()) if text is None else plan_of_bytes(text, "the plan")
    if plan.use not in (None, use):
        raise BadField("monitor", "plan", f"it is the plan of the use {plan.use}")
    if plan.partner is not None:
        raise BadField("monitor", "plan", f"it is the part of {plan.partner} alone: give the whole plan")
    softer = softer_plan(house, reader, use, plan)
    if softer and not (why or "").strip():
        raise BadField("monitor", "why", f"{_SOFTER} ({'; '.join(softer)[:_LONGEST]}): say why")
    with house.database.changing(reader.author(request), why) as change:
        connection = change.connection
        if once is not None and (reply := reply_to(connection, once)) is not None:
            return Monitor.model_validate(reply)
        found = _use(connection, reader, use)
        require(reader, "monitor.create", paths_of(connection, found))
        live = found.stage in REACHES_PATIENTS
        made = _fields(connection, found, plan, text, owner, _from_day(connection, use, change.today), live=live)
        for other in followed(connection, use):
            MONITORS.change(change, other.id, {"state": MonitorState.STOPPED.value}, None)
        monitor = MONITORS.add(change, made)
        if once is not None:
            remember(change, once, monitor.model_dump(mode="json"))
        return monitor


def softer_plan(house: House, reader: Reader, use: str, plan: MonitorPlan) -> tuple[str, ...]:
    """What a plan asks less of than the policy that the use meets today; nothing where no pack has one for it.

    That it begins late counts where the use reaches patients, or another plan is followed, whose windows it would skip.
    """
    try:
        policy = policy_of(house, reader, use, Checkpoint.MONITORING).policy
    except (NoPolicy, SeveralPolicies):
        return ()
    with house.database.reading() as connection:
        runs = USES.get(connection, use).stage in REACHES_PATIENTS
        begins = _from_day(connection, use, house.database.today().isoformat()) if runs else None
    return softer_than(policy, plan, from_day=begins)


def _from_day(connection: Connection, use: str, today: str) -> str:
    """From when a new plan watches that says no day: where the one before it stopped looking, so that none is skipped.

    Else who plans anew in each window would never have one looked at.
    """
    started = [one for one in followed(connection, use) if one.starts_on < today]
    if not started:
        return today
    before = max(started, key=lambda one: one.starts_on)
    last = select(func.max(looks.c.ends_on)).where(looks.c.monitor == before.id).group_by(looks.c.rule)
    ended = connection.execute(last).scalars().all()
    rules = {one.watch.window for one in plan_in(before).requires}
    return min([*ended, today]) if len(ended) == len(rules) else before.starts_on


def stop_monitor(
    house: House, reader: Reader, monitor: str, revision: int, why: str, *, request: str | None = None
) -> Monitor:
    """Follow a plan no more, with a reason.

    Raises:
        NoSuchRecord: There is no such monitor within their reach.
        NotAllowed: They may not, for this use.
        MonitorStopped: It is stopped already.
        Stale: It was changed since they looked.
        BadField: No reason is given.
    """
    if not why.strip():
        raise BadField("monitor", "why", "say why it is watched no more")
    with house.database.changing(reader.author(request), why) as change:
        found = monitor_to_change(change.connection, reader, monitor, revision, "monitor.change")
        stopped: Monitor = MONITORS.change(change, found.id, {"state": MonitorState.STOPPED.value}, revision)
        return stopped


def allow_rollback(
    house: House,
    reader: Reader,
    monitor: str,
    revision: int,
    case: str,
    why: str,
    *,
    unattended: bool = False,
    request: str | None = None,
) -> Monitor:
    """Put down that a use's decision lets it go back to an earlier version; by who presides and has no hand in it.

    Args:
        house: The open house.
        reader: Who puts it down.
        monitor: Its monitor, whose plan names the action roll-back.
        revision: The revision they saw.
        case: The decision.
        why: Where the decision says so.
        unattended: It lets it happen before a person confirms it.
        request: The request it came with, for the log.

    Raises:
        NoSuchRecord: There is no such monitor or case within their reach.
        NotAllowed: They may not, or have a hand in the use.
        BadField: The plan has no such action, the decision is about another use or granted nothing, or no reason is
            given.
        MonitorStopped: The monitor is stopped.
        Stale: It was changed since they looked.
    """
    if not why.strip():
        raise BadField("monitor", "why", "say where the decision allows it")
    with house.database.changing(reader.author(request), why) as change:
        connection = change.connection
        found = monitor_to_change(connection, reader, monitor, revision, "monitor.allow")
        use = USES.get(connection, found.use)
        hands = hand_in(connection, use, PRODUCTS.get(connection, use.product))
        if reader.person in hands:
            raise NotAllowed("monitor.allow", f"by somebody who has no hand in it (you {hands[reader.person]})")
        if not any(WatchAction.ROLL_BACK in one.watch.actions for one in plan_in(found).requires):
            raise BadField(
                "monitor",
                "plan",
                "no requirement of it has the action roll-back",
                fix="put down a plan that asks for a roll-back first",
            )
        decided = governance.get(connection, "case", case, paths_for(reader, "review.read"))
        if decided.use != use.id or decided.state is not CaseState.DECIDED or decided.outcome not in GRANTED:
            raise BadField(
                "monitor",
                "case",
                "it is no decision that granted this use anything",
                fix="name the decision that lets it go back",
            )
        patch = {"rollback_case": case, "rollback_unattended": unattended}
        allowed: Monitor = MONITORS.change(change, found.id, patch, revision)
        return allowed


def list_monitors(house: House, reader: Reader, **asked: Any) -> Page[Any]:
    """Monitors of the uses somebody sees, a page at a time; `asked` as `list_governed` takes it."""
    return list_governed(house, reader, "monitor", MONITOR_FILTERS, action="monitor.read", **asked)


def read_monitor(house: House, reader: Reader, monitor: str) -> Monitor:
    """One monitor.

    Raises:
        NoSuchRecord: There is none of that name within their reach.
    """
    with house.database.reading() as connection:
        found: Monitor = governance.get(connection, "monitor", monitor, paths_for(reader, "monitor.read"))
        return found


def plan_in(monitor: Monitor) -> MonitorPlan:
    """The plan that a monitor keeps, as its words say."""
    return plan_of_bytes(monitor.plan.encode(), f"the plan of {monitor.name}")


def monitor_to_change(connection: Connection, reader: Reader, name: str, revision: int, action: str) -> Monitor:
    """A monitor that is followed, for somebody who may change it.

    Raises:
        NoSuchRecord: There is none of that name within their reach.
        NotAllowed: They may not.
        MonitorStopped: It is stopped.
        Stale: It was changed since they looked.
    """
    found: Monitor = governance.get(connection, "monitor", name, paths_for(reader, "monitor.read"))
    require(reader, action, paths_of(connection, USES.get(connection, found.use)))
    if found.revision != revision:
        raise Stale("monitor", name, revision, found.revision)
    if found.state is MonitorState.STOPPED:
        raise MonitorStopped
    return found


def _fields(
    connection: Connection,
    use: Use,
    plan: MonitorPlan,
    text: bytes | None,
    owner: str | None,
    begins: str,
    *,
    live: bool,
) -> MonitorFields:
    words = written_out(plan) if text is None else text.decode()
    named = owner or _person(connection, [one.watch.accountable for one in plan.requires]) or use.owner
    if named is None:
        raise BadField("monitor", "owner", "nobody answers for the use: name who hears of what it sees")
    if not PEOPLE.get(connection, named).active:
        raise BadField("monitor", "owner", "their account is closed: name somebody who hears of what it sees")
    return MonitorFields(
        use=use.id,
        name=plan.plan,
        edition=plan.edition,
        plan=words,
        digest=hashlib.sha256(words.encode()).hexdigest(),
        state=MonitorState.ACTIVE if live else MonitorState.PLANNED,
        owner=named,
        starts_on=plan.starts_on or begins,
    )


def _person(connection: Connection, named: list[str | None]) -> str | None:
    """The first of those named, by id or e-mail address, who is in the book."""
    for one in dict.fromkeys(name for name in named if name):
        wanted = (people.c.id == one) | (people.c.email == one.strip().lower()) | (people.c.email == one)
        found = connection.execute(select(people.c.id).where(wanted, people.c.active)).scalars().first()
        if found is not None:
            return str(found)
    return None


def _use(connection: Connection, reader: Reader, name: str) -> Use:
    seen = visible(paths_for(reader, "inventory.read"))
    row = connection.execute(uses.select().where(uses.c.id == name, seen)).one_or_none()
    if row is None:
        raise NoSuchRecord("use", name)
    return USES.read(row)
