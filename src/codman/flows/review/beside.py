"""A case laid out for those who decide it: each requirement beside its evidence, what is not known first."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pydantic import BaseModel
from sqlalchemy import Connection, select

from codman.flows.house import House
from codman.flows.planning import still_ahead
from codman.flows.review.cases import WORKING, Docket, docket_within
from codman.flows.review.chairing import Handed, handed_on
from codman.flows.review.deciding import blocking, verdict_of
from codman.flows.review.policies import kept
from codman.flows.review.voting import count, table_of
from codman.flows.review.withdrawn import voted_before
from codman.flows.superseded import settled_late
from codman.registry.access import Reader, may, paths_for
from codman.registry.inventory import paths_of
from codman.registry.names import names_of
from codman.registry.places import out_of_sight
from codman.registry.related import deployments_of
from codman.registry.schema import documents, statements
from codman.review.policy.bound import Bound
from codman.review.votes import Tally, why_not_vote
from codman.spine.exclusion import Exclusion, ExclusionState
from codman.spine.policy import Policy, Requirement, Severity
from codman.spine.record_statements import DecisionPredicate
from codman.spine.reopening import Reopening
from codman.spine.review import Acceptance, CaseState, Condition, ConditionState, Conflict, Reviewer
from codman.spine.site import Deployment, Mode, PlannedMode
from codman.spine.verdict import Outcome, Result, Verdict, rank

UNKNOWN: Final = frozenset({Outcome.UNVERIFIABLE, Outcome.MISSING, Outcome.STALE, Outcome.INCONCLUSIVE})
_MORE: Final = re.compile(r"([\d,]+) more (?:patients?|rows?|results?)")
DOCUMENT_URI: Final = "document:"  # how a claim names the original it was made from
_KEPT: Final = frozenset({Outcome.MET, Outcome.NOT_APPLICABLE})


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """The statement or document a requirement rests on."""

    digest: str
    kind: str
    origin: str | None
    at: str  # when it was measured, else when it was filed
    document: str | None  # of a document, its record
    original: str | None = None  # of a claim typed by people, the record of what its sender wrote


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """One requirement beside what meets it."""

    asked: Requirement

    id: str
    title: str
    outcome: Outcome
    sentence: str
    blocks: bool
    stops: bool  # whether it still stops an approval
    accepted: bool
    value: float | None
    lower: float | None
    upper: float | None
    least: float | None  # the limit
    most: float | None
    limit: str | None
    evidence: Shown | None
    controls: tuple[str, ...]
    patients_needed: int | None  # how many more would decide it, where its sentence says so
    acceptance: Acceptance | None = None  # who accepted it in writing, and why
    promised: Condition | None = None  # what is to decide it later, where a condition asks for it
    exclusion: Exclusion | None = None  # that it does not apply: what waits for a second person, or what stands


@dataclass(frozen=True, slots=True, kw_only=True)
class LaidOut:
    """A case as somebody sees it."""

    docket: Docket
    requirements: Sequence[Beside]  # what is not known first, then what is not met
    notes: Sequence[str]
    votes: Tally
    table: str  # what is voted on, as a digest
    names: Mapping[str, str]
    decided: DecisionPredicate | None
    deployments: Sequence[Deployment]  # where it runs, or is to run
    places: Sequence[str]  # paths of the use's sites
    ahead: Mapping[str, PlannedMode]  # planned sites where it does not run; with the mode meant there
    settled_late: Mapping[str, Reopening]  # by condition that lapsed: what it left open, which was settled since
    shown: Mapping[str, Shown]  # what requirements rest on and what was handed in for conditions, by digest
    working: bool
    why_no_vote: str | None  # why the reader may not cast a vote of their own here
    own: Reviewer | None  # the reader as a reviewer
    hand_of: Sequence[str]  # whose votes the reader casts
    handed: Sequence[Handed]  # each time another was named to preside over it

    def may(self, reader: Reader, action: str) -> bool:
        """Whether somebody may do this for the case's use."""
        return may(reader, action, self.places)

    def impartial(self, reader: Reader) -> bool:
        """Whether somebody has neither a hand in the use nor a conflict of interest."""
        conflict = self.own is not None and self.own.conflict is Conflict.CONFLICT
        return reader.person not in self.docket.interested and not conflict

    def why_no_decision(self, reader: Reader) -> str | None:
        """Why somebody may not close it; None where they may."""
        if reader.person in self.docket.interested:
            return f"You {self.docket.interested[reader.person]}: others decide"
        chair = self.docket.presiding
        if chair is not None and chair != reader.person:
            return f"{self.names.get(chair, chair)} presides and closes it"
        if not self.impartial(reader):
            return "You declared a conflict of interest in this case"
        return None


def lay_out(house: House, reader: Reader, name: str) -> LaidOut:
    """A case with everything its page shows; of a decided one, each requirement as it was decided.

    Raises:
        NotAllowed: They may read no case.
        NoSuchRecord: There is none of that name within their reach.
    """
    with house.database.reading() as connection:
        found = docket_within(connection, reader, name)
        policy = kept(connection, found.case.policy_digest)
        verdict = verdict_of(house, connection, found)
        decided = decision_of(house, found)
        earlier = voted_before(connection, found.case)
        rows = _as_decided(policy, verdict, decided) if decided is not None else _as_it_stands(found, policy, verdict)
        handed_in = [name for one in found.conditions for name in (one.closed_by, one.handed_in, one.shown_by) if name]
        handed = handed_on(connection, name)
        late = settled_late(connection, found.conditions)
        handed_in += [one.closed_by for one in late.values() if one.closed_by is not None]
        shown = _shown(house, connection, [*(row["evidence"] for row in rows if row["evidence"]), *handed_in])
        within = paths_for(reader, "review.read")
        runs = [one for one in deployments_of(connection, found.use.id, within) if one.mode is not Mode.ENDED]
        ahead = still_ahead(connection, found.case)
        names = names_of(connection, _mentioned(found, runs, handed)) | out_of_sight(connection, within, ahead)
        places = paths_of(connection, found.use, found.case.sites)
    requirements = [
        Beside(**{**row, "evidence": shown.get(row["evidence"] or "")}, **_said_of(found, row["id"])) for row in rows
    ]
    delegates = {one.delegate for one in found.reviewers if one.delegate is not None}
    return LaidOut(
        docket=found,
        requirements=sorted(requirements, key=_first_what_is_not_known),
        notes=earlier if decided is not None else [*earlier, *verdict.notes],
        votes=count(found, verdict),
        table=table_of(found, verdict),
        names=names,
        decided=decided,
        deployments=runs,
        places=list(places),
        ahead=ahead,
        settled_late=late,
        shown=shown,
        working=found.case.state in WORKING,
        why_no_vote=why_not_vote(reader.person, found.reviewers, found.interested, delegates),
        own=next((one for one in found.reviewers if one.person == reader.person), None),
        hand_of=[one.person for one in found.reviewers if one.delegate == reader.person],
        handed=handed,
    )


def decision_of(house: House, found: Docket) -> DecisionPredicate | None:
    """What was decided, from the signed statement; None while nothing is.

    Raises:
        EvidenceTampered: Its bytes are no longer those that were signed.
    """
    if found.case.state is not CaseState.DECIDED or found.case.decision is None:
        return None
    filed = house.store.get(found.case.decision).predicate
    assert isinstance(filed, DecisionPredicate)  # noqa: S101 (decide files nothing else)
    return filed


def _as_it_stands(found: Docket, policy: Policy, verdict: Verdict) -> list[dict[str, Any]]:
    accepted = {one.requirement for one in found.acceptances}
    stops = {one.id for one in blocking(verdict, accepted)}
    return [
        {
            **_asked(policy, result),
            "outcome": result.outcome,
            "sentence": result.sentence,
            "accepted": result.id in accepted,
            "stops": result.id in stops,
            "value": result.finding.value,
            "lower": result.finding.lower,
            "upper": result.finding.upper,
            "evidence": result.finding.evidence,
            "patients_needed": _needed(result.sentence) if result.outcome is Outcome.INCONCLUSIVE else None,
        }
        for result in verdict.results
    ]


def _as_decided(policy: Policy, verdict: Verdict, decided: DecisionPredicate) -> list[dict[str, Any]]:
    """As the signed decision says; its picture only where the same evidence still says the same."""
    now = {result.id: result for result in verdict.results}
    rows = []
    for one in decided.requirements:
        result, digest = now[one.id], None if one.evidence is None else one.evidence.sha256
        same = result.finding.evidence == digest and result.sentence[:2000] == one.sentence
        outcome = Outcome(one.outcome)
        rows.append(
            {
                **_asked(policy, result),
                "outcome": outcome,
                "sentence": one.sentence,
                "accepted": one.accepted,
                "stops": result.blocks and outcome not in _KEPT and not one.accepted,
                "value": result.finding.value if same else None,
                "lower": result.finding.lower if same else None,
                "upper": result.finding.upper if same else None,
                "evidence": digest,
                "patients_needed": None,
            }
        )
    return rows


def _said_of(found: Docket, requirement: str) -> dict[str, Any]:
    """What people said of a requirement: accepted it, promised it for later, or that it does not apply."""
    accepted = next((one for one in found.acceptances if one.requirement == requirement), None)
    owed = [one for one in found.conditions if one.requirement == requirement and one.state is ConditionState.OPEN]
    stands = found.excluded.get(requirement)
    waits = [
        one
        for one in found.exclusions
        if (one.case, one.requirement, one.state) == (found.case.id, requirement, ExclusionState.ASKED)
    ]
    return {
        "acceptance": accepted,
        "promised": min(owed, key=lambda one: one.due_on, default=None),
        "exclusion": stands.record if stands is not None else next(iter(waits), None),
    }


def _asked(policy: Policy, result: Result) -> dict[str, Any]:
    """What the policy itself says of a requirement."""
    asked = next(one for one in policy.requires if one.id == result.id)
    bound = asked.asks if isinstance(asked.asks, Bound) else None
    return {
        "asked": asked,
        "id": result.id,
        "title": result.title,
        "blocks": result.severity is Severity.BLOCK,
        "least": None if bound is None else bound.low,
        "most": None if bound is None else bound.high,
        "limit": result.finding.limit,
        "controls": result.controls,
    }


def _needed(sentence: str) -> int | None:
    said = _MORE.search(sentence)
    return None if said is None else int(said[1].replace(",", ""))


def _first_what_is_not_known(one: Beside) -> tuple[bool, bool, bool, int]:
    """What was accepted without being known comes before all: nothing else will show it."""
    return (one.outcome not in UNKNOWN, not one.accepted, not one.blocks, rank(one.outcome))


def _shown(house: House, connection: Connection, digests: Iterable[str]) -> dict[str, Shown]:
    wanted = sorted(set(digests))
    found = {}
    for row in connection.execute(select(documents).where(documents.c.digest.in_(wanted))):
        found[row.digest] = Shown(digest=row.digest, kind=row.type, origin=None, at=row.created_at, document=row.id)
    for row in connection.execute(select(statements).where(statements.c.digest.in_(wanted))):
        at = row.evaluated_at or row.filed_at
        original = _original(house.store.recall(row.digest).predicate)
        found[row.digest] = Shown(
            digest=row.digest, kind=row.kind, origin=row.origin, at=at, document=None, original=original
        )
    return found


def _original(predicate: BaseModel) -> str | None:
    """The record of the document that a claim was made from: the sender's own words."""
    inputs = getattr(predicate, "inputs", None) or ()
    uris = (str(one.uri) for one in inputs if one.uri is not None)
    return next((uri.removeprefix(DOCUMENT_URI) for uri in uris if uri.startswith(DOCUMENT_URI)), None)


def _mentioned(found: Docket, runs: Sequence[Deployment], handed: Sequence[Handed]) -> list[str | None]:
    case = found.case
    people = [case.proposed_by, case.chair, *found.interested]
    people += [name for one in handed for name in (one.by, one.before, one.after)]
    people += [name for one in found.reviewers for name in (one.person, one.delegate)]
    people += [name for one in found.votes for name in (one.person, one.cast_by)]
    people += [one.author for one in found.remarks] + [one.owner for one in found.conditions]
    people += [one.person for one in found.acceptances] + [found.use.owner, found.product.vendor]
    people += [name for one in found.exclusions for name in (one.asked_by, one.agreed_by)]
    return [*people, *case.sites, case.version, *(name for one in runs for name in (one.site, one.clinician))]
