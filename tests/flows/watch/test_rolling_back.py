"""Back to an earlier version: only where a decision allowed it, only to what is still approved, and once."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from sqlalchemy import select
from watched import PLAN, Watched

from codman.flows.watch.acting import act
from codman.flows.watch.keeping import allow_rollback, plan_in, plan_use
from codman.flows.watch.rolling_back import (
    StepSettled,
    acknowledge_step,
    approved_version,
    confirm_rollback,
    decline_rollback,
    finish_rollback,
)
from codman.jobs.tables import outbox
from codman.registry import governance
from codman.registry.access import NotAllowed
from codman.registry.governance import CASES, INCIDENTS, MONITORS, SIGNALS
from codman.registry.log import SYSTEM
from codman.registry.nouns import DEPLOYMENTS, USES, VERSIONS
from codman.registry.records import BadField
from codman.registry.replay import check_records
from codman.spine.product import VersionFields
from codman.spine.site import DeploymentFields
from codman.spine.watching import CareVerdict, IncidentFields, IncidentStep, SignalFields, SignalKind

ROLLS_BACK = PLAN.replace(b"propose-pause", b"roll-back")


@pytest.fixture
def house(tmp_path, database_url):
    made = Watched(tmp_path, database_url)
    with made.house.database.changing(SYSTEM) as change:
        VERSIONS.add(change, VersionFields(product="sepsis", label="1.1.0", digest="c" * 64), "sepsis-110")
    decided(made, "case-110", "sepsis-110", "2026-03-01T09:00:00Z")
    decided(made, "case-120", "sepsis-120", "2026-08-01T09:00:00Z")
    made.monitor = plan_use(made.house, made.person("owner"), "ward", text=ROLLS_BACK, why="what is tried here")
    yield made
    with made.house.database.reading() as connection:
        check_records(connection)
    made.house.close()


def decided(house: Watched, name: str, version: str, at: str, outcome: str = "approved", **other: object) -> None:
    """A decision that the ward's use goes live with a version."""
    fields = {
        "use": "ward", "checkpoint": "go-live", "state": "decided", "leads_to": "live", "version": version,
        "policy": "go-live-high", "edition": "2026-11", "policy_digest": "d" * 64, "proposed_by": "p-owner",
        "outcome": outcome, "decided_at": at,
    } | other  # fmt: skip
    with house.house.database.changing(SYSTEM) as change:
        CASES.add(change, CASES.validated(fields), name)


def allowed(house: Watched, **more: bool) -> None:
    chair = house.person("chair")
    house.monitor = allow_rollback(
        house.house, chair, house.monitor.id, house.monitor.revision, "case-120", "point 4 of its reasons", **more
    )


def acted(house: Watched, name: str = "incident-1", care: CareVerdict | None = None) -> list:
    """The steps that follow from an incident of the requirement that rolls back."""
    with house.house.database.changing(SYSTEM) as change:
        if change.connection.execute(select(INCIDENTS.table.c.id).where(INCIDENTS.table.c.id == name)).first() is None:
            said = IncidentFields(
                use="ward", title="AUROC is 0.55", owner="p-owner", holder="p-owner", opened_at=change.at, care=care,
                severe=True, steps=[IncidentStep(at=change.at, did="opened", by="codman")],
            )  # fmt: skip
            INCIDENTS.add(change, said, name)
            signal = SignalFields(
                use="ward", monitor=house.monitor.id, kind=SignalKind.PERFORMANCE, about=f"ranks: {name}",
                requirement="ranks", sentence="AUROC is 0.55", raised_at=change.at, incident=name,
            )  # fmt: skip
            SIGNALS.add(change, signal)
        monitor = MONITORS.get(change.connection, house.monitor.id)
        incident = INCIDENTS.get(change.connection, name)
        act(change, house.house, USES.get(change.connection, "ward"), monitor, plan_in(monitor), incident)
    with house.house.database.reading() as connection:
        return governance.every(connection, "watch_step")


def version_that_runs(house: Watched) -> str | None:
    with house.house.database.reading() as connection:
        return DEPLOYMENTS.get(connection, "d-north").version


def test_without_a_decision_that_allowed_it_nothing_goes_back(house):
    assert acted(house) == []


def test_it_is_proposed_confirmed_by_a_person_and_carried_out_once(house):
    allowed(house)

    (step,) = acted(house)
    assert len(acted(house)) == 1
    assert (step.state, step.to_version, step.told) == ("proposed", "sepsis-110", ["p-owner", "p-clin"])
    owner = house.person("owner")
    ordered = confirm_rollback(house.house, owner, step.id, step.revision, "seen on the ward too")
    assert (ordered.state, ordered.decided_by, version_that_runs(house)) == ("confirmed", "p-owner", "sepsis-120")
    with pytest.raises(StepSettled):
        confirm_rollback(house.house, owner, step.id, ordered.revision, "again")
    done = finish_rollback(house.house, owner, step.id, ordered.revision, "the alias points to 1.1.0")

    assert (done.state, version_that_runs(house)) == ("done", "sepsis-110")
    with house.house.database.reading() as connection:
        told = [row.recipient for row in connection.execute(select(outbox).order_by(outbox.c.number))]
    assert sorted(told) == ["clinician@example.org"] * 2 + ["owner@example.org"] * 2


def test_who_was_told_says_so_and_nobody_else(house):
    allowed(house)
    (step,) = acted(house)

    assert acknowledge_step(house.house, house.person("clin"), step.id).acknowledged == ["p-clin"]
    assert acknowledge_step(house.house, house.person("clin"), step.id).acknowledged == ["p-clin"]
    with pytest.raises(NotAllowed):
        acknowledge_step(house.house, house.person("stat"), step.id)


def test_where_the_decision_says_so_it_is_ordered_at_once(house):
    allowed(house, unattended=True)

    (step,) = acted(house)

    assert (step.state, step.decided_by) == ("confirmed", None)


def test_an_earlier_version_that_was_rejected_since_is_no_way_back(house):
    allowed(house)
    (step,) = acted(house)
    decided(house, "case-110b", "sepsis-110", "2026-10-01T09:00:00Z", outcome="rejected")

    with pytest.raises(BadField, match="approved no more"):
        confirm_rollback(house.house, house.person("owner"), step.id, step.revision, "go")
    assert decline_rollback(house.house, house.person("owner"), step.id, step.revision, "no way").state == "declined"


def test_where_nothing_is_approved_it_goes_to_the_downtime_procedure(house):
    decided(house, "case-110b", "sepsis-110", "2026-10-01T09:00:00Z", outcome="rejected")
    allowed(house)

    (step,) = acted(house)

    assert step.to_version is None


def test_while_care_may_have_changed_the_outcome_it_waits(house):
    allowed(house)

    assert acted(house, care=CareVerdict.UNRESOLVED) == []


def test_after_one_way_back_the_next_waits_for_the_cool_down(house):
    allowed(house)
    assert len(acted(house)) == 1

    assert len(acted(house, "incident-2")) == 1
    house.clock.forward(days=8)
    assert len(acted(house, "incident-3")) == 2


def test_who_has_a_hand_in_the_use_allows_no_way_back(house):
    with pytest.raises(NotAllowed):
        allow_rollback(
            house.house, house.person("owner"), house.monitor.id, house.monitor.revision, "case-120", "because"
        )


@pytest.mark.parametrize("less", [{"leads_to": "silent"}, {"leads_to": "pilot"}, {"sites": ["south"]}])
def test_what_runs_live_goes_back_to_no_version_that_was_granted_for_less_or_elsewhere(house, less):
    with house.house.database.changing(SYSTEM) as change:
        VERSIONS.add(change, VersionFields(product="sepsis", label="2.0.0", digest="9" * 64), "sepsis-200")
    decided(house, "case-200", "sepsis-200", "2026-09-01T09:00:00Z", **less)

    with house.house.database.reading() as connection:
        assert approved_version(connection, USES.get(connection, "ward"), "2026-11-01") == "sepsis-110"


def test_a_clinician_accepts_anew_what_it_went_back_to(house):
    with house.house.database.changing(SYSTEM) as change:
        DEPLOYMENTS.change(change, "d-north", {"accepted_at": change.at}, None)
    allowed(house, unattended=True)
    (step,) = acted(house)
    finish_rollback(house.house, house.person("chair"), step.id, step.revision, "loaded")

    with house.house.database.reading() as connection:
        run = DEPLOYMENTS.get(connection, "d-north")
    assert (run.version, run.accepted_at) == ("sepsis-110", None)


def ordered(house: Watched):
    allowed(house)
    (step,) = acted(house)
    return confirm_rollback(house.house, house.person("owner"), step.id, step.revision, "seen on the ward too")


def test_what_was_ordered_is_not_carried_out_once_its_version_is_rejected_and_is_taken_back(house):
    step = ordered(house)
    decided(house, "case-110b", "sepsis-110", "2026-11-01T09:30:00Z", outcome="rejected")
    owner = house.person("owner")

    with pytest.raises(BadField, match="approved no more"):
        finish_rollback(house.house, owner, step.id, step.revision, "loaded")
    assert version_that_runs(house) == "sepsis-120"
    back = decline_rollback(house.house, owner, step.id, step.revision, "the committee rejected it")

    assert back.state == "declined"
    with house.house.database.reading() as connection:
        said = [row.body["event"] for row in connection.execute(select(outbox).order_by(outbox.c.number))]
    assert said[-2:] == ["rollback.taken_back", "rollback.taken_back"]
    with pytest.raises(StepSettled):
        decline_rollback(house.house, owner, step.id, back.revision, "again")


@pytest.mark.parametrize("confirmed", [False, True])
def test_no_way_back_is_confirmed_or_carried_out_once_the_decision_that_allowed_it_has_ended(house, confirmed):
    allowed(house)
    (step,) = acted(house)
    owner = house.person("owner")
    if confirmed:
        step = confirm_rollback(house.house, owner, step.id, step.revision, "seen on the ward too")
    with house.house.database.changing(SYSTEM) as change:
        CASES.change(change, "case-120", {"expires_on": "2026-11-02"}, None)
    house.clock.forward(days=1)

    with pytest.raises(BadField, match="no decision in force allows it"):
        (finish_rollback if confirmed else confirm_rollback)(house.house, owner, step.id, step.revision, "go")


def test_a_plan_that_took_the_place_of_the_allowed_one_ends_what_was_allowed(house):
    step = ordered(house)
    plan_use(house.house, house.person("owner"), "ward", text=PLAN, why="what is tried here")

    with pytest.raises(BadField, match="no decision in force allows it"):
        finish_rollback(house.house, house.person("owner"), step.id, step.revision, "loaded")


def test_where_another_version_went_live_since_the_order_nothing_goes_back(house):
    step = ordered(house)
    with house.house.database.changing(SYSTEM) as change:
        VERSIONS.add(change, VersionFields(product="sepsis", label="2.0.0", digest="9" * 64), "sepsis-200")
        DEPLOYMENTS.change(change, "d-north", {"version": "sepsis-200"}, None)

    with pytest.raises(BadField, match="another version went live since"):
        finish_rollback(house.house, house.person("owner"), step.id, step.revision, "loaded")
    assert version_that_runs(house) == "sepsis-200"


def test_where_it_was_not_running_when_it_was_ordered_nothing_is_set_back(house):
    step = ordered(house)
    assert step.instead_of == {"d-north": "sepsis-120"}
    with house.house.database.changing(SYSTEM) as change:
        run = DeploymentFields(use="ward", site="south", version="sepsis-120", mode="silent")
        DEPLOYMENTS.add(change, run, "d-south")

    finish_rollback(house.house, house.person("owner"), step.id, step.revision, "loaded in the north")

    with house.house.database.reading() as connection:
        assert [DEPLOYMENTS.get(connection, one).version for one in ("d-north", "d-south")] == [
            "sepsis-110",
            "sepsis-120",
        ]
