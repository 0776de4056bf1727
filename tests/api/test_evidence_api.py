"""Evidence and the log over the API: sent in every way, answered with receipts that prove themselves."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "evidence"))
from evidence_examples import evaluation

from codman.evidence.checkpoint import checkpoint_signed_by, read_checkpoint
from codman.evidence.merkle import proves_consistency, proves_inclusion
from codman.evidence.receipt import Receipt, verify_receipt
from codman.evidence.statements import canonical_statement

EVENT = {"specversion": "1.0", "id": "e-1", "source": "/ci/7", "type": "dev.codman.evidence.v1"}


def _plain(**changes):
    return json.loads(canonical_statement(evaluation(**changes)))


def test_a_statement_sent_bare_structured_or_binary_is_one_statement_with_one_receipt(call, hospital):
    data = _plain()
    bare = call("POST", "/evidence", json=data)
    structured = call(
        "POST",
        "/evidence",
        content=json.dumps({**EVENT, "data": data}),
        headers={"Content-Type": "application/cloudevents+json"},
    )
    binary = call(
        "POST",
        "/evidence",
        json=data,
        headers={"ce-specversion": "1.0", "ce-id": "e-2", "ce-source": "/ci/7", "ce-type": "dev.codman.evidence.v1"},
    )

    assert [reply.status_code for reply in (bare, structured, binary)] == [201, 201, 201]
    assert bare.json() == structured.json() == binary.json()
    verify_receipt(Receipt.model_validate(bare.json()), hospital.house.log_key.public)
    assert call("GET", bare.headers["Location"]).json()["statement"] == data


def test_each_event_of_a_batch_is_filed_or_refused_by_itself(call):
    events = [
        {**EVENT, "data": _plain(note="one")},
        {**EVENT, "id": "e-2", "data": {"no": "statement"}},
        {**EVENT, "data": _plain(note="another body under the first one's name")},
        {**EVENT, "id": "e-3", "data": _plain(note="two")},
    ]
    reply = call(
        "POST", "/evidence", content=json.dumps(events), headers={"Content-Type": "application/cloudevents-batch+json"}
    )

    assert reply.status_code == 202
    answer = reply.json()
    assert (answer["filed"], answer["refused"]) == (2, 2)
    problems = [item["problem"] and item["problem"]["status"] for item in answer["items"]]
    assert problems == [None, 422, 409, None]
    assert len(call("GET", "/evidence").json()["items"]) == 2


def test_an_events_name_is_good_for_one_body(call):
    headers = {"Content-Type": "application/cloudevents+json"}
    first = json.dumps({**EVENT, "data": _plain(note="one")})
    other = json.dumps({**EVENT, "data": _plain(note="two")})

    assert call("POST", "/evidence", content=first, headers=headers).status_code == 201
    assert call("POST", "/evidence", content=first, headers=headers).status_code == 201
    assert call("POST", "/evidence", content=other, headers=headers).status_code == 409


@pytest.mark.parametrize("body", [b"[]", b"{}", b'{"payload": "!", "payloadType": "x", "signatures": []}', b"null"])
def test_what_is_no_statement_is_a_problem_and_leaves_nothing(call, body):
    refused = call("POST", "/evidence", content=body, headers={"Content-Type": "application/json"})

    assert refused.status_code in (400, 422)
    assert refused.json()["fix"]
    assert call("GET", "/evidence").json()["items"] == []


def test_evidence_is_listed_by_kind_use_and_origin_and_downloads_as_it_was_filed(call):
    digest = call("POST", "/evidence", json=_plain()).json()["digest"]

    def found(query):
        return [item["digest"] for item in call("GET", f"/evidence?{query}").json()["items"]]

    assert found("kind=evaluation&origin=local&product=flc-mortality") == [digest]
    assert found("kind=scan") == []
    assert call("GET", "/evidence?kind=rumour").status_code == 422
    statement = call("GET", f"/evidence/{digest}/statement")
    assert statement.content == canonical_statement(evaluation())
    assert statement.headers["Content-Type"] == "application/vnd.in-toto+json"
    assert call("GET", f"/evidence/{digest}/envelope").status_code == 404  # nobody signed it
    worth = call("GET", f"/evidence/{digest}/verification").json()
    assert (worth["standing"], worth["bytes_match"]) == ("claim", True)
    assert call("GET", f"/evidence/{'0' * 64}").status_code == 404
    assert call("GET", "/evidence/..%2f..%2fkeys").status_code == 404


def test_the_logs_checkpoint_and_proofs_fit_together(call, hospital):
    older = read_checkpoint(call("GET", "/audit/checkpoint").text)
    for number in range(5):
        call("POST", "/products", json={"name": f"P{number}"})
    text = call("GET", "/audit/checkpoint").text
    newer = read_checkpoint(text)

    assert checkpoint_signed_by(text, hospital.house.log_key.public, hospital.house.log_origin)
    proof = call("GET", f"/audit/consistency?older={older.size}&newer={newer.size}").json()["consistency"]
    nodes = [bytes.fromhex(node) for node in proof]
    assert proves_consistency(older.size, newer.size, older.root, newer.root, nodes)
    for index in range(newer.size):
        shown = call("GET", f"/audit/proof?index={index}&size={newer.size}").json()
        nodes = [bytes.fromhex(node) for node in shown["inclusion"]]
        assert proves_inclusion(bytes.fromhex(shown["leaf"]), index, newer.size, nodes, newer.root)
    assert call("GET", f"/audit/proof?index={newer.size}").status_code == 422
    assert call("GET", f"/audit/consistency?older={newer.size + 1}").status_code == 422


def test_the_log_is_listed_newest_first_by_who_and_what(call):
    call("POST", "/products", json={"name": "x"})
    first = call("GET", "/audit?limit=1").json()
    assert first["items"][0]["entry"]["action"] == "product.create"
    second = call("GET", f"/audit?limit=1&cursor={first['next']}").json()
    assert second["items"][0]["index"] == first["items"][0]["index"] - 1
    only = call("GET", "/audit?action=product.create&actor=officer").json()["items"]
    assert [entry["entry"]["action"] for entry in only] == ["product.create"]
    assert call("GET", f"/audit/{only[0]['index']}").json() == only[0]
    assert call("GET", "/audit/99999").status_code in (404, 422)


def test_a_document_goes_in_and_comes_out_as_it_was_and_only_as_a_download(call):
    made = call(
        "POST",
        "/documents?about_kind=use&about=mary-use&type=model-card&title=Card",
        content=b"<script>",
        headers={"Content-Type": "text/html", "Idempotency-Key": "d-1"},
    )
    assert (made.status_code, made.json()["media_type"], made.json()["size"]) == (201, "text/html", 8)

    shown = call("GET", f"/documents/{made.json()['id']}/content")
    assert shown.content == b"<script>"
    assert shown.headers["Content-Type"] == "application/octet-stream"
    assert shown.headers["Content-Disposition"].startswith("attachment")
    assert shown.headers["X-Content-Type-Options"] == "nosniff"
    nowhere = "/documents?about_kind=use&about=no-use&type=x&title=x"
    assert call("POST", nowhere, content=b"x", headers={"Content-Type": "text/plain"}).status_code == 422


def test_an_export_is_a_file_of_what_was_asked_and_no_cell_is_a_formula(call):
    call("PATCH", "/uses/mary-use", json={"name": "=cmd()"}, headers={"If-Match": '"1"'})

    for kind, begins in (("csv", b"\xef\xbb\xbfid,"), ("json", b'{"items"'), ("xlsx", b"PK")):
        assert call("GET", f"/inventory/export?format={kind}&site=st-mary").content.startswith(begins)
    assert b"'=cmd()" in call("GET", "/inventory/export?site=st-mary").content
    facets = call("GET", "/inventory/facets").json()
    assert facets["total"] == 2
    assert {"value": "proposed", "count": 2} in facets["facets"]["stage"]


def test_a_second_product_of_a_name_is_409_with_the_first_one_unless_it_is_said_on_purpose(call):
    refused = call("POST", "/products", json={"name": " sepsis SCORE", "vendor": "acme"})
    meant = call("POST", "/products", json={"name": "Sepsis score", "vendor": "acme", "another": True})

    assert (refused.status_code, meant.status_code) == (409, 201)
    assert "sepsis has this name" in refused.json()["detail"]
    assert "another" not in meant.json()


def test_evidence_that_may_mean_two_products_waits_for_a_person_to_say_which(call):
    call("POST", "/products", json={"id": "twin", "name": "Sepsis score", "vendor": "acme", "another": True})
    call("POST", "/uses", json={"product": "twin", "name": "Falls"})
    digest = call("POST", "/evidence", json=_plain(product="Sepsis score", version="7", use=None)).json()["digest"]

    (waits,) = call("GET", "/doubts").json()["items"]
    assert (waits["digest"], waits["products"]) == (digest, ["sepsis", "twin"])
    assert call("GET", "/doubts", who="mary").status_code == 403
    where = f"/evidence/{digest}/meaning"
    assert call("POST", where, json={"product": "flc"}).status_code == 422
    assert call("POST", where, json={"product": "twin"}).json()["product_id"] == "twin"
    assert call("POST", where, json={"product": "sepsis"}).status_code == 404
    assert call("GET", "/doubts").json()["items"] == []
