"""Attacks by a file: pages that act, pictures that run, names that lead elsewhere, opened by a colleague."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi.testclient import TestClient

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "api"))
from api_hospital import Hospital, furnish

from codman.cli.serving import application
from codman.registry.access import Held, Reader
from codman.settings import read_settings
from codman.spine.person import Role
from codman.web.app import make_web
from codman.wiring import open_house
from waiting import finished

SCRIPT = b"<script>fetch('/api/v1/people')</script>"
ACTING = {
    "text/html": b"<!doctype html><html>" + SCRIPT,
    "image/svg+xml": b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)">' + SCRIPT + b"</svg>",
    "application/xhtml+xml": b'<html xmlns="http://www.w3.org/1999/xhtml">' + SCRIPT + b"</html>",
    "text/xml": b'<?xml version="1.0"?><?xml-stylesheet type="text/xsl" href="#x"?><a>' + SCRIPT + b"</a>",
    "application/pdf": b"%PDF-1.7\n" + SCRIPT,
    "application/javascript": b"alert(1)",
    "text/css": b"*{background:url(http://evil.test)}",
    "image/png": b"\x89PNG\r\n\x1a\n" + SCRIPT,
    "text/html; charset=utf-7": b"+ADw-script+AD4-alert(1)+ADw-/script+AD4-",
    "message/rfc822": b"Content-Type: text/html\r\n\r\n" + SCRIPT,
    "multipart/related; boundary=x": b"--x\r\nContent-Type: text/html\r\n\r\n" + SCRIPT,
}


@pytest.fixture(scope="module")
def hospital(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hospital]:
    house = open_house(read_settings(workspace=tmp_path_factory.mktemp("uploads") / "work"))
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


def is_kept_from_acting(answer: httpx.Response) -> None:
    """What a browser needs to hear to save a file and do nothing else with it."""
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-disposition"].startswith("attachment;")
    policy = {part.strip() for part in answer.headers["content-security-policy"].split(";")}
    assert {"default-src 'none'", "sandbox"} <= policy
    assert not [part for part in policy if part.startswith("script-src")]
    assert answer.headers["cross-origin-resource-policy"] == "same-origin"


@pytest.mark.parametrize("media_type", ACTING)
def test_a_file_sent_by_a_program_comes_back_as_a_download_and_nothing_else(hospital, served, media_type):
    who = {"Authorization": f"Bearer {hospital.tokens['officer']}"}
    asked = {"about_kind": "use", "about": "mary-use", "type": "model-card", "title": "<script>alert(1)</script>"}

    sent = ask(
        served,
        "POST",
        "/api/v1/documents",
        params=asked,
        content=ACTING[media_type],
        headers={**who, "Content-Type": media_type},
    )

    if sent.status_code == 201:
        name = sent.json()["id"]
        back = ask(served, "GET", f"/api/v1/documents/{name}/content", headers=who)
        assert back.content == ACTING[media_type]
        is_kept_from_acting(back)
    else:
        assert sent.status_code in (400, 415, 422)


@pytest.mark.parametrize(
    "headers",
    [{"Accept": "text/html"}, {"Range": "bytes=0-10"}, {"Origin": "http://evil.test"}, {"If-None-Match": "*"}],
    ids=str,
)
def test_no_way_to_ask_makes_a_browser_show_it(hospital, served, headers):
    who = {"Authorization": f"Bearer {hospital.tokens['officer']}"}
    asked = {"about_kind": "use", "about": "mary-use", "type": "model-card", "title": f"card {headers}"}
    body = ACTING["text/html"] + repr(headers).encode()
    sent = ask(
        served, "POST", "/api/v1/documents", params=asked, content=body, headers={**who, "Content-Type": "text/html"}
    )
    assert sent.status_code == 201, sent.text

    back = ask(served, "GET", f"/api/v1/documents/{sent.json()['id']}/content", headers={**who, **headers})

    if back.status_code != 304:
        is_kept_from_acting(back)
    assert "access-control-allow-origin" not in back.headers
    kept = ask(served, "HEAD", f"/api/v1/documents/{sent.json()['id']}/content", headers=who)
    if kept.status_code == 200:
        assert kept.headers["content-type"] == "application/octet-stream"


# --- the form ---


@pytest.fixture(scope="module")
def officer(hospital: Hospital) -> TestClient:
    app = make_web(hospital.house)
    app.state.reader_of = lambda _request: Reader("officer", "Officer", (Held(Role.OFFICER),))
    headers = {"Sec-Fetch-Site": "same-origin"}
    return TestClient(app, base_url="http://localhost", headers=headers, follow_redirects=False)


def filed(officer: TestClient, called: str, data: bytes, title: str = "Model card") -> httpx.Response | None:
    """The file taken out again, or None where it was refused."""
    form = {"about_kind": "use", "about": "mary-use", "title": title, "type": "validation-report", "why": "x"}
    before = set(_links(officer))
    sent = officer.post("/documents/new", data=form, files={"file": (called, data, "text/html")})
    if sent.status_code == 422:
        assert set(_links(officer)) == before
        return None
    assert sent.status_code == 303, sent.text
    (link,) = set(_links(officer)) - before
    return officer.get(link)


def _links(officer: TestClient) -> list[str]:
    return re.findall(r'href="(/documents/[^"]+/content)"', officer.get("/uses/mary-use").text)


@pytest.mark.parametrize("ending", ["html", "htm", "svg", "xhtml", "xml", "js", "swf", "hta", "mht", "url", "lnk"])
def test_a_file_that_a_browser_would_run_is_not_taken_by_the_form(officer, ending):
    assert filed(officer, f"card.{ending}", b"<svg onload=alert(1)>") is None
    assert filed(officer, f"card.pdf.{ending}", b"%PDF-1.7 <svg onload=alert(1)>") is None


@pytest.mark.parametrize(
    ("called", "data"),
    [
        ("card.pdf", b"%PDF-1.7\n" + SCRIPT),
        ("card.png", b"\x89PNG\r\n\x1a\n" + SCRIPT),
        ("card.html.txt", b"<!doctype html>" + SCRIPT),
        ("card.md", b"[x](javascript:alert(1))" + SCRIPT),
        ("card.csv", b"=cmd|' /C calc'!A0,<svg onload=alert(1)>"),
        ("card.json", b'{"a":"</script><script>alert(1)</script>"}'),
        ("card.docx", b"PK\x03\x04" + SCRIPT),
    ],
)
def test_a_file_that_is_two_things_at_once_comes_back_as_a_download(officer, called, data):
    back = filed(officer, called, data)

    assert back is not None
    assert back.content == data
    is_kept_from_acting(back)


@pytest.mark.parametrize(
    ("number", "name"),
    list(
        enumerate(
            [
                'a"; filename="evil.html',
                "a\r\nContent-Type: text/html\r\n\r\n<script>",
                "../../../etc/cron.d/evil",
                "..\\..\\evil",
                "a\u202elmth.exe",
                "a%0d%0aSet-Cookie:x=y",
                "CON",
                "a" * 300,
                "<script>alert(1)</script>",
                "\u00e9\u4e2d",
                ".htaccess",
            ]
        )
    ),
)
def test_no_name_or_title_gets_into_a_header_or_another_folder(hospital, officer, number, name):
    before = {p for p in hospital.house.settings.workspace.rglob("*") if "documents" not in p.parts}
    back = filed(officer, f"{name}.txt", f"words {number}".encode(), title=name[:200])

    if back is not None:
        is_kept_from_acting(back)
        called = re.fullmatch(r'attachment; filename="([A-Za-z0-9._-]+)"', back.headers["content-disposition"])
        assert called is not None
        assert called[1].endswith(".txt")
        assert not called[1].startswith((".", "-"))
        assert "set-cookie" not in back.headers
    page = officer.get("/uses/mary-use").text
    assert "<script>alert" not in page
    there = {p for p in hospital.house.settings.workspace.rglob("*") if "documents" not in p.parts}
    assert {p.name for p in there - before} <= {"codman.db-wal", "codman.db-shm"}


def test_a_file_that_a_program_called_a_page_is_still_a_download_on_the_pages(hospital, served, officer):
    who = {"Authorization": f"Bearer {hospital.tokens['officer']}"}
    asked = {"about_kind": "use", "about": "mary-use", "type": "model-card", "title": "evil.html"}
    sent = ask(
        served,
        "POST",
        "/api/v1/documents",
        params=asked,
        content=b"<html>only here" + SCRIPT,
        headers={**who, "Content-Type": "text/html"},
    )
    assert sent.status_code == 201

    back = officer.get(f"/documents/{sent.json()['id']}/content")

    is_kept_from_acting(back)
    assert not re.search(r"\.(html?|svg|xml)\"", back.headers["content-disposition"])
