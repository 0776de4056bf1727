"""Policies and frameworks with their dates; and how each control of a framework stands for a use on a day."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import date
from typing import Annotated, Any

from pydantic import BaseModel, Field

from codman.api import replies
from codman.api.call import Call
from codman.api.operation import Answer, Operation
from codman.api.replies import Reply
from codman.api.routes.lists import CONFIG
from codman.flows import packs
from codman.flows.review.matrix import controls_of, day_asked
from codman.flows.review.opening import own_packs
from codman.review.packs.catalog import every_pack
from codman.review.packs.framework import Control, ControlFramework, every_framework, framework
from codman.review.packs.pack import Pack
from codman.spine.policy import Policy
from codman.spine.record import Day


class DayAsked(BaseModel):
    """The day something is asked for."""

    model_config = CONFIG

    at: Day | None = Field(default=None, description="A day, YYYY-MM-DD; today where left out")


class ControlsAsked(DayAsked):
    """The day, and the framework, that coverage is asked for."""

    framework: Annotated[str, Field(max_length=100)] | None = Field(
        default=None, description="Only this framework; all that hold on the day where left out"
    )


class PolicyLine(BaseModel):
    """A policy of a pack."""

    model_config = CONFIG

    policy: str
    checkpoint: str
    applies_to: dict[str, list[str]] = Field(description="Whom it is meant for; a key left out is everybody")
    requirements: int


class PackLine(BaseModel):
    """A pack with its dates, and how it stands on the day."""

    model_config = CONFIG

    pack: str
    edition: str
    title: str
    technique: str
    own: bool = Field(description="The hospital's own, not one that came with Codman")
    valid_from: date
    valid_to: date | None
    holds: bool
    standing: str
    requirements: int
    policies: list[PolicyLine]


class PackList(BaseModel):
    """Every pack."""

    model_config = CONFIG

    items: list[PackLine]


class PolicyRead(BaseModel):
    """A policy, the pack it is from, and how that stands on the day."""

    model_config = CONFIG

    pack: str
    standing: str
    policy: Policy


class FrameworkLine(BaseModel):
    """A framework with its dates, and how it stands on the day."""

    model_config = CONFIG

    framework: str
    edition: str
    title: str
    status: str
    valid_from: date
    valid_to: date | None
    applies_from: date | None
    holds: bool
    standing: str
    checked: bool = Field(description="Whether all of it was compared with a source")
    controls: int


class FrameworkList(BaseModel):
    """Every framework."""

    model_config = CONFIG

    items: list[FrameworkLine]


class FrameworkRead(FrameworkLine):
    """A framework with its sources and controls."""

    source: list[dict[str, str | None]]
    listed: list[Control]


class CoveredControl(BaseModel):
    """How one control stands for a use, and why."""

    model_config = CONFIG

    framework: str
    control: str
    title: str
    standing: str = Field(description="open, claimed only, met by document, met by evidence, or not applicable")
    why: str


class Coverage(BaseModel):
    """The coverage matrix of a use on a day."""

    model_config = CONFIG

    use: str
    on: date
    counts: dict[str, dict[str, int]] = Field(description="Of each framework, how many controls stand how")
    items: list[CoveredControl]


def operations() -> Iterator[Operation]:
    """What can be asked of policies, frameworks and their controls."""
    yield Operation(
        method="GET",
        path="/policies",
        name="list_policies",
        tag="policies",
        action="policy.read",
        summary="List packs and their policies",
        description="Those that came with Codman and the hospital's own, of any date, and how each stands on the day.",
        do=_packs,
        query=DayAsked,
        answers=(Answer(200, "Every pack", PackList),),
    )
    yield Operation(
        method="GET",
        path="/policies/{id}",
        name="get_policy",
        tag="policies",
        action="policy.read",
        summary="Read a policy",
        description="Everything it demands, as it holds on the day.",
        do=_policy,
        query=DayAsked,
        parameters={"id": "The policy's name"},
        answers=(Answer(200, "The policy", PolicyRead),),
    )
    yield Operation(
        method="GET",
        path="/frameworks",
        name="list_frameworks",
        tag="policies",
        action="policy.read",
        summary="List frameworks",
        description="Laws, rules and standards whose controls requirements answer, and how each stands on the day.",
        do=_frameworks,
        query=DayAsked,
        answers=(Answer(200, "Every framework", FrameworkList),),
    )
    yield Operation(
        method="GET",
        path="/frameworks/{id}",
        name="get_framework",
        tag="policies",
        action="policy.read",
        summary="Read a framework",
        description="Its controls, by id and short title, as it holds on the day.",
        do=_framework,
        query=DayAsked,
        parameters={"id": "The framework's name"},
        answers=(Answer(200, "The framework", FrameworkRead),),
    )
    yield Operation(
        method="GET",
        path="/uses/{id}/controls",
        name="get_controls",
        tag="policies",
        action="review.read",
        summary="Read a use's coverage matrix",
        description="Each control of each framework that holds on the day: met by evidence, met by document, claimed "
        "only, open or not applicable, and why. A past day counts what was filed and said by its end.",
        do=_controls,
        query=ControlsAsked,
        parameters={"id": "The use's id"},
        answers=(Answer(200, "The matrix", Coverage),),
    )


def _packs(call: Call) -> Reply:
    day = _day(call)
    return replies.plain(PackList(items=[_pack_line(one, day) for one in every_pack(own_packs(call.house))]))


def _policy(call: Call) -> Reply:
    found = packs.policy_named(call.path["id"], _day(call), own=own_packs(call.house))
    return replies.plain(PolicyRead(pack=found.pack.name, standing=found.standing, policy=found.policy))


def _frameworks(call: Call) -> Reply:
    day = _day(call)
    return replies.plain(FrameworkList(items=[FrameworkLine(**_framework_line(one, day)) for one in every_framework()]))


def _framework(call: Call) -> Reply:
    day = _day(call)
    found = framework(call.path["id"], day)
    source = [one.model_dump() for one in found.source]
    return replies.plain(FrameworkRead(**_framework_line(found, day), source=source, listed=list(found.controls)))


def _controls(call: Call) -> Reply:
    use, day = call.id("use"), day_asked(call.house, call.query.at)
    rows = controls_of(call.house, call.reader, use, on=day, name=call.query.framework)
    counts: dict[str, Counter[str]] = {}
    for row in rows:
        counts.setdefault(row.framework.framework, Counter())[row.standing.said] += 1
    items = [
        CoveredControl(
            framework=row.framework.framework,
            control=row.control.id,
            title=row.control.title,
            standing=row.standing.said,
            why=row.why,
        )
        for row in rows
    ]
    return replies.plain(Coverage(use=use, on=day, counts=counts, items=items))


def _day(call: Call) -> date:
    """The day asked for; one to come too, since what is dated shows what will hold then."""
    return day_asked(call.house, call.query.at, to_come=True)


def _pack_line(pack: Pack, day: date) -> PackLine:
    return PackLine(
        pack=pack.pack,
        edition=pack.edition,
        title=pack.title,
        technique=pack.technique,
        own=pack.own,
        valid_from=pack.valid_from,
        valid_to=pack.valid_to,
        holds=pack.holds(day),
        standing=pack.standing(day),
        requirements=pack.counts.requirements,
        policies=[
            PolicyLine(
                policy=one.policy,
                checkpoint=one.checkpoint.value,
                applies_to={key: list(wanted) for key, wanted in one.applies_to.model_dump(exclude_none=True).items()},
                requirements=len(one.requires),
            )
            for one in pack.checkpoints
        ],
    )


def _framework_line(one: ControlFramework, day: date) -> dict[str, Any]:
    return {
        "framework": one.framework,
        "edition": one.edition,
        "title": one.title,
        "status": one.status,
        "valid_from": one.valid_from,
        "valid_to": one.valid_to,
        "applies_from": one.applies_from,
        "holds": one.holds(day),
        "standing": one.standing(day),
        "checked": one.checked,
        "controls": len(one.controls),
    }
