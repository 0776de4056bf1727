"""Forms that say how a use runs at its sites offer the modes that would be taken, and say why the others are not."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "flows"))
from committee import Committee
from seen_pages import pages_of

from codman.registry.log import SYSTEM
from codman.registry.nouns import DEPLOYMENTS, USES
from codman.spine.site import DeploymentFields

FORMS = ("/deployments/new?use=ward", "/deployments/d-north/edit", "/uses/ward/sites/new", "/uses/ward/sites")


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Committee]:
    """A use that runs silently at one of its sites; nothing of it has come before a committee."""
    made = Committee(tmp_path)
    with made.house.database.changing(SYSTEM) as change:
        USES.change(change, "ward", {"stage": "silent", "owner": "p-owner", "decision": "undecided (legacy)"}, None)
        runs = DeploymentFields(use="ward", site="north", version="sepsis-120", mode="silent", clinician="p-clin")
        DEPLOYMENTS.add(change, runs, "d-north")
    yield made
    made.house.close()


def offered(house: Committee, path: str) -> tuple[set[str], str]:
    """The modes that a form offers, and the form as text."""
    page = pages_of(house.house, house.officer).get(path).text
    choice = re.search(r'<select[^>]*name="mode".*?</select>', page, re.DOTALL)
    assert choice is not None
    values = {value for value in re.findall(r'<option value="([^"]*)"', choice[0]) if value}
    return values, " ".join(re.sub(r"<[^>]+>", " ", page).split())


@pytest.mark.parametrize("path", FORMS)
def test_what_runs_and_nobody_decided_on_is_put_down_as_it_is(house: Committee, path: str) -> None:
    modes, _ = offered(house, path)
    assert {"silent", "pilot", "live", "paused"} <= modes


@pytest.mark.parametrize("path", FORMS)
def test_no_form_offers_more_than_where_a_use_stands_that_a_committee_has(house: Committee, path: str) -> None:
    house.opened()

    modes, said = offered(house, path)

    assert {"pilot", "live"} & modes == set()
    assert {"silent", "paused"} <= modes
    assert "Not pilot or live: the use is silent: its sites follow when it is moved, from its own page" in said


def test_a_site_that_was_paused_is_offered_nothing_that_sets_it_going(house: Committee) -> None:
    house.opened()
    with house.house.database.changing(SYSTEM) as change:
        DEPLOYMENTS.change(change, "d-north", {"mode": "paused"}, None)

    modes, said = offered(house, "/deployments/d-north/edit")

    assert modes == {"paused", "ended"}
    assert "Not silent: it was paused here" in said
