"""A person's own tier: up freely, down with a reason and a second person who has no part in the use.

Pure: the flow keeps what is made here, and asks `tier_of` which tier holds.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, StringConstraints

from codman.errors import BadInput
from codman.review.triage.tier import ORDER, Triage, highest
from codman.spine.record import FREE_TEXT, Id
from codman.spine.statement import Instant, when
from codman.spine.use import Tier

LEAST_REASON: Final = 20  # characters: room for a sentence, none for "ok"

Reason = Annotated[str, StringConstraints(strip_whitespace=True, max_length=20_000), FREE_TEXT]


class OverrideRefused(BadInput):
    """A tier that may not be set so."""

    def __init__(self, why: str, fix: str) -> None:
        super().__init__("the tier stays as it is", why, fix)


class Override(BaseModel):
    """Another tier than the rules give, and who answers for it."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    rules_gave: Tier
    held: Tier  # the tier before it, an earlier override included
    to: Tier
    reason: Reason | None = None
    by: Id
    second: Id | None = None
    at: Instant
    rules: str  # the edition of the rules

    @property
    def lowers(self) -> bool:
        """Whether it goes below what held."""
        return ORDER.index(self.to) < ORDER.index(self.held)


def override(
    triaged: Triage,
    to: Tier,
    *,
    by: str,
    at: str,
    reason: str | None = None,
    second: str | None = None,
    involved: Collection[str] = (),
    earlier: Iterable[Override] = (),
    stands: Tier | None = None,
) -> Override:
    """Set another tier than the one that holds.

    Args:
        triaged: What the rules give.
        to: The tier.
        by: Who sets it.
        at: When, ISO 8601.
        reason: Needed to go down; kept either way.
        second: Another person who agrees; needed to go down.
        involved: Who built it, proposed it or answers for it: they may raise it and not lower it.
        earlier: The overrides so far; taking back an earlier raise is a way down too.
        stands: The tier that the book holds, where that may be more than rules and overrides give now: rules that came
            to say less have lowered nothing yet, nor has a first triage what the use came into the book with.

    Raises:
        OverrideRefused: It is the same tier, or goes down without what that needs.
    """
    held = tier_of(triaged, earlier) if stands is None else highest((tier_of(triaged, earlier), stands))
    if to is held:
        raise OverrideRefused(f"it is {to.value} already", "choose another tier, or leave it")
    gave, edition = triaged.binding, triaged.edition
    made = Override(rules_gave=gave, held=held, to=to, reason=reason, by=by, second=second, at=at, rules=edition)
    if not made.lowers:
        return made
    if triaged.forbidden:
        raise OverrideRefused("what it does is prohibited where it is used", "correct the answers, or withdraw it")
    if len((made.reason or "").strip()) < LEAST_REASON:
        why = f"a lower tier needs a reason of at least {LEAST_REASON} characters"
        raise OverrideRefused(why, "say in a sentence why the rules weigh it too heavily")
    if second is None or second == by:
        raise OverrideRefused("a lower tier needs a second person", "ask somebody else to agree")
    if {by, second} & set(involved):
        raise OverrideRefused(
            "whoever built it, proposed it or answers for it may not lower its tier", "ask two people who have no part"
        )
    return made


def tier_of(triaged: Triage, overrides: Iterable[Override]) -> Tier:
    """The tier that holds: the rules' own, or what people made of it since.

    The latest override counts. One at or above the rules stays a floor when they say more; one below them was made for
    what they said then, and falls away once they say more than that or forbid it.
    """
    latest = max(overrides, key=lambda one: when(one.at), default=None)
    if latest is None:
        return triaged.binding
    if ORDER.index(latest.to) >= ORDER.index(latest.rules_gave):
        return highest((triaged.binding, latest.to))
    says_more = ORDER.index(triaged.binding) > ORDER.index(latest.rules_gave)
    return triaged.binding if says_more or triaged.forbidden else latest.to
