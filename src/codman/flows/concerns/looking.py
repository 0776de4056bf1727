"""look: the round that keeps concerns from lying about; it reminds, escalates, and counts work days down.

Every message has a key that says what it is about and when, so that a round made twice tells nobody twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from sqlalchemy import Connection, select

from codman.flows.concerns.people import above, officers, who_sees
from codman.flows.concerns.telling import WEBHOOK, notice, spoken, tell_people, tell_systems
from codman.flows.house import House
from codman.jobs.notice import Notice
from codman.jobs.periods import Every
from codman.jobs.schedule import Job
from codman.jobs.tables import outbox
from codman.jobs.times import read_instant
from codman.registry.governance import CONCERNS, CORRECTIVE_ACTIONS
from codman.registry.log import SYSTEM
from codman.registry.nouns import PEOPLE
from codman.registry.schema_review import concerns, corrective_actions
from codman.review.clocks import Clocks, clocks
from codman.spine.concern import Concern, ConcernState
from codman.spine.day import written_day
from codman.spine.person import Person

EVERY: Final = timedelta(minutes=5)
CLOCK_TOLD_AT: Final = (5, 2, 1, 0)  # work days before a report is due
ACTION_TOLD_DAYS: Final = 3  # before an action is due
DUTY_TOLD_DAYS: Final = 30  # before the report of the year is due


@dataclass(frozen=True, slots=True)
class Looked:
    """What a round did."""

    escalated: tuple[str, ...]
    told: int  # messages that were new


@dataclass(frozen=True, slots=True)
class _Word:
    """Something to tell, and whom."""

    people: tuple[Person, ...]
    notice: Notice
    key: str
    systems: bool = False


def job(house: House) -> Job:
    """The round as a job of the clock."""
    return Job("concerns", Every(EVERY), lambda _slot: _done(house))


def _done(house: House) -> None:
    look(house)


def look(house: House) -> Looked:
    """Remind of what nobody has seen, escalate what nobody saw in time, count down what runs; again, it adds nothing.

    Raises:
        BadClocks: The hospital's own file of clocks cannot be used.
    """
    now = house.database.clock()
    with house.database.reading() as connection:
        late = _late(connection, now)
        words = [] if late else _unsaid(house, connection, _words(house, connection, now))
    if not late and not words:
        return Looked((), 0)
    with house.database.changing(SYSTEM) as change:
        connection = change.connection
        late = _late(connection, now)  # again, where nobody else changes them
        for one in late:
            CONCERNS.change(change, one.id, {"escalated_at": change.at}, None)
        words = _unsaid(house, connection, _words(house, connection, now))
        for word in words:
            tell_people(change, word.people, word.notice, word.key)
            if word.systems:
                tell_systems(change, house, word.notice, word.key)
    return Looked(tuple(one.id for one in late), sum(len(_keys(house, word)) for word in words))


def _late(connection: Connection, now: datetime) -> list[Concern]:
    """Those that nobody said in time to have, and that did not go further yet."""
    return [one for one in _raised(connection) if one.escalated_at is None and read_instant(one.see_by) <= now]


def _raised(connection: Connection) -> list[Concern]:
    """Those that nobody has; what only repeats another in a flood is spoken of with that one."""
    waiting = select(concerns).where(concerns.c.state == ConcernState.RAISED.value, concerns.c.repeats.is_(None))
    rows = connection.execute(waiting.order_by(concerns.c.see_by))
    return [CONCERNS.read(row) for row in rows]


def _words(house: House, connection: Connection, now: datetime) -> Iterator[_Word]:
    rules = clocks(house.settings.concern_clocks)
    today = now.astimezone(house.settings.zone).date()
    yield from _of_raised(house, connection, now, today)
    yield from _of_clocks(house, connection, rules, today)
    yield from _of_actions(house, connection, today)
    yield from _of_duties(house, connection, rules, today)


def _of_raised(house: House, connection: Connection, now: datetime, today: date) -> Iterator[_Word]:
    for one in _raised(connection):
        raised, until = read_instant(one.raised_at), read_instant(one.see_by)
        by = spoken(one.see_by, house.settings.zone)
        if until <= now:
            text = f"Nobody has said that they have this concern; that was due by {by}. Open it and take it in hand."
            said = notice(
                house, connection, one, "concern.overdue", "A concern nobody has seen in time", text, urgency="high"
            )
            people = {p.id: p for p in (*above(connection, one), *who_sees(connection, one).people)}
            day = "first" if one.escalated_at is None or one.escalated_at[:10] == now.isoformat()[:10] else str(today)
            yield _Word(tuple(people.values()), said, f"concern/{one.id}/overdue/{day}", systems=day == "first")
        elif now - raised >= (until - raised) / 2:
            text = f"This concern waits for somebody to say that they have it, by {by}."
            said = notice(house, connection, one, "concern.reminder", "A concern waits for you", text)
            yield _Word(who_sees(connection, one).people, said, f"concern/{one.id}/reminder")


def _of_clocks(house: House, connection: Connection, rules: Clocks, today: date) -> Iterator[_Word]:
    running = select(concerns).where(
        concerns.c.clock.is_not(None), concerns.c.clock_due.is_not(None), concerns.c.clock_met_on.is_(None)
    )
    for one in map(CONCERNS.read, connection.execute(running)):
        due = date.fromisoformat(one.clock_due or "")
        left = rules.holidays.left(today, due)
        rule = rules.rule(one.clock or "")
        named = one.clock if rule is None else f"{rule.title} ({rule.source[0].clause})"
        if left >= 0:
            at = next((step for step in reversed(CLOCK_TOLD_AT) if left <= step), None)
            if at is None:
                continue
            when = "today" if left == 0 else f"in {left} work day{'' if left == 1 else 's'}, on {written_day(due)}"
            key, title = f"{due.isoformat()}/{at}", "A report is due"
        else:
            when, key, title = (
                f"since {written_day(due)}",
                f"{due.isoformat()}/late/{today.isoformat()}",
                "A report is late",
            )
        text = f"{named}: the report is due {when}. Put down the day it went out, or say why none is due."
        said = notice(house, connection, one, "concern.clock", title, text, urgency="high")
        people = {p.id: p for p in (*officers(connection, one), *who_sees(connection, one).people)}
        yield _Word(tuple(people.values()), said, f"concern/{one.id}/clock/{key}")


def _of_actions(house: House, connection: Connection, today: date) -> Iterator[_Word]:
    soon = (today + timedelta(days=ACTION_TOLD_DAYS)).isoformat()
    waiting = select(corrective_actions).where(
        corrective_actions.c.done_on.is_(None), corrective_actions.c.due_on <= soon
    )
    found = [CORRECTIVE_ACTIONS.read(row) for row in connection.execute(waiting)]
    owners = PEOPLE.get_many(connection, [one.owner for one in found])
    about = CONCERNS.get_many(connection, [one.concern for one in found])
    for one in found:
        concern, owner = about[one.concern], owners[one.owner]
        people: tuple[Person, ...] = (owner,) if owner.active else ()
        if one.due_on < today.isoformat():
            weeks = (today - date.fromisoformat(one.due_on)).days // 7
            key, title = f"late/{one.due_on}/{weeks}", f"A {one.kind.value} action is late"
            text = f"A {one.kind.value} action was due on {written_day(one.due_on)} and is not done."
            people = (*people, *(p for p in officers(connection, concern) if p.id != owner.id))
        else:
            key, title = f"soon/{one.due_on}", f"A {one.kind.value} action is due on {written_day(one.due_on)}"
            text = f"A {one.kind.value} action of yours is due on {written_day(one.due_on)}."
        said = notice(house, connection, concern, "action.due", title, text)
        yield _Word(people, said, f"action/{one.id}/{key}")


def _of_duties(house: House, connection: Connection, rules: Clocks, today: date) -> Iterator[_Word]:
    """The report of the year, where anything was reported in it."""
    for yearly in rules.yearly:
        for year in (today.year - 1, today.year):
            due = yearly.due_after(year)
            if not yearly.holds(today) or not timedelta(0) <= due - today <= timedelta(days=DUTY_TOLD_DAYS):
                continue
            met = select(concerns).where(
                concerns.c.clock.in_(yearly.counts), concerns.c.clock_met_on.startswith(str(year))
            )
            reported = [CONCERNS.read(row) for row in connection.execute(met.order_by(concerns.c.raised_at))]
            if not reported:
                continue
            text = (
                f"{yearly.title} for {year} ({yearly.form}, {yearly.source[0].clause}) is due on {written_day(due)}; "
                f"{len(reported)} report{' was' if len(reported) == 1 else 's were'} made in it."
            )
            said = Notice(
                event="concern.yearly",
                title=f"{yearly.title}: due on {written_day(due)}",
                text=text,
                link=f"{house.settings.address}/incidents",
                urgency="high",
            )
            people = {p.id: p for one in reported for p in officers(connection, one)}
            yield _Word(tuple(people.values()), said, f"yearly/{yearly.id}/{year}")


def _unsaid(house: House, connection: Connection, words: Iterable[_Word]) -> list[_Word]:
    """Those that somebody was not told yet; to tell the others again changes nothing."""
    found = [(word, _keys(house, word)) for word in words]
    listed = sorted({key for _word, keys in found for key in keys})
    told: set[str] = set()
    for start in range(0, len(listed), 500):
        query = select(outbox.c.key).where(outbox.c.key.in_(listed[start : start + 500]))
        told |= set(connection.execute(query).scalars())
    return [word for word, keys in found if keys - told]


def _keys(house: House, word: _Word) -> set[str]:
    keys = {f"{word.key}/{one.id}" for one in word.people if one.email is not None}
    return keys | ({f"{word.key}/{WEBHOOK}"} if word.systems and WEBHOOK in house.notifiers else set())
