"""The demo hospital's changes: one passes in plan, one reopens what rests on it, and a lapsed condition waits."""

from __future__ import annotations

from pathlib import Path

from codman.flows.demo.changes import changes
from codman.flows.demo.hospital import load_hospital
from codman.flows.review.plans import approved
from codman.registry import governance
from codman.registry.log import check, entries
from codman.registry.nouns import USES
from codman.registry.replay import check_records
from codman.registry.schema_review import pause_proposals, reopenings
from codman.settings import read_settings
from codman.simulate.hospital import HISTORY_ENDS
from codman.spine.pausing import PauseCause, PauseState
from codman.spine.reopening import Changed, ReopeningState
from codman.spine.use import Decision, Stage
from codman.wiring import open_house

PAPERS = ["model-card", "security-assessment"]


def test_one_update_passes_in_plan_one_reopens_and_a_pause_waits_for_a_person(database_url: str, tmp_path: Path):
    house = open_house(read_settings(workspace=tmp_path / "house", database_url=database_url))
    load_hospital(house, 7, lambda _: None, small=True, beside=changes)

    with house.database.reading() as connection:
        check_records(connection)
        (plan,) = governance.every(connection, "change_plan")
        use = USES.get(connection, plan.use)
        proposed = governance.every(connection, "pause_proposal", pause_proposals.c.use == use.id)
        reopened = governance.every(connection, "reopening", reopenings.c.use == use.id, order="created_at")
        assert approved(connection, plan, HISTORY_ENDS.isoformat())
        times = [written.value["at"] for written in entries(connection)]
        check(connection)
    house.close()

    assert (use.stage, use.decision) == (Stage.SILENT, Decision.CONDITIONAL)
    assert {one.changed for one in reopened} == {Changed.VERSION}
    first, second = ([one for one in reopened if (one.plan is None) is outside] for outside in (False, True))
    assert [sorted(one.requirement for one in each) for each in (first, second)] == [PAPERS, PAPERS]
    assert {one.state for one in first} == {ReopeningState.IN_PLAN}
    assert {one.state for one in second} == {ReopeningState.OPEN}
    (pause,) = proposed
    assert (pause.cause, pause.state) == (PauseCause.CONDITION, PauseState.OPEN)
    assert times == sorted(times)
