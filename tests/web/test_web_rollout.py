"""A use put at many sites by one form: all of them or none."""

from __future__ import annotations

import re

import httpx
import pytest
from seen_pages import Pages

from codman.flows.house import House
from codman.registry.related import deployments_of
from codman.spine.person import Role

HERE = "/uses/use-notes/sites/new"


@pytest.fixture
def officer(pages: Pages) -> httpx.Client:
    return pages(Role.OFFICER)


def sites_of(house: House) -> set[str]:
    with house.database.reading() as connection:
        return {one.site for one in deployments_of(connection, "use-notes")}


def test_a_use_is_put_at_the_chosen_sites_together(house: House, officer: httpx.Client) -> None:
    page = officer.get(HERE).text
    assert "It runs at 1 site; 3 more can be chosen" in page
    assert 'value="site-b"' not in page  # it runs there
    sent = officer.post(HERE, data={"site": ["site-a", "site-a-icu"], "mode": "silent", "since": "2026-11-20"})
    assert sent.headers["location"] == "/uses/use-notes#where"
    assert sites_of(house) == {"site-a", "site-a-icu", "site-b"}
    assert officer.post(HERE, data={"site": ["site-a"], "mode": "live"}).status_code == 303
    with house.database.reading() as connection:
        modes = {one.site: one.mode.value for one in deployments_of(connection, "use-notes")}
    assert modes["site-a"] == "silent"  # where it is, nothing changes


def test_what_is_missing_is_asked_for_and_what_was_chosen_stays_chosen(officer: httpx.Client) -> None:
    page = officer.post(HERE, data={"site": ["site-a"]})
    assert page.status_code == 422
    assert re.search(r'value="site-a" checked', page.text)
    assert officer.post(HERE, data={"mode": "live"}).status_code == 422


def test_a_site_that_is_not_there_or_not_theirs_puts_it_nowhere(
    house: House, officer: httpx.Client, pages: Pages
) -> None:
    assert officer.post(HERE, data={"site": ["site-a", "site-none"], "mode": "live"}).status_code == 422
    keeper = pages(Role.OWNER, "/site-house/site-b/")
    assert "not yours to decide for" in keeper.get(HERE).text
    assert keeper.post(HERE, data={"site": ["site-a"], "mode": "live"}).status_code in (403, 422)
    assert sites_of(house) == {"site-b"}


def test_the_clinicians_offered_are_those_who_accept_and_none_who_only_keeps_the_accounts(
    officer: httpx.Client,
) -> None:
    for page in ("/uses/use-sepsis/sites/new", "/deployments/new?use=use-sepsis"):
        asked = officer.get(page).text.split('name="clinician"')[1].split("</select>")[0]
        assert 'value="person-owner"' in asked
        for role in ("admin", "auditor", "viewer"):
            assert f'value="person-{role}"' not in asked
