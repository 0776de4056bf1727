"""waiting: what waits for one person, by when, and where it is done; the page of one's work and the digest both ask it.

A task's own sentence holds nobody's words: those stand apart, for a page to show and a mail to leave out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Connection, exists, or_, select

from codman.flows.concerns.people import who_sees
from codman.flows.house import House
from codman.flows.review.cases import WORKING, docket_within
from codman.flows.review.voting import count, verdict_of
from codman.flows.watch.telling import page_of
from codman.flows.watched import unwatched
from codman.registry import governance
from codman.registry.access import Reader, may, paths_for
from codman.registry.interests import hand_in
from codman.registry.inventory import paths_of, visible
from codman.registry.mine import to_accept
from codman.registry.names import names_of
from codman.registry.nouns import PRODUCTS, SITES, USES
from codman.registry.schema import uses
from codman.registry.schema_review import (
    cases,
    concerns,
    conditions,
    corrective_actions,
    expected_reports,
    intakes,
    pause_proposals,
    remarks,
    reviewers,
    schedules,
    triages,
)
from codman.registry.schema_watch import incidents
from codman.registry.undecided import OF, uncovered_by_use
from codman.review.votes import why_not_vote
from codman.spine.concern import ConcernState
from codman.spine.day import written_day
from codman.spine.intake import IntakeState, TriageState
from codman.spine.partner_report import ReportState
from codman.spine.pausing import PauseState
from codman.spine.review import GRANTED, Case, CaseState, ConditionState, Conflict
from codman.spine.use import RUNNING, Decision
from codman.spine.watching import IncidentState

AHEAD_DAYS: Final = 30  # what is due within a month already waits
_WORKING: Final = [state.value for state in WORKING]
_RUNS: Final = [stage.value for stage in RUNNING]


class Duty(StrEnum):
    """What somebody is to do."""

    PROPOSAL = "finish a proposal"
    INTEREST = "state your interest"
    VOTE = "vote"
    ANSWER = "answer a question"
    REVIEWERS = "name reviewers"
    CLOSE = "close a case"
    CONDITION = "meet a condition"
    ACCEPT = "accept a document"
    PAUSE = "say whether it pauses"
    RENEWAL = "renew a decision"
    UNDECIDED = "have decided what runs"
    SITE = "accept a site"
    TIER = "agree to a lower tier"
    REPORT = "see that a report comes"
    CONCERN = "look at a concern"
    ACTION = "do what a concern led to"
    INCIDENT = "answer what monitoring saw"
    WATCH = "have watched what runs"


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One thing that waits for somebody."""

    duty: Duty
    sentence: str  # for a person; holds nobody's own words
    at: str  # path of the page where it is done
    since: str  # ISO 8601
    due_on: str | None = None  # day
    use: str | None = None
    began: bool = True  # since is when it began to wait; False: when it was saved last
    words: str = ""  # what somebody wrote; for who is signed in, never for a mail

    def late(self, today: str) -> bool:
        """Whether its day has passed."""
        return self.due_on is not None and self.due_on < today


def waiting(house: House, reader: Reader) -> list[Task]:
    """What waits for somebody: what is due first, the oldest first; then what has no day."""
    today = house.database.clock().date()
    with house.database.reading() as connection:
        found = list(_every(house, connection, reader, today))
        within = paths_for(reader, "inventory.read")
        named = sorted({task.use for task in found if task.use is not None})
        seen = set(connection.execute(select(uses.c.id).where(uses.c.id.in_(named), visible(within))).scalars())
    theirs = [task for task in found if task.use is None or task.use in seen]
    return sorted(theirs, key=lambda task: (task.due_on or "9999", task.since, task.at))


def _every(house: House, connection: Connection, reader: Reader, today: date) -> Iterator[Task]:
    ahead = (today + timedelta(days=AHEAD_DAYS)).isoformat()
    yield from _seats(house, connection, reader)
    yield from _presiding(house, connection, reader)
    yield from _questions(connection, reader)
    yield from _conditions(connection, reader)
    yield from _handed_in(connection, reader)
    yield from _pauses(connection, reader)
    yield from _renewals(connection, reader, ahead)
    yield from _undecided(connection, reader, today.isoformat())
    yield from _sites(connection, reader)
    yield from _tiers(connection, reader)
    yield from _reports(connection, reader, ahead)
    yield from _concerns(connection, reader)
    yield from _actions(connection, reader)
    yield from _incidents(connection, reader)
    yield from _unwatched(connection, reader)
    yield from _proposals(connection, reader)


def _seats(house: House, connection: Connection, reader: Reader) -> Iterator[Task]:
    """Interests to state and votes to cast, one's own and those one casts for others."""
    mine = or_(reviewers.c.person == reader.person, reviewers.c.delegate == reader.person)
    rows = select(reviewers.c.case).join(cases, cases.c.id == reviewers.c.case)
    for name in connection.execute(rows.where(mine, cases.c.state.in_(_WORKING)).distinct()).scalars().all():
        case: Case = governance.CASES.get(connection, name)
        use = USES.get(connection, case.use)
        if not may(reader, "case.vote", paths_of(connection, use)):
            continue
        found = docket_within(connection, reader, name)
        hands, seats = found.interested, found.reviewers
        if reader.person in hands:
            continue
        stale = count(found, verdict_of(house, connection, found)).stale if found.votes else frozenset()
        voted = {one.person for one in found.votes if one.id not in stale}
        again = {one.person for one in found.votes if one.id in stale}
        about = f"{use.name}, {case.checkpoint.value}"
        for one in seats:
            for_me = one.person == reader.person
            if not for_me and one.delegate != reader.person:
                continue
            said: dict[str, Any] = {"since": one.created_at, "due_on": case.due_on, "use": use.id}
            if for_me and one.conflict is Conflict.NOT_STATED:
                sentence = f"Say whether you have a conflict of interest: {about}"
                yield Task(duty=Duty.INTEREST, sentence=sentence, at=f"/reviews/{name}/interest", **said)
            elif one.person not in voted and one.conflict is Conflict.NONE and one.person not in hands:
                if for_me and why_not_vote(reader.person, seats, hands) is not None:
                    continue
                whose = "" if for_me else f" for {names_of(connection, [one.person]).get(one.person, one.person)}"
                anew = " again, since what is voted on changed" if one.person in again else ""
                yield Task(duty=Duty.VOTE, sentence=f"Vote{anew}{whose}: {about}", at=f"/reviews/{name}#part", **said)


def _presiding(house: House, connection: Connection, reader: Reader) -> Iterator[Task]:
    """Cases to bring on: nobody reviews them yet, or enough have voted."""
    if not may(reader, "case.change"):
        return
    theirs = or_(cases.c.chair == reader.person, cases.c.chair.is_(None))
    within = paths_for(reader, "review.read")
    for case in governance.every(
        connection, "case", cases.c.state.in_(_WORKING), theirs, governance.seen(governance.CASES, within)
    ):
        found = docket_within(connection, reader, case.id)
        if not may(reader, "case.change", paths_of(connection, found.use)):
            continue
        about = f"{found.use.name}, {case.checkpoint.value}"
        said: dict[str, Any] = {"since": case.created_at, "due_on": case.due_on, "use": case.use}
        if not found.reviewers and case.procedure.value == "full":
            if reader.person in found.interested:  # whoever has a hand in it does not choose who judges it
                continue
            at = f"/reviews/{case.id}/reviewers"
            yield Task(duty=Duty.REVIEWERS, sentence=f"Name who reviews: {about}", at=at, **said)
        elif reader.person not in found.interested and count(found, verdict_of(house, connection, found)).complete:
            sentence = f"Enough have voted; close the case: {about}"
            yield Task(duty=Duty.CLOSE, sentence=sentence, at=f"/reviews/{case.id}", **said)


def _questions(connection: Connection, reader: Reader) -> Iterator[Task]:
    """Questions that nobody answered, for who submitted the case or answers for the use."""
    if not may(reader, "case.remark"):
        return
    answer = remarks.alias()
    rows = connection.execute(
        select(remarks, cases.c.use, cases.c.due_on, uses.c.name)
        .join(cases, cases.c.id == remarks.c.case)
        .join(uses, uses.c.id == cases.c.use)
        .where(
            cases.c.state.in_(_WORKING),
            or_(cases.c.proposed_by == reader.person, uses.c.owner == reader.person),
            remarks.c.author != reader.person,
            remarks.c.answers.is_(None),
            ~exists(select(answer.c.id).where(answer.c.answers == remarks.c.id)),
        )
    )
    for row in rows:
        yield Task(
            duty=Duty.ANSWER,
            sentence=f"A question about {row.name} waits for an answer",
            at=f"/reviews/{row.case}/remarks?answers={row.id}",
            since=row.created_at,
            due_on=row.due_on,
            use=row.use,
            words=row.text,
        )


def _conditions(connection: Connection, reader: Reader) -> Iterator[Task]:
    rows = connection.execute(
        select(conditions, uses.c.name)
        .join(cases, cases.c.id == conditions.c.case)
        .join(uses, uses.c.id == conditions.c.use)
        .where(
            conditions.c.owner == reader.person,
            conditions.c.state == ConditionState.OPEN.value,
            cases.c.state == CaseState.DECIDED.value,
        )
    )
    for row in rows:
        yield Task(
            duty=Duty.CONDITION,
            sentence=f"You owe a condition of {row.name}",
            at=f"/reviews/{row.case}#conditions",
            since=row.created_at,
            due_on=row.due_on,
            use=row.use,
            words=row.sentence,
        )


def _handed_in(connection: Connection, reader: Reader) -> Iterator[Task]:
    """Documents that were handed in for a condition, for who presides and has no hand in the use."""
    if not may(reader, "case.change"):
        return
    for one in governance.every(connection, "condition", conditions.c.state == ConditionState.HANDED_IN.value):
        use = USES.get(connection, one.use)
        if reader.person in (one.owner, one.handed_in_by) or not may(reader, "case.change", paths_of(connection, use)):
            continue
        if reader.person in hand_in(connection, use, PRODUCTS.get(connection, use.product)):
            continue
        yield Task(
            duty=Duty.ACCEPT,
            sentence=f"A document was handed in for a condition of {use.name}: accept it, or hand it back",
            at=f"/conditions/{one.id}/close",
            since=one.handed_in_at or one.updated_at,
            due_on=one.due_on,
            use=use.id,
            words=one.sentence,
        )


def _pauses(connection: Connection, reader: Reader) -> Iterator[Task]:
    """Pauses that are proposed, for who answers for the use and who presides."""
    if not may(reader, "use.pause"):
        return
    for one in governance.every(connection, "pause_proposal", pause_proposals.c.state == PauseState.OPEN.value):
        use = USES.get(connection, one.use)
        places = paths_of(connection, use)
        if may(reader, "use.pause", places) and (use.owner == reader.person or may(reader, "case.change", places)):
            yield Task(
                duty=Duty.PAUSE,
                sentence=f"A pause of {use.name} is proposed: pause it, or say why it goes on",
                at=f"/pauses/{one.id}/confirm",
                since=one.created_at,
                due_on=one.created_at[:10],
                use=use.id,
            )


def _renewals(connection: Connection, reader: Reader, ahead: str) -> Iterator[Task]:
    """Decisions about what runs that end soon or have ended, for who answers for the use."""
    later = cases.alias()
    rows = connection.execute(
        select(cases.c.id, cases.c.use, cases.c.checkpoint, cases.c.decided_at, cases.c.expires_on, uses.c.name)
        .join(uses, uses.c.id == cases.c.use)
        .where(
            uses.c.owner == reader.person,
            uses.c.stage.in_(_RUNS),
            cases.c.state == CaseState.DECIDED.value,
            cases.c.outcome.in_([outcome.value for outcome in GRANTED]),
            cases.c.expires_on <= ahead,
            ~exists(select(later.c.id).where(later.c.supersedes == cases.c.id)),
            ~exists(
                select(later.c.id).where(
                    later.c.use == cases.c.use,
                    later.c.checkpoint == cases.c.checkpoint,
                    later.c.state.in_(_WORKING),
                )
            ),
        )
    )
    for row in rows:
        if may(reader, "case.create"):
            yield Task(
                duty=Duty.RENEWAL,
                sentence=f"The decision that {row.name} runs on ends",
                at=f"/reviews/new?use={row.use}&checkpoint={row.checkpoint}",
                since=row.decided_at,
                due_on=row.expires_on,
                use=row.use,
            )


def _undecided(connection: Connection, reader: Reader, today: str) -> Iterator[Task]:
    """What runs beyond what was decided, for who presides; what was there before anybody asked is on another page."""
    if not may(reader, "use.decide"):
        return
    since_then = OF.c.decision != Decision.LEGACY.value
    found = uncovered_by_use(connection, today, since_then)
    for name, use in USES.get_many(connection, sorted(found)).items():
        if not may(reader, "use.decide", paths_of(connection, use)):
            continue
        runs = found[name]
        yield Task(
            duty=Duty.UNDECIDED,
            sentence=f"{use.name} runs without a decision at {len(runs)} site{'s' * (len(runs) > 1)}",
            at=f"/uses/{name}#where",
            since=min(one.updated_at for one in runs),
            use=name,
        )


def _sites(connection: Connection, reader: Reader) -> Iterator[Task]:
    if not may(reader, "deployment.accept"):
        return
    there = to_accept(connection, reader.person)
    places = SITES.get_many(connection, [one.site for one in there])
    named = names_of(connection, [one.use for one in there])
    for one in there:
        if may(reader, "deployment.accept", [places[one.site].path]):
            sentence = f"Accept {named.get(one.use, one.use)} at {places[one.site].name}"
            yield Task(
                duty=Duty.SITE, sentence=sentence, at=f"/uses/{one.use}#where", since=one.created_at, use=one.use
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


def _reports(connection: Connection, reader: Reader, ahead: str) -> Iterator[Task]:
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
        span = f"{written_day(row.period_start)} to {written_day(row.period_end)}"
        yield Task(
            duty=Duty.REPORT,
            sentence=f"The report about {row.name} from {span} has not come",
            at=f"/uses/{row.use}/reports",
            since=row.created_at,
            due_on=row.due_on,
            use=row.use,
            words=row.partner_name,
        )


def _concerns(connection: Connection, reader: Reader) -> Iterator[Task]:
    """Concerns nobody has seen: for the site's clinician, else who answers for the use, else the office."""
    for one in governance.every(
        connection, "concern", concerns.c.state == ConcernState.RAISED.value, concerns.c.repeats.is_(None)
    ):
        if any(person.id == reader.person for person in who_sees(connection, one).people):
            use = None if one.use is None else USES.get(connection, one.use)
            what = "a use that nobody could name" if use is None else use.name
            yield Task(
                duty=Duty.CONCERN,
                sentence=f"A concern about {what} ({one.category.value}; {one.severity.value})",
                at=f"/incidents/{one.id}",
                since=one.raised_at,
                due_on=one.see_by[:10],
                use=one.use,
            )


def _actions(connection: Connection, reader: Reader) -> Iterator[Task]:
    open_ones = (corrective_actions.c.owner == reader.person, corrective_actions.c.done_on.is_(None))
    for one in governance.every(connection, "corrective_action", *open_ones):
        yield Task(
            duty=Duty.ACTION,
            sentence=f"You owe a {one.kind.value} action",
            at=f"/incidents/{one.concern}",
            since=one.created_at,
            due_on=one.due_on,
            use=one.use,
            words=one.sentence,
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


def _unwatched(connection: Connection, reader: Reader) -> Iterator[Task]:
    """Uses that reach patients and that no monitor follows, for who answers for them."""
    if not may(reader, "monitor.create"):
        return
    for use in unwatched(connection, paths_for(reader, "monitor.create"), owner=reader.person):
        yield Task(
            duty=Duty.WATCH,
            sentence=f"{use.name} is {use.stage.value} and nothing watches it: plan its monitoring",
            at=f"/uses/{use.id}",
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
