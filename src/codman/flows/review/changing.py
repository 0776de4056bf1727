"""What a case at the change checkpoint is judged by: its own policy, and what was asked to let run what it adds to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from sqlalchemy import Connection

from codman.flows.review.grounds import decisions_in_force
from codman.flows.review.policies import kept
from codman.review.superseding import exposure
from codman.spine.policy import LETS_RUN, Checkpoint, Committee, Policy, Requirement, Severity
from codman.spine.review import Case
from codman.spine.use import Stage, Use

_LONGEST: Final = 200  # letters of a title


def judged_by(
    connection: Connection,
    use: Use,
    policy: Policy,
    *,
    leads_to: Stage,
    sites: Sequence[str],
    version: str | None,
    day: str,
) -> Policy:
    """The policy that a case is judged by: its checkpoint's; where it adds a version or a site, that decision's too.

    A committee that let a use run asked for certain things to be shown. A version or a site that comes by a change is
    shown to it by the same, beside what the change itself is asked; else the softer checkpoint were the way around the
    stricter one. A change that names nothing new is judged by its own policy alone. Where nothing that was decided is
    in force there is nothing to change: such a case lets nothing run (`flows.decided`).

    Args:
        connection: Where to read.
        use: The use.
        policy: Its checkpoint's policy.
        leads_to: The stage that the case asks for.
        sites: The sites it names.
        version: The version it names.
        day: Today, ISO 8601.
    """
    if policy.checkpoint is not Checkpoint.CHANGE:
        return policy
    for case in decisions_in_force(connection, use.id, day):
        as_far = case.checkpoint in LETS_RUN and exposure(case.leads_to) >= exposure(leads_to)
        if as_far and _adds(case, sites, version):
            policy = _with(policy, kept(connection, case.policy_digest))
    return policy


def _adds(case: Case, sites: Sequence[str], version: str | None) -> bool:
    """Whether sites and a version are others than a decision names."""
    return case.version != version or (bool(case.sites) and (not sites or not set(sites) <= set(case.sites)))


def _with(policy: Policy, decided: Policy) -> Policy:
    """A policy that also asks everything another one asked, with as many people to say so."""
    asked: dict[tuple[str, ...], Requirement] = {}
    for one in decided.requires:
        if one.severity is Severity.BLOCK or _asks(one) not in asked:
            asked[_asks(one)] = one
    own = tuple(_as_strict(one, asked.get(_asks(one))) for one in policy.requires)
    more = {
        "requires": (*own, *_others(own, decided, asked)),
        "committee": _together(policy.committee, decided.committee),
        "level": max(policy.level, decided.level),
    }
    return policy.model_copy(update=more)


def _others(
    own: Sequence[Requirement], decided: Policy, strict: Mapping[tuple[str, ...], Requirement]
) -> Iterator[Requirement]:
    asked, taken = {_asks(one) for one in own}, {one.id for one in own}
    for one in decided.requires:
        if _asks(one) in asked:
            continue
        name, number = one.id, 1
        while name in taken:
            number += 1
            name = f"{one.id[:90]}-{number}"
        taken.add(name)
        title = one.name if name == one.id else f"{one.name}, as {decided.checkpoint.value} asked"[:_LONGEST]
        yield _as_strict(one, strict[_asks(one)]).model_copy(update={"id": name, "title": title})


def _asks(one: Requirement) -> tuple[str, ...]:
    """What a requirement asks for, whatever it is called."""
    return one.asked_as, one.asks.model_dump_json(), one.evidence, *one.origin, str(one.max_age_days)


def _as_strict(one: Requirement, other: Requirement | None) -> Requirement:
    stops = other is not None and other.severity is Severity.BLOCK
    return one.model_copy(update={"severity": Severity.BLOCK}) if stops else one


def _together(one: Committee | None, other: Committee | None) -> Committee | None:
    if one is None or other is None:
        return one or other
    disciplines = tuple(dict.fromkeys((*one.disciplines, *other.disciplines)))[:20]
    return Committee(voters=max(one.voters, other.voters), disciplines=disciplines)
