"""MLflow's server for tests: a real one where it is installed, and one that answers as it is told."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import httpx
import pytest

from waiting import until

# MLflow wants an older pyarrow than Codman has, so it lives in an environment of its own
HOME = Path(os.environ.get("CODMAN_TEST_MLFLOW", Path.home() / ".cache" / "codman-mlflow" / "venv"))


def free_port() -> int:
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        return int(door.getsockname()[1])


@contextmanager
def real_server(folder: Path) -> Iterator[str]:
    """A real MLflow server, empty; its address."""
    program = HOME / "bin" / "mlflow"
    if not program.exists():
        pytest.skip(f"no MLflow here: python -m venv {HOME} && {HOME}/bin/pip install mlflow==3.17.2")
    port = free_port()
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


class FakeServer(BaseHTTPRequestHandler):
    """Answers every request with the status and the body that the test lays out."""

    status = 200
    body: bytes = b"{}"

    def do_GET(self) -> None:
        self.send_response(self.status)
        if self.status in (301, 302):
            self.send_header("Location", "http://127.0.0.1:1/")
        self.end_headers()
        self.wfile.write(self.answer())

    def answer(self) -> bytes:
        """What this request gets."""
        return self.body

    def log_message(self, *_: object) -> None:
        """Nothing: the test's output is no log."""


@contextmanager
def fake_server(kind: type[FakeServer] = FakeServer) -> Iterator[tuple[type[FakeServer], str]]:
    """A server of one test's own, and its address."""
    handler = type("Handler", (kind,), {})
    with HTTPServer(("127.0.0.1", 0), handler) as httpd:
        threading.Thread(target=httpd.serve_forever, daemon=True).start()
        yield handler, f"http://127.0.0.1:{httpd.server_port}"
        httpd.shutdown()
