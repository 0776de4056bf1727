"""A lapsed condition and a decision that ran out lead to a proposed pause, which a person confirms or declines."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select

sys.path.insert(0, str(Path(__file__).parents[1]))
from committee import POLICY, Committee, auroc, cast

from codman.flows import records
from codman.flows.change_control import day_round
from codman.flows.records import accept_deployment
from codman.flows.review.before_the_decision import accept_inconclusive, add_condition
from codman.flows.review.cases import NotYours, docket, open_case
from codman.flows.review.deciding import decide
from codman.flows.review.pausing import ProposalSettled, confirm_pause, decline_pause, list_pause_proposals, propose
from codman.flows.review.staging import CannotMove, move
from codman.flows.review.undecided import uncovered
from codman.flows.task import Duty
from codman.flows.work import waiting
from codman.jobs.tables import outbox
from codman.registry import governance
from codman.registry.access import Held, NotAllowed
from codman.registry.log import SYSTEM
from codman.registry.nouns import DEPLOYMENTS, PEOPLE, USES
from codman.registry.records import BadField, Stale
from codman.registry.replay import check_records
from codman.spine.pausing import PauseCause, PauseState
from codman.spine.person import Role
from codman.spine.review import CaseOutcome, Choice, Procedure
from codman.spine.site import DeploymentFields, Mode
from codman.spine.use import Decision, Stage

CONDITION = {"sentence": "Show it again on 900 more patients", "owner": "p-owner", "due_on": "2027-02-01"}


@pytest.fixture
def house(tmp_path, database_url):
    made = Committee(tmp_path, database_url)
    with made.house.database.changing(SYSTEM) as change:
        USES.change(change, "ward", {"tier": "high", "downtime_procedure": "By hand", "owner": "p-owner"}, None)
        DEPLOYMENTS.add(
            change,
            DeploymentFields(use="ward", site="north", version="sepsis-120", mode="silent", clinician="p-clin"),
            "d-north",
        )
    made.evidence(auroc(0.77, 0.71, 0.83, n=300))
    live(made)
    yield made
    with made.house.database.reading() as connection:
        check_records(connection)
    made.house.close()


def live(house: Committee) -> None:
    """Decided under a condition about the requirement that was inconclusive, accepted by its site, live."""
    case = house.opened(quorum=3)
    house.seated(case)
    chair = house.person("chair")
    accept_inconclusive(house.house, chair, case.id, "discrimination", "too few patients", CONDITION)
    for name in ("clin", "stat", "safe"):
        cast(house.house, house.person(name), case.id, Choice.WITH_CONDITIONS)
    now = docket(house.house, chair, case.id).case
    decide(house.house, chair, case.id, now.revision, CaseOutcome.CONDITIONAL, "as voted")
    accept_deployment(house.house, house.person("clin"), "d-north", 1)
    move(house.house, chair, "ward", Stage.LIVE, use(house).revision)


def use(house: Committee):
    with house.house.database.reading() as connection:
        return USES.get(connection, "ward")


def proposals(house: Committee):
    return list_pause_proposals(house.house, house.person("chair")).items


def to_the_day_after(house: Committee) -> None:
    house.clock.forward(days=93)  # 2027-02-02: the condition was due the day before
    day_round(house.house)


def test_nothing_is_proposed_while_the_condition_can_still_be_met(house):
    house.clock.forward(days=92)
    day_round(house.house)

    assert proposals(house) == []


def test_a_lapsed_condition_proposes_a_pause_and_pauses_nothing(house):
    to_the_day_after(house)
    day_round(house.house)

    (one,) = proposals(house)
    assert (one.use, one.cause, one.state) == ("ward", PauseCause.CONDITION, PauseState.OPEN)
    assert one.because == "a condition of its decision was due on 1 Feb 2027 and nothing came that meets it"
    assert use(house).stage is Stage.LIVE


def test_a_condition_that_two_decisions_asked_in_the_same_words_proposes_one_pause(house):
    chair = house.person("chair")
    case = house.opened(quorum=3, sites=["south"])
    house.seated(case)
    accept_inconclusive(house.house, chair, case.id, "discrimination", "too few patients", CONDITION)
    for name in ("clin", "stat", "safe"):
        cast(house.house, house.person(name), case.id, Choice.WITH_CONDITIONS)
    now = docket(house.house, chair, case.id).case
    decide(house.house, chair, case.id, now.revision, CaseOutcome.CONDITIONAL, "as voted")
    to_the_day_after(house)

    assert [one.case for one in proposals(house)] == [case.id]


def test_a_proposed_pause_is_mailed_once_to_all_who_answer_for_the_use(house):
    named = ("p-owner", "p-clin", "p-chair", "p-one", "p-two", "p-stat")
    with house.house.database.changing(SYSTEM) as change:
        for one in named:
            PEOPLE.change(change, one, {"email": f"{one}@example.org"}, None)

    to_the_day_after(house)
    day_round(house.house)

    with house.house.database.reading() as connection:
        mails = connection.execute(select(outbox.c.recipient, outbox.c.body)).all()
    told = [(one.recipient, one.body["title"]) for one in mails if one.body["event"] == "pause.proposed"]
    # the owner, the clinician of its site, the chair and the officers; a reviewer of its case has no part in it
    assert sorted(told) == [(f"{one}@example.org", "A pause is proposed: Ward sepsis") for one in sorted(named[:5])]
    pause = [one.sentence for one in waiting(house.house, house.person("clin")) if one.duty is Duty.PAUSE]
    assert pause == ["A pause of Ward sepsis is proposed: pause it"]
    presiding = [one.sentence for one in waiting(house.house, house.person("chair")) if one.duty is Duty.PAUSE]
    assert presiding == ["A pause of Ward sepsis is proposed: pause it, or say why it goes on"]


def test_a_person_confirms_it_and_the_use_stops_with_its_deployments(house):
    to_the_day_after(house)
    (one,) = proposals(house)
    with pytest.raises(NotAllowed):
        confirm_pause(house.house, house.person("viewer"), one.id, 1, "as proposed")
    with pytest.raises(Stale):
        confirm_pause(house.house, house.person("owner"), one.id, 7, "as proposed")

    done = confirm_pause(house.house, house.person("owner"), one.id, 1, "as proposed")

    assert (done.state, done.settled_by) == (PauseState.PAUSED, "p-owner")
    with house.house.database.reading() as connection:
        assert DEPLOYMENTS.get(connection, "d-north").mode is Mode.PAUSED
    assert use(house).stage is Stage.PAUSED
    with pytest.raises(ProposalSettled):
        decline_pause(house.house, house.person("chair"), one.id, 2, "on second thoughts")


def test_who_answers_for_it_does_not_decide_that_it_goes_on_and_who_does_says_why(house):
    to_the_day_after(house)
    (one,) = proposals(house)
    with pytest.raises(NotAllowed):
        decline_pause(house.house, house.person("owner"), one.id, 1, "it is fine")
    with pytest.raises(BadField, match="say why"):
        decline_pause(house.house, house.person("chair"), one.id, 1, " ")
    done = decline_pause(house.house, house.person("chair"), one.id, 1, "the data come on Monday")
    day_round(house.house)

    assert (done.state, use(house).stage) == (PauseState.KEPT, Stage.LIVE)
    assert [each.state for each in proposals(house)] == [PauseState.KEPT]  # and it is not proposed again


def test_a_chair_who_owns_the_condition_has_somebody_else_decline(house):
    with house.house.database.changing(SYSTEM) as change:
        (condition,) = governance.every(change.connection, "condition")
        governance.CONDITIONS.change(change, condition.id, {"owner": "p-chair"}, None)
    to_the_day_after(house)
    with pytest.raises(NotYours, match="you owe the condition that lapsed"):
        decline_pause(house.house, house.person("chair"), proposals(house)[0].id, 1, "it is fine")


def test_who_sent_its_evidence_has_somebody_else_decline(house):
    to_the_day_after(house)
    with pytest.raises(NotYours, match="you sent its evidence: somebody else says"):
        decline_pause(house.house, house.officer, proposals(house)[0].id, 1, "it is fine")
    assert confirm_pause(house.house, house.officer, proposals(house)[0].id, 1, "stop").state is PauseState.PAUSED


def test_evidence_that_comes_late_withdraws_the_proposal(house):
    to_the_day_after(house)
    house.clock.forward(days=1)
    house.evidence(auroc(0.80, 0.77, 0.83))
    day_round(house.house)

    assert [one.state for one in proposals(house)] == [PauseState.WITHDRAWN]


def test_a_decision_that_ran_out_proposes_a_pause_until_another_stands(house):
    house.evidence(auroc(0.80, 0.77, 0.83))
    house.clock.forward(days=364)
    house.evidence(auroc(0.80, 0.77, 0.83))
    day_round(house.house)
    assert proposals(house) == []

    house.clock.forward(days=1)
    day_round(house.house)
    (one,) = proposals(house)
    assert (one.cause, one.because) == (
        PauseCause.DECISION,
        "its decision stood until 1 Nov 2027 and none has followed",
    )

    case = house.opened(quorum=3)
    house.seated(case)
    for name in ("clin", "stat", "safe"):
        cast(house.house, house.person(name), case.id, Choice.APPROVE)
    chair = house.person("chair")
    decide(
        house.house, chair, case.id, docket(house.house, chair, case.id).case.revision, CaseOutcome.APPROVED, "again"
    )
    assert propose(house.house) == (0, 1)
    assert [one.state for one in proposals(house)] == [PauseState.WITHDRAWN]


def test_a_use_that_somebody_paused_otherwise_needs_no_proposal(house):
    to_the_day_after(house)
    move(house.house, house.person("owner"), "ward", Stage.PAUSED, use(house).revision, reason="scores stopped")
    propose(house.house)

    assert [one.state for one in proposals(house)] == [PauseState.WITHDRAWN]


def test_a_condition_that_no_evidence_closes_leads_there_too(house):
    case = house.opened(quorum=3, version="sepsis-120")
    chair = house.person("chair")
    house.seated(case)
    own = {**CONDITION, "sentence": "Name a second contact", "due_on": "2027-01-15"}
    add_condition(house.house, chair, case.id, own)
    accept_inconclusive(house.house, chair, case.id, "discrimination", "still too few", CONDITION)
    for name in ("clin", "stat", "safe"):
        cast(house.house, house.person(name), case.id, Choice.WITH_CONDITIONS)
    now = docket(house.house, chair, case.id).case
    house.clock.forward(hours=1)
    decide(house.house, house.person("chair"), case.id, now.revision, CaseOutcome.CONDITIONAL, "again")
    house.clock.forward(days=80)
    day_round(house.house)

    assert [one.because for one in proposals(house)] == [
        "a condition of its decision was due on 15 Jan 2027 and nothing came that meets it"
    ]


def granted_beside(house: Committee, sites: list[str], leads_to: Stage, **more: object):
    """A decision come to after the one that runs, which asks for less."""
    body = POLICY.replace(b"go-live-high", b"beside").replace(b"0.75", b"0.5")
    case = house.opened(quorum=3, sites=sites, leads_to=leads_to, policy=body, **more)
    house.seated(case)
    for name in ("clin", "stat", "safe"):
        cast(house.house, house.person(name), case.id, Choice.APPROVE)
    now = docket(house.house, house.person("chair"), case.id).case
    return decide(house.house, house.person("chair"), case.id, now.revision, CaseOutcome.APPROVED, "as voted")


def rejected(house: Committee) -> None:
    case = house.opened(quorum=3)
    house.seated(case)
    for name in ("clin", "stat", "safe"):
        cast(house.house, house.person(name), case.id, Choice.REJECT, reason="it harmed")
    now = docket(house.house, house.person("chair"), case.id).case
    decide(house.house, house.person("chair"), case.id, now.revision, CaseOutcome.REJECTED, "as voted")


def alone(house: Committee, leads_to: Stage, sites: list[str]):
    """What one officer decides in an emergency."""
    officer = replace(house.person("viewer"), person="p-two", held=(Held(Role.OFFICER),))
    more = {"use": "ward", "leads_to": leads_to, "sites": sites, "version": "sepsis-120", "why": "the ward is full"}
    case = open_case(house.house, house.person("chair"), house.policy(), procedure=Procedure.EMERGENCY, **more)
    return decide(
        house.house, officer, case.id, case.revision, CaseOutcome.APPROVED, "the ward is full and the old alert is down"
    )


def test_a_silent_run_granted_elsewhere_leaves_a_lapsed_condition_standing(house):
    to_the_day_after(house)
    granted_beside(house, ["south"], Stage.SILENT)
    house.clock.forward(hours=1)
    granted_beside(house, ["south"], Stage.LIVE)
    day_round(house.house)

    (one,) = proposals(house)
    assert one.state is PauseState.OPEN


def test_a_committees_rejection_is_undone_by_no_emergency_of_one_person(house):
    house.evidence(auroc(0.80, 0.76, 0.84))
    rejected(house)
    house.clock.forward(days=1)
    alone(house, Stage.SILENT, ["south"])
    alone(house, Stage.LIVE, ["north"])
    propose(house.house)

    assert [(one.cause, one.state) for one in proposals(house)] == [(PauseCause.REJECTED, PauseState.OPEN)]
    assert use(house).decision is Decision.REJECTED
    with house.house.database.reading() as connection:
        assert [one.why for one in uncovered(connection, use(house), "2026-11-03")] == ["it was refused since"]


def test_what_is_granted_for_less_than_runs_says_nothing_of_what_runs(house):
    assert use(house).decision is Decision.CONDITIONAL

    granted_beside(house, ["south"], Stage.SILENT)

    assert use(house).decision is Decision.CONDITIONAL


def test_what_was_paused_runs_again_by_an_impartial_person_once_no_condition_is_lapsed(house):
    to_the_day_after(house)
    (one,) = proposals(house)
    confirm_pause(house.house, house.person("chair"), one.id, 1, "as proposed")
    both = replace(house.person("owner"), held=(Held(Role.OWNER), Held(Role.OFFICER)))
    with pytest.raises(CannotMove, match="a condition of its decision has lapsed"):
        move(house.house, house.person("chair"), "ward", Stage.LIVE, use(house).revision, reason="it is fine")

    house.evidence(auroc(0.80, 0.76, 0.84))
    day_round(house.house)

    with pytest.raises(NotYours, match="answer for this use"):
        move(house.house, both, "ward", Stage.LIVE, use(house).revision, reason="shown since")
    assert move(house.house, house.person("chair"), "ward", Stage.LIVE, use(house).revision, reason="shown since")


def test_no_site_of_a_paused_use_is_set_going_by_an_edit(house):
    to_the_day_after(house)
    (one,) = proposals(house)
    confirm_pause(house.house, house.person("chair"), one.id, 1, "as proposed")
    with house.house.database.reading() as connection:
        there = DEPLOYMENTS.get(connection, "d-north")
    for mode in ("silent", "live"):
        with pytest.raises(BadField, match="the use is paused"):
            records.change(house.house, house.person("owner"), "deployment", "d-north", {"mode": mode}, there.revision)
    noted = records.change(house.house, house.person("owner"), "deployment", "d-north", {"note": "x"}, there.revision)
    assert noted.mode is Mode.PAUSED


def test_a_use_that_was_paused_and_runs_again_is_proposed_again(house):
    to_the_day_after(house)
    (one,) = proposals(house)
    confirm_pause(house.house, house.person("chair"), one.id, 1, "as proposed")
    with house.house.database.changing(SYSTEM) as change:  # as if nothing had stood in its way
        USES.change(change, "ward", {"stage": "live"}, None)

    assert propose(house.house) == (1, 0)
