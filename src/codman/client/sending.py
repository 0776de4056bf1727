"""One request and its reply: sent again where that is safe, with a pause that grows."""

from __future__ import annotations

import random
import time
import uuid
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import quote

import httpx

from codman.client.problems import NoAnswer, refusal
from codman.errors import BadInput

TRIES: Final = 5
_AGAIN: Final = frozenset({408, 429, 502, 503, 504})
_LONGEST_PAUSE: Final = 30.0
_TIMEOUT: Final = httpx.Timeout(30.0, connect=5.0)

_AT_ROOT: Final = ("/schemas", "/healthz", "/readyz", "/metrics")


class BadServer(BadInput):
    """An address that is no server's, or one a token must not be sent to."""

    def __init__(self, server: str, why: str) -> None:
        super().__init__(
            what=f"{server[:200]!r} cannot be used as a server",
            why=why,
            fix="give its https address: --server or CODMAN_SERVER",
        )


class Sender:
    """Sends requests to one server.

    Args:
        server: Its address, https unless it is this machine.
        token: Whose rights the requests have.
        transport: How they travel; the network without.
        pause: Waits some seconds; tests do not.
    """

    def __init__(
        self,
        server: str,
        token: str | None,
        *,
        verify: bool = True,
        transport: httpx.BaseTransport | None = None,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self.server = _checked(server)
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        self._http = httpx.Client(
            base_url=self.server, headers=headers, timeout=_TIMEOUT, verify=verify, transport=transport
        )
        self._pause = pause

    def close(self) -> None:
        """Let go of the connection."""
        self._http.close()

    def send(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        json: Any = None,
        content: bytes | None = None,
        media_type: str | None = None,
        etag: str | None = None,
        why: str | None = None,
        once: bool = False,
        again: bool | None = None,
        seconds: float | None = None,
    ) -> httpx.Response:
        """Send a request; again, where it is safe and may help.

        Args:
            method: Its method.
            path: After /api/v1, or from the root for schemas and what a server tells of itself.
            query: What is asked; lists are repeated.
            json: The body as plain types.
            content: The body as bytes.
            media_type: What the body is.
            etag: The revision an edit is made on.
            why: The reason for a change.
            once: Whether the server takes an Idempotency-Key here, so that the request may be sent again.
            again: Whether it may be sent again for another reason: by itself it changes nothing twice.
            seconds: How long the answer may take; half a minute without.

        Raises:
            NoAnswer: The server could not be reached, or stayed busy or away.
            Refused: It said no.
        """
        headers: dict[str, str] = {}
        if media_type is not None:
            headers["Content-Type"] = media_type
        if etag is not None:
            headers["If-Match"] = etag
        if why is not None:
            headers["Codman-Reason"] = quote(why)
        if once:
            headers["Idempotency-Key"] = str(uuid.uuid4())
        # an edit under If-Match happens once: a second time its revision has passed
        safe = again if again is not None else once or method in ("GET", "HEAD")
        trouble = "it stayed busy"
        for number in range(TRIES if safe else 1):
            if number:
                self._pause(_wait(number))
            try:
                reply = self._http.request(
                    method,
                    path if path.startswith(_AT_ROOT) else f"/api/v1{path}",
                    params=_query(query),
                    json=json,
                    content=content,
                    headers=headers,
                    timeout=_TIMEOUT if seconds is None else httpx.Timeout(seconds, connect=_TIMEOUT.connect),
                )
            except httpx.TransportError as error:
                trouble = str(error)[:200] or type(error).__name__
                continue
            if reply.status_code not in _AGAIN:
                return _fine(reply)
            trouble = f"it answered {reply.status_code}"
            after = reply.headers.get("Retry-After", "")
            if safe and after.isdigit():
                self._pause(min(float(after), _LONGEST_PAUSE))
        raise NoAnswer(self.server, trouble)


def _fine(reply: httpx.Response) -> httpx.Response:
    if reply.is_success or reply.status_code == 304:
        return reply
    try:
        problem = reply.json()
    except ValueError:
        problem = {}
    raise refusal(reply.status_code, problem if isinstance(problem, dict) else {})


def _query(query: Mapping[str, Any] | None) -> dict[str, Any]:
    return {name: value for name, value in (query or {}).items() if value is not None and value != []}


def _wait(number: int) -> float:
    """Seconds before a try: doubling, and never the same for two senders."""
    return float(min(0.2 * 2.0**number, _LONGEST_PAUSE) * random.uniform(0.5, 1.0))  # noqa: S311 - spreads, hides nothing


def _checked(server: str) -> str:
    try:
        url = httpx.URL(server)
    except httpx.InvalidURL:
        raise BadServer(server, "it is no address") from None
    if url.scheme not in ("http", "https") or not url.host:
        raise BadServer(server, "it is no http or https address")
    if url.userinfo:
        raise BadServer(url.host, "it carries a password; a token is given by itself")
    if url.scheme == "http" and url.host not in ("127.0.0.1", "localhost", "::1"):
        raise BadServer(server, "a token would cross the network in the clear")
    return server.rstrip("/")
