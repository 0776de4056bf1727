"""What a report tells of that somebody must look at: safety incidents, and changes; and whom it reaches.

A report that came is not a report that was read. One that tells of an incident or of a change waits for who answers
for the use, for the sites' clinicians and for the office, until somebody of the office says what follows from it.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, and_, select

from codman.flows.concerns.telling import tell_people
from codman.flows.house import House
from codman.jobs.notice import Notice, one_line
from codman.registry.access import Reader, may
from codman.registry.database import Change
from codman.registry.inventory import paths_of
from codman.registry.nouns import PEOPLE
from codman.registry.officers import officers_for
from codman.registry.schema import deployments, people, versions
from codman.registry.schema_review import expected_reports
from codman.spine.day import written_day
from codman.spine.partner_report import ExpectedReport, ReportState, Schedule
from codman.spine.person import Person
from codman.spine.reported import NONE_KNOWN, Reported, ReportedChange
from codman.spine.site import Mode
from codman.spine.use import Use

# what waits to be looked at: it came, tells of something, and nobody has said what follows
UNHEEDED: Final[ColumnElement[bool]] = and_(
    expected_reports.c.state == ReportState.RECEIVED.value,
    expected_reports.c.tells.is_(True),
    expected_reports.c.heeded_at.is_(None),
)


def kept(report: Reported) -> dict[str, Any]:
    """What the record of a report keeps of what it says, so that lists and queues can show it."""
    changes = [] if report.changes == NONE_KNOWN else [one.value for one in report.changes]
    incidents = None if report.incidents == NONE_KNOWN else report.incidents
    complaints = None if report.complaints == NONE_KNOWN else report.complaints
    return {
        "incidents": incidents,
        "complaints": complaints,
        "changes": changes,
        "tells": bool(incidents or changes),
    }


def what_it_says(report: ExpectedReport) -> str:
    """What a report that came tells of, as a clause; nobody's own words."""
    if report.state is not ReportState.RECEIVED:
        return ""
    said = [_number(report.incidents, "safety incident")] if report.incidents else ["no incident known"]
    if report.complaints:
        said.append(_number(report.complaints, "complaint"))
    if report.changes:
        said.append(f"changed: {', '.join(report.changes)}")
    return "; ".join(said)


def against_the_record(connection: Connection, report: ExpectedReport) -> str:
    """What the book knows of the version that a report calls changed, as a sentence; empty where it names none."""
    if ReportedChange.VERSION.value not in report.changes or report.state is not ReportState.RECEIVED:
        return ""
    rows = connection.execute(
        select(versions.c.label, versions.c.created_at)
        .join(deployments, deployments.c.version == versions.c.id)
        .where(deployments.c.use == report.use, deployments.c.mode != Mode.ENDED.value)
        .distinct()
        .order_by(versions.c.created_at.desc())
    ).all()
    if not rows:
        return "It says that the version changed; the record says of no site which version runs there."
    runs = ", ".join(row.label for row in rows)
    if rows[0].created_at[:10] >= report.period_start:
        came = written_day(rows[0].created_at)
        return f"It says that the version changed; by the record {runs} runs, entered on {came}."
    return (
        f"It says that the version changed; the record does not: {runs} runs there, as before the period. "
        "Ask which version runs, and put it into the record."
    )


def reached(connection: Connection, report: ExpectedReport, schedule: Schedule, use: Use) -> list[Person]:
    """Whom a report reaches: who answers for it and for the use, the sites' clinicians, the officers of its sites."""
    clinicians = connection.execute(
        select(deployments.c.clinician).where(
            deployments.c.use == report.use,
            deployments.c.clinician.is_not(None),
            deployments.c.mode != Mode.ENDED.value,
        )
    ).scalars()
    names = {schedule.owner, *clinicians} | ({use.owner} if use.owner is not None else set())
    rows = connection.execute(select(people).where(people.c.id.in_(sorted(names)), people.c.active))
    found = {one.id: one for one in map(PEOPLE.read, rows)}
    found |= {one.id: one for one in officers_for(connection, paths_of(connection, use))}
    return [found[name] for name in sorted(found)]


def waits_for(connection: Connection, reader: Reader, report: ExpectedReport, schedule: Schedule, use: Use) -> bool:
    """Whether what a report tells of waits for this reader: whom it reaches, and who may say what follows."""
    if may(reader, "report.excuse", paths_of(connection, use)):
        return True
    return any(one.id == reader.person for one in reached(connection, report, schedule, use))


def tell_what_it_says(change: Change, house: House, report: ExpectedReport, schedule: Schedule, use: Use) -> None:
    """Mail to everybody a report reaches, in the transaction that files it, where it tells of something."""
    if not report.tells:
        return
    named = one_line(use.name)
    notice = Notice(
        event="report.tells",
        title=f"A report about {named[:120]} tells of {'incidents' if report.incidents else 'a change'}",
        text=f"The report of the {schedule.partner.value} about {named} came: {what_it_says(report)}.\n\n"
        "Look at it. It waits until the office says what follows. What was written stands in the record only.",
        link=f"{house.settings.address}/reports/{report.id}",
        about=report.id,
        urgency="high" if report.incidents else "medium",
    )
    said = f"report/{report.id}/tells/{report.received_at}"
    tell_people(change, reached(change.connection, report, schedule, use), notice, said)


def _number(number: int | None, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"
