"""A use that several hospitals share shows each of them its own sites, on the page as over the API."""

from __future__ import annotations

import json

import pytest
from fastapi.testclient import TestClient
from seen_pages import Pages

from codman.api.app import make_api
from codman.flows.house import House
from codman.registry.accounts_tokens import issue
from codman.registry.inventory import Question, search
from codman.registry.log import SYSTEM
from codman.registry.nouns import DEPLOYMENTS, GRANTS
from codman.spine.person import Role

PATH = "/site-house/site-a/"


@pytest.fixture
def shared(house: House) -> House:
    """Sepsis early warning also runs at Hospital B, with a note of theirs in the log."""
    with house.database.changing(SYSTEM, "a reason of Hospital B") as change:
        run = {"use": "use-sepsis", "site": "site-b", "mode": "pilot", "clinician": "person-chair"}
        DEPLOYMENTS.add(change, DEPLOYMENTS.validated(run), "run-at-b")
    return house


@pytest.mark.usefixtures("shared")
def test_the_page_of_a_shared_use_names_no_site_out_of_reach(pages: Pages) -> None:
    whole = pages(Role.OFFICER).get("/uses/use-sepsis").text
    part = pages(Role.OWNER, PATH).get("/uses/use-sepsis").text

    assert "Hospital B" in whole
    assert "a reason of Hospital B" in whole
    assert "Hospital A, intensive care" in part
    assert "Hospital B" not in part
    assert "run-at-b" not in part


def test_the_api_and_the_inventory_tell_a_part_of_the_house_the_same(shared: House, pages: Pages) -> None:
    with shared.database.changing(SYSTEM) as change:
        GRANTS.remove(change, "grant-owner", None)
        GRANTS.add(change, GRANTS.validated({"person": "person-owner", "role": "owner", "site": "site-a"}), "grant-a")
        token = issue(change, "person-owner", ["*"], shared.database.clock(), days=1, name="t").secret

    where = "/api/v1/uses/use-sepsis/deployments"
    runs = TestClient(make_api(shared)).get(where, headers={"Authorization": f"Bearer {token}"})
    assert runs.status_code == 200
    assert {run["site"] for run in runs.json()["items"]} == {"site-a", "site-a-icu"}
    assert "Hospital B" not in pages(Role.OWNER, PATH).get("/inventory").text
    exported = pages(Role.OWNER, PATH).get("/inventory/export.json").text
    assert "use-sepsis" in exported
    assert "Hospital B" not in json.dumps(exported)
    with shared.database.reading() as connection:
        asked = Question(where={"at": ["site-b"]})
        assert search(connection, asked, (PATH,)).total == 0
        assert search(connection, asked, ("/",)).total > 0
