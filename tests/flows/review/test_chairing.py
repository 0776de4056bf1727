"""Who presides over a case is named anew, by who has neither a hand nor a vote in it, with a reason that stays."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from sqlalchemy import select

sys.path.insert(0, str(Path(__file__).parents[1]))
from committee import Committee, auroc, cast

from codman.flows.review.cases import NotYours, docket
from codman.flows.review.chairing import name_chair
from codman.flows.review.deciding import decide
from codman.flows.review.minutes import minutes
from codman.flows.review.seats import name_reviewer, state_interest
from codman.jobs.tables import outbox
from codman.registry.access import NotAllowed
from codman.registry.log import SYSTEM
from codman.registry.nouns import GRANTS, PEOPLE
from codman.registry.records import AlreadyThere, BadField, Stale
from codman.spine.person import GrantFields, Role
from codman.spine.review import CaseOutcome, Choice, Conflict


@pytest.fixture
def house(tmp_path, database_url):
    made = Committee(tmp_path, database_url)
    made.roles |= {"one": Role.OFFICER, "two": Role.OFFICER}
    with made.house.database.changing(SYSTEM) as change:
        PEOPLE.change(change, "p-chair", {"email": "chair@example.org"}, None)
    yield made
    made.house.close()


def mails(house: Committee) -> list[str]:
    with house.house.database.reading() as connection:
        return list(connection.execute(select(outbox.c.recipient).order_by(outbox.c.recipient)).scalars())


def test_a_case_whose_chair_is_away_is_taken_over_with_a_reason_and_closed(house):
    house.evidence(auroc(0.8, 0.78, 0.82))
    case = house.opened(quorum=2, chair="p-chair")
    house.seated(case, "clin", "stat")
    for name in ("clin", "stat"):
        cast(house.house, house.person(name), case.id, Choice.APPROVE)
    two = house.person("two")
    now = docket(house.house, two, case.id).case
    with pytest.raises(NotYours, match="another person presides"):
        decide(house.house, two, case.id, now.revision, CaseOutcome.APPROVED, "Benefit is likely.")
    with pytest.raises(BadField, match="say why"):
        name_chair(house.house, two, case.id, now.revision, "p-two", " ")

    taken = name_chair(house.house, two, case.id, now.revision, "p-two", "The chair is on leave.")

    assert (taken.chair, mails(house)) == ("p-two", ["chair@example.org"])
    done = decide(house.house, two, case.id, taken.revision, CaseOutcome.APPROVED, "Benefit is likely.")
    assert (done.state.value, done.chair) == ("decided", "p-two")
    said = "On 1 Nov 2026 Officer two took over as who presides, in place of Person chair: The chair is on leave."
    found = minutes(house.house, house.person("viewer"), case.id)
    assert (found.chair, found.handed_on) == ("Officer two", [said])
    assert said in found.markdown()


def test_who_presides_is_named_by_nobody_with_a_hand_or_a_vote_in_the_case_or_without_the_role(house):
    with house.house.database.changing(SYSTEM) as change:
        for name in ("p-owner", "p-clin"):
            GRANTS.add(change, GrantFields(person=name, role=Role.CHAIR))
    house.roles |= {"owner": Role.CHAIR, "clin": Role.CHAIR}
    case = house.opened(chair="p-chair")
    house.seated(case, "clin")
    name_reviewer(house.house, house.person("chair"), case.id, "p-one", "legal")
    state_interest(house.house, house.person("one"), case.id, Conflict.CONFLICT)
    for name in ("owner", "clin", "one"):
        with pytest.raises(NotYours, match=r"submitted this case|a vote in this case|a conflict of interest"):
            name_chair(house.house, house.person(name), case.id, case.revision, "p-two", "away")
    with pytest.raises(NotAllowed):
        name_chair(house.house, house.person("stat"), case.id, case.revision, "p-two", "away")
    two = house.person("two")
    refused = {"p-owner": "submitted", "p-clin": "a vote in", "p-one": "a conflict", "p-stat": "none of the roles"}
    for name, why in refused.items():
        with pytest.raises(BadField, match=why):
            name_chair(house.house, two, case.id, case.revision, name, "away")
    with pytest.raises(AlreadyThere):
        name_chair(house.house, two, case.id, case.revision, "p-chair", "away")
    with pytest.raises(Stale):
        name_chair(house.house, two, case.id, case.revision + 1, "p-two", "away")
    assert mails(house) == []


def test_who_presides_hands_it_on_themselves_though_they_vote_and_is_told_nothing(house):
    case = house.opened(chair="p-chair")
    name_reviewer(house.house, house.person("two"), case.id, "p-chair", "clinical")
    handed = name_chair(house.house, house.person("chair"), case.id, case.revision, "p-two", "I review it now.")
    assert (handed.chair, mails(house)) == ("p-two", [])
    told = minutes(house.house, house.person("viewer"), case.id).handed_on
    assert told == [
        "On 1 Nov 2026 Person chair named Officer two to preside, in place of Person chair: I review it now."
    ]
