"""Reports as the house sees them: what has not come first; one report with how it came; the form of a schedule."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection

from codman.flows.reporting.calendar import Standing, days_after, runs_until
from codman.flows.reporting.heeding import against_the_record, what_it_says
from codman.flows.reporting.office import Owed
from codman.registry.links import Link
from codman.registry.names import names_of
from codman.spine.partner_report import ExpectedReport, Schedule
from codman.spine.use import Use
from codman.spine.vocabulary import word
from codman.web.render import brief, day
from codman.web.views.documents import size
from codman.web.views.forms import WHY, Ask, Asked, Option, shown
from codman.web.views.marks import Fact, Tag

_TAGS: Final[Mapping[Standing, Tag]] = {
    Standing.MISSING: Tag("Not reported", "unmet", "×"),
    Standing.LATE: Tag("Late", "unsure", "!"),
    Standing.EXPECTED: Tag("Due", "plain", "○"),
    Standing.RECEIVED: Tag("Received", "met", "✓"),
    Standing.RECEIVED_LATE: Tag("Received late", "met", "✓"),
    Standing.EXCUSED: Tag("Excused", "plain", "–"),
}
WAYS: Final = {"signed": "signed by the sender", "form": "by form, as a claim", "workbook": "by workbook, as a claim"}
_RHYTHMS: Final = {1: "every month", 3: "every three months", 6: "every half year", 12: "every year"}
_MONTHS: Final = tuple(Option(str(months), words) for months, words in _RHYTHMS.items())


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportLine:
    """One report of a list."""

    href: str
    use: str
    partner: str
    start: str
    end: str
    due_on: str
    runs_until: str | None  # the last day of its period, while that is not over
    standing: Tag
    way: str
    owner: str
    says: str  # incidents, complaints, changes
    waits: bool  # nobody has said yet what follows from it


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleLine:
    """One schedule of a use."""

    id: str
    who: str
    rhythm: str
    first_due: str
    metrics: str
    owner: str
    email: str
    active: bool
    revision: int
    changeable: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportsView:
    """All reports, or those of one use."""

    title: str
    back: tuple[tuple[str, str], ...]
    use: str  # its id; empty is the whole house
    telling: int  # that tell of incidents or changes, and nobody has said what follows
    silent: int  # that have not come though their day has passed
    lines: tuple[ReportLine, ...]
    schedules: tuple[ScheduleLine, ...]
    may_add: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportView:
    """One report."""

    id: str
    use: str
    use_href: str
    partner: str
    standing: Tag
    sentence: str
    awaited: bool
    runs_until: str | None  # the last day of its period, while that is not over
    excuse: str
    facts: tuple[Fact, ...]
    open_links: int
    goes_to: str  # where a link would go by mail; empty where it is shown, to hand over
    link: str  # just made: the one time it is shown
    link_ends: str
    sent_to: str  # where the link that was just made went
    faults: tuple[str, ...]
    revision: int
    limit: str
    asked: tuple[Asked, ...]  # the reason for an excuse
    again: tuple[Asked, ...]
    waits: bool  # it tells of something, and nobody has said what follows
    says: str
    against: str  # what the record says of a version that it calls changed
    follows: str
    heeding: tuple[Asked, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleForm:
    """The form of a schedule, new or there."""

    title: str
    use: str
    use_name: str
    action: str
    revision: int | None
    asked: tuple[Asked, ...]
    submit: str
    general: str


def reports_view(
    connection: Connection,
    owed: Sequence[Owed],
    use: Use | None,
    schedules: Sequence[Schedule],
    *,
    may_add: bool,
    may_change: bool,
) -> ReportsView:
    """The list: of the house, or of one use with its schedules."""
    named = names_of(connection, [*(one.owner for one in owed), *(one.owner for one in schedules)])
    silent = sum(one.standing in (Standing.MISSING, Standing.LATE) for one in owed)
    return ReportsView(
        title="Reports by teams and vendors" if use is None else f"Reports about {use.name}",
        back=() if use is None else (("/reports", "Reports"), (f"/uses/{use.id}", use.name)),
        use="" if use is None else use.id,
        telling=sum(one.report.tells and one.report.heeded_at is None for one in owed),
        silent=silent,
        lines=tuple(
            ReportLine(
                href=f"/reports/{one.report.id}",
                use=one.use_name,
                partner=one.partner_name,
                start=one.report.period_start,
                end=days_after(one.report.period_end, -1),
                due_on=one.report.due_on,
                runs_until=runs_until(one.report, one.asked_on),
                standing=_TAGS[one.standing],
                way=WAYS.get(one.report.way or "", ""),
                owner=named.get(one.owner, one.owner),
                says=what_it_says(one.report),
                waits=one.report.tells and one.report.heeded_at is None,
            )
            for one in owed
        ),
        schedules=tuple(
            ScheduleLine(
                id=one.id,
                who=f"{one.partner_name} ({one.partner.value})",
                rhythm=_rhythm(one.every_months),
                first_due=one.first_due,
                metrics=", ".join(word(name).label for name in one.metrics) or "none",
                owner=named.get(one.owner, one.owner),
                email=one.email or "no address: nobody is reminded",
                active=one.active,
                revision=one.revision,
                changeable=may_change and one.active,
            )
            for one in schedules
        ),
        may_add=may_add,
    )


def report_view(
    connection: Connection,
    one: Owed,
    links: Sequence[Link],
    now: str,
    *,
    goes_to: str = "",
    link: str = "",
    link_ends: str = "",
    sent_to: str = "",
    faults: Sequence[str] = (),
    errors: Mapping[str, str] | None = None,
    largest: int,
) -> ReportView:
    """One report."""
    report = one.report
    named = names_of(connection, [one.owner, report.heeded_by])
    facts = [
        Fact("Period", f"{day(report.period_start)} to {day(days_after(report.period_end, -1))}"),
        Fact("Due", day(report.due_on)),
        Fact("Answers for it here", named.get(one.owner, one.owner)),
    ]
    if report.received_at is not None:
        facts.append(Fact("Came", day(report.received_at), WAYS.get(report.way or "", "")))
    if report.statement is not None:
        facts.append(
            Fact("Evidence", "what it says", f"sha256:{brief(report.statement)}", f"/evidence/{report.statement}")
        )
    if report.document is not None:
        facts.append(Fact("Original", "as it was sent", "opens as a download", f"/documents/{report.document}/content"))
    why = Ask(name="why", label="Why it need not come", kind="prose", needed=True, hint="It stands beside the report.")
    again = Ask(name="again", label="Why it must come again", needed=True, hint="What came first stays in the book.")
    return ReportView(
        id=report.id,
        use=one.use_name,
        use_href=f"/uses/{report.use}/reports",
        partner=one.partner_name,
        standing=_TAGS[one.standing],
        sentence=one.sentence,
        awaited=report.state.value == "due",
        runs_until=runs_until(report, one.asked_on),
        excuse=report.excuse or "",
        facts=tuple(facts),
        open_links=sum(found.is_open(now) for found in links),
        goes_to=goes_to,
        link=link,
        link_ends=link_ends,
        sent_to=sent_to,
        faults=tuple(faults),
        revision=report.revision,
        limit=size(largest),
        asked=shown((why,), {}, errors or {}),
        again=shown((again,), {}, errors or {}),
        waits=report.tells and report.heeded_at is None,
        says=what_it_says(report),
        against=against_the_record(connection, report),
        follows=_follows(report, named),
        heeding=shown((FOLLOWS,), {}, errors or {}),
    )


FOLLOWS: Final = Ask(
    name="follows",
    label="What follows from it",
    kind="prose",
    needed=True,
    hint="What was done, or why nothing is: a concern raised, a pause, a review opened. Name no patient.",
)


def _follows(report: ExpectedReport, named: Mapping[str, str]) -> str:
    if report.heeded_at is None:
        return ""
    return f"{named.get(report.heeded_by or '', '')} said on {day(report.heeded_at)} what follows: {report.follows}"


def schedule_asks(people: Sequence[Option], vendors: Sequence[Option], *, new: bool) -> tuple[Ask, ...]:
    """What is asked of a schedule; the rhythm only of a new one."""
    partner = (Option("vendor", "a vendor"), Option("team", "a team of this house"))
    rhythm = (
        Ask(name="partner", label="Who reports", kind="choice", options=partner, needed=True),
        Ask(name="every_months", label="How often", kind="choice", options=_MONTHS, needed=True),
        Ask(
            name="first_due",
            label="The first report is due on",
            kind="day",
            needed=True,
            hint="The rhythm stays; another one is another schedule.",
        ),
        Ask(
            name="days_to_report",
            label="Days to write it",
            hint="Between the end of its period and the day it is due: with 14, one due on 15 January is about the "
            "time until 31 December. 14 if left out",
        ),
    )
    return (
        *(rhythm if new else ()),
        Ask(name="partner_name", label="Their name", needed=True, hint="e.g. the vendor's name, or the team's"),
        Ask(name="vendor", label="The vendor in this book", kind="choice", options=tuple(vendors)),
        Ask(
            name="email",
            label="Where reminders and links go",
            kind="email",
            hint="Without an address nobody is reminded; the owner is told when nothing comes.",
        ),
        Ask(name="owner", label="Who answers for it here", kind="choice", options=tuple(people), needed=True),
        Ask(name="grace_days", label="Days of grace", hint="Late until then, not reported after it; 14 if left out"),
        Ask(
            name="metrics",
            label="Metrics it must carry",
            kind="lines",
            hint="Their names, with commas between, e.g. auroc, alert_rate",
        ),
        WHY,
    )


def _rhythm(months: int) -> str:
    return _RHYTHMS.get(months, f"every {months} months")
