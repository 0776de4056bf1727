"""Reopenings: written where a change took the ground from a requirement, closed where it was shown again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from typing import Any, Final

from sqlalchemy import Connection, select

from codman.flows.house import House
from codman.flows.review.changes_seen import Seen, merged
from codman.flows.review.evidence import exhibits_of, judged
from codman.flows.review.exclusions import end_those_reopened
from codman.flows.review.grounds import (
    counts,
    decided_requirements,
    decisions_in_force,
    grounds_of,
    logged_at,
)
from codman.flows.review.plans import approved, plan_for
from codman.flows.review.policies import kept
from codman.registry import governance
from codman.registry.governance import CHANGE_PLANS, REOPENINGS
from codman.registry.log import SYSTEM
from codman.registry.nouns import PRODUCTS, USES
from codman.registry.related import deployments_of
from codman.registry.schema import log_entries, versions
from codman.registry.schema_review import cases, reopenings
from codman.review.changes import Touched, touched
from codman.review.policy.exhibit import Exhibit
from codman.review.superseding import exposure, reaches, takes_the_place_of
from codman.review.triage.tier import ORDER
from codman.spine.day import day_in
from codman.spine.policy import Policy, Requirement
from codman.spine.product import Product
from codman.spine.reopening import Changed, Reopening, ReopeningFields, ReopeningState
from codman.spine.review import APPROVALS, Case, CaseState
from codman.spine.site import Deployment, Mode
from codman.spine.statement import when
from codman.spine.use import Tier, Use
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
    there = _there(connection, use)
    for case in decisions_in_force(connection, use, day):
        since = logged_at(connection, case)
        later = merged(one for one in seen if one.index > since)
        if not later:
            continue
        grounds = grounds_of(house, connection, case)
        asks = {g.requirement.id: (g.requirement.asked_as, repr(g.requirement.asks), g.evidence) for g in grounds}
        for one in later:
            hit = touched(grounds, one.shift)
            plan = plan_for(connection, use, one.shift, day) if hit else None
            for each in hit:
                same = (one.index, one.shift.changed, *asks[each.requirement])
                if same in asked or any(_tells_of(old, each, one.index, since) for old in there):
                    continue
                asked.add(same)
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


def not_met_again(house: House, connection: Connection, use: str, editions: Mapping[str, Policy]) -> dict[str, Result]:
    """What stands open of a use although evidence came for it that does not meet it: how it stands, by reopening.

    Args:
        house: The open house.
        connection: Where to read.
        use: Which use.
        editions: The policies that are in force today, by name.
    """
    waiting = [one for one in _there(connection, use) if one.state is ReopeningState.OPEN]
    if not waiting:
        return {}
    bench = _Bench(house, connection, use, editions)
    found = {one.id: bench.as_it_stands(one) for one in waiting}
    return {name: result for name, result in found.items() if result and result.outcome is Outcome.NOT_MET}


def _to_settle(
    house: House, connection: Connection, use: str, editions: Mapping[str, Policy]
) -> list[tuple[Reopening, dict[str, Any]]]:
    waiting = [one for one in _there(connection, use) if one.state is ReopeningState.OPEN]
    if not waiting:
        return []
    bench = _Bench(house, connection, use, editions)
    found = []
    for one in waiting:
        patch = bench.settled(one)
        if patch is not None:
            found.append((one, patch))
    return found


@dataclass(slots=True)
class _Bench:
    """A use with everything its reopenings are held against, read once."""

    house: House
    connection: Connection
    name: str
    editions: Mapping[str, Policy]
    use: Use = field(init=False)
    product: Product = field(init=False)
    runs: Sequence[Deployment] = field(init=False)
    decided: Sequence[Case] = field(init=False)
    exhibits: Sequence[Exhibit] = field(init=False)

    def __post_init__(self) -> None:
        self.use = USES.get(self.connection, self.name)
        self.product = PRODUCTS.get(self.connection, self.use.product)
        self.runs = [one for one in deployments_of(self.connection, self.name) if one.mode is not Mode.ENDED]
        self.decided = governance.every(
            self.connection,
            "case",
            cases.c.use == self.name,
            cases.c.state == CaseState.DECIDED.value,
            cases.c.outcome.in_([one.value for one in APPROVALS]),
            order="decided_at",
        )
        self.exhibits = exhibits_of(self.house, self.connection, self.use)

    def settled(self, one: Reopening) -> dict[str, Any] | None:
        """What becomes of a reopening: its new state and what closed it; None while it stays open."""
        if self._no_longer_so(one):
            return {"state": ReopeningState.CLOSED.value}
        stood = (each for each in self.decided if _stood(each, one, self.house.database.zone))
        before = max(stood, key=lambda each: (exposure(each.leads_to), each.decided_at or ""), default=None)
        decision = self._decided_since(one, before)
        if decision is not None:
            return {"state": ReopeningState.CLOSED.value, "closed_by": decision}
        if one.changed is Changed.TIER:  # evidence says nothing of how strictly a use is looked at
            return None
        held = self._held_by_plan(one, before)
        if held is not None:
            return {"state": ReopeningState.IN_PLAN.value, "closed_by": held}
        result = self.as_it_stands(one)
        if result is None or result.outcome is not Outcome.MET:
            return None
        return {"state": ReopeningState.CLOSED.value, "closed_by": result.finding.evidence}

    def as_it_stands(self, one: Reopening) -> Result | None:
        """How what was reopened stands on the newest evidence; None where its policy asks it no more."""
        policy = self._policy(one)
        return None if policy is None else self._result(one, policy, one.requirement)

    def _no_longer_so(self, one: Reopening) -> bool:
        """Whether what changed was changed back, or away."""
        if one.became is None or one.log_index is None:
            return False
        if one.changed is Changed.TIER:
            return self.use.tier is not None and ORDER.index(self.use.tier) < ORDER.index(Tier(one.became))
        if one.changed is Changed.VERSION:
            return all(run.version != one.became for run in self.runs)
        if one.changed is Changed.SITE:
            return all(run.site != one.became for run in self.runs)
        if one.changed is Changed.EHR_BUILD:
            ours = {run.version for run in self.runs} - {None}
            built = select(versions.c.ehr_build).where(versions.c.id.in_(ours))
            return one.became not in {run.ehr_build for run in self.runs} | set(
                self.connection.execute(built).scalars()
            )
        return False

    def _decided_since(self, one: Reopening, before: Case | None) -> str | None:
        """The later decision that took the requirement as shown: just as asked, and for as much as was decided."""
        for case in reversed(self.decided):
            if (case.decided_at or "") <= one.created_at:
                return None
            if one.changed is Changed.TIER:
                if before is not None and takes_the_place_of(case, before, self.runs):
                    return case.decision
                continue
            asked = self._asked(case, one, before)
            if asked is None or _about_another(case, one) or not self._as_far(case, one, before):
                continue
            if any(each.id == asked and counts(each) for each in decided_requirements(self.house, case)):
                return case.decision
        return None

    def _asked(self, case: Case, one: Reopening, before: Case | None) -> str | None:
        """What a decision's policy calls the requirement that was reopened; None where it asks no such thing."""
        if case.policy == one.policy:
            return one.requirement
        was = None if before is None else _of_policy(kept(self.connection, before.policy_digest), one.requirement)
        if was is None:
            return None
        now = kept(self.connection, case.policy_digest).requires
        return next((each.id for each in now if _asks(each) == _asks(was)), None)

    def _as_far(self, case: Case, one: Reopening, before: Case | None) -> bool:
        """Whether a decision goes as far as the one it would settle; of a site that came, that one is enough."""
        if before is None:
            return True
        if one.changed is Changed.SITE and one.became is not None:
            return exposure(case.leads_to) >= exposure(before.leads_to)
        return reaches(case, before, self.runs)

    def _held_by_plan(self, one: Reopening, before: Case | None) -> str | None:
        """The statement by which a change passes as in-plan: every requirement of the plan is met again.

        The plan reaches no further than the decision that approved it.
        """
        if one.plan is None:
            return None
        plan = CHANGE_PLANS.get(self.connection, one.plan)
        if plan.case is None or not approved(self.connection, plan, self._today()):
            return None
        case = next((each for each in self.decided if each.id == plan.case), None)
        if case is None or not self._as_far(case, one, before):
            return None
        policy = kept(self.connection, case.policy_digest)
        results = {name: self._result(one, policy, name) for name in plan.requirements}
        if any(result is None or result.outcome is not Outcome.MET for result in results.values()):
            return None
        own = results.get(one.requirement) or next(iter(results.values()))
        return None if own is None else own.finding.evidence

    def _today(self) -> str:
        return self.house.database.today().isoformat()

    def _policy(self, one: Reopening) -> Policy | None:
        """By which policy it is held: today's edition where that is what changed, else as it was decided."""
        by_the_day = one.log_index is None and one.changed not in (Changed.CONDITION, Changed.EVIDENCE)
        if by_the_day and one.policy in self.editions:
            return self.editions[one.policy]
        case = next((each for each in reversed(self.decided) if each.policy == one.policy), None)
        return None if case is None else kept(self.connection, case.policy_digest)

    def _result(self, one: Reopening, policy: Policy, requirement: str) -> Result | None:
        """How one requirement stands on evidence that can speak of what changed."""
        asked = tuple(r for r in policy.requires if r.id == requirement)
        if not asked:
            return None
        verdict = judged(
            self._fresh(one),
            policy.model_copy(update={"requires": asked}),
            self.use,
            self.product,
            version=self._version(one),
            at=self.house.database.clock(),
        )
        return verdict.results[0]

    def _fresh(self, one: Reopening) -> Sequence[Exhibit]:
        since = self._since(one)
        return self.exhibits if since is None else [e for e in self.exhibits if e.evaluated_at >= since]

    def _since(self, one: Reopening) -> datetime | None:
        """From when on evidence counts; about a version and under a new bound any does that is about it."""
        if one.changed is Changed.VERSION and one.became is not None:
            return None
        if one.changed is Changed.CONDITION:
            case = next((each for each in reversed(self.decided) if each.policy == one.policy), None)
            return when(one.created_at if case is None or case.decided_at is None else case.decided_at)
        if one.log_index is None:
            return None if one.changed is not Changed.FRAMEWORK else when(one.created_at)
        at = select(log_entries.c.at).where(log_entries.c.number == one.log_index)
        return when(self.connection.execute(at).scalar_one())

    def _version(self, one: Reopening) -> str | None:
        if one.changed is Changed.VERSION and one.became is not None:
            return one.became
        if one.changed is Changed.EVIDENCE:
            about = next((e.version for e in self.exhibits if e.digest == one.became), None)
            if about is not None:
                return about
        running = sorted((run for run in self.runs if run.version is not None), key=lambda run: run.since or "")
        if running:
            return running[-1].version
        return self.decided[-1].version if self.decided else None


def _stood(case: Case, one: Reopening, zone: tzinfo) -> bool:
    """Whether a decision is one that a reopening took the ground from."""
    over = case.expires_on is not None and case.expires_on <= day_in(one.created_at, zone).isoformat()
    return case.policy == one.policy and (case.decided_at or "") <= one.created_at and not over


def _asks(one: Requirement) -> tuple[object, ...]:
    """What a requirement asks for, whatever it is called and whichever controls it cites."""
    return one.asked_as, one.asks, one.evidence, one.origin, one.max_age_days


def _of_policy(policy: Policy, requirement: str) -> Requirement | None:
    return next((each for each in policy.requires if each.id == requirement), None)


def _about_another(case: Case, one: Reopening) -> bool:
    """Whether a decision is about another version than came, or does not name the site that came."""
    if one.changed is Changed.VERSION:
        return one.became is not None and case.version not in (None, one.became)
    return one.changed is Changed.SITE and bool(case.sites) and one.became not in case.sites
