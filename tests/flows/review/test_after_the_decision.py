"""What a decision ends: a retirement takes every site with it, a rejection leaves nothing running unnoticed, and a
document closes a condition once somebody else has read it."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))
from committee import POLICY, Committee, cast

from codman.flows import records
from codman.flows.papers import file_paper
from codman.flows.reporting.schedules import make_schedule
from codman.flows.review.before_the_decision import add_condition
from codman.flows.review.cases import NotYours, docket
from codman.flows.review.conditions import ConditionClosed, close_by_hand, hand_back, look
from codman.flows.review.deciding import CannotDecide, decide
from codman.flows.review.pausing import confirm_pause, propose
from codman.flows.review.staging import HAZARD_CHECK, CannotMove, move
from codman.flows.task import Duty
from codman.flows.work import waiting
from codman.registry import governance
from codman.registry.access import Held, NotAllowed
from codman.registry.governance import CONDITIONS
from codman.registry.log import SYSTEM
from codman.registry.nouns import DEPLOYMENTS, SITES, USES
from codman.registry.records import BadField
from codman.registry.replay import check_records
from codman.spine.partner_report import ReportState
from codman.spine.pausing import PauseCause, PauseState
from codman.spine.person import Role
from codman.spine.review import CaseOutcome, CaseState, Choice, ConditionState
from codman.spine.site import DeploymentFields, Mode, SiteFields
from codman.spine.use import Decision, Stage

PLAN = {"sentence": "A plan for nights", "owner": "p-owner", "due_on": "2026-12-01", "document": "night-plan"}


@pytest.fixture
def house(tmp_path, database_url):
    made = Committee(tmp_path, database_url)
    with made.house.database.changing(SYSTEM) as change:
        USES.change(change, "ward", {"stage": "live", "owner": "p-owner"}, None)
        for site in ("north", "south"):
            runs = DeploymentFields(use="ward", site=site, version="sepsis-120", mode="live", clinician="p-clin")
            DEPLOYMENTS.add(change, runs, f"d-{site}")
    made.evidence()
    yield made
    with made.house.database.reading() as connection:
        check_records(connection)
    made.house.close()


def closed(house: Committee, outcome: CaseOutcome, choice: Choice, *, leads_to: Stage = Stage.LIVE, conditions=()):
    case = house.opened(quorum=2, leads_to=leads_to)
    house.seated(case)
    chair = house.person("chair")
    for one in conditions:
        add_condition(house.house, chair, case.id, one)
    for name in ("stat", "safe"):
        cast(house.house, house.person(name), case.id, choice, reason="as shown")
    now = docket(house.house, chair, case.id).case
    return decide(house.house, chair, case.id, now.revision, outcome, "as voted")


def modes(house: Committee) -> list[Mode]:
    with house.house.database.reading() as connection:
        return [DEPLOYMENTS.get(connection, f"d-{site}").mode for site in ("north", "south")]


def stage(house: Committee) -> Stage:
    with house.house.database.reading() as connection:
        return USES.get(connection, "ward").stage


def revision(house: Committee) -> int:
    with house.house.database.reading() as connection:
        return USES.get(connection, "ward").revision


def paper(house: Committee, by, sort: str = "night-plan", data: bytes = b"plan") -> None:
    said = {"about_kind": "use", "about": "ward", "title": "Plan", "media_type": "text/plain"}
    file_paper(house.house, by, data, type=sort, **said)


def test_a_retirement_needs_its_check_and_ends_what_runs_at_every_site_in_the_same_change(house):
    with pytest.raises(CannotMove, match="nobody has checked who and what still depends on it"):
        closed(house, CaseOutcome.RETIRED, Choice.APPROVE, leads_to=Stage.RETIRED)
    assert (stage(house), modes(house)) == (Stage.LIVE, [Mode.LIVE, Mode.LIVE])

    paper(house, house.second, HAZARD_CHECK)
    with house.house.database.reading() as connection:
        (case,) = governance.every(connection, "case")
    done = decide(house.house, house.person("chair"), case.id, case.revision, CaseOutcome.RETIRED, "its successor runs")

    assert done.outcome is CaseOutcome.RETIRED
    assert (stage(house), modes(house)) == (Stage.RETIRED, [Mode.ENDED, Mode.ENDED])


def test_a_retirement_ends_what_else_is_asked_and_the_reports_whose_time_had_not_begun(house):
    paper(house, house.second, HAZARD_CHECK)
    owner, asked = (
        house.person("owner"),
        {"use": "ward", "partner": "vendor", "owner": "p-owner", "every_months": 1, "days_to_report": 0},
    )
    make_schedule(house.house, owner, {**asked, "partner_name": "Vendor 1", "first_due": "2026-11-10"})
    other = house.opened(policy=POLICY.replace(b"checkpoint: go-live", b"checkpoint: change"))
    said = {"sentence": "Show it again", "owner": "p-owner", "due_on": "2026-12-01"}
    add_condition(house.house, house.person("chair"), other.id, said)

    closed(house, CaseOutcome.RETIRED, Choice.APPROVE, leads_to=Stage.RETIRED)

    with house.house.database.reading() as connection:
        reports = governance.every(connection, "expected_report", order="due_on")
        (would_be,) = governance.every(connection, "condition")
        withdrawn = governance.CASES.get(connection, other.id)
    # it is 1 November: the report of 10 November is about days on which it ran, the one of 10 December is not
    assert [(one.due_on, one.state) for one in reports] == [
        ("2026-11-10", ReportState.DUE),
        ("2026-12-10", ReportState.EXCUSED),
    ]
    assert (withdrawn.state, would_be.state) == (CaseState.WITHDRAWN, ConditionState.WITHDRAWN)
    assert waiting(house.house, house.person("chair")) == []


def test_a_retirement_ends_the_conditions_of_earlier_decisions_and_keeps_its_own(house):
    paper(house, house.second, HAZARD_CHECK)
    asks = [{"sentence": f"Show it {by}", "owner": "p-owner", "due_on": "2026-12-01"} for by in ("again", "at night")]
    closed(house, CaseOutcome.CONDITIONAL, Choice.WITH_CONDITIONS, conditions=asks)
    with house.house.database.changing(SYSTEM) as change:
        (again, at_night) = governance.every(change.connection, "condition", order="sentence")
        lapses = {"state": ConditionState.LAPSED.value, "closed_at": change.at}
        governance.CONDITIONS.change(change, at_night.id, lapses, None)
    house.clock.forward(days=1)
    own = {"sentence": "Keep its logs", "owner": "p-owner", "due_on": "2027-06-01"}
    closed(house, CaseOutcome.RETIRED, Choice.WITH_CONDITIONS, leads_to=Stage.RETIRED, conditions=[own])

    house.clock.forward(days=60)
    look(house.house)

    with house.house.database.reading() as connection:
        ended = governance.CONDITIONS.get(connection, again.id)
    assert (ended.state, ended.note) == (ConditionState.WITHDRAWN, "the use was retired before it was met")
    owed = [one.words for one in waiting(house.house, house.person("owner")) if one.duty is Duty.CONDITION]
    assert owed == ["Keep its logs"]


def test_a_refusal_that_no_other_value_mends_says_what_to_do_instead(house):
    asks = {"sentence": "Show it again", "owner": "p-owner", "due_on": "2026-12-01", "requirement": "discrimination"}
    closed(house, CaseOutcome.CONDITIONAL, Choice.WITH_CONDITIONS, conditions=[asks])
    with house.house.database.reading() as connection:
        (one,) = governance.every(connection, "condition")

    with pytest.raises(BadField, match="evidence closes this one") as refused:
        close_by_hand(house.house, house.person("chair"), one.id, one.revision, "it is done")
    assert refused.value.fix == "file the evidence"
    with pytest.raises(BadField, match="about this use at this site") as refused:
        records.change(house.house, house.person("owner"), "deployment", "d-north", {"use": "ward-south"}, 1)
    assert refused.value.fix == "end this one, and put down the other"


def test_a_check_of_who_depends_on_it_does_not_speak_of_a_site_that_came_after_it(house):
    paper(house, house.second, HAZARD_CHECK)
    house.clock.forward(days=1)
    with house.house.database.changing(SYSTEM) as change:
        SITES.add(change, SiteFields(name="West", level="hospital"), "west")
        DEPLOYMENTS.add(change, DeploymentFields(use="ward", site="west", mode=Mode.SILENT), "d-west")

    with pytest.raises(CannotMove, match="since it came to the newest of its sites"):
        closed(house, CaseOutcome.RETIRED, Choice.APPROVE, leads_to=Stage.RETIRED)

    paper(house, house.second, HAZARD_CHECK, b"checked again")
    with house.house.database.reading() as connection:
        (case,) = governance.every(connection, "case")
    assert decide(house.house, house.person("chair"), case.id, case.revision, CaseOutcome.RETIRED, "it goes")


@pytest.mark.parametrize("path", [(), (Stage.PAUSED,), (Stage.PAUSED, Stage.IN_REVIEW)])
def test_nobody_retires_what_ran_without_a_case_not_even_who_may_move_it_and_filed_the_check(house, path):
    paper(house, house.person("owner"), HAZARD_CHECK)
    with house.house.database.changing(SYSTEM) as change:
        USES.change(change, "ward", {"tier": "high"}, None)
    for to in path:
        move(house.house, house.officer, "ward", to, revision(house), reason="it alarms too often")

    presiding = replace(house.person("owner"), held=(Held(Role.OWNER), Held(Role.OFFICER)))
    with pytest.raises(CannotMove, match="no case has decided that it retires"):
        move(house.house, presiding, "ward", Stage.RETIRED, revision(house), reason="done")
    assert stage(house) is (path[-1] if path else Stage.LIVE)


def test_a_vote_to_go_live_retires_nothing_and_one_to_retire_approves_nothing(house):
    paper(house, house.second, HAZARD_CHECK)
    with pytest.raises(CannotDecide, match="it asks for live, and nobody voted on a retirement"):
        closed(house, CaseOutcome.RETIRED, Choice.APPROVE)
    with house.house.database.changing(SYSTEM) as change:
        (case,) = governance.every(change.connection, "case")
        governance.CASES.change(change, case.id, {"state": "withdrawn"}, None)
    with pytest.raises(CannotDecide, match="it ends as retired, deferred or rejected"):
        closed(house, CaseOutcome.APPROVED, Choice.APPROVE, leads_to=Stage.RETIRED)


@pytest.mark.parametrize("of", [Stage.LIVE, Stage.IN_REVIEW])
def test_what_is_rejected_and_runs_is_proposed_for_a_pause_at_once_and_stops_when_somebody_says_so(house, of):
    with house.house.database.changing(SYSTEM) as change:
        USES.change(change, "ward", {"stage": of.value}, None)
    closed(house, CaseOutcome.REJECTED, Choice.REJECT)

    with house.house.database.reading() as connection:
        (one,) = governance.every(connection, "pause_proposal")
    assert (one.cause, one.state) == (PauseCause.REJECTED, PauseState.OPEN)
    assert propose(house.house)[1] == 0  # it stands while it runs
    done = confirm_pause(house.house, house.second, one.id, one.revision, "as rejected")
    assert (done.state, modes(house)) == (PauseState.PAUSED, [Mode.PAUSED, Mode.PAUSED])


@pytest.mark.parametrize(
    ("before", "vote", "said"),
    [
        (CaseOutcome.APPROVED, Choice.APPROVE, Decision.APPROVED),
        (CaseOutcome.REJECTED, Choice.REJECT, Decision.REJECTED),
        (CaseOutcome.DEFERRED, Choice.DEFER, Decision.DEFERRED),
    ],
)
def test_a_deferral_takes_no_word_from_what_was_decided_before(house, before, vote, said):
    closed(house, before, vote)
    house.clock.forward(days=1)
    closed(house, CaseOutcome.DEFERRED, Choice.DEFER)
    with house.house.database.reading() as connection:
        assert USES.get(connection, "ward").decision is said


def test_a_document_of_the_owner_closes_nothing_until_somebody_without_a_hand_in_it_accepts_it(house):
    case = closed(house, CaseOutcome.CONDITIONAL, Choice.WITH_CONDITIONS, conditions=[PLAN])
    house.clock.forward(days=1)
    filer = replace(house.person("owner"), held=(Held(Role.OWNER), Held(Role.OFFICER)))
    paper(house, filer)
    (name,) = look(house.house).handed_in

    assert look(house.house, "2026-12-15").lapsed == ()  # two weeks after its day it still waits for others
    one = condition(house, name)
    assert (one.state, one.handed_in_by) == (ConditionState.HANDED_IN, "p-owner")
    assert Duty.ACCEPT in [task.duty for task in waiting(house.house, house.person("chair"))]
    assert Duty.ACCEPT not in [task.duty for task in waiting(house.house, house.officer)]  # sent its evidence
    with pytest.raises(BadField, match="it is yours"):
        close_by_hand(house.house, filer, name, one.revision, "there it is")
    with pytest.raises(NotYours, match="you sent its evidence"):
        close_by_hand(house.house, house.officer, name, one.revision, "there it is")
    with pytest.raises(NotAllowed):
        close_by_hand(house.house, house.person("clin"), name, one.revision, "there it is")

    back = hand_back(house.house, house.person("chair"), name, one.revision, "it names nobody")
    assert (back.state, back.handed_in) == (ConditionState.OPEN, None)
    assert look(house.house).handed_in == ()
    house.clock.forward(days=1)
    paper(house, filer, data=b"a better plan")
    assert look(house.house).handed_in == (name,)
    again = condition(house, name)
    done = close_by_hand(house.house, house.person("chair"), name, again.revision, "it names the night lead")
    assert (done.state, done.closed_by, done.case) == (ConditionState.CLOSED, again.handed_in, case.id)
    with pytest.raises(ConditionClosed):
        hand_back(house.house, house.person("chair"), name, done.revision, "too late")


@pytest.mark.parametrize("how", ["changed into what is owed", "sent once more"])
def test_who_had_a_part_in_filing_a_document_does_not_accept_it(house, how):
    closed(house, CaseOutcome.CONDITIONAL, Choice.WITH_CONDITIONS, conditions=[PLAN])
    house.clock.forward(days=1)
    engineer = replace(house.person("idle"), held=(Held(Role.ENGINEER),))
    kind = "note" if how.startswith("changed") else PLAN["document"]
    about = {"about_kind": "use", "about": "ward", "title": "Plan", "media_type": "text/plain"}
    made = file_paper(house.house, engineer, b"a plan", type=kind, **about)
    if how.startswith("changed"):
        records.change(house.house, house.second, "document", made.id, {"type": PLAN["document"]}, made.revision)
    else:
        paper(house, house.second, data=b"a plan")
    (name,) = look(house.house).handed_in
    one = condition(house, name)

    assert Duty.ACCEPT not in [task.duty for task in waiting(house.house, house.second)]
    with pytest.raises(NotYours, match="you filed this document"):
        close_by_hand(house.house, house.second, name, one.revision, "there it is")
    assert close_by_hand(house.house, house.person("chair"), name, one.revision, "seen").state is ConditionState.CLOSED


def condition(house: Committee, name: str):
    with house.house.database.reading() as connection:
        return CONDITIONS.get(connection, name)
