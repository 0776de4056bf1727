"""What binds every site of a use is decided by who holds the role at all of them; who had it once decides nothing."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))
from committee import Committee

from codman.flows.review.before_the_decision import add_condition
from codman.flows.review.deciding import CannotDecide, decide
from codman.flows.review.staging import move
from codman.registry.access import NotAllowed
from codman.registry.inventory import paths_of
from codman.registry.log import SYSTEM
from codman.registry.nouns import DEPLOYMENTS, GRANTS, PEOPLE, USES
from codman.registry.records import BadField
from codman.spine.person import GrantFields, PersonFields, Role
from codman.spine.review import CaseOutcome
from codman.spine.site import DeploymentFields
from codman.spine.use import Stage

ASKED = {"sentence": "Show it again", "owner": "p-owner", "due_on": "2027-02-01"}


@pytest.fixture
def house(tmp_path, database_url):
    made = Committee(tmp_path, database_url)
    made.evidence()
    yield made
    made.house.close()


def runs(house: Committee, site: str, mode: str = "silent") -> None:
    with house.house.database.changing(SYSTEM) as change:
        fields = DeploymentFields(use="ward", site=site, version="sepsis-120", mode=mode)
        DEPLOYMENTS.add(change, fields, f"d-{site}")


def places(house: Committee, *named: str) -> list[str]:
    with house.house.database.reading() as connection:
        return paths_of(connection, USES.get(connection, "ward"), named)


def test_the_chair_of_a_site_where_a_use_once_ran_decides_nothing_about_it(house):
    runs(house, "north")
    runs(house, "south", "ended")
    case = house.opened(quorum=2)
    south = house.at("chair", "south")

    for step in (
        lambda: decide(house.house, south, case.id, case.revision, CaseOutcome.APPROVED, "fine by us"),
        lambda: add_condition(house.house, south, case.id, ASKED),
    ):
        with pytest.raises(NotAllowed, match="every site"):
            step()

    with pytest.raises(CannotDecide, match="vote"):  # theirs to close, once there are votes
        decide(house.house, house.at("chair", "north"), case.id, case.revision, CaseOutcome.APPROVED, "as voted")


def test_a_case_that_names_two_sites_is_closed_by_who_presides_over_both(house):
    runs(house, "north")
    runs(house, "south")
    case = house.opened(quorum=2, sites=["north", "south"])

    for site in ("north", "south"):
        with pytest.raises(NotAllowed, match="every site"):
            decide(house.house, house.at("chair", site), case.id, case.revision, CaseOutcome.APPROVED, "fine by us")
    with pytest.raises(NotAllowed, match="every site"):
        move(house.house, house.at("chair", "south"), "ward", Stage.SILENT, 3)

    with pytest.raises(CannotDecide, match="vote"):
        decide(house.house, house.person("chair"), case.id, case.revision, CaseOutcome.APPROVED, "as voted")


def test_a_use_belongs_to_the_sites_it_runs_at_or_those_that_a_case_names(house):
    runs(house, "north")
    runs(house, "south")
    assert places(house) == ["/north/", "/south/"]
    assert places(house, "north") == ["/north/"]


def test_what_runs_nowhere_any_more_stays_with_the_sites_where_it_ran(house):
    with house.house.database.changing(SYSTEM) as change:
        USES.change(change, "ward", {"site": None}, None)
    assert places(house) == ["/"]
    runs(house, "south", "ended")
    assert places(house) == ["/south/"]
    runs(house, "north")
    assert places(house) == ["/north/"]


def test_a_chair_of_one_site_is_not_named_for_a_case_that_names_two(house):
    with house.house.database.changing(SYSTEM) as change:
        PEOPLE.add(change, PersonFields(name="Chair of north"), "p-north-chair")
        GRANTS.add(change, GrantFields(person="p-north-chair", role=Role.CHAIR, site="north"))
    with pytest.raises(BadField, match="where this use belongs"):
        house.opened(quorum=2, sites=["north", "south"], chair="p-north-chair")
    assert house.opened(quorum=2, sites=["north"], chair="p-north-chair").chair == "p-north-chair"
