"""Attacks from outside: no account, a hostile page or proxy, bodies meant to fill the memory."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "api"))
from api_hospital import Hospital, furnish

from codman.cli.serving import application
from codman.settings import read_settings
from codman.wiring import open_house
from waiting import finished

MIB = 1024 * 1024
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture(scope="module")
def hospital(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hospital]:
    """A furnished house; its server is built once."""
    house = open_house(read_settings(workspace=tmp_path_factory.mktemp("doors") / "work"))
    yield furnish(house)
    house.close()


@pytest.fixture(scope="module")
def served(hospital: Hospital) -> Any:
    return application(hospital.house)


def ask(served: Any, method: str, path: str, **more: Any) -> httpx.Response:
    async def send() -> httpx.Response:
        transport = httpx.ASGITransport(app=served, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return await client.request(method, path, **more)

    return finished(send())


class Endless:
    """A body that tells how much of it was taken."""

    def __init__(self, mib: int, chunk: bytes) -> None:
        self.taken = 0
        self._mib, self._chunk = mib, chunk

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for _ in range(self._mib):
            self.taken += 1
            yield self._chunk


@pytest.mark.parametrize("path", ["/sign-in", "/join/nothing", "/sign-in/demo"])
def test_a_form_of_an_outsider_is_not_read_without_end(served, path):
    body = Endless(40, b"&".join([b"a=" + b"b" * 4000] * 2) + b"c" * 1000 * 1000 + b"&")

    answer = ask(served, "POST", path, headers=FORM, content=body)

    assert answer.status_code in (400, 413)
    assert body.taken <= 5


def test_a_body_of_an_outsider_is_not_read_before_he_is_known(served):
    body = Endless(40, b"x" * MIB)
    headers = {"Content-Type": "application/vnd.in-toto+json"}

    answer = ask(served, "POST", "/api/v1/evidence", headers=headers, content=body)

    assert answer.status_code == 401
    assert body.taken <= 1


@pytest.mark.parametrize(
    "wanted",
    [
        "//evil.test",
        "/\\evil.test",
        "https://evil.test",
        "/\t/evil.test",
        "/%0d%0aSet-Cookie:x=y",
        "/\r\nSet-Cookie: x=y",
        "javascript:alert(1)",
        "/%2f%2fevil.test",
        "///evil.test",
        "/;@evil.test",
    ],
)
def test_after_sign_in_nobody_is_sent_elsewhere(served, wanted):
    page = ask(served, "GET", "/sign-in", params={"next": wanted})

    assert page.status_code == 200
    assert "http://evil" not in page.text
    assert 'href="//evil' not in page.text
    assert "x=y" not in "".join(page.headers.get_list("set-cookie"))
    from codman.web.sign_in import onward_of

    onward = httpx.URL("http://localhost/sign-in").join(onward_of(wanted))
    assert onward.host == "localhost"


@pytest.mark.parametrize("host", ["evil.test", "evil.test@localhost.evil.test", "localhost.evil.test", "", "[::2]"])
def test_a_name_that_was_rebound_gets_no_page(served, host):
    assert ask(served, "GET", "/sign-in", headers={"Host": host}).status_code in (400, 421)


@pytest.mark.parametrize("origin", ["http://evil.test", "null", "http://localhost:9999", "https://localhost.evil.test"])
def test_a_form_of_another_site_is_refused(served, origin):
    answer = ask(served, "POST", "/sign-in", headers={**FORM, "Origin": origin}, content=b"email=a&password=b")

    assert answer.status_code == 403


def test_no_page_may_be_framed_or_kept(served):
    for path in ("/sign-in", "/", "/uses/mary-use", "/nowhere", "/audit"):
        answer = ask(served, "GET", path)
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"], path
        assert "no-store" in answer.headers["cache-control"], path
        assert answer.headers["x-content-type-options"] == "nosniff", path


BROKEN = [
    b"",
    b"{",
    b"[" * 100_000,
    b'{"a":' * 50_000,
    b'{"a":1e999}',
    b'{"a":' + b"9" * 5000 + b"}",
    b'"\\ud800"',
    b'{"name":"\\u0000"}',
    b"\xff\xfe",
    b"null",
    b'{"id":{"$gt":""}}',
    b'{"name":"x","name":"y"}',
]


@pytest.mark.parametrize("body", BROKEN, ids=range(len(BROKEN)))
def test_nothing_that_is_sent_makes_an_operation_fail(hospital, served, body):
    token = {"Authorization": f"Bearer {hospital.tokens['admin']}", "Content-Type": "application/json"}
    officer = {"Authorization": f"Bearer {hospital.tokens['officer']}", "Content-Type": "application/json"}
    for method, path in (
        ("POST", "/uses"),
        ("PATCH", "/uses/mary-use"),
        ("POST", "/people/mary/grants"),
        ("POST", "/people/mary/tokens"),
        ("POST", "/evidence"),
        ("POST", "/views"),
        ("POST", "/keys"),
        ("PATCH", "/uses/mary-use/deployments"),
    ):
        for who in (token, officer):
            answer = ask(served, method, "/api/v1" + path, headers={**who, "If-Match": '"1"'}, content=body)
            assert 400 <= answer.status_code < 500, (method, path, answer.text)


@pytest.mark.parametrize(
    "query",
    [
        "cursor=x",
        "cursor=" + "A" * 1990,
        "cursor=W10",
        "cursor=W3siYSI6MX0sMV0",  # [{"a":1},1]
        "cursor=WzFlOTk5LCJ4Il0",  # [1e999,"x"]
        "cursor=WyJ4IiwiXHUwMDAwIl0",  # ["x","\u0000"]
        "order=name;drop",
        "stage=%00",
        "q=%25_%27%22--",
        "limit=999999999999999999999",
        "contract_ends=9999999",
    ],
)
def test_no_query_makes_a_list_fail(hospital, served, query):
    token = {"Authorization": f"Bearer {hospital.tokens['officer']}"}
    for path in ("uses", "inventory", "products", "evidence", "people", "deployments", "facts", "documents", "views"):
        answer = ask(served, "GET", f"/api/v1/{path}?{query}", headers=token)
        assert answer.status_code < 500, (path, answer.text)
