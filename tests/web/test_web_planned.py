"""Planned sites on the pages: said of a use and in a proposal, offered to a case, set up after its decision."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import httpx
import pytest
from seen_pages import Pages, pages_of

sys.path.insert(0, str(Path(__file__).parents[1] / "flows"))
from committee import Committee, auroc, cast

from codman.flows.house import House
from codman.flows.review.cases import docket
from codman.flows.review.deciding import decide
from codman.registry.log import SYSTEM
from codman.registry.nouns import USES
from codman.spine.person import Role
from codman.spine.review import CaseOutcome, Choice
from codman.spine.site import Mode

HERE = "/uses/use-notes/planned"
PLAN = {"planned": ["site-a: silent", "site-a-icu: live", ""]}


def planned_of(house: House) -> dict[str, Mode]:
    with house.database.reading() as connection:
        return USES.get(connection, "use-notes").planned


def sent(page: str) -> dict[str, str]:
    found = re.search(r'name="revision" value="(\d+)"', page)
    assert found is not None
    return {"revision": found[1]}


@pytest.fixture
def officer(pages: Pages) -> httpx.Client:
    return pages(Role.OFFICER)


def test_a_use_names_its_planned_sites_on_a_page_of_their_own(house: House, officer: httpx.Client) -> None:
    page = officer.get(HERE).text
    assert "Hospital B" in page
    assert 'value="site-b: live"' not in page  # it runs there
    done = officer.post(HERE, data={**sent(page), **PLAN})
    assert done.headers["location"] == "/uses/use-notes#where"
    assert planned_of(house) == {"site-a": Mode.SILENT, "site-a-icu": Mode.LIVE}
    use = officer.get("/uses/use-notes").text
    assert "Hospital A: meant to be silent, not decided yet" in use
    again = officer.get(HERE).text
    assert 'value="site-a: silent" selected' in again
    officer.post(HERE, data={**sent(again), "planned": ["", "site-a: pilot"]})
    assert planned_of(house) == {"site-a": Mode.PILOT}


def test_a_plan_that_cannot_be_kept_is_shown_again_as_it_was_sent(officer: httpx.Client) -> None:
    page = officer.get(HERE).text
    refused = officer.post(HERE, data={**sent(page), "planned": ["site-b: live", "site-a: live"]})
    assert refused.status_code == 422
    assert "it has a deployment at site-b already" in refused.text.lower()
    assert 'value="site-a: live" selected' in refused.text
    assert officer.post(HERE, data={"revision": "9", **PLAN}).status_code == 412


def test_a_planned_site_is_named_only_to_who_sees_it(house: House, officer: httpx.Client, pages: Pages) -> None:
    officer.post(HERE, data={**sent(officer.get(HERE).text), **PLAN})
    part = pages(Role.OWNER, "/site-house/site-b/")
    page = part.get("/uses/use-notes").text
    assert "Hospital A" not in page
    assert "site-a" not in page
    part.post(HERE, data=sent(part.get(HERE).text))
    assert planned_of(house) == {"site-a": Mode.SILENT, "site-a-icu": Mode.LIVE}


def test_a_proposal_says_where_it_is_to_run_and_how(officer: httpx.Client) -> None:
    there = officer.post("/intakes").headers["location"]
    intake = there.partition("/pages/")[0]
    page = officer.get(f"{intake}/pages/place").text if "/pages/place" in there else _page_with_sites(officer, intake)
    assert "At which sites is it to run, and how?" in page
    action = re.search(r'action="(/intakes/[^"]+/pages/[^"]+)"', page)
    assert action is not None
    officer.post(action[1], data={**sent(page), "planned": ["", "site-a: silent", "site-a-icu: pilot"], "go": "leave"})
    overview = officer.get(intake).text
    assert "Hospital A: silent; Hospital A, intensive care: pilot" in overview


def _page_with_sites(officer: httpx.Client, intake: str) -> str:
    for href in re.findall(rf'href="({intake}/pages/[^"#]+)"', officer.get(intake).text):
        page = officer.get(href).text
        if 'value="site-a: silent"' in page:
            return page
    raise AssertionError("no page asks for sites")


@pytest.fixture
def committee(tmp_path: Path) -> Committee:
    made = Committee(tmp_path)
    made.evidence(auroc(0.83, 0.81, 0.85))
    with made.house.database.changing(SYSTEM) as change:
        USES.change(change, "ward", {"planned": {"north": "live", "south": "silent"}}, None)
    return made


def test_a_case_offers_the_planned_sites_and_its_page_says_how_they_are_meant(committee: Committee) -> None:
    owner = pages_of(committee.house, committee.person("owner"))
    form = owner.get("/reviews/new?use=ward&checkpoint=go-live").text
    assert "North (planned: live)" in form
    assert "South (planned: silent)" in form
    case = committee.opened(sites=[])
    page = owner.get(f"/reviews/{case.id}").text
    assert "not yet; planned: live" in page
    assert f"/reviews/{case.id}/planned" in page
    edit = owner.get(f"/reviews/{case.id}/planned").text
    done = owner.post(f"/reviews/{case.id}/planned", data={**sent(edit), "planned": ["north: pilot", ""]})
    assert done.headers["location"] == f"/reviews/{case.id}#sites"
    now = docket(committee.house, committee.person("chair"), case.id).case
    assert (now.sites, now.planned) == (["north"], {"north": Mode.PILOT})


def test_after_the_decision_the_form_begins_with_what_was_granted(committee: Committee) -> None:
    house, case = committee.house, committee.opened(sites=[])
    owner = pages_of(house, committee.person("owner"))
    before = owner.get("/uses/ward/sites/new").text
    assert "planned: live, not decided yet" in before
    assert "checked" not in before
    committee.seated(case)
    for name in ("clin", "stat", "safe"):
        cast(house, committee.person(name), case.id, Choice.APPROVE, reason="as shown")
    chair = committee.person("chair")
    revision = docket(house, chair, case.id).case.revision
    decide(house, chair, case.id, revision, CaseOutcome.APPROVED, "as voted, and for no other reason")

    assert "not set up there yet: North (live), South (silent)" in owner.get("/").text
    first = owner.get("/uses/ward/sites/new").text
    assert "2 planned sites were decided" in first
    assert "planned: live, decided: live" in first
    assert all(re.search(rf'value="{site}" checked', first) for site in ("north", "south"))
    assert '<option value="silent" selected>' in first  # no site begins as more: its clinician has not accepted it yet
    assert '<option value="sepsis-120" selected>' in first
    refused = owner.post("/uses/ward/sites/new", data={"site": ["north"], "mode": "live", "version": "sepsis-120"})
    assert refused.status_code == 422
    owner.post("/uses/ward/sites/new", data={"site": ["south"], "mode": "silent", "version": "sepsis-120"})
    assert "not set up there yet: North (live)" in owner.get("/").text


def test_the_page_of_a_case_without_a_site_says_so_until_one_is_planned(tmp_path: Path) -> None:
    made = Committee(tmp_path)
    case = made.opened(sites=[])
    owner, there = pages_of(made.house, made.person("owner")), f"/reviews/{case.id}"
    said = "It names no site and none is planned: name where it is to run before it can be granted."
    assert said in owner.get(there).text
    planned = owner.post(
        f"{there}/planned", data={**sent(owner.get(f"{there}/planned").text), "planned": ["north: live"]}
    )
    assert planned.status_code == 303
    assert said not in owner.get(there).text
    made.house.close()
