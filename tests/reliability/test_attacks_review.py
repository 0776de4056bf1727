"""Attacks on the review: by somebody with an account who wants a use to run on less than its checkpoint asks."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[1] / "flows"))

from committee import POLICY, Committee, cast

from codman.flows import records
from codman.flows.change_control import change_round
from codman.flows.records import accept_deployment
from codman.flows.review.cases import docket
from codman.flows.review.deciding import decide
from codman.flows.review.opening import LEADS_TO, NothingRuns, open_for
from codman.flows.review.staging import CannotMove, move
from codman.flows.review.voting import table
from codman.registry.fixed_fields import FixedField
from codman.registry.log import SYSTEM
from codman.registry.nouns import DEPLOYMENTS, DOCUMENTS, USES, VERSIONS
from codman.registry.records import BadField
from codman.review.changes import Shift, why_not_planned
from codman.spine.policy import Checkpoint
from codman.spine.product import VersionFields
from codman.spine.reopening import Changed, ChangePlanFields
from codman.spine.review import Case, CaseOutcome, Choice
from codman.spine.use import Stage, Use


@pytest.fixture
def house(tmp_path: Path) -> Committee:
    """A house with a committee and a proposed use."""
    return Committee(tmp_path)


def _staged(house: Committee, stage: Stage) -> None:
    with house.house.database.changing(SYSTEM) as change:
        USES.change(change, "ward", {"stage": stage.value}, None)


@pytest.mark.parametrize(
    ("checkpoint", "asked"),
    [
        (Checkpoint.VALIDATION, Stage.LIVE),
        (Checkpoint.SILENT, Stage.PILOT),
        (Checkpoint.SILENT, Stage.LIVE),
        (Checkpoint.PILOT, Stage.LIVE),
        (Checkpoint.PAUSE, Stage.LIVE),
        (Checkpoint.RETIRE, Stage.LIVE),
        (Checkpoint.GO_LIVE, Stage.RETIRED),
    ],
)
def test_a_checkpoint_that_asks_little_does_not_open_a_stage_that_asks_much(
    house: Committee, checkpoint: Checkpoint, asked: Stage
) -> None:
    with pytest.raises(BadField, match="checkpoint"):
        open_for(house.house, house.person("owner"), "ward", checkpoint, leads_to=asked)


@pytest.mark.parametrize("checkpoint", [Checkpoint.CHANGE, Checkpoint.MONITORING])
def test_a_change_takes_a_use_no_further_than_it_is(house: Committee, checkpoint: Checkpoint) -> None:
    owner = house.person("owner")
    with pytest.raises(NothingRuns):
        open_for(house.house, owner, "ward", checkpoint)
    _staged(house, Stage.PILOT)

    with pytest.raises(BadField, match="pilot"):
        open_for(house.house, owner, "ward", checkpoint, leads_to=Stage.LIVE)
    assert open_for(house.house, owner, "ward", checkpoint).leads_to is Stage.PILOT


def test_a_checkpoint_may_ask_for_less_and_for_its_own(house: Committee) -> None:
    owner = house.person("owner")
    assert open_for(house.house, owner, "ward", Checkpoint.GO_LIVE, leads_to=Stage.PILOT).leads_to is Stage.PILOT
    for checkpoint in (Checkpoint.SILENT, Checkpoint.PILOT, Checkpoint.VALIDATION, Checkpoint.RETIRE):
        assert open_for(house.house, owner, "ward", checkpoint).leads_to is LEADS_TO[checkpoint]


NEXT = "sepsis-200"


def _ready(house: Committee) -> None:
    """A use whose decision is about 1.2.0 at North, where its clinician accepted it and it runs silently."""
    with house.house.database.changing(SYSTEM) as change:
        USES.change(change, "ward", {"downtime_procedure": "Score by hand", "owner": "p-owner"}, None)
        VERSIONS.add(change, VersionFields(product="sepsis", label="2.0", digest="2" * 64), NEXT)
        runs = {"use": "ward", "site": "north", "version": "sepsis-120", "mode": "silent", "clinician": "p-clin"}
        DEPLOYMENTS.add(change, DEPLOYMENTS.validated(runs), "d-north")
    house.evidence()
    _granted(house)
    accept_deployment(house.house, house.person("clin"), "d-north", 1)
    change_round(house.house)


def _granted(house: Committee, outcome: CaseOutcome = CaseOutcome.APPROVED, **asked: object) -> Case:
    case = house.opened(quorum=3, **asked)
    house.seated(case)
    for name in ("clin", "stat", "safe"):
        cast(house.house, house.person(name), case.id, Choice.APPROVE)
    now = docket(house.house, house.person("chair"), case.id).case
    return decide(house.house, house.person("chair"), case.id, now.revision, outcome, "as voted")


def _changed(house: Committee, by: str, kind: str, name: str, **patch: object) -> None:
    revision = records.get(house.house, house.person(by), kind, name).revision
    records.change(house.house, house.person(by), kind, name, patch, revision)


def _gone(house: Committee, to: Stage, by: str = "chair") -> Use:
    revision = records.get(house.house, house.person(by), "use", "ward").revision
    return move(house.house, house.person(by), "ward", to, revision, reason="so")


def test_a_version_that_went_away_and_came_back_was_never_shown(house: Committee) -> None:
    _ready(house)
    for version in (NEXT, "sepsis-120", NEXT):
        house.clock.forward(hours=1)
        _changed(house, "owner", "deployment", "d-north", version=version)
        change_round(house.house)
    accept_deployment(
        house.house,
        house.person("clin"),
        "d-north",
        records.get(house.house, house.officer, "deployment", "d-north").revision,
    )

    with pytest.raises(CannotMove, match=r"not about version 2\.0"):
        _gone(house, Stage.LIVE)


def test_a_case_that_names_no_version_is_about_the_one_of_its_day(house: Committee) -> None:
    _ready(house)
    case = _granted(house, version=None, sites=[])
    assert (case.version, case.sites) == ("sepsis-120", ["north"])


def test_what_was_retired_does_not_run_on_the_decision_before(house: Committee) -> None:
    _ready(house)
    _gone(house, Stage.LIVE)
    paper = {"about_kind": "use", "about": "ward", "type": "hazard-check", "title": "x", "digest": "1" * 64}
    with house.house.database.changing(SYSTEM) as change:
        DOCUMENTS.add(change, DOCUMENTS.validated({**paper, "size": 3, "media_type": "text/plain"}))
    house.clock.forward(days=1)
    retire = POLICY.replace(b"go-live-high", b"retire-high").replace(b"checkpoint: go-live", b"checkpoint: retire")
    _granted(house, CaseOutcome.RETIRED, leads_to=Stage.RETIRED, policy=retire)
    house.clock.forward(days=60)
    for stage, by in ((Stage.PROPOSED, "owner"), (Stage.TRIAGED, "owner"), (Stage.IN_REVIEW, "chair")):
        _gone(house, stage, by)

    with pytest.raises(CannotMove, match="no decision in force"):
        _gone(house, Stage.LIVE)


def test_what_ran_is_not_retired_by_ending_it_first(house: Committee) -> None:
    _ready(house)
    for stage in (Stage.LIVE, Stage.PAUSED):
        _gone(house, stage)
    _gone(house, Stage.IN_REVIEW, "owner")
    _changed(house, "owner", "deployment", "d-north", mode="ended")

    with pytest.raises(CannotMove, match="no case has decided that it retires"):
        _gone(house, Stage.RETIRED, "owner")


def test_no_edit_sets_a_site_going_that_nobody_decided_on_or_accepted_or_that_was_paused(house: Committee) -> None:
    _ready(house)
    _gone(house, Stage.LIVE)
    runs = {"use": "ward", "site": "south", "version": "sepsis-120", "mode": "silent"}
    with house.house.database.changing(SYSTEM) as change:
        DEPLOYMENTS.add(change, DEPLOYMENTS.validated(runs), "d-south")
    with pytest.raises(BadField, match="no decision lets it be live"):
        _changed(house, "owner", "deployment", "d-south", mode="live")
    with pytest.raises(FixedField, match="site"):
        _changed(house, "owner", "deployment", "d-north", site="south")
    _changed(house, "owner", "deployment", "d-north", mode="paused")
    with pytest.raises(BadField, match="it was paused here"):
        _changed(house, "owner", "deployment", "d-north", mode="live")


def test_votes_do_not_outlive_another_artefact_population_or_plan(house: Committee) -> None:
    _ready(house)
    case = house.opened(quorum=3, policy=POLICY.replace(b"go-live-high", b"go-live-next"))
    house.seated(case)
    before = table(house.house, house.person("clin"), case.id)
    _changed(house, "owner", "use", "ward", population="Children in intensive care")

    assert table(house.house, house.person("clin"), case.id) != before


def test_a_plan_is_of_versions_as_people_call_them_and_not_of_ids_that_a_sender_chose() -> None:
    plan = ChangePlanFields(
        use="ward",
        modifications=["version"],
        allows={"version": ["3.*"]},
        protocol="as trained",
        requirements=["a"],
        impact="none",
    )

    assert why_not_planned(plan, Shift(Changed.VERSION, "it changed", "3.evil", "9.9")) is not None
    assert why_not_planned(plan, Shift(Changed.VERSION, "it changed", "version-01", "3.1")) is None
