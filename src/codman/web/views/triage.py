"""The tier of a use: the tier, what is not known, then what holds and why, what waits, what people may do about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection

from codman.flows.proposed import USUAL, Proposal, proposal_of, waiting_proposals, waits_for
from codman.flows.triage_record import Triaged
from codman.review.terms import TERMS, DecisionKind
from codman.spine.determination import Outcome
from codman.spine.intake import TriageRecord, TriageState
from codman.spine.use import Tier, Use
from codman.web.render import day
from codman.web.views.forms import Ask, Asked, Option, shown
from codman.web.views.marks import Fact

_LEAST_REASON: Final = "A lower tier needs a reason, a second person who agrees, and neither with a hand in the use."
_NAMED: Final = 4
_STATES: Final[Mapping[TriageState, str]] = {
    TriageState.STANDING: "holds",
    TriageState.ASKED: "waits for a second person",
    TriageState.REFUSED: "refused",
    TriageState.SUPERSEDED: "past",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ReasonLine:
    """A rule that holds."""

    why: str
    pushes_to: str
    cited: str
    because_of: str
    forbids: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassLine:
    """What a scheme says."""

    title: str
    found: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingView:
    """A lower tier that waits."""

    id: str
    revision: int
    held: str
    asked: str
    by: str
    at: str
    why: str
    may_answer: bool
    mine: bool
    not_because: str  # why the reader may not agree


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposedView:
    """How a proposal asks to be looked at, and with whom it is."""

    title: str
    by: str
    at: str
    reason: str
    urgent: bool
    waits_for: str  # empty where a case was opened since


def proposed_of(connection: Connection, use: Use) -> ProposedView | None:
    """The same for a use of the book."""
    proposal = proposal_of(connection, use.id)
    if proposal is None:
        return None
    waits = any(one.intake == proposal.intake for one in waiting_proposals(connection, ("/",)))
    return proposed_view(proposal, [one.name for one in waits_for(connection, use, proposal)], waits=waits)


def proposed_view(proposal: Proposal | None, people: Sequence[str], *, waits: bool) -> ProposedView | None:
    """What a use's pages say of the proposal it came by; nothing once an ordinary one was gone on with.

    Args:
        proposal: The proposal, where there is one.
        people: Who goes on with it, by name.
        waits: Whether no case was opened for it since.
    """
    if proposal is None or (not waits and proposal.asked == USUAL):
        return None
    who = ", ".join(people[:_NAMED]) + (f" and {len(people) - _NAMED} more" if len(people) > _NAMED else "")
    nobody = "nobody: no officer or chair answers for its sites; ask an administrator"
    return ProposedView(
        title=f"Sent in {proposal.asked}" if proposal.asked != USUAL else "Sent in",
        by=proposal.by_name,
        at=proposal.sent_at,
        reason=proposal.reason,
        urgent=proposal.emergency and waits,
        waits_for=(who or nobody) if waits else "",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class PastLine:
    """One record of the tier."""

    at: str
    tier: str
    said: str
    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TriageView:
    """The whole page."""

    use: str
    use_href: str
    name: str
    facts: tuple[Fact, ...]
    unknown: tuple[tuple[str, tuple[str, ...]], ...]  # a tier, and the questions whose answers could raise it there
    forbidden: tuple[str, ...]
    proposed: ProposedView | None
    changed: str
    reasons: tuple[ReasonLine, ...]
    classes: tuple[ClassLine, ...]
    pending: PendingView | None
    setting: tuple[Asked, ...]
    determined: tuple[Fact, ...]
    determining: tuple[Asked, ...]
    procedures: tuple[tuple[str, str, str], ...]  # address, words, what it is good for
    history: tuple[PastLine, ...]
    triaged: bool


def triage_view(
    found: Triaged,
    names: Mapping[str, str],
    reader: str,
    *,
    may_agree: bool,
    emergency: bool,
    values: Mapping[str, str],
    errors: Mapping[str, str],
    proposed: ProposedView | None = None,
) -> TriageView:
    """The page of a use's tier.

    Args:
        found: What is known of it.
        names: The people it mentions, by id.
        reader: Who looks.
        may_agree: Whether they may be a second person here.
        emergency: Whether they may open a case in an emergency here.
        values: What was typed into a form that was refused.
        errors: What is wrong with it.
        proposed: How it was proposed.
    """
    use, standing, fresh = found.use, found.standing, found.fresh
    return TriageView(
        use=use.id,
        use_href=f"/uses/{use.id}",
        name=use.name,
        facts=_facts(found, names),
        unknown=_unknown(found),
        forbidden=tuple(f"{one.why} ({one.cited})" for one in fresh.forbidden),
        proposed=proposed,
        changed=_changed(found),
        reasons=tuple(_reason(one, found.asks) for one in (standing.reasons if standing else ())),
        classes=tuple(ClassLine(title=one.title, found=_class(one)) for one in fresh.classes),
        pending=_pending(found, names, reader, may_agree=may_agree),
        setting=shown(_set_asks(standing.tier if standing else None), values, errors),
        determined=_determined(found),
        determining=shown(DETERMINATION, values, errors),
        procedures=tuple(_procedures(use.id, use.tier, emergency=emergency)),
        history=tuple(_past(one, names) for one in found.history),
        triaged=standing is not None,
    )


def _unknown(found: Triaged) -> tuple[tuple[str, tuple[str, ...]], ...]:
    by_tier: dict[str, list[str]] = {}
    for one in found.fresh.unknown:  # the highest tier first
        by_tier.setdefault(one.could_raise_to.value, []).append(found.asks[one.question])
    return tuple((tier, tuple(asks)) for tier, asks in by_tier.items())


DETERMINATION: Final = (
    Ask(
        name="outcome",
        label="What was determined",
        kind="choice",
        needed=True,
        options=tuple(Option(one.value, f"{one.value[:1].upper()}{one.value[1:]}") for one in Outcome),
    ),
    Ask(name="determined_by", label="Who determined it", needed=True, hint="The board, office or person"),
    Ask(name="determined_on", label="On which day", kind="day", needed=True),
    Ask(name="reference", label="The board's own number", hint="Needed for what an IRB approved"),
    Ask(
        name="exempt_category",
        label="Category of the exemption",
        kind="choice",
        options=tuple(Option(str(number), f"45 CFR 46.104(d)({number})") for number in range(1, 9)),
        unsaid="no exemption",
    ),
    Ask(name="expires_on", label="The last day on which it holds", kind="day"),
    Ask(
        name="covers",
        label="What it was determined for",
        kind="prose",
        needed=True,
        hint="The plan as it was put to them",
    ),
)


def _set_asks(held: Tier | None) -> tuple[Ask, ...]:
    options = tuple(Option(one.value, one.value.capitalize()) for one in Tier if one is not held)
    return (
        Ask(name="tier", label="Another tier", kind="choice", options=options, needed=True),
        Ask(name="why", label="Why", kind="prose", hint=_LEAST_REASON),
    )


def _facts(found: Triaged, names: Mapping[str, str]) -> tuple[Fact, ...]:
    standing = found.standing
    if standing is None:
        return (
            Fact("Tier", found.use.tier.value.capitalize() if found.use.tier else "None yet", "as the record says"),
            Fact("By the rules today", found.would_be.value.capitalize(), f"rules of {found.fresh.edition}"),
        )
    set_by = _set_by(standing, names)
    return (
        Fact("Tier", standing.tier.value.capitalize(), set_by or f"by the rules of {standing.edition}"),
        Fact("By the rules", standing.computed.value.capitalize(), "each missing answer counted as its worst"),
        Fact("Triaged", day(standing.created_at), "answers or rules have changed since" if found.changed else ""),
        Fact("What answers establish", found.fresh.tier.value.capitalize(), "at least"),
    )


def _set_by(record: TriageRecord, names: Mapping[str, str]) -> str:
    if record.asked is None or record.asked_by is None:
        return ""
    by = names.get(record.asked_by, record.asked_by)
    agreed = f" and {names.get(record.agreed_by, record.agreed_by)}" if record.agreed_by else ""
    return f"set by {by}{agreed}"


def _changed(found: Triaged) -> str:
    if not found.changed or found.standing is None:
        return ""
    if found.would_be is found.standing.tier:
        return "Answers or rules have changed since it was triaged. The tier would be the same, with other reasons."
    return f"Answers or rules have changed since it was triaged: the tier would be {found.would_be.value} now."


def _reason(one: Mapping[str, Any], asks: Mapping[str, str]) -> ReasonLine:
    return ReasonLine(
        why=str(one["why"]),
        pushes_to=str(one["pushes_to"]).capitalize(),
        cited=str(one["cited"]),
        because_of=" ".join(asks.get(id_, id_) for id_ in one["because_of"]),
        forbids=bool(one.get("forbids")),
    )


def _class(one: Any) -> str:
    if one.applies is False:
        return "does not apply"
    found = f"{one.found}, as its owner answered" if one.found else "not known yet"
    return f"{found}; at worst: {one.could_be}" if one.could_be else found


def _pending(found: Triaged, names: Mapping[str, str], reader: str, *, may_agree: bool) -> PendingView | None:
    one = found.pending
    if one is None or one.asked is None:
        return None
    mine = one.asked_by == reader
    hand = found.hand_in.get(reader)
    return PendingView(
        id=one.id,
        revision=one.revision,
        held=one.tier.value,
        asked=one.asked.value,
        by=names.get(one.asked_by or "", one.asked_by or "the rules"),
        at=one.created_at,
        why=one.why or "",
        may_answer=may_agree and not mine and hand is None,
        mine=mine,
        not_because=f"You {hand}: others agree or not." if hand is not None and may_agree and not mine else "",
    )


def _determined(found: Triaged) -> tuple[Fact, ...]:
    need = {True: "Needed", False: "Not needed", None: "Not known yet"}[found.determination_needed]
    one = found.determination
    if one is None:
        return (Fact("A determination is", need), Fact("Determined", "Nothing yet"))
    number = f", {one.reference}" if one.reference else ""
    until = f"until {day(one.expires_on)}" if one.expires_on else ""
    return (
        Fact("A determination is", need),
        Fact("Determined", f"{one.outcome.value[:1].upper()}{one.outcome.value[1:]}", until),
        Fact("By", f"{one.determined_by}{number}", day(one.determined_on)),
    )


def _procedures(use: str, tier: Tier | None, *, emergency: bool) -> list[tuple[str, str, str]]:
    found = [(f"/reviews/new?use={use}", "The whole committee", "for every tier")]
    expedited = TERMS[DecisionKind.EXPEDITED]
    if tier in expedited.tiers:
        said = f"one reviewer and the chair; the decision ends by itself after {expedited.days} days"
        found.append((f"/reviews/new?use={use}&procedure=expedited", "Expedited review", said))
    terms = TERMS[DecisionKind.EMERGENCY]
    if emergency:
        said = f"the chair alone; it ends by itself after {terms.days} days, {terms.most_a_year} times a year at most"
        found.append((f"/reviews/new?use={use}&procedure=emergency", "Emergency approval", said))
    return found


def _past(one: TriageRecord, names: Mapping[str, str]) -> PastLine:
    by = names.get(one.asked_by or "", one.asked_by or "")
    if one.asked is None:
        said = f"By the rules of {one.edition}"
    else:
        agreed = f"; {names.get(one.agreed_by, one.agreed_by)} agreed" if one.agreed_by else ""
        why = f": {one.why}" if one.why else ""
        no = f" Refused: {one.refused}" if one.refused else ""
        said = f"{by} asked for {one.asked.value}{agreed}{why}{no}"
    return PastLine(at=one.created_at, tier=one.tier.value.capitalize(), said=said, state=_STATES[one.state])
