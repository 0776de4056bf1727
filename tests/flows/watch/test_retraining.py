"""A retraining is proposed where the model got worse, with what speaks for it; a person files it or declines it."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from watched import PLAN, Watched

from codman.flows.operator import OPERATOR
from codman.flows.watch.keeping import plan_use
from codman.flows.watch.retraining import NoRetraining, decline_retraining, file_retraining, propose_retraining
from codman.flows.watch.rolling_back import StepSettled
from codman.registry import governance
from codman.registry.access import NotAllowed
from codman.registry.governance import CASES, CHANGE_PLANS, INCIDENTS, SIGNALS
from codman.registry.log import SYSTEM
from codman.registry.records import BadField
from codman.registry.replay import check_records
from codman.spine.measurement import Window
from codman.spine.reopening import ChangePlanFields
from codman.spine.watching import CareVerdict, IncidentFields, IncidentStep, SignalFields, SignalKind

IN_NOVEMBER = datetime(2026, 11, 10, tzinfo=UTC)
OCTOBER = Window(start="2026-10-01T00:00:00Z", end="2026-11-01T00:00:00Z")


@pytest.fixture
def house(tmp_path, database_url):
    made = Watched(tmp_path, database_url)
    made.monitor = plan_use(made.house, made.person("owner"), "ward", text=PLAN, why="what is tried here")
    made.month(8)
    made.month(10, useless=True, shift=1.0)
    yield made
    with made.house.database.reading() as connection:
        check_records(connection)
    made.house.close()


def incident(house: Watched, care: CareVerdict | None = CareVerdict.WORSENED, name: str = "incident-1") -> str:
    with house.house.database.changing(SYSTEM) as change:
        said = IncidentFields(
            use="ward", title="AUROC is 0.51", owner="p-owner", holder="p-owner", opened_at=change.at, care=care,
            steps=[IncidentStep(at=change.at, did="opened", by="codman")],
        )  # fmt: skip
        INCIDENTS.add(change, said, name)
        signal = SignalFields(
            use="ward", monitor=house.monitor.id, kind=SignalKind.PERFORMANCE, about=f"ranks: {name}",
            requirement="ranks", sentence="AUROC is 0.51", raised_at=change.at, incident=name, window=OCTOBER,
        )  # fmt: skip
        SIGNALS.add(change, signal)
    return name


def test_what_changed_how_much_is_known_and_what_an_update_gains_stand_in_one_proposal(house):
    name = incident(house)

    step = propose_retraining(house.house, OPERATOR, name, at=IN_NOVEMBER)
    again = propose_retraining(house.house, OPERATOR, name)

    said = step.proposal
    assert (step.id, step.state, again) == ("incident-1.retraining-proposed", "proposed", step)
    assert (said.since, said.version) == (OCTOBER.start, "sepsis-120")
    assert (said.rows, said.labelled, said.patients) == (900, 900, 900)
    assert said.events is not None
    now = {m.metric: m for m in said.now}
    assert now["auroc"].lower < 0.5 < now["auroc"].upper
    moved = [(m.metric, m.feature) for m in said.moved]
    assert ("prevalence_difference", None) in moved
    assert ("psi", "lactate") in moved
    assert any(m.metric == "estimated_auroc_change" and m.feature == "lactate" for m in said.moved)
    gains = {(m.params["update"], m.metric): m for m in said.gains}
    assert gains["recalibration", "brier_change"].upper < 0
    assert gains["extension", "auroc_change"].lower < 0.05
    assert said.plan is None
    assert "needs a decision" in said.plan_says


@pytest.mark.parametrize(
    ("care", "why"),
    [(CareVerdict.UNRESOLVED, "it is open"), (CareVerdict.CARE, "unlearns whom to treat"), (None, "nobody asked")],
)
def test_it_is_never_proposed_unless_it_is_settled_that_the_model_got_worse(house, care, why):
    with pytest.raises(NoRetraining, match=why):
        propose_retraining(house.house, OPERATOR, incident(house, care))


def test_it_is_filed_as_a_case_at_the_change_checkpoint_once(house):
    step = propose_retraining(house.house, OPERATOR, incident(house), at=IN_NOVEMBER)
    owner = house.person("owner")

    with pytest.raises(BadField):
        file_retraining(house.house, owner, step.id, step.revision, " ")
    filed = file_retraining(house.house, owner, step.id, step.revision, "the laboratory changed its method")

    assert (filed.state, filed.decided_by) == ("confirmed", "p-owner")
    with house.house.database.reading() as connection:
        case = CASES.get(connection, filed.case)
    assert (case.use, case.checkpoint.value, case.proposed_by) == ("ward", "change", "p-owner")
    with pytest.raises(StepSettled):
        decline_retraining(house.house, owner, filed.id, filed.revision, "or not")


def test_it_is_declined_with_a_reason_by_somebody_who_may(house):
    step = propose_retraining(house.house, OPERATOR, incident(house), at=IN_NOVEMBER)

    with pytest.raises(NotAllowed):
        decline_retraining(house.house, house.person("viewer"), step.id, step.revision, "no")
    assert decline_retraining(house.house, house.person("owner"), step.id, step.revision, "wait").state == "declined"
    with house.house.database.reading() as connection:
        assert governance.every(connection, "case") == []


def test_an_approved_change_plan_that_speaks_of_versions_is_named(house):
    fields = {
        "use": "ward", "checkpoint": "go-live", "state": "decided", "leads_to": "live", "version": "sepsis-120",
        "policy": "go-live-high", "edition": "2026-11", "policy_digest": "d" * 64, "proposed_by": "p-owner",
        "outcome": "approved", "decided_at": "2026-08-01T09:00:00Z",
    }  # fmt: skip
    with house.house.database.changing(SYSTEM) as change:
        CASES.add(change, CASES.validated(fields), "case-1")
        plan = ChangePlanFields(
            use="ward", case="case-1", modifications=["version"], allows={"version": ["1.*"]}, protocol="refit",
            requirements=["ranks"], impact="small", valid_to="2027-01-01",
        )  # fmt: skip
        CHANGE_PLANS.add(change, plan, "plan-1")

    said = propose_retraining(house.house, OPERATOR, incident(house), at=IN_NOVEMBER).proposal

    assert said.plan == "plan-1"
    assert said.plan_says == "an approved change plan allows versions 1.*, until 2027-01-01, if it meets again: ranks"
