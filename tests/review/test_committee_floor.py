"""The fewest who decide, by tier: what a policy adds, and by which words a discipline is known."""

from __future__ import annotations

import pytest

from codman.review.committee import floor_for, is_there
from codman.review.policy.load import policy_of_bytes
from codman.spine.use import Tier

POLICY = """
policy: own
edition: 2026-11
checkpoint: go-live
{committee}
requires:
  - id: card
    document: model-card
"""


@pytest.mark.parametrize(
    ("tier", "voters", "disciplines"),
    [
        (Tier.HIGH, 3, ("clinical", "safety or equity")),
        (Tier.MEDIUM, 2, ("clinical",)),
        (Tier.LOW, 2, ()),
        (None, 3, ("clinical", "safety or equity")),
    ],
)
def test_a_tier_takes_its_fewest_and_a_use_without_one_what_the_highest_takes(tier, voters, disciplines):
    floor = floor_for(tier)
    assert (floor.voters, floor.disciplines) == (voters, disciplines)


def test_a_policy_asks_for_more_and_never_for_less():
    more = policy_of_bytes(POLICY.format(committee="committee: {voters: 5, disciplines: [legal]}").encode(), "p")
    less = policy_of_bytes(POLICY.format(committee="committee: {voters: 1}").encode(), "p")
    assert floor_for(Tier.MEDIUM, more).voters == 5
    assert floor_for(Tier.MEDIUM, more).disciplines == ("clinical", "legal")
    assert floor_for(Tier.MEDIUM, less).voters == 2


@pytest.mark.parametrize(
    ("asked", "there", "found"),
    [
        ("clinical", ["Nursing"], True),
        ("clinical", ["statistics", "IT"], False),
        ("safety or equity", ["patient safety"], True),
        ("safety or equity", ["Equity"], True),
        ("legal", ["Legal "], True),
    ],
)
def test_a_discipline_is_known_by_any_of_its_words(asked, there, found):
    assert is_there(asked, there) is found
