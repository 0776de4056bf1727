"""Records over the API: pages, preconditions, problems, requests that come twice, and who sees what."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

MERGE = {"Content-Type": "application/merge-patch+json"}


def test_a_new_record_is_answered_with_201_its_place_and_its_etag(call):
    made = call("POST", "/products", json={"name": "Fall risk", "kind": "built"})

    assert made.status_code == 201
    assert made.headers["ETag"] == '"1"'
    again = call("GET", made.headers["Location"])
    assert again.json() == made.json()
    assert again.json()["name"] == "Fall risk"


def test_a_list_gives_its_items_and_the_next_cursor_until_there_is_none(call):
    for number in range(7):
        call("POST", "/products", json={"name": f"Product {number}"})
    seen, cursor = [], {}
    while True:
        page = call("GET", "/products", params={"limit": 3, "order": "name", **cursor}).json()
        assert set(page) == {"items", "next"}
        seen += [item["name"] for item in page["items"]]
        if page["next"] is None:
            break
        cursor = {"cursor": page["next"]}

    assert seen == [*(f"Product {number}" for number in range(7)), "Sepsis score"]


def test_an_edit_without_if_match_is_428_a_stale_one_412_and_a_good_one_raises_the_etag(call):
    bare = call("PATCH", "/uses/mary-use", json={"topic": "sepsis"})
    assert (bare.status_code, "ETag" in bare.json()["fix"], '"3"' in bare.json()["fix"]) == (428, True, False)
    assert call("PATCH", "/uses/mary-use", json={"topic": "x"}, headers={"If-Match": "*"}).status_code == 428
    good = call("PATCH", "/uses/mary-use", json={"topic": "sepsis"}, headers={"If-Match": '"1"', **MERGE})
    assert (good.status_code, good.headers["ETag"], good.json()["topic"]) == (200, '"2"', "sepsis")

    stale = call("PATCH", "/uses/mary-use", json={"topic": "other"}, headers={"If-Match": '"1"'})
    assert stale.status_code == 412
    assert stale.json()["revision"] == 2
    assert stale.headers["ETag"] == '"2"'
    assert call("GET", "/uses/mary-use").json()["topic"] == "sepsis"


def test_a_weak_or_foreign_etag_never_matches(call):
    for tag in ('W/"1"', '"abc"', "1"):
        assert call("PATCH", "/uses/mary-use", json={"topic": "x"}, headers={"If-Match": tag}).status_code == 412


def test_what_the_reader_has_already_is_answered_304_without_a_body(call):
    first = call("GET", "/uses/mary-use")
    for tag in (first.headers["ETag"], f'W/{first.headers["ETag"]}, "x"', "*"):
        again = call("GET", "/uses/mary-use", headers={"If-None-Match": tag})
        assert (again.status_code, again.content) == (304, b"")
    listed = call("GET", "/uses")
    assert call("GET", "/uses", headers={"If-None-Match": listed.headers["ETag"]}).status_code == 304
    call("PATCH", "/uses/mary-use", json={"topic": "x"}, headers={"If-Match": '"1"'})
    assert call("GET", "/uses", headers={"If-None-Match": listed.headers["ETag"]}).status_code == 200


def test_null_empties_a_field_and_what_is_left_out_stays(call):
    changed = call("PATCH", "/uses/mary-use", json={"purpose": None}, headers={"If-Match": '"1"', **MERGE}).json()

    assert changed["purpose"] is None
    assert changed["site"] == "st-mary"


def test_an_edit_that_says_nothing_changes_nothing(call):
    same = call("PATCH", "/uses/mary-use", json={}, headers={"If-Match": '"1"', **MERGE})

    assert (same.status_code, same.headers["ETag"], same.json()) == (200, '"1"', call("GET", "/uses/mary-use").json())


@pytest.mark.parametrize(
    ("path", "field", "value"),
    [
        ("/products/sepsis", "generative", "yes"),
        ("/products/sepsis", "generative", 1),
        ("/vendors/acme", "baa", "true"),
        ("/vendors/acme", "annual_cost", "12"),
        ("/vendors/acme", "annual_cost", True),
        ("/people/mary", "active", 0),
    ],
)
def test_what_only_looks_like_a_number_or_a_yes_is_no_value(call, path, field, value):
    refused = call("PATCH", path, who="admin", json={field: value}, headers={"If-Match": '"1"', **MERGE})

    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, f"/{field}")
    assert call("GET", path).json()["revision"] == 1


def test_the_same_request_twice_is_done_once_and_its_key_is_good_for_no_other(call):
    key = {"Idempotency-Key": "7d1f"}
    first = call("POST", "/products", json={"name": "Once"}, headers=key)
    again = call("POST", "/products", json={"name": "Once"}, headers=key)
    other = call("POST", "/products", json={"name": "Twice"}, headers=key)

    assert again.status_code == first.status_code == 201
    assert again.content == first.content
    assert (other.status_code, other.json()["type"]) == (409, "https://codman.dev/problems/key-reused")
    # another sender's key is another key
    assert call("POST", "/products", who="admin", json={"name": "Twice"}, headers=key).status_code == 201
    names = [item["name"] for item in call("GET", "/products").json()["items"]]
    assert names == ["Once", "Sepsis score", "Twice"]


def test_thirty_requests_at_once_under_one_key_make_one_record(call):
    same = ("POST", "/products", {"json": {"name": "Once"}, "headers": {"Idempotency-Key": "k"}})
    replies = call.together(*[same] * 30)

    assert {reply.status_code for reply in replies} == {201}
    assert len({reply.json()["id"] for reply in replies}) == 1


def test_an_id_used_again_with_the_same_fields_is_the_same_and_with_others_409(call):
    body = {"id": "fall-risk", "name": "Fall risk"}
    assert call("POST", "/products", json=body).status_code == 201
    assert call("POST", "/products", json=body).json()["revision"] == 1

    refused = call("POST", "/products", json={**body, "name": "Another"})
    assert (refused.status_code, refused.json()["type"]) == (409, "https://codman.dev/problems/already-there")


def test_a_problem_names_each_field_by_its_pointer_and_says_what_to_do(call):
    refused = call("POST", "/products", json={"kind": "stolen", "colour": "red"})

    assert refused.status_code == 422
    assert refused.headers["Content-Type"] == "application/problem+json"
    problem = refused.json()
    assert set(problem) >= {"type", "title", "status", "detail", "fix", "errors", "instance"}
    assert {error["pointer"] for error in problem["errors"]} == {"/name", "/kind", "/colour"}
    assert refused.headers["X-Request-Id"] == problem["instance"]


def test_a_patch_names_the_field_that_cannot_be_kept(call):
    refused = call("PATCH", "/uses/mary-use", json={"owner": "nobody-here"}, headers={"If-Match": '"1"'})

    assert refused.status_code == 422
    assert refused.json()["errors"][0]["pointer"] == "/owner"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b'{"name": "a", "name": "b"}', 400),
        (b"[" * 100_000, 400),
        (b'{"name": NaN}', 400),
        (b'{"name": "\\ud800"}', 400),
        (b'{"name": "\\u0000"}', 400),
        (b'"text"', 422),
        (b'{"name": 1e400}', 400),
        (b'{"name": ' + b"9" * 5000 + b"}", 400),
        (b"\xff\xfe", 400),
    ],
)
def test_hostile_json_is_a_plain_problem(call, body, status):
    reply = call("POST", "/products", content=body, headers={"Content-Type": "application/json"})

    assert reply.status_code == status
    assert reply.json()["type"].startswith("https://codman.dev/problems/")


def test_a_body_of_another_type_is_415(call):
    assert call("POST", "/products", content=b"name=x", headers={"Content-Type": "text/plain"}).status_code == 415
    assert call("POST", "/products", content=b"{}").status_code == 415


def test_a_query_that_no_list_has_is_refused_and_named(call):
    for query in ("colour=red", "limit=0", "limit=501", "limit=x", "order=colour", "cursor=%00", "limit=1&limit=2"):
        refused = call("GET", f"/uses?{query}")
        assert refused.status_code in (400, 422), query
        assert refused.json()["detail"]


def test_what_another_site_has_is_404_to_read_and_what_is_seen_but_not_ours_403_to_change(call):
    assert call("GET", "/uses/mary-use", who="mary").status_code == 200
    assert call("GET", "/uses/john-use", who="mary").status_code == 404
    assert call("GET", "/deployments/john-run", who="mary").status_code == 404
    assert call("GET", "/facts/fact-1", who="mary").status_code == 404
    assert call("GET", "/sites/st-john", who="mary").status_code == 404
    edit = {"json": {"topic": "x"}, "headers": {"If-Match": '"1"'}}
    assert call("PATCH", "/uses/john-use", who="mary", **edit).status_code == 404
    # the product runs at st-john too: mary sees it, and may not change it for both
    assert call("GET", "/products/sepsis", who="mary").status_code == 200
    renamed = {"json": {"name": "x"}, "headers": {"If-Match": '"1"'}}
    assert call("PATCH", "/products/sepsis", who="mary", **renamed).status_code == 403
    assert [item["id"] for item in call("GET", "/uses", who="mary").json()["items"]] == ["mary-use"]


def test_no_token_or_a_bad_one_is_401_and_says_how_to_sign_in(call):
    for headers in ({}, {"Authorization": "Bearer codman_wrong"}, {"Authorization": "Basic YTpi"}):
        refused = call("GET", "/uses", who=None, headers=headers)
        assert refused.status_code == 401
        assert refused.headers["WWW-Authenticate"].startswith("Bearer")


def test_a_filter_by_a_value_that_the_field_never_holds_is_422_and_names_the_parameter(call):
    refused = call("GET", "/uses?stage=lvie")

    assert refused.status_code == 422
    assert refused.json()["errors"][0]["pointer"] == "/query/stage"
    assert "'live'" in refused.json()["fix"]
    assert call("GET", "/uses?stage=(missing)").json()["items"] == []


def test_uses_are_found_by_words_filters_and_their_opposites(call):
    def found(query):
        return [item["id"] for item in call("GET", f"/uses?{query}").json()["items"]]

    assert found("q=mary") == ["mary-use"]
    assert found("site=st-john") == ["john-use"]
    assert found("site=st-john&site=st-mary&order=-name") == ["mary-use", "john-use"]
    assert found("not_site=st-john") == ["mary-use"]
    assert found("purpose=(missing)") == ["john-use"]


def test_uses_are_found_by_when_their_vendors_contract_ends(call):
    soon = (datetime.now(UTC).date() + timedelta(days=30)).isoformat()
    call("PATCH", "/vendors/acme", json={"contract_ends": soon}, headers={"If-Match": '"1"'})
    call("POST", "/products", json={"id": "own", "name": "Our own", "kind": "built"})
    call("POST", "/uses", json={"id": "own-use", "product": "own", "name": "Own"})

    def found(query):
        listed, counted = call("GET", f"/uses?{query}"), call("GET", f"/inventory/facets?{query}")
        assert counted.json()["total"] == len(listed.json()["items"])
        return {item["id"] for item in listed.json()["items"]}

    assert found("contract_ends=31") == {"mary-use", "john-use"}
    assert found("contract_ends=29") == set()
    assert found("contract_ends=29&contract_ends=40&site=st-john") == {"john-use"}
    assert found("not_contract_ends=31") == {"own-use"}
    for days in ("soon", "0", "3661", "-1", "٣"):
        refused = call("GET", "/inventory", params={"contract_ends": days})
        assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/query/contract_ends")


def test_all_sites_of_a_use_change_as_one_action(call):
    for name in ("a", "b", "c"):
        call("POST", "/sites", json={"id": name, "name": name, "level": "hospital", "parent": "north"})
    made = call("POST", "/uses/john-use/deployments", json={"sites": ["a", "b", "c"], "fields": {"mode": "silent"}})
    assert (made.status_code, len(made.json()["items"])) == (202, 3)

    listed = call("GET", "/uses/john-use/deployments")
    change = {"json": {"patch": {"mode": "live"}}, "headers": {"If-Match": listed.headers["ETag"]}}
    changed = call("PATCH", "/uses/john-use/deployments", **change)
    assert changed.status_code == 202
    assert {one["mode"] for one in changed.json()["items"]} == {"live"}
    assert call("PATCH", "/uses/john-use/deployments", **change).status_code == 412


def test_a_reason_given_with_a_change_stands_in_the_log(call):
    headers = {"If-Match": '"1"', "Codman-Reason": "the%20vendor%20said%20so%20%E2%80%93%20by%20letter"}
    call("PATCH", "/uses/mary-use", json={"topic": "x"}, headers=headers)

    newest = call("GET", "/audit?limit=1", who="auditor").json()["items"][0]
    assert newest["entry"]["action"] == "use.change"
    assert newest["texts"]["why"] == "the vendor said so – by letter"


def test_head_is_a_get_without_a_body_and_other_methods_are_405_with_those_there_are(call):
    got, head = call("GET", "/uses/mary-use"), call("HEAD", "/uses/mary-use")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["Content-Length"] == got.headers["Content-Length"]
    for method in ("PUT", "OPTIONS", "TRACE", "DELETE"):
        refused = call(method, "/uses/mary-use")
        assert refused.status_code == 405
        assert refused.headers["Allow"] == "GET, HEAD, PATCH"
        assert not any(name.startswith("access-control") for name in refused.headers)


def test_an_unknown_place_is_a_problem_too(call):
    missing = call("GET", "/nothing")

    assert missing.status_code == 404
    assert missing.headers["Content-Type"] == "application/problem+json"
    assert json.loads(missing.content)["type"] == "https://codman.dev/problems/not-found"
