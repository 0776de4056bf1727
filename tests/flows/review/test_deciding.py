"""A case from its opening to a signed decision: who may do what, what the votes and the evidence carry."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))
from book import bare
from committee import Committee, auroc, cast

from codman.flows.filing import file_evidence
from codman.flows.fresh import NotFresh
from codman.flows.records import change
from codman.flows.review.before_the_decision import accept_inconclusive, add_condition
from codman.flows.review.cases import CaseClosed, NotYours, docket, open_case, withdraw
from codman.flows.review.deciding import CannotDecide, decide, verdict_of
from codman.flows.review.planned import replan
from codman.flows.review.reading import read_case
from codman.flows.review.remarks import remark
from codman.flows.review.seats import delegate, name_reviewer, state_interest
from codman.flows.review.voting import count
from codman.registry.access import NotAllowed
from codman.registry.fixed_fields import FixedField
from codman.registry.log import check
from codman.registry.nouns import USES
from codman.registry.records import AlreadyThere, BadField, Stale
from codman.registry.replay import check_records
from codman.registry.standing import standing_of
from codman.spine.review import CaseOutcome, CaseState, Choice, ConditionState, Conflict, Procedure
from codman.spine.use import Decision, Stage
from codman.spine.verdict import Outcome

CONDITION = {"sentence": "Show equal sensitivity again", "owner": "p-owner", "due_on": "2027-02-01"}


@pytest.fixture
def house(tmp_path, database_url):
    made = Committee(tmp_path, database_url)
    yield made
    made.house.close()


def voted(house: Committee, case, *names: str, choice: Choice = Choice.APPROVE) -> None:
    for name in names:
        cast(house.house, house.person(name), case.id, choice, reason="as shown")


def counted(house: Committee, case):
    found = docket(house.house, house.person("chair"), case.id)
    with house.house.database.reading() as connection:
        return count(found, verdict_of(house.house, connection, found))


def close(house: Committee, case, outcome: CaseOutcome = CaseOutcome.APPROVED, by: str = "chair", **more):
    now = docket(house.house, house.person("chair"), case.id).case
    return decide(
        house.house,
        house.person(by),
        case.id,
        now.revision,
        outcome,
        "as the votes say, and for no other reason",
        **more,
    )


def test_a_case_goes_from_its_opening_to_a_decision_signed_by_the_chair(house):
    digest = house.evidence()
    case = house.opened(disciplines=["clinical", "statistics"])
    house.seated(case)
    voted(house, case, "clin", "stat", "safe")

    closed = close(house, case)

    assert (closed.state, closed.outcome, closed.expires_on) == (CaseState.DECIDED, CaseOutcome.APPROVED, "2027-11-01")
    (envelope,) = house.house.store.envelopes(closed.decision)
    said = json.loads(envelope.payload)["predicate"]
    assert said["decided_by"] == ["Person chair", "Person clin", "Person safe", "Person stat"]
    assert said["votes"] == {"approve": 3}
    assert said["evidence"] == [{"sha256": digest.removeprefix("sha256:")}]
    assert [(r["id"], r["outcome"]) for r in said["requirements"]] == [("discrimination", "met")]
    assert [(s["person"], s["meaning"]) for s in said["signed_by"]] == [("p-chair", "approval")]
    with house.house.database.reading() as connection:
        assert standing_of(connection, [closed.decision])[closed.decision].word == "verified"
        assert USES.get(connection, "ward").decision is Decision.APPROVED
        check(connection)
        check_records(connection)


def test_a_new_case_puts_a_proposed_use_in_review_and_only_one_is_open_at_a_checkpoint(house):
    house.opened()
    with house.house.database.reading() as connection:
        assert USES.get(connection, "ward").stage is Stage.IN_REVIEW
    with pytest.raises(AlreadyThere, match="is open for this use"):
        house.opened()


def test_who_submitted_answers_for_or_sent_the_evidence_neither_votes_nor_decides(house):
    house.evidence()  # sent by p-one
    case = house.opened(quorum=2)
    house.seated(case, "clin", "stat")
    voted(house, case, "clin", "stat")
    with pytest.raises(BadField, match="sent its evidence"):
        name_reviewer(house.house, house.person("chair"), case.id, "p-one", "clinical")
    now = docket(house.house, house.officer, case.id).case
    with pytest.raises(NotYours, match="you sent its evidence"):
        decide(house.house, house.officer, case.id, now.revision, CaseOutcome.APPROVED, "mine")
    with pytest.raises(NotAllowed):
        cast(house.house, house.person("owner"), case.id, Choice.APPROVE)


def test_a_conflict_of_interest_takes_the_vote_and_leaves_the_voice(house):
    case = house.opened()
    name_reviewer(house.house, house.person("chair"), case.id, "p-clin", "clinical")
    with pytest.raises(NotYours, match="say first"):
        cast(house.house, house.person("clin"), case.id, Choice.APPROVE)
    state_interest(house.house, house.person("clin"), case.id, Conflict.CONFLICT, "I advise the vendor")
    with pytest.raises(NotYours, match="conflict of interest"):
        cast(house.house, house.person("clin"), case.id, Choice.APPROVE)
    question = remark(house.house, house.person("clin"), case.id, "Who watches it at night?")
    remark(house.house, house.person("owner"), case.id, "The rapid response team", answers=question.id)


def test_a_conflict_stated_after_the_vote_takes_the_vote_out_of_the_count(house):
    case = house.opened(quorum=2)
    house.seated(case, "clin", "stat")
    voted(house, case, "clin", "stat")
    state_interest(house.house, house.person("clin"), case.id, Conflict.CONFLICT)
    assert counted(house, case).cast == 1


def test_a_delegate_casts_one_vote_for_who_named_them_and_nobody_casts_two(house):
    case = house.opened()
    house.seated(case, "clin", "stat")
    delegate(house.house, house.person("clin"), case.id, "p-idle")
    with pytest.raises(NotYours, match="you named a delegate"):
        cast(house.house, house.person("clin"), case.id, Choice.APPROVE)
    cast(house.house, house.person("idle"), case.id, Choice.APPROVE, of="p-clin")
    with pytest.raises(BadField, match="nobody casts two"):
        delegate(house.house, house.person("stat"), case.id, "p-idle")
    with pytest.raises(BadField, match="another reviewer's vote"):
        name_reviewer(house.house, house.person("chair"), case.id, "p-idle", "safety")
    assert counted(house, case).cast == 1


@pytest.mark.parametrize(
    ("names", "said"),
    [((), "3 more votes"), (("clin", "stat"), "1 more vote"), (("clin", "safe", "legal"), "a vote from statistics")],
)
def test_without_quorum_or_a_discipline_nothing_is_decided(house, names, said):
    house.evidence()
    case = house.opened(disciplines=["statistics"])
    house.seated(case)
    voted(house, case, *names)
    with pytest.raises(CannotDecide, match=said):
        close(house, case)


@pytest.mark.parametrize(("procedure", "needed"), [(Procedure.EXPEDITED, 1), (Procedure.EMERGENCY, 0)])
def test_a_case_says_how_many_votes_its_procedure_takes(house, procedure, needed):
    asked = {"use": "ward", "leads_to": Stage.LIVE, "sites": ["north"], "version": "sepsis-120", "quorum": 5}
    case = open_case(house.house, house.officer, house.policy(), procedure=procedure, **asked)
    assert case.quorum == needed
    assert counted(house, case).lacking == (("1 more vote (0 of 1 needed)",) if needed else ())


def test_a_case_that_names_no_site_says_from_its_opening_that_nothing_can_be_granted_yet(house):
    said = "it names no site and none is planned: name where it is to run before it can be granted"
    house.evidence()
    case = house.opened(quorum=2, sites=[])
    assert read_case(house.house, house.person("viewer"), case.id).notes[0] == said
    house.seated(case, "clin", "stat")
    voted(house, case, "clin", "stat")
    with pytest.raises(CannotDecide, match=said) as refused:
        close(house, case)
    assert refused.value.fix.startswith("plan where it is to run on the case's page, or withdraw it")
    now = docket(house.house, house.person("chair"), case.id).case
    replan(house.house, house.person("chair"), case.id, now.revision, {"north": "silent"})
    assert said not in read_case(house.house, house.person("viewer"), case.id).notes
    voted(house, case, "clin", "stat")
    assert close(house, case).outcome is CaseOutcome.APPROVED


def test_divided_votes_decide_nothing_and_a_rejection_needs_its_majority(house):
    house.evidence()
    case = house.opened(quorum=2)
    house.seated(case)
    voted(house, case, "clin", "stat")
    voted(house, case, "safe", "legal", choice=Choice.REJECT)
    with pytest.raises(CannotDecide, match="the votes are divided"):
        close(house, case)
    voted(house, case, "stat", choice=Choice.REJECT)
    with pytest.raises(CannotDecide, match="does not carry 'approved'"):
        close(house, case)
    assert close(house, case, CaseOutcome.REJECTED).expires_on is None


def test_a_vote_against_says_why_and_no_vote_comes_after_the_close(house):
    house.evidence()
    case = house.opened(quorum=2)
    house.seated(case)
    with pytest.raises(BadField, match="says why"):
        cast(house.house, house.person("clin"), case.id, Choice.REJECT)
    voted(house, case, "clin", "stat")
    close(house, case)
    with pytest.raises(CaseClosed, match="decided"):
        voted(house, case, "safe")


def test_evidence_that_is_missing_stops_an_approval_and_not_a_deferral(house):
    case = house.opened(quorum=2)
    house.seated(case)
    voted(house, case, "clin", "stat")
    with pytest.raises(CannotDecide, match="is missing"):
        close(house, case)
    voted(house, case, "clin", "stat", choice=Choice.DEFER)
    assert close(house, case, CaseOutcome.DEFERRED).outcome is CaseOutcome.DEFERRED


def test_what_is_inconclusive_is_accepted_in_writing_only_under_a_condition(house):
    house.evidence(auroc(0.77, 0.71, 0.83, n=300))
    case = house.opened(quorum=2)
    house.seated(case)
    voted(house, case, "clin", "stat", choice=Choice.WITH_CONDITIONS)
    chair = house.person("chair")
    with pytest.raises(CannotDecide, match="at least one, with an owner and a day"):
        close(house, case, CaseOutcome.CONDITIONAL)
    add_condition(house.house, chair, case.id, CONDITION)
    voted(house, case, "clin", "stat", choice=Choice.WITH_CONDITIONS)
    with pytest.raises(CannotDecide, match="is inconclusive"):
        close(house, case, CaseOutcome.CONDITIONAL)
    accept_inconclusive(
        house.house, chair, case.id, "discrimination", "too few patients yet", {**CONDITION, "patients_needed": 900}
    )
    voted(house, case, "clin", "stat", choice=Choice.WITH_CONDITIONS)
    closed = close(house, case, CaseOutcome.CONDITIONAL)
    assert closed.outcome is CaseOutcome.CONDITIONAL
    found = docket(house.house, chair, case.id)
    assert {(c.requirement, c.patients_needed, c.state) for c in found.conditions} == {
        (None, None, ConditionState.OPEN),
        ("discrimination", 900, ConditionState.OPEN),
    }


def test_what_is_not_met_cannot_be_accepted(house):
    house.evidence(auroc(0.6, 0.55, 0.65))
    case = house.opened()
    with pytest.raises(CannotDecide, match="only what is inconclusive"):
        accept_inconclusive(house.house, house.person("chair"), case.id, "discrimination", "please", CONDITION)


def test_evidence_nobody_registered_signed_is_there_and_does_not_count(house):

    file_evidence(house.house, bare(), house.officer)
    case = house.opened()
    with house.house.database.reading() as connection:
        verdict = verdict_of(house.house, connection, docket(house.house, house.person("chair"), case.id))
    assert verdict.outcome is Outcome.UNVERIFIABLE


def test_a_decision_asks_for_a_fresh_sign_in_and_leaves_nothing_when_it_is_refused(house):
    house.evidence()
    case = house.opened(quorum=2)
    house.seated(case)
    voted(house, case, "clin", "stat")
    stale = house.person("chair", fresh=False)
    now = docket(house.house, stale, case.id).case
    with pytest.raises(NotFresh):
        decide(house.house, stale, case.id, now.revision, CaseOutcome.APPROVED, "soon")
    with pytest.raises(Stale):
        decide(house.house, house.person("chair"), case.id, now.revision - 1, CaseOutcome.APPROVED, "soon")
    after = docket(house.house, stale, case.id).case
    assert (after.state, after.revision) == (CaseState.VOTING, now.revision)


def test_only_who_presides_closes_a_case_and_a_named_chair_is_the_one(house):
    house.evidence()
    case = house.opened(quorum=2, chair="p-chair")
    house.seated(case)
    voted(house, case, "clin", "stat")
    now = docket(house.house, house.second, case.id).case
    with pytest.raises(NotYours, match="another person presides"):
        decide(house.house, house.second, case.id, now.revision, CaseOutcome.APPROVED, "mine")
    with pytest.raises(NotAllowed):
        close(house, case, by="clin")


def test_an_emergency_is_decided_by_one_for_thirty_days_and_never_by_who_asked(house):
    case = open_case(
        house.house,
        house.second,
        house.policy(),
        use="ward",
        leads_to=Stage.LIVE,
        sites=["north"],
        procedure=Procedure.EMERGENCY,
    )
    asked = replace(house.second, fresh_until="2026-11-01T09:05:00.000000Z")
    with pytest.raises(NotYours, match="you submitted this case"):
        decide(house.house, asked, case.id, case.revision, CaseOutcome.APPROVED, "the old system is down")
    closed = close(house, case)
    assert closed.expires_on == "2026-12-01"


def test_a_withdrawn_case_takes_its_conditions_with_it(house):
    case = house.opened()
    add_condition(house.house, house.person("chair"), case.id, CONDITION)
    gone = withdraw(house.house, house.person("owner"), case.id, case.revision, why="we bought another")
    assert gone.state is CaseState.WITHDRAWN
    assert [c.state for c in docket(house.house, house.person("chair"), case.id).conditions] == [
        ConditionState.WITHDRAWN
    ]


@pytest.mark.parametrize("day", ["2026-11-01", "2026-10-01"])
def test_a_condition_cannot_be_due_before_it_is_made(house, day):
    case = house.opened()
    with pytest.raises(BadField, match="the day is today or past"):
        add_condition(house.house, house.person("chair"), case.id, {**CONDITION, "due_on": day})


def test_what_a_case_decides_is_not_set_by_editing_the_use(house):
    house.opened()
    with house.house.database.reading() as connection:
        revision = USES.get(connection, "ward").revision
    for patch in ({"stage": "live"}, {"decision": "approved"}, {"tier": "medium"}, {"impact": "not high-impact"}):
        with pytest.raises(FixedField, match="come before the committee"):
            change(house.house, house.person("chair"), "use", "ward", patch, revision)
