"""Attacks on the ground of a decision: what it rests on goes, and the use goes further all the same."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.append(str(Path(__file__).parents[1] / "flows"))

from book import patients
from committee import POLICY, Committee, auroc, cast

from codman.flows import records
from codman.flows.change_control import change_round, day_round
from codman.flows.records import accept_deployment
from codman.flows.review.cases import docket, open_case
from codman.flows.review.deciding import decide
from codman.flows.review.staging import CannotMove, move, ways
from codman.flows.settling import NotTheirsToSay, settle, to_settle
from codman.registry import governance
from codman.registry.log import SYSTEM
from codman.registry.nouns import DEPLOYMENTS, DOCUMENTS, USES, VERSIONS
from codman.registry.records import BadField
from codman.registry.undecided import uncovered_of
from codman.spine.product import VersionFields
from codman.spine.reopening import Changed, Reopening, ReopeningState
from codman.spine.review import Case, CaseOutcome, Choice, Procedure
from codman.spine.site import Deployment, DeploymentFields, Mode
from codman.spine.use import Decision, Stage, Use, UseFields

NEXT = "sepsis-200"
RETIRE = (
    POLICY.replace(b"go-live-high", b"ret")
    .replace(b"point: go-live", b"point: retire")
    .replace(b"at_least: 0.75}\n", b"at_least: 0.75}\n    severity: warn\n")
)
VALIDATE = POLICY.replace(b"go-live-high", b"val").replace(b"point: go-live", b"point: validation")


@pytest.fixture
def house(tmp_path: Path, database_url: str) -> Iterator[Committee]:
    """A house whose use is silent at North, in version 1.2.0, and decided on; there is a 2.0."""
    made = Committee(tmp_path, database_url)
    known = {"tier": "medium", "downtime_procedure": "by hand", "owner": "p-owner", "population": "Adults"}
    with made.house.database.changing(SYSTEM) as change:
        USES.change(change, "ward", known, None)
        VERSIONS.add(change, VersionFields(product="sepsis", label="2.0", digest="9" * 64), NEXT)
    _deployed(made, "north", "p-clin")
    made.evidence()
    _decided(made)
    _accepted(made)
    yield made
    made.house.close()


def _deployed(house: Committee, site: str, clinician: str) -> None:
    with house.house.database.changing(SYSTEM) as change:
        runs = DeploymentFields(use="ward", site=site, version="sepsis-120", mode=Mode.SILENT, clinician=clinician)
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
    for name in ("clin", "stat", "safe"):
        cast(house.house, house.person(name), case.id, choice, reason="as shown")
    return _closed(house, case, outcome)


def _closed(house: Committee, case: Case, outcome: CaseOutcome = CaseOutcome.APPROVED) -> Case:
    chair = house.person("chair")
    now = docket(house.house, chair, case.id).case
    done = decide(house.house, chair, case.id, now.revision, outcome, "it cannot wait any longer")
    change_round(house.house)
    house.clock.forward(hours=1)
    return done


def _accepted(house: Committee, site: str = "north", by: str = "clin") -> None:
    accept_deployment(house.house, house.person(by), f"d-{site}", _runs(house, site).revision)
    house.clock.forward(hours=1)


def _moved(house: Committee, to: Stage = Stage.LIVE) -> Use:
    return move(house.house, house.person("chair"), "ward", to, _use(house).revision, reason="as decided")


def _edited(house: Committee, kind: str = "use", name: str = "ward", **patch: object) -> None:
    there = records.get(house.house, house.person("owner"), kind, name)
    records.change(house.house, house.person("owner"), kind, name, patch, there.revision)
    change_round(house.house)


def _open(house: Committee) -> list[Reopening]:
    change_round(house.house)
    with house.house.database.reading() as connection:
        every = governance.every(connection, "reopening", order="created_at")
    return [one for one in every if one.state is ReopeningState.OPEN]


def _tier(house: Committee) -> None:
    with house.house.database.changing(SYSTEM) as change:
        USES.change(change, "ward", {"tier": "high"}, None)
    change_round(house.house)


def _population(house: Committee) -> None:
    _edited(house, population="Children in intensive care")


def _evidence(house: Committee) -> None:
    house.clock.forward(days=1)
    house.evidence(auroc(0.55, 0.50, 0.60))
    change_round(house.house)


def _artefact(house: Committee) -> None:
    with house.house.database.changing(SYSTEM) as change:
        VERSIONS.change(change, "sepsis-120", {"digest": "7" * 64}, None)
    change_round(house.house)


@pytest.mark.parametrize("goes", [_tier, _population, _evidence, _artefact])
def test_what_was_decided_goes_no_further_once_its_ground_is_gone(
    house: Committee, goes: Callable[[Committee], None]
) -> None:
    goes(house)
    with pytest.raises(CannotMove, match="a requirement of its decision is to be shown again"):
        _moved(house)
    (told,) = [way.lacks for way in ways(house.house, house.person("chair"), "ward").ways if way.to is Stage.LIVE]
    assert any("to be shown again" in lack for lack in told)


def test_what_was_shown_again_goes_on(house: Committee) -> None:
    _population(house)
    house.clock.forward(days=1)
    house.evidence(inputs=[])
    with pytest.raises(CannotMove, match="to be shown again"):
        _moved(house)
    _decided(house)
    _accepted(house)
    assert _moved(house).stage is Stage.LIVE


def test_what_lost_its_ground_goes_on_where_it_is_and_reaches_no_other_site(house: Committee) -> None:
    _deployed(house, "south", "p-stat")
    _decided(house, sites=["north", "south"])
    _accepted(house)
    _accepted(house, "south", "stat")
    assert _moved(house).stage is Stage.LIVE
    _edited(house, "deployment", "d-south", mode="silent")
    _population(house)

    with pytest.raises(BadField, match="a requirement of its decision is to be shown again"):
        _edited(house, "deployment", "d-south", mode="live")
    with pytest.raises(CannotMove, match="a requirement of its decision is to be shown again"):
        _moved(house)
    _edited(house, "deployment", "d-north", mode="pilot")
    assert _runs(house).mode is Mode.PILOT


def test_a_site_that_came_keeps_back_no_site_that_was_decided_on(house: Committee) -> None:
    _deployed(house, "south", "p-stat")
    assert [one.changed.value for one in _open(house)] == ["site"]
    assert _moved(house).stage is Stage.LIVE
    assert [_runs(house).mode, _runs(house, "south").mode] == [Mode.LIVE, Mode.SILENT]


PAPERS = POLICY.replace(b"go-live-high", b"go-live-next").replace(
    b"evidence: evaluation\n    origin: [local]\n    measurement: {metric: auroc, at_least: 0.75}",
    b"document: contract",
)


def _by_another_policy(house: Committee) -> None:
    said = {"about_kind": "use", "about": "ward", "type": "contract", "title": "Contract", "media_type": "text/plain"}
    with house.house.database.changing(SYSTEM) as change:
        DOCUMENTS.add(change, DOCUMENTS.validated({**said, "digest": "1" * 64, "size": 3}))
    _decided(house, policy=PAPERS, version=NEXT)


def _by_one_person(house: Committee, procedure: Procedure = Procedure.EMERGENCY, version: str = NEXT) -> None:
    asked = {"use": "ward", "leads_to": Stage.LIVE, "sites": ["north"], "version": version, "procedure": procedure}
    case = open_case(house.house, house.second, house.policy(), **asked)
    if procedure is Procedure.EXPEDITED:
        house.seated(case, "clin")
        cast(house.house, house.person("clin"), case.id, Choice.APPROVE, reason="as shown")
    _closed(house, case)


@pytest.mark.parametrize("decides", [_by_another_policy, _by_one_person])
def test_a_decision_about_a_version_that_does_not_run_yet_leaves_the_one_that_runs_to_be_reopened(
    house: Committee, decides: Callable[[Committee], None]
) -> None:
    _moved(house)
    decides(house)
    assert _open(house) == []
    _evidence(house)
    _population(house)
    found = {(one.policy, one.changed) for one in _open(house)}
    assert found >= {("go-live-high", Changed.EVIDENCE), ("go-live-high", Changed.POPULATION)}


def test_a_version_that_was_decided_on_comes_site_by_site_and_reopens_nothing(house: Committee) -> None:
    _deployed(house, "south", "p-stat")
    _decided(house, sites=["north", "south"])
    _by_another_policy(house)
    _decided(house, sites=["north", "south"], policy=PAPERS, version=NEXT)
    for site in ("north", "south"):
        _edited(house, "deployment", f"d-{site}", version=NEXT)
        assert _open(house) == []


def test_a_change_is_written_down_once_where_two_decisions_rest_on_what_changed(house: Committee) -> None:
    _moved(house)
    house.clock.forward(days=1)
    house.evidence(subject="9" * 64, version="2.0")
    _decided(house, version=NEXT)
    _population(house)
    assert [one.changed for one in _open(house)] == [Changed.POPULATION]


@pytest.mark.parametrize("procedure", [Procedure.EMERGENCY, Procedure.EXPEDITED])
def test_what_was_reopened_of_the_committees_decision_is_settled_by_none_that_was_come_to_less_strictly(
    house: Committee, procedure: Procedure
) -> None:
    _moved(house)
    _population(house)
    _by_one_person(house, procedure, "sepsis-120")
    assert [one.changed for one in _open(house)] == [Changed.POPULATION]
    house.clock.forward(days=200)
    day_round(house.house)
    assert [one.changed for one in _open(house)] == [Changed.POPULATION]
    house.evidence()
    _decided(house)
    assert _open(house) == []


def test_a_site_that_was_planned_as_silent_goes_no_further_by_the_decision_that_says_so(house: Committee) -> None:
    _decided(house, planned={"south": "silent"})
    _accepted(house)
    assert _moved(house).stage is Stage.LIVE
    _deployed(house, "south", "p-stat")
    _accepted(house, "south", "stat")

    for mode in ("pilot", "live"):
        with pytest.raises(BadField, match=f"no decision lets it be {mode} at this site"):
            _edited(house, "deployment", "d-south", mode=mode)
    _moved(house)
    assert [_runs(house).mode, _runs(house, "south").mode] == [Mode.LIVE, Mode.SILENT]
    with house.house.database.changing(SYSTEM) as change:
        assert uncovered_of(change.connection, "ward", change.today) == []
        DEPLOYMENTS.change(change, "d-south", {"mode": "live"}, None)
        assert [one.site for one in uncovered_of(change.connection, "ward", change.today)] == ["south"]


def test_what_newer_patients_failed_is_not_shown_again_on_those_known_before(house: Committee) -> None:
    house.clock.forward(days=1)
    house.evidence(inputs=patients("october"))
    house.clock.forward(days=30)
    house.evidence(auroc(0.55, 0.50, 0.60), inputs=patients("november"))
    assert [one.changed for one in _open(house)] == [Changed.EVIDENCE]
    for again in ("october", "november"):
        house.clock.forward(days=1)
        house.evidence(inputs=patients(again))
        assert [one.changed for one in _open(house)] == [Changed.EVIDENCE]
    house.clock.forward(days=30)
    house.evidence(inputs=patients("december"))
    assert _open(house) == []


@pytest.mark.parametrize(
    ("outcome", "choice"), [(CaseOutcome.REJECTED, Choice.REJECT), (CaseOutcome.DEFERRED, Choice.DEFER)]
)
def test_a_retirement_that_is_refused_or_put_off_leaves_the_word_of_the_decision(
    house: Committee, outcome: CaseOutcome, choice: Choice
) -> None:
    _moved(house)
    _decided(house, outcome, choice, policy=RETIRE, leads_to=Stage.RETIRED)
    assert (_use(house).stage, _use(house).decision) == (Stage.LIVE, Decision.APPROVED)


def test_a_validation_says_nothing_of_what_may_run(house: Committee) -> None:
    with house.house.database.changing(SYSTEM) as change:
        USES.change(change, "ward", {"stage": "live", "decision": Decision.LEGACY.value}, None)
    _decided(house, policy=VALIDATE, leads_to=Stage.IN_REVIEW)
    assert _use(house).decision is Decision.LEGACY
    _decided(house, CaseOutcome.REJECTED, Choice.REJECT, policy=VALIDATE, leads_to=Stage.IN_REVIEW)
    assert _use(house).decision is Decision.LEGACY


def test_what_evidence_in_doubt_means_is_said_by_nobody_with_a_hand_in_a_use_it_may_mean(house: Committee) -> None:
    with house.house.database.changing(SYSTEM) as change:
        USES.add(change, UseFields(product="sepsis", name="Ward sepsis", site="south"), "twin")
        USES.change(change, "ward", {"owner": "p-two"}, None)
    house.evidence(auroc(0.55, 0.50, 0.60), key=house.registered("another pipeline", owner="another"))
    (doubt,) = to_settle(house.house, house.officer)
    with pytest.raises(NotTheirsToSay, match="you answer for this use"):
        settle(house.house, house.second, doubt.digest, "sepsis", "twin")
