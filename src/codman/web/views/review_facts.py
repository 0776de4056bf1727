"""How a case stands at a glance: what its page says first."""

from __future__ import annotations

from typing import Final

from codman.flows.review.beside import LaidOut
from codman.review.unknown import nothing_known, said_of_nothing
from codman.review.votes import COUNTED
from codman.spine.review import Choice, ConditionState, Procedure
from codman.spine.use import Stage
from codman.spine.verdict import Outcome
from codman.web.render import day
from codman.web.views import marks
from codman.web.views.marks import Fact, Tag

_COUNTED: Final = (Outcome.NOT_MET, Outcome.UNVERIFIABLE, Outcome.MISSING, Outcome.STALE, Outcome.INCONCLUSIVE)


def tags_of(found: LaidOut) -> tuple[Tag, ...]:
    """How it ended or how far it is, what it asks for, by which procedure, of which tier."""
    case = found.docket.case
    ended = None if case.outcome is None else case.outcome.value
    tags = [marks.case(case.state.value, ended, case.procedure.value)]
    tags.append(Tag(f"Asks for: {case.leads_to.value.replace('-', ' ')}"))
    tags.append(Tag(f"{case.procedure.value.capitalize()} procedure"))
    if found.docket.use.tier is not None:
        tags.append(Tag(f"Tier {found.docket.use.tier.value}"))
    return tuple(tags)


def nothing_known_in(found: LaidOut) -> str:
    """That not one requirement was shown, as a sentence; nothing where one was."""
    outcomes = [one.outcome for one in found.requirements]
    return said_of_nothing(outcomes, now=found.working) if nothing_known(outcomes) else ""


def facts_of(found: LaidOut) -> tuple[Fact, ...]:
    """Requirements, what stops it, votes and its day."""
    case, votes = found.docket.case, found.votes
    judged = [one for one in found.requirements if one.outcome is not Outcome.NOT_APPLICABLE]
    met = sum(one.outcome is Outcome.MET for one in judged)
    rest = {outcome: sum(one.outcome is outcome for one in judged) for outcome in _COUNTED}
    said = [f"{number} {marks.outcome(outcome.value).text.lower()}" for outcome, number in rest.items() if number]
    leads = "" if votes.leads is None else f"they say: {_led_to(found)}"
    # of a decided case those that were counted then: who leaves later undoes no decision
    then = found.decided.votes if found.decided is not None else {}
    cast = votes.cast if found.decided is None else sum(then.get(choice.value, 0) for choice in COUNTED)
    over = "none led" if not found.working else "none leads yet"
    asked_for = f"of {case.quorum}" if case.procedure is not Procedure.EMERGENCY else "cast; an emergency needs none"
    return (
        Fact("Requirements", f"{met} of {len(judged)} met", detail=" · ".join(said)),
        stops(found),
        Fact("Votes", f"{cast} {asked_for}", detail=leads or over),
        Fact(
            "Due" if found.working else "Decided",
            day(case.due_on if found.working else case.decided_at) if case.due_on or case.decided_at else "No day set",
            detail=f"submitted by {found.names.get(case.proposed_by, case.proposed_by)} {day(case.created_at)}",
        ),
    )


def stops(found: LaidOut) -> Fact:
    """How many requirements keep an approval from being signed; in an emergency they do not."""
    titles = [one.title for one in found.requirements if one.stops]
    term = "What stops an approval" if found.working else "What stopped an approval"
    if not titles:
        return Fact(term, "Nothing")
    if found.docket.case.procedure is Procedure.EMERGENCY:
        detail = "an emergency goes past it, for days only"
        return Fact("What would stop another approval", str(len(titles)), detail=detail)
    return Fact(term, str(len(titles)), detail="unless it is met or accepted" if found.working else "")


def stopping(found: LaidOut) -> str:
    """What is said beside a requirement that stops an approval."""
    if found.docket.case.procedure is Procedure.EMERGENCY:
        return "would stop another approval"
    return "stops an approval" if found.working else "stopped an approval"


def votes_say(found: LaidOut) -> Fact:
    """What the votes add up to, for who closes the case."""
    votes = found.votes
    if found.docket.case.procedure is Procedure.EMERGENCY and votes.leads is None and not votes.cast:
        return Fact("The votes say", "Nothing", detail="; ".join(votes.lacking) or "an emergency needs none")
    leads = "no majority" if votes.leads is None else _led_to(found)
    return Fact("The votes say", leads, detail="; ".join(votes.lacking) or "nothing is lacking")


def _led_to(found: LaidOut) -> str:
    """What the votes carry, in words: of a retirement, that it is this which is approved."""
    led = "" if found.votes.leads is None else found.votes.leads.value
    if found.docket.case.leads_to is Stage.RETIRED and found.votes.leads in (Choice.APPROVE, Choice.WITH_CONDITIONS):
        return led.replace("approve", "approve that it retires", 1)
    return led


def what_is_signed(found: LaidOut) -> tuple[Fact, ...]:
    """The artefact, the sites and every condition that a decision would be about (21 CFR 11.50)."""
    case, names = found.docket.case, found.names
    version = names.get(case.version or "", "")
    planned = {site: f" (planned: {mode.value})" for site, mode in found.ahead.items()}
    sites = [f"{names.get(site, site)}{planned.get(site, '')}" for site in case.sites]
    waits = [one for one in found.docket.conditions if one.state is ConditionState.OPEN]
    asked = tuple(
        Fact("On condition", one.sentence, detail=f"{names.get(one.owner, one.owner)}, by {day(one.due_on)}")
        for one in waits
    )
    return (
        Fact("Asks for", case.leads_to.value.replace("-", " "), detail=f"{case.procedure.value} procedure"),
        Fact("Version", f"{found.docket.product.name} {version}".strip(), detail="" if version else "no version named"),
        Fact("Sites", ", ".join(sites) or "None named"),
        *(asked or (Fact("Conditions", "None"),)),
    )
