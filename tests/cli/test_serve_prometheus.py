"""A real Prometheus reads a served house, stores what it is told, and answers questions about it."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys

import httpx
import pytest

from codman.registry.accounts_tokens import issue
from codman.registry.log import SYSTEM
from codman.registry.nouns import GRANTS, PEOPLE
from codman.settings import read_settings
from codman.spine.person import GrantFields, PersonFields, Role
from codman.wiring import open_house
from waiting import until

PROMETHEUS = shutil.which("prometheus")
_RUN = [sys.executable, "-c", "from codman.cli.main import main; main()", "serve", "--port", "0"]


def token(workspace, *scopes):
    """A token of an auditor's program, in a house made for it."""
    house = open_house(read_settings(workspace=workspace))
    with house.database.changing(SYSTEM) as change:
        PEOPLE.add(change, PersonFields(name="Auditor", email="a@hospital.test"), "p-auditor")
        GRANTS.add(change, GrantFields(person="p-auditor", role=Role.AUDITOR))
        made = issue(change, "p-auditor", list(scopes), house.database.clock(), days=9, name="scraper")
    house.close()
    return made.secret


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """A served house: its address, and a token for its figures."""
    workspace = tmp_path_factory.mktemp("served") / "work"
    secret = token(workspace, "metrics.read")
    process = subprocess.Popen([*_RUN, "--workspace", str(workspace)], stdout=-1, stderr=-1, text=True)
    address = re.search(r"answers at (http://\S+)", process.stderr.readline())[1]
    yield address, secret
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=20)


@pytest.fixture
def prometheus(served, tmp_path):
    """A Prometheus that reads it every second."""
    if PROMETHEUS is None:
        pytest.skip("no Prometheus here: install the package prometheus")
    address, secret = served
    (tmp_path / "token").write_text(secret)
    scrape = {
        "job_name": "codman",
        "authorization": {"credentials_file": str(tmp_path / "token")},
        "static_configs": [{"targets": [address.removeprefix("http://")]}],
    }
    config = {"global": {"scrape_interval": "1s"}, "scrape_configs": [scrape]}
    (tmp_path / "prometheus.yml").write_text(json.dumps(config))  # JSON is YAML
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [
            PROMETHEUS,
            f"--config.file={tmp_path / 'prometheus.yml'}",
            f"--storage.tsdb.path={tmp_path / 'tsdb'}",
            f"--web.listen-address=127.0.0.1:{port}",
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={"PATH": os.environ["PATH"]},
    )
    yield f"http://127.0.0.1:{port}"
    process.terminate()
    process.wait(timeout=20)


def test_a_real_prometheus_reads_the_house_and_answers_questions(served, prometheus):
    address, _ = served

    def asked(question):
        try:
            reply = httpx.get(f"{prometheus}/api/v1/query", params={"query": question}).json()
        except httpx.HTTPError:
            return None
        return [(one["metric"], float(one["value"][1])) for one in reply["data"]["result"]]

    until(lambda: asked("up == 1"), within=60, every=0.2)
    for _ in range(7):
        httpx.get(f"{address}/healthz")
    health = 'codman_http_request_seconds_count{route="/healthz",status="2xx"}'
    until(lambda: (found := asked(health)) and found[0][1] >= 7, within=30, every=0.2)

    (built,) = asked("codman_build_info")
    assert built[0]["database"] == "sqlite"
    (p99,) = asked('histogram_quantile(0.99, codman_http_request_seconds_bucket{route="/healthz"})')
    assert 0 < p99[1] < 5
    assert asked("codman_source_failed == 1") == []
    assert asked("codman_figures_in_time")[0][1] == 1
    assert asked("time() - codman_round_last_timestamp_seconds < 60") != []
    targets = httpx.get(f"{prometheus}/api/v1/targets").json()["data"]["activeTargets"]
    assert [(one["health"], one["lastError"]) for one in targets] == [("up", "")]


def test_what_looks_after_servers_asks_a_served_house_without_a_sign_in(served):
    address, secret = served

    assert httpx.get(f"{address}/healthz").json()["status"] == "ok"
    until(lambda: httpx.get(f"{address}/readyz").status_code == 200)
    assert httpx.head(f"{address}/readyz").status_code == 200
    assert httpx.get(f"{address}/metrics").status_code == 401
    told = httpx.get(f"{address}/metrics", headers={"Authorization": f"Bearer {secret}"})
    assert (told.status_code, "codman_http_connections 1.0" in told.text) == (200, True)
    pages = {httpx.get(f"{address}{path}").status_code for path in ("/", "/inventory", "/static/codman.css")}
    assert pages <= {200, 303}
    again = httpx.get(f"{address}/metrics", headers={"Authorization": f"Bearer {secret}"}).text
    assert 'route="/inventory",status="3xx"' in again
    assert 'route="/static",status="2xx"' in again
