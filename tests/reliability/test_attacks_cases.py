"""Attacks on decisions: by the softer checkpoint, an old acceptance, an unseen plan, a version that is gone."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

sys.path.append(str(Path(__file__).parents[1] / "flows"))

from committee import POLICY, Committee, auroc, cast

from codman.flows import records
from codman.flows.change_control import change_round
from codman.flows.deployment_rules import NotTheClinician, StopsOnly
from codman.flows.records import accept_deployment
from codman.flows.review.before_the_decision import add_condition
from codman.flows.review.cases import docket, open_case
from codman.flows.review.conditions import look
from codman.flows.review.counting import decisions_counted, emergency_acts
from codman.flows.review.deciding import CannotDecide, decide
from codman.flows.review.plans import approved, draft_plan, put_before
from codman.flows.review.policies import kept
from codman.flows.review.staging import CannotMove, move
from codman.flows.review.undecided import uncovered
from codman.flows.review.voting import CaseChanged, table
from codman.registry import governance
from codman.registry.access import Held, Reader
from codman.registry.database import instant
from codman.registry.fixed_fields import FixedField
from codman.registry.governance import CHANGE_PLANS
from codman.registry.log import SYSTEM
from codman.registry.nouns import DEPLOYMENTS, DOCUMENTS, PEOPLE, USES, VERSIONS
from codman.registry.records import AlreadyThere, BadField, Stale
from codman.registry.schema_review import pause_proposals
from codman.review.terms import DecisionKind
from codman.spine.person import Role
from codman.spine.product import VersionFields
from codman.spine.review import Case, CaseOutcome, Choice, ConditionState, Procedure
from codman.spine.site import Deployment, DeploymentFields, Mode
from codman.spine.use import Decision, Stage, Use

NEXT, DIGEST = "sepsis-200", "9" * 64
MONITORING = (
    POLICY.replace(b"go-live-high", b"mon").replace(b"point: go-live", b"point: monitoring").replace(b".75", b".5")
)
CHANGE = POLICY.replace(b"go-live-high", b"chg").replace(b"point: go-live", b"point: change").replace(b".75", b".5")
RETIRE = POLICY.replace(b"go-live-high", b"ret").replace(b"point: go-live", b"point: retire")
CONDITION = {"sentence": "Show it again on 900 more patients", "owner": "p-owner", "due_on": "2027-02-01"}


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Committee]:
    """A house whose use waits for its decision, with a version 1.2.0 that runs silently at North, and a 2.0."""
    made = Committee(tmp_path)
    with made.house.database.changing(SYSTEM) as change:
        USES.change(change, "ward", {"tier": "high", "downtime_procedure": "by hand", "owner": "p-owner"}, None)
        VERSIONS.add(change, VersionFields(product="sepsis", label="2.0", digest=DIGEST), NEXT)
    _deployed(made, "north", "p-clin")
    made.evidence()
    yield made
    made.house.close()


def _deployed(house: Committee, site: str, clinician: str, version: str = "sepsis-120") -> None:
    runs = DeploymentFields(use="ward", site=site, version=version, mode=Mode.SILENT, clinician=clinician)
    with house.house.database.changing(SYSTEM) as change:
        DEPLOYMENTS.add(change, runs, f"d-{site}")


def _use(house: Committee) -> Use:
    with house.house.database.reading() as connection:
        return USES.get(connection, "ward")


def _runs(house: Committee, site: str = "north") -> Deployment:
    with house.house.database.reading() as connection:
        return DEPLOYMENTS.get(connection, f"d-{site}")


def _decided(
    house: Committee, outcome: CaseOutcome = CaseOutcome.APPROVED, choice: Choice = Choice.APPROVE, **asked: Any
) -> Case:
    case = house.opened(quorum=3, **asked)
    house.seated(case)
    if outcome is CaseOutcome.CONDITIONAL:
        add_condition(house.house, house.person("chair"), case.id, {**CONDITION, "requirement": "discrimination"})
        choice = Choice.WITH_CONDITIONS
    for name in ("clin", "stat", "safe"):
        cast(house.house, house.person(name), case.id, choice, reason="as shown")
    now = docket(house.house, house.person("chair"), case.id).case
    closed = decide(house.house, house.person("chair"), case.id, now.revision, outcome, "as voted")
    change_round(house.house)
    house.clock.forward(hours=1)
    return closed


def _accepted(house: Committee, site: str = "north", by: str = "clin") -> None:
    accept_deployment(house.house, house.person(by), f"d-{site}", _runs(house, site).revision)
    house.clock.forward(hours=1)


def _gone(house: Committee, to: Stage = Stage.LIVE, reason: str | None = None) -> Use:
    moved = move(house.house, house.person("chair"), "ward", to, _use(house).revision, reason=reason)
    change_round(house.house)
    house.clock.forward(hours=1)
    return moved


def _changed(house: Committee, site: str = "north", **patch: object) -> Deployment:
    made: Deployment = records.change(
        house.house, house.person("owner"), "deployment", f"d-{site}", patch, _runs(house, site).revision
    )
    change_round(house.house)
    house.clock.forward(hours=1)
    return made


def _live(house: Committee) -> None:
    _decided(house)
    _accepted(house)
    _gone(house)


def _uncovered(house: Committee) -> set[str]:
    with house.house.database.reading() as connection:
        day = house.clock().date().isoformat()
        return {one.deployment.site for one in uncovered(connection, _use(house), day)}


def _emergency(house: Committee, policy: bytes = POLICY, leads_to: Stage = Stage.LIVE) -> Case:
    asked: dict[str, Any] = {"use": "ward", "leads_to": leads_to, "sites": ["north"], "version": "sepsis-120"}
    judged_by = house.policy(policy)
    return open_case(house.house, house.officer, judged_by, procedure=Procedure.EMERGENCY, quorum=1, **asked)


def test_a_look_at_how_it_does_lets_no_new_site_and_no_new_version_run(house: Committee) -> None:
    _live(house)
    house.evidence(auroc(0.60, 0.56, 0.64), subject=DIGEST, version="2.0")
    _deployed(house, "south", "p-stat", NEXT)
    _decided(house, policy=MONITORING, sites=["north", "south"], version=NEXT)
    _changed(house, version=NEXT)
    _accepted(house)
    _accepted(house, "south", "stat")

    with pytest.raises(CannotMove, match=r"its decision is not about version 2\.0"):
        _gone(house)
    assert _uncovered(house) == {"north", "south"}


def test_a_look_at_how_it_does_may_still_end_what_runs(house: Committee) -> None:
    _live(house)
    _decided(house, CaseOutcome.REJECTED, Choice.REJECT, policy=MONITORING)

    assert _uncovered(house) == {"north"}


def test_a_look_at_how_it_does_undoes_no_rejection(house: Committee) -> None:
    _live(house)
    _decided(house, CaseOutcome.REJECTED, Choice.REJECT)
    _decided(house, policy=MONITORING)

    assert _uncovered(house) == {"north"}
    assert _use(house).decision.value == "rejected"


def test_a_change_that_brings_a_version_is_judged_by_what_go_live_asked_too(house: Committee) -> None:
    _live(house)
    weak = house.evidence(auroc(0.60, 0.56, 0.64), subject=DIGEST, version="2.0")
    case = house.opened(quorum=3, policy=CHANGE, version=NEXT)

    with house.house.database.reading() as connection:
        judged_by = kept(connection, case.policy_digest)
    assert weak
    assert (judged_by.policy, judged_by.checkpoint.value) == ("chg", "change")
    assert [(one.id, one.asks.model_dump()["at_least"]) for one in judged_by.requires] == [
        ("discrimination", 0.5),
        ("discrimination-2", 0.75),
    ]
    same = house.opened(quorum=3, policy=MONITORING)
    with house.house.database.reading() as connection:
        assert len(kept(connection, same.policy_digest).requires) == 1


def test_a_change_that_brings_nothing_new_is_judged_by_its_own_policy_alone(house: Committee) -> None:
    _live(house)
    case = house.opened(quorum=3, policy=CHANGE)

    with house.house.database.reading() as connection:
        assert [one.id for one in kept(connection, case.policy_digest).requires] == ["discrimination"]


def test_a_granted_change_lets_its_version_run_and_ends_with_the_decision_that_it_changed(house: Committee) -> None:
    _live(house)
    house.evidence(subject=DIGEST, version="2.0")
    _decided(house, policy=CHANGE, version=NEXT)
    _changed(house, version=NEXT)
    assert _uncovered(house) == set()

    house.clock.forward(days=1)
    _decided(house, CaseOutcome.REJECTED, Choice.REJECT)

    assert _uncovered(house) == {"north"}


def test_a_refused_version_leaves_the_one_that_was_decided_on_and_runs(house: Committee) -> None:
    _live(house)
    _decided(house, CaseOutcome.REJECTED, Choice.REJECT, policy=CHANGE, version=NEXT)

    assert _uncovered(house) == set()
    assert _use(house).decision.value == "approved"
    assert _pauses(house) == []
    _gone(house)  # decided on and accepted: it may stand where it stands
    house.evidence(subject=DIGEST, version="2.0")
    _changed(house, version=NEXT)
    assert _uncovered(house) == {"north"}  # the refused one runs, whatever evidence says of it since
    with pytest.raises(CannotMove, match=r"not about version 2\.0"):
        _gone(house)


def test_a_refused_version_that_runs_already_is_proposed_to_be_paused_and_no_emergency_lets_it_run(
    house: Committee,
) -> None:
    _live(house)
    house.evidence(subject=DIGEST, version="2.0")
    _changed(house, version=NEXT)
    _decided(house, CaseOutcome.REJECTED, Choice.REJECT, policy=CHANGE, version=NEXT)

    assert _uncovered(house) == {"north"}
    assert ["its change" in one.because for one in _pauses(house)] == [True]
    for version in (NEXT, None):
        asked: dict[str, Any] = {"use": "ward", "leads_to": Stage.LIVE, "sites": ["north"], "version": version}
        case = open_case(
            house.house, house.person("chair"), house.policy(), procedure=Procedure.EMERGENCY, why="no bed", **asked
        )
        alone = replace(house.person("viewer"), person="p-two", held=(Held(Role.OFFICER),))
        decide(house.house, alone, case.id, case.revision, CaseOutcome.APPROVED, "the ward is full today, again")
        house.clock.forward(hours=1)
        assert _uncovered(house) == {"north"}


def test_a_change_put_off_leaves_the_word_of_the_decision(house: Committee) -> None:
    _live(house)
    _decided(house, CaseOutcome.DEFERRED, Choice.DEFER, policy=CHANGE, version=NEXT)

    assert _use(house).decision.value == "approved"


def _pauses(house: Committee) -> list[Any]:
    with house.house.database.reading() as connection:
        return governance.every(connection, "pause_proposal", pause_proposals.c.state == "open")


def test_a_change_of_what_nobody_decided_lets_nothing_run(house: Committee) -> None:
    with house.house.database.changing(SYSTEM) as change:
        USES.change(change, "ward", {"stage": "live", "decision": Decision.LEGACY.value}, None)
        DEPLOYMENTS.change(change, "d-north", {"mode": "live"}, None)
    with pytest.raises(CannotDecide, match="nothing that it would change"):
        _decided(house, policy=CHANGE)

    assert _uncovered(house) == {"north"}
    assert _use(house).decision is Decision.LEGACY


def test_an_acceptance_given_before_the_decision_is_not_an_acceptance_of_it(house: Committee) -> None:
    _accepted(house)
    house.clock.forward(days=60)
    _decided(house)

    with pytest.raises(CannotMove, match="accepted before it was decided, and not since, at: North"):
        _gone(house)
    _accepted(house)
    assert _gone(house).stage is Stage.LIVE


def test_no_edit_sets_a_site_going_on_an_acceptance_given_before_the_decision(house: Committee) -> None:
    _deployed(house, "south", "p-stat")
    _accepted(house, "south", "stat")
    _decided(house, sites=["north", "south"])
    _accepted(house)
    before = _runs(house, "south").accepted_at
    assert _changed(house, "south", mode="ended").accepted_at is None
    _gone(house)

    with pytest.raises(BadField, match="it was ended here"):
        _changed(house, "south", mode="live")
    with house.house.database.changing(SYSTEM) as change:
        DEPLOYMENTS.change(change, "d-south", {"mode": "silent", "accepted_at": before}, None)
    with pytest.raises(BadField, match="not accepted it here since"):
        _changed(house, "south", mode="live")


@pytest.mark.parametrize("how", ["closed", "answers"])
def test_the_acceptance_of_one_who_may_no_longer_give_it_carries_nothing_live(house: Committee, how: str) -> None:
    _decided(house)
    _accepted(house)
    with house.house.database.changing(SYSTEM) as change:
        if how == "closed":
            PEOPLE.change(change, "p-clin", {"active": False}, None)
        else:
            USES.change(change, "ward", {"owner": "p-clin"}, None)

    with pytest.raises(CannotMove, match="not accepted yet at: North"):
        _gone(house)
    if how == "answers":
        with pytest.raises(NotTheClinician):
            _accepted(house)


def test_a_plan_laid_after_the_page_was_read_is_not_approved_by_closing_that_page(house: Committee) -> None:
    case = house.opened(quorum=3)
    chair = house.person("chair")
    seen = docket(house.house, chair, case.id).case
    said = {"use": "ward", "modifications": ["version"], "allows": {"version": ["*"]}, "protocol": "p", "impact": "i"}
    plan = draft_plan(house.house, house.person("owner"), {**said, "requirements": ["discrimination"]})
    put_before(house.house, house.person("owner"), plan.id, case.id, plan.revision)

    with pytest.raises(Stale):
        decide(house.house, chair, case.id, seen.revision, CaseOutcome.APPROVED, "it is urgent and cannot wait")
    with house.house.database.reading() as connection:
        assert not approved(connection, CHANGE_PLANS.get(connection, plan.id), house.clock().date().isoformat())
    assert docket(house.house, chair, case.id).case.plans == [plan.id]


def test_a_decision_names_what_its_page_said_and_is_refused_once_that_is_another(house: Committee) -> None:
    case = _emergency(house)
    chair = house.person("chair")
    read_on = table(house.house, chair, case.id)
    add_condition(house.house, house.second, case.id, CONDITION)
    now = docket(house.house, chair, case.id).case

    with pytest.raises(CaseChanged):
        decide(house.house, chair, case.id, now.revision, CaseOutcome.CONDITIONAL, "urgent, as said", on=read_on)


def test_no_plan_is_approved_by_a_look_at_how_it_does(house: Committee) -> None:
    _live(house)
    case = house.opened(quorum=3, policy=MONITORING)
    said = {"use": "ward", "modifications": ["version"], "allows": {"version": ["*"]}, "protocol": "p", "impact": "i"}
    plan = draft_plan(house.house, house.person("owner"), {**said, "requirements": ["discrimination"]})

    with pytest.raises(BadField, match="let run or changed"):
        put_before(house.house, house.person("owner"), plan.id, case.id, plan.revision)


def _lent(house: Committee) -> Reader:
    held = (Held(Role.REVIEWER), Held(Role.OFFICER, lent=True))
    return Reader("p-idle", "Person idle", held, fresh_until=instant(house.clock() + timedelta(minutes=5)))


@pytest.mark.parametrize(
    "patch", [{"mode": "pilot"}, {"mode": "silent"}, {"version": NEXT}, {"clinician": "p-idle"}, {"serves": None}]
)
def test_a_right_taken_in_an_emergency_sets_nothing_going_and_changes_nothing_of_how_it_runs(
    house: Committee, patch: dict[str, object]
) -> None:
    _live(house)
    if patch == {"serves": None}:
        patch = {"mode": "paused", "version": NEXT}

    with pytest.raises(StopsOnly, match="lent to pause or end"):
        records.change(house.house, _lent(house), "deployment", "d-north", patch, _runs(house).revision)


@pytest.mark.parametrize("mode", ["paused", "ended"])
def test_a_right_taken_in_an_emergency_stops_what_harms(house: Committee, mode: str) -> None:
    _live(house)
    said = {"mode": mode, "note": "scores of the dead"}

    stopped = records.change(house.house, _lent(house), "deployment", "d-north", said, _runs(house).revision)

    assert stopped.mode.value == mode


def test_a_condition_is_not_met_by_evidence_about_a_version_that_runs_no_more(house: Committee) -> None:
    _decided(house, CaseOutcome.CONDITIONAL)
    _accepted(house)
    _gone(house)
    _changed(house, version=NEXT)
    house.clock.forward(days=2)
    house.evidence(auroc(0.85, 0.82, 0.88))
    assert look(house.house).closed == ()

    house.clock.forward(days=1)
    digest = house.evidence(auroc(0.85, 0.82, 0.88), subject=DIGEST, version="2.0")

    (closed,) = look(house.house).closed
    with house.house.database.reading() as connection:
        one = governance.CONDITIONS.get(connection, closed)
    assert (one.state, one.closed_by) == (ConditionState.CLOSED, digest.removeprefix("sha256:"))


def test_every_emergency_decision_is_counted_and_listed_whatever_it_did(house: Committee) -> None:
    _live(house)
    paper = {"about_kind": "use", "about": "ward", "type": "hazard-check", "title": "x", "digest": "1" * 64}
    with house.house.database.changing(SYSTEM) as change:
        DOCUMENTS.add(change, DOCUMENTS.validated({**paper, "size": 3, "media_type": "text/plain"}))
    for outcome, policy, leads_to in (
        (CaseOutcome.REJECTED, POLICY, Stage.LIVE),
        (CaseOutcome.RETIRED, RETIRE, Stage.RETIRED),
    ):
        case = _emergency(house, policy, leads_to)
        decide(house.house, house.person("chair"), case.id, case.revision, outcome, "it harmed two patients last night")
        house.clock.forward(days=1)

    with house.house.database.reading() as connection:
        now, zone = house.clock().isoformat(), house.house.database.zone
        counted = {one.kind: one.given for one in decisions_counted(connection, ("/",), now, zone)}
        listed = [(one.outcome, one.by) for one in emergency_acts(connection, ("/",), now)]
        assert emergency_acts(connection, ("/south/",), now) == ()
    assert counted[DecisionKind.EMERGENCY] == 2
    assert listed == [(CaseOutcome.RETIRED, "Person chair"), (CaseOutcome.REJECTED, "Person chair")]


def test_an_id_out_of_sight_answers_like_one_that_nobody_has(house: Committee) -> None:
    south = Reader("p-owner", "Owner of South", (Held(Role.OWNER, "/south/"),))
    fields = {"product": "sepsis", "name": "x", "site": "south"}
    said = []
    for name in ("ward", "nothing-there"):
        with pytest.raises(BadField) as refused:
            records.create(house.house, south, "use", fields, name=name)
        said.append((refused.value.what, refused.value.why, refused.value.fix))

    assert said[0] == said[1]
    with pytest.raises(AlreadyThere):
        records.create(house.house, house.officer, "use", {**fields, "site": "north"}, name="ward")


def test_a_fact_is_not_renamed_to_put_another_threshold_beside_it(house: Committee) -> None:
    said = {"about_kind": "use", "about": "ward", "field": "operation/threshold", "value": "0.2", "basis": "claim"}
    owner = house.person("owner")
    fact = records.create(house.house, owner, "fact", {**said, "source": "owner"})

    with pytest.raises(FixedField, match="field"):
        records.change(house.house, owner, "fact", fact.id, {"field": "operation/old"}, fact.revision)


def test_a_rejected_version_is_not_let_run_by_granting_the_one_before_anew(house: Committee) -> None:
    _live(house)
    _changed(house, version=NEXT)
    _changed(house, version="sepsis-120")
    _decided(house, CaseOutcome.REJECTED, Choice.REJECT, version=NEXT)
    _changed(house, version=NEXT)
    _decided(house)
    _accepted(house)

    with pytest.raises(CannotMove, match=r"not about version 2\.0"):
        _gone(house)
