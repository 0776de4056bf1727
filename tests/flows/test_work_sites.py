"""Sites that run accepted by nobody: whose task they are, and who may be named to accept them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from committee import Committee, cast

from codman.flows import records
from codman.flows.concerns.raising import Place, Said, raise_concern
from codman.flows.records import accept_deployment
from codman.flows.review.cases import docket
from codman.flows.review.deciding import decide
from codman.flows.review.staging import CannotMove, move
from codman.flows.task import Duty, Task
from codman.flows.work import waiting
from codman.registry.governance import CONCERNS
from codman.registry.log import SYSTEM
from codman.registry.nouns import DEPLOYMENTS, USES, VERSIONS
from codman.registry.records import BadField
from codman.spine.concern import ConcernCategory, ConcernSeverity
from codman.spine.product import VersionFields
from codman.spine.review import CaseOutcome, Choice
from codman.spine.site import Deployment, DeploymentFields, Mode
from codman.spine.use import Stage, Use

NEXT = "sepsis-200"


@pytest.fixture
def house(tmp_path: Path, database_url: str) -> Iterator[Committee]:
    """A house whose use is decided and accepted at North, and runs there silently."""
    made = Committee(tmp_path, database_url)
    with made.house.database.changing(SYSTEM) as change:
        USES.change(change, "ward", {"tier": "high", "downtime_procedure": "by hand", "owner": "p-owner"}, None)
        VERSIONS.add(change, VersionFields(product="sepsis", label="2.0", digest="9" * 64), NEXT)
        runs = DeploymentFields(use="ward", site="north", version="sepsis-120", mode="silent", clinician="p-clin")
        DEPLOYMENTS.add(change, runs, "d-north")
    made.evidence()
    case = made.opened(quorum=3)
    made.seated(case)
    for name in ("clin", "stat", "safe"):
        cast(made.house, made.person(name), case.id, Choice.APPROVE)
    now = docket(made.house, made.person("chair"), case.id).case
    decide(made.house, made.person("chair"), case.id, now.revision, CaseOutcome.APPROVED, "as voted")
    made.clock.forward(hours=1)
    accept_deployment(made.house, made.person("clin"), "d-north", _runs(made).revision)
    made.clock.forward(hours=1)
    yield made
    made.house.close()


def _runs(house: Committee) -> Deployment:
    with house.house.database.reading() as connection:
        return DEPLOYMENTS.get(connection, "d-north")


def _live(house: Committee) -> Use:
    with house.house.database.reading() as connection:
        revision = USES.get(connection, "ward").revision
    return move(house.house, house.person("chair"), "ward", Stage.LIVE, revision)


def _edited(house: Committee, **patch: object) -> Deployment:
    by, revision = house.person("owner"), _runs(house).revision
    made: Deployment = records.change(house.house, by, "deployment", "d-north", patch, revision)
    return made


def _unaccepted(house: Committee, name: str) -> list[Task]:
    return [task for task in waiting(house.house, house.person(name)) if task.duty is Duty.ACCEPTED]


def test_a_site_that_reaches_patients_unaccepted_is_a_task_of_its_owner_and_of_who_presides(house: Committee) -> None:
    _live(house)
    assert not any(_unaccepted(house, name) for name in ("owner", "chair", "clin"))

    _edited(house, clinician="p-safe")  # whose acceptance it was is no longer asked

    assert _runs(house).mode is Mode.LIVE
    for name in ("owner", "chair"):
        (task,) = _unaccepted(house, name)
        assert "reaches patients at 1 site that no clinician has accepted" in task.sentence
    assert not _unaccepted(house, "safe")  # is asked to accept it themselves
    accept_deployment(house.house, house.person("safe"), "d-north", _runs(house).revision)
    assert not _unaccepted(house, "owner")


@pytest.mark.parametrize(("who", "why"), [("p-viewer", "by no role"), ("p-owner", "a hand in the use")])
def test_nobody_is_named_the_clinician_of_what_reaches_patients_who_could_not_accept_it(
    house: Committee, who: str, why: str
) -> None:
    _edited(house, clinician=who)  # where it reaches nobody yet, whoever it will be
    _edited(house, clinician="p-clin")
    accept_deployment(house.house, house.person("clin"), "d-north", _runs(house).revision)
    house.clock.forward(hours=1)
    _live(house)

    with pytest.raises(BadField, match=why):
        _edited(house, clinician=who)
    assert _runs(house).clinician == "p-clin"


def test_a_use_reaches_no_more_patients_while_nobody_has_said_whether_a_concern_was_of_harm(house: Committee) -> None:
    said = Said(category=ConcernCategory.MISSED, severity=ConcernSeverity.UNKNOWN, words="it missed one")
    raised = raise_concern(house.house, said, Place("ward", "north"))
    with pytest.raises(CannotMove, match="nobody has said yet whether a patient was harmed"):
        _live(house)

    with house.house.database.changing(SYSTEM) as change:
        CONCERNS.change(change, raised.concern.id, {"severity": ConcernSeverity.NO_HARM.value}, None)
    assert _live(house).stage is Stage.LIVE

    _edited(house, mode="silent")
    with house.house.database.changing(SYSTEM) as change:
        CONCERNS.change(change, raised.concern.id, {"severity": ConcernSeverity.UNKNOWN.value}, None)
    with pytest.raises(BadField, match="nobody has said yet whether a patient was harmed"):
        _edited(house, mode="live")
