"""packs: which ready policies there are on a day, and what one of them demands."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from codman.errors import BadInput
from codman.flows.gate import moment_of
from codman.review.packs.catalog import OWN, every_pack, pack, packs
from codman.review.packs.dated import OutOfDate
from codman.review.packs.pack import Pack
from codman.review.policy import wording
from codman.review.policy.bound import Bound
from codman.review.policy.catalog import BY_KEY
from codman.review.policy.limits import LEAST
from codman.spine.policy import Policy, Requirement, Severity


class NoSuchFolder(BadInput):
    """The folder of own packs that was named is not there."""

    def __init__(self, folder: Path) -> None:
        super().__init__(
            what=f"{folder} is no folder of packs", why="there is no such folder", fix="check its name, or leave it out"
        )


class NoSuchPolicy(BadInput):
    """A policy that no pack has."""

    def __init__(self, name: str) -> None:
        super().__init__(
            what=f"there is no policy {name[:100]!r}",
            why="neither a ready pack nor one of your own has it",
            fix="look at the list of packs: it names their policies",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A policy, the pack it is from, and how that stands on a day."""

    pack: Pack
    policy: Policy
    standing: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PackLine:
    """One pack of the list."""

    name: str
    title: str
    own: bool
    holds: bool
    standing: str
    policies: int
    requirements: int

    def answer(self) -> dict[str, Any]:
        """As plain JSON types."""
        return {key: getattr(self, key) for key in self.__slots__}


@dataclass(frozen=True, slots=True)
class Shown:
    """A pack, or one policy of it."""

    pack: Pack
    standing: str
    policy: Policy | None = None

    def answer(self) -> dict[str, Any]:
        """As plain JSON types."""
        if self.policy is not None:
            return self.policy.model_dump(mode="json")
        return {**self.pack.model_dump(mode="json"), "standing": self.standing}

    def text(self) -> str:
        """For people: an overview of a pack; a policy as the file it could be."""
        if self.policy is not None:
            return self.pack.policy_file(self.policy)
        return "\n".join(_overview(self.pack, self.standing)) + "\n"


def own_folder(named: Path | None, workspace: Path | None) -> Path | None:
    """Where a hospital's own packs are: in the folder that was named, else in the workspace's, where there is one.

    Raises:
        NoSuchFolder: A folder was named and is not there.
    """
    if named is not None and not named.is_dir():
        raise NoSuchFolder(named)
    return named if named is not None or workspace is None else workspace / OWN


def listed(*, own: Path | None = None, at: str | None = None) -> list[PackLine]:
    """All packs, those that do not hold on the day marked.

    Raises:
        BadInput: The day or a pack cannot be read.
    """
    day = _day(at)
    return [
        PackLine(
            name=each.name,
            title=each.title,
            own=each.own,
            holds=each.holds(day),
            standing=each.standing(day),
            policies=len(each.checkpoints),
            requirements=each.counts.requirements,
        )
        for each in every_pack(own)
    ]


def shown(name: str, *, own: Path | None = None, at: str | None = None) -> Shown:
    """A pack of that name, else the policy of that name, as it holds on the day.

    Raises:
        BadInput: There is none, it does not hold on the day, or a pack cannot be read.
    """
    day = _day(at)
    for each in sorted(packs(day, own), key=lambda p: (p.own, p.valid_from), reverse=True):
        policy = each.policy(name)
        if policy is not None:
            return Shown(each, each.standing(day), policy)
    found = pack(name, day, own)
    return Shown(found, found.standing(day))


def policy_named(name: str, day: date, *, own: Path | None = None) -> Held:
    """The policy of that name, of the edition that holds on a day; of equals the hospital's own.

    Raises:
        NoSuchPolicy: No pack has it.
        OutOfDate: It holds on other days.
        BadPolicy: A pack cannot be read.
    """
    having = [(each, policy) for each in every_pack(own) if (policy := each.policy(name)) is not None]
    if not having:
        raise NoSuchPolicy(name)
    holding = [one for one in having if one[0].holds(day)]
    if not holding:
        last = having[-1][0]
        raise OutOfDate(f"{name} {last.edition}", last.standing(day), day)
    found, policy = max(holding, key=lambda one: (one[0].own, one[0].valid_from))
    return Held(pack=found, policy=policy, standing=found.standing(day))


def _day(at: str | None) -> date:
    return moment_of(at).date()


def _overview(pack: Pack, standing: str) -> Iterator[str]:
    yield f"{pack.title} ({pack.name}; {standing})"
    for source in pack.source:
        clause = f", {source.clause}" if source.clause else ""
        yield f"  source: {source.title}{clause}. {source.citation}"
    for policy in pack.checkpoints:
        meant = policy.applies_to.model_dump(exclude_none=True)
        told = "; ".join(f"{key} {' or '.join(wanted)}" for key, wanted in meant.items())
        yield ""
        yield f"{policy.policy}  ({policy.checkpoint.value}{'; ' + told if told else ''})"
        for requirement in policy.requires:
            mark = "–" if requirement.severity is Severity.WARN else "•"
            yield f"  {mark} {requirement.name}: {asked(requirement)}"
    yield ""
    yield "• must be met   – warns only"


def asked(requirement: Requirement) -> str:
    """What a requirement asks for, in words."""
    origin = " or ".join(one.value for one in requirement.origin)
    asks, noun = requirement.asks, requirement.evidence.value
    if isinstance(asks, Bound):
        noun += f" with {wording.demanded(asks, wording.word(asks.metric))}"
        counts = [f"{getattr(asks, key):,} {of}" for key, of in LEAST.items() if getattr(asks, key)]
        noun += f" on at least {' and '.join(counts)}" if counts else ""
    elif requirement.asked_as == "document":
        noun = BY_KEY["document"].wants(asks)
    age = f", at most {requirement.max_age_days:,.10g} days old" if requirement.max_age_days is not None else ""
    return f"{origin} {noun}{age}".strip()
