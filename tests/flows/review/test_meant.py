"""The policy of a case is the one that is meant for its use, and no edit of a minute chooses an easier one."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))
from committee import Committee, cast

from codman.flows import records
from codman.flows.review.before_the_decision import add_condition
from codman.flows.review.cases import docket
from codman.flows.review.deciding import decide
from codman.flows.review.meant import AnotherPolicy
from codman.flows.review.opening import open_for
from codman.flows.review.reading import read_case
from codman.registry.log import SYSTEM
from codman.registry.nouns import USES
from codman.spine.policy import Checkpoint
from codman.spine.review import CaseOutcome, Choice


@pytest.fixture
def house(tmp_path, database_url):
    made = Committee(tmp_path, database_url)
    made.evidence()
    with made.house.database.changing(SYSTEM) as change:
        USES.change(change, "ward", {"tier": "high"}, None)
    yield made
    made.house.close()


def set_to(house: Committee, setting: str | None) -> None:
    owner = house.person("owner")
    now = records.get(house.house, owner, "use", "ward").revision
    records.change(house.house, owner, "use", "ward", {"care_setting": setting}, now)


def opened(house: Committee):
    case = open_for(
        house.house, house.person("owner"), "ward", Checkpoint.GO_LIVE, sites=["north"], version="sepsis-120"
    )
    house.seated(case)
    return case


def test_a_use_made_another_for_the_minute_of_its_opening_is_not_voted_on_by_that_policy(house):
    was = docket_setting(house)
    set_to(house, "imaging")
    case = opened(house)
    assert case.policy == "imaging-triage-go-live"
    set_to(house, was)

    with pytest.raises(AnotherPolicy, match="imaging-triage-go-live"):
        cast(house.house, house.person("clin"), case.id, Choice.APPROVE)


def test_a_use_made_another_after_the_votes_is_not_granted_and_its_votes_wait_to_be_cast_again(house):
    case = opened(house)
    for name in ("clin", "stat", "safe"):
        cast(house.house, house.person(name), case.id, Choice.REJECT, reason="unsafe")
    assert case.policy != "imaging-triage-go-live"
    before = read_case(house.house, house.person("chair"), case.id)
    set_to(house, "imaging")

    after = read_case(house.house, house.person("chair"), case.id)
    assert (len(before.stale_votes), len(after.stale_votes)) == (0, 3)
    set_to(house, docket(house.house, house.person("chair"), case.id).use.care_setting)


def docket_setting(house: Committee) -> str | None:
    return records.get(house.house, house.person("owner"), "use", "ward").care_setting


def test_an_emergency_is_not_granted_by_a_policy_that_is_not_meant_for_the_use(house):
    was = docket_setting(house)
    set_to(house, "imaging")
    case = open_for(
        house.house, house.person("owner"), "ward", Checkpoint.GO_LIVE, sites=["north"], procedure="emergency"
    )
    chair = house.person("chair")
    set_to(house, was)
    add_condition(house.house, chair, case.id, {"sentence": "Measure it", "owner": "p-owner", "due_on": "2026-11-20"})
    now = docket(house.house, chair, case.id).case.revision

    with pytest.raises(AnotherPolicy):
        decide(house.house, chair, case.id, now, CaseOutcome.CONDITIONAL, "at once")
    assert decide(house.house, chair, case.id, now, CaseOutcome.REJECTED, "no").outcome is CaseOutcome.REJECTED
