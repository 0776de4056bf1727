"""What looks after servers asks: is it up, is it ready, what does it tell of itself; and nobody's name is in that."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest
from api_hospital import Caller, written_to
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families as read_text

from codman.api import access
from codman.api.access import is_this_machine
from codman.api.app import make_api
from codman.api.routes.catalog import every_operation
from codman.registry.database import Database
from codman.telemetry import LANE_WAITING, OTHER
from waiting import until

CANARY = "canary7qzx"
TEXT = "text/plain; version=0.0.4; charset=utf-8"


@pytest.fixture
def away(hospital):
    """The same house, whose database does not answer: nobody listens there."""
    return replace(hospital.house, database=Database("postgresql://codman:hunter2@127.0.0.1:1/none"))


def scraped(call, who="admin", **more):
    reply = call("GET", "/metrics", who=who, **more)
    assert reply.status_code == 200, reply.text
    return reply


def figures(call, **more):
    """Every sample of a scrape by its name and labels."""
    return {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in read_text(scraped(call, **more).text)
        for sample in family.samples
    }


def test_the_process_says_that_it_is_up_while_its_database_is_away(hospital, away):
    call = Caller(make_api(away), hospital.tokens)

    up, ready = call("GET", "/healthz", who=None), call("GET", "/readyz", who=None)
    call.close()

    assert (up.status_code, up.json()["status"]) == (200, "ok")
    assert ready.status_code == 503
    assert ready.headers["Retry-After"]
    assert ready.json()["detail"] == "database: it does not answer"
    assert "hunter2" not in ready.text
    assert "127.0.0.1" not in ready.text


def test_it_is_up_and_tells_of_itself_while_every_other_request_waits(call, hospital):
    seen = []
    # another event loop, as another connection would be: its requests share the house, not the lanes
    call_app = make_api(hospital.house)

    def look(go):
        other = Caller(call_app, hospital.tokens)
        try:
            until(lambda: LANE_WAITING.figure().samples.get(("changing",)) == 56)
            seen.extend(other("GET", path, who=who) for path, who in LOOKS)
        finally:
            other.close()
            go.set()

    with written_to(hospital.house) as go:
        looking = threading.Thread(target=look, args=(go,))
        looking.start()
        replies = call.together(*[("POST", "/products", {"json": {"name": f"P{n}"}}) for n in range(80)])
    looking.join()

    assert [one.status_code for one in seen] == [200, 200, 200]
    assert {one.status_code for one in replies} == {201, 429}
    assert 'codman_lane_waiting{lane="changing"} 56.0' in seen[2].text
    assert 'codman_lane_working{lane="changing"} 8.0' in seen[2].text
    after = figures(call)
    assert after["codman_lane_waiting", ("lane", "changing")] == 0
    assert after["codman_lane_working", ("lane", "changing")] == 0
    assert after["codman_http_refused_total", ("status", "429")] >= 16


LOOKS = (("/healthz", None), ("/readyz", None), ("/metrics", "admin"))


def test_a_server_that_is_well_says_what_it_looked_at(call):
    ready = call("GET", "/readyz", who=None)

    assert ready.status_code == 200
    assert ready.json() == {
        "status": "ready",
        "checks": dict.fromkeys(("database", "tables", "audit log", "store", "disk", "rounds"), "ok"),
    }


def test_only_a_token_for_it_reads_what_the_server_tells_of_itself(call):
    made = {
        scope: call("POST", "/people/admin/tokens", who="admin", json={"name": "scraper", "scopes": [scope]}).json()
        for scope in ("metrics.read", "evidence.read")
    }
    by = {scope: {"Authorization": f"Bearer {one['secret']}"} for scope, one in made.items()}

    assert call("GET", "/metrics", who=None).status_code == 401
    assert call("GET", "/metrics", who="owner").status_code == 403
    assert call("GET", "/metrics", who=None, headers=by["evidence.read"]).status_code == 403
    assert call("GET", "/metrics", who=None, headers=by["metrics.read"]).status_code == 200
    assert call("GET", "/uses", who=None, headers=by["metrics.read"]).status_code == 403
    assert call("POST", "/metrics", who="admin").status_code == 405


@pytest.mark.parametrize(
    ("address", "headers", "expected"),
    [
        ("127.0.0.1", {"host": "127.0.0.1:8000"}, True),
        ("127.0.0.1", {"host": "localhost:8000"}, True),
        ("::1", {"host": "[::1]:8000"}, True),
        ("10.0.0.7", {"host": "127.0.0.1:8000"}, False),
        ("127.0.0.1", {"host": "evil.test:8000"}, False),  # a name that leads here, in a browser here
        ("127.0.0.1", {"host": "codman.hospital.test"}, False),
        ("127.0.0.1", {}, False),
        (None, {"host": "127.0.0.1"}, False),
        *(("127.0.0.1", {"host": "localhost", name: "10.0.0.7"}, False) for name in access._FORWARDED),
    ],
)
def test_this_machine_is_who_comes_from_it_with_nobody_in_between(hospital, address, headers, expected):
    settings = hospital.house.settings
    allowed = settings.model_copy(update={"metrics_on_loopback": True})

    assert is_this_machine(allowed, headers, address) is expected
    assert is_this_machine(settings, headers, address) is False
    behind = allowed.model_copy(update={"public_url": "https://codman.hospital.test"})
    assert is_this_machine(behind, headers, address) is False


def test_a_setting_lets_this_machine_read_it_and_nothing_else(hospital):
    house = replace(hospital.house, settings=hospital.house.settings.model_copy(update={"metrics_on_loopback": True}))
    call = Caller(make_api(house), hospital.tokens)
    here = {"Host": "127.0.0.1:8000"}

    assert call("GET", "/metrics", who=None, headers=here).status_code == 200
    assert call("GET", "/metrics", who=None, headers={"Host": "elsewhere.test"}).status_code == 401
    assert call("GET", "/uses", who=None, headers=here).status_code == 401
    call.close()


@pytest.mark.parametrize(
    ("accept", "media_type", "read"),
    [
        ("", TEXT, read_text),
        ("*/*", TEXT, read_text),
        ("text/plain;version=0.0.4", TEXT, read_text),
        (
            "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5",
            "application/openmetrics-text; version=1.0.0; charset=utf-8",
            read_openmetrics,
        ),
    ],
)
def test_it_is_told_in_the_format_that_is_asked_for(call, accept, media_type, read):
    call("GET", "/uses")

    reply = scraped(call, headers={"Accept": accept})

    assert reply.headers["Content-Type"].startswith(media_type)
    families = {family.name: family for family in read(reply.text)}
    assert families["codman_http_request_seconds"].type == "histogram"
    assert families["codman_audit_log_entries"].samples[0].value > 10
    for name in ("codman_build_info", "codman_disk_bytes", "codman_outbox_messages", "codman_job_lag_seconds"):
        assert families[name].samples, name
    assert "process_resident_memory_bytes" in families


def test_requests_are_counted_by_route_and_class_of_status_and_a_histogram_adds_up(call):
    def count(figures, method, route, status, kind="count", *more):
        labels = sorted([("method", method), ("route", route), ("status", status), *more])
        return figures.get((f"codman_http_request_seconds_{kind}", *labels), 0)

    before = figures(call)
    for _ in range(5):
        call("GET", "/uses/mary-use")
    call("GET", "/uses/none")
    call("GET", "/nowhere/at-all")
    after = figures(call)

    route = "/api/v1/uses/{id}"
    assert count(after, "GET", route, "2xx") - count(before, "GET", route, "2xx") == 5
    assert count(after, "GET", route, "4xx") - count(before, "GET", route, "4xx") == 1
    assert count(after, "GET", "(none)", "4xx") - count(before, "GET", "(none)", "4xx") == 1
    assert count(after, "GET", route, "2xx", "bucket", ("le", "+Inf")) == count(after, "GET", route, "2xx")
    assert after["codman_http_requests_in_flight",] == 1  # the scrape itself


def test_no_name_id_or_word_of_a_request_becomes_a_label(call):
    routes = [one for one in every_operation() if not one.at_root]
    for number, one in enumerate(routes):
        path = one.path
        while "{" in path:
            path = path.partition("{")[0] + f"{CANARY}{number}" + path.partition("}")[2]
        headers = {"X-Request-Id": CANARY, "User-Agent": CANARY, "traceparent": f"00-{CANARY}-{CANARY}-01"}
        call(one.method, f"{path}?{CANARY}={CANARY}", headers=headers, content=CANARY.encode())
    call(CANARY.upper(), f"/uses/{CANARY}")
    call("GET", f"/{CANARY}", who=None, headers={"Authorization": f"Bearer {CANARY}"})

    text = scraped(call).text
    assert CANARY not in text.lower()
    for known in ("mary-use", "st-mary", "Sepsis", "hospital.test", "officer"):
        assert known not in text
    templates = {one.path if one.at_root else "/api/v1" + one.path for one in every_operation()}
    said = {
        label: {s.labels[label] for f in read_text(text) for s in f.samples if label in s.labels}
        for label in ("route", "method", "status", "purpose", "statement", "lane", "outcome", "way")
    }
    assert said["route"] <= templates | {"(none)", "/static", OTHER} | _pages(said["route"])
    assert said["method"] <= {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", OTHER}
    assert said["status"] <= {"1xx", "2xx", "3xx", "4xx", "5xx", "408", "413", "429", "503"}


def _pages(routes):
    """Pages' routes that other tests of this process asked for: templates too, without an id."""
    return {route for route in routes if CANARY not in route and not route.startswith("/api")}


def test_figures_are_told_while_the_database_is_away_to_whom_they_were_told_lately(hospital, away, monkeypatch):
    token = {"Authorization": f"Bearer {hospital.tokens['auditor']}"}
    call, broken = Caller(make_api(hospital.house), hospital.tokens), Caller(make_api(away), hospital.tokens)
    monkeypatch.setattr(access, "_LATELY", access.Lately())

    assert broken("GET", "/metrics", who=None, headers=token).status_code == 503
    assert call("GET", "/metrics", who=None, headers=token).status_code == 200
    text = broken("GET", "/metrics", who=None, headers=token)
    other = broken("GET", "/metrics", who="officer")
    call.close()
    broken.close()

    assert text.status_code == 200
    assert 'codman_source_failed{source="database"} 1.0' in text.text
    assert 'codman_source_failed{source="disk"} 0.0' in text.text
    assert other.status_code == 503


def test_who_may_no_longer_is_not_remembered_for_ever_nor_for_anything_else(hospital):
    (metrics,) = [one for one in every_operation() if one.name == "get_metrics"]
    (uses,) = [one for one in every_operation() if one.name == "list_uses"]
    lately = access.Lately(seconds=0.0, most=1)
    lately.note(hospital.house, metrics, "t")
    assert not lately.knows(hospital.house, metrics, "t")

    lately = access.Lately(most=1)
    lately.note(hospital.house, metrics, "t")
    assert lately.knows(hospital.house, metrics, "t")
    assert not lately.knows(hospital.house, uses, "t")
    assert not lately.knows(hospital.house, metrics, "T")
    lately.note(hospital.house, metrics, "u")
    assert not lately.knows(hospital.house, metrics, "t")


def test_a_database_that_hangs_holds_one_thread_however_many_ask(hospital, monkeypatch):
    go = threading.Event()
    asked = []

    def hang(_connection):
        asked.append(threading.current_thread())
        go.wait(30)
        return 0

    monkeypatch.setattr("codman.flows.operations.readiness.size_of", hang)
    monkeypatch.setattr("codman.api.routes.service_watch._READY_WITHIN_S", 0.2)
    call = Caller(make_api(hospital.house), hospital.tokens)
    replies = [call("GET", "/readyz", who=None) for _ in range(3)]
    go.set()
    call.close()

    assert {one.status_code for one in replies} == {503}
    assert {one.json()["detail"] for one in replies} == {"database: it does not answer in time"}
    assert len(asked) == 1
