"""Whether what a change reopened was shown again: by newer evidence, a newer decision, or within an approved plan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from typing import Any, Final

from sqlalchemy import Connection, select

from codman.flows.house import House
from codman.flows.review.evidence import exhibits_of, judged
from codman.flows.review.grounds import (
    counts,
    decided_requirements,
)
from codman.flows.review.meeting import that_tell_more
from codman.flows.review.plans import approved
from codman.flows.review.policies import kept
from codman.registry import governance
from codman.registry.governance import CASES, CHANGE_PLANS
from codman.registry.nouns import PRODUCTS, USES
from codman.registry.related import deployments_of
from codman.registry.schema import log_entries, versions
from codman.registry.schema_review import cases, conditions
from codman.review.changes import ON_PATIENTS
from codman.review.policy.exhibit import Exhibit, of_new_rows
from codman.review.superseding import exposure, reaches, strictness, takes_the_place_of
from codman.review.triage.tier import ORDER
from codman.spine.day import day_in
from codman.spine.policy import Policy, Requirement
from codman.spine.product import Product
from codman.spine.reopening import Changed, Reopening, ReopeningState
from codman.spine.review import APPROVALS, Case, CaseState
from codman.spine.site import Deployment, Mode
from codman.spine.statement import when
from codman.spine.use import Tier, Use
from codman.spine.verdict import Outcome, Result

# what says that it meets other patients, or gets other data, than were judged: the same rows again show nothing of it
_OTHER_ROWS: Final = frozenset({Changed.SITE, Changed.POPULATION, Changed.DATA_SOURCE, Changed.EHR_BUILD})


@dataclass(slots=True)
class Bench:
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
        before = max(stood, key=_weight, default=None)
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
        """The later decision that took the requirement as shown: just as asked, for as much, and as strictly."""
        for case in reversed(self.decided):
            if (case.decided_at or "") <= one.created_at:
                return None
            if before is not None and strictness(case) < strictness(before):
                continue
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
        policy, fresh, at = policy.model_copy(update={"requires": asked}), self._fresh(one), self.house.database.clock()
        found = [
            judged(fresh, policy, self.use, self.product, version=version, at=at).results[0]
            for version in self._versions(one)
        ]
        return next((result for result in found if result.outcome is not Outcome.MET), found[-1])

    def _fresh(self, one: Reopening) -> Sequence[Exhibit]:
        """The evidence that can speak of what changed; of other patients, only what was measured on other rows."""
        if one.changed is Changed.EVIDENCE:
            return self._since_it_failed(one)
        since = self._since(one)
        if since is None:
            return self.exhibits
        fresh = [e for e in self.exhibits if e.evaluated_at >= since]
        if one.changed is Changed.CONDITION:
            return self._of_condition(one, fresh)
        if one.changed not in _OTHER_ROWS:
            return fresh
        before = [e for e in self.exhibits if e.evaluated_at < since and e.kind in ON_PATIENTS]
        return of_new_rows(fresh, before)

    def _since_it_failed(self, one: Reopening) -> Sequence[Exhibit]:
        """What failed, and what tells more since: rows that were known by then say nothing of the patients it failed.

        Where its key was revoked instead, the same rows may be signed anew.
        """
        failed = next((e for e in self.exhibits if e.digest == one.became and e.verified), None)
        if failed is None:
            return self.exhibits
        known = [e for e in self.exhibits if e.evaluated_at <= failed.evaluated_at and e.kind in ON_PATIENTS]
        more = {e.digest for e in of_new_rows(self.exhibits, known)}
        return [e for e in self.exhibits if e is failed or e.digest in more]

    def _of_condition(self, one: Reopening, fresh: Sequence[Exhibit]) -> Sequence[Exhibit]:
        """What could have met the condition before it lapsed."""
        of_it = (conditions.c.use == one.use, conditions.c.requirement == one.requirement)
        for lapsed in governance.every(self.connection, "condition", *of_it, conditions.c.closed_at == one.created_at):
            case = CASES.get(self.connection, lapsed.case)
            policy = kept(self.connection, case.policy_digest)
            fresh = that_tell_more(self.house, case, policy, lapsed, fresh, self.exhibits)
        return fresh

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

    def _versions(self, one: Reopening) -> Sequence[str | None]:
        """The versions that it is to be shown of: the one that came, the one that failed, else all that run."""
        if one.changed is Changed.VERSION and one.became is not None:
            return [one.became]
        if one.changed is Changed.EVIDENCE:
            about = next((e.version for e in self.exhibits if e.digest == one.became), None)
            if about is not None:
                return [about]
        there = [run for run in self.runs if one.changed is not Changed.SITE or run.site == one.became]
        decided = self.decided[-1].version if self.decided else None
        running = {run.version or decided for run in there or self.runs}
        return sorted(version for version in running if version is not None) or [decided]


def _weight(case: Case) -> tuple[int, int, str]:
    return exposure(case.leads_to), strictness(case), case.decided_at or ""


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
