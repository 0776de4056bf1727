"""Minutes of a case, written by themselves from what stands in the book: nobody takes notes, nothing is left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, datetime
from typing import Final

from pydantic import BaseModel, ConfigDict

from codman.flows.house import House
from codman.flows.planning import still_ahead
from codman.flows.review.cases import Docket, docket
from codman.flows.review.chairing import handed_on, said_of
from codman.flows.review.deciding import stood_as, verdict_of
from codman.flows.review.voting import count
from codman.registry.access import Reader
from codman.registry.names import names_of
from codman.spine.day import written_day, written_moment
from codman.spine.record_statements import DecidedRequirement, DecisionPredicate
from codman.spine.review import CaseState, Condition, Remark, Reviewer
from codman.spine.site import PlannedMode
from codman.spine.verdict import Outcome

_KNOWN: Final = frozenset({Outcome.MET.value, Outcome.NOT_MET.value, Outcome.NOT_APPLICABLE.value})


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class Present(_Part):
    """Somebody who took part."""

    name: str
    discipline: str
    interest: str
    interest_note: str | None = None
    delegate: str | None = None


class Said(_Part):
    """A question, and its answers."""

    by: str
    at: str
    requirement: str | None
    text: str
    answers: list[Said] = []


class Voted(_Part):
    """A vote."""

    name: str
    cast_by: str
    choice: str
    reason: str | None
    counted: bool


class Promised(_Part):
    """A condition."""

    sentence: str
    owner: str
    due_on: str
    closed_by: str
    state: str


class Minutes(_Part):
    """What happened in a case."""

    case: str
    use: str
    product: str
    version: str | None
    checkpoint: str
    procedure: str
    policy: str
    state: str
    opened_at: str
    submitted_by: str
    chair: str | None
    handed_on: list[str]  # each time another was named to preside, as a sentence
    sites: list[str]
    present: list[Present]
    not_known: list[DecidedRequirement]  # said first: what the evidence does not decide
    known: list[DecidedRequirement]
    remarks: list[Said]
    votes: list[Voted]
    lacking: list[str]  # what was still needed when it was read
    outcome: str | None
    reasons: str | None
    decided_at: str | None
    expires_on: str | None
    conditions: list[Promised]
    signatures: list[str]
    decision: str | None
    titles: dict[str, str]  # what the requirements are called, by id

    def markdown(self) -> str:
        """As a text that prints."""
        return "\n".join(_lines(self)) + "\n"


def minutes(house: House, reader: Reader, case: str) -> Minutes:
    """The minutes of a case as it stands; of a decided one, as it was decided.

    Raises:
        NotAllowed: They may read no case.
        NoSuchRecord: There is none of that name within their reach.
    """
    found = docket(house, reader, case)
    about = found.case
    decided: DecisionPredicate | None = None
    with house.database.reading() as connection:
        people = [about.proposed_by, about.chair, *(r.person for r in found.reviewers)]
        people += [r.delegate for r in found.reviewers] + [v.cast_by for v in found.votes]
        people += [r.author for r in found.remarks] + [c.owner for c in found.conditions]
        handed = handed_on(connection, case)
        people += [name for one in handed for name in (one.by, one.before, one.after)]
        names = names_of(connection, [*people, *about.sites, about.version])
        if about.decision is not None:
            filed = house.store.get(about.decision).predicate
            assert isinstance(filed, DecisionPredicate)  # noqa: S101 (decide files nothing else)
            decided, stood = filed, filed.requirements
        # of a decided one as it was decided: what began since was planned then
        ahead = still_ahead(connection, about) if decided is None else about.planned
        verdict = verdict_of(house, connection, found)
        if decided is None:
            accepted = {one.requirement for one in found.acceptances}
            stood = [stood_as(r, accepted) for r in verdict.results]
    tallied = count(found, verdict)
    titles = {one.id: one.name for one in found.policy.requires}
    return Minutes(
        case=about.id,
        use=found.use.name,
        product=found.product.name,
        version=None if about.version is None else names.get(about.version, about.version),
        checkpoint=about.checkpoint.value,
        procedure=about.procedure.value,
        policy=f"{about.policy}, edition {about.edition}",
        state=about.state.value,
        opened_at=about.created_at,
        submitted_by=names.get(about.proposed_by, about.proposed_by),
        chair=None if about.chair is None else names.get(about.chair, about.chair),
        handed_on=[said_of(one, names) for one in handed],
        sites=[_site(site, ahead, names) for site in about.sites],
        present=[_present(one, names) for one in found.reviewers],
        not_known=[one for one in stood if one.outcome not in _KNOWN],
        known=[one for one in stood if one.outcome in _KNOWN],
        remarks=_remarks(found, names),
        votes=_votes(found, names, _counted(found, tallied.counted, decided, names)),
        lacking=list(tallied.lacking) if about.state is not CaseState.DECIDED else [],
        outcome=None if about.outcome is None else about.outcome.value,
        reasons=about.reasons,
        decided_at=about.decided_at,
        expires_on=about.expires_on,
        conditions=[_condition(one, names, titles) for one in found.conditions],
        signatures=[]
        if decided is None
        else [f"{one.name}, {one.meaning.value}, {_moment(one.signed_at)}" for one in decided.signed_by],
        decision=None if about.decision is None else f"sha256:{about.decision}",
        titles=titles,
    )


def _present(one: Reviewer, names: Mapping[str, str]) -> Present:
    return Present(
        name=names.get(one.person, one.person),
        discipline=one.discipline,
        interest=one.conflict.value,
        interest_note=one.conflict_note,
        delegate=None if one.delegate is None else names.get(one.delegate, one.delegate),
    )


def _remarks(found: Docket, names: Mapping[str, str]) -> list[Said]:
    """Questions in the order they were asked, each with what answers it."""

    def said(one: Remark) -> Said:
        return Said(
            by=names.get(one.author, one.author),
            at=one.created_at,
            requirement=one.requirement,
            text=one.text,
            answers=[said(other) for other in found.remarks if other.answers == one.id],
        )

    return [said(one) for one in found.remarks if one.answers is None]


def _votes(found: Docket, names: Mapping[str, str], counted: Collection[str]) -> list[Voted]:
    return [
        Voted(
            name=names.get(one.person, one.person),
            cast_by=names.get(one.cast_by, one.cast_by),
            choice=one.choice.value,
            reason=one.reason,
            counted=one.id in counted,
        )
        for one in found.votes
    ]


def _counted(
    found: Docket, counted: Collection[str], decided: DecisionPredicate | None, names: Mapping[str, str]
) -> Collection[str]:
    """The votes that count; of a decided case those that did, without who had left by then, as its signature says."""
    if decided is None:
        return counted
    votes = [one for one in found.votes if one.id in counted]
    if Counter(one.choice.value for one in votes) == Counter(decided.votes):
        return counted
    return [one.id for one in votes if names.get(one.cast_by) in decided.decided_by]


def _condition(one: Condition, names: Mapping[str, str], titles: Mapping[str, str]) -> Promised:
    closes = f"evidence that meets “{titles.get(one.requirement, one.requirement)}”" if one.requirement else None
    closes = closes or (f"a document: {one.document}" if one.document else "the office, by hand")
    return Promised(
        sentence=one.sentence,
        owner=names.get(one.owner, one.owner),
        due_on=one.due_on,
        closed_by=closes,
        state=one.state.value,
    )


def _site(site: str, ahead: Mapping[str, PlannedMode], names: Mapping[str, str]) -> str:
    called = names.get(site, site)
    return f"{called} (planned: {ahead[site].value})" if site in ahead else called


def _lines(of: Minutes) -> Iterator[str]:
    yield f"# {of.use}: {of.checkpoint}"
    yield ""
    yield f"{of.product}{f' {of.version}' if of.version else ''}. Case {of.case}, {of.procedure} procedure, {of.state}."
    yield f"Judged by {of.policy}. Submitted by {of.submitted_by} on {written_day(of.opened_at)}."
    if of.chair is not None:
        yield f"Presided over by {of.chair}."
    yield from of.handed_on
    if of.sites:
        yield f"Sites: {', '.join(of.sites)}."
    if of.outcome is not None:
        until = f" It stands until {written_day(of.expires_on)}." if of.expires_on else ""
        yield f"**{of.outcome.capitalize()}** on {written_day(str(of.decided_at))}: {of.reasons}{until}"
    for lack in of.lacking:
        yield f"Still needed: {lack}."
    yield from _section("Present", (_who(one) for one in of.present))
    yield from _section("Not known", (_how(one, of.titles) for one in of.not_known))
    yield from _section("Known", (_how(one, of.titles) for one in of.known))
    yield from _section("Questions and answers", (line for one in of.remarks for line in _asked(one, of.titles, 0)))
    yield from _section("Votes", map(_vote, of.votes))
    yield from _section(
        "Conditions",
        (
            f"{c.sentence} ({c.owner}, by {written_day(c.due_on)}; closed by {c.closed_by}): {c.state}"
            for c in of.conditions
        ),
    )
    yield from _section("Signed", iter(of.signatures))
    if of.decision is not None:
        yield from ("", f"The signed decision: {of.decision}")


def _section(title: str, lines: Iterator[str]) -> Iterator[str]:
    found = list(lines)
    if found:
        yield from ("", f"## {title}", "", *(line if line.startswith(" ") else f"- {line}" for line in found))


def _who(one: Present) -> str:
    note = f": {one.interest_note}" if one.interest_note else ""
    delegate = f"; {one.delegate} votes for them" if one.delegate else ""
    interest = {"none": "no conflict of interest", "conflict": "conflict of interest, no vote"}.get(one.interest)
    return f"{one.name} ({one.discipline}), {interest or 'interest not stated'}{note}{delegate}"


def _how(one: DecidedRequirement, titles: Mapping[str, str]) -> str:
    accepted = " Accepted in writing, under a condition." if one.accepted else ""
    return f"{titles.get(one.id, one.id)}, {one.outcome}: {one.sentence}{accepted}"


def _asked(one: Said, titles: Mapping[str, str], depth: int) -> Iterator[str]:
    about = f" on {titles.get(one.requirement, one.requirement)}" if one.requirement else ""
    yield f"{'  ' * depth}{'- ' if depth else ''}{one.by}{about}, {_moment(one.at)}: {one.text}"
    for answer in one.answers:
        yield from _asked(answer, titles, depth + 1)


def _moment(at: str) -> str:
    return written_moment(datetime.fromisoformat(at), UTC)


def _vote(one: Voted) -> str:
    hand = "" if one.name == one.cast_by else f", cast by {one.cast_by}"
    reason = f": {one.reason}" if one.reason else ""
    return f"{one.name}{hand}: {one.choice}{reason}{'' if one.counted else ' (not counted)'}"
