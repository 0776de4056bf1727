"""Where a use is to run is said before it runs: it grants nothing, counts as nothing that runs, and is never lost."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))
from committee import POLICY, Committee, auroc, cast

from codman.flows import records
from codman.flows.change_control import change_round
from codman.flows.planning import may_set_up, yet_to_run
from codman.flows.review.cases import CaseClosed, docket
from codman.flows.review.deciding import CannotDecide, decide
from codman.flows.review.excluding import agree, say_not_applicable
from codman.flows.review.minutes import minutes
from codman.flows.review.planned import replan
from codman.flows.review.reading import read_case
from codman.flows.task import Duty
from codman.flows.work import waiting
from codman.registry import governance
from codman.registry.access import NotAllowed
from codman.registry.inventory import Question, search
from codman.registry.log import SYSTEM
from codman.registry.nouns import DEPLOYMENTS, USES, VERSIONS
from codman.registry.records import BadField
from codman.registry.related import deployments_of
from codman.registry.schema_review import reopenings
from codman.registry.undecided import uncovered_of
from codman.spine.product import VersionFields
from codman.spine.review import CaseOutcome, Choice
from codman.spine.site import DeploymentFields, Mode
from codman.spine.use import Stage

PLAN = {"north": "live", "south": "silent"}


@pytest.fixture
def book(tmp_path, database_url):
    made = Committee(tmp_path, database_url)
    made.evidence(auroc(0.83, 0.81, 0.85))
    yield made
    made.house.close()


def use_of(book):
    with book.house.database.reading() as connection:
        return USES.get(connection, "ward")


def planned(book, plan, reader=None):
    return records.change(
        book.house, reader or book.person("owner"), "use", "ward", {"planned": plan}, use_of(book).revision
    )


def put(book, site, mode):
    with book.house.database.changing(SYSTEM) as change:
        return DEPLOYMENTS.add(change, DeploymentFields(use="ward", site=site, version="sepsis-120", mode=mode))


def decided(book, case, outcome=CaseOutcome.APPROVED):
    book.seated(case)
    for name in ("clin", "stat", "safe"):
        cast(book.house, book.person(name), case.id, Choice.APPROVE, reason="as shown")
    chair = book.person("chair")
    now = docket(book.house, chair, case.id).case
    return decide(book.house, chair, case.id, now.revision, outcome, "as voted, and for no other reason")


def ready(book):
    at, zone = book.house.database.clock().isoformat(), book.house.database.zone
    with book.house.database.reading() as connection:
        return [(one.site, one.mode.value) for one in may_set_up(connection, use_of(book), at, zone)]


def tasks(book, reader):
    return [one for one in waiting(book.house, reader) if one.duty is Duty.SET_UP]


def test_a_case_that_names_no_site_takes_over_those_that_run_and_those_that_are_planned(book):
    put(book, "north", Mode.SILENT)
    planned(book, {"south": "pilot"})
    case = book.opened(sites=[])
    assert (sorted(case.sites), case.planned) == (["north", "south"], {"south": Mode.PILOT})


def test_a_case_that_names_sites_is_about_no_other_and_says_which_are_planned(book):
    planned(book, PLAN)
    case = book.opened(sites=["south"])
    assert (case.sites, case.planned) == (["south"], {"south": Mode.SILENT})


def test_who_opens_a_case_may_say_another_plan_than_the_use_has(book):
    planned(book, PLAN)
    case = book.opened(sites=[], planned={"south": "live"})
    assert (case.sites, case.planned) == (["south"], {"south": Mode.LIVE})


def test_a_change_takes_no_planned_site_over_by_itself(book):
    put(book, "north", Mode.SILENT)
    planned(book, {"south": "live"})
    body = POLICY.replace(b"checkpoint: go-live", b"checkpoint: change")
    assert book.opened(policy=body, sites=[]).sites == ["north"]


def test_a_case_plans_no_site_where_it_runs_or_that_is_not_there(book):
    put(book, "north", Mode.SILENT)
    with pytest.raises(BadField, match="it has a deployment at north already"):
        book.opened(planned={"north": "live"})
    with pytest.raises(BadField, match="there is no site 'moon'"):
        book.opened(planned={"moon": "live"})


def second(book, label="2.0.0"):
    with book.house.database.changing(SYSTEM) as change:
        return VERSIONS.add(change, VersionFields(product="sepsis", label=label)).id


def test_a_case_about_planned_sites_is_about_the_only_version_and_its_decision_lets_that_one_run(book):
    planned(book, {"north": "silent"})
    case = book.opened(sites=[], version=None)
    assert case.version == "sepsis-120"
    decided(book, case)
    put(book, "north", Mode.SILENT)
    assert _reopened(book) == []
    with book.house.database.reading() as connection:
        assert uncovered_of(connection, "ward", book.house.database.today().isoformat()) == []


def test_a_case_about_a_site_more_is_about_the_version_that_runs_elsewhere(book):
    put(book, "north", Mode.SILENT)
    second(book)
    planned(book, {"south": "silent"})
    assert book.opened(sites=["south"], version=None).version == "sepsis-120"


def test_where_nothing_is_set_up_a_case_names_one_of_several_versions(book):
    planned(book, {"north": "silent"})
    newer = second(book)
    with pytest.raises(BadField, match=r"nothing is set up at its sites yet, and its product has 2 versions: name"):
        book.opened(sites=[], version=None)
    assert book.opened(sites=[], version=newer).version == newer


def test_a_decision_about_no_version_grants_nothing_where_nothing_is_set_up_by_then(book):
    unsaid = DeploymentFields(use="ward", site="north", mode=Mode.SILENT)
    with book.house.database.changing(SYSTEM) as change:
        there = DEPLOYMENTS.add(change, unsaid)
    case = book.opened(version=None)
    assert case.version is None
    with book.house.database.changing(SYSTEM) as change:
        DEPLOYMENTS.change(change, there.id, {"mode": "ended"}, None)
    with pytest.raises(CannotDecide, match="its product has a version: name the one that it is about"):
        decided(book, case)


TWO = (
    POLICY
    + b"""
  - id: alert-burden
    evidence: monitoring
"""
)


def test_setting_up_planned_sites_ends_nothing_that_was_said_not_to_apply_to_the_version_there(book):
    planned(book, {"north": "silent"})
    case = book.opened(sites=[], version=None, policy=TWO)
    one = say_not_applicable(book.house, book.person("owner"), case.id, "alert-burden", "It raises no alerts at all")
    agree(book.house, book.person("chair"), one.id, one.revision)
    decided(book, case)
    put(book, "north", Mode.SILENT)
    assert _reopened(book) == []


def replanned(book, who, case, plan):
    now = docket(book.house, book.person("chair"), case.id).case
    return replan(book.house, book.person(who), case.id, now.revision, plan)


def test_another_plan_makes_the_votes_that_were_cast_stale(book):
    case = book.opened(sites=[], planned={"south": "silent"})
    book.seated(case)
    cast(book.house, book.person("clin"), case.id, Choice.APPROVE)
    assert replanned(book, "chair", case, {"south": "live"}).planned == {"south": Mode.LIVE}
    assert len(read_case(book.house, book.person("chair"), case.id).stale_votes) == 1


def test_who_submitted_a_case_plans_it_until_somebody_voted_and_then_who_presides(book):
    case = book.opened(sites=[], planned={"south": "silent"})
    assert replanned(book, "owner", case, {"north": "pilot"}).sites == ["south", "north"]
    assert replanned(book, "owner", case, {"south": None}).sites == ["north"]
    with pytest.raises(NotAllowed):
        replanned(book, "clin", case, {"north": "live"})
    book.seated(case)
    cast(book.house, book.person("clin"), case.id, Choice.APPROVE)
    with pytest.raises(NotAllowed):
        replanned(book, "owner", case, {"north": "live"})


def test_a_case_that_names_sites_is_never_left_with_none(book):
    case = book.opened(sites=[], planned={"south": "silent"})
    with pytest.raises(BadField, match="its decision would hold everywhere"):
        replanned(book, "owner", case, {"south": None})


def test_a_change_and_a_decided_case_plan_nothing(book):
    body = POLICY.replace(b"checkpoint: go-live", b"checkpoint: change")
    with pytest.raises(BadField, match="nothing begins by a decision at change"):
        replanned(book, "owner", book.opened(policy=body), {"south": "live"})
    with pytest.raises(CaseClosed):
        replanned(book, "chair", decided(book, book.opened()), {"south": "live"})


def test_the_signed_decision_and_the_minutes_say_which_sites_were_planned_and_how(book):
    planned(book, PLAN)
    closed = decided(book, book.opened(sites=[]))
    predicate = book.house.store.get(closed.decision).predicate
    assert predicate.sites == ["North", "South"]
    assert [(one.site, one.mode) for one in predicate.planned] == [("North", "live"), ("South", "silent")]
    put(book, "north", Mode.SILENT)
    assert minutes(book.house, book.person("chair"), closed.id).sites == [
        "North (planned: live)",
        "South (planned: silent)",
    ]


def test_nothing_planned_counts_as_running_or_accepted_before_the_decision_or_after(book):
    planned(book, PLAN)

    def nothing_runs():
        with book.house.database.reading() as connection:
            listed = search(connection, Question(words="Ward sepsis"), ("/",)).items
            assert all(one.sites == [] for one in listed)
            assert deployments_of(connection, "ward") == []
            assert uncovered_of(connection, "ward", book.house.database.today().isoformat()) == []

    nothing_runs()
    decided(book, book.opened(sites=[]))
    nothing_runs()
    assert use_of(book).stage is Stage.IN_REVIEW


def test_a_decision_grants_only_the_sites_it_names(book):
    planned(book, {"north": "live"})
    decided(book, book.opened(sites=[]))
    planned(book, {"south": "live"})
    assert ready(book) == [("north", "live")]


def test_what_is_meant_to_be_live_is_set_up_as_far_as_it_was_decided(book):
    planned(book, PLAN)
    body = POLICY.replace(b"checkpoint: go-live", b"checkpoint: silent")
    assert ready(book) == []
    decided(book, book.opened(policy=body, leads_to=Stage.SILENT, sites=[]))
    assert ready(book) == [("north", "silent"), ("south", "silent")]


def test_a_rejection_lets_nothing_be_set_up(book):
    planned(book, PLAN)
    case = book.opened(sites=[])
    book.seated(case)
    for name in ("clin", "stat", "safe"):
        cast(book.house, book.person(name), case.id, Choice.REJECT, reason="not shown")
    chair = book.person("chair")
    now = docket(book.house, chair, case.id).case
    decide(book.house, chair, case.id, now.revision, CaseOutcome.REJECTED, "as voted, and for no other reason")
    assert ready(book) == []


def test_decided_and_planned_sites_wait_for_who_may_set_them_up_there_and_for_nobody_else(book):
    planned(book, PLAN)
    assert tasks(book, book.person("owner")) == []
    decided(book, book.opened(sites=[]))
    (task,) = tasks(book, book.person("owner"))
    assert task.at == "/uses/ward/sites/new"
    assert task.sentence == (
        "Ward sepsis was decided for planned sites and is not set up there yet: North (live), South (silent)"
    )
    (theirs,) = tasks(book, book.at("owner", "north"))
    assert theirs.sentence.endswith("yet: North (live)")
    assert tasks(book, book.person("clin")) == []


def test_a_site_that_is_set_up_is_planned_no_more_and_waits_no_more(book):
    planned(book, PLAN)
    decided(book, book.opened(sites=[]))
    put(book, "north", Mode.LIVE)
    with book.house.database.reading() as connection:
        assert yet_to_run(connection, use_of(book)) == {"south": Mode.SILENT}
    assert ready(book) == [("south", "silent")]


def test_a_plan_that_only_the_case_named_waits_on_the_use_once_it_is_decided(book):
    decided(book, book.opened(sites=[], planned={"south": "pilot"}))
    assert use_of(book).planned == {"south": Mode.PILOT}
    assert ready(book) == [("south", "pilot")]
    planned(book, {"south": None})
    assert ready(book) == []


def test_planning_a_site_reopens_nothing_until_something_is_put_there(book):
    put(book, "north", Mode.SILENT)
    decided(book, book.opened())
    before = _reopened(book)
    planned(book, {"south": "live"})
    assert _reopened(book) == before
    put(book, "south", Mode.SILENT)
    assert len(_reopened(book)) > len(before)


def _reopened(book):
    change_round(book.house)
    with book.house.database.reading() as connection:
        return governance.every(connection, "reopening", reopenings.c.use == "ward")


def test_a_plan_is_changed_site_by_site_and_those_out_of_sight_stay(book):
    planned(book, PLAN)
    assert planned(book, {"north": None}).planned == {"south": Mode.SILENT}
    there = book.at("owner", "north")
    assert planned(book, {"north": "pilot"}, there).planned == {"north": Mode.PILOT}  # as they see it
    assert use_of(book).planned == {"north": Mode.PILOT, "south": Mode.SILENT}
    with pytest.raises(BadField, match="there is no site 'south'"):
        planned(book, {"south": None}, there)
    planned(book, None, there)
    assert use_of(book).planned == {"south": Mode.SILENT}


def test_nobody_plans_a_site_where_it_has_a_deployment_or_a_mode_in_which_nothing_runs(book):
    put(book, "north", Mode.ENDED)
    with pytest.raises(BadField, match="it has a deployment at north already"):
        planned(book, {"north": "live"})
    with pytest.raises(BadField):
        planned(book, {"south": "ended"})
