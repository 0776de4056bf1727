"""What meets a condition, or shows again what a change reopened: on which patients, and of which versions."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))
from book import patients
from committee import Committee, auroc, cast

from codman.flows.change_control import change_round
from codman.flows.review.before_the_decision import accept_inconclusive
from codman.flows.review.cases import docket
from codman.flows.review.conditions import look
from codman.flows.review.deciding import decide
from codman.registry import governance
from codman.registry.log import SYSTEM
from codman.registry.nouns import DEPLOYMENTS, USES, VERSIONS
from codman.spine.product import VersionFields
from codman.spine.reopening import ReopeningState
from codman.spine.review import CaseOutcome, Choice, ConditionState
from codman.spine.site import DeploymentFields
from codman.spine.statement import Rows

FIRST, THEN = "2026-10-31T08:00:00Z", "2026-11-05T08:00:00Z"
FEW, ENOUGH = auroc(0.77, 0.71, 0.83, n=300), auroc(0.80, 0.77, 0.83)
NEXT, NEXT_ARTEFACT = "sepsis-200", "9" * 64


@pytest.fixture
def house(tmp_path: Path, database_url: str) -> Iterator[Committee]:
    """A house whose use runs at North and South in version 1.2.0; there is a 2.0."""
    made = Committee(tmp_path, database_url)
    with made.house.database.changing(SYSTEM) as change:
        said = {"tier": "high", "downtime_procedure": "by hand", "owner": "p-owner", "population": "Adults"}
        USES.change(change, "ward", {**said, "stage": "live"}, None)
        VERSIONS.add(change, VersionFields(product="sepsis", label="2.0", digest=NEXT_ARTEFACT), NEXT)
        for site in ("north", "south"):
            runs = DeploymentFields(use="ward", site=site, version="sepsis-120", mode="live", clinician="p-clin")
            DEPLOYMENTS.add(change, runs, f"d-{site}")
    yield made
    made.house.close()


def _decided(house: Committee, **asked: object) -> None:
    """Decide it; under a condition where what that asks is given."""
    case = house.opened(quorum=3, sites=["north", "south"])
    house.seated(case)
    chair = house.person("chair")
    if asked:
        said = {"sentence": "Show it on more patients", "owner": "p-owner", "due_on": "2027-02-01", **asked}
        accept_inconclusive(house.house, chair, case.id, "discrimination", "too few", said)
    outcome, choice = (
        (CaseOutcome.CONDITIONAL, Choice.WITH_CONDITIONS) if asked else (CaseOutcome.APPROVED, Choice.APPROVE)
    )
    for name in ("clin", "stat", "safe"):
        cast(house.house, house.person(name), case.id, choice, reason="as shown")
    now = docket(house.house, chair, case.id).case
    decide(house.house, chair, case.id, now.revision, outcome, "as voted")
    change_round(house.house)
    house.clock.forward(days=2)


def _counted(patients: int) -> Rows:
    return Rows(eligible=patients, scored=patients, evaluated=patients, patients=patients)


def _state(house: Committee) -> ConditionState:
    look(house.house)
    with house.house.database.reading() as connection:
        (one,) = governance.every(connection, "condition")
    return one.state


def _edited(house: Committee, site: str, version: str | None) -> None:
    with house.house.database.changing(SYSTEM) as change:
        DEPLOYMENTS.change(change, f"d-{site}", {"version": version}, None)
    change_round(house.house)


def _reopened(house: Committee) -> int:
    change_round(house.house)
    with house.house.database.reading() as connection:
        return sum(one.state is ReopeningState.OPEN for one in governance.every(connection, "reopening"))


def test_the_same_patients_evaluated_again_do_not_meet_what_was_too_few_to_tell(house: Committee) -> None:
    house.evidence(FEW, inputs=patients(FIRST))
    _decided(house, due_on="2027-02-01")
    house.evidence(ENOUGH, inputs=patients(FIRST))
    assert _state(house) is ConditionState.OPEN

    house.clock.forward(hours=1)
    house.evidence(ENOUGH, inputs=patients(THEN))
    assert _state(house) is ConditionState.CLOSED


def test_a_condition_for_so_many_more_patients_waits_until_so_many_were_measured(house: Committee) -> None:
    house.evidence(FEW, inputs=patients(FIRST))
    _decided(house, patients_needed=900)
    house.evidence(auroc(0.80, 0.77, 0.83, n=899), inputs=patients("some"), rows=_counted(899))
    assert _state(house) is ConditionState.OPEN

    house.clock.forward(hours=1)
    house.evidence(auroc(0.80, 0.77, 0.83, n=899), inputs=patients("most"), rows=_counted(1200))
    assert _state(house) is ConditionState.OPEN  # the number rests on fewer than were evaluated

    house.clock.forward(hours=1)
    house.evidence(auroc(0.80, 0.77, 0.83, n=900), inputs=patients("all"), rows=_counted(900))
    assert _state(house) is ConditionState.CLOSED


def test_a_condition_that_lapsed_for_want_of_patients_is_not_settled_by_the_same_ones(house: Committee) -> None:
    house.evidence(FEW, inputs=patients(FIRST))
    _decided(house, patients_needed=900, due_on="2026-11-10")
    house.clock.forward(days=20)
    assert _state(house) is ConditionState.LAPSED

    house.evidence(ENOUGH, inputs=patients(FIRST), rows=_counted(1200))
    assert _reopened(house) == 1
    house.clock.forward(hours=1)
    house.evidence(ENOUGH, inputs=patients(THEN), rows=_counted(1200))
    assert _reopened(house) == 0


def test_a_version_nobody_names_for_a_moment_is_taken_for_the_one_decided_on(house: Committee) -> None:
    house.evidence(FEW, inputs=patients(FIRST))
    _decided(house, due_on="2027-02-01")
    _edited(house, "north", NEXT)
    _edited(house, "south", None)
    house.evidence(ENOUGH, inputs=patients(THEN), version="2.0", subject=NEXT_ARTEFACT)
    assert _state(house) is ConditionState.OPEN

    house.clock.forward(hours=1)
    house.evidence(ENOUGH, inputs=patients("of 1.2.0"))
    assert _state(house) is ConditionState.CLOSED


def test_another_population_is_not_shown_by_the_patients_of_before(house: Committee) -> None:
    house.evidence(inputs=patients(FIRST))
    _decided(house)
    with house.house.database.changing(SYSTEM) as change:
        USES.change(change, "ward", {"population": "Children in intensive care"}, None)
    assert _reopened(house) == 1

    house.clock.forward(hours=2)
    house.evidence(inputs=patients(FIRST))
    assert _reopened(house) == 1
    house.clock.forward(hours=1)
    house.evidence(inputs=patients(THEN))
    assert _reopened(house) == 0


def test_what_changed_for_every_version_that_runs_is_shown_of_each(house: Committee) -> None:
    house.evidence(inputs=patients(FIRST))
    _decided(house)
    _edited(house, "south", NEXT)
    house.clock.forward(hours=2)
    house.evidence(inputs=patients("of 2.0"), version="2.0", subject=NEXT_ARTEFACT)
    assert _reopened(house) == 0
    with house.house.database.changing(SYSTEM) as change:
        USES.change(change, "ward", {"population": "Children in intensive care"}, None)
    assert _reopened(house) == 1

    house.clock.forward(hours=2)
    house.evidence(inputs=patients("children by 2.0"), version="2.0", subject=NEXT_ARTEFACT)
    assert _reopened(house) == 1
    house.clock.forward(hours=1)
    house.evidence(inputs=patients("children by 1.2.0"))
    assert _reopened(house) == 0
