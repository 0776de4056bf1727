"""After the decision: sites accept, the use goes live, conditions are closed by evidence or lapse."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))
from committee import Committee, auroc, cast

from codman.flows.records import accept_deployment
from codman.flows.review.before_the_decision import accept_inconclusive, add_condition
from codman.flows.review.cases import CannotDecide, docket
from codman.flows.review.conditions import close_by_hand, look, prolong, withdraw_condition
from codman.flows.review.deciding import decide
from codman.flows.review.staging import CannotMove, move, ways
from codman.flows.review.standing import standing_case
from codman.flows.review.undecided import uncovered
from codman.registry import governance
from codman.registry.access import NotAllowed
from codman.registry.log import SYSTEM
from codman.registry.nouns import DEPLOYMENTS, PEOPLE, USES, VERSIONS
from codman.registry.records import BadField
from codman.spine.product import VersionFields
from codman.spine.review import CaseOutcome, Choice, ConditionState
from codman.spine.site import DeploymentFields, Mode
from codman.spine.use import Stage

CONDITION = {"sentence": "Show it again on 900 more patients", "owner": "p-owner", "due_on": "2027-02-01"}


@pytest.fixture
def house(tmp_path, database_url):
    made = Committee(tmp_path, database_url)
    with made.house.database.changing(SYSTEM) as change:
        USES.change(change, "ward", {"tier": "high", "downtime_procedure": "Score by hand"}, None)
        DEPLOYMENTS.add(
            change,
            DeploymentFields(use="ward", site="north", version="sepsis-120", mode="silent", clinician="p-clin"),
            "d-north",
        )
    yield made
    made.house.close()


def decided(house: Committee, outcome: CaseOutcome = CaseOutcome.APPROVED, *, conditional: bool = False):
    case = house.opened(quorum=3)
    house.seated(case)
    choice = Choice.WITH_CONDITIONS if outcome is CaseOutcome.CONDITIONAL else Choice.APPROVE
    if conditional:
        accept_inconclusive(
            house.house, house.person("chair"), case.id, "discrimination", "too few patients", CONDITION
        )
    for name in ("clin", "stat", "safe"):
        cast(house.house, house.person(name), case.id, choice)
    now = docket(house.house, house.person("chair"), case.id).case
    return decide(house.house, house.person("chair"), case.id, now.revision, outcome, "as voted")


def gone(house: Committee, to: Stage, by: str = "chair", reason: str | None = None):
    with house.house.database.reading() as connection:
        revision = USES.get(connection, "ward").revision
    return move(house.house, house.person(by), "ward", to, revision, reason=reason)


def accepted(house: Committee) -> None:
    with house.house.database.reading() as connection:
        revision = DEPLOYMENTS.get(connection, "d-north").revision
    accept_deployment(house.house, house.person("clin"), "d-north", revision)


def test_a_version_set_before_the_decision_on_another_one_does_not_go_live(house):
    house.evidence()
    with house.house.database.changing(SYSTEM) as change:
        VERSIONS.add(change, VersionFields(product="sepsis", label="9.9", digest="9" * 64), "sepsis-999")
        DEPLOYMENTS.change(change, "d-north", {"version": "sepsis-999"}, None)
    decided(house)
    accepted(house)

    with pytest.raises(CannotMove, match=r"not about version 9\.9"):
        gone(house, Stage.LIVE)
    with house.house.database.changing(SYSTEM) as change:
        DEPLOYMENTS.change(change, "d-north", {"version": "sepsis-120"}, None)
    assert gone(house, Stage.LIVE).stage is Stage.LIVE


def test_a_use_goes_live_once_it_is_decided_and_its_site_accepted(house):
    house.evidence()
    with pytest.raises(CannotMove, match="no way leads"):
        gone(house, Stage.LIVE)
    decided(house)
    with pytest.raises(CannotMove, match="not accepted yet at: North"):
        gone(house, Stage.LIVE)
    accepted(house)
    assert gone(house, Stage.LIVE).stage is Stage.LIVE
    with house.house.database.reading() as connection:
        assert DEPLOYMENTS.get(connection, "d-north").mode is Mode.LIVE
        assert standing_case(connection, "ward", "2027-10-31") is not None
        assert standing_case(connection, "ward", "2027-11-01") is None


def test_a_decision_for_one_site_does_not_carry_another(house):
    house.evidence()
    with house.house.database.changing(SYSTEM) as change:
        DEPLOYMENTS.add(
            change, DeploymentFields(use="ward", site="south", mode="silent", clinician="p-clin"), "d-south"
        )
    decided(house)
    accepted(house)
    with house.house.database.changing(SYSTEM) as change:  # decided for the north alone, and set up there no more
        DEPLOYMENTS.change(change, "d-north", {"mode": "ended"}, None)
    (lacks,) = [one.lacks for one in ways(house.house, house.person("chair"), "ward").ways if one.to is Stage.LIVE]
    assert "no decision in force covers live at all its sites" in lacks


def test_each_site_goes_live_by_its_own_decision_and_one_without_stays_as_it_is(house):
    house.evidence()
    decided(house)
    accepted(house)
    with house.house.database.changing(SYSTEM) as change:
        USES.change(change, "ward", {"planned": {"south": "live"}}, None)
        fields = {"use": "ward", "site": "south", "mode": "silent", "clinician": "p-clin"}
        DEPLOYMENTS.add(change, DeploymentFields.model_validate(fields), "d-south")
    (lacks,) = [one.lacks for one in ways(house.house, house.person("chair"), "ward").ways if one.to is Stage.LIVE]
    assert lacks == ()

    assert gone(house, Stage.LIVE).stage is Stage.LIVE

    with house.house.database.reading() as connection:
        assert DEPLOYMENTS.get(connection, "d-north").mode is Mode.LIVE
        assert DEPLOYMENTS.get(connection, "d-south").mode is Mode.SILENT
        use = USES.get(connection, "ward")
        assert [one.deployment.id for one in uncovered(connection, use, "2026-11-02")] == ["d-south"]


def test_anybody_who_cares_for_it_stops_it_with_a_reason_and_only_the_chair_starts_it_again(house):
    house.evidence()
    decided(house)
    accepted(house)
    gone(house, Stage.LIVE)
    with pytest.raises(CannotMove, match="say why"):
        gone(house, Stage.PAUSED, "owner")
    gone(house, Stage.PAUSED, "owner", "scores stopped")
    with house.house.database.reading() as connection:
        assert DEPLOYMENTS.get(connection, "d-north").mode is Mode.PAUSED
    with pytest.raises(NotAllowed):
        gone(house, Stage.LIVE, "owner", "fixed")
    assert gone(house, Stage.LIVE, "chair", "fixed").stage is Stage.LIVE


def test_evidence_that_decides_it_closes_a_condition_and_says_which(house):
    house.evidence(auroc(0.77, 0.71, 0.83, n=300))
    decided(house, CaseOutcome.CONDITIONAL, conditional=True)
    assert look(house.house).closed == ()
    house.clock.forward(days=2)
    digest = house.evidence(auroc(0.80, 0.77, 0.83))
    (closed,) = look(house.house).closed
    with house.house.database.reading() as connection:
        one = governance.CONDITIONS.get(connection, closed)
    assert (one.state, one.closed_by) == (ConditionState.CLOSED, digest.removeprefix("sha256:"))
    assert look(house.house).closed == ()


def test_a_condition_lapses_the_day_after_it_was_due_and_reopens_its_requirement(house):
    house.evidence(auroc(0.77, 0.71, 0.83, n=300))
    decided(house, CaseOutcome.CONDITIONAL, conditional=True)
    assert look(house.house, "2027-02-01").lapsed == ()
    (lapsed,) = look(house.house, "2027-02-02").lapsed
    with house.house.database.reading() as connection:
        assert governance.CONDITIONS.get(connection, lapsed).state is ConditionState.LAPSED
        (again,) = governance.every(connection, "reopening")
    assert (again.requirement, again.changed.value) == ("discrimination", "condition lapsed")


def test_nobody_closes_their_own_condition_or_by_hand_what_evidence_closes(house):
    house.evidence(auroc(0.77, 0.71, 0.83, n=300))
    case = house.opened(quorum=3)
    chair = house.person("chair")
    own = add_condition(house.house, chair, case.id, {**CONDITION, "owner": "p-owner"})
    by_evidence = accept_inconclusive(house.house, chair, case.id, "discrimination", "few", CONDITION)
    with pytest.raises(NotAllowed, match=r"case\.change"):
        close_by_hand(house.house, house.person("owner"), own.id, own.revision, "done")
    with pytest.raises(BadField, match="evidence closes this one"):
        close_by_hand(house.house, chair, by_evidence.condition, 1, "done")
    assert close_by_hand(house.house, chair, own.id, own.revision, "seen on the ward").state is ConditionState.CLOSED


def test_an_expired_decision_is_found(house):
    house.evidence()
    case = decided(house)
    assert look(house.house, "2027-10-31").expired == ()
    assert look(house.house, "2027-11-01").expired == (case.id,)


def test_a_condition_is_taken_back_before_the_decision_and_not_after_it_or_where_something_rests_on_it(house):
    house.evidence(auroc(0.77, 0.71, 0.83, n=300))
    case = house.opened(quorum=3)
    chair = house.person("chair")
    one = add_condition(house.house, chair, case.id, CONDITION)
    accepted = accept_inconclusive(house.house, chair, case.id, "discrimination", "few", CONDITION)
    with pytest.raises(BadField, match="was accepted under it"):
        withdraw_condition(house.house, chair, accepted.condition, 1, "not needed")
    gone = withdraw_condition(house.house, chair, one.id, one.revision, "not needed")
    assert gone.state is ConditionState.WITHDRAWN
    house.seated(case)
    for name in ("clin", "stat", "safe"):
        cast(house.house, house.person(name), case.id, Choice.WITH_CONDITIONS)
    now = docket(house.house, chair, case.id).case
    decide(house.house, chair, case.id, now.revision, CaseOutcome.CONDITIONAL, "as voted")
    with pytest.raises(BadField, match="the decision names it"):
        withdraw_condition(house.house, chair, accepted.condition, 1, "too late")


def test_no_condition_outlasts_its_decision_and_none_is_prolonged_after_its_day(house):
    house.evidence(auroc(0.77, 0.71, 0.83, n=300))
    chair = house.person("chair")
    case = house.opened(quorum=3)
    add_condition(house.house, chair, case.id, {**CONDITION, "due_on": "2027-11-01"})
    house.seated(case)
    for name in ("clin", "stat", "safe"):
        cast(house.house, house.person(name), case.id, Choice.WITH_CONDITIONS)
    accepted = accept_inconclusive(house.house, chair, case.id, "discrimination", "few", CONDITION)
    for name in ("clin", "stat", "safe"):
        cast(house.house, house.person(name), case.id, Choice.WITH_CONDITIONS)
    case = docket(house.house, chair, case.id).case
    with pytest.raises(CannotDecide, match="due on 1 Nov 2027, and the decision stands until 1 Nov 2027"):
        decide(house.house, chair, case.id, case.revision, CaseOutcome.CONDITIONAL, "as voted")
    too_late = next(one for one in docket(house.house, chair, case.id).conditions if one.due_on == "2027-11-01")
    withdraw_condition(house.house, chair, too_late.id, too_late.revision, "it comes too late")
    for name in ("clin", "stat", "safe"):
        cast(house.house, house.person(name), case.id, Choice.WITH_CONDITIONS)
    case = docket(house.house, chair, case.id).case
    decide(house.house, chair, case.id, case.revision, CaseOutcome.CONDITIONAL, "as voted")

    with pytest.raises(BadField, match="before 1 Nov 2027"):
        prolong(house.house, chair, accepted.condition, 1, "2028-01-01", "the ward moved")
    prolong(house.house, chair, accepted.condition, 1, "2027-10-31", "the ward moved")
    house.clock.forward(days=365)
    with pytest.raises(BadField, match="its day has passed"):
        prolong(house.house, house.person("chair"), accepted.condition, 2, "2027-12-01", "the ward moved")


def test_nobody_whose_account_is_closed_owes_a_condition(house):
    case = house.opened()
    with house.house.database.changing(SYSTEM) as change:
        PEOPLE.change(change, "p-idle", {"active": False}, None)
    with pytest.raises(BadField, match="account is closed"):
        add_condition(house.house, house.person("chair"), case.id, {**CONDITION, "owner": "p-idle"})


def test_a_day_that_does_not_exist_is_refused(house):
    case = house.opened()
    with pytest.raises(BadField, match="due_on"):
        add_condition(house.house, house.person("chair"), case.id, {**CONDITION, "due_on": "2027-02-30"})
