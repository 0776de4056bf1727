"""The page of one case: what is not known first, each requirement beside its evidence, the people, what is asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from codman.flows.review.about import why_no_site
from codman.flows.review.beside import UNKNOWN, Beside, LaidOut
from codman.flows.review.chairing import why_not_named_by
from codman.registry.access import Reader, may
from codman.spine.review import CaseState, Conflict, Remark
from codman.spine.verdict import Outcome
from codman.web.render import day
from codman.web.views import marks
from codman.web.views.drawing import AgainstLimit, against_limit
from codman.web.views.forms import Asked, shown
from codman.web.views.marks import Fact, Gap, Tag
from codman.web.views.review_conditions import ConditionLine, condition_line
from codman.web.views.review_facts import facts_of, nothing_known_in, stopping, tags_of
from codman.web.views.review_forms import STEPS, vote_asks
from codman.web.views.review_next import ExclusionLine, Next, exclusion_line, gap_of, may_be_excluded, next_of
from codman.web.views.review_people import ReviewerLine, of_them, presiding, reviewers, unseated

_MOST_GAPS: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Remarked:
    """A question with its answers."""

    id: str
    by: str
    at: str
    about: str  # the requirement's title, or nothing
    text: str
    answers: tuple[Remarked, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RequirementLine:
    """One requirement."""

    id: str
    title: str
    tag: Tag
    sentence: str
    drawing: AgainstLimit | None
    alt: str
    limit: str
    shown: str  # what it rests on, in words
    href: str
    digest: str
    original_href: str  # what the sender of a claim wrote
    notes: tuple[str, ...]
    controls: str
    said: tuple[Remarked, ...]
    accept_href: str
    exclude_href: str
    exclusion: ExclusionLine | None
    next: Next | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteLine:
    """A site that the decision covers."""

    name: str
    clinician: str
    accepted_at: str | None
    mode: Tag | None
    planned: str = ""  # where it does not run yet, the mode meant there


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What the reader can do."""

    href: str
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewView:
    """The whole page."""

    id: str
    over: str
    title: str
    use_href: str
    lead: str
    tags: tuple[Tag, ...]
    facts: tuple[Fact, ...]
    nothing_known: str  # that not one requirement was shown, as a sentence
    unknown: tuple[Gap, ...]
    more_unknown: int
    requirements: tuple[RequirementLine, ...]
    notes: tuple[str, ...]
    reviewers: tuple[ReviewerLine, ...]
    interested: tuple[str, ...]
    lacking: tuple[str, ...]
    presiding: tuple[str, ...]  # who presides, and each time it went to another
    unseated: str  # that a discipline is asked for which nobody named has, as a sentence; empty where none is
    conditions: tuple[ConditionLine, ...]
    sites: tuple[SiteLine, ...]
    no_site: str  # why it cannot be granted, where it names none
    said: tuple[Remarked, ...]
    asks_whole: bool  # whether the reader may ask
    vote: tuple[Asked, ...]  # the vote form, where one is theirs to cast
    vote_revision: int | None
    vote_again: bool  # what the reader voted on has changed since
    table: str  # what a vote is cast on
    why_no_vote: str
    acts: tuple[Part, ...]
    office: tuple[Part, ...]
    closed: str
    reasons: str
    decided: bool


def review_view(found: LaidOut, reader: Reader) -> ReviewView:
    """The page of a case for one reader."""
    case, use = found.docket.case, found.docket.use
    version = found.names.get(case.version or "", "")
    unknown = [one for one in found.requirements if one.outcome in UNKNOWN]  # what was accepted comes first
    asks = found.working and found.may(reader, "case.remark")
    mine = _own_vote(found, reader)
    return ReviewView(
        id=case.id,
        over=f"{case.checkpoint.value.capitalize()} checkpoint, policy {case.policy}, edition {case.edition}",
        title=f"{use.name}{f', {found.docket.product.name} {version}' if version else ''}",
        use_href=f"/uses/{use.id}",
        lead=use.purpose or "What it is for is not said.",
        tags=tags_of(found),
        facts=facts_of(found),
        nothing_known=nothing_known_in(found),
        unknown=tuple(
            Gap(gap_of(one, found), f"#r-{one.id}") for one in unknown[: max(_MOST_GAPS, _accepted(unknown))]
        ),
        more_unknown=max(0, len(unknown) - max(_MOST_GAPS, _accepted(unknown))),
        requirements=tuple(_requirement(one, found, reader) for one in found.requirements),
        notes=tuple(found.notes),
        reviewers=reviewers(found, reader),
        interested=tuple(
            f"{found.names.get(person, person)} {of_them(why)}" for person, why in found.docket.interested.items()
        ),
        lacking=found.votes.lacking if found.working else (),
        presiding=presiding(found),
        unseated=unseated(found) if found.working and found.docket.reviewers else "",
        conditions=tuple(condition_line(one, found, reader) for one in found.docket.conditions),
        sites=_sites(found),
        no_site=(why_no_site(case) or "") if found.working else "",
        said=_threads(found, None),
        asks_whole=asks,
        vote=_vote_form(found, mine) if _may_vote(found, reader) else (),
        vote_revision=mine[1],
        vote_again=any(v.person == reader.person and v.id in found.votes.stale for v in found.docket.votes),
        table=found.table,
        why_no_vote=_why_no_vote(found, reader),
        acts=_acts(found, reader),
        office=_office(found, reader),
        closed=_closed(found),
        reasons=case.reasons or "",
        decided=case.state is CaseState.DECIDED,
    )


def _accepted(unknown: Sequence[Beside]) -> int:
    """How many were accepted without being known: all of them are said, however many there are."""
    return sum(one.accepted for one in unknown)


def _requirement(one: Beside, found: LaidOut, reader: Reader) -> RequirementLine:
    drawing = against_limit(one.value, one.lower, one.upper, one.least, one.most)
    notes = []
    if not one.blocks:
        notes.append("warns only")
    if one.stops:
        notes.append(stopping(found))
    if one.accepted:
        notes.append("accepted in writing, under a condition")
    acceptable = (
        one.outcome is Outcome.INCONCLUSIVE
        and not one.accepted
        and found.working
        and found.may(reader, "case.accept")
        and found.impartial(reader)
    )
    href, rests = "", ""
    if one.evidence is not None:
        href = (
            f"/documents/{one.evidence.document}/content"
            if one.evidence.document
            else f"/evidence/{one.evidence.digest}"
        )
        origin = f", {one.evidence.origin}" if one.evidence.origin else ""
        rests = f"{one.evidence.kind.replace('-', ' ')}{origin}, {day(one.evidence.at)}"
    return RequirementLine(
        id=one.id,
        title=one.title,
        tag=marks.outcome(one.outcome.value),
        sentence=f"{one.sentence[:1].upper()}{one.sentence[1:]}{'' if one.sentence.endswith(('.', '?')) else '.'}",
        drawing=drawing,
        alt=_alt(one) if drawing is not None else "",
        limit=one.limit or "",
        shown=rests,
        href=href,
        digest="" if one.evidence is None else one.evidence.digest,
        original_href=f"/documents/{one.evidence.original}/content"
        if one.evidence is not None and one.evidence.original
        else "",
        notes=tuple(notes),
        controls=" · ".join(one.controls),
        said=_threads(found, one.id),
        accept_href=f"/reviews/{found.docket.case.id}/acceptances?requirement={one.id}" if acceptable else "",
        exclude_href=f"/reviews/{found.docket.case.id}/exclusions?requirement={one.id}"
        if may_be_excluded(one, found, reader)
        else "",
        exclusion=exclusion_line(one, found, reader),
        next=next_of(one, found, reader),
    )


def _alt(one: Beside) -> str:
    span = "" if one.lower is None or one.upper is None else f", interval {one.lower:.3g} to {one.upper:.3g}"
    return f"{one.value:.3g}{span}; the limit is {one.limit or 'not said'}"


def _sites(found: LaidOut) -> tuple[SiteLine, ...]:
    """The sites the decision names; where it names none, those where it runs."""
    runs = {one.site: one for one in found.deployments}
    lines = []
    for site in found.docket.case.sites or list(runs):
        run = runs.get(site)
        lines.append(
            SiteLine(
                name=found.names.get(site, site),
                clinician="" if run is None else found.names.get(run.clinician or "", ""),
                accepted_at=None if run is None else run.accepted_at,
                mode=None if run is None else marks.mode(run.mode.value),
                planned=found.ahead[site].value if site in found.ahead else "",
            )
        )
    return tuple(lines)


def _threads(found: LaidOut, requirement: str | None) -> tuple[Remarked, ...]:
    """Questions about one requirement, or about the case as a whole, each with its answers."""
    titles = {one.id: one.title for one in found.requirements}
    every = found.docket.remarks

    def told(one: Remark) -> Remarked:
        return Remarked(
            id=one.id,
            by=found.names.get(one.author, one.author),
            at=one.created_at,
            about=titles.get(one.requirement or "", ""),
            text=one.text,
            answers=tuple(told(other) for other in every if other.answers == one.id),
        )

    return tuple(
        told(one)
        for one in every
        if one.answers is None and (one.requirement if one.requirement in titles else None) == requirement
    )


def _may_vote(found: LaidOut, reader: Reader) -> bool:
    if not found.working or not found.may(reader, "case.vote") or reader.person in found.docket.interested:
        return False
    return bool(found.hand_of) or (found.own is not None and found.why_no_vote is None)


def _own_vote(found: LaidOut, reader: Reader) -> tuple[Mapping[str, str], int | None]:
    vote = next((one for one in found.docket.votes if one.person == reader.person), None)
    if vote is None:
        return {}, None
    return {"choice": vote.choice.value, "reason": vote.reason or ""}, vote.revision


def _vote_form(found: LaidOut, mine: tuple[Mapping[str, str], int | None]) -> tuple[Asked, ...]:
    return shown(vote_asks(found), mine[0], {})


def _why_no_vote(found: LaidOut, reader: Reader) -> str:
    """Why somebody of the committee has no vote here; nothing where they have one, or are not of it."""
    if not found.working or not found.may(reader, "case.vote") or found.hand_of or found.why_no_vote is None:
        return ""
    return f"{found.why_no_vote[:1].upper()}{found.why_no_vote[1:]}."


def _acts(found: LaidOut, reader: Reader) -> tuple[Part, ...]:
    """What a reviewer does beside voting."""
    if not found.working or not found.may(reader, "case.vote"):
        return ()
    here = f"/reviews/{found.docket.case.id}"
    if found.own is None:
        return (Part(href=f"{here}/interest", words="State a conflict of interest"),) if found.hand_of else ()
    stated = found.own.conflict is not Conflict.NOT_STATED
    acts = [
        Part(
            href=f"{here}/interest",
            words="Change what you stated of your interest" if stated else "State your interest",
        )
    ]
    voted = any(vote.person == reader.person == vote.cast_by for vote in found.docket.votes)
    if not voted and found.own.conflict is not Conflict.CONFLICT:  # a conflict leaves no vote to hand on
        words = "Change who votes for you" if found.own.delegate else "Let somebody else cast your vote"
        acts.append(Part(href=f"{here}/delegation", words=words))
    return tuple(acts)


def _office(found: LaidOut, reader: Reader) -> tuple[Part, ...]:
    """What whoever presides does; withdrawing also who submitted it."""
    if not found.working:
        return ()
    here, acts = f"/reviews/{found.docket.case.id}", []
    if found.may(reader, "case.change") and found.impartial(reader):
        acts.append(Part(href=f"{here}/reviewers", words=STEPS["reviewers"].title))
        acts.append(Part(href=f"{here}/conditions", words=STEPS["conditions"].title))
    if found.may(reader, "case.decide") and may(reader, "evidence.sign") and found.why_no_decision(reader) is None:
        acts.append(Part(href=f"{here}/decide", words=STEPS["decide"].title))
    if found.may(reader, "case.decide") and found.impartial(reader) and why_not_named_by(found.docket, reader) is None:
        acts.append(Part(href=f"{here}/chair", words=STEPS["chair"].title))
    own = found.docket.case.proposed_by == reader.person and found.may(reader, "case.create")
    presides = found.may(reader, "case.change") and found.impartial(reader)
    voted = found.docket.case.state is CaseState.VOTING
    if presides if voted else own or found.may(reader, "case.change"):
        acts.append(Part(href=f"{here}/withdrawal", words=STEPS["withdrawal"].title))
    return tuple(acts)


def _closed(found: LaidOut) -> str:
    case = found.docket.case
    if case.state is CaseState.WITHDRAWN:
        return "Withdrawn: it ended without a decision"
    if case.outcome is None:
        return ""
    until = f"; it stands until {day(case.expires_on)}" if case.expires_on else ""
    return f"{case.outcome.value.capitalize()} on {day(case.decided_at)}{until}"
