"""Tokens by form: a fresh proof first, the secret shown once."""

from __future__ import annotations

import re

import httpx
import pytest
from seen_pages import Pages, pages_of

from codman.flows.house import House
from codman.registry.access import Held, NotSignedIn, Reader
from codman.registry.accounts import reader_of_token
from codman.registry.nouns import PEOPLE
from codman.spine.person import Role

FORM = {"name": "nightly evaluation", "scope": ["evidence.submit", "*.read"], "days": "30"}


def fresh(house: House, until: str = "2026-11-16T13:00:00.000000Z") -> httpx.Client:
    held = (Held(Role.ENGINEER),)
    return pages_of(house, Reader(person="person-engineer", name="engineer 1", held=held, fresh_until=until))


def test_a_token_needs_a_fresh_proof_of_who_one_is(house: House, pages: Pages) -> None:
    for client in (pages(Role.ENGINEER), fresh(house, "2026-11-16T11:59:00.000000Z")):
        for answer in (client.get("/account/tokens/new"), client.post("/account/tokens/new", data=FORM)):
            assert answer.status_code == 303
            assert answer.headers["location"] == "/sign-in/again?next=/account/tokens/new"


def test_a_token_is_shown_once_works_and_is_revoked(house: House) -> None:
    engineer = fresh(house)
    page = engineer.post("/account/tokens/new", data=FORM)
    assert page.status_code == 200
    assert page.headers["cache-control"] == "no-store"
    secret = re.search(r"codman_[\w-]{20,}", page.text)
    assert secret is not None
    assert reader_of_token(house.database, secret[0]).scopes == frozenset({"evidence.submit", "*.read"})
    listed = engineer.get("/account").text
    assert "nightly evaluation" in listed
    assert "send evidence" in listed
    assert secret[0] not in listed
    revoke = re.search(r'action="(/account/tokens/[^"]+/revoke)"', listed)
    assert revoke is not None
    assert engineer.post(revoke[1]).status_code == 303
    with pytest.raises(NotSignedIn):
        reader_of_token(house.database, secret[0])


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"name": ""}, "say what it is for"),
        ({"scope": []}, "choose at least one"),
        ({"days": "1000"}, "1 to 366 days"),
        ({"days": "soon"}, "1 to 366 days"),
        ({"other": "evidence.steal"}, "there is no scope"),
    ],
)
def test_a_token_that_cannot_be_is_refused_with_what_to_do(house: House, wrong: dict[str, object], said: str) -> None:
    page = fresh(house).post("/account/tokens/new", data=FORM | wrong)
    assert page.status_code == 422
    assert said in page.text


def test_who_lost_every_role_can_still_stop_their_token(house: House) -> None:
    page = fresh(house).post("/account/tokens/new", data=FORM)
    assert "codman_" in page.text
    bare = pages_of(house, Reader(person="person-engineer", name="engineer 1", held=()))
    revoke = re.search(r'action="(/account/tokens/[^"]+/revoke)"', bare.get("/account").text)
    assert revoke is not None
    assert bare.post(revoke[1]).status_code == 303
    with house.database.reading() as connection:
        assert PEOPLE.get(connection, "person-engineer").active
