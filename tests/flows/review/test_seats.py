"""As what reviewers judge a case: a list to choose from, put right before a vote, and said where nobody fits."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))
from committee import Committee, auroc, cast

from codman.flows.review.cases import NotYours
from codman.flows.review.reading import read_case
from codman.flows.review.seats import correct_discipline, delegate, excuse_reviewer, name_reviewer, state_interest
from codman.flows.task import Duty
from codman.flows.work import waiting
from codman.registry.access import Held, NotAllowed
from codman.registry.log import SYSTEM
from codman.registry.nouns import USES
from codman.registry.records import AlreadyThere, BadField, Stale
from codman.review.committee import as_listed, floor_for, is_there, offered
from codman.review.packs.catalog import every_pack
from codman.spine.person import Role
from codman.spine.review import Choice, Conflict, Reviewer
from codman.spine.use import Tier


@pytest.fixture
def house(tmp_path, database_url):
    made = Committee(tmp_path, database_url)
    with made.house.database.changing(SYSTEM) as change:
        USES.change(change, "ward", {"tier": "medium"}, None)  # takes two votes, one of them clinical
    yield made
    made.house.close()


def seats(house: Committee, case: str) -> dict[str, Reviewer]:
    found = read_case(house.house, house.person("chair"), case)
    return {one.person: one for one in found.reviewers}


def lacks(house: Committee, case: str) -> list[str]:
    return read_case(house.house, house.person("chair"), case).unseated


def test_whatever_a_tier_or_a_policy_asks_for_can_be_chosen_from_the_list():
    asked = {each for tier in Tier for each in floor_for(tier).disciplines}
    policies = [one for pack in every_pack() for one in pack.checkpoints]
    asked |= {each for one in policies if one.committee for each in one.committee.disciplines}
    assert "clinical" in asked
    for one in asked:
        counted = offered([one])[one]
        assert counted
        assert all(is_there(one, [each]) for each in counted)
        assert not any(is_there(one, [each]) for each in offered([one])[""])


def test_no_discipline_stands_in_the_list_twice():
    found = [
        each.casefold() for ones in offered(["clinical", "safety or equity", "chaplaincy"]).values() for each in ones
    ]
    assert len(found) == len(set(found))
    assert {"chaplaincy", "nursing", "statistics", "legal", "it operations"} <= set(found)


@pytest.mark.parametrize(
    ("written", "kept"), [(" Nursing ", "nursing"), ("it  OPERATIONS", "IT operations"), ("Chaplaincy", "Chaplaincy")]
)
def test_a_discipline_is_kept_as_the_list_spells_it_and_another_as_it_was_written(house, written, kept):
    assert as_listed(written) == kept
    case = house.opened()
    assert name_reviewer(house.house, house.person("chair"), case.id, "p-clin", written).discipline == kept


def test_a_wrong_discipline_is_corrected_before_anybody_votes_and_never_after(house):
    house.evidence(auroc(0.8, 0.78, 0.82))
    case = house.opened()
    chair = house.person("chair")
    for name, said in (("clin", "cardilogy"), ("stat", "statistics")):
        name_reviewer(house.house, chair, case.id, f"p-{name}", said)
        state_interest(house.house, house.person(name), case.id, Conflict.NONE)
    one = seats(house, case.id)["p-clin"]
    with pytest.raises(Stale):
        correct_discipline(house.house, chair, one.id, one.revision + 1, "nursing")
    with pytest.raises(BadField):
        correct_discipline(house.house, chair, one.id, one.revision, "  ")
    now = correct_discipline(house.house, chair, one.id, one.revision, "Nursing")
    assert (now.discipline, now.conflict) == ("nursing", Conflict.NONE)  # what they stated stands

    cast(house.house, house.person("stat"), case.id, Choice.APPROVE)
    with pytest.raises(AlreadyThere, match="somebody voted"):
        correct_discipline(house.house, chair, one.id, now.revision, "statistics")


def test_only_who_presides_and_has_no_hand_in_it_corrects_and_never_their_own(house):
    case = house.opened()
    one = name_reviewer(house.house, house.person("chair"), case.id, "p-clin", "nurse")
    own = name_reviewer(house.house, house.officer, case.id, "p-chair", "legal")
    with pytest.raises(NotAllowed):
        correct_discipline(house.house, house.person("stat"), one.id, one.revision, "nursing")
    owner = replace(house.person("owner"), held=(Held(Role.CHAIR),))
    with pytest.raises(NotYours):
        correct_discipline(house.house, owner, one.id, one.revision, "nursing")
    with pytest.raises(NotYours, match="review it yourself"):
        correct_discipline(house.house, house.person("chair"), own.id, own.revision, "clinical")


def test_nobody_names_themselves_a_reviewer(house):
    case = house.opened()
    with pytest.raises(NotYours, match="nobody names themselves"):
        name_reviewer(house.house, house.person("chair"), case.id, "p-chair", "clinical")


def test_who_was_taken_off_comes_back_as_what_they_were_once_somebody_has_voted(house):
    house.evidence(auroc(0.8, 0.78, 0.82))
    case = house.opened()
    chair = house.person("chair")
    house.seated(case, "clin", "stat")
    one = seats(house, case.id)["p-clin"]
    excuse_reviewer(house.house, chair, one.id, one.revision)
    one = name_reviewer(house.house, chair, case.id, "p-clin", "nursing")  # nobody has voted yet

    cast(house.house, house.person("stat"), case.id, Choice.APPROVE)
    excuse_reviewer(house.house, chair, one.id, one.revision)
    with pytest.raises(BadField, match="they reviewed it as nursing before, and somebody has voted since"):
        name_reviewer(house.house, chair, case.id, "p-clin", "legal")
    assert name_reviewer(house.house, chair, case.id, "p-clin", "Nursing").discipline == "nursing"


def test_a_discipline_that_nobody_named_has_is_said_before_the_vote_and_asked_of_who_presides(house):
    case = house.opened(disciplines=["legal"])
    assert lacks(house, case.id) == ["clinical", "legal"]  # nobody is named at all
    house.seated(case, "stat", "safe")
    assert lacks(house, case.id) == ["clinical", "legal"]
    (task,) = [one for one in waiting(house.house, house.person("chair")) if one.duty is Duty.REVIEWERS]
    assert task.sentence.startswith(
        "Nobody reviews it as clinical or as legal, so no vote can decide it; name somebody"
    )
    assert task.at == f"/reviews/{case.id}/reviewers"

    house.seated(case, "clin", "legal")
    assert lacks(house, case.id) == []
    assert Duty.REVIEWERS not in [one.duty for one in waiting(house.house, house.person("chair"))]


def test_who_has_a_conflict_or_hands_the_vote_on_fills_no_discipline(house):
    case = house.opened()
    house.seated(case, "clin", "stat")
    assert lacks(house, case.id) == []
    delegate(house.house, house.person("clin"), case.id, "p-idle")
    assert lacks(house, case.id) == ["clinical"]
    delegate(house.house, house.person("clin"), case.id, None)
    state_interest(house.house, house.person("clin"), case.id, Conflict.CONFLICT, "advises the vendor")
    assert lacks(house, case.id) == ["clinical"]
