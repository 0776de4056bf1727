"""What runs without a decision is recorded all the same, is said at once, and reaches who must know."""

from __future__ import annotations

import sys
from itertools import product
from pathlib import Path

import pytest
from sqlalchemy import select

sys.path.insert(0, str(Path(__file__).parents[1]))
from committee import Committee

from codman.flows import records
from codman.flows.change_control import change_round
from codman.flows.intake import list_intakes
from codman.flows.recorded import follow, undecided_of
from codman.flows.review.pausing import decline_pause, list_pause_proposals, propose
from codman.flows.review.policies import keep
from codman.flows.review.staging import standing_of_use
from codman.flows.review.undecided import uncovered
from codman.flows.task import Duty
from codman.flows.work import waiting
from codman.jobs.tables import outbox
from codman.registry import governance
from codman.registry.access import Held, Reader
from codman.registry.attention import backlog
from codman.registry.inventory import Question, facets, search
from codman.registry.log import SYSTEM
from codman.registry.nouns import DEPLOYMENTS, GRANTS, PEOPLE, SITES, USES, VERSIONS
from codman.registry.undecided import uncovered_of
from codman.review.stages import in_force
from codman.spine.pausing import PauseCause, PauseState
from codman.spine.person import GrantFields, PersonFields, Role
from codman.spine.product import VersionFields
from codman.spine.review import CaseOutcome
from codman.spine.site import Deployment, DeploymentFields, Mode, SiteFields
from codman.spine.use import Decision, Stage

DAY = "2026-11-01"


@pytest.fixture
def house(tmp_path, database_url):
    made = Committee(tmp_path, database_url)
    yield made
    made.house.close()


def stands(house: Committee, **fields: object) -> None:
    with house.house.database.changing(SYSTEM) as change:
        USES.change(change, "ward", fields, None)


def runs(
    house: Committee, mode: str, site: str = "north", version: str | None = "sepsis-120", use: str = "ward"
) -> str:
    with house.house.database.changing(SYSTEM) as change:
        fields = DeploymentFields(use=use, site=site, version=version, mode=Mode(mode))
        return DEPLOYMENTS.add(change, fields).id


def decided(house: Committee, outcome: CaseOutcome = CaseOutcome.APPROVED, **more: object) -> None:
    """A case as it stands once decided; how it is decided is tested elsewhere."""
    with house.house.database.changing(SYSTEM) as change:
        case = governance.CASES.add(
            change,
            governance.CASES.validated(
                {
                    "use": "ward", "checkpoint": "go-live", "procedure": "full", "state": "decided",
                    "leads_to": "live", "version": "sepsis-120", "sites": ["north"], "policy": "p", "edition": "1",
                    "policy_digest": keep(change, house.policy()), "proposed_by": "p-owner", "quorum": 1,
                    "disciplines": [],
                    "outcome": outcome.value, "decided_at": change.at, "expires_on": "2027-06-01", **more,
                }
            ),
        )  # fmt: skip
        assert case.outcome is outcome


def bare(house: Committee) -> list[str]:
    with house.house.database.reading() as connection:
        return [one.site for one in uncovered_of(connection, "ward", DAY)]


def said(house: Committee) -> list[str]:
    return undecided_of(house.house, OFFICER, "ward")


OFFICER = Reader("p-chair", "Chair", (Held(Role.OFFICER), Held(Role.CHAIR)))


@pytest.mark.parametrize(
    ("case", "mode", "version", "why"),
    [
        ({}, "live", "sepsis-120", None),
        ({}, "silent", "sepsis-120", None),
        ({"sites": []}, "live", "sepsis-120", None),
        ({"version": None}, "live", None, None),
        ({"sites": ["south"]}, "live", "sepsis-120", "it runs live at North, and no decision names this site"),
        ({"leads_to": "silent"}, "live", "sepsis-120", "it runs live at North, and it is decided only up to silent"),
        ({"expires_on": DAY}, "live", "sepsis-120", "it runs live at North, and its decision stood until 1 Nov 2026"),
        ({}, "live", None, "it runs live at North, and which version runs is not said: the decision is about 1.2.0"),
    ],
)
def test_a_decision_covers_a_site_a_mode_and_a_version(house, case, mode, version, why):
    decided(house, **case)
    stands(house, stage="live", decision="approved")
    runs(house, mode, version=version)

    assert said(house) == ([] if why is None else [why])
    assert bare(house) == ([] if why is None else ["north"])


def test_a_refusal_ends_what_was_decided_before_it(house):
    decided(house)
    decided(house, CaseOutcome.REJECTED)
    stands(house, stage="live", decision="rejected")
    runs(house, "live")

    assert said(house) == ["it runs live at North, and it was refused since"]


def test_a_change_whose_decision_ran_out_is_said_to_have_run_out_and_not_to_be_refused(house):
    decided(house, expires_on=DAY)
    decided(house, checkpoint="change")
    stands(house, stage="live", decision="approved")
    runs(house, "live")

    assert said(house) == ["it runs live at North, and the decision that was changed stood until 1 Nov 2026"]


def test_a_version_that_change_control_reopened_is_not_said_to_be_refused(house):
    decided(house, version=None)
    stands(house, stage="live", decision="approved")
    runs(house, "live")
    with house.house.database.changing(SYSTEM) as change:
        fields = {
            "use": "ward", "policy": "p", "requirement": "discrimination", "changed": "version",
            "became": "sepsis-120", "because": "version 1.1.0 became 1.2.0",
        }  # fmt: skip
        governance.REOPENINGS.add(change, governance.REOPENINGS.validated(fields))

    assert said(house) == ["it runs live at North, and what its version changed is still to be shown again"]
    decided(house, CaseOutcome.REJECTED)
    assert said(house) == ["it runs live at North, and it was refused since"]


def test_what_was_decided_elsewhere_holds_up_to_the_stage_of_the_use(house):
    stands(house, stage="silent", decision="approved")
    runs(house, "silent")
    runs(house, "live", "south")

    assert said(house) == ["it runs live at South, and it is decided only up to silent"]


def test_the_lists_and_the_stages_agree_on_what_a_decision_covers(house):
    with house.house.database.changing(SYSTEM) as change:
        SITES.add(change, SiteFields(name="West", level="hospital"), "west")
    for outcome, leads_to, days in product(CaseOutcome, ("silent", "pilot", "live"), ("2026-11-01", "2026-11-02")):
        if outcome not in (CaseOutcome.APPROVED, CaseOutcome.CONDITIONAL, CaseOutcome.DEFERRED, CaseOutcome.REJECTED):
            continue
        decided(house, outcome, leads_to=leads_to, expires_on=days, version=None)
        house.clock.forward(seconds=1)
    for mode in ("silent", "pilot", "live"):
        runs(house, mode, {"silent": "west", "pilot": "south", "live": "north"}[mode])
    agreed(house)


def agreed(house: Committee, day: str = DAY) -> set[str]:
    """Where it runs without a decision, as the lists and the stages both say."""
    with house.house.database.reading() as connection:
        found: list[Deployment] = list(DEPLOYMENTS.page(connection, DEPLOYMENTS.table.select(), limit=9).items)
        bare_ids = {one.id for one in uncovered_of(connection, "ward", day)}
        for one in found:
            standing = standing_of_use(connection, USES.get(connection, "ward"), [one], house.house.database.zone)
            held = in_force(standing, Stage(one.mode.value), f"{day}T23:00:00Z")
            assert (held is None) == (one.id in bare_ids), one
    return {one.site for one in found if one.id in bare_ids}


@pytest.mark.parametrize(
    ("cases", "without"),
    [
        (("go-live",), {"south"}),
        (("monitoring",), {"north", "south"}),
        (("validation",), {"north", "south"}),
        (("change",), {"north", "south"}),
        (("go-live", "change"), set()),
        (("change", "go-live"), {"south"}),
        (("pilot", "change"), set()),
        (("go-live", "monitoring"), {"south"}),
        (("go-live", "change", "rejected"), {"north", "south"}),
        (("go-live", "rejected", "change"), {"north", "south"}),
        (("go-live", "monitoring rejected"), {"north", "south"}),
        (("ran out", "change"), {"north", "south"}),
    ],
)
def test_the_lists_and_the_stages_agree_on_what_each_checkpoint_lets_run(house, cases, without):
    runs(house, "live")
    runs(house, "live", "south")
    for one in cases:
        refused = one.endswith("rejected")
        at = one.removesuffix("rejected").strip() or "go-live"
        both = one in ("change", "monitoring", "validation")
        decided(
            house,
            CaseOutcome.REJECTED if refused else CaseOutcome.APPROVED,
            checkpoint="go-live" if one == "ran out" else at,
            sites=["north", "south"] if both else ["north"],
            version=None,
            expires_on=DAY if one == "ran out" else "2027-06-01",
        )
        house.clock.forward(seconds=1)

    assert agreed(house) == without


@pytest.mark.parametrize(
    ("cases", "without"),
    [
        (("north until", "change"), {"north", "south"}),  # the change ends with what it changed
        (("north until", "change", "north"), {"south"}),  # and no later decision revives it
        (("north until", "change", "north emergency"), {"south"}),
        (("north", "north until", "change"), {"south"}),  # nor does an older one
        (("north until", "north", "change"), set()),
        (("north", "north emergency until", "change"), set()),  # an emergency takes no committee's place
        (("north", "south until", "change"), {"south"}),  # at each site what was decided there
        (("south until", "north", "change"), {"south"}),
        (("west", "change"), set()),  # a site that none named follows what stood elsewhere
        (("west until", "change"), {"north", "south"}),
    ],
)
def test_a_change_stands_no_longer_than_the_decision_it_changed(house, cases, without):
    with house.house.database.changing(SYSTEM) as change:
        SITES.add(change, SiteFields(name="West", level="hospital"), "west")
        USES.change(change, "ward", {"tier": "high"}, None)
    runs(house, "live")
    runs(house, "live", "south")
    for one in cases:
        changes = one == "change"
        decided(
            house,
            checkpoint="change" if changes else "go-live",
            sites=["north", "south"] if changes else [one.split()[0]],
            version=None,
            procedure="emergency" if "emergency" in one else "full",
            expires_on="2026-11-10" if "until" in one else "2027-06-01",
        )
        house.clock.forward(seconds=1)

    assert agreed(house, "2026-11-12") == without


@pytest.mark.parametrize("what", ["a settled version", "a refusal", "what a change was added to"])
def test_what_was_found_of_one_use_says_nothing_of_another(house, what):
    with house.house.database.changing(SYSTEM) as change:
        USES.change(change, "ward-south", {"tier": "low", "stage": "live"}, None)
        VERSIONS.add(change, VersionFields(product="sepsis", label="2.0"), "sepsis-200")
    south = {"use": "ward-south", "sites": ["south"]}
    version = "sepsis-200" if what == "a settled version" else "sepsis-120"
    runs(house, "live", version=version)
    runs(house, "live", "south", version=version, use="ward-south")
    if what == "what a change was added to":
        decided(house, **south)
        house.clock.forward(seconds=1)
        decided(house, checkpoint="change")
        decided(house, checkpoint="change", **south)
    else:
        decided(house)
        decided(house, **south)
        house.clock.forward(seconds=1)
    if what == "a refusal":
        decided(house, CaseOutcome.REJECTED)
    if what == "a settled version":
        said = {"use": "ward-south", "policy": "p", "requirement": "r", "changed": "version", "because": "another"}
        with house.house.database.changing(SYSTEM) as change:
            shown = {"became": "sepsis-200", "state": "closed", "closed_by": "c" * 64}
            governance.REOPENINGS.add(change, governance.REOPENINGS.validated({**said, **shown}))

    with house.house.database.reading() as connection:
        found = {use: [one.site for one in uncovered_of(connection, use, DAY)] for use in ("ward", "ward-south")}
    assert found == {"ward": ["north"], "ward-south": []}


def test_recording_it_is_allowed_and_it_is_found_everywhere(house):
    stands(house, stage="proposed", decision="undecided", owner="p-owner")
    deployed = {"use": "ward", "site": "north", "mode": "silent"}
    records.create(house.house, OFFICER, "deployment", deployed)

    assert said(house) == ["it runs silent at North, and nobody has decided that it may"]
    asked = Question(where={"runs": ["without a decision"]}, today=DAY)
    with house.house.database.reading() as connection:
        found = search(connection, asked)
        assert [item.id for item in found.items] == ["ward"]
        assert ("without a decision", 1) in facets(connection, Question(today=DAY))["runs"]
        assert backlog(connection, ("/",), DAY).total == 1
    duties = [task for task in waiting(house.house, OFFICER) if task.duty is Duty.UNDECIDED]
    assert [task.use for task in duties] == ["ward"]
    # nobody acts on what runs silently: it is shown, and nothing is paused
    assert follow(house.house, OFFICER, "ward").pauses == 0


def test_what_reaches_patients_before_anybody_was_asked_begins_a_proposal_once(house):
    stands(house, stage="proposed", decision="undecided")
    runs(house, "live", version=None)

    first, again = (follow(house.house, OFFICER, "ward") for _ in range(2))

    assert first.intake is not None
    assert again.intake is None
    assert [one.id for one in list_intakes(house.house, OFFICER, where={"use": ["ward"]}).items] == [first.intake]


def test_what_runs_live_beyond_its_decision_has_a_pause_proposed_which_a_person_may_decline_for_just_that(house):
    decided(house)
    stands(house, stage="live", decision="approved", owner="p-owner")
    runs(house, "live")
    runs(house, "pilot", "south")
    change_round(house.house)

    (one,) = list_pause_proposals(house.house, OFFICER).items
    assert (one.cause, one.case) == (PauseCause.UNDECIDED, None)
    assert one.because == "it runs pilot at South, and no decision names this site"
    decline_pause(house.house, house.person("chair"), one.id, one.revision, "a week's trial, watched")
    assert propose(house.house) == (0, 0)
    decided(house, sites=["south"], leads_to="pilot")
    assert said(house) == []


def test_a_mail_about_a_proposed_pause_names_a_site_to_who_sees_it_and_to_nobody_else(house):
    decided(house)
    stands(house, stage="live", decision="approved")
    runs(house, "pilot", "south")
    with house.house.database.changing(SYSTEM) as change:
        PEOPLE.change(change, "p-chair", {"email": "chair@example.org"}, None)
        PEOPLE.add(change, PersonFields(name="Near", email="near@example.org"), "p-near")
        GRANTS.add(change, GrantFields(person="p-near", role=Role.CHAIR, site="north"))

    assert propose(house.house) == (1, 0)

    with house.house.database.reading() as connection:
        mails = {row.recipient: row.body["text"] for row in connection.execute(select(outbox))}
    assert "it runs pilot at South, and no decision names this site." in mails["chair@example.org"]
    assert "it runs pilot at a site out of your reach, and no decision" in mails["near@example.org"]


def test_the_proposal_is_withdrawn_once_it_is_decided(house):
    stands(house, stage="live", decision="undecided")
    runs(house, "live")
    assert propose(house.house) == (1, 0)

    decided(house)

    assert propose(house.house) == (0, 1)
    assert list_pause_proposals(house.house, OFFICER).items[0].state is PauseState.WITHDRAWN


def test_what_ran_before_anybody_asked_waits_its_turn_and_has_no_pause_proposed(house):
    stands(house, stage="live", decision=Decision.LEGACY.value)
    runs(house, "live")

    assert propose(house.house) == (0, 0)
    assert said(house) == ["it runs live at North, and nobody has decided that it may"]


@pytest.mark.parametrize(("tier", "why"), [("medium", []), ("high", ["an expedited decision is none for tier high"])])
def test_an_expedited_decision_covers_no_use_whose_tier_rose_beyond_it(house, tier, why):
    decided(house, procedure="expedited")
    stands(house, stage="live", decision="approved", tier=tier)
    runs(house, "live")

    assert said(house) == [f"it runs live at North, and {one}" for one in why]
    propose(house.house)
    assert len(list_pause_proposals(house.house, OFFICER).items) == len(why)


def test_a_decision_names_a_site_by_its_whole_id_and_no_sign_in_it_stands_for_another(house):
    decided(house, sites=["north"])
    with house.house.database.changing(SYSTEM) as change:
        SITES.add(change, SiteFields(name="Another", level="hospital"), "n_rth")
    stands(house, stage="live", decision="approved")
    runs(house, "live", site="north")
    other = runs(house, "live", site="n_rth")

    with house.house.database.reading() as connection:
        found = uncovered(connection, USES.get(connection, "ward"), DAY)
    assert [one.deployment.id for one in found] == [other]
