"""Votes: who may vote in a case, when enough have, and what they add up to. No database: records in, an answer out.

Separation of duties: who built the product, submitted the case or answers for the use decides nothing about it. A
conflict of interest takes the vote, not the voice. A delegate casts the vote of who named them and no second one. A
vote says yes to what was on the table: what is asked, its sites, its conditions, how each requirement stood and on what
evidence. Where one of them is another since, the vote stays where it is and does not count until it is cast again; who
changes what is voted on rids nobody of a vote against, since nothing is granted before its voter could cast it again.
Nor is a vote against lost when its voter may vote no more: it stays against until somebody of their discipline, named
since, votes in their place.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from codman.evidence.canonical import canonical, sha256
from codman.review.committee import Floor, is_there
from codman.spine.review import (
    Acceptance,
    Case,
    CaseOutcome,
    CaseState,
    Choice,
    Condition,
    ConditionState,
    Conflict,
    Procedure,
    Reviewer,
    Vote,
)
from codman.spine.use import Stage
from codman.spine.verdict import Verdict

COUNTED: Final = frozenset({Choice.APPROVE, Choice.WITH_CONDITIONS, Choice.DEFER, Choice.REJECT})
AGAINST: Final = frozenset({Choice.DEFER, Choice.REJECT})
FEWEST: Final[Mapping[Procedure, int]] = {Procedure.FULL: 2, Procedure.EXPEDITED: 1, Procedure.EMERGENCY: 0}


@dataclass(frozen=True, slots=True)
class Tally:
    """What the votes of a case add up to."""

    counts: Mapping[Choice, int]
    cast: int  # abstentions left out
    lacking: tuple[str, ...]  # what is still needed before it can be closed, in words
    leads: Choice | None  # what most of them say; None without a majority
    counted: frozenset[str] = frozenset()  # votes that count, by id
    stale: frozenset[str] = frozenset()  # votes cast on something that has changed since
    voters: frozenset[str] = frozenset()  # who cast those that count
    asked_again: frozenset[str] = frozenset()  # whose votes are stale and would have counted
    asked_again_at: str | None = None  # since when they could vote on what is there now; None if nobody did yet
    held: frozenset[str] = frozenset()  # of those that count: votes against of who may vote no more

    @property
    def complete(self) -> bool:
        """Whether the case can be closed."""
        return not self.lacking


def why_not_vote(
    person: str, reviewers: Sequence[Reviewer], interested: Mapping[str, str], delegates: Collection[str] = ()
) -> str | None:
    """Why somebody may not vote; None where they may.

    Args:
        person: Who would cast it.
        reviewers: Everybody named for the case.
        interested: People who may not decide, each with why: built it, submitted it, answers for it.
        delegates: People who cast votes for others in this case.
    """
    if person in interested:
        return f"you {interested[person]}: others decide"
    own = next((one for one in reviewers if one.person == person), None)
    if own is None and person not in delegates:
        return "you are not named as a reviewer of this case"
    if own is not None and own.conflict is Conflict.CONFLICT:
        return "you declared a conflict of interest: ask and comment, and leave the vote to others"
    if own is not None and own.conflict is Conflict.NOT_STATED:
        return "say first whether you have a conflict of interest"
    if own is not None and own.delegate is not None:
        return "you named a delegate for this case: take the delegation back to vote yourself"
    return None


def on_the_table(
    case: Case,
    conditions: Sequence[Condition],
    acceptances: Sequence[Acceptance],
    verdict: Verdict,
    facts: Sequence[str | None] = (),
) -> str:
    """What a vote is cast on, as a digest: another stage, site, plan, condition, outcome or evidence gives another.

    Args:
        case: What is asked.
        conditions: What an approval would ask for.
        acceptances: What was accepted in writing.
        verdict: How each requirement stands.
        facts: What its policy was chosen by: the use's tier, its setting, the kind of its product; and what else it is
            about: the version's label and digest, the population, the change plans laid before it.
    """
    asked = ("sentence", "owner", "due_on", "requirement", "document", "patients_needed")
    open_ones = [one for one in conditions if one.state in (ConditionState.OPEN, ConditionState.HANDED_IN)]
    return sha256(
        canonical(
            {
                "leads_to": case.leads_to.value,
                "sites": sorted(case.sites),
                "planned": {site: mode.value for site, mode in case.planned.items()},
                "version": case.version,
                "policy": case.policy_digest,
                "facts": list(facts),
                "conditions": sorted(canonical([getattr(one, field) for field in asked]).decode() for one in open_ones),
                "accepted": sorted(one.requirement for one in acceptances),
                "requirements": [[r.id, r.outcome.value, r.finding.evidence] for r in verdict.results],
            }
        )
    )


def tally(
    case: Case,
    reviewers: Sequence[Reviewer],
    votes: Sequence[Vote],
    interested: Collection[str] = (),
    *,
    floor: Floor | None = None,
    on: str | None = None,
    touched_at: str = "",
    gone: Collection[str] = (),
) -> Tally:
    """Add up the votes that count.

    A vote counts only while whoever it belongs to is a reviewer without a conflict, and neither they nor who cast it is
    interested or gone; what two people cast for one counts once, and one person's hand never counts twice. A vote
    against whose voter became interested or left after casting it stays against: it weighs in the majority, makes up
    no quorum and no discipline, and goes once somebody of that discipline, named since, votes in their place.

    Args:
        case: What it is about.
        reviewers: Everybody named for it.
        votes: Every vote cast in it.
        interested: People who may not decide.
        floor: The least that such a use takes; the case may ask for more.
        on: What is on the table, as `on_the_table` gives it: votes cast on something else do not count. None counts
            them whatever they were cast on.
        touched_at: When what is on the table was last changed by a person.
        gone: People whose account is closed, or who may no longer vote for this use.
    """
    out = {*interested, *gone}
    named = {one.person: one for one in reviewers if one.conflict is Conflict.NONE and one.person not in out}
    good: dict[str, Vote] = {}
    hands: set[str] = set()
    stale = frozenset(vote.id for vote in votes if on is not None and vote.cast_on != on)
    for vote in sorted(votes, key=lambda v: (v.updated_at, v.id)):
        owner = named.get(vote.person)
        if vote.id in stale or owner is None or vote.cast_by in out or vote.cast_by in hands:
            continue
        if vote.cast_by not in (vote.person, owner.delegate):
            continue
        good[vote.person] = vote
        hands.add(vote.cast_by)
    cast = sum(vote.choice in COUNTED for vote in good.values())
    held = _held(case, reviewers, votes, good, out, stale)
    stale -= {vote.id for vote in held}
    counts = Counter(vote.choice for vote in (*good.values(), *held))
    matters = AGAINST if case.procedure is Procedure.EMERGENCY else COUNTED  # there nobody has to vote
    again = frozenset(v.person for v in votes if v.id in stale and v.person in named and v.choice in matters)
    return Tally(
        counts=counts,
        cast=cast,
        lacking=tuple(_lacking(case, named, good, held, floor or Floor(), len(stale))),
        leads=_leads(counts, cast + len(held)),
        counted=frozenset(vote.id for vote in (*good.values(), *held)),
        held=frozenset(vote.id for vote in held),
        stale=stale,
        voters=frozenset(hands),
        asked_again=again,
        asked_again_at=max(touched_at, min(vote.updated_at for vote in good.values())) if again and good else None,
    )


def _held(
    case: Case,
    reviewers: Sequence[Reviewer],
    votes: Sequence[Vote],
    good: Mapping[str, Vote],
    out: Collection[str],
    stale: Collection[str],
) -> list[Vote]:
    """Votes against that were cast in good standing, of people who may vote no more and whom nobody replaces."""
    open_still = case.state in (CaseState.OPEN, CaseState.VOTING)
    seats = {one.person: one for one in reviewers if one.conflict is not Conflict.CONFLICT}
    free = [seats[person] for person, vote in good.items() if vote.choice in COUNTED and vote.cast_by == person]
    held = []
    for vote in sorted(votes, key=lambda v: (v.updated_at, v.id)):
        seat = seats.get(vote.person)
        left = vote.person in out or vote.cast_by in out
        if seat is None or not left or vote.choice not in AGAINST or (vote.id in stale and not open_still):
            continue
        instead = next(
            (one for one in free if one.created_at > vote.updated_at and is_there(seat.discipline, [one.discipline])),
            None,
        )
        if instead is None:
            held.append(vote)
        else:
            free.remove(instead)
    return held


def unseated(
    case: Case, reviewers: Sequence[Reviewer], out: Collection[str], floor: Floor | None = None
) -> tuple[str, ...]:
    """The disciplines of which a case needs a vote and that nobody named for it could give, whoever votes.

    Args:
        case: What it is about.
        reviewers: Everybody named for it.
        out: People whose vote cannot count: they are interested or gone.
        floor: The least that such a use takes.
    """
    if case.procedure is not Procedure.FULL:
        return ()
    # a delegate has not their discipline
    there = [
        one.discipline
        for one in reviewers
        if one.conflict is not Conflict.CONFLICT and one.person not in out and one.delegate is None
    ]
    asked = (floor or Floor()).more(case.quorum, case.disciplines)
    return tuple(one for one in asked.disciplines if not is_there(one, there))


def _lacking(
    case: Case, named: Mapping[str, Reviewer], good: Mapping[str, Vote], held: Sequence[Vote], floor: Floor, stale: int
) -> list[str]:
    lacking = []
    cast = sum(vote.choice in COUNTED for vote in good.values())
    asked = floor.more(case.quorum, case.disciplines)
    needed = FEWEST[case.procedure]
    if case.procedure is Procedure.FULL:
        needed = max(needed, asked.voters)
    if cast < needed:
        more = needed - cast
        lacking.append(f"{more} more {'vote' if more == 1 else 'votes'} ({cast} of {needed} needed)")
        if stale:
            again = "a vote was" if stale == 1 else f"{stale} votes were"
            lacking[-1] += f"; {again} cast before what was voted on changed, and must be cast again"
    if case.procedure is Procedure.FULL:
        themselves = [person for person, vote in good.items() if vote.choice in COUNTED and vote.cast_by == person]
        there = [named[person].discipline for person in themselves]  # a delegate has not their discipline
        lacking += [f"a vote from {one}" for one in asked.disciplines if not is_there(one, there)]
    weigh = [*good.values(), *held]
    if cast and _leads(Counter(vote.choice for vote in weigh), cast + len(held)) is None:
        lacking.append("a majority: the votes are divided")
        if held:
            many = "one against is" if len(held) == 1 else f"{len(held)} against are"
            lacking[-1] += f"; {many} of people who may vote no more, and stays until another of that discipline votes"
    return lacking


def _leads(counts: Mapping[Choice, int], cast: int) -> Choice | None:
    """What more than half of them say. Who approves outright agrees to conditions too."""
    yes = counts.get(Choice.APPROVE, 0) + counts.get(Choice.WITH_CONDITIONS, 0)
    if 2 * yes > cast:
        return Choice.APPROVE if counts.get(Choice.WITH_CONDITIONS, 0) == 0 else Choice.WITH_CONDITIONS
    for choice in (Choice.REJECT, Choice.DEFER):
        if 2 * counts.get(choice, 0) > cast:
            return choice
    no = counts.get(Choice.REJECT, 0) + counts.get(Choice.DEFER, 0)
    return Choice.DEFER if 2 * no > cast else None


def may_end(asks: Stage) -> frozenset[CaseOutcome]:
    """How a case that asks for a stage may end at all: only one that asks for a retirement ends as one."""
    if asks is Stage.RETIRED:
        return frozenset({CaseOutcome.RETIRED, CaseOutcome.DEFERRED, CaseOutcome.REJECTED})
    return frozenset(CaseOutcome) - {CaseOutcome.RETIRED}


def why_not_outcome(outcome: CaseOutcome, votes: Tally, conditions: int, asks: Stage | None = None) -> str | None:
    """Why a case cannot be closed like this; None where it can.

    Args:
        outcome: How it would end.
        votes: What the votes add up to.
        conditions: How many conditions it names.
        asks: The stage the case asks for; a retirement needs a case that asks for one.
    """
    if votes.lacking:
        return "it still needs " + ", ".join(votes.lacking)
    if asks is not None and outcome not in may_end(asks):
        if asks is Stage.RETIRED:
            return "it asks for a retirement: it ends as retired, deferred or rejected"
        return f"it asks for {asks.value}, and nobody voted on a retirement"
    allowed: Mapping[Choice | None, frozenset[CaseOutcome]] = {
        Choice.APPROVE: frozenset({CaseOutcome.APPROVED, CaseOutcome.CONDITIONAL, CaseOutcome.RETIRED}),
        Choice.WITH_CONDITIONS: frozenset({CaseOutcome.CONDITIONAL, CaseOutcome.RETIRED}),
        Choice.DEFER: frozenset({CaseOutcome.DEFERRED}),
        Choice.REJECT: frozenset({CaseOutcome.REJECTED}),
        None: frozenset(CaseOutcome),  # nobody had to vote: an emergency
    }
    if outcome not in allowed[votes.leads]:
        said = "nothing" if votes.leads is None else votes.leads.value
        return f"the votes say {said!r}, and that does not carry {outcome.value!r}"
    if outcome is CaseOutcome.CONDITIONAL and not conditions:
        return "it names no condition: write at least one, with an owner and a day"
    return None
