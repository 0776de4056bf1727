"""A real OpenID provider on loopback: npm's oidc-provider, installed beside the tests' caches and run by node."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from platformdirs import user_cache_path

PACKAGE = "oidc-provider@9.13.3"
OURS = "http://127.0.0.1:8000"
SECRET = "a-secret-of-the-tests"  # noqa: S105 (of a provider that lives for one test)


def folder() -> Path | None:
    """Where the provider is installed, after installing it; None where that cannot be done."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        return None
    place = Path(os.environ.get("CODMAN_TEST_NODE", user_cache_path("codman-tests") / "node"))
    if not (place / "node_modules" / "oidc-provider").is_dir():
        place.mkdir(parents=True, exist_ok=True)
        (place / "package.json").touch()
        (place / "package.json").write_text('{"private": true}')
        try:
            done = subprocess.run(
                ["npm", "install", "--no-audit", "--no-fund", PACKAGE],
                cwd=place,
                capture_output=True,
                timeout=180,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return None
        if done.returncode:
            return None
    return place


@contextmanager
def running(place: Path) -> Iterator[str]:
    """The provider, started on a free port.

    Yields:
        Its issuer.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    script = Path(__file__).with_name("oidc_provider.mjs")
    process = subprocess.Popen(
        ["node", str(script), str(place), str(port), f"{OURS}/sign-in/back"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stdout is not None
        for line in process.stdout:
            if line.strip() == "ready":
                break
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(10)


class Away:
    """A browser at the provider: it remembers who signed in there."""

    def __init__(self, issuer: str) -> None:
        self.issuer = issuer
        self.client = httpx.Client(timeout=10)
        self.asked: list[str] = []  # login, consent: what it was asked on the last trip

    def go(self, address: str, login: str) -> str:
        """Follow an authorisation request to its end as a person would.

        Returns:
            Where the provider sends the browser: back to us.
        """
        self.asked = []
        for _ in range(12):
            answer = self.client.get(address)
            if answer.is_redirect:
                address = str(answer.next_request.url) if answer.next_request else ""
            else:
                answer.raise_for_status()
                prompt = "login" if 'value="login"' in answer.text else "consent"
                self.asked.append(prompt)
                sent = self.client.post(address, data={"prompt": prompt, "login": login, "password": "any"})
                address = str(sent.next_request.url) if sent.next_request else ""
            if address.startswith(f"{OURS}/"):
                return address.removeprefix(OURS)
        raise AssertionError(f"the provider did not send us back: {address}")
