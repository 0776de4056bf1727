"""What changed about a use since it was decided: what that reopened, what settled it, what is allowed by plan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection

from codman.flows.before_deciding import NothingDecided
from codman.flows.change_control import WouldReopen
from codman.flows.review.pausing import own_hand
from codman.flows.review.plans import approved
from codman.flows.review.policies import titles_of
from codman.flows.review.reading import all_as_told
from codman.registry import governance
from codman.registry.access import Reader, may
from codman.registry.inventory import paths_of
from codman.registry.names import names_of
from codman.registry.schema_review import change_plans, pause_proposals, reopenings
from codman.review.changes import PLANNABLE
from codman.spine.pausing import PauseProposal, PauseState
from codman.spine.reopening import Changed, ChangePlan, Reopening, ReopeningState
from codman.spine.use import Use
from codman.spine.verdict import Result
from codman.web.views import marks
from codman.web.views.forms import Ask, Asked, Option, shown
from codman.web.views.marks import Tag

_STATES: Final[Mapping[str, Tag]] = {
    ReopeningState.OPEN.value: Tag("To be shown again", "unsure", "?"),
    ReopeningState.IN_PLAN.value: Tag("In plan", "met", "✓"),
    ReopeningState.CLOSED.value: Tag("Shown", "met", "✓"),
}
_PAUSES: Final[Mapping[str, Tag]] = {
    PauseState.OPEN.value: Tag("Proposed", "unsure", "‖"),
    PauseState.PAUSED.value: Tag("Paused", "plain", "‖"),
    PauseState.KEPT.value: Tag("Goes on", "plain", "●"),
    PauseState.WITHDRAWN.value: Tag("Withdrawn", "plain", "○"),
}
_CHANGED: Final = Ask(
    name="changed",
    label="What would change",
    kind="choice",
    options=tuple(Option(one.value, one.value[:1].upper() + one.value[1:]) for one in Changed if one in PLANNABLE),
    needed=True,
)
_TO: Final = Ask(
    name="to", label="What it would become", hint="A version's or a site's name, a threshold, a source, a build"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReopenedLine:
    """One requirement that was reopened."""

    requirement: str
    tag: Tag
    because: str
    newest: str  # how its newest evidence does not show it; empty where none came
    newest_is: str  # how that came out: not met, inconclusive
    at: str
    closed_at: str | None
    closed_by: str
    in_plan: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PauseLine:
    """One pause that is or was proposed."""

    id: str
    tag: Tag
    because: str
    at: str
    by: str
    why: str
    may_confirm: bool
    may_decline: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanLine:
    """One change plan."""

    href: str
    tag: Tag
    allows: tuple[str, ...]
    requirements: tuple[str, ...]
    valid_to: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangesView:
    """The whole page."""

    id: str
    name: str
    pauses: tuple[PauseLine, ...]
    reopened: tuple[ReopenedLine, ...]
    plans: tuple[PlanLine, ...]
    may_plan: bool
    asked: tuple[Asked, ...]
    undecided: NothingDecided | None  # nothing is decided yet: what is asked, and what evidence stands
    would: tuple[tuple[str, str, bool], ...] | None  # title, because, in plan; None where nothing was asked


def proposed_pauses(connection: Connection, use: Use, reader: Reader) -> tuple[PauseLine, ...]:
    """The pauses of a use that wait for somebody."""
    return tuple(one for one in _pauses(connection, use, reader) if one.tag is _PAUSES[PauseState.OPEN.value])


def changes_view(
    connection: Connection,
    use: Use,
    reader: Reader,
    day: str,
    values: Mapping[str, str],
    errors: Mapping[str, str],
    would: Sequence[WouldReopen] | None,
    undecided: NothingDecided | None = None,
    called: Mapping[str, str] | None = None,
    failing: Mapping[str, Result] | None = None,
) -> ChangesView:
    """The page of a use's changes.

    Args:
        connection: Where to read.
        use: The use.
        reader: Who looks.
        day: Today.
        values: What was asked about a change that is not made yet.
        errors: What is wrong with that.
        would: What it would reopen; None where nothing was asked.
        undecided: What stands instead of a decision, where nothing is decided.
        called: What requirements that a plan may name are called, by id.
        failing: What is to be shown again and newest evidence does not meet, by reopening.
    """
    kept = governance.every(connection, "reopening", reopenings.c.use == use.id)
    found: list[Reopening] = all_as_told(connection, reader, kept)
    titles = titles_of(connection, [one.policy for one in found])
    plans: list[ChangePlan] = governance.every(connection, "change_plan", change_plans.c.use == use.id)
    return ChangesView(
        id=use.id,
        name=use.name,
        pauses=_pauses(connection, use, reader),
        reopened=tuple(_reopened(one, titles, failing or {}) for one in sorted(found, key=_open_first)),
        plans=tuple(_plan(connection, one, day, called or {}) for one in reversed(plans)),
        may_plan=may(reader, "plan.create", paths_of(connection, use)),
        asked=shown((_CHANGED, _TO), values, errors),
        undecided=undecided,
        would=None if would is None else tuple((one.title, one.because, one.plan is not None) for one in would),
    )


def _open_first(one: Reopening) -> tuple[bool, str, str, str, str]:
    return one.state is not ReopeningState.OPEN, one.created_at, one.policy, one.requirement, one.id


def _reopened(one: Reopening, titles: Mapping[tuple[str, str], str], failing: Mapping[str, Result]) -> ReopenedLine:
    return ReopenedLine(
        requirement=titles.get((one.policy, one.requirement), one.requirement),
        tag=_STATES[one.state.value],
        because=one.because,
        newest=failing[one.id].sentence if one.id in failing else "",
        newest_is=marks.outcome(failing[one.id].outcome).text.lower() if one.id in failing else "",
        at=one.created_at,
        closed_at=one.closed_at,
        closed_by=one.closed_by or "",
        in_plan=one.plan is not None,
    )


def _pauses(connection: Connection, use: Use, reader: Reader) -> tuple[PauseLine, ...]:
    kept = governance.every(connection, "pause_proposal", pause_proposals.c.use == use.id)
    found: list[PauseProposal] = all_as_told(connection, reader, kept)
    named = names_of(connection, [one.settled_by for one in found])
    places = paths_of(connection, use)
    return tuple(
        PauseLine(
            id=one.id,
            tag=_PAUSES[one.state.value],
            because=one.because,
            at=one.created_at,
            by=named.get(one.settled_by or "", ""),
            why=one.why or "",
            may_confirm=one.state is PauseState.OPEN and may(reader, "use.pause", places),
            may_decline=one.state is PauseState.OPEN
            and may(reader, "case.change", places)
            and own_hand(connection, reader, one) is None,
        )
        for one in reversed(found)
    )


def _plan(connection: Connection, one: ChangePlan, day: str, called: Mapping[str, str]) -> PlanLine:
    return PlanLine(
        href=f"/plans/{one.id}",
        tag=standing_of(one, holds=approved(connection, one, day)),
        allows=allowed_in_words(one),
        requirements=tuple(called.get(id_, id_) for id_ in one.requirements),
        valid_to=one.valid_to,
    )


def standing_of(plan: ChangePlan, *, holds: bool) -> Tag:
    """Whether a plan allows anything today."""
    waiting = Tag("A draft", "plain", "○") if plan.case is None else Tag("Not in force", "unsure", "?")
    return Tag("In force", "met", "✓") if holds else waiting


def allowed_in_words(plan: ChangePlan) -> tuple[str, ...]:
    """What a plan allows, a line for each thing that may change."""
    return tuple(f"{name}: {_said(plan.allows.get(name))}" for name in plan.modifications)


def _said(allowed: object) -> str:
    if isinstance(allowed, dict):
        least, most = allowed.get("at_least"), allowed.get("at_most")
        return f"{'any' if least is None else least} to {'any' if most is None else most}"
    return ", ".join(map(str, allowed)) if isinstance(allowed, list) else "not said"
