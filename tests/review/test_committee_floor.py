"""The fewest who decide, by tier: what a policy adds, and by which words a discipline is known."""

from __future__ import annotations

import pytest

from codman.review.committee import committee_differences, floor_for, is_there
from codman.review.policy.load import policy_of_bytes
from codman.spine.policy import Policy
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


OWN = "applies_to: {{tier: [{tiers}]}}\ncommittee: {{{committee}}}"


def edition(committee: str, tiers: str = "high, medium, low") -> Policy:
    written = OWN.format(tiers=tiers, committee=committee)
    return policy_of_bytes(POLICY.format(committee=written).encode(), "p")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        # high takes 3 anyway, medium and low take 2
        (
            "voters: 2",
            "voters: 4",
            ["tightened: votes that a use takes at least: of high risk 4, and took 3; "
             "of medium or low risk 4, and took 2"],
        ),
        (
            "voters: 3, disciplines: [legal]",
            "voters: 2",
            [
                "loosened: votes that a use takes at least: of medium or low risk 2, and took 3",
                "loosened: a vote no longer has to come from legal",
            ],
        ),
        # a use of high or of medium risk needs a clinical vote anyway
        ("", "disciplines: [Clinical]", ["tightened: a vote has to come from Clinical, for a use of low risk"]),
        ("voters: 1", "voters: 2", ["changed: its committee is written otherwise; every tier takes what it took"]),
        ("voters: 5", "voters: 5, disciplines: []", []),
    ],
)  # fmt: skip
def test_what_a_changed_committee_changes_is_said_for_each_tier(old, new, said):
    found = committee_differences(edition(old), edition(new))
    assert [f"{one.way}: {one.words}" for one in found] == said
    assert {one.requirement for one in found} <= {None}


def test_only_the_tiers_that_an_edition_is_meant_for_are_spoken_of():
    (one,) = committee_differences(edition("voters: 1", "high"), edition("voters: 4", "high"))
    assert one.words == "votes that a use takes at least: of high risk 4, and took 3"


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
