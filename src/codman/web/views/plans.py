"""A change plan on pages: its form in the three parts of a PCCP, and the plan as it stands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from codman.review.changes import PLANNABLE
from codman.spine.reopening import Changed, ChangePlan
from codman.spine.use import Use
from codman.web.render import day
from codman.web.views.changes import allowed_in_words, standing_of
from codman.web.views.forms import Ask
from codman.web.views.marks import Fact, Tag

LEAST: Final = "threshold_at_least"
MOST: Final = "threshold_at_most"
_ORDER: Final = tuple(one for one in Changed if one in PLANNABLE)
_HINTS: Final[Mapping[Changed, str]] = {
    Changed.VERSION: "Labels with commas between; 3.* is every one that begins so.",
    Changed.SITE: "Names of sites with commas between.",
    Changed.POPULATION: "Populations as the use would say them, with commas between.",
    Changed.DATA_SOURCE: "Sources with commas between.",
    Changed.EHR_BUILD: "Builds with commas between.",
}
_LABELS: Final[Mapping[Changed, str]] = {
    Changed.VERSION: "Versions it may become",
    Changed.SITE: "Sites it may run at",
    Changed.POPULATION: "Populations it may be used for",
    Changed.DATA_SOURCE: "Data sources it may read",
    Changed.EHR_BUILD: "EHR builds it may run in",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanView:
    """One plan."""

    id: str
    use: str
    use_name: str
    tag: Tag
    facts: tuple[Fact, ...]
    allows: tuple[str, ...]
    protocol: str
    requirements: tuple[str, ...]  # by what they are called
    impact: str


def plan_asks(*, requirements: bool) -> tuple[Ask, ...]:
    """The questions of a plan.

    Args:
        requirements: Whether its requirements are written, where there are none to choose from.
    """
    asks = []
    for one in _ORDER:
        if one is Changed.THRESHOLD:
            low = "Leave both open where the threshold may not change."
            asks.append(Ask(name=LEAST, label="Lowest threshold it may have", kind="amount", hint=low))
            asks.append(Ask(name=MOST, label="Highest threshold it may have", kind="amount"))
        else:
            asks.append(Ask(name=allows_field(one), label=_LABELS[one], kind="lines", hint=_HINTS[one]))
    asks.append(
        Ask(
            name="protocol",
            label="Part 2: how data, training, evaluation and update are done",
            kind="prose",
            needed=True,
        )
    )
    asks.append(
        Ask(name="impact", label="Part 3: benefits and risks, and how they are mitigated", kind="prose", needed=True)
    )
    asks.append(
        Ask(
            name="valid_to",
            label="Last day of the plan",
            kind="day",
            hint="Without one it holds as long as its decision.",
        )
    )
    if requirements:
        hint = "Ids of requirements of the policy that will judge it, with commas between."
        asks.append(
            Ask(name="requirements", label="What evidence must meet again", kind="lines", hint=hint, needed=True)
        )
    return tuple(asks)


def allows_field(changed: Changed) -> str:
    """The field that says what this may become, e.g. `allows_data_source`."""
    return "allows_" + changed.value.replace(" ", "_").lower()


def plan_fields(said: Mapping[str, Any]) -> dict[str, Any]:
    """A plan's first part, as its answers say it: what may change is what it is said of."""
    allows: dict[str, Any] = {}
    for one in _ORDER:
        if one is Changed.THRESHOLD:
            ends = {"at_least": said.get(LEAST), "at_most": said.get(MOST)}
            found: Any = {name: value for name, value in ends.items() if value is not None}
        else:
            found = said.get(allows_field(one))
        if found:
            allows[one.value] = found
    return {"modifications": list(allows), "allows": allows}


def plan_view(plan: ChangePlan, use: Use, titles: Mapping[str, str], *, holds: bool) -> PlanView:
    """A plan as it stands.

    Args:
        plan: The plan.
        use: Its use.
        titles: What requirements are called, by id.
        holds: Whether it is in force today.
    """
    case = Fact("Laid before", "a case", href=f"/reviews/{plan.case}") if plan.case else Fact("Laid before", "no case")
    return PlanView(
        id=plan.id,
        use=use.id,
        use_name=use.name,
        tag=standing_of(plan, holds=holds),
        facts=(
            case,
            Fact("Written", day(plan.created_at)),
            Fact("Holds until", day(plan.valid_to) if plan.valid_to else "its decision ends"),
        ),
        allows=allowed_in_words(plan),
        protocol=plan.protocol,
        requirements=tuple(titles.get(one, one) for one in plan.requirements),
        impact=plan.impact,
    )


def wrong_requirements(chosen: Sequence[str], offered: Sequence[str]) -> str:
    """Why this choice of requirements does not do; empty where it does."""
    if not chosen:
        return "choose at least one: without evidence no change is inside a plan"
    unknown = [one for one in chosen if offered and one not in offered]
    return f"no case of this use asks for {unknown[0][:60]!r}" if unknown else ""
