"""Erasing people's words by two people, legal hold and privilege, on the pages of the log."""

from __future__ import annotations

import re
from dataclasses import replace

import httpx
import pytest
from seen_pages import Pages, pages_of
from small_house import reader
from sqlalchemy import select

from codman.flows.house import House
from codman.registry.erasure import marks_of
from codman.registry.schema import log_texts
from codman.spine.person import Role


@pytest.fixture
def officer(pages: Pages) -> httpx.Client:
    return pages(Role.OFFICER)


@pytest.fixture
def entry(house: House) -> int:
    """An entry with somebody's words: the purpose of a use."""
    with house.database.reading() as connection:
        query = select(log_texts.c.number).where(log_texts.c.field == "after.purpose").limit(1)
        return int(connection.execute(query).scalar_one())


def fresh(house: House, role: Role) -> httpx.Client:
    """Somebody who proved just now who they are."""
    return pages_of(house, replace(reader(role), fresh_until="2999-01-01T00:00:00.000000Z"))


def test_one_asks_another_agrees_and_the_words_are_gone(house: House, pages: Pages, entry: int) -> None:
    officer, admin = fresh(house, Role.OFFICER), fresh(house, Role.ADMIN)
    assert "raises an alert" in officer.get(f"/audit/{entry}").text.lower()
    form = {"field": "after.purpose", "why": "It names a patient"}
    assert officer.post(f"/audit/{entry}/erase", data=form).headers["location"] == "/audit/erasures"

    own = officer.get("/audit/erasures").text
    assert "somebody else must agree" in own
    page = admin.get("/audit/erasures").text
    assert "1 request waits for a second person" in page
    assert "It names a patient" in page
    agree = re.search(r'action="(/audit/erasures/[^"]+/agree)"', page)
    assert agree is not None
    late = pages(Role.ADMIN).post(agree[1])  # signed in too long ago: proves first who they are
    assert (late.status_code, late.headers["location"]) == (303, "/sign-in/again?next=/audit/erasures")
    assert "raises an alert" in officer.get(f"/audit/{entry}").text.lower()
    assert officer.post(agree[1]).status_code == 403
    assert admin.post(agree[1]).status_code == 303

    after = officer.get(f"/audit/{entry}").text
    assert "raises an alert" not in after.lower()
    assert "Erased 16 Nov 2026" in after
    assert "The proof holds" in after
    assert admin.post(agree[1]).status_code == 422  # done already


def test_a_request_without_a_reason_is_refused_and_one_can_be_taken_back(officer: httpx.Client, entry: int) -> None:
    assert officer.post(f"/audit/{entry}/erase", data={"field": "after.purpose"}).status_code == 422
    officer.post(f"/audit/{entry}/erase", data={"field": "", "why": "by mistake"})
    back = re.search(r'action="(/audit/erasures/[^"]+/withdraw)"', officer.get("/audit/erasures").text)
    assert back is not None
    assert officer.post(back[1]).status_code == 303
    assert "Taken back" in officer.get("/audit/erasures").text


def test_a_legal_hold_is_shown_and_stops_erasing(pages: Pages, entry: int) -> None:
    auditor, officer = pages(Role.AUDITOR), pages(Role.OFFICER)
    assert auditor.post(f"/audit/{entry}/hold", data={"on": "yes", "why": "a claim is open"}).status_code == 303
    assert "on hold" in officer.get(f"/audit/{entry}").text
    refused = officer.post(f"/audit/{entry}/erase", data={"why": "It names a patient"})
    assert refused.status_code == 409
    assert "legal hold" in refused.text
    assert auditor.post(f"/audit/{entry}/hold", data={"on": "no"}).status_code == 303
    assert officer.post(f"/audit/{entry}/erase", data={"why": "It names a patient"}).status_code == 303


def test_privileged_words_are_marked_and_not_shown(house: House, pages: Pages, entry: int) -> None:
    officer, auditor = pages(Role.OFFICER), pages(Role.AUDITOR)
    sent = officer.post(f"/audit/{entry}/privilege", data={"field": "after.purpose", "on": "yes"})
    assert sent.status_code == 303
    with house.database.reading() as connection:
        marked = {one.field: one.privileged for one in marks_of(connection, entry)}
    assert marked["after.purpose"]
    page = auditor.get(f"/audit/{entry}").text
    assert "Privileged, not shown" in page
    assert "raises an alert" not in page.lower()


def test_an_auditor_may_hold_but_not_erase_and_an_owner_neither(pages: Pages, entry: int) -> None:
    auditor = pages(Role.AUDITOR)
    assert "Ask that they be erased" not in auditor.get(f"/audit/{entry}").text
    assert auditor.post(f"/audit/{entry}/erase", data={"why": "x"}).status_code == 403
    assert pages(Role.OWNER).post(f"/audit/{entry}/hold", data={"on": "yes"}).status_code == 403
