"""Servers on loopback that speak the shapes ServiceNow and Jira document, and take webhooks; they fail as told."""

from __future__ import annotations

import base64
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

USER, PASSWORD = "codman", "correct horse"


class FakeReceiver:
    """What every receiver shares: its records, and what it does to the next requests."""

    def __init__(self) -> None:
        self.records: list[dict[str, Any]] = []
        self.requests: list[tuple[str, str, dict[str, str], bytes]] = []
        self.next: list[tuple[int, dict[str, str]]] = []  # statuses and headers it answers with instead
        self.lose_answers = 0  # of so many writes, done and not answered
        self.url = ""

    def answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[int, Any]:
        raise NotImplementedError

    def signed_in(self, headers: dict[str, str]) -> bool:
        return headers.get("authorization") == "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()


class FakeServiceNow(FakeReceiver):
    """The Table API of an instance with one table."""

    def answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[int, Any]:
        parts = urlsplit(path)
        if not self.signed_in(headers):
            detail = {"message": "User Not Authenticated", "detail": "Required to provide Auth information"}
            return 401, {"error": detail, "status": "failure"}
        if parts.path != "/api/now/table/incident":
            return 400, {"error": {"message": "Invalid table", "detail": None}, "status": "failure"}
        if method == "GET":
            asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
            field, _, wanted = asked["sysparm_query"].partition("=")
            # an unknown field is left out of a query, which then finds all
            known = [r for r in self.records if field not in r or r[field] == wanted]
            fields = asked["sysparm_fields"].split(",")
            limit = int(asked["sysparm_limit"])
            return 200, {"result": [{name: r.get(name, "") for name in fields} for r in known][:limit]}
        assert headers["content-type"] == "application/json"
        record = {"number": f"INC{10001 + len(self.records):07}", "sys_id": f"{len(self.records):032x}"}
        record |= json.loads(body)
        self.records.append(record)
        return 201, {"result": record}


class FakeJira(FakeReceiver):
    """A site with one project, GOV."""

    def answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[int, Any]:
        parts = urlsplit(path)
        if not self.signed_in(headers):
            return 401, {"errorMessages": ["You do not have the permission to see the specified issue."]}
        if (method, parts.path) == ("GET", "/rest/api/3/search/jql"):
            jql = parse_qs(parts.query)["jql"][0]
            label = re.fullmatch(r'labels = "(\S+)"', jql)
            if label is None:
                return 400, {"errorMessages": ["Error in the JQL Query"], "errors": {}}
            found = [r for r in self.records if label[1] in r["fields"]["labels"]]
            return 200, {"issues": [{"id": r["id"], "key": r["key"]} for r in found], "isLast": True}
        if (method, parts.path) != ("POST", "/rest/api/3/issue"):
            return 404, {"errorMessages": ["not found"]}
        fields = json.loads(body)["fields"]
        errors = {}
        if fields["project"] != {"key": "GOV"}:
            errors["project"] = "valid project is required"
        if "\n" in fields["summary"] or len(fields["summary"]) > 255:
            errors["summary"] = "The summary is invalid because it contains newline characters."
        if any(" " in label for label in fields["labels"]):
            errors["labels"] = "The label contains spaces which is invalid."
        if not _is_document(fields["description"]):
            errors["description"] = "Operation value must be an Atlassian Document"
        if errors:
            return 400, {"errorMessages": [], "errors": errors}
        record = {"id": str(10000 + len(self.records)), "key": f"GOV-{1 + len(self.records)}"}
        self.records.append({**record, "fields": fields})
        return 201, {**record, "self": f"{self.url}/rest/api/3/issue/{record['id']}"}


class FakeHook(FakeReceiver):
    """Takes webhooks, each id once."""

    def answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[int, Any]:
        assert (method, path) == ("POST", "/hook")
        if headers["webhook-id"] not in {r["id"] for r in self.records}:
            self.records.append({"id": headers["webhook-id"], "headers": headers, "body": body})
        return 204, None


@contextmanager
def serving(receiver: FakeReceiver) -> Iterator[FakeReceiver]:
    """A receiver at an address of its own until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        def _handle(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            receiver.requests.append((self.command, self.path, headers, body))
            if receiver.next:
                status, more = receiver.next.pop(0)
                return self._say(status, None, more)
            status, said = receiver.answer(self.command, self.path, headers, body)
            if self.command == "POST" and receiver.lose_answers:
                receiver.lose_answers -= 1
                return self.close_connection_now()
            return self._say(status, said, {})

        do_GET = do_POST = _handle  # noqa: N815 (the library's names)

        def close_connection_now(self) -> None:
            self.close_connection = True
            self.connection.close()

        def _say(self, status: int, said: Any, headers: dict[str, str]) -> None:
            body = b"" if said is None else json.dumps(said).encode()
            self.send_response(status)
            for name, value in {
                "Content-Type": "application/json",
                "Content-Length": str(len(body)),
                **headers,
            }.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nothing: the test's output is no log."""

    class Server(ThreadingHTTPServer):
        def handle_error(self, *_: object) -> None:
            """Nothing: connections are closed on purpose."""

    with Server(("127.0.0.1", 0), Handler) as httpd:
        receiver.url = f"http://127.0.0.1:{httpd.server_port}"
        threading.Thread(target=httpd.serve_forever, daemon=True).start()
        yield receiver
        httpd.shutdown()


def _is_document(node: Any) -> bool:
    return node["type"] == "doc" and node["version"] == 1 and all(_is_block(n) for n in node["content"])


def _is_block(node: Any) -> bool:
    if node["type"] in ("bulletList", "listItem"):
        return bool(node["content"]) and all(_is_block(n) for n in node["content"])
    return node["type"] == "paragraph" and all(
        n["type"] == "hardBreak" or (n["type"] == "text" and n["text"]) for n in node["content"]
    )
