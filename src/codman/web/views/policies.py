"""Packs, policies and frameworks as pages: what is demanded in words, from when to when, and where it comes from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from codman.flows.packs import asked
from codman.review.packs.dated import Dated
from codman.review.packs.framework import Control, ControlFramework
from codman.review.packs.pack import Pack
from codman.spine.day import written_day
from codman.spine.policy import AppliesTo, Policy, Severity
from codman.web.views.marks import Fact, Tag


@dataclass(frozen=True, slots=True, kw_only=True)
class PackLine:
    """A pack of the list."""

    href: str
    title: str
    edition: str
    own: bool
    tag: Tag
    policies: int
    requirements: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameworkLine:
    """A framework of the list."""

    href: str
    title: str
    edition: str
    status: str
    tag: Tag
    controls: int
    checked: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PoliciesView:
    """The list."""

    on: str
    packs: tuple[PackLine, ...]
    frameworks: tuple[FrameworkLine, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """One requirement in words."""

    title: str
    asks: str
    blocks: bool
    controls: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyPart:
    """One policy of a pack."""

    key: str
    name: str
    checkpoint: str
    meant_for: str
    demands: tuple[Demand, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PackView:
    """A pack."""

    title: str
    name: str
    tag: Tag
    facts: tuple[Fact, ...]
    sources: tuple[str, ...]
    policies: tuple[PolicyPart, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlLine:
    """One control."""

    id: str
    title: str
    part: str
    checked: bool
    answered: int  # policies of the packs in force that cite it


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameworkView:
    """A framework."""

    name: str
    title: str
    status: str
    tag: Tag
    facts: tuple[Fact, ...]
    sources: tuple[str, ...]
    unchecked: tuple[str, ...]
    controls: tuple[ControlLine, ...]


def policies_view(packs: Sequence[Pack], frameworks: Sequence[ControlFramework], on: date) -> PoliciesView:
    """Every pack and framework as they stand on a day."""
    day = f"?on={on.isoformat()}"
    return PoliciesView(
        on=on.isoformat(),
        packs=tuple(
            PackLine(
                href=f"/policies/{one.pack}{day}" if one.holds(on) else "",
                title=one.title,
                edition=one.edition,
                own=one.own,
                tag=_standing(one, on),
                policies=len(one.checkpoints),
                requirements=one.counts.requirements,
            )
            for one in packs
        ),
        frameworks=tuple(
            FrameworkLine(
                href=f"/frameworks/{one.framework}{day}" if one.holds(on) else "",
                title=one.title,
                edition=one.edition,
                status=one.status,
                tag=_standing(one, on),
                controls=len(one.controls),
                checked=one.checked,
            )
            for one in frameworks
        ),
    )


def pack_view(pack: Pack, on: date) -> PackView:
    """A pack with each demand in words."""
    return PackView(
        title=pack.title,
        name=pack.name,
        tag=_standing(pack, on),
        facts=(
            Fact("Edition", pack.edition, detail="your own" if pack.own else "came with Codman"),
            Fact("Policies", str(len(pack.checkpoints))),
            Fact("Requirements", str(pack.counts.requirements)),
            Fact("Holds from", written_day(pack.valid_from), detail=_until(pack)),
        ),
        sources=_sources(pack),
        policies=tuple(_policy(one) for one in pack.checkpoints),
    )


def framework_view(found: ControlFramework, packs: Sequence[Pack], on: date) -> FrameworkView:
    """A framework with its controls, and how many policies in force answer each."""
    cited: Counter[str] = Counter()
    for policy in (policy for pack in packs if pack.holds(on) for policy in pack.checkpoints):
        answered: set[str] = set()
        for requirement in policy.requires:
            for name, _, control in (one.partition("/") for one in requirement.controls):
                if name == found.framework:
                    answered |= {one.id for one in found.under(control)}
        cited.update(answered)
    facts = [
        Fact("Edition", found.edition),
        Fact("Controls", str(len(found.controls)), detail=_parts(found)),
        Fact("Holds from", written_day(found.valid_from), detail=_until(found)),
    ]
    if found.applies_from is not None:
        facts.append(Fact("Must be kept from", written_day(found.applies_from)))
    return FrameworkView(
        name=found.framework,
        title=found.title,
        status=found.status,
        tag=_standing(found, on),
        facts=tuple(facts),
        sources=_sources(found),
        unchecked=tuple(found.unchecked),
        controls=tuple(_control(one, cited) for one in found.controls),
    )


def _policy(policy: Policy) -> PolicyPart:
    return PolicyPart(
        key=f"p-{policy.policy}",
        name=policy.policy,
        checkpoint=policy.checkpoint.value,
        meant_for=_meant_for(policy.applies_to),
        demands=tuple(
            Demand(
                title=one.name,
                asks=asked(one),
                blocks=one.severity is Severity.BLOCK,
                controls=" · ".join(one.controls),
            )
            for one in policy.requires
        ),
    )


def _meant_for(applies_to: AppliesTo) -> str:
    said = applies_to.model_dump(exclude_none=True)
    return "; ".join(f"{key} {' or '.join(wanted)}" for key, wanted in said.items()) or "every use"


def _control(one: Control, cited: Counter[str]) -> ControlLine:
    part = " / ".join(dict.fromkeys(said for said in (one.part, one.group) if said))
    return ControlLine(id=one.id, title=one.title, part=part, checked=one.checked, answered=cited[one.id])


def _parts(found: ControlFramework) -> str:
    return ", ".join(f"{number} {part}" for part, number in found.counts.parts.items())


def _standing(one: Dated, on: date) -> Tag:
    said = one.standing(on)
    text = f"{said[:1].upper()}{said[1:]}"
    return Tag(text, "met", "✓") if one.holds(on) else Tag(text, "unsure", "?")


def _until(one: Dated) -> str:
    return "until it is replaced" if one.valid_to is None else f"to {written_day(one.valid_to)}"


def _sources(one: Dated) -> tuple[str, ...]:
    return tuple(
        f"{source.title}{f', {source.clause}' if source.clause else ''}. {source.citation}" for source in one.source
    )
