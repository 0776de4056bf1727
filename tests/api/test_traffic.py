"""What every request passes: bounds on size and number, an id, a line in the log that quotes nothing, a plain 500."""

from __future__ import annotations

import json
import logging
import threading

import pytest
from api_hospital import Caller, furnish, written_to
from sqlalchemy.exc import OperationalError

from codman.api.app import make_api
from codman.api.operation import Answer, Operation
from codman.api.traffic import log
from codman.registry.log import SYSTEM
from codman.registry.nouns import GRANTS
from codman.settings import read_settings
from codman.wiring import open_house

CANARY = "MRN-0042-canary"


@pytest.fixture
def one_mb(tmp_path):
    house = open_house(read_settings(workspace=tmp_path / "work", max_body_mb=1))
    hospital = furnish(house)
    caller = Caller(make_api(house), hospital.tokens)
    yield caller
    caller.close()
    house.close()


def _lines(caplog):
    return [json.loads(record.getMessage()) for record in caplog.records if record.name == log.name]


def test_a_body_beyond_the_limit_is_413_whether_it_says_its_length_or_not(one_mb):
    headers = {"Content-Type": "application/json"}

    def chunks():
        for _ in range(3):
            yield b" " * 500_000

    async def streamed():
        for part in chunks():
            yield part

    assert one_mb("POST", "/products", content=b" " * 1_100_000, headers=headers).status_code == 413
    refused = one_mb("POST", "/products", content=streamed(), headers=headers)
    assert refused.status_code == 413
    assert refused.json()["type"] == "https://codman.dev/problems/too-large"


def test_ten_times_too_many_at_once_are_asked_to_come_again_and_reading_goes_on(call, hospital):
    # the changes wait behind a writer until their lane is full
    posts = [("POST", "/products", {"json": {"name": f"P{n}"}}) for n in range(640)]
    with written_to(hospital.house) as go:
        threading.Timer(1.0, go.set).start()
        replies = call.together(*posts, *[("GET", "/uses", {})] * 20)

    statuses = [reply.status_code for reply in replies[:640]]
    assert statuses.count(201) == 64
    assert statuses.count(429) == 576
    assert all(reply.headers["Retry-After"] == "1" for reply in replies if reply.status_code == 429)
    assert {reply.status_code for reply in replies[640:]} == {200}
    # what was answered is there, and nothing else
    assert len(call("GET", "/products?limit=500").json()["items"]) == 1 + 64


def test_the_log_says_what_was_done_by_whom_and_quotes_nothing(call, caplog):
    caplog.set_level(logging.INFO, logger=log.name)
    call("GET", f"/uses?q={CANARY}")
    call("GET", f"/uses/{CANARY.lower()}", headers={"User-Agent": CANARY, "X-Request-Id": f"{CANARY} x"})
    call("POST", "/products", json={"name": CANARY, "oops": CANARY})
    call("GET", f"/{CANARY}", who=None, headers={"Authorization": f"Bearer {CANARY}"})

    lines = _lines(caplog)
    assert CANARY.lower() not in "".join(record.getMessage() for record in caplog.records).lower()
    assert [line["status"] for line in lines] == [200, 404, 422, 404]
    assert lines[1]["route"] == "/api/v1/uses/{id}"
    assert lines[1]["reader"] == "officer"
    assert set(lines[0]) == {"request", "method", "route", "status", "ms", "reader"}


def test_a_request_keeps_the_id_it_was_given_in_reply_and_audit_log(call):
    made = call("POST", "/products", json={"name": "x"}, headers={"X-Request-Id": "trace-7"})

    assert made.headers["X-Request-Id"] == "trace-7"
    newest = call("GET", "/audit?limit=1").json()["items"][0]
    assert newest["entry"]["request"] == "trace-7"


def test_what_nobody_foresaw_is_a_plain_500_that_says_nothing_of_it(hospital, caplog):
    def fails(_call):
        raise RuntimeError(f"patient {CANARY}")

    broken = Operation(
        method="GET",
        path="/broken",
        name="broken",
        tag="service",
        action="open",
        summary="x",
        description="x",
        do=fails,
        answers=(Answer(200, "x"),),
    )
    caller = Caller(make_api(hospital.house, [broken]), hospital.tokens)
    reply = caller("GET", "/broken", who=None)
    caller.close()

    assert reply.status_code == 500
    assert reply.headers["Content-Type"] == "application/problem+json"
    assert CANARY not in reply.text + "".join(record.getMessage() for record in caplog.records)
    assert reply.json()["instance"] in "".join(record.getMessage() for record in caplog.records)


_NEW = {
    "vendors": {"name": "x"},
    "products": {"name": "x"},
    "versions": {"product": "sepsis", "label": "9"},
    "sites": {"name": "x", "level": "region"},
    "people": {"name": "x"},
    "uses": {"product": "sepsis", "name": "x"},
    "deployments": {"use": "mary-use", "site": "st-mary", "mode": "silent"},
    "facts": {"about_kind": "use", "about": "mary-use", "field": "hti-1/9", "value": "x", "source": "x"},
    "people/nobody/grants": {"role": "viewer"},
    "people/admin/tokens": {"name": "x", "scopes": ["*"]},
    "uses/john-use/deployments": {"sites": ["icu"], "fields": {"mode": "silent"}},
}
_CHANGED = {
    "vendors/acme": {"name": "y"},
    "products/sepsis": {"name": "y"},
    "versions/sepsis-1": {"label": "y"},
    "sites/st-john": {"name": "y"},
    "people/nobody": {"name": "y"},
    "uses/mary-use": {"topic": "y"},
    "deployments/icu-run": {"mode": "paused"},
    "facts/fact-1": {"value": "y"},
}


def test_where_the_audit_entry_cannot_be_written_nothing_changes_and_the_reply_is_503(call, hospital, monkeypatch):
    with hospital.house.database.changing(SYSTEM) as change:
        GRANTS.add(change, GRANTS.validated({"person": "admin", "role": "officer"}))
    before = {plural: call("GET", f"/{plural}", who="admin").content for plural in (*_NEW, "evidence")}

    def full(*_arguments):
        raise OperationalError("INSERT", {}, Exception("disk full"))

    monkeypatch.setattr("codman.registry.database.append", full)
    for path, body in _NEW.items():
        refused = call("POST", f"/{path}", who="admin", json=body)
        assert refused.status_code == 503, (path, refused.text)
        assert refused.headers["Retry-After"]
    for path, body in _CHANGED.items():
        assert call("PATCH", f"/{path}", who="admin", json=body, headers={"If-Match": '"1"'}).status_code == 503, path
    monkeypatch.undo()

    after = {plural: call("GET", f"/{plural}", who="admin").content for plural in before}
    assert after == before


def test_fifty_people_edit_one_use_at_once_and_no_edit_is_lost(call, whole):
    rounds, lost = (200 if whole else 5), 0
    for number in range(rounds):
        revision = call("GET", "/uses/mary-use").json()["revision"]
        edit = {"headers": {"If-Match": f'"{revision}"'}}
        replies = call.together(
            *(("PATCH", "/uses/mary-use", {**edit, "json": {"topic": f"{number}-{who}"}}) for who in range(50))
        )
        won = [reply for reply in replies if reply.status_code == 200]
        assert {reply.status_code for reply in replies} == {200, 412}
        now = call("GET", "/uses/mary-use").json()
        lost += len(won) != 1 or now["topic"] != won[0].json()["topic"] or now["revision"] != revision + 1
    assert lost == 0


def test_a_path_of_its_own_says_its_own_methods_though_it_looks_like_a_records(call):
    assert call("DELETE", "/concerns/export").headers["Allow"] == "GET, HEAD"
    assert "PATCH" in call("DELETE", "/concerns/concern-1").headers["Allow"]
