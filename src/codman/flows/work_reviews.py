"""What of reviews and decisions waits for one person: seats, cases, conditions, pauses, what runs undecided."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import tzinfo
from typing import Any, Final

from sqlalchemy import Connection, and_, exists, or_, select

from codman.flows.house import House
from codman.flows.review.cases import WORKING, docket_within
from codman.flows.review.conditions import last_day
from codman.flows.review.pausing import own_hand
from codman.flows.review.policies import kept
from codman.flows.review.staging import ready_for
from codman.flows.review.voting import count, verdict_of
from codman.flows.superseded import lapsed, ran_out
from codman.flows.task import Duty, Task
from codman.jobs.times import instant
from codman.registry import governance
from codman.registry.access import Reader, may, paths_for
from codman.registry.interests import filers_of, hand_in, interested
from codman.registry.inventory import paths_of
from codman.registry.mine import how_granted, named_as_clinician
from codman.registry.names import names_of
from codman.registry.nouns import PRODUCTS, USES
from codman.registry.schema import uses
from codman.registry.schema_review import (
    cases,
    conditions,
    pause_proposals,
    remarks,
    reviewers,
    votes,
)
from codman.registry.undecided import OF, uncovered_by_use
from codman.review.committee import floor_for
from codman.review.votes import unseated, why_not_vote
from codman.spine.day import start_of
from codman.spine.pausing import PauseState
from codman.spine.review import GRANTED, Case, CaseState, ConditionState, Conflict, Procedure, Reviewer
from codman.spine.use import RUNNING, Decision, Stage

_WORKING: Final = [state.value for state in WORKING]
_RUNS: Final = [stage.value for stage in RUNNING]
_BEFORE_LIVE: Final = [Stage.IN_REVIEW.value, Stage.SILENT.value, Stage.PILOT.value]


def of_reviews(house: House, connection: Connection, reader: Reader, ahead: str, today: str) -> Iterator[Task]:
    """Everything that reviews and decisions ask of somebody.

    Args:
        house: The open house.
        connection: A connection in a transaction.
        reader: Who.
        ahead: The last day of what waits already, ISO 8601.
        today: The day.
    """
    yield from _seats(house, connection, reader)
    yield from _presiding(house, connection, reader)
    yield from _questions(connection, reader)
    yield from _conditions(connection, reader)
    yield from _handed_in(connection, reader)
    yield from _pauses(connection, reader)
    yield from _renewals(connection, reader, today, ahead, house.database.zone)
    yield from _ready(connection, reader, house.database.clock().isoformat(), house.database.zone)
    yield from _undecided(connection, reader, today, house.database.zone)


def _seats(house: House, connection: Connection, reader: Reader) -> Iterator[Task]:
    """Interests to state and votes to cast, one's own and those one casts for others."""
    mine = or_(reviewers.c.person == reader.person, reviewers.c.delegate == reader.person)
    rows = select(reviewers.c.case).join(cases, cases.c.id == reviewers.c.case)
    for name in connection.execute(rows.where(mine, cases.c.state.in_(_WORKING)).distinct()).scalars().all():
        case: Case = governance.CASES.get(connection, name)
        use = USES.get(connection, case.use)
        if not may(reader, "case.vote", paths_of(connection, use, case.sites)):
            continue
        found = docket_within(connection, reader, name)
        hands, seats = found.interested, found.reviewers
        if reader.person in hands:
            continue
        stale = count(found, verdict_of(house, connection, found)).stale if found.votes else frozenset()
        hand = {(one.person, whose) for one in seats for whose in (one.person, one.delegate)}
        voted = {one.person for one in found.votes if one.id not in stale and (one.person, one.cast_by) in hand}
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
    working = governance.every(
        connection, "case", cases.c.state.in_(_WORKING), theirs, governance.seen(governance.CASES, within)
    )
    named, voted = _seats_and_votes(connection, [case.id for case in working])
    held = USES.get_many(connection, sorted({case.use for case in working}))
    for case in working:
        use = held[case.use]
        if not may(reader, "case.change", paths_of(connection, use, case.sites)):
            continue
        emergency = case.procedure is Procedure.EMERGENCY  # it is due at once
        about = f"{use.name}, {case.checkpoint.value}{', in an emergency' * emergency}"
        due = case.due_on or (case.created_at[:10] if emergency else None)
        said: dict[str, Any] = {"since": case.created_at, "due_on": due, "use": case.use}
        seats, to_name = named.get(case.id, []), f"/reviews/{case.id}/reviewers"
        hands = interested(connection, case, use, PRODUCTS.get(connection, use.product))
        if reader.person in hands:  # whoever has a hand in it does not choose who judges it, nor closes it
            continue
        if not seats and not emergency:
            yield Task(duty=Duty.REVIEWERS, sentence=f"Name who reviews: {about}", at=to_name, **said)
            continue
        # where nobody voted yet nothing but an emergency can be closed, and what is on the table need not be judged
        found = docket_within(connection, reader, case.id) if case.id in voted or emergency else None
        floor = floor_for(use.tier, kept(connection, case.policy_digest))
        asked = unseated(case, seats, {*hands, *(found.gone if found else ())}, floor) if seats else ()
        if asked:
            sentence = f"Nobody reviews it as {' or as '.join(asked)}, so no vote can decide it; name somebody: {about}"
            yield Task(duty=Duty.REVIEWERS, sentence=sentence, at=to_name, **said)
        elif found is not None and count(found, verdict_of(house, connection, found)).complete:
            done = "Enough have voted; close the case" if found.votes else "Nothing more is waited for; close the case"
            yield Task(duty=Duty.CLOSE, sentence=f"{done}: {about}", at=f"/reviews/{case.id}", **said)


def _seats_and_votes(connection: Connection, names: Sequence[str]) -> tuple[dict[str, list[Reviewer]], set[str]]:
    """Who reviews each of some cases, and in which of them somebody has voted."""
    named: dict[str, list[Reviewer]] = defaultdict(list)
    for one in governance.every(connection, "reviewer", reviewers.c.case.in_(names)):
        named[one.case].append(one)
    voted = connection.execute(select(votes.c.case).where(votes.c.case.in_(names)).distinct())
    return named, set(voted.scalars())


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
    """Conditions that somebody owes: open ones, and lapsed ones until something meets them or a decision follows."""
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
        by_word = row.requirement is None and row.document is None
        sentence, words = f"You owe a condition of {row.name}", row.sentence
        if row.said_done_at is not None:
            sentence = f"You said that a condition of {row.name} is done; it is open until who presides closes it"
        elif row.returned_at is not None:
            sentence = f"A condition of {row.name} came back to you: it is not done"
            words = f"{row.sentence} – {row.note}"
        yield Task(
            duty=Duty.CONDITION,
            sentence=sentence,
            at=f"/conditions/{row.id}/done" if by_word else f"/reviews/{row.case}#conditions",
            since=row.said_done_at or row.returned_at or row.created_at,
            due_on=row.due_on,
            use=row.use,
            words=words,
        )
    for one in lapsed(connection, conditions.c.owner == reader.person):
        use = USES.get(connection, one.use)
        yield Task(
            duty=Duty.CONDITION,
            sentence=f"A condition that you owe of {use.name} lapsed: bring what it asks, and have it decided anew",
            at=f"/reviews/{one.case}#conditions",
            since=one.closed_at or one.created_at,
            due_on=one.due_on,
            use=one.use,
            words=one.sentence,
        )


def _handed_in(connection: Connection, reader: Reader) -> Iterator[Task]:
    """Documents handed in for a condition, and owners' words that one is done: for who presides, with no hand in it."""
    if not may(reader, "case.change"):
        return
    said = and_(conditions.c.state == ConditionState.OPEN.value, conditions.c.said_done_at.is_not(None))
    waits = or_(conditions.c.state == ConditionState.HANDED_IN.value, said)
    for one in governance.every(connection, "condition", waits):
        use = USES.get(connection, one.use)
        places = paths_of(connection, use, governance.CASES.get(connection, one.case).sites)
        if reader.person in (one.owner, one.handed_in_by) or not may(reader, "case.change", places):
            continue
        if reader.person in hand_in(connection, use, PRODUCTS.get(connection, use.product)):
            continue
        if one.handed_in is not None and reader.person in filers_of(connection, one.handed_in):
            continue
        paper = one.state is ConditionState.HANDED_IN
        came = (
            "A document was handed in for a condition of"
            if paper
            else "Who owes it says that it is done, a condition of"
        )
        yield Task(
            duty=Duty.ACCEPT,
            sentence=f"{came} {use.name}: {'accept it, or hand it back' if paper else 'close it, or give it back'}",
            at=f"/conditions/{one.id}/close",
            since=one.handed_in_at or one.said_done_at or one.updated_at,
            due_on=last_day(one),
            use=use.id,
            words=one.sentence if paper else f"{one.sentence} – {one.said_done}",
        )


def _pauses(connection: Connection, reader: Reader) -> Iterator[Task]:
    """Pauses that are proposed, for who answers for the use, its sites' accountable clinicians and who presides."""
    if not may(reader, "use.pause"):
        return
    clinical = {one.use for one in named_as_clinician(connection, reader.person)}
    for one in governance.every(connection, "pause_proposal", pause_proposals.c.state == PauseState.OPEN.value):
        use = USES.get(connection, one.use)
        places = paths_of(connection, use)
        office = any(may(reader, "case.change", [place]) for place in places)  # of one site: enough to stop it
        if may(reader, "use.pause", places) and (use.owner == reader.person or office or use.id in clinical):
            goes_on = may(reader, "case.change", places) and own_hand(connection, reader, one) is None
            yield Task(
                duty=Duty.PAUSE,
                sentence=f"A pause of {use.name} is proposed: pause it{', or say why it goes on' * goes_on}",
                at=f"/pauses/{one.id}/confirm",
                since=one.created_at,
                due_on=one.created_at[:10],
                use=use.id,
            )


def _renewals(connection: Connection, reader: Reader, today: str, ahead: str, zone: tzinfo) -> Iterator[Task]:
    """Decisions about what runs that end soon or have ended, for who answers for the use."""
    if not may(reader, "case.create"):
        return
    mine = select(uses.c.id).where(uses.c.owner == reader.person, uses.c.stage.in_(_RUNS))
    another = cases.alias()
    asked = exists(
        select(another.c.id).where(
            another.c.use == cases.c.use, another.c.checkpoint == cases.c.checkpoint, another.c.state.in_(_WORKING)
        )
    )
    found = ran_out(connection, ahead, cases.c.use.in_(mine), ~asked)
    named = USES.get_many(connection, [one.use for one in found])
    for one in found:
        ends = one.expires_on or ahead
        emergency = one.procedure is Procedure.EMERGENCY  # it ends within days: hours matter
        yield Task(
            duty=Duty.RENEWAL,
            sentence=f"The {'emergency ' * emergency}decision that {named[one.use].name} runs on "
            f"{'has ended' if ends <= today else 'ends'}",
            at=f"/reviews/new?use={one.use}&checkpoint={one.checkpoint.value}",
            since=one.decided_at or one.created_at,
            due_on=ends,
            due_at=instant(start_of(ends, zone)) if emergency else None,
            use=one.use,
        )


def _ready(connection: Connection, reader: Reader, at: str, zone: tzinfo) -> Iterator[Task]:
    """Uses that lack nothing to go where it was decided that they may, for who takes them there."""
    if not may(reader, "use.decide"):
        return
    decided = select(cases.c.use).where(
        cases.c.state == CaseState.DECIDED.value,
        cases.c.outcome.in_([outcome.value for outcome in GRANTED]),
        cases.c.leads_to.in_(_RUNS),
    )
    ahead = select(uses.c.id).where(uses.c.id.in_(decided), uses.c.stage.in_(_BEFORE_LIVE)).order_by(uses.c.id)
    for use in USES.get_many(connection, connection.execute(ahead).scalars().all()).values():
        if not may(reader, "use.decide", paths_of(connection, use)):
            continue
        to = ready_for(connection, use, at, zone)
        if to is not None:
            yield Task(
                duty=Duty.MOVE,
                sentence=f"{use.name} lacks nothing to be {to.value}: take it there",
                at=f"/uses/{use.id}/stage?to={to.value}",
                since=use.updated_at,
                use=use.id,
            )


def _undecided(connection: Connection, reader: Reader, today: str, zone: tzinfo) -> Iterator[Task]:
    """What runs beyond what was decided, for who presides; what was there before anybody asked is on another page."""
    if not may(reader, "use.decide"):
        return
    since_then = OF.c.decision != Decision.LEGACY.value
    found = uncovered_by_use(connection, today, since_then)
    granted = how_granted(connection, sorted(found), today)
    for name, use in USES.get_many(connection, sorted(found)).items():
        if not may(reader, "use.decide", paths_of(connection, use)):
            continue
        runs = found[name]
        since = min(one.updated_at for one in runs)
        if name in granted and (ended := granted[name].ended_on) is not None:
            since = max(since, instant(start_of(ended, zone)))
        yield Task(
            duty=Duty.UNDECIDED,
            sentence=f"{use.name} runs without a decision at {len(runs)} site{'s' * (len(runs) > 1)}",
            at=f"/uses/{name}#where",
            since=since,
            use=name,
        )
