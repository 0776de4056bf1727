"""What the house does about reports: reads how they stand, hands out links, excuses one, awaits one again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta, tzinfo
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection, select

from codman.flows.concerns.letting_off import NotImpartial
from codman.flows.house import House
from codman.flows.reporting.calendar import Standing, last_day, runs_until, standing
from codman.flows.reporting.heeding import what_it_says
from codman.flows.reporting.letters import MAIL, address_of_link, called, reminder, secret_of
from codman.flows.reporting.receiving import awaited_by
from codman.flows.reporting.refusals import NotAwaited
from codman.flows.review.reading import list_governed
from codman.jobs.outbox import enqueue
from codman.registry import governance
from codman.registry.access import NotAllowed, Reader, paths_for, require
from codman.registry.governance import EXPECTED_REPORTS, SCHEDULES
from codman.registry.interests import hand_in
from codman.registry.inventory import paths_of
from codman.registry.links import REPORT, Link, links_about, make_link, revoke_links
from codman.registry.nouns import PRODUCTS, USES
from codman.registry.records import BadField, Page
from codman.registry.schema_review import expected_reports, schedules
from codman.spine.day import day_in, written_day
from codman.spine.measurement import Measurement
from codman.spine.partner_report import LINK_DAYS, ExpectedReport, ReportState, Schedule, Way
from codman.spine.statement import Instant

FILTERS: Final = ("use", "schedule", "state", "way")
_RECENT: Final = 200


class Owed(BaseModel):
    """A report as it stands today."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    report: ExpectedReport
    use_name: str
    partner: str
    partner_name: str
    owner: str
    standing: Standing = Field(description="On the day it was asked")
    sentence: str = Field(description="The same in words")
    asked_on: str


class MadeLinkRead(BaseModel):
    """A link for one report, the one time it is known."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    link: str | None = Field(description="Opens the form without an account; works once. None where it went by mail")
    sent_to: str | None = Field(default=None, description="The address it went to, and to nobody else")
    expires_at: Instant


def owed(house: House, reader: Reader, *, use: str | None = None) -> list[Owed]:
    """What is awaited, and what came of late: what is missing first, then what is late, then by day.

    Raises:
        NotAllowed: They may read no reports.
    """
    within = _within(reader)
    narrowed = [] if use is None else [expected_reports.c.use == use]
    with house.database.reading() as connection:
        waiting = _some(connection, within, *narrowed, expected_reports.c.state == ReportState.DUE.value)
        rest = _some(connection, within, *narrowed, expected_reports.c.state != ReportState.DUE.value, descending=True)
        return sorted(_owed(house, connection, [*waiting, *rest]), key=_urgency)


def waiting_for(house: House, reader: Reader) -> list[Owed]:
    """The late and missing reports of the schedules somebody answers for, the oldest first.

    Raises:
        NotAllowed: They may read no reports.
    """
    within = _within(reader)
    mine = select(schedules.c.id).where(schedules.c.owner == reader.person)
    with house.database.reading() as connection:
        waiting = _some(
            connection,
            within,
            expected_reports.c.state == ReportState.DUE.value,
            expected_reports.c.due_on < _today(house),
            expected_reports.c.schedule.in_(mine),
        )
        return _owed(house, connection, waiting)


def list_reports(house: House, reader: Reader, **asked: Any) -> tuple[list[Owed], str | None]:
    """Reports of the uses somebody sees, a page at a time; `asked` as `list_governed` takes it.

    Returns:
        Some of them, and the cursor of the next; None on the last page.
    """
    page = list_governed(house, reader, "expected_report", FILTERS, action="report.read", **asked)
    with house.database.reading() as connection:
        return _owed(house, connection, page.items), page.next


def list_schedules(house: House, reader: Reader, **asked: Any) -> Page[Schedule]:
    """Schedules of the uses somebody sees, a page at a time."""
    filters = ("use", "partner", "vendor", "owner")
    return list_governed(house, reader, "schedule", filters, action="report.read", **asked)


def read_report(house: House, reader: Reader, name: str) -> Owed:
    """A report as it stands.

    Raises:
        NoSuchRecord: There is none of that name within their reach.
    """
    with house.database.reading() as connection:
        found = governance.get(connection, "expected_report", name, _within(reader))
        return _owed(house, connection, [found])[0]


def read_schedule(house: House, reader: Reader, name: str) -> Schedule:
    """A schedule.

    Raises:
        NoSuchRecord: There is none of that name within their reach.
    """
    with house.database.reading() as connection:
        found: Schedule = governance.get(connection, "schedule", name, _within(reader))
        return found


def links_of(house: House, reader: Reader, name: str) -> Sequence[Link]:
    """The links that were handed out for a report, without what opens them.

    Raises:
        NoSuchRecord: There is no such report within their reach.
        NotAllowed: They may not hand out links for its use.
    """
    with house.database.reading() as connection:
        awaited_by(connection, reader, name, "schedule.change")
        return links_about(connection, REPORT, name)


def hand_out_link(house: House, reader: Reader, name: str, *, request: str | None = None) -> MadeLinkRead:
    """A link by which somebody without an account answers a report, once; those handed out before still do.

    Where the schedule has an address and mail is set up, it goes there and is shown to nobody: who asks for it cannot
    answer in the partner's place. Else it is shown to hand over, and whoever made it has a hand in the use by a report
    that comes by it.

    Raises:
        NoSuchRecord: There is no such report within their reach.
        NotAllowed: They may not, for its use.
        NotAwaited: It came, or is excused.
    """
    with house.database.changing(reader.author(request)) as change:
        report = _awaited(change.connection, reader, name, "schedule.change")
        to = link_goes_to(house, SCHEDULES.get(change.connection, report.schedule))
        maker = None if to is not None else reader.person
        made = make_link(change, secret_of(house), REPORT, report.id, timedelta(days=LINK_DAYS), made_by=maker)
        if to is not None:
            about = called(change.connection, report.use)
            letter = reminder(house, report, about, made, overdue=report.due_on < change.today)
            enqueue(change.connection, MAIL, to, letter, f"report/{report.id}/asked/{made.seed[:16]}", at=change.at)
    shown = address_of_link(house, made) if to is None else None
    return MadeLinkRead(link=shown, sent_to=to, expires_at=made.expires_at)


def link_goes_to(house: House, schedule: Schedule) -> str | None:
    """The address that a link goes to by mail; None where it is shown to whoever makes it, to hand over."""
    return schedule.email if MAIL in house.notifiers else None


def take_back_links(house: House, reader: Reader, name: str, *, request: str | None = None) -> int:
    """Make every unused link of a report worthless.

    Returns:
        How many there were.

    Raises:
        NoSuchRecord: There is no such report within their reach.
        NotAllowed: They may not, for its use.
    """
    with house.database.changing(reader.author(request)) as change:
        awaited_by(change.connection, reader, name, "schedule.change")
        return revoke_links(change, REPORT, name)


def excuse(
    house: House, reader: Reader, name: str, revision: int, why: str, *, request: str | None = None
) -> ExpectedReport:
    """Await a report no longer, with a reason that stays beside it.

    Raises:
        NoSuchRecord: There is no such report within their reach.
        NotAllowed: They may not, for its use, or have a hand in it.
        NotAwaited: It came, or is excused already.
        BadField: No reason is given.
        Stale: It was changed meanwhile.
    """
    with house.database.changing(reader.author(request), why or None) as change:
        report = _awaited(change.connection, reader, name, "report.excuse")
        use = USES.get(change.connection, report.use)
        hands = hand_in(change.connection, use, PRODUCTS.get(change.connection, use.product))
        if reader.person in hands:
            raise NotAllowed("report.excuse", f"by somebody who has no hand in the use (you {hands[reader.person]})")
        if not why.strip():
            raise BadField("expected_report", "excuse", "say why it need not come")
        excused = {"state": ReportState.EXCUSED.value, "excuse": why}
        done = EXPECTED_REPORTS.change(change, name, excused, revision)
        revoke_links(change, REPORT, name)
        return done


def heed(
    house: House, reader: Reader, name: str, revision: int, follows: str, *, request: str | None = None
) -> ExpectedReport:
    """Say what follows from the incidents or changes a report tells of; by the office, without a hand in the use.

    Raises:
        NoSuchRecord: There is no such report within their reach.
        NotAllowed: They may not, for its use, or they have a hand in it.
        BadField: It tells of nothing, somebody said already what follows, or nothing is said.
        Stale: It was changed meanwhile.
    """
    with house.database.changing(reader.author(request), follows or None) as change:
        found = awaited_by(change.connection, reader, name, "report.excuse")
        hand = hand_in(change.connection, found.use, found.product).get(reader.person)
        if hand is not None:
            raise NotImpartial("say what follows from this report", hand)
        if not found.report.tells or found.report.heeded_at is not None:
            raise BadField(
                "expected_report",
                "follows",
                "it waits for nobody: what follows is said, or it tells of none",
                fix="leave it: nothing more is to be said of it",
            )
        if not follows.strip():
            raise BadField("expected_report", "follows", "say what follows from it, or why nothing does")
        done = {"heeded_by": reader.person, "heeded_at": change.at, "follows": follows}
        return EXPECTED_REPORTS.change(change, name, done, revision)


def await_again(
    house: House, reader: Reader, name: str, revision: int, why: str, *, request: str | None = None
) -> ExpectedReport:
    """Await a report once more: what came is to be corrected, or an excuse no longer holds. What came first stays.

    Raises:
        NoSuchRecord: There is no such report within their reach.
        NotAllowed: They may not, for its use; or it tells of something, and they do not preside or have a hand in the
            use: what was told, and what was said to follow, would be gone from it.
        BadField: It is awaited already, or no reason is given.
        Stale: It was changed meanwhile.
    """
    with house.database.changing(reader.author(request), why or None) as change:
        found = awaited_by(change.connection, reader, name, "schedule.change")
        if found.report.state is ReportState.DUE:
            raise BadField("expected_report", "state", "it is awaited already", fix="leave it: it is awaited")
        if found.report.tells:
            require(reader, "report.excuse", paths_of(change.connection, found.use))
            hand = hand_in(change.connection, found.use, found.product).get(reader.person)
            if hand is not None:
                raise NotImpartial("have a report that tells of something written anew", hand)
        if not why.strip():
            raise BadField("expected_report", "state", "say why it must come again")
        again: dict[str, Any] = {
            "state": ReportState.DUE.value,
            "way": None,
            "statement": None,
            "document": None,
            "received_at": None,
            "excuse": None,
            "incidents": None,
            "complaints": None,
            "changes": [],
            "tells": False,
            "heeded_by": None,
            "heeded_at": None,
            "follows": None,
        }
        return EXPECTED_REPORTS.change(change, name, again, revision)


def last_measured(house: House, connection: Connection, schedule: str) -> tuple[str, list[Measurement]] | None:
    """What the newest report of a schedule measured, and the day its period ended."""
    came = governance.every(
        connection,
        "expected_report",
        expected_reports.c.schedule == schedule,
        expected_reports.c.state == ReportState.RECEIVED.value,
        order="due_on",
    )
    if not came or came[-1].statement is None:
        return None
    measured = getattr(house.store.get(came[-1].statement).predicate, "measurements", ())
    return came[-1].period_end, list(measured)


def sentence(report: ExpectedReport, grace_days: int, today: str, zone: tzinfo) -> str:
    """How a report stands, in words."""
    stands, due = standing(report, grace_days, today, zone), written_day(report.due_on)
    if stands is Standing.EXPECTED:
        last = runs_until(report, today)
        return f"due on {due}" if last is None else f"its period runs until {written_day(last)}; due on {due}"
    if stands is Standing.LATE:
        return f"late: due on {due}, not reported after {written_day(last_day(report.due_on, grace_days))}"
    if stands is Standing.MISSING:
        return f"not reported: due on {due}; nothing is known of this time"
    if stands is Standing.EXCUSED:
        return "excused: nothing was reported for this time"
    came = "" if report.received_at is None else written_day(day_in(report.received_at, zone))
    says = what_it_says(report)
    late = "late, " if stands is Standing.RECEIVED_LATE else ""
    return f"received {late}on {came}" + (", signed" if report.way is Way.SIGNED else ", as a claim") + f"; {says}"


_FIRST: Final = (Standing.MISSING, Standing.LATE, Standing.EXPECTED)


def _urgency(one: Owed) -> tuple[int, str]:
    day = one.report.due_on
    if one.report.tells and one.report.heeded_at is None:
        return -1, day  # somebody was harmed, or what runs is another thing: nothing comes before it
    if one.standing in _FIRST:
        return _FIRST.index(one.standing), day
    return len(_FIRST), "".join(chr(0x10FFFF - ord(letter)) for letter in day)  # what came: the newest first


def _owed(house: House, connection: Connection, reports: Sequence[ExpectedReport]) -> list[Owed]:
    today = _today(house)
    named = SCHEDULES.get_many(connection, (one.schedule for one in reports))
    uses = USES.get_many(connection, (one.use for one in reports))
    return [
        Owed(
            report=one,
            use_name=uses[one.use].name,
            partner=(schedule := named[one.schedule]).partner.value,
            partner_name=schedule.partner_name,
            owner=schedule.owner,
            standing=standing(one, schedule.grace_days, today, house.database.zone),
            sentence=sentence(one, schedule.grace_days, today, house.database.zone),
            asked_on=today,
        )
        for one in reports
    ]


def _some(
    connection: Connection, within: Sequence[str], *conditions: Any, descending: bool = False
) -> list[ExpectedReport]:
    found = governance.page(
        connection,
        "expected_report",
        within,
        *conditions,
        order="due_on",
        descending=descending,
        limit=_RECENT,
    )
    return list(found.items)


def _awaited(connection: Connection, reader: Reader, name: str, action: str) -> ExpectedReport:
    report = awaited_by(connection, reader, name, action).report
    if report.state is not ReportState.DUE:
        raise NotAwaited(report.state)
    return report


def _within(reader: Reader) -> tuple[str, ...]:
    within = paths_for(reader, "report.read")
    if not within:
        raise NotAllowed("report.read", "anywhere")
    return within


def _today(house: House) -> str:
    return house.database.today().isoformat()
