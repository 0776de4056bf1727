"""Attacks on what a decision stands on: others' evidence, plans that reach too far, what is said not to apply."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

sys.path.append(str(Path(__file__).parents[1] / "flows"))

from book import signed
from committee import POLICY, SEATS, Committee, auroc, cast

from codman.flows import records
from codman.flows.change_control import change_round
from codman.flows.filing import file_evidence
from codman.flows.records import accept_deployment
from codman.flows.review.before_the_decision import add_condition
from codman.flows.review.cases import CannotDecide, docket, open_case, withdraw
from codman.flows.review.conditions import Looked, close_by_hand, look
from codman.flows.review.deciding import decide
from codman.flows.review.excluding import MustApply, agree, say_not_applicable
from codman.flows.review.plans import approved, draft_plan, put_before
from codman.flows.review.said_done import say_done
from codman.flows.review.seats import name_reviewer, state_interest
from codman.flows.review.staging import CannotMove, move
from codman.flows.review.voting import verdict_of
from codman.registry import governance
from codman.registry.access import Held, NotAllowed, Reader
from codman.registry.database import instant
from codman.registry.governance import CHANGE_PLANS
from codman.registry.log import SYSTEM
from codman.registry.nouns import DEPLOYMENTS, USES, VERSIONS
from codman.registry.records import BadField
from codman.spine.person import Role
from codman.spine.product import VersionFields
from codman.spine.reopening import ChangePlan
from codman.spine.review import Case, CaseOutcome, Choice, Condition, ConditionState, Conflict, Procedure
from codman.spine.site import Deployment, DeploymentFields, Mode
from codman.spine.use import Stage, Use, UseFields

NEXT, DIGEST = "sepsis-200", "9" * 64
SOFT = POLICY.replace(b".75", b".5").replace(b"discrimination", b"easy")
SILENT = SOFT.replace(b"go-live-high", b"silent-soft").replace(b"point: go-live", b"point: silent")
VALIDATION = SOFT.replace(b"go-live-high", b"validation-soft").replace(b"point: go-live", b"point: validation")
RETIRE = POLICY.replace(b"go-live-high", b"ret").replace(b"point: go-live", b"point: retire")
ALERTS = POLICY + b"  - id: alerts\n    evidence: document\n    document: alert-burden\n"
CONDITION = {"sentence": "Show it again on 900 more patients", "owner": "p-owner", "due_on": "2027-02-01"}
NO_ALERTS = "This model raises no alerts that anybody bears at all"


@pytest.fixture
def house(tmp_path: Path, database_url: str) -> Iterator[Committee]:
    """A house whose use waits for its decision, with a version 1.2.0 that runs silently at North, and a 2.0."""
    made = Committee(tmp_path, database_url)
    with made.house.database.changing(SYSTEM) as change:
        USES.change(change, "ward", {"tier": "high", "downtime_procedure": "by hand", "owner": "p-owner"}, None)
        VERSIONS.add(change, VersionFields(product="sepsis", label="2.0", digest=DIGEST), NEXT)
    _deployed(made, "north", "p-clin")
    yield made
    made.house.close()


def _deployed(house: Committee, site: str, clinician: str) -> None:
    runs = DeploymentFields(use="ward", site=site, version="sepsis-120", mode=Mode.SILENT, clinician=clinician)
    with house.house.database.changing(SYSTEM) as change:
        DEPLOYMENTS.add(change, runs, f"d-{site}")


def _use(house: Committee) -> Use:
    with house.house.database.reading() as connection:
        return USES.get(connection, "ward")


def _runs(house: Committee, site: str = "north") -> Deployment:
    with house.house.database.reading() as connection:
        return DEPLOYMENTS.get(connection, f"d-{site}")


def _closed(house: Committee, case: Case, outcome: CaseOutcome = CaseOutcome.APPROVED) -> Case:
    now = docket(house.house, house.person("chair"), case.id).case
    done = decide(house.house, house.person("chair"), case.id, now.revision, outcome, "as voted")
    change_round(house.house)
    house.clock.forward(hours=1)
    return done


def _voted(house: Committee, case: Case, choice: Choice = Choice.APPROVE) -> Case:
    for name in ("clin", "stat", "safe"):
        cast(house.house, house.person(name), case.id, choice, reason="as shown")
    return case


def _seated(house: Committee, **asked: Any) -> Case:
    case: Case = house.opened(quorum=3, **asked)
    house.seated(case)
    return case


def _accepted(house: Committee, site: str = "north", by: str = "clin") -> None:
    accept_deployment(house.house, house.person(by), f"d-{site}", _runs(house, site).revision)
    house.clock.forward(hours=1)


def _live(house: Committee) -> Use:
    moved = move(house.house, house.person("chair"), "ward", Stage.LIVE, _use(house).revision)
    change_round(house.house)
    house.clock.forward(hours=1)
    return moved


def _plan(house: Committee, requirement: str) -> ChangePlan:
    said = {"use": "ward", "modifications": ["version"], "allows": {"version": ["*"]}, "protocol": "p", "impact": "i"}
    return draft_plan(house.house, house.person("owner"), {**said, "requirements": [requirement]})


def _judged(house: Committee, case: Case) -> list[str]:
    with house.house.database.reading() as connection:
        found = docket(house.house, house.person("chair"), case.id)
        return [one.outcome.value for one in verdict_of(house.house, connection, found).results]


def _condition(house: Committee) -> Condition:
    with house.house.database.reading() as connection:
        found: list[Condition] = governance.every(connection, "condition")
        return found[-1]


@pytest.mark.parametrize(
    ("named", "outcome"),
    [("Sepsis in another hospital", "missing"), ("Ward sepsis", "met"), (" WARD sepsis", "met"), (None, "met")],
)
def test_evidence_about_a_use_that_the_book_does_not_have_counts_for_no_other(
    house: Committee, named: str | None, outcome: str
) -> None:
    house.evidence(use=named)

    assert _judged(house, house.opened()) == [outcome]


def test_evidence_that_waited_for_its_use_counts_for_it_once_it_is_there(house: Committee) -> None:
    house.evidence(use="Sepsis in another hospital")
    asked = {"product": "sepsis", "name": "Sepsis in another hospital", "site": "north", "tier": "low"}
    other = records.create(house.house, house.second, "use", asked)

    assert _judged(house, house.opened()) == ["missing"]
    assert _judged(house, house.opened(use=other.id, sites=[], leads_to=Stage.SILENT, policy=SILENT)) == ["met"]


def test_a_namesake_made_in_time_hides_no_bad_evidence(house: Committee) -> None:
    house.evidence()
    with house.house.database.changing(SYSTEM) as change:
        USES.add(change, UseFields(product="sepsis", name="ward SEPSIS", site="north"), "namesake")
    house.clock.forward(hours=1)
    house.evidence(auroc(0.55, 0.50, 0.60))

    assert _judged(house, house.opened()) == ["not-met"]


def test_a_plan_approved_for_a_silent_run_settles_no_version_of_what_is_live(house: Committee) -> None:
    house.evidence()
    silent = _seated(house, policy=SILENT, leads_to=Stage.SILENT)
    plan = _plan(house, "easy")
    put_before(house.house, house.person("owner"), plan.id, silent.id, plan.revision)
    _closed(house, _voted(house, silent))
    _closed(house, _voted(house, _seated(house)))
    _accepted(house)
    _live(house)
    house.evidence(auroc(0.60, 0.56, 0.64), subject=DIGEST, version="2.0")
    runs = _runs(house)
    records.change(house.house, house.person("owner"), "deployment", runs.id, {"version": NEXT}, runs.revision)

    assert change_round(house.house).in_plan == 0
    _accepted(house)
    with pytest.raises(CannotMove, match=r"not about version 2\.0"):
        _live(house)


@pytest.mark.parametrize("how", ["validation", "emergency"])
def test_no_plan_is_laid_before_a_case_that_lets_nothing_run_or_that_one_person_decides(
    house: Committee, how: str
) -> None:
    plan = _plan(house, "easy")
    if how == "validation":
        case = house.opened(policy=VALIDATION, leads_to=Stage.IN_REVIEW)
    else:
        asked: dict[str, Any] = {"use": "ward", "leads_to": Stage.LIVE, "sites": ["north"], "version": "sepsis-120"}
        case = open_case(house.house, house.officer, house.policy(SOFT), procedure=Procedure.EMERGENCY, **asked)

    with pytest.raises(BadField, match="let run or changed, and not in an emergency"):
        put_before(house.house, house.person("owner"), plan.id, case.id, plan.revision)
    with house.house.database.reading() as connection:
        assert not approved(connection, CHANGE_PLANS.get(connection, plan.id), house.clock().date().isoformat())


@pytest.mark.parametrize("read", [False, True])
def test_what_was_said_of_a_use_that_changed_is_agreed_on_by_nobody_whether_or_not_a_round_read_it(
    house: Committee, *, read: bool
) -> None:
    house.evidence()
    case = _seated(house, policy=ALERTS)
    said = say_not_applicable(house.house, house.person("idle"), case.id, "alerts", NO_ALERTS)
    with house.house.database.changing(SYSTEM) as change:
        USES.change(change, "ward", {"population": "now every child too, with alerts to nurses"}, None)
    if read:
        change_round(house.house)

    with pytest.raises(MustApply, match="changed since it was said"):
        agree(house.house, house.person("chair"), said.id, said.revision)


def test_what_was_said_of_a_requirement_that_warns_is_not_said_of_one_that_blocks(house: Committee) -> None:
    house.evidence()
    first = house.opened(policy=ALERTS + b"    severity: warn\n")
    said = say_not_applicable(house.house, house.person("idle"), first.id, "alerts", NO_ALERTS)
    agree(house.house, house.person("chair"), said.id, said.revision)
    assert _judged(house, first) == ["met", "not-applicable"]
    now = docket(house.house, house.person("owner"), first.id).case
    withdraw(house.house, house.person("owner"), first.id, now.revision, why="another edition")

    case = _voted(house, _seated(house, policy=ALERTS.replace(b"2026-11", b"2026-12")))

    assert _judged(house, case) == ["met", "missing"]
    with pytest.raises(CannotDecide, match="is missing"):
        _closed(house, case)


def test_an_emergency_whose_every_requirement_is_said_not_to_apply_takes_a_sentence_too(house: Committee) -> None:
    asked: dict[str, Any] = {"use": "ward", "leads_to": Stage.LIVE, "sites": ["north"], "version": "sepsis-120"}
    case = open_case(
        house.house, house.person("chair"), house.policy(), procedure=Procedure.EMERGENCY, quorum=1, **asked
    )
    fresh = instant(house.clock() + timedelta(minutes=5))
    officer = Reader("p-two", "Officer two", (Held(Role.OFFICER),), fresh_until=fresh)
    said = say_not_applicable(house.house, house.person("owner"), case.id, "discrimination", NO_ALERTS)
    agree(house.house, officer, said.id, said.revision)
    now = docket(house.house, officer, case.id).case.revision

    with pytest.raises(BadField, match="nothing is known about it"):
        decide(house.house, officer, case.id, now, CaseOutcome.APPROVED, "ok")
    why = "The old one is gone and nobody else is there"
    done = decide(house.house, officer, case.id, now, CaseOutcome.APPROVED, why)
    assert done.reasons == f"Nothing was known about it: no requirement applied, so nothing was judged. {why}"


def test_a_condition_is_met_by_nothing_that_was_filed_before_the_decision_whatever_day_it_says(
    house: Committee,
) -> None:
    house.evidence()
    ahead = (house.clock() + timedelta(hours=23)).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert house.pipeline is not None
    file_evidence(house.house, signed(house.pipeline, evaluated_at=ahead), house.officer)
    case = _seated(house)
    add_condition(house.house, house.person("chair"), case.id, {**CONDITION, "requirement": "discrimination"})
    _closed(house, _voted(house, case, Choice.WITH_CONDITIONS), CaseOutcome.CONDITIONAL)

    assert look(house.house) == Looked((), (), ())
    house.clock.forward(days=2)
    house.evidence()
    assert len(look(house.house).closed) == 1


def test_a_condition_at_two_sites_is_closed_by_no_owner_at_one_of_them(house: Committee) -> None:
    _deployed(house, "south", "p-stat")
    house.evidence()
    case = _seated(house, sites=["north", "south"])
    add_condition(house.house, house.person("chair"), case.id, CONDITION)
    _closed(house, _voted(house, case, Choice.WITH_CONDITIONS), CaseOutcome.CONDITIONAL)
    one = _condition(house)
    one = say_done(house.house, house.person("owner"), one.id, one.revision, "done, trust me")
    friend = Reader("p-idle", "Person idle", (Held(Role.OWNER, "/south/"),))

    with pytest.raises(NotAllowed, match=r"case\.change"):
        close_by_hand(house.house, friend, one.id, one.revision, "they say so")
    seen = close_by_hand(house.house, house.person("chair"), one.id, one.revision, "seen on the ward")
    assert seen.state is ConditionState.CLOSED


def test_a_use_is_retired_at_another_hospital_by_nobody_who_presides_at_one_alone(house: Committee) -> None:
    _deployed(house, "south", "p-stat")
    house.evidence()
    hazards = {"about_kind": "use", "about": "ward", "type": "hazard-check", "title": "h", "digest": "d" * 64}
    records.create(house.house, house.second, "document", {**hazards, "media_type": "text/plain", "size": 1})
    case = house.opened(quorum=3, sites=["north"], policy=RETIRE, leads_to=Stage.RETIRED)
    chair = house.at("chair", "north")
    for name in ("clin", "stat", "safe"):
        name_reviewer(house.house, chair, case.id, f"p-{name}", SEATS[name])
        state_interest(house.house, house.at(name, "north"), case.id, Conflict.NONE)
        cast(house.house, house.at(name, "north"), case.id, Choice.APPROVE, reason="it is over")
    now = docket(house.house, chair, case.id).case

    with pytest.raises(NotAllowed, match="at every site of it"):
        decide(house.house, chair, case.id, now.revision, CaseOutcome.RETIRED, "it is over")
    whole = replace(chair, held=(Held(Role.CHAIR),))
    assert decide(house.house, whole, case.id, now.revision, CaseOutcome.RETIRED, "it is over").outcome is not None
