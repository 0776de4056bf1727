"""The word for a decision, where it covers only some of the sites at which its use runs."""

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


@pytest.mark.usefixtures("decided_for_one")
@pytest.mark.parametrize("page", ["/", "/inventory?q=sepsis", "/uses/use-sepsis", "/products/product-sepsis"])
def test_a_use_approved_at_one_of_its_two_sites_is_not_called_approved_without_more(pages: Pages, page: str) -> None:
    assert "Approved, not for all that runs" in pages(Role.OWNER).get(page).text


@pytest.mark.parametrize("page", ["/", "/inventory?q=sepsis", "/uses/use-sepsis", "/products/product-sepsis"])
def test_a_use_approved_at_all_of_its_sites_is_called_approved(pages: Pages, page: str) -> None:
    text = pages(Role.OWNER).get(page).text
    assert "Approved" in text
    assert "not for all that runs" not in text
