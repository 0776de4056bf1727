"""Change plans: what may change without a new decision, if evidence meets the plan's requirements again (FDA PCCP)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection

from codman.flows.house import House
from codman.flows.review.cases import CaseClosed
from codman.flows.review.policies import kept
from codman.registry import governance
from codman.registry.access import Reader, paths_for, require
from codman.registry.governance import CASES, CHANGE_PLANS
from codman.registry.inventory import paths_of, visible
from codman.registry.nouns import USES
from codman.registry.records import BadField, NoSuchRecord, Stale
from codman.registry.requests import Once, remember, reply_to
from codman.registry.schema import uses
from codman.registry.schema_review import cases, change_plans
from codman.review.changes import Shift, faults_of_plan, why_not_planned
from codman.review.superseding import exposure
from codman.spine.policy import LETS_RUN, Checkpoint
from codman.spine.reopening import ChangePlan
from codman.spine.review import APPROVALS, Case, CaseOutcome, CaseState, Procedure
from codman.spine.use import Use


def draft_plan(
    house: House,
    reader: Reader,
    fields: Mapping[str, Any],
    *,
    request: str | None = None,
    once: Once | None = None,
) -> ChangePlan:
    """Write a change plan down; nothing is allowed by it until a decision approves it.

    Args:
        house: The open house.
        reader: Who writes it.
        fields: The fields of `ChangePlanFields`, without a case.
        request: The request it came with, for the log.
        once: Makes a repeated request find what the first one made.

    Raises:
        NotAllowed: They may not, for this use.
        NoSuchRecord: There is no such use within their reach.
        BadField: It allows something that no plan can, or does not say what may become of what.
    """
    require(reader, "plan.create")
    plan = CHANGE_PLANS.validated({**fields, "case": None})
    for name, why in faults_of_plan(plan):
        raise BadField("change_plan", name, why)
    with house.database.changing(reader.author(request)) as change:
        if once is not None and (reply := reply_to(change.connection, once)) is not None:
            return ChangePlan.model_validate(reply)
        require(reader, "plan.create", paths_of(change.connection, _use(change.connection, reader, plan.use)))
        made = CHANGE_PLANS.add(change, plan)
        if once is not None:
            remember(change, once, made.model_dump(mode="json"))
        return made


def put_before(
    house: House, reader: Reader, plan: str, case: str, revision: int, *, request: str | None = None
) -> ChangePlan:
    """Lay a draft before a case: if the case is decided and grants what it asks for, the plan is approved with it.

    Raises:
        NotAllowed: They may not, for this use.
        NoSuchRecord: There is no such plan or case within their reach.
        Stale: The plan was changed since they looked.
        BadField: It was laid before a case already, the case is about another use, lets nothing run or is an emergency,
            its reviewers have begun to vote, or its policy lacks a requirement that the plan names.
        CaseClosed: The case is decided or withdrawn.
    """
    within = paths_for(reader, "review.read")
    with house.database.changing(reader.author(request)) as change:
        connection = change.connection
        found: ChangePlan = governance.get(connection, "change_plan", plan, within)
        before: Case = governance.get(connection, "case", case, within)
        require(reader, "plan.create", paths_of(connection, USES.get(connection, found.use)))
        if found.revision != revision:
            raise Stale("change_plan", plan, revision, found.revision)
        if before.state in (CaseState.DECIDED, CaseState.WITHDRAWN):
            raise CaseClosed(before.state)
        if found.case is not None:
            raise BadField(
                "change_plan", "case", "it was laid before a case already: write another plan", fix="write another plan"
            )
        if before.use != found.use:
            raise BadField(
                "change_plan",
                "case",
                "that case is about another use",
                fix="choose a case of the use that the plan is of",
            )
        if not approves_plans(before):
            why = "a plan is approved where a use is let run or changed, and not in an emergency: choose such a case"
            raise BadField("change_plan", "case", why)
        if before.state is not CaseState.OPEN:
            raise BadField(
                "change_plan",
                "case",
                "its reviewers vote already, and have not seen this plan",
                fix="lay it before a case in which nobody votes yet",
            )
        asked = {one.id for one in kept(connection, before.policy_digest).requires}
        if missing := sorted(set(found.requirements) - asked):
            raise BadField("change_plan", "requirements", f"the case's policy has no requirement {missing[0]!r}")
        # the case is another by it: who read it without the plan decides nothing on that page
        CASES.change(change, case, {"plans": [*before.plans, plan]}, None)
        return CHANGE_PLANS.change(change, plan, {"case": case}, revision)


def requirements_to_plan(house: House, reader: Reader, use: str) -> Mapping[str, str]:
    """What a plan of a use may say that evidence must meet again, by id, titled.

    They are the requirements of those of its cases before which a plan may be laid.

    Raises:
        NoSuchRecord: There is no such use within their reach.
    """
    with house.database.reading() as connection:
        _use(connection, reader, use)
        had: list[Case] = governance.every(
            connection,
            "case",
            cases.c.use == use,
            cases.c.state != CaseState.WITHDRAWN.value,
            order="created_at",
        )
        digests = dict.fromkeys(one.policy_digest for one in had if approves_plans(one))
        return {one.id: one.name for digest in digests for one in kept(connection, digest).requires}


def approved(connection: Connection, plan: ChangePlan, day: str) -> bool:
    """Whether a plan holds on a day: the decision it was laid before granted it and stands, and it has not run out."""
    if plan.case is None or (plan.valid_to is not None and plan.valid_to < day):
        return False
    case = CASES.get(connection, plan.case)
    if case.state is not CaseState.DECIDED or case.outcome not in APPROVALS or not approves_plans(case):
        return False
    if case.expires_on is not None and case.expires_on <= day:
        return False
    return not _refused_since(connection, case)


def approves_plans(case: Case) -> bool:
    """Whether a case may approve what outlasts it: it lets something run, and nobody decides it alone in a hurry."""
    lets_run = case.checkpoint in (*LETS_RUN, Checkpoint.CHANGE) and exposure(case.leads_to) >= 0
    return lets_run and case.procedure is not Procedure.EMERGENCY


def _refused_since(connection: Connection, case: Case) -> bool:
    """Whether what a case granted was rejected after it: the plan ends with the decision that it was approved by."""
    later: list[Case] = governance.every(
        connection,
        "case",
        cases.c.use == case.use,
        cases.c.state == CaseState.DECIDED.value,
        cases.c.outcome.in_([CaseOutcome.REJECTED.value, CaseOutcome.RETIRED.value]),
        cases.c.decided_at >= case.decided_at,
        cases.c.id != case.id,
    )
    retired = CaseOutcome.RETIRED  # it ends everywhere, whichever sites the case names
    here = [one for one in later if one.outcome is retired or _shares_a_site(one, case)]
    return any(exposure(one.leads_to) <= exposure(case.leads_to) for one in here)


def _shares_a_site(one: Case, other: Case) -> bool:
    return not one.sites or not other.sites or bool(set(one.sites) & set(other.sites))


def plan_for(connection: Connection, use: str, shift: Shift, day: str) -> ChangePlan | None:
    """The approved plan that a change is inside of, the newest first; None where it is outside of all."""
    found: list[ChangePlan] = governance.every(connection, "change_plan", change_plans.c.use == use)
    inside = (one for one in reversed(found) if why_not_planned(one, shift) is None)
    return next((one for one in inside if approved(connection, one, day)), None)


def _use(connection: Connection, reader: Reader, name: str) -> Use:
    row = connection.execute(
        uses.select().where(uses.c.id == name, visible(paths_for(reader, "inventory.read")))
    ).one_or_none()
    if row is None:
        raise NoSuchRecord("use", name)
    return USES.read(row)
