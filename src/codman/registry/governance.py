"""The records of governance: what was proposed, triaged, reviewed, promised, reported and said to be wrong.

Who sees a use sees what was decided about it. Only flows write these: each has rules that no single record knows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Table, and_, exists, or_, select, true

from codman.registry.inventory import visible
from codman.registry.records import NoSuchRecord, Page, Records
from codman.registry.schema import deployments, sites, uses
from codman.registry.schema_review import (
    acceptances,
    cases,
    change_plans,
    concerns,
    conditions,
    corrective_actions,
    determinations,
    exclusions,
    expected_reports,
    intakes,
    pause_proposals,
    remarks,
    reopenings,
    reviewers,
    schedules,
    triages,
    votes,
)
from codman.registry.schema_watch import incidents, looks, monitors, signals, watch_steps
from codman.spine.concern import Concern, ConcernFields, CorrectiveAction, CorrectiveActionFields
from codman.spine.determination import Determination, DeterminationFields
from codman.spine.exclusion import Exclusion, ExclusionFields
from codman.spine.intake import Intake, IntakeFields, TriageFields, TriageRecord
from codman.spine.partner_report import ExpectedReport, ExpectedReportFields, Schedule, ScheduleFields
from codman.spine.pausing import PauseProposal, PauseProposalFields
from codman.spine.reopening import ChangePlan, ChangePlanFields, Reopening, ReopeningFields
from codman.spine.review import (
    Acceptance,
    AcceptanceFields,
    Case,
    CaseFields,
    Condition,
    ConditionFields,
    Remark,
    RemarkFields,
    Reviewer,
    ReviewerFields,
    Vote,
    VoteFields,
)
from codman.spine.site import Mode
from codman.spine.watching import (
    Incident,
    IncidentFields,
    Look,
    LookFields,
    Monitor,
    MonitorFields,
    Signal,
    SignalFields,
    WatchStep,
    WatchStepFields,
)

INTAKES: Final = Records("intake", intakes, IntakeFields, Intake)
TRIAGES: Final = Records("triage", triages, TriageFields, TriageRecord)
DETERMINATIONS: Final = Records("determination", determinations, DeterminationFields, Determination)
CASES: Final = Records("case", cases, CaseFields, Case)
REVIEWERS: Final = Records("reviewer", reviewers, ReviewerFields, Reviewer)
VOTES: Final = Records("vote", votes, VoteFields, Vote)
REMARKS: Final = Records("remark", remarks, RemarkFields, Remark)
ACCEPTANCES: Final = Records("acceptance", acceptances, AcceptanceFields, Acceptance)
CONDITIONS: Final = Records("condition", conditions, ConditionFields, Condition)
EXCLUSIONS: Final = Records("exclusion", exclusions, ExclusionFields, Exclusion)
SCHEDULES: Final = Records("schedule", schedules, ScheduleFields, Schedule)
EXPECTED_REPORTS: Final = Records("expected_report", expected_reports, ExpectedReportFields, ExpectedReport)
CONCERNS: Final = Records("concern", concerns, ConcernFields, Concern)
CORRECTIVE_ACTIONS: Final = Records("corrective_action", corrective_actions, CorrectiveActionFields, CorrectiveAction)
CHANGE_PLANS: Final = Records("change_plan", change_plans, ChangePlanFields, ChangePlan)
REOPENINGS: Final = Records("reopening", reopenings, ReopeningFields, Reopening)
PAUSE_PROPOSALS: Final = Records("pause_proposal", pause_proposals, PauseProposalFields, PauseProposal)
MONITORS: Final = Records("monitor", monitors, MonitorFields, Monitor)
LOOKS: Final = Records("look", looks, LookFields, Look)
SIGNALS: Final = Records("signal", signals, SignalFields, Signal)
INCIDENTS: Final = Records("incident", incidents, IncidentFields, Incident)
WATCH_STEPS: Final = Records("watch_step", watch_steps, WatchStepFields, WatchStep)

GOVERNANCE: Final[Mapping[str, Records[Any, Any]]] = {
    one.kind: one
    for one in (
        INTAKES,
        TRIAGES,
        DETERMINATIONS,
        CASES,
        REVIEWERS,
        VOTES,
        REMARKS,
        ACCEPTANCES,
        CONDITIONS,
        EXCLUSIONS,
        SCHEDULES,
        EXPECTED_REPORTS,
        CONCERNS,
        CORRECTIVE_ACTIONS,
        CHANGE_PLANS,
        REOPENINGS,
        PAUSE_PROPOSALS,
        MONITORS,
        LOOKS,
        SIGNALS,
        INCIDENTS,
        WATCH_STEPS,
    )
}


def seen(records: Records[Any, Any], within: Sequence[str]) -> ColumnElement[bool]:
    """Which rows somebody with these sites sees: those about a use they see, in a case about one, or at their site.

    A concern that names a site is that site's own, wherever else its use runs.
    An intake that is no use yet, and a concern about no use, is seen by the whole house, and by those whose own it is:
    their flows say so.
    """
    if "/" in within:
        return true()
    table = records.table
    about = []
    if "use" in table.c:
        about.append(exists(select(uses.c.id).where(uses.c.id == table.c.use, visible(within))))
    elif "case" in table.c:
        about.append(
            exists(
                select(cases.c.id)
                .join(uses, uses.c.id == cases.c.use)
                .where(cases.c.id == table.c.case, visible(within))
            )
        )
    if "site" in table.c:
        there = exists(select(sites.c.id).where(sites.c.id == table.c.site, _inside(within)))
        if records is CONCERNS:
            return or_(there, and_(table.c.site.is_(None), *about))
        about.append(there)
    return or_(*about)


def concerns_of(person: str, within: Sequence[str]) -> ColumnElement[bool]:
    """Which concerns somebody reads: those that these sites see, and those that are theirs to take in hand.

    Args:
        person: Who.
        within: Paths of the sites at which their roles read concerns; none where no role of theirs does.
    """
    table = CONCERNS.table
    accountable = select(deployments.c.id).where(
        deployments.c.use == table.c.use,
        deployments.c.clinician == person,
        deployments.c.mode != Mode.ENDED.value,
        or_(table.c.site.is_(None), table.c.site == deployments.c.site),
    )
    theirs = or_(table.c.use.in_(select(uses.c.id).where(uses.c.owner == person)), exists(accountable))
    return or_(theirs, seen(CONCERNS, within)) if within else theirs


def get(connection: Connection, kind: str, name: str, within: Sequence[str]) -> Any:
    """One record of governance, as far as these sites reach.

    Raises:
        NoSuchRecord: There is none of that name within reach.
    """
    records = GOVERNANCE[kind]
    table: Table = records.table
    row = connection.execute(select(table).where(table.c.id == name, seen(records, within))).one_or_none()
    if row is None:
        raise NoSuchRecord(kind, name)
    return records.read(row)


def page(
    connection: Connection,
    kind: str,
    within: Sequence[str],
    *conditions_: ColumnElement[bool],
    order: str = "id",
    descending: bool = False,
    limit: int = 50,
    cursor: str | None = None,
) -> Page[Any]:
    """Some records of governance, a page at a time, as far as these sites reach."""
    records = GOVERNANCE[kind]
    query = select(records.table).where(seen(records, within), *conditions_)
    return records.page(connection, query, order=order, descending=descending, limit=limit, cursor=cursor)


def every(connection: Connection, kind: str, *conditions_: ColumnElement[bool], order: str = "created_at") -> list[Any]:
    """All records that keep some conditions, in order; for what belongs to one case or one use."""
    records = GOVERNANCE[kind]
    query = select(records.table).where(and_(true(), *conditions_)).order_by(records.table.c[order], records.table.c.id)
    return [records.read(row) for row in connection.execute(query)]


def _inside(within: Iterable[str]) -> ColumnElement[bool]:
    return or_(*(sites.c.path.startswith(path, autoescape=True) for path in within))
