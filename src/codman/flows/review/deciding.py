"""decide: close a case. Votes, evidence and conditions as they stand, signed in the closer's name, in one change."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date, datetime, timedelta
from typing import Final

from sqlalchemy import Connection, select

from codman.evidence.canonical import canonical, sha256
from codman.evidence.statements import build, canonical_statement, read_bytes
from codman.flows.decided import changes_until
from codman.flows.filing import file_own
from codman.flows.house import House
from codman.flows.notary import sign_within
from codman.flows.planning import still_ahead
from codman.flows.review.admitted import with_what_was_unknown
from codman.flows.review.aftermath import follow_decision
from codman.flows.review.cases import CannotDecide as CannotDecide
from codman.flows.review.cases import (
    Docket,
    NotYours,
    docket_within,
    drop_conditions,
    require_impartial,
    working,
)
from codman.flows.review.meant import require_grantable
from codman.flows.review.voting import CaseChanged, count, table_of
from codman.flows.review.voting import verdict_of as verdict_of
from codman.jobs.times import instant
from codman.registry import governance
from codman.registry.about import Known
from codman.registry.access import Reader, require
from codman.registry.database import Change
from codman.registry.governance import CASES
from codman.registry.inventory import paths_of
from codman.registry.namesakes import same_product
from codman.registry.nouns import PEOPLE, SITES, VERSIONS
from codman.registry.records import BadField
from codman.registry.schema import uses
from codman.registry.schema_review import cases
from codman.review.clocks import clocks
from codman.review.committee import vote_again_work_days
from codman.review.terms import KIND_OF, TERMS
from codman.review.votes import Tally, why_not_outcome
from codman.spine.day import day_in, start_of, written_day
from codman.spine.record_statements import DecidedRequirement, DecisionPredicate, Meaning, PlannedSite
from codman.spine.review import (
    APPROVALS,
    GRANTED,
    Case,
    CaseOutcome,
    CaseState,
    ConditionState,
    Procedure,
)
from codman.spine.statement import Digest, Kind, Subject
from codman.spine.verdict import Outcome, Result, Verdict

_A_YEAR: Final = 365  # a decision of the whole committee is looked at again within it
_KEPT: Final = frozenset({Outcome.MET, Outcome.NOT_APPLICABLE})
_MEANING: Final[Mapping[CaseOutcome, Meaning]] = {
    CaseOutcome.APPROVED: Meaning.APPROVAL,
    CaseOutcome.CONDITIONAL: Meaning.APPROVAL,
    CaseOutcome.RETIRED: Meaning.APPROVAL,
    CaseOutcome.DEFERRED: Meaning.REVIEW,
    CaseOutcome.REJECTED: Meaning.DISAPPROVAL,
}


def decide(
    house: House,
    reader: Reader,
    case: str,
    revision: int,
    outcome: CaseOutcome,
    reasons: str,
    *,
    on: str | None = None,
    expires_on: str | None = None,
    request: str | None = None,
) -> Case:
    """Close a case and sign the decision.

    Args:
        house: The open house.
        reader: Who closes it, freshly signed in; no hand in the use.
        case: Which case.
        revision: The revision they saw.
        outcome: How it ends; the votes must carry it.
        reasons: Why.
        on: What they read, a digest as `voting.table` gives it; only the case's own revision is looked at without.
        expires_on: From when it stands no more; at most as long as its procedure allows, a change at most as long as
            what it changes, and that long without it.
        request: The request it came with, for the log.

    Returns:
        The closed case; its `decision` is the digest of the signed statement.

    Raises:
        NotAllowed: They may not decide here, or their sign-in is not fresh.
        NotYours: They have a hand in the use, or another presides.
        CaseClosed: It is decided or withdrawn.
        Stale: It was changed since they looked.
        CaseChanged: What is on the table is another than they read.
        CannotDecide: Votes or evidence do not carry it, or fewer than two people would have decided.
        BadField: It grants something in an emergency about which nothing is known, and no sentence says why.
        AnotherPolicy: What is granted is judged by a policy that is not meant for the use as it is now.
        MoreIsAsked: It grants a change of which a decision since asks more.
        CannotMove: It is retired, and something that a retirement needs is lacking: each is named.
    """
    with house.database.changing(reader.author(request), reasons) as change:
        connection = change.connection
        action = "case.emergency" if _emergency(connection, reader, case) else "case.decide"
        found = working(connection, reader, case, action, revision)
        if outcome is CaseOutcome.RETIRED:  # it ends everywhere, whichever sites the case names
            require(reader, action, paths_of(connection, found.use))
        _may_close(found, reader)
        verdict = verdict_of(house, connection, found)
        if on is not None and on != table_of(found, verdict):
            raise CaseChanged
        _carried(found, verdict, outcome, reader)
        _heard_again(house, count(found, verdict), outcome)
        if outcome in GRANTED:
            require_grantable(house, connection, found)
        _allowed_kind(change, found, outcome)
        until = _until(change, found, outcome, expires_on)
        if until is not None:
            _due_before(found, until)
        reasons = with_what_was_unknown(found, verdict, outcome, reasons)
        digest = _signed(change, house, reader, found, verdict, outcome, reasons, until)
        if outcome not in GRANTED:
            drop_conditions(change, found)
        closed = CASES.change(
            change,
            case,
            {
                "state": CaseState.DECIDED.value,
                "outcome": outcome.value,
                "reasons": reasons,
                "decided_at": change.at,
                "expires_on": until,
                "decision": digest,
                "voted_on": table_of(found, verdict),
                "chair": found.presiding or reader.person,
                "supersedes": None if outcome is CaseOutcome.DEFERRED else _before(connection, found.case),
            },
            None,
        )
        follow_decision(change, found, closed, outcome, reasons)
        return closed


def _emergency(connection: Connection, reader: Reader, case: str) -> bool:
    return docket_within(connection, reader, case).case.procedure is Procedure.EMERGENCY


def _may_close(found: Docket, reader: Reader) -> None:
    require_impartial(found, reader)
    if found.presiding not in (None, reader.person):
        raise NotYours("another person presides over this case", "ask them to close it, or say why you do instead")
    if any(vote.cast_by == reader.person != vote.person for vote in found.votes):
        raise NotYours("you cast somebody else's vote in this case", "let another who presides close it")


def _carried(found: Docket, verdict: Verdict, outcome: CaseOutcome, reader: Reader) -> None:
    """Refuse an outcome that votes, people or evidence do not carry."""
    votes = count(found, verdict)
    open_conditions = sum(one.state is ConditionState.OPEN for one in found.conditions)
    why = why_not_outcome(outcome, votes, open_conditions, found.case.leads_to)
    if why is not None:
        raise CannotDecide(why)
    if outcome is CaseOutcome.APPROVED and open_conditions:
        raise CannotDecide("it names conditions", "approve with conditions, or withdraw them")
    if found.case.procedure is Procedure.EMERGENCY:
        return
    if len({reader.person} | votes.voters) < 2:
        raise CannotDecide("one person would have decided alone", "have a second person vote")
    judged = any(r.blocks and r.outcome is not Outcome.NOT_APPLICABLE for r in verdict.results)
    if outcome in GRANTED and found.excluded and not judged:
        raise CannotDecide(
            "every requirement that could stop it is said not to apply, so nothing was judged",
            "bring evidence for one of them, or open a case under another policy",
        )
    stopped = blocking(verdict, {one.requirement for one in found.acceptances})
    if outcome in GRANTED and stopped:
        first = stopped[0]
        more = f" and {len(stopped) - 1} more" if len(stopped) > 1 else ""
        raise CannotDecide(
            f"'{first.title}' is {first.outcome.value}{more}: {first.sentence}",
            "bring the evidence, accept in writing what is inconclusive, have two people say that a missing one does "
            "not apply, have reviewers vote to defer, or withdraw it",
        )


def _heard_again(house: House, votes: Tally, outcome: CaseOutcome) -> None:
    """Refuse to grant what is another than somebody voted on, before they could vote on it too."""
    if outcome not in GRANTED or not votes.asked_again:
        return
    until = None
    if votes.asked_again_at is not None:
        rules = clocks(house.settings.concern_clocks)
        asked_on = day_in(votes.asked_again_at, house.database.zone)
        until = rules.holidays.after(asked_on, vote_again_work_days())
        if house.database.today() > until:
            return
    many = len(votes.asked_again)
    who = "somebody has" if many == 1 else f"{many} people have"
    wait = "" if until is None else f", or wait until {written_day(until.isoformat())} has passed"
    raise CannotDecide(
        f"{who} voted before what was voted on changed, and not yet on what is there now",
        f"ask them to vote again or abstain{wait}",
    )


def blocking(verdict: Verdict, accepted: Collection[str]) -> list[Result]:
    """Requirements that still stop an approval."""
    return [
        r
        for r in verdict.results
        if r.blocks and r.outcome not in _KEPT and not (r.outcome is Outcome.INCONCLUSIVE and r.id in accepted)
    ]


def _allowed_kind(change: Change, found: Docket, outcome: CaseOutcome) -> None:
    """An expedited or emergency approval only where this use may have one, and only so often a year for its product.

    Another use of the same product, or of another record of it, is the same emergency: a cap for each would be none.
    """
    terms, year = TERMS[KIND_OF[found.case.procedure]], timedelta(days=365)
    if outcome not in GRANTED or found.case.procedure is Procedure.FULL:
        return
    tier = found.use.tier
    if tier is not None and tier not in terms.tiers:
        raise CannotDecide(
            f"a use of {tier.value} risk is not decided by {found.case.procedure.value} procedure",
            "withdraw it, and open a full case",
        )
    if terms.most_a_year is None:
        return
    since = (datetime.fromisoformat(change.at) - year).isoformat()
    had = change.connection.execute(
        select(cases.c.use)
        .join(uses, uses.c.id == cases.c.use)
        .where(
            uses.c.product.in_(sorted(same_product(change.connection, found.product.id))),
            cases.c.procedure == found.case.procedure.value,
            cases.c.state == CaseState.DECIDED.value,
            cases.c.decided_at > since,
        )
    ).scalars()
    same = list(had)
    if len(same) < terms.most_a_year:
        return
    elsewhere = sum(use != found.use.id for use in same)
    of_them = f", {elsewhere} of them for another use of it, which is the same emergency" if elsewhere else ""
    raise CannotDecide(
        f"this product had {len(same)} {found.case.procedure.value} decisions within a year{of_them}; "
        f"{terms.most_a_year} is the most",
        "withdraw it, and open a full case",
    )


def _before(connection: Connection, case: Case) -> str | None:
    """The decision that this one takes the place of; what was put off decided nothing."""
    rows = governance.every(
        connection,
        "case",
        cases.c.use == case.use,
        cases.c.checkpoint == case.checkpoint.value,
        cases.c.state == CaseState.DECIDED.value,
        cases.c.outcome != CaseOutcome.DEFERRED.value,
        order="decided_at",
    )
    return rows[-1].id if rows else None


def _due_before(found: Docket, until: str) -> None:
    """Refuse a condition that would be due when its decision stands no more: nobody would ever have to meet it."""
    for one in found.conditions:
        if one.state is ConditionState.OPEN and one.due_on >= until:
            raise CannotDecide(
                f"a condition is due on {written_day(one.due_on)}, and the decision stands until {written_day(until)}",
                "withdraw that condition and write it with an earlier day",
            )


def _until(change: Change, found: Docket, outcome: CaseOutcome, asked: str | None) -> str | None:
    """From when an approval stands no more; nothing else runs out."""
    if outcome is CaseOutcome.RETIRED and asked is not None:
        raise BadField("case", "expires_on", "a retirement does not run out: leave it away", fix="leave it out")
    if outcome not in APPROVALS:
        return None
    case, today = found.case, date.fromisoformat(change.today)
    latest = (today + timedelta(days=TERMS[KIND_OF[case.procedure]].days or _A_YEAR)).isoformat()
    first = changes_until(change.connection, found.use, case, change.at, change.zone)
    if first is not None and first < latest:
        latest = first
        if asked is not None and asked > latest:
            why = f"a change stands no longer than the decision that it changes, which ends on {latest}"
            raise BadField("case", "expires_on", why)
    if asked is None:
        return latest
    if not change.today < asked <= latest:
        why = f"a decision by {case.procedure.value} procedure stands from tomorrow to {latest} at most"
        raise BadField("case", "expires_on", why)
    return asked


def _signed(
    change: Change,
    house: House,
    reader: Reader,
    found: Docket,
    verdict: Verdict,
    outcome: CaseOutcome,
    reasons: str,
    until: str | None,
) -> str:
    connection, case = change.connection, found.case
    accepted = {one.requirement for one in found.acceptances}
    sites = SITES.get_many(connection, case.sites)
    ahead = still_ahead(connection, case)
    version = None if case.version is None else VERSIONS.get(connection, case.version)
    votes = count(found, verdict)
    voters = sorted({*votes.voters, reader.person})
    names = PEOPLE.get_many(connection, voters)
    opened = [one.sentence[:2000] for one in found.conditions if one.state is ConditionState.OPEN]
    predicate = DecisionPredicate(
        product=found.product.name,
        version=None if version is None else version.label,
        use=found.use.name,
        use_id=found.use.id,
        evaluated_at=change.at,
        checkpoint=case.checkpoint.value,
        case=case.id,
        leads_to=case.leads_to.value,
        outcome=outcome.value,
        conditions=opened if outcome in GRANTED else [],
        evidence=[Digest(sha256=d) for d in sorted({r.finding.evidence or "" for r in verdict.results} - {""})],
        sites=[sites[site].name for site in case.sites if site in sites],
        planned=[PlannedSite(site=sites[one].name, mode=mode.value) for one, mode in ahead.items() if one in sites],
        decided_at=change.at,
        decided_by=[names[one].name for one in voters],
        expires_at=None if until is None else instant(start_of(until, change.zone)),
        policy=case.policy,
        edition=case.edition,
        policy_digest=Digest(sha256=case.policy_digest),
        requirements=[stood_as(r, accepted) for r in verdict.results],
        votes={choice.value: number for choice, number in votes.counts.items()},
        reasons=reasons[:2000],
    )
    pinned = version.digest if version is not None and version.digest else None
    subject = Subject(
        name=found.product.name if version is None else f"{found.product.name}@{version.label}",
        digest=Digest(sha256=pinned or sha256(canonical({"use": found.use.id, "version": case.version}))),
    )
    bare = canonical_statement(build(Kind.DECISION, subject, predicate))
    envelope = sign_within(change, house, reader, bare, _MEANING[outcome])
    known = Known(found.product.id, case.version, found.use.id)
    return file_own(change, house, read_bytes(envelope.to_bytes(), name="the decision"), known)


def stood_as(result: Result, accepted: Collection[str]) -> DecidedRequirement:
    """One requirement as a decision records it."""
    evidence = result.finding.evidence
    return DecidedRequirement(
        id=result.id,
        outcome=result.outcome.value,
        sentence=result.sentence[:2000],
        evidence=None if evidence is None else Digest(sha256=evidence),
        accepted=result.outcome is Outcome.INCONCLUSIVE and result.id in accepted,
    )
