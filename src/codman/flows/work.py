"""waiting: what waits for one person, by when, and where it is done; the page of one's work and the digest both ask it.

A task's own sentence holds nobody's words: those stand apart, for a page to show and a mail to leave out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from typing import Final

from sqlalchemy import Connection, select

from codman.flows.house import House
from codman.flows.proposed import USUAL, goes_on, waiting_proposals
from codman.flows.reporting.calendar import days_after
from codman.flows.reporting.heeding import UNHEEDED, waits_for, what_it_says
from codman.flows.review.cases import WORKING, docket_within, why_partial
from codman.flows.task import Duty, Task
from codman.flows.watch.telling import page_of
from codman.flows.watched import unwatched
from codman.flows.work_concerns import of_concerns
from codman.flows.work_evidence import of_evidence
from codman.flows.work_planned import of_planned
from codman.flows.work_reviews import of_reviews
from codman.flows.work_sites import of_sites
from codman.registry import governance
from codman.registry.access import Reader, may, paths_for
from codman.registry.governance import SCHEDULES
from codman.registry.interests import hand_in
from codman.registry.inventory import paths_of, visible
from codman.registry.names import names_of, told_apart
from codman.registry.nouns import PRODUCTS, USES
from codman.registry.schema import uses
from codman.registry.schema_review import exclusions, expected_reports, intakes, schedules, triages
from codman.registry.schema_watch import incidents
from codman.spine.day import written_day
from codman.spine.exclusion import ExclusionState
from codman.spine.intake import IntakeState, TriageState
from codman.spine.partner_report import ReportState
from codman.spine.watching import IncidentState

AHEAD_DAYS: Final = 30  # what is due within a month already waits


def waiting(house: House, reader: Reader) -> list[Task]:
    """What waits for somebody: what is due first, the oldest first; then what has no day.

    Who may only look around in a role reads what waits for the role.
    """
    reader = replace(reader, read_only=False)
    today = house.database.today()
    with house.database.reading() as connection:
        found = list(_every(house, connection, reader, today))
        within = paths_for(reader, "inventory.read")
        named = sorted({task.use for task in found if task.use is not None})
        rows = connection.execute(select(uses.c.id, uses.c.name).where(uses.c.id.in_(named), visible(within)))
        seen = {row.id: row.name for row in rows}
        called = told_apart(connection, seen)
    theirs = [
        task if task.use is None else replace(task, sentence=task.sentence.replace(seen[task.use], called[task.use], 1))
        for task in found
        if task.use is None or task.use in seen
    ]
    return sorted(theirs, key=lambda task: (task.due_on or "9999", task.due_at or "9999", task.since, task.at))


def _every(house: House, connection: Connection, reader: Reader, today: date) -> Iterator[Task]:
    ahead = (today + timedelta(days=AHEAD_DAYS)).isoformat()
    yield from of_reviews(house, connection, reader, ahead, today.isoformat())
    yield from of_sites(house, connection, reader)
    yield from of_evidence(house, connection, reader)
    yield from _proposed(connection, reader)
    yield from _tiers(connection, reader)
    yield from _exclusions(connection, reader)
    yield from _reports(connection, reader, ahead, today.isoformat())
    yield from _told(connection, reader)
    yield from of_concerns(house, connection, reader)
    yield from _incidents(connection, reader)
    yield from _unwatched(connection, reader, today.isoformat())
    yield from _proposals(connection, reader)
    yield from of_planned(house, connection, reader)


def _proposed(connection: Connection, reader: Reader) -> Iterator[Task]:
    """Proposals that nobody has gone on with since they came, for who opens a case; an emergency is due at once."""
    for one in waiting_proposals(connection, paths_for(reader, "case.change")):
        use = USES.get(connection, one.use)
        if goes_on(connection, reader, use, one):
            how = f", {one.asked}" if one.asked != USUAL else ""
            yield Task(
                duty=Duty.PROPOSED,
                sentence=f"{use.name} is proposed{how}: look at its tier, then open a case",
                at=f"/uses/{use.id}/triage",
                since=one.sent_at,
                due_on=one.sent_at[:10] if one.emergency else None,
                use=use.id,
                words=one.reason,
            )


def _tiers(connection: Connection, reader: Reader) -> Iterator[Task]:
    if not may(reader, "triage.agree"):
        return
    for one in governance.every(
        connection, "triage", triages.c.state == TriageState.ASKED.value, triages.c.asked_by != reader.person
    ):
        use = USES.get(connection, one.use)
        if may(reader, "triage.agree", paths_of(connection, use)):
            tiers = f"from {one.tier.value} to {one.asked.value if one.asked else 'a lower one'}"
            yield Task(
                duty=Duty.TIER,
                sentence=f"A lower tier is asked for {use.name}, {tiers}: agree or not",
                at=f"/uses/{use.id}/triage",
                since=one.updated_at,
                use=use.id,
                words=one.why or "",
            )


def _exclusions(connection: Connection, reader: Reader) -> Iterator[Task]:
    """Requirements that somebody says do not apply, for a second person who may agree."""
    if not may(reader, "exclusion.agree"):
        return
    seen = governance.seen(governance.EXCLUSIONS, paths_for(reader, "review.read"))
    asked = exclusions.c.state == ExclusionState.ASKED.value
    for one in governance.every(connection, "exclusion", asked, exclusions.c.asked_by != reader.person, seen):
        found = docket_within(connection, reader, one.case)
        places = paths_of(connection, found.use, found.case.sites)
        if found.case.state not in WORKING or not may(reader, "exclusion.agree", places):
            continue
        if why_partial(found, reader.person) is not None:
            continue
        yield Task(
            duty=Duty.APPLIES,
            sentence=f"Somebody says that a requirement does not apply to {found.use.name}: agree or not",
            at=f"/reviews/{one.case}#r-{one.requirement}",
            since=one.created_at,
            due_on=found.case.due_on,
            use=one.use,
            words=one.why,
        )


def _reports(connection: Connection, reader: Reader, ahead: str, today: str) -> Iterator[Task]:
    rows = connection.execute(
        select(expected_reports, schedules.c.partner_name, uses.c.name)
        .join(schedules, schedules.c.id == expected_reports.c.schedule)
        .join(uses, uses.c.id == expected_reports.c.use)
        .where(
            schedules.c.owner == reader.person,
            expected_reports.c.state == ReportState.DUE.value,
            expected_reports.c.due_on <= ahead,
        )
    )
    for row in rows:
        span = f"{written_day(row.period_start)} to {written_day(days_after(row.period_end, -1))}"
        how = "is due" if row.period_end > today else "has not come"  # none may come while its period runs
        yield Task(
            duty=Duty.REPORT,
            sentence=f"The report about {row.name} from {span} {how}",
            at=f"/uses/{row.use}/reports",
            since=row.created_at,
            due_on=row.due_on,
            use=row.use,
            words=row.partner_name,
        )


def _told(connection: Connection, reader: Reader) -> Iterator[Task]:
    """Reports that tell of incidents or changes, for everybody they reach, until the office says what follows."""
    for one in governance.every(connection, "expected_report", UNHEEDED):
        use, schedule = USES.get(connection, one.use), SCHEDULES.get(connection, one.schedule)
        if waits_for(connection, reader, one, schedule, use):
            theirs = may(reader, "report.excuse", paths_of(connection, use))
            says = theirs and reader.person not in hand_in(connection, use, PRODUCTS.get(connection, use.product))
            asks = "say what follows from it" if says else "look at it; the office says what follows"
            yield Task(
                duty=Duty.TOLD,
                sentence=f"A report about {use.name} tells of something, {asks}: {what_it_says(one)}",
                at=f"/reports/{one.id}",
                since=one.received_at or one.updated_at,
                due_on=(one.received_at or one.updated_at)[:10] if one.incidents else None,
                use=one.use,
                words=schedule.partner_name,
            )


def _incidents(connection: Connection, reader: Reader) -> Iterator[Task]:
    """Monitoring incidents that somebody has, and that are neither resolved nor put off."""
    theirs = (
        incidents.c.holder == reader.person,
        incidents.c.state.in_([IncidentState.OPEN.value, IncidentState.ACKNOWLEDGED.value]),
    )
    for one in governance.every(connection, "incident", *theirs, order="opened_at"):
        done = "find out and resolve" if one.state is IncidentState.ACKNOWLEDGED else "take it, or say why it can wait"
        yield Task(
            duty=Duty.INCIDENT,
            sentence=f"Monitoring saw something, {done}: {one.title}",
            at=page_of(one),
            since=one.opened_at,
            due_on=None if one.answer_by is None else one.answer_by[:10],
            use=one.use,
        )


def _unwatched(connection: Connection, reader: Reader, today: str) -> Iterator[Task]:
    """Uses that reach patients and that no monitor follows, for who answers for them."""
    if not may(reader, "monitor.create"):
        return
    for use in unwatched(connection, paths_for(reader, "monitor.create"), today, owner=reader.person):
        yield Task(
            duty=Duty.WATCH,
            sentence=f"{use.name} is {use.stage.value} and nothing watches it: plan its monitoring",
            at=f"/uses/{use.id}/monitor",
            since=use.stage_since or use.created_at,
            use=use.id,
        )


def _proposals(connection: Connection, reader: Reader) -> Iterator[Task]:
    if not may(reader, "intake.create"):
        return
    mine = (intakes.c.owner == reader.person, intakes.c.state == IntakeState.DRAFT.value)
    drafts = governance.every(connection, "intake", *mine)
    sites = [str(one.answers["site"]) for one in drafts if isinstance(one.answers.get("site"), str)]
    named = names_of(connection, sites)
    for one in drafts:
        where = named.get(str(one.answers.get("site") or ""), "")
        yield Task(
            duty=Duty.PROPOSAL,
            sentence=f"A proposal of yours{f' for {where}' if where else ''} is not sent yet",
            at=f"/intakes/{one.id}",
            since=one.updated_at,
            began=False,
            words=str(one.answers.get("name") or "")[:300] or "no name yet",
        )
