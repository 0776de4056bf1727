"""What a clinician accepts at a site: which decision, on which conditions, until when, of which version."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from codman.flows.accepting import UNDECIDED, ToAccept
from codman.spine.review import Condition, ConditionState, Procedure
from codman.web.render import day


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepts:
    """What stands beside the button."""

    on: str  # the case of the decision; `undecided` where there is none
    sentence: str
    href: str  # of the decision, for who may read it; empty otherwise
    conditions: tuple[str, ...]
    before: bool  # it was accepted, before this was decided


def accepts(one: ToAccept, sites: Mapping[str, str], *, reads: bool) -> Accepts:
    """What is accepted, in words.

    Args:
        one: What waits.
        sites: Names of sites by id; one that is not there is out of the reader's reach and not named.
        reads: Whether the reader may read the decision.
    """
    case, version = one.case, f"Version {one.version}" if one.version else "Which version runs is not said"
    if case is None:
        said = "No decision in force lets it run here yet; once there is one, you are asked again."
        return Accepts(on=UNDECIDED, sentence=f"{version}. {said}", href="", conditions=(), before=one.before)
    outcome = "" if case.outcome is None else case.outcome.value
    until = f", until {day(case.expires_on)}" if case.expires_on else ""
    where = ", ".join(sorted(sites[site] for site in case.sites if site in sites))
    alone = " in an emergency" if case.procedure is Procedure.EMERGENCY else ""
    said = f"{outcome.capitalize()}{alone} on {day(case.decided_at)} up to {case.leads_to.value}{until}"
    return Accepts(
        on=case.id,
        sentence=f"{version}. {said}{f', for {where}' if where else ''}.",
        href=f"/reviews/{case.id}/decision" if reads else "",
        conditions=tuple(_condition(each) for each in one.conditions),
        before=one.before,
    )


def _condition(one: Condition) -> str:
    lapsed = one.state is ConditionState.LAPSED
    return f"{one.sentence} ({f'lapsed: not met by {day(one.due_on)}' if lapsed else f'by {day(one.due_on)}'})"
