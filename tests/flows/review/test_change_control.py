"""Change control in a house with a committee: what a change reopens, and what settles it again."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))
from book import signed
from committee import Committee, auroc, cast

from codman.flows.change_control import change_round, day_round, list_reopenings, would_reopen
from codman.flows.filing import file_evidence
from codman.flows.review.cases import docket, open_case
from codman.flows.review.deciding import decide
from codman.flows.review.plans import approved as holds
from codman.flows.review.plans import draft_plan, put_before
from codman.registry import governance
from codman.registry.access import Held, NotAllowed, Reader
from codman.registry.documents import DocumentFields, FactFields
from codman.registry.governance import CHANGE_PLANS
from codman.registry.log import SYSTEM
from codman.registry.nouns import DEPLOYMENTS, DOCUMENTS, FACTS, USES, VERSIONS
from codman.registry.records import BadField
from codman.registry.replay import check_records
from codman.review.policy.load import policy_of_bytes
from codman.spine.measurement import Measurement
from codman.spine.person import Role
from codman.spine.product import VersionFields
from codman.spine.reopening import Changed, ReopeningState
from codman.spine.review import CaseOutcome, Choice
from codman.spine.site import DeploymentFields
from codman.spine.use import Stage

# two requirements rest on a version, one of them on a threshold; a document of the use rests on nothing that changes
POLICY = b"""
policy: go-live-high
edition: 2026-11
checkpoint: go-live
requires:
  - id: discrimination
    evidence: evaluation
    origin: [local]
    measurement: {metric: auroc, at_least: 0.75}
  - id: alarms
    evidence: evaluation
    measurement: {metric: ppv, threshold: 0.2, at_least: 0.3}
  - id: contract
    document: contract
  - id: downtime
    document: downtime-procedure
"""
NEXT = "c" * 64


def ppv(threshold: float = 0.2) -> Measurement:
    return Measurement(
        metric="ppv", value=0.5, lower=0.4, upper=0.6, level=0.95, n=1000, method="wilson",
        params={"threshold": threshold},
    )  # fmt: skip


GOOD = (auroc(0.80, 0.76, 0.84), ppv())


@pytest.fixture
def house(tmp_path, database_url):
    made = Committee(tmp_path, database_url)
    with made.house.database.changing(SYSTEM) as change:
        USES.change(change, "ward", {"stage": "live", "tier": "high", "population": "Adults"}, None)
        VERSIONS.add(change, VersionFields(product="sepsis", label="1.3.0", digest=NEXT), "sepsis-130")
        DEPLOYMENTS.add(
            change,
            DeploymentFields(
                use="ward", site="north", version="sepsis-120", mode="live", clinician="p-clin", ehr_build="May 2026"
            ),
            "d-north",
        )
        for kind in ("contract", "downtime-procedure"):
            fields = {"about_kind": "use", "about": "ward", "type": kind, "title": kind, "digest": kind[0] * 64}
            fields["digest"] = ("d" if kind == "contract" else "e") * 64
            DOCUMENTS.add(change, DocumentFields(**fields, size=1, media_type="text/plain"))
    made.evidence(*GOOD)
    yield made
    with made.house.database.reading() as connection:
        check_records(connection)  # whatever was done, the log tells of it
    made.house.close()


def approved(house: Committee, plan: str | None = None, policy: bytes = POLICY, **given: object):
    chosen = {"use": "ward", "leads_to": Stage.LIVE, "sites": ["north"], "version": "sepsis-120", "quorum": 3} | given
    case = open_case(house.house, house.person("owner"), policy_of_bytes(policy, "p.yaml"), **chosen)
    if plan is not None:
        put_before(house.house, house.person("owner"), plan, case.id, 1)
    house.seated(case)
    for name in ("clin", "stat", "safe"):
        cast(house.house, house.person(name), case.id, Choice.APPROVE)
    now = docket(house.house, house.person("chair"), case.id).case
    done = decide(house.house, house.person("chair"), case.id, now.revision, CaseOutcome.APPROVED, "as voted")
    change_round(house.house)
    house.clock.forward(hours=1)
    return done


def changed(house: Committee, records, name: str, **patch: object) -> None:
    with house.house.database.changing(SYSTEM) as change:
        records.change(change, name, patch, None)


def reopened(house: Committee) -> dict[str, tuple[str, str]]:
    """The open reopenings: what changed and why, by requirement."""
    return {
        one.requirement: (one.changed.value, one.because) for one in every(house) if one.state is ReopeningState.OPEN
    }


def every(house: Committee):
    with house.house.database.reading() as connection:
        return governance.every(connection, "reopening")


def shown(house: Committee, version: str = "1.3.0", subject: str = NEXT, numbers=GOOD) -> str:
    at = house.clock().strftime("%Y-%m-%dT%H:%M:%SZ")
    body = signed(house.pipeline, version=version, subject=subject, evaluated_at=at, measurements=list(numbers))
    return file_evidence(house.house, body, house.officer).digest


def test_a_new_version_reopens_what_was_measured_on_the_old_one_and_nothing_else(house):
    approved(house)
    changed(house, DEPLOYMENTS, "d-north", version="sepsis-130")

    done = change_round(house.house)

    assert done.reopened == 2
    words = "version 1.2.0 became 1.3.0 at [site:north]"
    assert reopened(house) == {"discrimination": ("version", words), "alarms": ("version", words)}


def test_a_reason_names_a_site_only_to_who_sees_it(house):
    approved(house)
    changed(house, DEPLOYMENTS, "d-north", version="sepsis-130")
    change_round(house.house)

    def told(path: str) -> set[str]:
        reader = Reader("p-viewer", "Person viewer", (Held(Role.VIEWER, path),))
        return {one.because for one in list_reopenings(house.house, reader).items}

    assert told("/") == {"version 1.2.0 became 1.3.0 at North"}
    with house.house.database.changing(SYSTEM) as change:
        fields = DeploymentFields(use="ward", site="south", version="sepsis-120", mode="live", clinician="p-clin")
        DEPLOYMENTS.add(change, fields, "d-south")
    assert told("/south/") == {"version 1.2.0 became 1.3.0 at a site out of your reach"}


def test_told_again_it_reopens_nothing_twice(house):
    approved(house)
    changed(house, DEPLOYMENTS, "d-north", version="sepsis-130")
    change_round(house.house)
    with house.house.database.changing(SYSTEM) as change:  # as after a crash before the place was noted
        change.connection.exec_driver_sql("DELETE FROM log_cursors")
    again = change_round(house.house)

    assert (again.reopened, len(every(house))) == (0, 2)


def test_what_changed_before_the_decision_was_before_those_who_decided(house):
    changed(house, DEPLOYMENTS, "d-north", version="sepsis-130")
    approved(house)

    assert every(house) == []


def test_a_round_that_reads_from_before_the_decision_sees_what_changed_after_it(house):
    approved(house)
    with house.house.database.changing(SYSTEM) as change:
        change.connection.exec_driver_sql("DELETE FROM log_cursors")
    changed(house, DEPLOYMENTS, "d-north", version="sepsis-130")
    changed(house, DEPLOYMENTS, "d-north", ehr_build="May 2027")

    change_round(house.house)  # it also reads that the site and its version were put there

    assert {(one.changed, one.requirement) for one in every(house)} == {
        (changed_, requirement)
        for changed_ in (Changed.VERSION, Changed.EHR_BUILD)
        for requirement in ("discrimination", "alarms")
    }


def test_a_rollout_to_many_sites_is_one_change_that_says_so(house):
    with house.house.database.changing(SYSTEM) as change:
        fields = DeploymentFields(use="ward", site="south", version="sepsis-120", mode="live", clinician="p-clin")
        DEPLOYMENTS.add(change, fields, "d-south")
    approved(house, sites=["north", "south"])
    for name in ("d-north", "d-south"):
        changed(house, DEPLOYMENTS, name, version="sepsis-130")
    change_round(house.house)

    assert set(reopened(house).values()) == {
        ("version", "version 1.2.0 became 1.3.0 at [site:north], and at 1 more site")
    }
    assert len(every(house)) == 2


def test_evidence_about_the_new_version_closes_what_it_meets_and_leaves_the_rest(house):
    approved(house)
    changed(house, DEPLOYMENTS, "d-north", version="sepsis-130")
    change_round(house.house)
    digest = shown(house, numbers=(auroc(0.80, 0.76, 0.84),))

    done = change_round(house.house)

    assert done.closed == 1
    assert list(reopened(house)) == ["alarms"]
    closed = next(one for one in every(house) if one.requirement == "discrimination")
    assert closed.closed_by == digest.removeprefix("sha256:")


def test_going_back_to_the_old_version_ends_what_the_new_one_reopened(house):
    approved(house)
    changed(house, DEPLOYMENTS, "d-north", version="sepsis-130")
    change_round(house.house)
    changed(house, DEPLOYMENTS, "d-north", version="sepsis-120")

    change_round(house.house)

    assert reopened(house) == {}
    assert {(one.state, one.closed_by) for one in every(house)} == {(ReopeningState.CLOSED, None)}


def test_a_new_site_reopens_what_was_measured_elsewhere_and_the_procedures_of_a_place(house):
    approved(house)
    with house.house.database.changing(SYSTEM) as change:
        fields = DeploymentFields(use="ward", site="south", version="sepsis-120", mode="silent", clinician="p-clin")
        DEPLOYMENTS.add(change, fields, "d-south")

    change_round(house.house)

    words = ("site", "it is to run at [site:south]")
    assert reopened(house) == {"discrimination": words, "alarms": words, "downtime": words}


def test_another_population_asks_for_newer_evidence_than_the_edit(house):
    approved(house)
    changed(house, USES, "ward", population="Children")
    change_round(house.house)
    assert set(reopened(house)) == {"discrimination", "alarms"}
    assert "Children" not in str(reopened(house))

    house.clock.forward(hours=1)
    shown(house, "1.2.0", "a" * 64)
    change_round(house.house)

    assert reopened(house) == {}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [({"ehr_build": "May 2027"}, {"discrimination", "alarms"}), ({"note": "seen"}, set()), ({"mode": "pilot"}, set())],
)
def test_an_ehr_build_reopens_what_was_measured_in_the_old_one_and_a_note_nothing(house, fields, expected):
    approved(house)
    changed(house, DEPLOYMENTS, "d-north", **fields)
    change_round(house.house)

    assert set(reopened(house)) == expected


def test_a_version_taken_from_its_site_for_a_moment_does_not_get_another_ehr_build_unseen(house):
    changed(house, VERSIONS, "sepsis-120", ehr_build="B1")
    approved(house)
    changed(house, DEPLOYMENTS, "d-north", version=None)
    changed(house, VERSIONS, "sepsis-120", ehr_build="B2")
    changed(house, DEPLOYMENTS, "d-north", version="sepsis-120")
    change_round(house.house)

    words = ("EHR build", "the EHR build of version 1.2.0 became B2")
    assert reopened(house) == {"discrimination": words, "alarms": words}


def test_another_threshold_reopens_only_what_is_about_a_threshold(house):
    fact = {"about_kind": "use", "about": "ward", "field": "operation/threshold", "source": "the ward"}
    with house.house.database.changing(SYSTEM) as change:
        FACTS.add(change, FactFields(**fact, value="0.2"), "fact-t")
    approved(house)
    assert reopened(house) == {}
    changed(house, FACTS, "fact-t", value="0.30")
    change_round(house.house)

    assert reopened(house) == {"alarms": ("threshold", "its threshold became 0.3")}


def test_a_dry_run_says_the_same_and_writes_nothing(house):
    approved(house)
    asked = would_reopen(house.house, house.person("owner"), "ward", Changed.VERSION, "1.3.0")
    assert [one.requirement for one in asked] == ["discrimination", "alarms"]
    assert would_reopen(house.house, house.person("owner"), "ward", Changed.VERSION, "1.2.0") == []
    assert [one.requirement for one in would_reopen(house.house, house.officer, "ward", Changed.THRESHOLD, "0.4")] == [
        "alarms"
    ]
    assert every(house) == []
    with pytest.raises(BadField, match="no such site"):
        would_reopen(house.house, house.officer, "ward", Changed.SITE, "nowhere")
    with pytest.raises(BadField, match="a number"):
        would_reopen(house.house, house.officer, "ward", Changed.THRESHOLD, "low")


PLAN = {
    "use": "ward",
    "modifications": ["version"],
    "allows": {"version": ["1.3.*"]},
    "protocol": "Retrain each quarter on the same inputs; evaluate on the last 90 days.",
    "requirements": ["discrimination"],
    "impact": "Better ranking; alerts may shift between wards, which the weekly report shows.",
}


def test_a_change_inside_an_approved_plan_passes_once_evidence_holds_it(house):
    plan = draft_plan(house.house, house.person("owner"), PLAN)
    approved(house, plan.id)
    changed(house, DEPLOYMENTS, "d-north", version="sepsis-130")
    change_round(house.house)
    assert {one.plan for one in every(house)} == {plan.id}
    assert len(reopened(house)) == 2  # not held yet

    shown(house, numbers=(auroc(0.80, 0.76, 0.84),))
    done = change_round(house.house)

    assert (done.in_plan, reopened(house)) == (2, {})
    assert {one.state for one in every(house)} == {ReopeningState.IN_PLAN}


@pytest.mark.parametrize("why", ["outside", "a draft", "not held"])
def test_a_change_outside_the_plan_under_a_draft_or_not_held_does_not_pass(house, why):
    given = {**PLAN, "allows": {"version": ["2.*"]}} if why == "outside" else PLAN
    plan = draft_plan(house.house, house.person("owner"), given)
    approved(house, None if why == "a draft" else plan.id)
    changed(house, DEPLOYMENTS, "d-north", version="sepsis-130")
    low = auroc(0.60, 0.55, 0.65) if why == "not held" else auroc(0.80, 0.76, 0.84)
    shown(house, numbers=(low,))
    change_round(house.house)

    assert "alarms" in reopened(house)
    assert ReopeningState.IN_PLAN not in {one.state for one in every(house)}


@pytest.mark.parametrize(
    ("patch", "why"),
    [
        ({"modifications": ["weather"]}, "is none of"),
        ({"modifications": ["version", "site"]}, "list what it may become"),
        ({"allows": {"version": ["1.*"], "site": ["north"]}}, "not among the modifications"),
        ({"allows": {"version": {"at_least": "1"}}}, "give numbers"),
    ],
)
def test_a_plan_that_does_not_say_what_may_become_of_what_is_refused(house, patch, why):
    with pytest.raises(BadField, match=why):
        draft_plan(house.house, house.person("owner"), {**PLAN, **patch})


def test_a_plan_is_laid_before_one_case_of_its_use_that_nobody_votes_on_yet(house):
    owner = house.person("owner")
    plan = draft_plan(house.house, owner, {**PLAN, "requirements": ["nowhere"]})
    case = open_case(
        house.house, owner, policy_of_bytes(POLICY, "p.yaml"), use="ward", leads_to=Stage.LIVE, version="sepsis-120"
    )
    with pytest.raises(BadField, match="no requirement 'nowhere'"):
        put_before(house.house, owner, plan.id, case.id, 1)
    with pytest.raises(NotAllowed):
        draft_plan(house.house, house.person("viewer"), PLAN)


OWN = """\
pack: ours
title: Our own
edition: 2026-12
technique: predictive
source:
  - {title: Our committee, citation: "minutes of 3 November 2026"}
valid_from: 2026-12-01
valid_to: null
counts: {policies: 1, requirements: 4}
checkpoints:
  - policy: go-live-high
    edition: 2026-12
    checkpoint: go-live
    requires:
      - id: discrimination
        title: Another title moves no bound
        evidence: evaluation
        origin: [local]
        measurement: {metric: auroc, at_least: 0.77}
        controls: [ruaih/4]
      - id: alarms
        evidence: evaluation
        measurement: {metric: ppv, threshold: 0.2, at_least: 0.3}
      - id: downtime
        document: downtime-procedure
      - id: training
        document: training-material
"""


def test_an_edition_in_force_from_a_day_on_reopens_what_it_asks_anew_and_closes_what_is_shown_already(house):
    approved(house)
    packs = house.house.settings.workspace / "packs"
    packs.mkdir()
    (packs / "ours.yaml").write_text(OWN)
    day_round(house.house)
    assert every(house) == []  # it does not hold yet

    house.clock.forward(days=30)
    day_round(house.house)
    day_round(house.house)

    assert reopened(house) == {
        "discrimination": ("policy edition", "edition 2026-11 became 2026-12: at least 0.75 became 0.77"),
        "training": ("policy edition", "edition 2026-11 became 2026-12: it is new"),
    }
    shown(house, "1.2.0", "a" * 64, (auroc(0.82, 0.79, 0.85), ppv()))
    change_round(house.house)
    assert list(reopened(house)) == ["training"]


def test_a_later_decision_settles_what_it_took_as_shown(house):
    approved(house)
    changed(house, DEPLOYMENTS, "d-north", version="sepsis-130")
    change_round(house.house)
    shown(house, numbers=(auroc(0.80, 0.76, 0.84), ppv()))
    house.clock.forward(days=1)
    approved(house, version="sepsis-130")

    assert reopened(house) == {}


def renamed(**instead: str) -> bytes:
    """The policy under another name and checkpoint, with some of its words replaced."""
    body = POLICY.replace(b"go-live-high", b"another").replace(b"checkpoint: go-live", b"checkpoint: silent")
    for old, new in instead.items():
        body = body.replace(old.encode(), new.encode())
    return body


def test_a_decision_that_reaches_less_far_settles_nothing_of_the_one_that_runs(house):
    approved(house)
    changed(house, DEPLOYMENTS, "d-north", version="sepsis-130")
    change_round(house.house)
    house.clock.forward(days=1)
    lax = renamed().replace(b"at_least: 0.75", b"at_least: 0.5").replace(b"at_least: 0.3", b"at_least: 0.1")
    shown(house, numbers=(auroc(0.60, 0.56, 0.64), ppv()))

    approved(house, policy=lax, leads_to=Stage.SILENT, version="sepsis-130")
    assert "discrimination" in reopened(house)

    approved(house, policy=lax, leads_to=Stage.LIVE, version="sepsis-130")  # as far, and it asks for less
    assert "discrimination" in reopened(house)


def test_a_decision_by_another_policy_settles_what_it_asks_just_as_much_of(house):
    approved(house)
    changed(house, DEPLOYMENTS, "d-north", version="sepsis-130")
    change_round(house.house)
    house.clock.forward(days=1)
    shown(house)

    done = approved(house, policy=renamed(discrimination="separation"), version="sepsis-130")

    assert {one.closed_by for one in every(house)} == {done.decision}


def test_a_silent_run_elsewhere_leaves_the_decision_that_runs_to_be_reopened(house):
    approved(house)
    approved(house, policy=renamed(), leads_to=Stage.SILENT, sites=["south"])
    changed(house, DEPLOYMENTS, "d-north", version="sepsis-130")
    change_round(house.house)

    assert {one.policy for one in every(house)} == {"go-live-high"}


def test_a_plan_ends_when_the_committee_rejects_what_it_was_approved_with(house):
    plan = draft_plan(house.house, house.person("owner"), PLAN)
    granted = approved(house, plan.id)
    case = open_case(
        house.house, house.person("owner"), policy_of_bytes(POLICY, "p.yaml"), use="ward", leads_to=Stage.LIVE, quorum=3
    )
    house.seated(case)
    for name in ("clin", "stat", "safe"):
        cast(house.house, house.person(name), case.id, Choice.REJECT, reason="it harmed")
    now = docket(house.house, house.person("chair"), case.id).case
    day = granted.decided_at[:10]
    with house.house.database.reading() as connection:
        before = holds(connection, CHANGE_PLANS.get(connection, plan.id), day)
    decide(house.house, house.person("chair"), case.id, now.revision, CaseOutcome.REJECTED, "it harmed")

    with house.house.database.reading() as connection:
        assert (before, holds(connection, CHANGE_PLANS.get(connection, plan.id), day)) == (True, False)
