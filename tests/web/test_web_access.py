"""Every page says what it asks of its reader, and asks it."""

from __future__ import annotations

import re

import pytest
from seen_pages import Pages
from starlette.responses import Response

from codman.flows.house import House
from codman.registry.access import ACTIONS
from codman.spine.person import Role
from codman.web import access, app
from codman.web.app import make_web
from codman.web.topic import Topic

REAL = {
    "use_id": "use-sepsis",
    "product_id": "product-sepsis",
    "vendor_id": "vendor-one",
    "person_id": "person-owner",
    "index": "3",
    "digest": "0" * 64,
    "form": "csv",
    "view_id": "view-none",
    "token": "no-such-link",
    "name": "none",
    "action": "none",
    "page_id": "about",
}


def address(path: str) -> str:
    return re.sub(r"\{(\w+)\}", lambda found: REAL[found[1]], path)


def test_every_route_is_listed_with_an_action_that_exists(house: House) -> None:
    routes = list(access.keys(make_web(house).routes))
    assert sorted(routes) == sorted(access.PAGES)
    assert set(access.PAGES.values()) <= {access.PUBLIC, access.SIGNED_IN, *ACTIONS}


def test_an_unlisted_route_keeps_the_application_from_starting(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    stray = Topic()
    stray.add("GET", "/stray", lambda: Response("hello"))
    monkeypatch.setattr(app, "_TOPICS", (*app._TOPICS, stray))
    monkeypatch.setattr(app, "_pages", app._pages.__wrapped__)  # built anew, and not kept
    with pytest.raises(access.UnlistedRoute, match="GET /stray"):
        make_web(house)


def test_a_line_without_a_route_keeps_the_application_from_starting(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(access, "PAGES", {**access.PAGES, "GET /gone": "inventory.read"})
    with pytest.raises(access.UnlistedRoute, match="GET /gone"):
        make_web(house)


@pytest.mark.parametrize("key", [k for k, asked in access.PAGES.items() if asked != access.PUBLIC])
def test_nobody_sees_a_page_that_is_not_for_everybody(pages: Pages, key: str) -> None:
    method, _, path = key.partition(" ")
    answer = pages(None).request(method, address(path))
    assert answer.status_code == (303 if method == "GET" else 401)
    if method == "GET":
        assert answer.headers["location"].startswith("/sign-in?next=")


@pytest.mark.parametrize("role", list(Role))
def test_no_page_lets_a_role_do_what_the_table_of_actions_denies_it(pages: Pages, role: Role) -> None:
    client = pages(role)
    for key, asked in access.PAGES.items():
        method, _, path = key.partition(" ")
        if asked in ACTIONS and role not in ACTIONS[asked]:
            assert client.request(method, address(path)).status_code == 403, key


@pytest.mark.parametrize("path", ["/", "/inventory", "/uses/use-sepsis", "/products/product-sepsis", "/coverage"])
def test_other_methods_and_a_trailing_slash_open_nothing(pages: Pages, path: str) -> None:
    client = pages(None)
    for method in ("HEAD", "OPTIONS", "PUT", "DELETE", "PATCH", "TRACE"):
        assert client.request(method, path).status_code in (303, 401, 404, 405)
    if path != "/":
        assert client.get(f"{path}/").status_code in (303, 307, 404)


def test_a_use_of_another_site_is_not_there_for_a_reader_of_one(pages: Pages) -> None:
    client = pages(Role.OWNER, "/site-house/site-b/")
    assert client.get("/uses/use-notes").status_code == 200
    for path in ("/uses/use-sepsis", "/uses/use-sepsis/edit", "/uses/use-sepsis/sites", "/uses/use-sepsis/coverage"):
        assert client.get(path).status_code == 404
    assert "Sepsis early warning, adult wards" not in client.get("/inventory").text
    assert "Sepsis early warning, adult wards" not in client.get("/products/product-sepsis").text


def test_every_page_carries_a_policy_that_runs_nothing_inline(pages: Pages) -> None:
    answer = pages(Role.OFFICER).get("/inventory")
    policy = answer.headers["content-security-policy"]
    assert "unsafe" not in policy
    assert "default-src 'none'" in policy
    assert not re.search(r"<script|\son\w+=|\sstyle=|javascript:", answer.text)
