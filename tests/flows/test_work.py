"""What waits for each person: what is due first, and only theirs."""

from __future__ import annotations

import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from committee import POLICY, Committee, auroc, cast

from codman.flows.records import accept_deployment
from codman.flows.review.before_the_decision import add_condition
from codman.flows.review.cases import docket, open_case
from codman.flows.review.conditions import look
from codman.flows.review.deciding import decide
from codman.flows.review.remarks import remark
from codman.flows.review.seats import name_reviewer, state_interest
from codman.flows.task import Duty
from codman.flows.work import waiting
from codman.registry.governance import (
    CONCERNS,
    CORRECTIVE_ACTIONS,
    EXPECTED_REPORTS,
    INTAKES,
    PAUSE_PROPOSALS,
    REOPENINGS,
    SCHEDULES,
    TRIAGES,
)
from codman.registry.log import SYSTEM
from codman.registry.nouns import DEPLOYMENTS, PEOPLE, USES
from codman.spine.review import CaseOutcome, Choice, Conflict, Procedure
from codman.spine.use import Stage


@pytest.fixture
def house(tmp_path, database_url):
    made = Committee(tmp_path, database_url)
    yield made
    made.house.close()


def duties(house: Committee, name: str) -> list[Duty]:
    return [task.duty for task in waiting(house.house, house.person(name))]


def test_a_reviewer_states_their_interest_then_votes_and_then_nothing_waits(house):
    case = house.opened(due_on="2026-11-20")
    name_reviewer(house.house, house.person("chair"), case.id, "p-clin", "clinical")
    (task,) = waiting(house.house, house.person("clin"))
    assert (task.duty, task.due_on, task.at) == (Duty.INTEREST, "2026-11-20", f"/reviews/{case.id}/interest")

    state_interest(house.house, house.person("clin"), case.id, Conflict.NONE)
    assert duties(house, "clin") == [Duty.VOTE]
    cast(house.house, house.person("clin"), case.id, Choice.APPROVE)
    assert duties(house, "clin") == []


def test_a_conflict_of_interest_leaves_no_vote_to_cast(house):
    case = house.opened()
    name_reviewer(house.house, house.person("chair"), case.id, "p-clin", "clinical")
    state_interest(house.house, house.person("clin"), case.id, Conflict.CONFLICT)
    assert duties(house, "clin") == []


def test_the_chair_names_reviewers_then_closes_once_enough_have_voted(house):
    case = house.opened(quorum=2)
    assert duties(house, "chair") == [Duty.REVIEWERS]
    house.seated(case, "clin", "stat")
    assert duties(house, "chair") == []
    for name in ("clin", "stat"):
        cast(house.house, house.person(name), case.id, Choice.APPROVE)
    assert duties(house, "chair") == [Duty.CLOSE]


def test_a_question_waits_for_who_submitted_the_case_until_somebody_answers(house):
    case = house.opened()
    question = remark(house.house, house.person("clin"), case.id, "Who watches it at night?")
    (task,) = waiting(house.house, house.person("owner"))
    assert (task.duty, task.words) == (Duty.ANSWER, "Who watches it at night?")
    assert "Who watches" not in task.sentence  # a mail carries the sentence alone
    remark(house.house, house.person("legal"), case.id, "The rapid response team", answers=question.id)
    assert duties(house, "owner") == []


def test_a_condition_waits_for_its_owner_only_once_the_case_is_decided(house):
    house.evidence(auroc(0.8, 0.78, 0.82))
    case = house.opened()
    asked = {"sentence": "Show equal sensitivity again", "owner": "p-owner", "due_on": "2026-12-01"}
    add_condition(house.house, house.person("chair"), case.id, asked)
    house.seated(case, "clin", "stat", "safe")
    for name in ("clin", "stat", "safe"):
        cast(house.house, house.person(name), case.id, Choice.WITH_CONDITIONS)
    assert duties(house, "owner") == []
    now = docket(house.house, house.person("chair"), case.id).case
    decide(house.house, house.person("chair"), case.id, now.revision, CaseOutcome.CONDITIONAL, "as the votes say")
    (task,) = waiting(house.house, house.person("owner"))
    assert (task.duty, task.due_on) == (Duty.CONDITION, "2026-12-01")
    assert not task.late(datetime(2026, 12, 1, 23, 59, tzinfo=UTC))
    assert task.late(datetime(2026, 12, 2, tzinfo=UTC))

    house.clock.forward(days=40)
    look(house.house)
    (task,) = waiting(house.house, house.person("owner"))
    assert task.duty is Duty.CONDITION
    assert (
        task.sentence == "A condition that you owe of Ward sepsis lapsed: bring what it asks, and have it decided anew"
    )
    assert (task.due_on, task.at) == ("2026-12-01", f"/reviews/{case.id}#conditions")
    assert task.late(house.clock())


def test_who_may_only_look_around_in_a_role_reads_the_tasks_that_the_role_has(house):
    house.opened()
    chair = house.person("chair")

    assert duties(house, "chair") != []
    assert waiting(house.house, replace(chair, read_only=True)) == waiting(house.house, chair)


def test_what_is_due_first_stands_first_and_what_has_no_day_last(house):
    with house.house.database.changing(SYSTEM) as change:
        PEOPLE.change(change, "p-owner", {"email": "owner@example.org"}, None)
        USES.change(change, "ward", {"owner": "p-owner"}, None)
        deployed = {"use": "ward", "site": "north", "mode": "pilot", "clinician": "p-owner"}
        DEPLOYMENTS.add(change, DEPLOYMENTS.validated(deployed))
        plan = {"use": "ward", "partner": "vendor", "partner_name": "Vendor 1", "owner": "p-owner"}
        schedule = SCHEDULES.add(change, SCHEDULES.validated({**plan, "every_months": 3, "first_due": "2026-11-10"}))
        expected = {"schedule": schedule.id, "use": "ward", "period_start": "2026-08-01", "period_end": "2026-11-01"}
        EXPECTED_REPORTS.add(change, EXPECTED_REPORTS.validated({**expected, "due_on": "2026-11-10"}))
        later = {**expected, "period_start": "2026-11-01", "period_end": "2027-02-01", "due_on": "2027-02-10"}
        EXPECTED_REPORTS.add(change, EXPECTED_REPORTS.validated(later))  # more than a month ahead
        raised = {"use": "ward", "site": "north", "category": "it missed something", "raised_at": change.at}
        concern = CONCERNS.add(change, CONCERNS.validated({**raised, "see_by": "2026-11-02T09:00:00Z"}))
        action = {"concern": concern.id, "use": "ward", "kind": "corrective", "owner": "p-owner"}
        action |= {"sentence": "Lower the threshold", "due_on": "2026-11-05"}
        CORRECTIVE_ACTIONS.add(change, CORRECTIVE_ACTIONS.validated(action))
        INTAKES.add(change, INTAKES.validated({"edition": "2026-11", "answers": {}, "owner": "p-owner"}))

    assert duties(house, "owner") == [
        Duty.CONCERN,
        Duty.ACTION,
        Duty.REPORT,
        Duty.PROPOSAL,
    ]  # nor is the owner asked to accept a site
    assert duties(house, "viewer") == []


def test_what_lacks_nothing_to_go_live_waits_for_who_takes_it_there(house):
    with house.house.database.changing(SYSTEM) as change:
        USES.change(change, "ward", {"downtime_procedure": "Score by hand"}, None)
        DEPLOYMENTS.add(
            change,
            DEPLOYMENTS.validated(
                {"use": "ward", "site": "north", "version": "sepsis-120", "mode": "silent", "clinician": "p-clin"}
            ),
            "d-north",
        )
    house.evidence(auroc(0.81, 0.79, 0.83))
    case = house.opened(quorum=3)
    house.seated(case)
    for name in ("clin", "stat", "safe"):
        cast(house.house, house.person(name), case.id, Choice.APPROVE)
    now = docket(house.house, house.person("chair"), case.id).case
    decide(house.house, house.person("chair"), case.id, now.revision, CaseOutcome.APPROVED, "as voted")
    assert Duty.MOVE not in duties(house, "chair")  # its clinician has not accepted it

    accept_deployment(house.house, house.person("clin"), "d-north", 1)
    (task,) = [one for one in waiting(house.house, house.person("chair")) if one.duty is Duty.MOVE]
    assert (task.sentence, task.at) == (
        "Ward sepsis lacks nothing to be live: take it there",
        "/uses/ward/stage?to=live",
    )
    assert Duty.MOVE not in duties(house, "clin")


def test_a_proposed_pause_waits_for_who_answers_for_the_use_and_who_presides(house):
    case = house.opened()
    with house.house.database.changing(SYSTEM) as change:
        USES.change(change, "ward", {"owner": "p-owner"}, None)
        said = {"use": "ward", "cause": "decision expired", "because": "it ran out", "case": case.id}
        PAUSE_PROPOSALS.add(change, PAUSE_PROPOSALS.validated(said))
    for name in ("owner", "chair"):
        assert Duty.PAUSE in duties(house, name)
    assert Duty.PAUSE not in duties(house, "clin")


def test_what_a_review_is_not_shown_waits_for_who_answers_for_the_use_until_it_is_shown(house):
    with house.house.database.changing(SYSTEM) as change:
        USES.change(change, "ward", {"owner": "p-owner"}, None)
    case = house.opened()

    (task,) = waiting(house.house, house.person("owner"))
    assert task.sentence == (
        "The review of Ward sepsis, go-live, waits for 1 requirement that is not met: bring what it asks"
    )
    assert (task.duty, task.at) == (Duty.SHOW, f"/reviews/{case.id}")

    house.evidence(auroc(0.81, 0.79, 0.83))
    assert duties(house, "owner") == []


def test_a_requirement_that_was_reopened_twice_is_one_requirement(house):
    with house.house.database.changing(SYSTEM) as change:
        USES.change(change, "ward", {"owner": "p-owner"}, None)
        said = {"use": "ward", "policy": "sha256:" + "0" * 64, "requirement": "discrimination", "because": "it changed"}
        for changed in ("version", "population"):
            REOPENINGS.add(change, REOPENINGS.validated(said | {"changed": changed}))

    sentences = [one.sentence for one in waiting(house.house, house.person("owner")) if one.duty is Duty.REOPENED]
    assert sentences == ["1 requirement is reopened of Ward sepsis: bring evidence, or a case that decides"]


def test_an_emergency_is_due_at_once_before_its_case_is_opened_and_after(house):
    given = {"use": "ward", "leads_to": Stage.LIVE, "sites": ["north"], "version": "sepsis-120"}
    open_case(house.house, house.officer, house.policy(), procedure=Procedure.EMERGENCY, **given)

    (task,) = [one for one in waiting(house.house, house.person("chair")) if one.duty is Duty.CLOSE]
    assert (task.sentence, task.due_on) == (
        "Nothing more is waited for; close the case: Ward sepsis, go-live, in an emergency",
        "2026-11-01",
    )


def test_a_report_is_told_with_the_last_day_of_its_period(house):
    with house.house.database.changing(SYSTEM) as change:
        USES.change(change, "ward", {"owner": "p-owner"}, None)
        plan = {"use": "ward", "partner": "vendor", "partner_name": "Vendor 1", "owner": "p-owner"}
        schedule = SCHEDULES.add(change, SCHEDULES.validated({**plan, "every_months": 3, "first_due": "2026-11-01"}))
        expected = {"schedule": schedule.id, "use": "ward", "period_start": "2026-08-01", "period_end": "2026-11-01"}
        EXPECTED_REPORTS.add(change, EXPECTED_REPORTS.validated({**expected, "due_on": "2026-11-01"}))

    (task,) = waiting(house.house, house.person("owner"))
    assert task.sentence == "The report about Ward sepsis from 1 Aug 2026 to 31 Oct 2026 has not come"
    house.clock.forward(days=-2)
    (task,) = waiting(house.house, house.person("owner"))
    assert task.sentence == "The report about Ward sepsis from 1 Aug 2026 to 31 Oct 2026 is due"


def test_a_site_to_accept_that_no_decision_lets_run_says_so_in_the_mail_too(house):
    with house.house.database.changing(SYSTEM) as change:
        runs = {"use": "ward", "site": "north", "version": "sepsis-120", "mode": "silent", "clinician": "p-clin"}
        DEPLOYMENTS.add(change, DEPLOYMENTS.validated(runs))

    (task,) = waiting(house.house, house.person("clin"))
    assert task.sentence == (
        "Accept Ward sepsis at North; no decision in force lets it run there, and once one does you are asked again"
    )


def test_a_lower_tier_waits_for_the_second_person_and_never_for_who_asked(house):
    with house.house.database.changing(SYSTEM) as change:
        asked = {"use": "ward", "edition": "1", "computed": "high", "tier": "high", "asked": "medium"}
        asked |= {"state": "a lower tier was asked for", "asked_by": "p-chair", "why": "It only informs"}
        TRIAGES.add(change, TRIAGES.validated(asked))
    assert Duty.TIER not in duties(house, "chair")
    assert Duty.TIER in [task.duty for task in waiting(house.house, house.officer)]
    assert Duty.TIER not in duties(house, "clin")


def decided(house: Committee, outcome: CaseOutcome, choice: Choice, **more: object) -> None:
    """A case on the ward's use that its committee closed so, two hours later."""
    case = house.opened(**more)
    house.seated(case, "clin", "stat", "safe")
    for name in ("clin", "stat", "safe"):
        cast(house.house, house.person(name), case.id, choice, reason="as shown")
    now = docket(house.house, house.person("chair"), case.id).case
    decide(house.house, house.person("chair"), case.id, now.revision, outcome, "as the votes say")
    house.clock.forward(hours=2)


def renewals(house: Committee) -> list[str]:
    return [one.sentence for one in waiting(house.house, house.person("owner")) if one.duty is Duty.RENEWAL]


def test_an_emergency_decision_that_ended_waits_for_nobody_where_another_stands_longer(house):
    house.evidence(auroc(0.8, 0.78, 0.82))
    silent = POLICY.replace(b"checkpoint: go-live", b"checkpoint: silent")
    given = {"use": "ward", "leads_to": Stage.SILENT, "sites": ["north"], "version": "sepsis-120"}
    case = open_case(house.house, house.officer, house.policy(silent), procedure=Procedure.EMERGENCY, **given)
    chair = house.person("chair")
    decide(house.house, chair, case.id, case.revision, CaseOutcome.APPROVED, "The other alert is down, and nights wait")
    with house.house.database.changing(SYSTEM) as change:
        USES.change(change, "ward", {"owner": "p-owner", "stage": "silent"}, None)
    assert renewals(house) == ["The emergency decision that Ward sepsis runs on ends"]
    house.clock.forward(days=1)
    decided(house, CaseOutcome.APPROVED, Choice.APPROVE)
    assert renewals(house) == []
    house.clock.forward(days=40)
    assert renewals(house) == []


def test_a_case_that_was_put_off_hides_no_decision_that_ends_soon(house):
    house.evidence(auroc(0.8, 0.78, 0.82))
    decided(house, CaseOutcome.APPROVED, Choice.APPROVE)
    with house.house.database.changing(SYSTEM) as change:
        USES.change(change, "ward", {"owner": "p-owner", "stage": "live"}, None)
    house.clock.forward(days=340)
    decided(house, CaseOutcome.DEFERRED, Choice.DEFER)
    assert renewals(house) == ["The decision that Ward sepsis runs on ends"]
    house.clock.forward(days=30)
    assert renewals(house) == ["The decision that Ward sepsis runs on has ended"]
    assert len(look(house.house).expired) == 1


def test_an_expedited_case_without_a_reviewer_waits_for_who_presides(house):
    given = {"use": "ward", "leads_to": Stage.LIVE, "sites": ["north"], "version": "sepsis-120"}
    open_case(house.house, house.person("owner"), house.policy(), procedure=Procedure.EXPEDITED, **given)
    for reader in (house.person("chair"), house.officer):
        (task,) = [one for one in waiting(house.house, reader) if one.duty is Duty.REVIEWERS]
        assert task.sentence == "Name who reviews: Ward sepsis, go-live"


def test_a_decision_that_ends_within_a_month_waits_for_who_answers_for_the_use(house):
    house.evidence(auroc(0.8, 0.78, 0.82))
    case = house.opened()
    house.seated(case, "clin", "stat", "safe")
    for name in ("clin", "stat", "safe"):
        cast(house.house, house.person(name), case.id, Choice.APPROVE)
    now = docket(house.house, house.person("chair"), case.id).case
    decide(house.house, house.person("chair"), case.id, now.revision, CaseOutcome.APPROVED, "as the votes say")
    with house.house.database.changing(SYSTEM) as change:
        USES.change(change, "ward", {"owner": "p-owner", "stage": "live"}, None)
    assert duties(house, "owner") == [Duty.WATCH]  # it runs, and nobody planned how it is watched
    house.clock.forward(days=340)
    (task,) = (one for one in waiting(house.house, house.person("owner")) if one.duty is not Duty.WATCH)
    assert (task.duty, task.due_on) == (Duty.RENEWAL, "2027-11-01")
