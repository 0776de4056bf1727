"""That a requirement does not apply to a use: one person says so, a second agrees, and a change of the use ends it."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))
from committee import Committee, auroc, cast

from codman.flows.change_control import change_round, list_reopenings
from codman.flows.review.cases import NotYours, docket, open_case, withdraw
from codman.flows.review.deciding import CannotDecide, decide
from codman.flows.review.excluding import ExclusionSettled, MustApply, agree, refuse, say_not_applicable
from codman.flows.review.minutes import minutes
from codman.flows.review.reading import read_case
from codman.flows.review.seats import name_reviewer, state_interest
from codman.flows.task import Duty
from codman.flows.work import waiting
from codman.registry.access import NotAllowed
from codman.registry.log import SYSTEM
from codman.registry.nouns import USES
from codman.registry.records import AlreadyThere, BadField, Stale
from codman.registry.replay import check_records
from codman.spine.exclusion import ExclusionState
from codman.spine.review import CaseOutcome, Choice, Conflict
from codman.spine.use import Stage

# of the three, only the first is measured; the second may be said not to apply, the third never
POLICY = b"""
policy: go-live-high
edition: 2026-11
checkpoint: go-live
requires:
  - id: discrimination
    evidence: evaluation
    measurement: {metric: auroc, at_least: 0.75}
  - id: alert-burden
    title: Its alerts can be borne
    evidence: monitoring
    controls: [nist-ai-rmf/MEASURE-2.4]
  - id: risk-assessment
    document: risk-assessment
    always_applies: true
"""
TWO = POLICY.split(b"  - id: risk-assessment")[0]
WHY = "It raises no alerts: its score is read in a list"


@pytest.fixture
def house(tmp_path, database_url):
    made = Committee(tmp_path, database_url)
    made.evidence(auroc(0.80, 0.76, 0.84))
    yield made
    with made.house.database.reading() as connection:
        check_records(connection)  # whatever was done, the log tells of it
    made.house.close()


def said(house, case, by="owner", requirement="alert-burden", why=WHY):
    return say_not_applicable(house.house, house.person(by), case.id, requirement, why)


def agreed(house, case, **more):
    one = said(house, case, **more)
    return agree(house.house, house.person("chair"), one.id, one.revision)


def outcomes(house, case):
    return {one.id: one.outcome for one in read_case(house.house, house.person("chair"), case.id).requirements}


def approved(house, case):
    house.seated(case, "clin", "safe")
    for name in ("clin", "safe"):
        cast(house.house, house.person(name), case.id, Choice.APPROVE)
    now = docket(house.house, house.person("chair"), case.id).case
    return decide(house.house, house.person("chair"), case.id, now.revision, CaseOutcome.APPROVED, "as shown")


def test_what_two_people_say_does_not_apply_is_neither_met_nor_missing_and_stands_in_the_signed_decision(house):
    case = house.opened(policy=TWO, quorum=2)
    one = said(house, case)
    assert outcomes(house, case)["alert-burden"] == "missing"
    with pytest.raises(CannotDecide, match="cannot be closed"):
        approved(house, case)

    stands = agree(house.house, house.person("chair"), one.id, one.revision)

    assert (stands.state, stands.asked_by, stands.agreed_by) == (ExclusionState.STANDING, "p-owner", "p-chair")
    assert outcomes(house, case) == {"discrimination": "met", "alert-burden": "not-applicable"}
    for name in ("clin", "safe"):
        cast(house.house, house.person(name), case.id, Choice.APPROVE)
    now = docket(house.house, house.person("chair"), case.id).case
    closed = decide(house.house, house.person("chair"), case.id, now.revision, CaseOutcome.APPROVED, "as shown")
    (envelope,) = house.house.store.envelopes(closed.decision)
    written = json.loads(envelope.payload)["predicate"]["requirements"][1]
    assert (written["id"], written["outcome"], written["accepted"]) == ("alert-burden", "not-applicable", False)
    assert written["sentence"].startswith(
        f"It does not apply here: {WHY}. Person owner said so, and Person chair agreed"
    )
    told = minutes(house.house, house.person("viewer"), case.id)
    assert "alert-burden" not in [each.id for each in told.not_known]
    assert "Person owner said so" in told.markdown()


def test_a_vote_cast_before_it_was_agreed_to_counts_no_more(house):
    case = house.opened(policy=TWO, quorum=2)
    house.seated(case, "clin", "safe")
    cast(house.house, house.person("clin"), case.id, Choice.APPROVE)

    agreed(house, case)

    assert len(read_case(house.house, house.person("chair"), case.id).stale_votes) == 1


def test_who_said_it_and_who_has_a_hand_in_the_use_cannot_agree(house):
    case = house.opened(policy=TWO)
    own = said(house, case, by="chair")
    with pytest.raises(NotYours, match="not yours"):
        agree(house.house, house.person("chair"), own.id, own.revision)
    with pytest.raises(NotAllowed):
        agree(house.house, house.person("owner"), own.id, own.revision)
    with pytest.raises(NotAllowed):
        agree(house.house, house.person("clin"), own.id, own.revision)
    theirs = open_case(
        house.house, house.person("chair"), house.policy(TWO.replace(b"go-live\n", b"pilot\n")),
        use="ward", leads_to=Stage.PILOT, sites=["north"], version="sepsis-120",
    )  # fmt: skip
    other = said(house, theirs)
    with pytest.raises(NotYours) as refused:  # the chair submitted that case
        agree(house.house, house.person("chair"), other.id, other.revision)
    assert "submitted" in refused.value.why


def test_who_declared_a_conflict_of_interest_cannot_agree(house):
    case = house.opened(policy=TWO)
    name_reviewer(house.house, house.second, case.id, "p-chair", "clinical")
    state_interest(house.house, house.person("chair"), case.id, Conflict.CONFLICT, "I advise the vendor")
    one = said(house, case)

    with pytest.raises(NotYours):
        agree(house.house, house.person("chair"), one.id, one.revision)


def test_a_viewer_and_a_chair_of_one_of_two_sites_say_nothing_of_it(house):
    case = house.opened(policy=TWO, sites=["north", "south"])
    with pytest.raises(NotAllowed):
        said(house, case, by="viewer")
    one = said(house, case)
    with pytest.raises(NotAllowed):
        agree(house.house, house.at("chair", "north"), one.id, one.revision)


def test_what_the_policy_marks_always_applies(house):
    case = house.opened()
    case = house.opened(policy=POLICY.replace(b"checkpoint: go-live", b"checkpoint: pilot"), leads_to=Stage.PILOT)
    with pytest.raises(MustApply) as refused:
        said(house, case, requirement="risk-assessment")
    assert "applies to every use" in refused.value.why
    with pytest.raises(BadField):
        said(house, case, requirement="no-such-thing")


def test_what_is_filed_is_judged_whatever_people_say_of_it(house):
    case = house.opened(policy=TWO)
    with pytest.raises(MustApply) as refused:
        said(house, case, requirement="discrimination")
    assert "what is filed for it is judged" in refused.value.why
    low = TWO.replace(b"metric: auroc, at_least: 0.75", b"metric: ppv, threshold: 0.2, at_least: 0.3")
    other = house.opened(policy=low.replace(b"checkpoint: go-live", b"checkpoint: pilot"), leads_to=Stage.PILOT)
    assert outcomes(house, other)["discrimination"] == "missing"
    agreed(house, other, requirement="discrimination")
    assert outcomes(house, other)["discrimination"] == "not-applicable"

    house.clock.forward(hours=3)
    bad = auroc(0.1, 0.05, 0.2).model_copy(update={"metric": "ppv", "params": {"threshold": 0.2}})
    house.evidence(auroc(0.80, 0.76, 0.84), bad)

    assert outcomes(house, other)["discrimination"] == "not-met"


def test_a_reason_is_a_sentence_and_is_asked_for_once(house):
    case = house.opened(policy=TWO)
    with pytest.raises(BadField, match="sentence"):
        said(house, case, why="no alerts")
    one = said(house, case)
    with pytest.raises(AlreadyThere):
        said(house, case, by="clin")
    with pytest.raises(Stale):
        agree(house.house, house.person("chair"), one.id, one.revision + 1)


def test_it_can_be_refused_taken_back_and_ended_with_a_reason_and_then_is_missing_again(house):
    case = house.opened(policy=TWO)
    first = said(house, case)
    refused = refuse(house.house, house.person("chair"), first.id, first.revision, "It does raise alerts at night")
    assert (refused.state, refused.refused) == (ExclusionState.REFUSED, "It does raise alerts at night")
    with pytest.raises(ExclusionSettled):
        agree(house.house, house.person("chair"), first.id, refused.revision)
    second = said(house, case)
    assert refuse(house.house, house.person("owner"), second.id, 1, "I was wrong").state is ExclusionState.REFUSED
    third = agreed(house, case)
    with pytest.raises(BadField):
        refuse(house.house, house.person("chair"), third.id, third.revision, " ")
    ended = refuse(house.house, house.person("chair"), third.id, third.revision, "It will raise alerts from May on")
    assert ended.state is ExclusionState.ENDED
    assert outcomes(house, case)["alert-burden"] == "missing"


def test_nothing_is_approved_of_which_everything_is_said_not_to_apply(house):
    only = TWO.split(b"  - id: discrimination")[0] + b"  - id: alert-burden" + TWO.split(b"  - id: alert-burden")[1]
    case = house.opened(policy=only, quorum=2)
    agreed(house, case)
    with pytest.raises(CannotDecide) as refused:
        approved(house, case)
    assert "nothing was judged" in refused.value.why


def test_a_change_of_the_use_ends_it_at_once_and_reopens_what_was_decided_on_it(house):
    case = house.opened(policy=TWO, quorum=2)
    agreed(house, case)
    approved(house, case)
    change_round(house.house)
    assert list_reopenings(house.house, house.person("chair"), where={"use": ["ward"]}).items == []
    later = house.opened(policy=TWO, quorum=2)
    assert outcomes(house, later)["alert-burden"] == "not-applicable"  # of the same version and sites

    with house.house.database.changing(SYSTEM) as change:
        USES.change(change, "ward", {"population": "Also children"}, None)

    assert outcomes(house, later)["alert-burden"] == "missing"  # before any round has looked
    change_round(house.house)
    (one,) = docket(house.house, house.person("chair"), later.id).exclusions
    assert (one.state, one.ended) == (ExclusionState.ENDED, "its population changed")
    opened = list_reopenings(house.house, house.person("chair"), where={"use": ["ward"]}).items
    assert ("alert-burden", "population") in [(each.requirement, each.changed.value) for each in opened]
    change_round(house.house)
    assert outcomes(house, later)["alert-burden"] == "missing"


def test_what_changed_while_it_waited_is_not_agreed_to(house):
    case = house.opened(policy=TWO)
    one = said(house, case)
    with house.house.database.changing(SYSTEM) as change:
        USES.change(change, "ward", {"population": "Also children"}, None)
    with pytest.raises(MustApply) as refused:
        agree(house.house, house.person("chair"), one.id, one.revision)
    assert "changed since it was said" in refused.value.why


def test_it_is_said_of_its_version_and_sites_and_of_an_edition_that_asks_the_same(house):
    case = house.opened(policy=TWO, quorum=2)
    agreed(house, case)
    approved(house, case)
    wider = house.opened(policy=TWO, sites=["north", "south"])
    assert outcomes(house, wider)["alert-burden"] == "missing"
    withdraw(house.house, house.person("owner"), wider.id, wider.revision, why="asked too much")
    other = house.opened(policy=TWO.replace(b"evidence: monitoring", b"evidence: monitoring\n    origin: [local]"))
    assert outcomes(house, other)["alert-burden"] == "missing"
    withdraw(house.house, house.person("owner"), other.id, other.revision, why="asked too much")
    same = house.opened(policy=TWO.replace(b"2026-11", b"2026-12"))
    assert outcomes(house, same)["alert-burden"] == "not-applicable"


def test_it_waits_in_the_work_of_who_may_agree_and_of_nobody_else(house):
    case = house.opened(policy=TWO)
    one = said(house, case, by="clin")

    def waits_for(reader):
        return [(task.at, task.words) for task in waiting(house.house, reader) if task.duty is Duty.APPLIES]

    assert waits_for(house.person("chair")) == [(f"/reviews/{case.id}#r-alert-burden", WHY)]
    for name in ("clin", "owner", "stat", "viewer"):
        assert waits_for(house.person(name)) == []
    assert waits_for(house.at("chair", "south")) == []
    agree(house.house, house.person("chair"), one.id, one.revision)
    assert waits_for(house.person("chair")) == []
