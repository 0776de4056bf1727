"""An incident stands on a desk: taken, put off, handed up, resolved; its owner is told within a budget."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from sqlalchemy import select
from watched import PLAN, Watched

from codman.flows.review.pausing import propose
from codman.flows.watch import incidents as desk
from codman.flows.watch.gathering import gather
from codman.flows.watch.keeping import plan_in, plan_use
from codman.flows.watch.running import run_due
from codman.jobs.tables import outbox
from codman.monitor.alarms.duty import NotNow
from codman.registry import governance
from codman.registry.access import NotAllowed
from codman.registry.governance import INCIDENTS, PAUSE_PROPOSALS, SIGNALS
from codman.registry.log import SYSTEM
from codman.registry.nouns import DEPLOYMENTS, USES
from codman.registry.records import NoSuchRecord, Stale
from codman.registry.replay import check_records
from codman.spine.measurement import Window
from codman.spine.pausing import PauseCause, PauseProposalFields, PauseState
from codman.spine.site import DeploymentFields
from codman.spine.watching import IncidentState, SignalFields, SignalKind


@pytest.fixture
def house(tmp_path, database_url):
    made = Watched(tmp_path, database_url)
    made.monitor = plan_use(made.house, made.person("owner"), "ward", text=PLAN, why="what is tried here")
    yield made
    with made.house.database.reading() as connection:
        check_records(connection)
    made.house.close()


def seen(
    house: Watched, about: str, *, month: int = 10, requirement: str = "mix", severe: bool = False, **more: object
):
    """A signal of one month, and the incident it is put into."""
    said = {
        "use": "ward", "monitor": house.monitor.id, "kind": SignalKind.DRIFT, "about": about,
        "requirement": requirement, "metric": "psi", "feature": "lactate", "severe": severe,
        "window": Window(start=f"2026-{month:02}-01T00:00:00Z", end=f"2026-{month + 1:02}-01T00:00:00Z"),
        "sentence": f"PSI of lactate is 0.40 ({about}).", "raised_at": "2026-11-01T09:00:00Z",
    } | more  # fmt: skip
    with house.house.database.changing(SYSTEM) as change:
        new = SIGNALS.add_many(change, [SignalFields.model_validate(said)])
        use = USES.get(change.connection, "ward")
        (incident,) = gather(change, house.house, use, house.monitor, plan_in(house.monitor), new)
    return now(house, incident.id)


def now(house: Watched, name: str):
    with house.house.database.reading() as connection:
        return INCIDENTS.get(connection, name)


def mailed(house: Watched) -> list[str]:
    with house.house.database.reading() as connection:
        return list(connection.execute(select(outbox.c.recipient).order_by(outbox.c.number)).scalars())


def test_a_signal_is_an_incident_on_its_owners_desk_who_is_told(house):
    one = seen(house, "october")

    assert (one.state, one.holder, one.rung) == (IncidentState.OPEN, "p-owner", 0)
    assert [step.did for step in one.steps] == ["opened", "told"]
    assert one.answer_by == "2026-11-01T21:00:00.000000Z"  # twelve hours, in the highest tier
    assert mailed(house) == ["owner@example.org"]


def test_the_next_months_signal_joins_the_incident_that_goes_on(house):
    first = seen(house, "september", month=9)

    second = seen(house, "october")

    assert second.id == first.id
    assert [step.did for step in second.steps] == ["opened", "told", "worsened"]
    with house.house.database.reading() as connection:
        assert len(governance.every(connection, "incident")) == 1


def test_more_incidents_than_a_month_holds_wait_for_the_digest_and_a_severe_one_passes(house):
    missing = {"metric": None, "feature": None, "window": None}
    kinds = (SignalKind.SILENCE, SignalKind.NO_LABELS, SignalKind.STALE, SignalKind.LATE)
    found = [seen(house, kind.value, kind=kind, **missing) for kind in kinds]
    found.append(seen(house, "january", month=1))
    severe = seen(house, "grave", severe=True)

    assert [one.steps[-1].did for one in found] == ["told"] * 4 + ["digest"]
    assert severe.steps[-1].did == "told"
    assert len(mailed(house)) == 5


def test_who_acknowledges_it_has_it_and_nobody_is_asked_further_up(house):
    one = seen(house, "october")

    taken = desk.acknowledge(house.house, house.person("owner"), one.id, one.revision)
    house.clock.forward(days=3)

    assert (taken.state, taken.answer_by) == (IncidentState.ACKNOWLEDGED, None)
    assert desk.pass_time(house.house) == desk.Passed(0, 0)
    with pytest.raises(NotNow):
        desk.acknowledge(house.house, house.person("owner"), one.id, taken.revision)


def test_what_nobody_answers_goes_up_to_the_officers_once(house):
    one = seen(house, "october")
    house.clock.forward(hours=13)

    assert desk.pass_time(house.house) == desk.Passed(0, 1)
    assert desk.pass_time(house.house) == desk.Passed(0, 0)

    up = now(house, one.id)
    assert (up.holder, up.rung) == ("p-one", 1)
    assert mailed(house) == ["owner@example.org", "p-one@example.org"]


def test_a_snooze_has_a_reason_and_an_end_after_which_it_wakes(house):
    one = seen(house, "october")
    until = (house.clock() + timedelta(days=2)).isoformat()

    quiet = desk.snooze(house.house, house.person("owner"), one.id, one.revision, until, "new analyser since Monday")
    house.clock.forward(days=2, minutes=1)

    assert (quiet.state, quiet.why) == (IncidentState.SNOOZED, "new analyser since Monday")
    assert desk.pass_time(house.house) == desk.Passed(1, 0)
    assert now(house, one.id).state is IncidentState.OPEN


def test_a_resolved_incident_keeps_its_finding_and_may_be_reopened_with_a_reason(house):
    one = seen(house, "october")
    owner = house.person("owner")

    done = desk.resolve(house.house, owner, one.id, one.revision, "the laboratory changed its unit")
    again = desk.reopen(house.house, owner, one.id, done.revision, "it is back")

    assert (done.state, done.finding, done.resolved_at) == (
        IncidentState.RESOLVED, "the laboratory changed its unit", "2026-11-01T09:00:00.000000Z",
    )  # fmt: skip
    assert (again.state, again.resolved_at, again.why) == (IncidentState.OPEN, None, "it is back")


def test_an_incident_is_worked_on_by_who_has_it_or_the_office_and_seen_by_who_sees_its_use(house):
    one = seen(house, "october")

    with pytest.raises(NotAllowed):
        desk.acknowledge(house.house, house.person("idle"), one.id, one.revision)
    with pytest.raises(NotAllowed):
        desk.acknowledge(house.house, house.person("viewer"), one.id, one.revision)
    with pytest.raises(NoSuchRecord):
        desk.acknowledge(house.house, house.at("chair", "south"), one.id, one.revision)
    with pytest.raises(Stale):
        desk.acknowledge(house.house, house.person("owner"), one.id, one.revision + 1)
    assert desk.acknowledge(house.house, house.person("chair"), one.id, one.revision).holder == "p-chair"


def test_the_office_of_one_site_works_on_an_incident_of_a_use_that_runs_at_several(house):
    one = seen(house, "october")
    with house.house.database.changing(SYSTEM) as change:
        runs = DeploymentFields(use="ward", site="south", version="sepsis-120", mode="live", clinician="p-clin")
        DEPLOYMENTS.add(change, runs, "d-south")

    taken = desk.acknowledge(house.house, house.at("chair", "south"), one.id, one.revision)
    assert taken.holder == "p-chair"
    with pytest.raises(NotAllowed):  # sees it there, and is of no office
        desk.acknowledge(house.house, house.at("clin", "south"), one.id, taken.revision)


def proposed(house: Watched):
    """A pause that an incident asks for."""
    house.month(8)
    house.month(9)
    house.month(10, useless=True)
    house.clock.at = datetime(2026, 11, 10, 9, tzinfo=UTC)
    run_due(house.house)
    with house.house.database.reading() as connection:
        (proposal,) = governance.every(connection, "pause_proposal")
    return proposal


@pytest.mark.parametrize(("who", "then"), [("owner", PauseState.OPEN), ("chair", PauseState.WITHDRAWN)])
def test_a_pause_proposed_by_monitoring_goes_only_with_an_incident_that_an_impartial_person_resolved(house, who, then):
    proposal = proposed(house)
    one = now(house, proposal.incident)
    propose(house.house)
    desk.resolve(house.house, house.person(who), one.id, one.revision, "labels had been swapped")
    propose(house.house)

    with house.house.database.reading() as connection:
        (settled,) = governance.every(connection, "pause_proposal")
    assert (proposal.state, settled.state) == (PauseState.OPEN, then)


def test_a_pause_is_proposed_for_each_incident_whatever_else_is_open(house):
    with house.house.database.changing(SYSTEM) as change:
        why = "it runs live at North, and no decision names this site"
        other = PauseProposalFields(use="ward", cause=PauseCause.UNDECIDED, because=why)
        PAUSE_PROPOSALS.add(change, other, "other")
    house.month(8)
    house.month(9)
    house.month(10, useless=True)
    house.clock.at = datetime(2026, 11, 10, 9, tzinfo=UTC)
    run_due(house.house)

    with house.house.database.reading() as connection:
        found = governance.every(connection, "pause_proposal")
    assert {one.cause for one in found} == {PauseCause.UNDECIDED, PauseCause.MONITORING}
