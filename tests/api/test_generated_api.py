"""Documents made of a use, over the API: each with its own media type, each for who sees the use."""

from __future__ import annotations

import pytest

PATHS = {
    "chai": ("application/xml", b"<AppliedModelCard"),
    "hti-1": ("application/json", b'"framework"'),
    "hti-1.html": ("text/html; charset=utf-8", b"<!doctype html>"),
    "cyclonedx": ("application/vnd.cyclonedx+json", b'"specVersion": "1.6"'),
}


@pytest.mark.parametrize(("document", "expected"), PATHS.items())
def test_a_document_comes_as_a_file_of_its_type(call, document, expected):
    reply = call("GET", f"/uses/mary-use/documents/{document}", who="viewer")

    assert (reply.status_code, reply.headers["Content-Type"]) == (200, expected[0])
    assert expected[1] in reply.content
    assert reply.headers["Content-Disposition"].startswith('attachment; filename="sepsis-score-1-0-')


def test_an_unknown_document_and_a_use_out_of_reach_are_not_there(call):
    assert call("GET", "/uses/mary-use/documents/spdx").status_code == 404
    assert call("GET", "/uses/none/documents/chai").status_code == 404
    assert call("GET", "/uses/john-use/documents/chai", who="mary").status_code == 404  # she owns at St Mary
    assert call("GET", "/uses/mary-use/documents/chai", who=None).status_code == 401
