"""The words for a decision: where it covers only some of what runs, and where it was brought in without its case."""

from __future__ import annotations

import pytest
from seen_pages import Pages

from codman.flows.house import House
from codman.registry.governance import CASES
from codman.registry.log import SYSTEM
from codman.spine.person import Role


@pytest.fixture
def decided_for_one(house: House) -> None:
    """The sepsis warning runs at Hospital A and in its intensive care; a case decided on Hospital A alone."""
    case = {
        "use": "use-sepsis", "checkpoint": "go-live", "procedure": "full", "state": "decided", "leads_to": "live",
        "version": "version-3-1", "sites": ["site-a"], "policy": "p", "edition": "1", "policy_digest": "a" * 64,
        "proposed_by": "person-owner", "quorum": 3, "disciplines": [], "outcome": "approved",
        "decided_at": "2026-11-10T09:00:00Z", "expires_on": "2027-06-01",
    }  # fmt: skip
    with house.database.changing(SYSTEM) as change:
        CASES.add(change, CASES.validated(case), "case-live")


BEFORE = "Approved, brought in from before, without its case: no requirements, votes or minutes of it are here"


def test_a_decision_without_a_case_is_said_to_be_brought_in_from_before(pages: Pages) -> None:
    assert BEFORE in pages(Role.OWNER).get("/uses/use-sepsis").text
    assert "brought in from before" not in pages(Role.OWNER).get("/uses/use-chest").text  # nobody decided about it


@pytest.mark.usefixtures("decided_for_one")
def test_a_decision_with_its_case_leads_to_it_and_is_not_brought_in(pages: Pages) -> None:
    text = pages(Role.OWNER).get("/uses/use-sepsis").text
    assert "brought in from before" not in text
    assert '<a href="/reviews/case-live">Approved at the go-live checkpoint, up to live</a>' in text


@pytest.mark.usefixtures("decided_for_one")
@pytest.mark.parametrize("page", ["/", "/inventory?q=sepsis", "/uses/use-sepsis", "/products/product-sepsis"])
def test_a_use_approved_at_one_of_its_two_sites_is_not_called_approved_without_more(pages: Pages, page: str) -> None:
    assert "Approved, not for all that runs" in pages(Role.OWNER).get(page).text


@pytest.mark.parametrize("page", ["/", "/inventory?q=sepsis", "/uses/use-sepsis", "/products/product-sepsis"])
def test_a_use_approved_at_all_of_its_sites_is_called_approved(pages: Pages, page: str) -> None:
    text = pages(Role.OWNER).get(page).text
    assert "Approved" in text
    assert "not for all that runs" not in text
