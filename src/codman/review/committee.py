"""The fewest who decide: how many votes a use of each tier takes at least, and of whom. Data in committee.yaml."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import yaml
from pydantic import Field, model_validator

from codman.review.packs.dated import Strict
from codman.spine.policy import Name, Policy
from codman.spine.use import Tier


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
    high: _Tier
    medium: _Tier
    low: _Tier
    words: dict[str, tuple[Name, ...]]

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


def is_there(discipline: str, there: Collection[str]) -> bool:
    """Whether one of these reviewers' disciplines is the one asked for, by any word it is known by."""
    known = {one.casefold() for one in (discipline, *_floors().words.get(discipline.casefold(), ()))}
    return any(one.strip().casefold() in known for one in there)


@cache
def _floors() -> _Floors:
    return _Floors.model_validate(yaml.safe_load(files("codman.review").joinpath("committee.yaml").read_text("utf-8")))
