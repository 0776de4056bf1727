"""MLflow's model registry: a real server where one is installed, and servers that answer otherwise."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from codman.egress.policy import read_policy
from codman.errors import Unreachable
from codman.flows.house import House
from codman.flows.inventory import asked, list_uses
from codman.flows.inventory_import import import_table
from codman.flows.operator import OPERATOR
from codman.integrations.mlflow import NotMlflow, registered_models
from codman.settings import read_settings
from codman.wiring import open_house
from waiting import until

# MLflow wants an older pyarrow than Codman has, so it lives in an environment of its own
HOME = Path(os.environ.get("CODMAN_TEST_MLFLOW", Path.home() / ".cache" / "codman-mlflow" / "venv"))


def free_port() -> int:
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        return int(door.getsockname()[1])


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real MLflow server with three models of several versions."""
    program = HOME / "bin" / "mlflow"
    if not program.exists():
        pytest.skip(f"no MLflow here: python -m venv {HOME} && {HOME}/bin/pip install mlflow==3.17.2")
    folder, port = tmp_path_factory.mktemp("mlflow"), free_port()
    address = f"http://127.0.0.1:{port}"
    environment = {**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}
    command = [
        str(program),
        "server",
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
        "--workers",
        "1",
        "--backend-store-uri",
        f"sqlite:///{folder / 'm.db'}",
        "--artifacts-destination",
        str(folder),
    ]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, env=environment, cwd=folder, stdout=log, stderr=log, start_new_session=True)
        try:

            def serves() -> bool:
                assert process.poll() is None, (folder / "log").read_text()[-2000:]
                return answers(address)

            until(serves, within=120, every=0.2)
            fill(address)
            yield address
        finally:
            os.killpg(process.pid, 15)
            process.wait(timeout=30)
            shutil.rmtree(folder, ignore_errors=True)


def answers(address: str) -> bool:
    try:
        return httpx.get(f"{address}/health", trust_env=False).status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False


def fill(address: str) -> None:
    with httpx.Client(base_url=f"{address}/api/2.0/mlflow/", trust_env=False, timeout=30) as client:

        def post(path: str, **body: object) -> None:
            client.post(path, json=body).raise_for_status()

        post(
            "registered-models/create",
            name="sepsis",
            description="Warns of sepsis",
            tags=[{"key": "unit", "value": "ICU"}],
        )
        for number in (1, 2):
            post("model-versions/create", name="sepsis", source=f"s3://models/sepsis/{number}")
        post(
            "model-versions/transition-stage",
            name="sepsis",
            version="2",
            stage="Production",
            archive_existing_versions=False,
        )
        client.post(
            "registered-models/alias", json={"name": "sepsis", "alias": "champion", "version": "2"}
        ).raise_for_status()
        post("registered-models/create", name="it's a trial")
        post("model-versions/create", name="it's a trial", source="s3://models/trial/1")
        post("registered-models/create", name="empty", description="")


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    opened = open_house(read_settings(workspace=tmp_path / "w", database_url=f"sqlite:///{tmp_path / 'b.db'}"))
    yield opened
    opened.close()


def test_a_real_servers_models_become_products_with_their_newest_version(server, house):
    table = registered_models(server, read_policy([server], []))
    done = import_table(house, OPERATOR, table, "mlflow")
    again = import_table(house, OPERATOR, registered_models(server, read_policy([server], [])), "mlflow")

    assert (done.rows, done.created, again.unchanged) == (3, 3, 3)
    uses = {use.name: use for use in list_uses(house, OPERATOR, asked([]))}
    assert set(uses) == {"sepsis", "it's a trial", "empty"}
    assert (uses["sepsis"].stage, uses["sepsis"].decision) == ("live", "undecided (legacy)")
    assert uses["empty"].stage == "proposed"
    cells = {row.cells["name"]: row.cells for row in table.rows}
    assert cells["sepsis"]["version"] == "2"
    assert cells["sepsis"]["tag/unit"] == "ICU"
    assert cells["sepsis"]["aliases"] == "champion = version 2"
    assert cells["it's a trial"]["version/source"] == "s3://models/trial/1"


class FakeServer(BaseHTTPRequestHandler):
    """Answers with what the test lays out, a page at a time."""

    status = 200
    body: bytes = b"{}"
    pages: int = 0
    location: str | None = None

    def do_GET(self) -> None:
        query = parse_qs(urlsplit(self.path).query)
        body = self.body
        if self.pages and "registered-models" in self.path:
            page = int(query.get("page_token", ["0"])[0])
            answer = {"registered_models": [{"name": f"model-{page}"}]}
            body = json.dumps(answer | ({"next_page_token": str(page + 1)} if page + 1 < self.pages else {})).encode()
        self.send_response(self.status)
        if self.location:
            self.send_header("Location", self.location)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing: the test's output is no log."""


@pytest.fixture
def fake() -> Iterator[tuple[type[FakeServer], str]]:
    class Handler(FakeServer):
        """One test's own."""

    with HTTPServer(("127.0.0.1", 0), Handler) as httpd:
        threading.Thread(target=httpd.serve_forever, daemon=True).start()
        yield Handler, f"http://127.0.0.1:{httpd.server_port}"
        httpd.shutdown()


def test_every_page_is_read(fake):
    handler, address = fake
    handler.pages = 7

    assert [row.cells["name"] for row in registered_models(address, read_policy([address], [])).rows] == [
        f"model-{n}" for n in range(7)
    ]


@pytest.mark.parametrize(
    ("status", "body", "why"),
    [
        (401, b"", "status 401"),
        (500, b"", "status 500"),
        (200, b"<html>", "not answer in JSON"),
        (200, b"[]", "holds no list"),
        (200, b'{"registered_models": 5}', "holds no list"),
    ],
)
def test_a_server_that_is_no_mlflow_is_named_as_such(fake, status, body, why):
    handler, address = fake
    handler.status, handler.body = status, body

    with pytest.raises(NotMlflow, match=why):
        registered_models(address, read_policy([address], []))


def test_a_redirect_to_another_address_is_not_followed(fake):
    handler, address = fake
    handler.status, handler.location = 302, "http://127.0.0.1:1/"

    with pytest.raises(NotMlflow, match="status 302"):
        registered_models(address, read_policy([address], []))


def test_a_server_that_does_not_answer_is_unreachable():
    address = f"http://127.0.0.1:{free_port()}"
    with pytest.raises(Unreachable, match="does not answer"):
        registered_models(address, read_policy([address], []))
