"""Documents made from a use's record, from its page to the file."""

from __future__ import annotations

import re

import pytest
from seen_pages import Pages

from codman.spine.person import Role


def test_every_document_of_the_list_is_a_download_of_its_own_type(pages: Pages) -> None:
    viewer = pages(Role.VIEWER)
    assert 'href="/uses/use-sepsis/documents"' in viewer.get("/uses/use-sepsis").text
    page = viewer.get("/uses/use-sepsis/documents")
    files = re.findall(r'href="(/uses/use-sepsis/documents/[^"]+)"', page.text)

    assert page.status_code == 200
    assert "No signed evaluation of this version is filed" in page.text
    got = {href.rsplit("/", 1)[1]: viewer.get(href) for href in files}
    assert {name: answer.headers["content-type"] for name, answer in got.items()} == {
        "chai.xml": "application/xml",
        "hti-1.html": "text/html; charset=utf-8",
        "hti-1.json": "application/json",
        "cyclonedx.json": "application/vnd.cyclonedx+json",
    }
    for name, answer in got.items():
        assert answer.headers["content-disposition"] == f'attachment; filename="sepsis-early-warning-3-1-{name}"'
        assert "Sepsis early warning" in answer.text


@pytest.mark.parametrize("form", ["chai.json", "spdx.json", "hti-1"])
def test_a_document_that_is_not_made_is_not_there(pages: Pages, form: str) -> None:
    assert pages(Role.VIEWER).get(f"/uses/use-sepsis/documents/{form}").status_code == 404


def test_a_use_out_of_reach_has_no_documents(pages: Pages) -> None:
    far = pages(Role.VIEWER, "/site-house/site-b/")
    assert far.get("/uses/use-sepsis/documents").status_code == 404
    assert far.get("/uses/use-sepsis/documents/chai.xml").status_code == 404
