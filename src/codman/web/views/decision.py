"""A decision, or the minutes of a case, as a page to print and file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from codman.flows.review.beside import LaidOut
from codman.flows.review.minutes import Minutes, Said
from codman.review.unknown import nothing_known, said_of_nothing
from codman.spine.record_statements import Meaning
from codman.spine.review import GRANTED, CaseOutcome
from codman.web.render import day, moment
from codman.web.views import marks
from codman.web.views.marks import Fact, Tag

_MEANS: Final[Mapping[Meaning, str]] = {
    Meaning.AUTHORSHIP: "wrote it",
    Meaning.REVIEW: "reviewed it, and decided nothing for or against it",
    Meaning.APPROVAL: "approves what it says",
    Meaning.DISAPPROVAL: "does not approve what was asked for",
    Meaning.RESPONSIBILITY: "answers for it",
    Meaning.ACCEPTANCE: "accepts it",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """Who signed, when, and what it means (21 CFR 11.50)."""

    name: str
    at: str
    meaning: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Stood:
    """How a requirement stood."""

    title: str
    tag: Tag
    sentence: str
    accepted: bool
    evidence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionView:
    """The whole page."""

    id: str
    use: str
    title: str
    tag: Tag
    facts: tuple[Fact, ...]
    reasons: str
    nothing_known: str  # that it was decided in an emergency though nothing was
    signatures: tuple[Signature, ...]
    stood: tuple[Stood, ...]  # what is not known first
    minutes: Minutes
    said: tuple[Said, ...]
    titles: Mapping[str, str]
    digest: str  # of the signed statement
    envelope: str
    made_on: str


def decision_view(found: LaidOut, of: Minutes, today: str) -> DecisionView:
    """The page of a case's minutes; with its decision where there is one."""
    case, decided = found.docket.case, found.decided
    return DecisionView(
        id=case.id,
        use=of.use,
        title=f"{of.use}, {of.checkpoint}",
        tag=marks.case(case.state.value, of.outcome, case.procedure.value),
        facts=_facts(found, of),
        reasons=of.reasons or "",
        nothing_known=_nothing_known(found),
        signatures=()
        if decided is None
        else tuple(
            Signature(name=one.name, at=moment(one.signed_at), meaning=f"{one.meaning.value}: {_MEANS[one.meaning]}")
            for one in decided.signed_by
        ),
        stood=tuple(
            Stood(
                title=one.title,
                tag=marks.outcome(one.outcome.value),
                sentence=one.sentence,
                accepted=one.accepted,
                evidence="" if one.evidence is None else one.evidence.digest,
            )
            for one in found.requirements
        ),
        minutes=of,
        said=tuple(of.remarks),
        titles={one.id: one.title for one in found.requirements},
        digest=case.decision or "",
        envelope=f"/evidence/{case.decision}/envelope.json" if case.decision else "",
        made_on=today,
    )


def _nothing_known(found: LaidOut) -> str:
    outcomes = [one.outcome for one in found.requirements]
    granted = found.docket.case.outcome in GRANTED
    return said_of_nothing(outcomes) if granted and nothing_known(outcomes) else ""


def _facts(found: LaidOut, of: Minutes) -> tuple[Fact, ...]:
    case = found.docket.case
    version = f" {of.version}" if of.version else ""
    facts = [
        Fact("Use", of.use),
        Fact("Product", f"{of.product}{version}"),
        Fact("Asks for", case.leads_to.value.replace("-", " "), detail=f"{of.procedure} procedure"),
        Fact("Sites", ", ".join(of.sites) or "every site of the use"),
        Fact("Policy", of.policy, detail=f"sha256:{case.policy_digest}"),
        Fact("Submitted by", of.submitted_by, detail=f"on {day(of.opened_at)}"),
        Fact("Presided by", of.chair or "nobody yet", detail=" ".join(of.handed_on)),
    ]
    if of.decided_at is not None:
        facts.append(Fact("Decided", moment(of.decided_at)))
        no_day = "a retirement does not run out" if case.outcome is CaseOutcome.RETIRED else "nothing was granted"
        facts.append(Fact("Stands until", day(of.expires_on) if of.expires_on else f"no day: {no_day}"))
    return tuple(facts)
