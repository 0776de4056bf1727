"""Traces: from a real request, through the guarded way out, to a receiver of OTLP; nobody's word is in them."""

from __future__ import annotations

import json
import re
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "api"))
from api_hospital import Caller, furnish

from codman import telemetry
from codman.api.app import make_api
from codman.egress.client import GuardedClient
from codman.egress.policy import read_policy
from codman.errors import MissingExtra
from codman.flows.outbox import deliver_due, tell
from codman.flows.schedule import run_scheduled
from codman.integrations.opentelemetry import OpenTelemetry
from codman.jobs.notice import Notice
from codman.jobs.notifier import Message, NotAccepted
from codman.registry.log import SYSTEM
from codman.settings import BadSetting, read_settings
from codman.wiring import open_house, traced

CANARY = "canary7qzx"
TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
KINDS = {1: "internal", 2: "server", 3: "client", 4: "producer"}


@dataclass
class Collector:
    """Takes spans as a collector does, and refuses what is no OTLP."""

    address: str = ""
    spans: list[dict[str, Any]] = field(default_factory=list)
    heard: list[dict[str, str]] = field(default_factory=list)
    raw: list[bytes] = field(default_factory=list)
    status: int = 200

    def named(self, name: str) -> list[dict[str, Any]]:
        return [one for one in self.spans if one["name"] == name]


def read(body: bytes) -> Iterator[dict[str, Any]]:
    """Spans out of OTLP's JSON, each held to what the protocol says of its fields."""
    (of_us,) = json.loads(body)["resourceSpans"]
    resource = {one["key"]: one["value"] for one in of_us["resource"]["attributes"]}
    assert resource["service.name"] == {"stringValue": "codman"}
    (scope,) = of_us["scopeSpans"]
    assert scope["scope"]["name"] == "codman"
    for span in scope["spans"]:
        assert re.fullmatch(r"[0-9a-f]{32}", span["traceId"])
        assert re.fullmatch(r"[0-9a-f]{16}", span["spanId"])
        assert "parentSpanId" not in span or re.fullmatch(r"[0-9a-f]{16}", span["parentSpanId"])
        assert 0 < int(span["startTimeUnixNano"]) <= int(span["endTimeUnixNano"])
        assert span["status"]["code"] in (0, 2)
        about = {}
        for one in span["attributes"]:
            ((kind, value),) = one["value"].items()
            about[one["key"]] = {"stringValue": str, "intValue": int}[kind](value)
        yield {**span, "kind": KINDS[span["kind"]], "about": about}


@pytest.fixture
def collector() -> Iterator[Collector]:
    kept = Collector()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            kept.heard.append({**dict(self.headers), "path": self.path})
            kept.raw.append(body)
            kept.spans += read(body)
            self.send_response(kept.status)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_said: Any) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    kept.address = f"http://127.0.0.1:{server.server_address[1]}"
    yield kept
    server.shutdown()
    server.server_close()


@pytest.fixture
def house(tmp_path):
    made = open_house(read_settings(workspace=tmp_path / "work"))
    yield made
    made.close()


@contextmanager
def tracing(house, collector, **more) -> Iterator[None]:
    pytest.importorskip("opentelemetry.sdk", reason="the extra 'tracing' is not installed")
    with traced(house.settings.model_copy(update={"otlp_endpoint": collector.address, **more})):
        yield


def asked(house, *requests):
    hospital = furnish(house)
    call = Caller(make_api(house), hospital.tokens)
    replies = [call(method, path, **more) for method, path, more in requests]
    call.close()
    return replies


def test_a_request_is_one_trace_with_the_statements_it_made(house, collector):
    with tracing(house, collector):
        asked(house, ("GET", f"/uses/mary-use?{CANARY}=1", {}), ("GET", f"/uses/{CANARY}", {}), ("GET", "/uses", {}))

    (found,) = collector.named("GET /api/v1/uses")
    assert found["kind"] == "server"
    assert found["about"] == {
        "http.request.method": "GET",
        "http.route": "/api/v1/uses",
        "http.response.status_code": 200,
    }
    assert "parentSpanId" not in found
    inside = [one for one in collector.spans if one.get("parentSpanId") == found["spanId"]]
    assert {one["name"] for one in inside} >= {"database select"}
    for one in inside:
        assert one["traceId"] == found["traceId"]
        assert (one["kind"], one["about"]) == (
            "client",
            {"db.system.name": "sqlite", "db.operation.name": one["name"].split()[1].upper()},
        )
        assert int(one["startTimeUnixNano"]) >= int(found["startTimeUnixNano"]) - 1_000_000
    assert collector.heard[0]["path"] == "/v1/traces"
    # neither path nor query nor a statement's text or values
    for body in collector.raw:
        for word in (CANARY, "mary", "SELECT ", "officer", "hospital"):
            assert word.encode() not in body, word


def test_who_asks_may_say_which_trace_it_belongs_to_and_nonsense_begins_a_new_one(house, collector):
    parent = {"traceparent": f"00-{TRACE}-{PARENT}-01"}
    unwanted = {"traceparent": f"00-{TRACE}-{PARENT}-00"}
    nonsense = {"traceparent": f"00-{CANARY}-{PARENT}-01"}
    with tracing(house, collector):
        asked(
            house,
            ("GET", "/uses/mary-use", {"headers": parent}),
            ("GET", "/products/sepsis", {"headers": unwanted}),
            ("GET", "/sites/icu", {"headers": nonsense}),
        )

    (found,) = collector.named("GET /api/v1/uses/{id}")
    assert (found["traceId"], found["parentSpanId"]) == (TRACE, PARENT)
    assert collector.named("GET /api/v1/products/{id}") == []
    (new,) = collector.named("GET /api/v1/sites/{id}")
    assert new["traceId"] != TRACE
    assert "parentSpanId" not in new


def test_a_share_of_none_traces_nothing_by_itself(house, collector):
    with tracing(house, collector, trace_share=0.0):
        asked(house, ("GET", "/uses", {}), ("GET", "/uses", {"headers": {"traceparent": f"00-{TRACE}-{PARENT}-01"}}))

    assert {one["traceId"] for one in collector.spans} == {TRACE}


def test_the_log_names_the_trace_of_a_request(house, collector, caplog):
    caplog.set_level("INFO", logger="codman.access")
    with tracing(house, collector):
        asked(house, ("GET", "/uses", {"headers": {"traceparent": f"00-{TRACE}-{PARENT}-01"}}))
    asked_without = len(caplog.records)
    call = Caller(make_api(house), {})
    call("GET", "/healthz", who=None)
    call.close()

    lines = [json.loads(one.getMessage()) for one in caplog.records if one.name == "codman.access"]
    assert lines[0]["trace"] == TRACE
    assert asked_without == 1
    assert "trace" not in lines[-1]


def test_a_call_out_carries_the_trace_along_and_sending_traces_is_not_traced_itself(house, collector):
    policy = read_policy([collector.address], [])
    with tracing(house, collector), telemetry.tracer().span("job x", "internal"):
        here = telemetry.tracer().trace()
        with GuardedClient(policy, "webhook") as client:
            with pytest.raises(Exception, match="not called"):
                client.get("http://127.0.0.1:1/elsewhere")
            client.request("POST", f"{collector.address}/v1/traces", content=EMPTY)

    carried = [one for one in collector.heard if one.get("traceparent")]
    (found,) = [one for one in collector.named("call webhook") if one["status"]["code"] == 0]
    assert [one["traceparent"][:-2] for one in carried] == [f"00-{here}-{found['spanId']}-"]
    assert int(carried[0]["traceparent"][-2:], 16) & 1  # sampled
    assert found["about"] == {
        "http.request.method": "POST",
        "codman.purpose": "webhook",
        "http.response.status_code": 200,
    }
    (refused,) = [one for one in collector.named("call webhook") if one["status"]["code"] == 2]
    assert refused["about"]["error.type"] == "EgressRefused"
    assert collector.named("call traces") == []


EMPTY = json.dumps(
    {
        "resourceSpans": [
            {
                "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "codman"}}]},
                "scopeSpans": [{"scope": {"name": "codman"}, "spans": []}],
            }
        ]
    }
).encode()


class FakeNotifier:
    """Refuses everything."""

    def send(self, message: Message) -> str | None:
        raise NotAccepted(f"{message.to} is unknown: {CANARY}")


def test_jobs_and_messages_are_traced_and_what_failed_says_so_without_its_words(house, collector, monkeypatch):
    with house.database.changing(SYSTEM) as change:
        tell(change, "mail", f"{CANARY}@hospital.test", Notice(event="condition.due", title=CANARY, text=CANARY), "one")

    def fails(*_of: object) -> None:
        raise RuntimeError(CANARY)

    monkeypatch.setattr("codman.flows.schedule.tell_overdue", fails)
    with tracing(house, collector):
        deliver_due(replace(house, notifiers={"mail": FakeNotifier()}))
        run_scheduled(house)

    (sent,) = collector.named("send mail")
    assert (sent["kind"], sent["status"]["code"]) == ("producer", 2)
    (done,) = collector.named("job digest")
    assert (done["kind"], done["status"]["code"]) == ("internal", 0)
    (failed,) = collector.named("job overdue")
    assert failed["about"]["error.type"] == "a fault of our own: RuntimeError"
    assert not any(CANARY.encode() in body for body in collector.raw)


def test_a_collector_that_is_away_or_refuses_holds_nothing_up(house, collector, caplog):
    collector.status = 500
    with tracing(house, collector):
        (reply,) = asked(house, ("GET", "/uses", {}))
    assert reply.status_code == 200
    assert "were not taken: status 500" in caplog.text

    collector.address = "http://127.0.0.1:1"
    with tracing(house, collector):
        call = Caller(make_api(house), {})
        assert call("GET", "/healthz", who=None).status_code == 200
        call.close()
    assert "were not sent: NoAnswerOutside" in caplog.text


def test_what_is_sent_along_is_read_as_it_is_written_and_never_crosses_a_network_in_the_clear(house, collector):
    along = {"otlp_headers": SecretStr("Authorization=Bearer%20s3cret, X-Tenant=ward")}
    with tracing(house, collector, **along):
        asked(house, ("GET", "/uses", {}))
    assert collector.heard[0]["Authorization"] == "Bearer s3cret"
    assert collector.heard[0]["X-Tenant"] == "ward"

    for wrong, setting in (
        ({"otlp_endpoint": "http://collector.hospital.test:4318", **along}, "otlp_headers"),
        ({"otlp_headers": SecretStr("s3cret")}, "otlp_headers"),
        ({"otlp_endpoint": "http://user:s3cret@collector.test"}, "otlp_endpoint"),
        ({"otlp_endpoint": "ftp://collector.test"}, "otlp_endpoint"),
    ):
        with pytest.raises(BadSetting, match=setting) as refused, tracing(house, collector, **wrong):
            pass
        assert "s3cret" not in str(refused.value)


def test_without_the_extra_it_says_what_to_install_and_without_the_setting_nothing_is_needed(monkeypatch, house):
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    with pytest.raises(MissingExtra, match=r"codman\[tracing\]"):
        OpenTelemetry("http://127.0.0.1:4318", "", 1.0, read_policy([], []))
    with traced(house.settings):
        assert telemetry.tracer() is telemetry.UNTRACED
