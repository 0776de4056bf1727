"""Documents by form: of a kind and a size, kept by their digest, and never opened by the browser."""

from __future__ import annotations

import re

import httpx
import pytest
from seen_pages import Pages

from codman.evidence.canonical import sha256
from codman.flows.house import House
from codman.registry.log import SYSTEM
from codman.registry.nouns import USES, VERSIONS
from codman.registry.related import documents_about
from codman.spine.person import Role
from codman.spine.product import VersionFields
from codman.web import upload
from codman.web.file_kinds import media_type_of

PDF = b"%PDF-1.7\n<script>alert(1)</script>"
FORM = {
    "about_kind": "use",
    "about": "use-sepsis",
    "title": "Validation report 3.1",
    "type": "validation-report",
    "why": "intake",
}
CARD = FORM | {"title": "Model card 3.1", "type": "model-card"}


@pytest.fixture
def officer(pages: Pages) -> httpx.Client:
    return pages(Role.OFFICER)


def test_a_document_is_filed_listed_and_taken_out_byte_for_byte_as_a_download(
    house: House, officer: httpx.Client
) -> None:
    sent = officer.post("/documents/new", data=FORM, files={"file": ("card.pdf", PDF, "text/html")})
    assert (sent.status_code, sent.headers["location"]) == (303, "/uses/use-sepsis#documents")
    page = officer.get("/uses/use-sepsis").text
    href = re.search(r'href="(/documents/[^"]+/content)"', page)
    assert href is not None
    assert "Validation report 3.1" in page
    assert (house.documents / sha256(PDF)[:2] / sha256(PDF)).read_bytes() == PDF
    back = officer.get(href[1])
    assert back.content == PDF
    assert back.headers["content-disposition"] == 'attachment; filename="validation-report-3-1.pdf"'
    assert back.headers["content-type"] == "application/octet-stream"  # whatever its sender called it
    assert back.headers["x-content-type-options"] == "nosniff"


def test_a_model_card_is_filed_about_a_version_and_the_newest_is_offered_first(
    house: House, officer: httpx.Client
) -> None:
    with house.database.changing(SYSTEM) as change:
        product = USES.get(change.connection, "use-sepsis").product
        VERSIONS.add(change, VersionFields(product=product, label="9.9", digest="9" * 64), "the-newest")
    asked = officer.get("/documents/new?about_kind=use&about=use-sepsis&type=model-card").text
    assert re.search(r'<option value="the-newest"[^>]*selected', asked)
    file = {"file": ("card.pdf", PDF, "application/pdf")}

    unsaid = officer.post("/documents/new", data=CARD | {"version": ""}, files=file)
    other = officer.post("/documents/new", data=CARD | {"version": "of-another"}, files=file)
    sent = officer.post("/documents/new", data=CARD | {"version": "the-newest"}, files=file)

    assert (unsaid.status_code, other.status_code, sent.status_code) == (422, 422, 303)
    assert "a model card is about one version: say which" in unsaid.text
    assert "the product has no such version" in other.text
    with house.database.reading() as connection:
        (one,) = documents_about(connection, "the-newest")
    assert (one.about_kind, one.type) == ("version", "model-card")
    for page in ("/uses/use-sepsis", f"/products/{product}"):
        assert "model card of version 9.9" in officer.get(page).text


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("page.html", b"<html>"),
        ("card.pdf", b"<html>no pdf</html>"),
        ("program.exe", b"MZ"),
        ("notes.txt", b"a\0b"),
        ("empty.csv", b""),
        ("noending", b"words"),
    ],
)
def test_what_is_no_document_is_refused_and_nothing_is_kept(
    house: House, officer: httpx.Client, name: str, data: bytes
) -> None:
    page = officer.post("/documents/new", data=FORM, files={"file": (name, data)})
    assert page.status_code == 422
    assert "nothing was changed" in page.text
    assert "Validation report 3.1" in page.text  # what was written comes back
    assert not any(house.documents.rglob("*")) if house.documents.exists() else True


def test_a_form_without_a_file_or_title_says_what_is_needed(officer: httpx.Client) -> None:
    page = officer.post("/documents/new", data={**FORM, "title": ""}, files={"other": ("", b"")})
    assert page.status_code == 422
    assert "choose a file" in page.text
    assert officer.get("/documents/new").status_code == 422  # about nothing


def test_a_file_above_the_limit_is_refused_while_it_comes(
    officer: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upload, "LARGEST_MIB", 1)
    page = officer.post("/documents/new", data=FORM, files={"file": ("a.txt", b"a" * (1024 * 1024 + 200_000))})
    assert page.status_code == 413
    assert "1 MiB at most" in page.text


def test_who_may_file_nothing_sees_no_form_and_nobodys_file_is_read(pages: Pages) -> None:
    viewer = pages(Role.VIEWER)
    assert "File a document" not in viewer.get("/uses/use-sepsis").text
    assert viewer.post("/documents/new", data=FORM, files={"file": ("card.pdf", PDF)}).status_code == 403
    nobody = pages(None).post("/documents/new", data=FORM, files={"file": ("card.pdf", PDF)})
    assert nobody.status_code == 401
    assert "choose the file once more" in nobody.text


def test_a_document_of_a_use_out_of_reach_is_not_there(officer: httpx.Client, pages: Pages) -> None:
    officer.post("/documents/new", data=FORM, files={"file": ("card.pdf", PDF)})
    href = re.search(r'href="(/documents/[^"]+/content)"', officer.get("/uses/use-sepsis").text)
    assert href is not None
    assert pages(Role.OWNER, "/site-house/site-b/").get(href[1]).status_code == 404


def test_evidence_that_is_a_document_leads_to_its_file_for_those_who_may_see_it(
    officer: httpx.Client, pages: Pages
) -> None:
    officer.post("/documents/new", data=FORM, files={"file": ("card.pdf", PDF)})
    href = re.search(r'href="(/documents/[^"]+/content)"', officer.get("/uses/use-sepsis").text)
    assert href is not None
    cited = f"/evidence/{sha256(PDF)}"
    assert officer.get(cited, follow_redirects=False).headers["location"] == href[1]
    assert pages(Role.OWNER, "/site-house/site-b/").get(cited).status_code == 404


def test_the_media_type_is_what_the_bytes_say_not_the_sender() -> None:
    assert media_type_of("A.JPEG", b"\xff\xd8\xff\xe0") == "image/jpeg"
    assert media_type_of("list.csv", "Größe,n\n".encode()) == "text/csv"
    with pytest.raises(ValueError, match="contents are not"):
        media_type_of("a.png", b"\xff\xd8\xff\xe0")
