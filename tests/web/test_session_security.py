"""Every route of the web application, every method: headers, cookies, forged requests, foreign names (G14)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from starlette.routing import Mount

from codman.flows.house import House
from codman.registry.accounts_people import add_account, give_role
from codman.registry.accounts_sign_in import Browser, sign_in
from codman.registry.log import SYSTEM
from codman.settings import Settings
from codman.spine.person import Role
from codman.web.app import make_web
from codman.web.security import SAFE_METHODS, host_is_ours, is_forged
from codman.web.sign_in import onward_of
from codman.wiring import open_house
from door import CHEAP, PASSWORD

ANY = "0.0.0.0"  # noqa: S104 (a setting, nothing is bound)
LOOPBACK = "http://127.0.0.1:8000"
PUBLIC = "https://codman.hospital.example"
METHODS = ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "TRACE", "CONNECT", "PROPFIND")


def opened(folder: Path, url: str) -> House:
    house = open_house(Settings(workspace=folder, public_url=url))
    with house.database.changing(SYSTEM) as change:
        person = add_account(
            change,
            email="a@example.org",
            name="administrator 1",
            password_hash=CHEAP.hashed(PASSWORD),
            role=Role.ADMIN,
            site=None,
        )
        give_role(change, person.id, Role.OFFICER, None)
    return house


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    made = opened(tmp_path_factory.mktemp("public"), PUBLIC)
    yield made
    made.close()


@pytest.fixture(scope="module")
def app(house: House) -> FastAPI:
    return make_web(house)


@pytest.fixture
def browser(app: FastAPI, house: House) -> TestClient:
    """Somebody signed in, in a browser that says nothing of where its requests come from."""
    client = TestClient(app, base_url=PUBLIC, follow_redirects=False, raise_server_exceptions=False)
    token = sign_in(house.database, "a@example.org", PASSWORD, Browser("192.0.2.1"), house.settings, CHEAP).token
    client.cookies.set("__Host-codman", token)
    return client


def places(app: FastAPI) -> list[str]:
    """Every route's path, its parameters filled in; mounts with a file below them, and a path nobody has."""
    found = {"/no/such/page"}
    for route in app.routes:
        path = re.sub(r"\{[^}]*\}", "none", str(getattr(route, "path", "")))
        found.add(f"{path}/codman.css" if isinstance(route, Mount) else path)
    return sorted(found)


def test_every_answer_carries_the_security_headers_whatever_was_asked(app, browser):
    asked = 0
    for path in places(app):
        for method in METHODS:
            answer = browser.request(method, path, headers={"Origin": PUBLIC})
            headers = answer.headers
            where = f"{method} {path} {answer.status_code}"
            policy = headers["content-security-policy"]
            assert "unsafe" not in policy, where
            assert "default-src 'none'" in policy, where
            assert "frame-ancestors 'none'" in policy, where
            assert "form-action 'self'" in policy, where
            assert "base-uri 'none'" in policy, where
            assert headers["x-content-type-options"] == "nosniff", where
            assert headers["referrer-policy"] == "same-origin", where
            assert headers["cross-origin-opener-policy"] == "same-origin", where
            assert headers["strict-transport-security"] == "max-age=31536000", where
            assert "camera=()" in headers["permissions-policy"], where
            assert answer.status_code < 500, where
            if not path.startswith("/static"):
                assert headers["cache-control"] == "no-store", where
            asked += 1

    assert asked >= 300


def test_the_page_of_an_error_nobody_foresaw_carries_them_too(house):
    app = make_web(house)

    @app.get("/broken")
    def broken() -> None:
        raise ZeroDivisionError

    answer = TestClient(app, base_url=PUBLIC, raise_server_exceptions=False).get("/broken")

    assert answer.status_code == 500
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-store"


def test_no_page_carries_a_script_or_style_of_its_own(app, browser):
    """What the policy forbids would not run; that nothing is there to forbid is what keeps the page whole."""
    for path in places(app):
        answer = browser.get(path)
        if "text/html" in answer.headers.get("content-type", ""):
            assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\son\w+=|\sstyle=|javascript:", answer.text), path


FOREIGN = [
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "cross-site", "Origin": PUBLIC},
    {"Sec-Fetch-Site": ""},
    {"Sec-Fetch-Site": "nonsense"},
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Origin": ""},
    {"Origin": PUBLIC + ".evil.example"},
    {"Origin": PUBLIC + ":8443"},
    {"Origin": "http://codman.hospital.example"},
    {"Origin": "https://[bad"},
    {},
]


@pytest.mark.parametrize("foreign", FOREIGN, ids=str)
def test_every_method_that_is_not_known_to_be_safe_is_refused_on_every_route_when_another_site_sends_it(
    app, browser, foreign, whole
):
    for number, path in enumerate(places(app)):
        for method in METHODS if whole or number % len(FOREIGN) == FOREIGN.index(foreign) else METHODS[3:5]:
            answer = browser.request(method, path, headers=foreign)
            if method in SAFE_METHODS:
                assert answer.status_code != 403 or "another site" not in answer.text
            else:
                assert answer.status_code == 403, f"{method} {path}"
                assert "another site" in answer.text


@pytest.mark.parametrize(
    "own",
    [{"Sec-Fetch-Site": "same-origin"}, {"Sec-Fetch-Site": "none"}, {"Origin": PUBLIC}, {"Origin": PUBLIC + ":443"}],
)
def test_what_the_houses_own_pages_send_passes(browser, own):
    assert browser.post("/account/sessions/none/end", headers=own).status_code == 303


def test_a_sign_in_from_another_site_is_refused_although_nobody_is_signed_in(app):
    stranger = TestClient(app, base_url=PUBLIC, follow_redirects=False)
    form = {"email": "a@example.org", "password": PASSWORD}

    assert stranger.post("/sign-in", data=form, headers={"Origin": "https://evil.example"}).status_code == 403
    assert stranger.post("/sign-in", data=form, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert stranger.post("/sign-in", data=form, headers={"Origin": PUBLIC}).status_code == 303


def test_a_bearer_token_is_no_browsers_so_its_cookie_counts_for_nothing(browser):
    answer = browser.post("/account/sessions/others/end", headers={"Authorization": "Bearer codman_x"})

    assert answer.status_code == 401  # nobody is signed in by it
    assert browser.get("/account").status_code == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "TRACE", "BREW", "post"])
def test_a_method_nobody_knows_counts_as_unsafe(method, tmp_path):
    settings = Settings(workspace=tmp_path)

    assert is_forged(method, {"sec-fetch-site": "cross-site"}, settings, signed_in=False)
    assert is_forged(method, {"host": "127.0.0.1:8000", "origin": "http://127.0.0.1:9000"}, settings, signed_in=False)
    assert not is_forged(method, {"host": "127.0.0.1", "origin": "http://127.0.0.1:80"}, settings, signed_in=True)


def test_the_cookie_is_host_only_unreadable_and_for_https_only(app):
    stranger = TestClient(app, base_url=PUBLIC, follow_redirects=False, headers={"Origin": PUBLIC})

    line = stranger.post("/sign-in", data={"email": "a@example.org", "password": PASSWORD}).headers["set-cookie"]

    name, *flags = line.split("; ")
    assert re.fullmatch(r"__Host-codman=[\w-]{43}", name)
    assert {flag.lower() for flag in flags} == {"httponly", "path=/", "samesite=lax", "secure"}  # no Domain, no Max-Age


def test_on_loopback_without_https_the_cookie_has_a_plain_name(tmp_path):
    house = opened(tmp_path, LOOPBACK)
    client = TestClient(make_web(house), base_url=LOOPBACK, follow_redirects=False, headers={"Origin": LOOPBACK})

    answer = client.post("/sign-in", data={"email": "a@example.org", "password": PASSWORD})

    assert re.match(r"codman=[\w-]{43}; HttpOnly; Path=/; SameSite=lax$", answer.headers["set-cookie"])
    assert "strict-transport-security" not in answer.headers
    assert client.get("/account").status_code == 200
    house.close()


def test_signing_in_gives_a_token_nobody_has_seen_and_ends_the_one_that_came_along(app, browser):
    planted = browser.cookies["__Host-codman"]

    answer = browser.post("/sign-in", data={"email": "a@example.org", "password": PASSWORD}, headers={"Origin": PUBLIC})

    given = answer.headers["set-cookie"].partition("=")[2].partition(";")[0]
    assert given != planted
    other = TestClient(app, base_url=PUBLIC, follow_redirects=False)
    other.cookies.set("__Host-codman", planted)
    dead = other.get("/account")
    assert dead.headers["location"].startswith("/sign-in?next=")
    assert "__Host-codman=" in dead.headers["set-cookie"]
    assert "Max-Age=0" in dead.headers["set-cookie"]


def test_other_rights_reach_the_browser_as_another_token(house, browser):
    before = browser.cookies["__Host-codman"]
    assert "set-cookie" not in browser.get("/account").headers
    with house.database.changing(SYSTEM) as change:
        from codman.registry.accounts_people import person_with

        give_role(change, person_with(change.connection, "a@example.org").id, Role.AUDITOR, None)

    answer = browser.get("/account")

    assert "auditor" in answer.text
    assert re.match(r"__Host-codman=[\w-]{43}; HttpOnly; Path=/; SameSite=lax; Secure", answer.headers["set-cookie"])
    assert before not in answer.headers["set-cookie"]


def test_signing_out_takes_the_cookie_away_and_ends_the_session(app, browser):
    token = browser.cookies["__Host-codman"]

    answer = browser.post("/sign-out", headers={"Origin": PUBLIC})

    assert "Max-Age=0" in answer.headers["set-cookie"]
    again = TestClient(app, base_url=PUBLIC, follow_redirects=False)
    again.cookies.set("__Host-codman", token)
    assert again.get("/account").status_code == 303


@pytest.mark.parametrize(
    ("host", "public_url", "bound", "expected"),
    [
        ("127.0.0.1:8000", None, "127.0.0.1", True),
        ("localhost:8000", None, "127.0.0.1", True),
        ("[::1]:8000", None, "127.0.0.1", True),
        ("127.7.7.7", None, "127.0.0.1", True),
        ("evil.example:8000", None, "127.0.0.1", False),
        ("127.0.0.1.evil.example", None, "127.0.0.1", False),
        ("localhost.evil.example", None, "127.0.0.1", False),
        ("", None, "127.0.0.1", False),
        ("[", None, "127.0.0.1", False),
        ("codman.hospital.example", PUBLIC, ANY, True),
        ("CODMAN.hospital.example:443", PUBLIC, ANY, True),
        ("hospital.example", PUBLIC, ANY, False),
        ("10.0.0.5:8000", None, "10.0.0.5", True),
        ("10.0.0.6:8000", None, "10.0.0.5", False),
        (f"{ANY}:8000", None, ANY, False),
    ],
)
def test_only_our_own_names_are_answered(host, public_url, bound, expected, tmp_path):
    assert host_is_ours(host, Settings(workspace=tmp_path, public_url=public_url, host=bound)) is expected


def test_a_page_asked_for_by_another_name_is_not_given(app):
    rebound = TestClient(app, base_url="http://evil.example:8000", follow_redirects=False)

    answer = rebound.get("/sign-in")

    assert answer.status_code == 421
    assert "Sign in" not in answer.text


@pytest.mark.parametrize(
    ("asked", "given"),
    [
        ("/uses/use-1?tab=2#x", "/uses/use-1?tab=2#x"),
        (None, "/"),
        ("", "/"),
        ("https://evil.example/", "/"),
        ("//evil.example/", "/"),
        ("/\\evil.example", "/"),
        ("/\t/evil.example", "/"),
        ("/\n/evil.example", "/"),
        ("javascript:alert(1)", "/"),
        ("uses", "/"),
        ("/sign-in/again", "/"),
        ("/join/x", "/"),
        ("/" + "x" * 1000, "/"),
    ],
)
def test_nobody_is_sent_to_another_site_after_signing_in(asked, given):
    assert onward_of(asked) == given
