"""Attacks on votes: one against that an edit takes away, a use that becomes another, a version nobody was shown."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[1] / "flows"))

from committee import POLICY, Committee, cast

from codman.flows import records
from codman.flows.change_control import change_round
from codman.flows.review.cases import docket
from codman.flows.review.deciding import CannotDecide, decide
from codman.flows.review.meant import MoreIsAsked
from codman.flows.review.seats import name_reviewer, state_interest
from codman.flows.review.voting import CaseChanged, count, table, verdict_of
from codman.registry import governance
from codman.registry.access import Held, Reader
from codman.registry.fixed_fields import FixedField
from codman.registry.log import SYSTEM
from codman.registry.nouns import DEPLOYMENTS, PRODUCTS, USES, VERSIONS
from codman.registry.records import BadField
from codman.registry.schema_review import reopenings
from codman.review.votes import Tally
from codman.spine.person import Role
from codman.spine.product import ProductFields, VersionFields
from codman.spine.review import Case, CaseOutcome, Choice, Conflict
from codman.spine.site import DeploymentFields, Mode
from codman.spine.use import Decision, DecisionRole, Stage

NEXT = "sepsis-200"
CHANGE = POLICY.replace(b"go-live-high", b"chg").replace(b"point: go-live", b"point: change").replace(b".75", b".5")
OFFICER = Reader("p-two", "Officer two", (Held(Role.OFFICER),))


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Committee]:
    """A house whose use waits for its decision, with a version 1.2.0 that runs silently at North, and a 2.0."""
    made = Committee(tmp_path)
    with made.house.database.changing(SYSTEM) as change:
        said = {"tier": "high", "downtime_procedure": "by hand", "owner": "p-owner", "purpose": "Shows a risk"}
        USES.change(change, "ward", {**said, "decision_role": "informs", "users": "nurses"}, None)
        VERSIONS.add(change, VersionFields(product="sepsis", label="2.0", digest="9" * 64), NEXT)
    _deployed(made, "north")
    made.evidence()
    yield made
    made.house.close()


def _deployed(house: Committee, site: str, version: str = "sepsis-120") -> None:
    runs = DeploymentFields(use="ward", site=site, version=version, mode=Mode.SILENT, clinician="p-clin")
    with house.house.database.changing(SYSTEM) as change:
        DEPLOYMENTS.add(change, runs, f"d-{site}")


def _edited(house: Committee, noun: str, name: str, /, **patch: object) -> None:
    owner = house.person("owner")
    records.change(house.house, owner, noun, name, patch, records.get(house.house, owner, noun, name).revision)


def _seat(house: Committee, case: Case, reader: Reader, discipline: str) -> None:
    name_reviewer(house.house, house.person("chair"), case.id, reader.person, discipline)
    state_interest(house.house, reader, case.id, Conflict.NONE)


def _divided(house: Committee) -> Case:
    """A case on which three vote for it and three against, one of whom put a version of the product into the book."""
    case = house.opened(quorum=3)
    house.seated(case)
    _seat(house, case, OFFICER, "equity")
    for name in ("clin", "stat"):
        cast(house.house, house.person(name), case.id, Choice.APPROVE)
    cast(house.house, house.person("safe"), case.id, Choice.APPROVE)
    cast(house.house, house.person("legal"), case.id, Choice.REJECT, reason="it harms")
    cast(house.house, OFFICER, case.id, Choice.REJECT, reason="it harms")
    return case


def _tally(house: Committee, case: Case) -> Tally:
    found = docket(house.house, house.person("chair"), case.id)
    with house.house.database.reading() as connection:
        return count(found, verdict_of(house.house, connection, found))


def _closed(house: Committee, case: Case, on: str | None = None) -> Case:
    now = docket(house.house, house.person("chair"), case.id).case
    return decide(house.house, house.person("chair"), case.id, now.revision, CaseOutcome.APPROVED, "as voted", on=on)


def _reopened(house: Committee) -> list[str]:
    with house.house.database.reading() as connection:
        return [row.because for row in connection.execute(reopenings.select())]


def test_the_owner_makes_no_owner_of_a_reviewer_to_take_their_vote(house: Committee) -> None:
    case = _divided(house)

    with pytest.raises(FixedField, match="review an open case"):
        _edited(house, "use", "ward", owner="p-legal")
    revision = records.get(house.house, OFFICER, "use", "ward").revision
    records.change(house.house, OFFICER, "use", "ward", {"owner": "p-idle"}, revision)  # who reviews nothing

    assert _tally(house, case).counts == {Choice.APPROVE: 3, Choice.REJECT: 2}


@pytest.fixture
def bought(house: Committee) -> Committee:
    """The same, whose product is bought, with a version that p-two put into the book."""
    with house.house.database.changing(SYSTEM) as change:
        PRODUCTS.change(change, "sepsis", {"kind": "bought"}, None)
    records.create(house.house, house.second, "version", {"product": "sepsis", "label": "0.9", "digest": "7" * 64})
    return house


def _called_built(house: Committee) -> None:
    """Make p-two one of those who built it, and leave the product as it was."""
    for kind in ("built", "bought"):
        _edited(house, "product", "sepsis", kind=kind)


def test_a_vote_against_stays_though_its_voter_is_made_one_of_those_who_built_it(bought: Committee) -> None:
    case = bought.opened(quorum=3)
    bought.seated(case, "clin", "stat", "safe")
    _seat(bought, case, OFFICER, "equity")
    for name in ("clin", "stat"):
        cast(bought.house, bought.person(name), case.id, Choice.APPROVE)
    cast(bought.house, bought.person("safe"), case.id, Choice.REJECT, reason="it harms")
    cast(bought.house, OFFICER, case.id, Choice.REJECT, reason="it harms")

    _called_built(bought)

    found = _tally(bought, case)
    assert found.counts == {Choice.APPROVE: 2, Choice.REJECT: 2}
    assert (found.cast, len(found.held), found.voters) == (3, 1, frozenset({"p-clin", "p-stat", "p-safe"}))
    with pytest.raises(CannotDecide, match="divided; one against is of people who may vote no more"):
        _closed(bought, case)


def test_a_vote_against_stays_though_what_is_voted_on_was_changed_before_its_voter_was_taken_out(
    bought: Committee,
) -> None:
    case = bought.opened(quorum=3)
    bought.seated(case, "clin", "stat", "safe")
    _seat(bought, case, OFFICER, "equity")
    cast(bought.house, OFFICER, case.id, Choice.REJECT, reason="it harms")
    _edited(bought, "use", "ward", population="Adults on a ward")
    _called_built(bought)
    cast(bought.house, bought.person("clin"), case.id, Choice.APPROVE)

    assert _tally(bought, case).counts == {Choice.APPROVE: 1, Choice.REJECT: 1}


def test_a_vote_for_it_drops_out_when_its_voter_comes_to_have_a_hand_in_it(bought: Committee) -> None:
    case = bought.opened(quorum=3)
    bought.seated(case, "clin", "stat")
    _seat(bought, case, OFFICER, "safety")
    for reader in (bought.person("clin"), bought.person("stat"), OFFICER):
        cast(bought.house, reader, case.id, Choice.APPROVE)

    _called_built(bought)

    found = _tally(bought, case)
    assert (found.counts, found.held) == ({Choice.APPROVE: 2}, frozenset())
    with pytest.raises(CannotDecide, match="1 more vote"):
        _closed(bought, case)


def test_somebody_of_that_discipline_named_since_is_heard_in_the_place_of_who_may_vote_no_more(
    bought: Committee,
) -> None:
    case = bought.opened(quorum=3)
    bought.seated(case, "clin", "stat", "safe")
    _seat(bought, case, OFFICER, "equity")
    for name in ("clin", "stat"):
        cast(bought.house, bought.person(name), case.id, Choice.APPROVE)
    cast(bought.house, bought.person("safe"), case.id, Choice.DEFER, reason="not yet")
    cast(bought.house, OFFICER, case.id, Choice.REJECT, reason="it harms")
    _called_built(bought)
    bought.clock.forward(minutes=1)

    _seat(bought, case, bought.person("idle"), "equity")
    assert _tally(bought, case).counts[Choice.REJECT] == 1  # named, and not heard yet
    cast(bought.house, bought.person("idle"), case.id, Choice.APPROVE)

    assert _tally(bought, case).counts == {Choice.APPROVE: 3, Choice.DEFER: 1}
    assert _closed(bought, case).outcome is CaseOutcome.APPROVED


ANOTHER = [
    ("purpose", "Orders antibiotics by itself"),
    ("decision_role", DecisionRole.REPLACES.value),
    ("users", "patients"),
    ("autonomy", "acts without a person"),
    ("alert_destination", "nobody"),
]


@pytest.mark.parametrize(("field", "value"), ANOTHER)
def test_a_use_that_is_made_another_after_the_votes_is_voted_on_anew(house: Committee, field: str, value: str) -> None:
    case = house.opened(quorum=3)
    house.seated(case)
    for name in ("clin", "stat", "safe"):
        cast(house.house, house.person(name), case.id, Choice.APPROVE)
    seen = table(house.house, house.person("chair"), case.id)

    _edited(house, "use", "ward", **{field: value})

    with pytest.raises(CaseChanged):
        _closed(house, case, on=seen)
    with pytest.raises(CannotDecide, match="cast before what was voted on changed"):
        _closed(house, case)


def test_a_use_that_is_made_another_after_its_decision_is_shown_anew(house: Committee) -> None:
    case = house.opened(quorum=3)
    house.seated(case)
    for name in ("clin", "stat", "safe"):
        cast(house.house, house.person(name), case.id, Choice.APPROVE)
    _closed(house, case)
    change_round(house.house)

    _edited(house, "use", "ward", purpose="Discharges patients by itself", autonomy="all of it")
    change_round(house.house)

    assert _reopened(house) == ["what it is for was edited"]  # its autonomy was said for the first time


def test_a_use_stays_with_its_product_once_a_case_was_opened(house: Committee) -> None:
    with house.house.database.changing(SYSTEM) as change:
        PRODUCTS.add(change, ProductFields(name="Prescribing agent"), "agent")
        USES.add(change, USES.validated({"product": "sepsis", "name": "Another ward"}), "elsewhere")
    house.opened(use="elsewhere", leads_to=Stage.IN_REVIEW, sites=[], version=None)

    with pytest.raises(FixedField, match="a case was opened"):
        _edited(house, "use", "elsewhere", product="agent")


def test_a_case_names_its_version_where_several_are_to_run(house: Committee) -> None:
    _deployed(house, "south", NEXT)

    with pytest.raises(BadField, match="2 versions are at its sites"):
        house.opened(quorum=3, version=None, sites=["north", "south"])

    assert house.opened(quorum=3, version=None, sites=["south"]).version == NEXT


def test_a_case_of_no_version_is_not_granted_once_two_are_to_run(house: Committee) -> None:
    _deployed(house, "south")
    with house.house.database.changing(SYSTEM) as change:
        for name in ("d-north", "d-south"):
            DEPLOYMENTS.change(change, name, {"version": None}, None)
    case = house.opened(quorum=3, version=None, sites=["north", "south"])
    house.seated(case)
    with house.house.database.changing(SYSTEM) as change:
        DEPLOYMENTS.change(change, "d-north", {"version": "sepsis-120"}, None)
        DEPLOYMENTS.change(change, "d-south", {"version": NEXT}, None)
    for name in ("clin", "stat", "safe"):
        cast(house.house, house.person(name), case.id, Choice.APPROVE)

    with pytest.raises(CannotDecide, match="2 versions are at its sites"):
        _closed(house, case)


def test_a_change_opened_before_what_it_changes_was_decided_is_opened_anew(house: Committee) -> None:
    with house.house.database.changing(SYSTEM) as change:
        USES.change(change, "ward", {"stage": Stage.LIVE.value, "decision": Decision.LEGACY.value}, None)
    early = house.opened(quorum=3, policy=CHANGE, version=NEXT)
    house.seated(early)
    decided = house.opened(quorum=3)
    house.seated(decided)
    for name in ("clin", "stat", "safe"):
        cast(house.house, house.person(name), decided.id, Choice.APPROVE)
    _closed(house, decided)

    with pytest.raises(MoreIsAsked):
        cast(house.house, house.person("clin"), early.id, Choice.APPROVE)

    with house.house.database.changing(SYSTEM) as change:
        governance.CASES.change(change, early.id, {"state": "withdrawn"}, None)
    anew = house.opened(quorum=3, policy=CHANGE, version=NEXT)
    house.seated(anew)
    cast(house.house, house.person("clin"), anew.id, Choice.APPROVE)  # it asks what go-live asked, and is voted on


def test_a_change_of_what_no_decision_lets_run_is_not_granted(house: Committee) -> None:
    with house.house.database.changing(SYSTEM) as change:
        USES.change(change, "ward", {"stage": Stage.LIVE.value, "decision": Decision.LEGACY.value}, None)
    case = house.opened(quorum=3, policy=CHANGE)
    house.seated(case)
    for name in ("clin", "stat", "safe"):
        cast(house.house, house.person(name), case.id, Choice.APPROVE)

    with pytest.raises(CannotDecide, match="nothing that it would change"):
        _closed(house, case)


def test_a_case_that_names_no_site_lets_nothing_run_at_every_site_to_come(house: Committee) -> None:
    with house.house.database.changing(SYSTEM) as change:
        DEPLOYMENTS.change(change, "d-north", {"mode": "ended"}, None)
    case = house.opened(quorum=3, sites=[])
    house.seated(case)
    for name in ("clin", "stat", "safe"):
        cast(house.house, house.person(name), case.id, Choice.APPROVE)

    with pytest.raises(CannotDecide, match="names no site"):
        _closed(house, case)
