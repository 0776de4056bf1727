"""digest: what waits for each person, by mail once a day; what is overdue, to the systems that settings name.

Nothing waiting, no mail. Records are named and nobody's own words are repeated: a mail leaves the house.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final

from sqlalchemy import Connection, select

from codman.errors import CodmanError, Unreachable
from codman.flows.address import address_of
from codman.flows.house import House
from codman.flows.reporting.calendar import days_after
from codman.flows.task import Task
from codman.flows.work import waiting
from codman.jobs.notice import Item, Notice, one_line
from codman.jobs.outbox import enqueue
from codman.registry.access import NotAllowed, Reader
from codman.registry.accounts_rights import held_by
from codman.registry.log import SYSTEM
from codman.registry.mail_choices import choose_digest, without_digest
from codman.registry.schema import people, uses
from codman.registry.schema_review import cases, conditions, expected_reports, schedules
from codman.spine.day import written_day, written_moment
from codman.spine.partner_report import ReportState
from codman.spine.review import CaseState, ConditionState
from codman.spine.use import Stage

log: Final = logging.getLogger("codman.digest")

MAIL: Final = "mail"
MOST_ITEMS: Final = 30  # of more than these a mail is no help; the page has them all
OVERDUE_DAYS: Final = 90  # what lapsed longer ago was settled otherwise, or never will be by a ticket
_LONGEST: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """What a round of the daily mail did."""

    people: int  # who were looked at
    told: int  # who have a mail waiting to go that was not there before
    failed: int  # whose mail could not be made


def send_digests(house: House, day: str) -> Sent:
    """Have everybody told what waits for them; again on the same day, nobody is told twice.

    Args:
        house: The open house. Where no mail is set up, nothing is queued: what waits today is old news tomorrow.
        day: The local day, ISO 8601.

    Raises:
        DatabaseAway: It does not answer.
    """
    if MAIL not in house.notifiers:
        return Sent(people=0, told=0, failed=0)
    with house.database.reading() as connection:
        readers = list(_readers(connection))
    told = failed = 0
    for reader, email in readers:
        try:
            tasks = waiting(house, reader)
            if not tasks:
                continue
            notice = digest(house, tasks, day)
            with house.database.changing(SYSTEM, "the daily mail") as change:
                told += enqueue(change.connection, MAIL, email, notice, f"digest/{reader.person}/{day}", at=change.at)
        except Unreachable:
            raise  # the job is tried again later, and tells the others then
        except CodmanError as error:
            failed += 1  # such as an address that no mail can be sent to; the next person gets theirs
            log.warning("somebody could not be sent their daily mail: %s", type(error).__name__)
    return Sent(people=len(readers), told=told, failed=failed)


def digest(house: House, tasks: Sequence[Task], day: str) -> Notice:
    """What waits for somebody, as a mail: what is late first, each with its day and where it is done."""
    at = address_of(house.settings)
    now = house.database.clock().astimezone(house.settings.zone)
    late = sum(task.late(now) for task in tasks)
    several = "1 thing waits" if len(tasks) == 1 else f"{len(tasks)} things wait"
    said = f"{several} for you" + (f", {late} late" if late else "")
    more = len(tasks) - MOST_ITEMS
    text = f"On {day}: {said}."
    if more > 0:
        text += f" The first {MOST_ITEMS} are here; all of them stand on the page of your work."
    text += "\n\nThis mail comes at most once a day, and not where nothing waits. You can stop it on your account page."
    return Notice(
        event="digest.daily",
        title=said,
        text=text,
        items=tuple(_item(task, now, at) for task in tasks[:MOST_ITEMS]),
        link=f"{at}/",
        urgency="high" if late else "medium",
    )


def _item(task: Task, now: datetime, at: str) -> Item:
    """One thing with its day; where hours matter with the moment, and how long there was when the mail was made."""
    left = task.hours(now)
    when = None
    if left is not None and task.due_at is not None:
        when = f"by {written_moment(datetime.fromisoformat(task.due_at), now.tzinfo or UTC)}: {left} as this is written"
    return Item(text=_line(task.sentence), due=task.due_on, when=when, link=f"{at}{task.at}")


def choose(house: House, reader: Reader, wanted: bool) -> None:
    """Keep whether somebody wants the daily mail.

    Raises:
        NotAllowed: They only look, as somebody else.
    """
    if reader.read_only:
        raise NotAllowed("account.change", "by a read-only sign-in")
    with house.database.changing(reader.author()) as change:
        choose_digest(change, reader.person, wanted)


def tell_overdue(house: House) -> int:
    """Have the systems that `overdue_to` names told of each overdue condition and missing report, each once.

    A condition with another day is told again when that has passed too.

    Returns:
        How many messages are new.

    Raises:
        DatabaseAway: It does not answer.
    """
    ways = [way for way in house.settings.overdue_to if way in house.notifiers]
    if not ways:
        return 0
    today = house.database.today()
    with house.database.reading() as connection:
        found = [*_overdue_conditions(house, connection, today), *_missing_reports(house, connection, today)]
    if not found:
        return 0
    new = 0
    with house.database.changing(SYSTEM, "what is overdue") as change:
        for key, notice in found:
            new += sum(enqueue(change.connection, way, "overdue", notice, f"{key}/{way}", at=change.at) for way in ways)
    return new


def _readers(connection: Connection) -> Iterator[tuple[Reader, str]]:
    """Everybody who could be told: active, with a role and an address, and who did not say no."""
    silent = without_digest(connection)
    rows = connection.execute(
        select(people.c.id, people.c.name, people.c.email)
        .where(people.c.active, people.c.email.is_not(None))
        .order_by(people.c.id)
    )
    for row in rows.all():
        held = held_by(connection, row.id)
        if held and row.id not in silent:
            yield Reader(row.id, row.name, held), row.email


def _overdue_conditions(house: House, connection: Connection, today: date) -> Iterable[tuple[str, Notice]]:
    late = [ConditionState.OPEN.value, ConditionState.LAPSED.value]
    rows = connection.execute(
        select(conditions.c.id, conditions.c.case, conditions.c.due_on, conditions.c.owner, uses.c.name)
        .join(cases, cases.c.id == conditions.c.case)
        .join(uses, uses.c.id == conditions.c.use)
        .where(
            cases.c.state == CaseState.DECIDED.value,
            conditions.c.state.in_(late),
            conditions.c.due_on < today.isoformat(),
            conditions.c.due_on >= (today - timedelta(days=OVERDUE_DAYS)).isoformat(),
            uses.c.stage != Stage.RETIRED.value,
        )
        .order_by(conditions.c.due_on, conditions.c.id)
    )
    for row in rows:
        notice = Notice(
            event="condition.overdue",
            title=_line(f"A condition of {row.name} is overdue"),
            text=f"It was due on {written_day(row.due_on)}, and what closes it has not come. Who owes it: {row.owner}.",
            link=f"{address_of(house.settings)}/reviews/{row.case}#conditions",
            about=row.id,
            urgency="high",
        )
        yield f"overdue/{row.id}/{row.due_on}", notice


def _missing_reports(house: House, connection: Connection, today: date) -> Iterable[tuple[str, Notice]]:
    rows = connection.execute(
        select(expected_reports, schedules.c.grace_days, uses.c.name)
        .join(schedules, schedules.c.id == expected_reports.c.schedule)
        .join(uses, uses.c.id == expected_reports.c.use)
        .where(
            schedules.c.active,
            expected_reports.c.state == ReportState.DUE.value,
            expected_reports.c.due_on < today.isoformat(),
            expected_reports.c.due_on >= (today - timedelta(days=OVERDUE_DAYS)).isoformat(),
            uses.c.stage != Stage.RETIRED.value,
        )
        .order_by(expected_reports.c.due_on, expected_reports.c.id)
    )
    for row in rows:
        if date.fromisoformat(row.due_on) + timedelta(days=row.grace_days) >= today:
            continue
        notice = Notice(
            event="report.missing",
            title=_line(f"A report about {row.name} is missing"),
            text=f"The report from {written_day(row.period_start)} to "
            f"{written_day(days_after(row.period_end, -1))} was due on {written_day(row.due_on)}. "
            "Not reported is not the same as no incidents: nothing is known of this time.",
            link=f"{address_of(house.settings)}/reports/{row.id}",
            about=row.id,
            urgency="high",
        )
        yield f"missing/{row.id}/{row.due_on}", notice


def _line(text: str) -> str:
    """A sentence as one line of a notice: names are people's, and may hold what no line may."""
    plain = one_line(text)
    return plain if len(plain) <= _LONGEST else plain[: _LONGEST - 1] + "…"
