"""Votes: cast by who may, changed until the case is closed, never after."""

from __future__ import annotations

from sqlalchemy import Connection

from codman.errors import CodmanError
from codman.flows.house import House
from codman.flows.review.cases import WORKING, Docket, NotYours, docket_within, working
from codman.flows.review.evidence import exhibits_of, judged
from codman.flows.review.meant import require_meant
from codman.registry.access import Reader
from codman.registry.database import Change
from codman.registry.governance import CASES, VOTES
from codman.registry.records import BadField, Stale
from codman.review.votes import Tally, on_the_table, tally, why_not_vote
from codman.spine.exclusion import ExclusionState
from codman.spine.review import CaseState, Choice, Conflict, Vote
from codman.spine.verdict import Verdict


class CaseChanged(Stale):
    """A vote or a decision on something that nobody read: it changed after the page was opened."""

    def __init__(self) -> None:
        why = "a site, a condition, the evidence, a plan or the use itself is another than on the page that was read"
        fix = "read the case again, and go by what it says now"
        CodmanError.__init__(self, what="what is voted on was changed meanwhile", why=why, fix=fix)
        self.current = None


def cast(
    house: House,
    reader: Reader,
    case: str,
    choice: Choice,
    *,
    on: str,
    reason: str | None = None,
    of: str | None = None,
    revision: int | None = None,
    request: str | None = None,
) -> Vote:
    """Cast one's vote, or that of somebody who named one their delegate; a second time changes it.

    It is cast on what the voter read, and does not count once something else is on the table.

    Args:
        house: The open house.
        reader: Who casts it.
        case: In which case.
        choice: The vote.
        on: What they read, a digest as `table` gives it.
        reason: Why; needed for a vote against.
        of: Whose vote it is; the reader's own without.
        revision: The revision of the vote they saw, where there is one.
        request: The request it came with, for the log.

    Raises:
        NotAllowed: They may not vote for this use.
        NotYours: They have a hand in it, a conflict of interest, or no seat in this case.
        CaseClosed: It is decided or withdrawn.
        BadField: A vote against gives no reason.
        Stale: The vote was changed since they looked.
        AnotherPolicy: Another policy is meant for the use as it is now.
        MoreIsAsked: A decision since asks more of the change that it is about.
        CaseChanged: What is on the table is another than they read.
    """
    with house.database.changing(reader.author(request)) as change:
        found = working(change.connection, reader, case, "case.vote")
        owner = _whose(found, reader, of)
        if choice in (Choice.REJECT, Choice.DEFER) and not (reason or "").strip():
            raise BadField("vote", "reason", "a vote against, or to defer, says why")
        if on != table_of(found, verdict_of(house, change.connection, found)):
            raise CaseChanged
        require_meant(house, change.connection, found)
        said = {"choice": choice.value, "reason": reason, "cast_by": reader.person, "cast_on": on}
        there = next((vote for vote in found.votes if vote.person == owner), None)
        if there is None:
            _begin(change, found)
            return VOTES.add(change, VOTES.validated({**said, "case": case, "person": owner}))
        return VOTES.change(change, there.id, said, revision)


def _whose(found: Docket, reader: Reader, of: str | None) -> str:
    """Whose vote is cast, if the reader may cast it."""
    owner = of or reader.person
    delegates = {one.delegate for one in found.reviewers if one.delegate is not None}
    why = why_not_vote(reader.person, found.reviewers, found.interested, delegates)
    if why is not None:
        unsaid = why.startswith("say first")
        raise NotYours(why, "state your interest in this case, then vote") if unsaid else NotYours(why)
    named = next((one for one in found.reviewers if one.person == owner), None)
    if owner == reader.person and named is not None:
        return owner
    if named is None or named.delegate != reader.person:
        raise NotYours("they did not name you their delegate in this case", "ask them to name you, or let them vote")
    if named.conflict is not Conflict.NONE or owner in found.interested:
        raise NotYours("whose vote this is has a hand in the use, or has not said that they have none")
    return owner


def _begin(change: Change, found: Docket) -> None:
    if found.case.state is CaseState.OPEN:
        CASES.change(change, found.case.id, {"state": CaseState.VOTING.value}, None)


def verdict_of(house: House, connection: Connection, found: Docket) -> Verdict:
    """The case's own policy held against what the book holds now."""
    exhibits = exhibits_of(house, connection, found.use)
    now = house.database.clock()
    return judged(
        exhibits,
        found.policy,
        found.use,
        found.product,
        version=found.case.version,
        at=now,
        chosen=True,
        excluded=found.excluded,
    )


def table(house: House, reader: Reader, case: str) -> str:
    """What is on the table now, as a digest, for who reads the case and votes on it.

    Raises:
        NotAllowed: They may read no case.
        NoSuchRecord: There is none of that name within their reach.
    """
    with house.database.reading() as connection:
        found = docket_within(connection, reader, case)
        return table_of(found, verdict_of(house, connection, found))


def table_of(found: Docket, verdict: Verdict) -> str:
    """What is on the table in a case, as a digest: what a vote that is cast now is cast on."""
    passed_over = sorted(one.record.id for one in found.excluded.values())
    facts = [found.use.tier, found.setting, found.product.kind, *found.about, *passed_over]
    return on_the_table(found.case, found.conditions, found.acceptances, verdict, facts)


def count(found: Docket, verdict: Verdict) -> Tally:
    """What the votes of a case add up to: in an open one as it stands now, in a closed one as it was closed."""
    working_on = found.case.state in WORKING
    on = table_of(found, verdict) if working_on else found.case.voted_on
    answered = [one for one in found.exclusions if one.state in (ExclusionState.STANDING, ExclusionState.ENDED)]
    said = (found.case, *found.conditions, *found.acceptances, *answered)
    touched = max([found.changed_at, *(one.updated_at for one in said)])
    return tally(
        found.case,
        found.reviewers,
        found.votes,
        found.interested,
        floor=found.floor,
        on=on,
        touched_at=touched,
        gone=found.gone if working_on else (),  # who leaves later undoes no decision
    )
