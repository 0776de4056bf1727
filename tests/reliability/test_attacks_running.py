"""Attacks on what runs: around a pause, by one edit of two things, by a step down, after a retirement."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.append(str(Path(__file__).parents[1] / "flows"))

from committee import POLICY, Committee, auroc, cast

from codman.flows import records
from codman.flows.change_control import change_round
from codman.flows.concerns.raising import Place, Said, raise_concern
from codman.flows.keys import list_keys, revoke_key
from codman.flows.records import accept_deployment
from codman.flows.review.before_the_decision import add_condition
from codman.flows.review.cases import NotYours, docket
from codman.flows.review.conditions import look
from codman.flows.review.deciding import decide
from codman.flows.review.pausing import propose
from codman.flows.review.staging import CannotMove, move
from codman.flows.watch.going_back import approved
from codman.registry import governance
from codman.registry.access import Held, NotAllowed, Reader
from codman.registry.log import SYSTEM
from codman.registry.nouns import DEPLOYMENTS, DOCUMENTS, SITES, USES, VERSIONS
from codman.registry.records import BadField
from codman.registry.undecided import uncovered_of
from codman.spine.concern import ConcernCategory, ConcernSeverity
from codman.spine.person import Role
from codman.spine.product import VersionFields
from codman.spine.record_statements import DecisionPredicate
from codman.spine.reopening import Changed, ReopeningState
from codman.spine.review import Case, CaseOutcome, CaseState, Choice
from codman.spine.site import Deployment, DeploymentFields, Mode, SiteFields
from codman.spine.use import Decision, Stage, Use

NEXT, BOTH = "sepsis-200", ["north", "south"]
RETIRE = (
    POLICY.replace(b"go-live-high", b"ret")
    .replace(b"point: go-live", b"point: retire")
    .replace(b"at_least: 0.75}\n", b"at_least: 0.75}\n    severity: warn\n")
)
CHANGE = POLICY.replace(b"go-live-high", b"chg").replace(b"point: go-live", b"point: change")


@pytest.fixture
def house(tmp_path: Path, database_url: str) -> Iterator[Committee]:
    """A house whose use is decided and live at North and South, in version 1.2.0; there is a 2.0."""
    made = Committee(tmp_path, database_url)
    with made.house.database.changing(SYSTEM) as change:
        USES.change(change, "ward", {"tier": "high", "downtime_procedure": "by hand", "owner": "p-owner"}, None)
        VERSIONS.add(change, VersionFields(product="sepsis", label="2.0", digest="9" * 64), NEXT)
        for site, clinician in (("north", "p-clin"), ("south", "p-stat")):
            runs = DeploymentFields(use="ward", site=site, version="sepsis-120", mode=Mode.SILENT, clinician=clinician)
            DEPLOYMENTS.add(change, runs, f"d-{site}")
    made.evidence()
    _decided(made)
    _accepted(made)
    _accepted(made, "south", "stat")
    _moved(made, Stage.LIVE)
    yield made
    made.house.close()


def _use(house: Committee) -> Use:
    with house.house.database.reading() as connection:
        return USES.get(connection, "ward")


def _runs(house: Committee, site: str = "north") -> Deployment:
    with house.house.database.reading() as connection:
        return DEPLOYMENTS.get(connection, f"d-{site}")


def _modes(house: Committee) -> list[Mode]:
    return [_runs(house, site).mode for site in BOTH]


def _decided(
    house: Committee, outcome: CaseOutcome = CaseOutcome.APPROVED, choice: Choice = Choice.APPROVE, **asked: Any
) -> None:
    until = asked.pop("until", None)
    case = house.opened(quorum=3, **{"sites": BOTH, **asked})
    house.seated(case)
    for name in ("clin", "stat", "safe"):
        cast(house.house, house.person(name), case.id, choice, reason="as shown")
    chair = house.person("chair")
    now = docket(house.house, chair, case.id).case
    decide(house.house, chair, case.id, now.revision, outcome, "as voted", expires_on=until)
    house.clock.forward(hours=1)


def _cases(house: Committee) -> list[Case]:
    with house.house.database.reading() as connection:
        return governance.every(connection, "case", order="created_at")


def _accepted(house: Committee, site: str = "north", by: str = "clin") -> None:
    accept_deployment(house.house, house.person(by), f"d-{site}", _runs(house, site).revision)
    house.clock.forward(hours=1)


def _moved(house: Committee, to: Stage, by: Reader | None = None, reason: str = "as decided") -> Use:
    reader = by or house.person("chair")
    return move(house.house, reader, "ward", to, _use(house).revision, reason=reason)


def _edited(house: Committee, site: str = "north", **patch: object) -> Deployment:
    made: Deployment = records.change(
        house.house, house.person("owner"), "deployment", f"d-{site}", patch, _runs(house, site).revision
    )
    return made


def _of_both(house: Committee) -> Reader:
    held = (Held(Role.OWNER), Held(Role.OFFICER))
    return Reader("p-owner", "Person owner", held, fresh_until=house.person("owner").fresh_until)


@pytest.mark.parametrize("mode", ["live", "pilot", "silent"])
def test_a_paused_site_is_not_ended_and_set_going_again_by_its_owner(house: Committee, mode: str) -> None:
    _edited(house, mode="paused")
    assert _edited(house, mode="ended").accepted_at is None

    with pytest.raises(BadField, match="it was ended here: put it down as paused"):
        _edited(house, mode=mode)


def test_an_ended_site_comes_back_as_a_paused_one_does(house: Committee) -> None:
    _edited(house, mode="ended")
    _edited(house, mode="paused")
    _accepted(house)

    with pytest.raises(NotYours):
        _moved(house, Stage.LIVE, _of_both(house))
    _moved(house, Stage.LIVE)
    assert _modes(house) == [Mode.LIVE, Mode.LIVE]


@pytest.mark.parametrize("with_it", [{"version": NEXT}, {"clinician": "p-safe"}])
def test_one_edit_sets_nothing_live_on_an_acceptance_that_it_ends(house: Committee, with_it: dict[str, str]) -> None:
    _edited(house, mode="silent")

    with pytest.raises(BadField, match=r"not about version 2|not accepted it here since"):
        _edited(house, mode="live", **with_it)


def test_an_accepted_version_that_nobody_decided_on_is_not_set_live_by_an_edit(house: Committee) -> None:
    _edited(house, mode="silent", version=NEXT)
    _accepted(house)

    with pytest.raises(BadField, match=r"its decision is not about version 2\.0.*: run the version"):
        _edited(house, mode="live")
    _edited(house, version="sepsis-120")
    _accepted(house)
    assert _edited(house, mode="live").mode is Mode.LIVE


@pytest.mark.parametrize("to", [Stage.PILOT, Stage.SILENT])
def test_less_of_a_use_is_less_at_each_of_its_sites(house: Committee, to: Stage) -> None:
    _edited(house, mode="paused")
    _moved(house, to, _of_both(house), "carefully")
    assert _modes(house) == [Mode.PAUSED, Mode(to.value)]


def test_a_silent_site_stays_silent_where_the_use_goes_back_to_its_pilot(house: Committee) -> None:
    _edited(house, mode="silent")
    _moved(house, Stage.PILOT, reason="carefully")
    assert _modes(house) == [Mode.SILENT, Mode.PILOT]


def test_a_right_taken_in_an_emergency_edits_no_use(house: Committee) -> None:
    lent = Reader("p-idle", "Person idle", (Held(Role.REVIEWER), Held(Role.OFFICER, lent=True)))
    with pytest.raises(NotAllowed):
        records.change(house.house, lent, "use", "ward", {"owner": "p-idle"}, _use(house).revision)


def test_a_rejection_that_names_one_site_stops_that_site_and_no_other(house: Committee) -> None:
    _decided(house, CaseOutcome.REJECTED, Choice.REJECT, sites=["north"])
    day = house.clock().date().isoformat()

    with house.house.database.reading() as connection:
        assert [one.site for one in uncovered_of(connection, "ward", day)] == ["north"]
        (said,) = governance.every(connection, "pause_proposal")
    assert said.because == "the committee rejected it on 2026-11-01, and it runs at [site:north]"
    assert _use(house).decision is Decision.APPROVED
    _edited(house, mode="ended")
    assert propose(house.house) == (0, 1)
    assert _modes(house) == [Mode.ENDED, Mode.LIVE]


def test_a_rejection_of_a_site_where_it_does_not_run_proposes_no_pause_of_what_runs_elsewhere(house: Committee) -> None:
    with house.house.database.changing(SYSTEM) as change:
        SITES.add(change, SiteFields(name="East", level="hospital"), "east")
    house.clock.forward(days=400)  # what let it run at North and South has run out
    _decided(house, CaseOutcome.REJECTED, Choice.REJECT, sites=["east"])

    with house.house.database.reading() as connection:
        assert governance.every(connection, "pause_proposal") == []
    assert _modes(house) == [Mode.LIVE, Mode.LIVE]


def test_a_rejection_that_names_every_site_where_it_runs_stops_it(house: Committee) -> None:
    _decided(house, CaseOutcome.REJECTED, Choice.REJECT)

    with house.house.database.reading() as connection:
        (said,) = governance.every(connection, "pause_proposal")
    assert said.because == "the committee rejected it on 2026-11-01, and it is live at [site:north] and [site:south]"
    assert _use(house).decision is Decision.REJECTED


def test_a_change_is_signed_for_no_longer_than_the_decision_that_it_changes(house: Committee) -> None:
    _decided(house, until="2026-11-20")
    house.evidence(subject="9" * 64, version="2.0")

    with pytest.raises(BadField, match="no longer than the decision that it changes, which ends on 2026-11-20"):
        _decided(house, policy=CHANGE, version=NEXT, until="2026-11-21")
    case = next(one for one in _cases(house) if one.state is CaseState.VOTING)
    chair = house.person("chair")
    done = decide(house.house, chair, case.id, case.revision, CaseOutcome.APPROVED, "as voted")
    assert done.expires_on == "2026-11-20"
    filed = house.house.store.recall(str(done.decision)).predicate
    assert isinstance(filed, DecisionPredicate)
    assert str(filed.expires_at).startswith("2026-11-20T00:00:00")


def test_no_change_is_gone_back_to_once_what_it_changed_has_ended(house: Committee) -> None:
    _decided(house, until="2026-11-20")
    house.evidence(subject="9" * 64, version="2.0")
    _decided(house, policy=CHANGE, version=NEXT)
    change = next(one for one in _cases(house) if one.version == NEXT)
    with house.house.database.changing(SYSTEM) as edit:  # as one was signed before it ended with what it changed
        governance.CASES.change(edit, change.id, {"expires_on": "2027-10-01"}, None)

    def back(day: str) -> list[str]:
        with house.house.database.reading() as connection:
            return approved(connection, _use(house), day)

    assert back("2026-11-19") == [NEXT, "sepsis-120"]
    assert back("2026-11-20") == ["sepsis-120"]  # by the decision before, which stands for a year


def test_a_change_does_not_come_back_to_life_under_another_decision(house: Committee) -> None:
    house.clock.forward(days=1)
    _decided(house, until="2026-11-20", policy=POLICY)
    house.evidence(subject="9" * 64, version="2.0")
    _decided(house, policy=CHANGE, version=NEXT)
    _edited(house, version=NEXT)
    assert _bare(house) == []
    house.clock.forward(days=60)
    assert _bare(house) == ["north"]

    house.evidence()
    _decided(house)
    assert _bare(house) == ["north"]
    change_round(house.house)
    _edited(house, mode="silent")
    _accepted(house)
    with pytest.raises(BadField, match="not about version 2"):
        _edited(house, mode="live")


def _bare(house: Committee) -> list[str]:
    with house.house.database.reading() as connection:
        return [one.site for one in uncovered_of(connection, "ward", house.clock().date().isoformat())]


def test_no_version_is_gone_back_to_that_was_decided_before_the_use_was_retired(house: Committee) -> None:
    paper = {"about_kind": "use", "about": "ward", "type": "hazard-check", "title": "x", "digest": "1" * 64}
    with house.house.database.changing(SYSTEM) as change:
        DOCUMENTS.add(change, DOCUMENTS.validated({**paper, "size": 3, "media_type": "text/plain"}))
    day = house.clock().date().isoformat()
    with house.house.database.reading() as connection:
        assert approved(connection, _use(house), day) == ["sepsis-120"]
    _decided(house, CaseOutcome.RETIRED, policy=RETIRE, leads_to=Stage.RETIRED)
    with house.house.database.reading() as connection:
        assert approved(connection, _use(house), day) == []


def _set(house: Committee, **fields: object) -> None:
    with house.house.database.changing(SYSTEM) as change:
        USES.change(change, "ward", fields, None)


def _reopened(house: Committee, changed: Changed) -> list[str]:
    change_round(house.house)
    with house.house.database.reading() as connection:
        every = governance.every(connection, "reopening")
    return [one.because for one in every if one.changed is changed and one.state is ReopeningState.OPEN]


def test_a_tier_that_rose_is_settled_by_a_decision_and_by_no_evidence(house: Committee) -> None:
    _set(house, tier="low")
    assert _reopened(house, Changed.TIER) == []
    _set(house, tier="medium")
    assert _reopened(house, Changed.TIER) == ["its tier rose from low to medium"]

    house.clock.forward(days=1)
    house.evidence()
    assert _reopened(house, Changed.TIER) == ["its tier rose from low to medium"]
    _decided(house, policy=CHANGE)
    assert _reopened(house, Changed.TIER) == ["its tier rose from low to medium"]
    _decided(house)
    assert _reopened(house, Changed.TIER) == []


def test_a_tier_that_fell_again_asks_for_nothing_more(house: Committee) -> None:
    _set(house, tier="low")
    _set(house, tier="medium")
    assert len(_reopened(house, Changed.TIER)) == 1
    _set(house, tier="low")
    assert _reopened(house, Changed.TIER) == []


@pytest.mark.parametrize("said", [{"autonomy": "orders by itself"}, {"users": "patients"}])
def test_what_a_use_is_said_to_be_first_after_its_decision_was_not_decided_on(
    house: Committee, said: dict[str, str]
) -> None:
    owner = house.person("owner")
    records.change(house.house, owner, "use", "ward", said, _use(house).revision)
    (because,) = _reopened(house, Changed.POPULATION)
    assert because.endswith("was said for the first time")


def test_evidence_whose_key_was_revoked_holds_no_decision_until_other_evidence_does(house: Committee) -> None:
    key = next(one for one in list_keys(house.house, house.officer) if one.name == "pipeline")
    revoke_key(house.house, house.officer, key.id, since="2026-01-01T00:00:00Z")
    assert _reopened(house, Changed.EVIDENCE) == ["the key that signed what it rests on was revoked"]
    assert _reopened(house, Changed.EVIDENCE) == ["the key that signed what it rests on was revoked"]

    house.evidence(key=house.registered("another pipeline"))
    assert _reopened(house, Changed.EVIDENCE) == []


def test_newer_evidence_that_fails_reopens_what_was_decided_on_older(house: Committee) -> None:
    for _ in range(2):  # it passes between, and fails again
        house.clock.forward(days=10)
        house.evidence(auroc(0.55, 0.50, 0.60))
        (because,) = _reopened(house, Changed.EVIDENCE)
        assert because.startswith("newer evidence does not meet it: AUROC is 0.55")
        house.clock.forward(days=1)
        house.evidence()
        assert _reopened(house, Changed.EVIDENCE) == []


def test_evidence_about_a_version_that_no_patient_meets_yet_reopens_nothing(house: Committee) -> None:
    _edited(house, "south", mode="silent", version=NEXT)
    house.clock.forward(days=1)
    house.evidence(auroc(0.55, 0.50, 0.60), subject="9" * 64, version="2.0")
    assert _reopened(house, Changed.EVIDENCE) == []


def test_no_edit_and_no_move_takes_another_site_live_over_open_harm(house: Committee) -> None:
    _edited(house, "south", mode="silent")
    said = Said(category=ConcernCategory.MISSED, severity=ConcernSeverity.SERIOUS, words="it harms")
    raise_concern(house.house, said, Place("ward", "south"))

    for mode in ("pilot", "live"):
        with pytest.raises(BadField, match="a concern about harm is open"):
            _edited(house, "south", mode=mode)
    with pytest.raises(CannotMove, match="a concern about harm is open"):
        _moved(house, Stage.LIVE)
    assert _edited(house, mode="pilot").mode is Mode.PILOT  # less is always done


def test_no_edit_takes_another_site_live_over_a_condition_that_lapsed(house: Committee) -> None:
    house.clock.forward(days=1)
    asked = {"sentence": "Train the ward", "owner": "p-owner", "due_on": "2026-11-20"}
    case = house.opened(quorum=3, sites=BOTH)
    house.seated(case)
    add_condition(house.house, house.person("chair"), case.id, asked)
    for name in ("clin", "stat", "safe"):
        cast(house.house, house.person(name), case.id, Choice.WITH_CONDITIONS, reason="once trained")
    chair = house.person("chair")
    now = docket(house.house, chair, case.id).case
    decide(house.house, chair, case.id, now.revision, CaseOutcome.CONDITIONAL, "as voted")
    house.clock.forward(hours=1)
    _accepted(house)
    _accepted(house, "south", "stat")
    _edited(house, "south", mode="silent")
    house.clock.forward(days=30)
    look(house.house)

    with pytest.raises(BadField, match="a condition of its decision has lapsed"):
        _edited(house, "south", mode="live")
    with pytest.raises(CannotMove, match="a condition of its decision has lapsed"):
        _moved(house, Stage.LIVE)
