"""The fewest who decide: how many votes a use of each tier takes at least, and of whom. Data in committee.yaml."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from pydantic import Field, model_validator

from codman.review.packs.dated import Strict
from codman.review.policy.diff import CHANGED, LOOSENED, TIGHTENED, Difference
from codman.review.policy.requirement import Change
from codman.spine.policy import Committee, Name, Policy
from codman.spine.use import Tier
from codman.spine.yaml_text import read_yaml


@dataclass(frozen=True, slots=True)
class Floor:
    """The least that a full procedure takes."""

    voters: int = 1
    disciplines: tuple[str, ...] = ()

    def more(self, voters: int, disciplines: Sequence[str]) -> Floor:
        """This one and what somebody else asks for; never less than it."""
        there = {one.casefold() for one in self.disciplines}
        added = tuple(one for one in dict.fromkeys(disciplines) if one.casefold() not in there)
        return Floor(max(self.voters, voters), (*self.disciplines, *added))


class _Tier(Strict):
    voters: int = Field(ge=2, le=100)
    disciplines: tuple[Name, ...] = ()


class _Floors(Strict):
    vote_again_work_days: int = Field(ge=1, le=30)
    high: _Tier
    medium: _Tier
    low: _Tier
    words: dict[str, tuple[Name, ...]]
    offered: tuple[Name, ...]

    @model_validator(mode="after")
    def _none_lower_than_a_lesser_tier(self) -> _Floors:
        for more, less in ((self.high, self.medium), (self.medium, self.low)):
            if more.voters < less.voters or not set(less.disciplines) <= set(more.disciplines):
                raise ValueError("a higher tier takes at least what a lower one takes")
        return self


def floor_for(tier: Tier | None, policy: Policy | None = None) -> Floor:
    """The least that a use of a tier takes, and what its policy asks beyond.

    Args:
        tier: Its tier; None, where nobody has given one, is held to the highest.
        policy: What it is judged by.
    """
    asked: _Tier = getattr(_floors(), (tier or Tier.HIGH).value)
    floor = Floor(asked.voters, asked.disciplines)
    if policy is None or policy.committee is None:
        return floor
    return floor.more(policy.committee.voters, policy.committee.disciplines)


def vote_again_work_days() -> int:
    """How many work days those who voted have to vote again, once what was voted on is another."""
    return _floors().vote_again_work_days


def committee_differences(old: Policy, new: Policy) -> tuple[Difference, ...]:
    """What two editions ask of the committee beyond what a use's tier takes, and what that changes for each tier."""
    was, now = old.committee or Committee(), new.committee or Committee()
    if was == now:
        return ()
    before = {tier: floor_for(tier, old) for tier in _tiers_of(old, new)}
    after = {tier: floor_for(tier, new) for tier in before}
    changes = [*_votes(before, after), *_voices(before, after)]
    if not changes:
        changes.append(Change(CHANGED, "its committee is written otherwise; every tier takes what it took"))
    return tuple(Difference(None, one.way, one.words) for one in changes)


def _tiers_of(*editions: Policy) -> list[Tier]:
    """The tiers that any of some editions is meant for, the highest first."""
    named = [set(one.applies_to.tier or Tier) for one in editions]
    return [tier for tier in (Tier.HIGH, Tier.MEDIUM, Tier.LOW) if any(tier in names for names in named)]


def _votes(before: Mapping[Tier, Floor], after: Mapping[Tier, Floor]) -> Iterator[Change]:
    for way, tiers in (
        (TIGHTENED, [tier for tier in before if after[tier].voters > before[tier].voters]),
        (LOOSENED, [tier for tier in before if after[tier].voters < before[tier].voters]),
    ):
        said = {(after[tier].voters, before[tier].voters): _named(tiers, before, after, tier) for tier in tiers}
        if said:
            words = "; ".join(f"of {names} risk {now}, and took {was}" for (now, was), names in said.items())
            yield Change(way, f"votes that a use takes at least: {words}")


def _named(tiers: Sequence[Tier], before: Mapping[Tier, Floor], after: Mapping[Tier, Floor], like: Tier) -> str:
    """The tiers for which it changes as for this one."""
    wanted = before[like].voters, after[like].voters
    return " or ".join(tier.value for tier in tiers if (before[tier].voters, after[tier].voters) == wanted)


def _voices(before: Mapping[Tier, Floor], after: Mapping[Tier, Floor]) -> Iterator[Change]:
    for way, words, has, had in (
        (TIGHTENED, "has to come from", after, before),
        (LOOSENED, "no longer has to come from", before, after),
    ):
        found: dict[str, list[str]] = {}
        for tier in before:
            there = {one.casefold() for one in had[tier].disciplines}
            for one in has[tier].disciplines:
                if one.casefold() not in there:
                    found.setdefault(one, []).append(tier.value)
        for discipline, tiers in found.items():
            of = "" if len(tiers) == len(before) else f", for a use of {' or '.join(tiers)} risk"
            yield Change(way, f"a vote {words} {discipline}{of}")


def is_there(discipline: str, there: Collection[str]) -> bool:
    """Whether one of these reviewers' disciplines is the one asked for, by any word it is known by."""
    known = {one.casefold() for one in (discipline, *_floors().words.get(discipline.casefold(), ()))}
    return any(one.strip().casefold() in known for one in there)


def offered(asked: Sequence[str] = ()) -> Mapping[str, tuple[str, ...]]:
    """What reviewers can be named as, in order: first, by each discipline that is asked for, what counts as it.

    Args:
        asked: The disciplines of which a case needs a vote.

    Returns:
        Disciplines by what they count as; those that count as nothing asked for stand under an empty name.
    """
    words = _floors().words
    found: dict[str, tuple[str, ...]] = {}
    for one in asked:
        found[one] = tuple(sorted(words.get(one.casefold(), (one,)), key=str.casefold))
    counted = {each.casefold() for ones in found.values() for each in ones}
    rest = {each for ones in words.values() for each in ones} | set(_floors().offered)
    found[""] = tuple(sorted((each for each in rest if each.casefold() not in counted), key=str.casefold))
    return found


def as_listed(discipline: str) -> str:
    """A discipline as the list spells it, where it has it; else as it was written, without stray spaces."""
    written = " ".join(discipline.split())
    known = {each.casefold(): each for ones in offered().values() for each in ones}
    return known.get(written.casefold(), written)


@cache
def _floors() -> _Floors:
    return _Floors.model_validate(read_yaml(files("codman.review").joinpath("committee.yaml").read_text("utf-8")))
