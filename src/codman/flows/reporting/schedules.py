"""Schedules: that a team or a vendor reports about a use, every so many months; made, changed, ended by the house."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, Final

from sqlalchemy import Connection, func, select

from codman.errors import CodmanError
from codman.flows.house import House
from codman.flows.reporting.calendar import AHEAD_DAYS, days_after, months_after, periods
from codman.registry import governance
from codman.registry.access import Reader, may, paths_for, require
from codman.registry.database import Change
from codman.registry.governance import EXPECTED_REPORTS, SCHEDULES
from codman.registry.interests import hand_in
from codman.registry.inventory import paths_of
from codman.registry.links import REPORT, revoke_links
from codman.registry.mine import in_sight
from codman.registry.nouns import PEOPLE, PRODUCTS, USES, VENDORS
from codman.registry.records import BadField, NoSuchRecord, Stale
from codman.registry.requests import Once, remember, reply_to
from codman.registry.schema import people, uses
from codman.registry.schema_review import expected_reports, schedules
from codman.spine.day import written_day
from codman.spine.partner_report import ExpectedReportFields, Partner, ReportState, Schedule, ScheduleFields
from codman.spine.person import PersonFields
from codman.spine.use import Stage, Use
from codman.spine.vocabulary import UnknownMetric, word

# The rhythm stays: reports that stand in the book are about its periods. Another rhythm is another schedule.
CHANGEABLE: Final = ("partner_name", "vendor", "email", "owner", "grace_days", "metrics")
_BACK_MONTHS: Final = 60
ENDED: Final = "the schedule was ended before its day"


class ScheduleEnded(CodmanError):
    """A step on a schedule that is over."""

    exit_code = 2

    def __init__(self) -> None:
        super().__init__(
            what="this schedule has ended",
            why="nothing more is expected under it; what was reported stays",
            fix="make a new schedule for the use",
        )


def make_schedule(
    house: House,
    reader: Reader,
    fields: Mapping[str, Any],
    *,
    why: str | None = None,
    request: str | None = None,
    once: Once | None = None,
) -> Schedule:
    """Have somebody report about a use.

    The reports due in the next 60 days stand in the book at once.

    Raises:
        NotAllowed: They may not, for this use.
        NoSuchRecord: There is no such use within their reach.
        BadField: A field cannot hold what was given, or there are more days of grace than in the partner's last
            schedule and nobody says why.
    """
    require(reader, "schedule.create")
    made = SCHEDULES.validated(fields)
    with house.database.changing(reader.author(request), why) as change:
        if once is not None and (reply := reply_to(change.connection, once)) is not None:
            return Schedule.model_validate(reply)
        use_to(change.connection, reader, made.use, "schedule.create")
        _check(change.connection, made, change.today)
        had = governance.every(
            change.connection, "schedule", schedules.c.use == made.use, schedules.c.partner == made.partner.value
        )
        if had and made.grace_days > max(had, key=lambda one: one.created_at).grace_days:
            _say_why_later(why)
        schedule = SCHEDULES.add(change, made)
        expect(change, schedule, change.today)
        if once is not None:
            remember(change, once, schedule.model_dump(mode="json"))
    return schedule


def change_schedule(
    house: House,
    reader: Reader,
    name: str,
    patch: Mapping[str, Any],
    revision: int,
    *,
    why: str | None = None,
    request: str | None = None,
) -> Schedule:
    """Change who reports, where to, what, and how late it may be; never the rhythm.

    Raises:
        NotAllowed: They may not, for this use.
        NoSuchRecord: There is none within their reach.
        Stale: It was changed meanwhile.
        ScheduleEnded: It is over.
        BadField: A field cannot be changed, or cannot hold what was given; or there would be more days of grace while a
            report is overdue, or without a reason.
    """
    fixed = next((field for field in patch if field not in CHANGEABLE), None)
    if fixed is not None:
        why_not = "it stays as it was made: end this schedule and make another"
        raise BadField("schedule", fixed[:60], why_not, fix="leave it out, or end this schedule and make another")
    with house.database.changing(reader.author(request), why) as change:
        schedule = schedule_to(change.connection, reader, name, "schedule.change")
        if not schedule.active:
            raise ScheduleEnded
        if schedule.revision != revision:
            raise Stale("schedule", name, revision, schedule.revision)
        made = SCHEDULES.validated({**SCHEDULES.plain(schedule), **patch})
        _check(change.connection, made, change.today)
        if made.grace_days > schedule.grace_days:
            _may_wait_longer(change, schedule, why)
        _goes_elsewhere(change, reader, schedule, made, why)
        return SCHEDULES.change(change, name, patch, revision)


def _may_wait_longer(change: Change, schedule: Schedule, why: str | None) -> None:
    """Refuse more days of grace where they would make what is late or missing less so, or where nobody says why."""
    overdue = governance.every(
        change.connection,
        "expected_report",
        expected_reports.c.schedule == schedule.id,
        expected_reports.c.state == ReportState.DUE.value,
        expected_reports.c.due_on < change.today,
        order="due_on",
    )
    if overdue:
        said = f"the report due on {written_day(overdue[0].due_on)} has not come: what is late stays late"
        raise BadField(
            "schedule",
            "grace_days",
            f"{said}; raise them once it came or is excused",
            fix="leave the days of grace until it came or is excused",
        )
    _say_why_later(why)


def _goes_elsewhere(change: Change, reader: Reader, schedule: Schedule, made: ScheduleFields, why: str | None) -> None:
    """Refuse less to report without a reason, and another address for a vendor's links from who has a hand in it."""
    if set(schedule.metrics) - set(made.metrics) and not (why or "").strip():
        raise BadField("schedule", "why", "say why less is to be reported")
    if schedule.partner is not Partner.VENDOR or schedule.email is None or made.email == schedule.email:
        return
    use = USES.get(change.connection, schedule.use)
    hand = hand_in(change.connection, use, PRODUCTS.get(change.connection, use.product)).get(reader.person)
    if hand is not None:
        raise BadField(
            "schedule",
            "email",
            f"you {hand}: who has no hand in the use says where the vendor's links go",
            fix="have somebody without a hand in the use change it",
        )
    if not (why or "").strip():
        raise BadField("schedule", "why", "say why links and reminders go to another address")


def _say_why_later(why: str | None) -> None:
    if not (why or "").strip():
        raise BadField("schedule", "why", "say why reports may come later")


def end_schedule(
    house: House, reader: Reader, name: str, revision: int, *, why: str | None = None, request: str | None = None
) -> Schedule:
    """Expect nothing more: what has its day before it is excused, what is overdue stays overdue.

    Only who may excuse a report, without a hand in the use, excuses one whose time has begun by it: ended by anybody
    else, it is still awaited.

    Raises:
        NotAllowed: They may not, for this use.
        NoSuchRecord: There is none within their reach.
        BadField: A report is awaited whose time has begun, and no reason is given.
        Stale: It was changed meanwhile.
        ScheduleEnded: It is over already.
    """
    with house.database.changing(reader.author(request), why) as change:
        schedule = schedule_to(change.connection, reader, name, "schedule.change")
        if not schedule.active:
            raise ScheduleEnded
        ended = SCHEDULES.change(change, name, {"active": False}, revision)
        awaited = governance.every(
            change.connection,
            "expected_report",
            expected_reports.c.schedule == name,
            expected_reports.c.state == ReportState.DUE.value,
            expected_reports.c.due_on >= change.today,
        )
        begun = [one for one in awaited if one.period_start <= change.today]
        if begun and not (why or "").strip():
            raise BadField("schedule", "why", f"a report is due on {written_day(begun[0].due_on)}: say why it ends")
        stays = [] if _may_excuse(change.connection, reader, schedule) else begun
        for report in awaited:
            if report not in stays:
                excused = {"state": ReportState.EXCUSED.value, "excuse": why or ENDED}
                EXPECTED_REPORTS.change(change, report.id, excused, None)
                revoke_links(change, REPORT, report.id)
    return ended


def _may_excuse(connection: Connection, reader: Reader, schedule: Schedule) -> bool:
    use = USES.get(connection, schedule.use)
    own = reader.person in hand_in(connection, use, PRODUCTS.get(connection, use.product))
    return not own and may(reader, "report.excuse", paths_of(connection, use))


def expect(change: Change, schedule: Schedule, today: str) -> int:
    """Write down the reports of a schedule that are due by 60 days from now; again, it changes nothing.

    Returns:
        How many are new.
    """
    rows = governance.every(change.connection, "expected_report", expected_reports.c.schedule == schedule.id)
    there = {row.period_start for row in rows}
    new = [
        ExpectedReportFields(
            schedule=schedule.id,
            use=schedule.use,
            period_start=period.start,
            period_end=period.end,
            due_on=period.due_on,
        )
        for period in periods(schedule, days_after(today, AHEAD_DAYS))
        if period.start not in there
    ]
    EXPECTED_REPORTS.add_many(change, new)
    return len(new)


def running(connection: Connection) -> list[Schedule]:
    """Every schedule that has not ended, of a use that is not retired."""
    retired = select(uses.c.id).where(uses.c.stage == Stage.RETIRED.value)
    return governance.every(connection, "schedule", schedules.c.active, schedules.c.use.not_in(retired))


def schedule_to(connection: Connection, reader: Reader, name: str, action: str) -> Schedule:
    """A schedule that somebody may do something with.

    Raises:
        NoSuchRecord: There is none of that name within their reach.
        NotAllowed: They may not, for its use.
    """
    schedule: Schedule = governance.get(connection, "schedule", name, paths_for(reader, "report.read"))
    use_to(connection, reader, schedule.use, action)
    return schedule


def use_to(connection: Connection, reader: Reader, name: str, action: str) -> Use:
    """A use that somebody sees and may do something with.

    Raises:
        NoSuchRecord: There is none of that name within their reach.
        NotAllowed: They may not, for this use.
    """
    if not in_sight(connection, [name], paths_for(reader, "inventory.read")):
        raise NoSuchRecord("use", name)
    use = USES.get(connection, name)
    require(reader, action, at=paths_of(connection, use))
    return use


def _check(connection: Connection, made: ScheduleFields, today: str) -> None:
    try:
        first = date.fromisoformat(made.first_due)
    except ValueError:
        raise BadField("schedule", "first_due", "there is no such day") from None
    far = first.year > date.fromisoformat(today).year + 10
    if far or months_after(first, _BACK_MONTHS).isoformat() < today:
        raise BadField("schedule", "first_due", "give a day within the last five or the next ten years")
    if made.email is not None:
        try:
            PersonFields(name="partner", email=made.email)
        except ValueError:
            raise BadField("schedule", "email", "this is no mail address") from None
        theirs = connection.execute(select(people.c.id).where(func.lower(people.c.email) == made.email.strip().lower()))
        if made.partner is Partner.VENDOR and theirs.first() is not None:
            raise BadField("schedule", "email", "somebody of this house has it: a vendor's link goes to the vendor")
    for metric in made.metrics:
        try:
            word(metric)
        except UnknownMetric as error:
            raise BadField("schedule", "metrics", f"{error.what}; {error.fix}") from None
    if len(set(made.metrics)) < len(made.metrics):
        raise BadField("schedule", "metrics", "a metric stands there twice")
    owner = PEOPLE.get_many(connection, [made.owner]).get(made.owner)
    if owner is None or not owner.active:
        raise BadField("schedule", "owner", "nobody of that name works here")
    if made.vendor is not None and made.vendor not in VENDORS.get_many(connection, [made.vendor]):
        raise BadField("schedule", "vendor", "there is no such vendor")
    if made.partner is Partner.TEAM and made.vendor is not None:
        raise BadField("schedule", "vendor", "a team of the house has no vendor")
