"""A vote says yes to what was on the table: another condition or other evidence, and it must be cast again."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))
from book import ARTEFACT
from committee import Committee, auroc, cast

from codman.flows.decided import of_other_uses
from codman.flows.review.before_the_decision import add_condition
from codman.flows.review.cases import NotYours, docket, open_case, withdraw
from codman.flows.review.changes_seen import DATA_SOURCE_FACT, THRESHOLD_FACT
from codman.flows.review.conditions import withdraw_condition
from codman.flows.review.deciding import CannotDecide, decide
from codman.flows.review.minutes import minutes
from codman.flows.review.reading import read_case
from codman.flows.review.remarks import remark
from codman.flows.review.seats import (
    Seated,
    delegate,
    excuse_reviewer,
    lift_conflict,
    name_reviewer,
    state_interest,
)
from codman.flows.review.voting import CaseChanged, table
from codman.flows.task import Duty
from codman.flows.work import waiting
from codman.registry import governance
from codman.registry.access import NotAllowed
from codman.registry.log import SYSTEM
from codman.registry.nouns import DEPLOYMENTS, FACTS, GRANTS, PEOPLE, PRODUCTS, USES, VERSIONS
from codman.registry.records import AlreadyThere, BadField, NoSuchRecord
from codman.registry.schema import grants
from codman.spine.person import Role
from codman.spine.product import ProductFields, VersionFields
from codman.spine.review import CaseOutcome, Choice, Conflict, Procedure
from codman.spine.use import Stage, UseFields

ASKED = {"sentence": "Show equal sensitivity again", "owner": "p-owner", "due_on": "2027-02-01"}


@pytest.fixture
def house(tmp_path, database_url):
    made = Committee(tmp_path, database_url)
    made.evidence()
    yield made
    made.house.close()


def voted(house: Committee, case, *names: str, choice: Choice = Choice.APPROVE) -> None:
    for name in names:
        cast(house.house, house.person(name), case.id, choice, reason="as shown")


def close(house: Committee, case, outcome: CaseOutcome = CaseOutcome.APPROVED):
    chair = house.person("chair")
    now = docket(house.house, chair, case.id).case
    return decide(house.house, chair, case.id, now.revision, outcome, "as voted, and for no other reason")


def read(house: Committee, case):
    return read_case(house.house, house.person("chair"), case.id)


def test_a_lighter_condition_put_in_after_the_votes_does_not_slip_by(house):
    case = house.opened(quorum=2)
    house.seated(case)
    chair = house.person("chair")
    one = add_condition(house.house, chair, case.id, ASKED)
    voted(house, case, "clin", "stat", choice=Choice.WITH_CONDITIONS)
    withdraw_condition(house.house, chair, one.id, one.revision, "not needed")
    lighter = add_condition(house.house, chair, case.id, {**ASKED, "sentence": "Send a note some time"})

    assert len(read(house, case).stale_votes) == 2
    with pytest.raises(CannotDecide, match="2 votes were cast before what was voted on changed"):
        close(house, case, CaseOutcome.CONDITIONAL)

    withdraw_condition(house.house, chair, lighter.id, lighter.revision, "back to what was voted on")
    add_condition(house.house, chair, case.id, ASKED)
    assert read(house, case).stale_votes == []
    assert close(house, case, CaseOutcome.CONDITIONAL).outcome is CaseOutcome.CONDITIONAL
    assert [one.counted for one in minutes(house.house, chair, case.id).votes] == [True, True]


def test_other_evidence_makes_votes_stale_they_stay_there_and_wait_to_be_cast_again(house):
    case = house.opened(quorum=2)
    house.seated(case, "clin", "stat")
    voted(house, case, "clin", "stat")
    house.clock.forward(hours=3)
    house.evidence(auroc(0.79, 0.76, 0.82))

    found = read(house, case)
    assert (len(found.votes), len(found.stale_votes)) == (2, 2)
    (task,) = [one for one in waiting(house.house, house.person("clin")) if one.duty is Duty.VOTE]
    assert task.sentence == "Vote again, since what is voted on changed: Ward sepsis, go-live"
    with pytest.raises(CannotDecide, match="must be cast again"):
        close(house, case)
    voted(house, case, "clin", "stat")
    assert close(house, case).outcome is CaseOutcome.APPROVED


def test_another_downtime_procedure_between_vote_and_signature_is_voted_on_anew(house):
    with house.house.database.changing(SYSTEM) as change:
        USES.change(change, "ward", {"downtime_procedure": "Score every patient by hand"}, None)
    case = house.opened(quorum=2)
    house.seated(case, "clin", "stat")
    voted(house, case, "clin", "stat")
    with house.house.database.changing(SYSTEM) as change:
        USES.change(change, "ward", {"downtime_procedure": "Wait until it is back"}, None)

    assert len(read(house, case).stale_votes) == 2
    with pytest.raises(CannotDecide, match="2 votes were cast before what was voted on changed"):
        close(house, case)
    voted(house, case, "clin", "stat")
    assert close(house, case).outcome is CaseOutcome.APPROVED


@pytest.mark.parametrize("tier", ["high", None])
def test_a_case_asks_for_no_fewer_votes_than_its_tier_takes(house, tier):
    with house.house.database.changing(SYSTEM) as change:
        USES.change(change, "ward", {"tier": tier}, None)
    with pytest.raises(BadField, match="takes 3 votes at least"):
        house.opened(quorum=2)


def test_a_high_risk_use_is_not_decided_without_clinical_and_safety_or_equity(house):
    with house.house.database.changing(SYSTEM) as change:
        USES.change(change, "ward", {"tier": "high"}, None)
    case = house.opened(quorum=3)
    house.seated(case)
    name_reviewer(house.house, house.person("chair"), case.id, "p-idle", "IT")
    voted(house, case, "stat", "legal")
    with pytest.raises(CannotDecide, match="a vote from clinical, a vote from safety or equity"):
        close(house, case)
    voted(house, case, "clin", "safe")
    assert close(house, case).outcome is CaseOutcome.APPROVED


def test_a_tier_raised_after_the_opening_asks_for_its_votes_too(house):
    case = house.opened(quorum=2)
    house.seated(case, "stat", "legal")
    voted(house, case, "stat", "legal")
    with house.house.database.changing(SYSTEM) as change:
        USES.change(change, "ward", {"tier": "high"}, None)
    voted(house, case, "stat", "legal")  # on a use of high risk now
    with pytest.raises(CannotDecide, match="1 more vote"):
        close(house, case)


def test_who_has_a_hand_in_it_neither_names_nor_excuses_who_judges_it(house):
    case = house.opened()
    house.seated(case, "clin")
    (seat,) = docket(house.house, house.officer, case.id).reviewers
    with pytest.raises(NotYours, match="you sent its evidence"):
        name_reviewer(house.house, house.officer, case.id, "p-stat", "statistics")
    with pytest.raises(NotYours, match="you sent its evidence"):
        excuse_reviewer(house.house, house.officer, seat.id, seat.revision)
    with pytest.raises(Seated, match="they review this case already"):
        name_reviewer(house.house, house.second, case.id, "p-clin", "safety")


def test_a_remark_about_a_requirement_that_is_not_there_names_those_that_are(house):
    case = house.opened()
    with pytest.raises(BadField, match="it has: discrimination"):
        remark(house.house, house.person("clin"), case.id, "Why?", requirement="calibration")


def test_what_a_reader_may_not_see_answers_like_what_is_not_there(house):
    north = house.at("owner", "north")
    given = {"use": "ward", "leads_to": Stage.LIVE, "sites": ["south"]}
    with pytest.raises(BadField) as unseen:
        open_case(house.house, north, house.policy(), **given)
    with pytest.raises(BadField) as missing:
        open_case(house.house, north, house.policy(), **{**given, "sites": ["nowhere"]})
    assert unseen.value.why.replace("south", "nowhere") == missing.value.why

    case = house.opened(use="ward-south", sites=[], quorum=3)
    house.seated(case, "clin")
    (seat,) = docket(house.house, house.second, case.id).reviewers
    chair = house.at("chair", "north")
    for name in (seat.id, "reviewer-none"):
        with pytest.raises(NoSuchRecord, match=f"no reviewer '{name}'|{name}") as refused:
            excuse_reviewer(house.house, chair, name, 1)
        assert "case" not in str(refused.value)


def test_emergencies_count_for_the_product_whichever_of_its_uses_they_name(house):
    for use in ("ward", "ward-south", "ward"):
        given = {"use": use, "leads_to": Stage.LIVE, "sites": ["north"], "procedure": Procedure.EMERGENCY}
        case = open_case(house.house, house.second, house.policy(), **given)
        if use == "ward" and len(emergencies(house)) == 2:
            with pytest.raises(CannotDecide, match="had 2 emergency decisions within a year, 1 of them for another"):
                close(house, case)
        else:
            close(house, case)
    assert len(emergencies(house)) == 2


@pytest.mark.parametrize("how", ["the same artefact", "the same name"])
def test_emergencies_count_for_a_product_whichever_record_of_it_they_name(house, how):
    name, digest = ("Another name", ARTEFACT) if how == "the same artefact" else (" SEPSIS alert", "e" * 64)
    with house.house.database.changing(SYSTEM) as change:
        PRODUCTS.add(change, ProductFields(name=name), "twin")
        VERSIONS.add(change, VersionFields(product="twin", label="x", digest=digest), "twin-x")
        USES.add(change, UseFields(product="twin", name="Ward sepsis", site="north", tier="low"), "twin-use")
    given = {"leads_to": Stage.LIVE, "sites": ["north"], "procedure": Procedure.EMERGENCY}
    for _ in range(2):
        close(house, open_case(house.house, house.second, house.policy(), use="ward", **given))

    twin = open_case(house.house, house.second, house.policy(), use="twin-use", **given)
    with pytest.raises(CannotDecide, match="had 2 emergency decisions within a year, 2 of them for another"):
        close(house, twin)
    with house.house.database.reading() as connection:
        use = USES.get(connection, "twin-use")
        assert len(of_other_uses(connection, use, house.house.database.zone)) == 2


def emergencies(house: Committee):
    with house.house.database.reading() as connection:
        return [one for one in governance.every(connection, "case") if one.decided_at is not None]


def test_votes_against_are_not_lost_by_touching_the_table(house):
    case = house.opened(quorum=2)
    house.seated(case)
    voted(house, case, "safe", "legal", choice=Choice.REJECT)
    voted(house, case, "clin", "stat")
    add_condition(house.house, house.person("chair"), case.id, ASKED)
    voted(house, case, "clin", "stat", choice=Choice.WITH_CONDITIONS)

    with pytest.raises(CannotDecide, match="2 people have voted before what was voted on changed") as refused:
        close(house, case, CaseOutcome.CONDITIONAL)
    assert "ask them to vote again or abstain, or wait until" in refused.value.fix

    voted(house, case, "safe", choice=Choice.ABSTAIN)
    with pytest.raises(CannotDecide, match="somebody has voted before"):
        close(house, case, CaseOutcome.CONDITIONAL)
    voted(house, case, "legal", choice=Choice.REJECT)  # heard, and outvoted
    assert close(house, case, CaseOutcome.CONDITIONAL).outcome is CaseOutcome.CONDITIONAL


def test_who_does_not_vote_again_holds_a_decision_up_for_three_work_days_and_no_longer(house):
    case = house.opened(quorum=2)
    house.seated(case)
    voted(house, case, "clin", "stat", "safe", choice=Choice.DEFER)
    add_condition(house.house, house.person("chair"), case.id, ASKED)
    voted(house, case, "clin", "stat", choice=Choice.WITH_CONDITIONS)
    house.clock.forward(days=1)  # fewer than three work days, whatever the weekday

    with pytest.raises(CannotDecide, match="somebody has voted before"):
        close(house, case, CaseOutcome.CONDITIONAL)
    house.clock.forward(days=9)  # three work days and a long weekend

    assert close(house, case, CaseOutcome.CONDITIONAL).outcome is CaseOutcome.CONDITIONAL


def test_who_has_a_hand_in_the_use_writes_no_condition(house):
    case = house.opened()
    house.roles["owner"] = Role.OFFICER

    with pytest.raises(NotYours, match="others decide"):
        add_condition(house.house, house.person("owner"), case.id, ASKED)


def test_a_vote_on_a_case_as_it_was_read_before_it_changed_is_refused(house):
    case = house.opened(quorum=2)
    house.seated(case)
    chair, clin = house.person("chair"), house.person("clin")
    asked = add_condition(house.house, chair, case.id, ASKED)
    read_on = table(house.house, clin, case.id)
    withdraw_condition(house.house, chair, asked.id, asked.revision, "not needed")

    with pytest.raises(CaseChanged, match="what is voted on was changed meanwhile"):
        cast(house.house, clin, case.id, Choice.APPROVE, on=read_on)
    assert docket(house.house, chair, case.id).votes == []
    assert cast(house.house, clin, case.id, Choice.APPROVE).cast_on == read(house, case).table


def test_who_submitted_a_case_does_not_withdraw_it_once_it_is_voted_on_and_the_next_says_what_was_voted(house):
    case = house.opened(quorum=2)
    house.seated(case)
    voted(house, case, "clin", "stat", choice=Choice.REJECT)
    owner, chair = house.person("owner"), house.person("chair")
    now = docket(house.house, chair, case.id).case.revision
    with pytest.raises(NotAllowed):
        withdraw(house.house, owner, case.id, now, why="not this committee")
    with pytest.raises(BadField, match="say why"):
        withdraw(house.house, chair, case.id, now, why=" ")
    withdraw(house.house, chair, case.id, now, why="the version was withdrawn")

    again = house.opened(quorum=2)

    said = "a case for this checkpoint was withdrawn on 1 Nov 2026 after votes: 2 to reject"
    assert read(house, again).notes[0] == said


def test_a_conflict_of_interest_stays_with_the_case_until_its_chair_lifts_it(house):
    case = house.opened(quorum=2)
    house.seated(case)
    clin, chair = house.person("clin"), house.person("chair")
    torn = state_interest(house.house, clin, case.id, Conflict.CONFLICT, "I own shares")

    with pytest.raises(NotYours, match="you stated a conflict"):
        state_interest(house.house, clin, case.id, Conflict.NONE)
    with pytest.raises(AlreadyThere, match="stays with the case"):
        excuse_reviewer(house.house, chair, torn.id, torn.revision)
    with pytest.raises(BadField, match="nobody casts two"):
        delegate(house.house, house.person("legal"), case.id, "p-clin")
    with pytest.raises(NotAllowed):
        lift_conflict(house.house, clin, torn.id, torn.revision, "sold")
    with pytest.raises(BadField, match="say why"):
        lift_conflict(house.house, chair, torn.id, torn.revision, " ")

    lifted = lift_conflict(house.house, chair, torn.id, torn.revision, "the shares were sold in 2024")
    assert lifted.conflict is Conflict.NOT_STATED
    with pytest.raises(NotYours, match="say first"):
        cast(house.house, clin, case.id, Choice.APPROVE)
    assert state_interest(house.house, clin, case.id, Conflict.NONE).conflict is Conflict.NONE


def test_a_delegate_is_no_voice_of_another_discipline_and_who_casts_anothers_vote_does_not_close(house):
    case = house.opened(quorum=2, disciplines=["clinical"])
    house.seated(case, "clin", "stat")
    delegate(house.house, house.person("clin"), case.id, "p-legal")
    cast(house.house, house.person("legal"), case.id, Choice.APPROVE, of="p-clin")
    voted(house, case, "stat")

    assert read(house, case).lacking == ["a vote from clinical"]
    house.seated(case, "idle")
    voted(house, case, "idle")
    house.roles["legal"] = Role.CHAIR
    now = docket(house.house, house.person("chair"), case.id).case.revision
    with pytest.raises(NotYours, match="you cast somebody else's vote"):
        decide(house.house, house.person("legal"), case.id, now, CaseOutcome.APPROVED, "as voted")
    assert close(house, case).outcome is CaseOutcome.APPROVED


def test_who_presides_is_nobodys_delegate(house):
    case = house.opened(chair="p-chair")
    house.seated(case, "clin")

    with pytest.raises(BadField, match="they preside"):
        delegate(house.house, house.person("clin"), case.id, "p-chair")


def test_the_votes_of_closed_accounts_and_of_lost_roles_make_no_quorum(house):
    case = house.opened(quorum=2)
    house.seated(case)
    voted(house, case, "clin", "stat", "safe")
    with house.house.database.changing(SYSTEM) as change:
        PEOPLE.change(change, "p-clin", {"active": False}, None)
        held = change.connection.execute(grants.select().where(grants.c.person == "p-stat")).one()
        GRANTS.remove(change, held.id, held.revision)

    with pytest.raises(CannotDecide, match="1 more vote"):
        close(house, case)
    voted(house, case, "legal")
    assert close(house, case).outcome is CaseOutcome.APPROVED
    with house.house.database.changing(SYSTEM) as change:
        PEOPLE.change(change, "p-legal", {"active": False}, None)

    assert len(read(house, case).lacking) == 0  # who leaves later undoes no decision


@pytest.mark.parametrize(
    ("more", "why"),
    [({"state": "closed"}, "steps after the decision"), ({"requirement": "nowhere"}, "no such requirement")],
)
def test_a_condition_is_not_written_closed_and_names_a_requirement_of_the_policy(house, more, why):
    case = house.opened()

    with pytest.raises(BadField, match=why):
        add_condition(house.house, house.person("chair"), case.id, {**ASKED, **more})


@pytest.mark.parametrize("what", ["threshold", "data source", "inputs", "EHR build at the site", "EHR build"])
def test_how_it_runs_is_on_the_table_and_another_way_between_vote_and_signature_is_voted_on_anew(house, what):
    answer = {"about_kind": "use", "about": "ward", "source": "owner"}
    with house.house.database.changing(SYSTEM) as change:
        FACTS.add(change, FACTS.validated({**answer, "field": THRESHOLD_FACT, "value": "0.2"}), "f-threshold")
        FACTS.add(change, FACTS.validated({**answer, "field": DATA_SOURCE_FACT, "value": "EHR of adults"}), "f-source")
        runs = {"use": "ward", "site": "north", "mode": "silent", "version": "sepsis-120", "ehr_build": "B1"}
        DEPLOYMENTS.add(change, DEPLOYMENTS.validated(runs), "d-north")
        VERSIONS.change(change, "sepsis-120", {"ehr_build": "B1"}, None)
        USES.change(change, "ward", {"demographic_inputs": ["age"]}, None)
    records, name, after = {
        "threshold": (FACTS, "f-threshold", {"value": "0.9"}),
        "data source": (FACTS, "f-source", {"value": "another feed"}),
        "inputs": (USES, "ward", {"demographic_inputs": ["age", "race"]}),
        "EHR build at the site": (DEPLOYMENTS, "d-north", {"ehr_build": "B2"}),
        "EHR build": (VERSIONS, "sepsis-120", {"ehr_build": "B2"}),
    }[what]
    case = house.opened(quorum=2)
    house.seated(case, "clin", "stat")
    voted(house, case, "clin", "stat")
    with house.house.database.changing(SYSTEM) as change:
        before = getattr(records.get(change.connection, name), next(iter(after)))
        records.change(change, name, after, None)
    assert len(read(house, case).stale_votes) == 2
    with pytest.raises(CannotDecide, match="2 votes were cast before what was voted on changed"):
        close(house, case)

    with house.house.database.changing(SYSTEM) as change:  # put back, it is what was voted on
        records.change(change, name, {next(iter(after)): before}, None)
    assert read(house, case).stale_votes == []
