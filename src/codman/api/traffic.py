"""What every request passes: an id, a line in the log, a bound on size and on how many are worked on at once."""

from __future__ import annotations

import asyncio
import json
import logging
import re
import secrets
import time
import traceback
from collections.abc import Callable, Mapping, MutableMapping
from typing import Any, Final, TypeVar

from anyio import CapacityLimiter
from anyio.to_thread import run_sync
from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from codman.api.problems import reply_with
from codman.api.replies import Reply
from codman.telemetry import (
    IN_FLIGHT,
    LANE_WAIT,
    LANE_WAITING,
    LANE_WORKING,
    METHODS,
    OTHER,
    REFUSED,
    REQUESTS,
    Span,
    tracer,
)

T = TypeVar("T")

log: Final = logging.getLogger("codman.access")

_GIVEN_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
_BODY_SECONDS: Final = 60.0
_PUT_OFF: Final = frozenset({408, 413, 429, 503})
_STATE: Final = "codman"


class Refused(Exception):  # not for a command line: it carries the reply itself
    """A request that is turned away before it is worked on."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.status)
        self.reply = reply


class Lane:
    """A way to the threads with room of its own, so that a rush of changes never keeps a reader waiting.

    Args:
        name: As figures say it, one of telemetry's LANES.
        threads: How many requests are worked on at once.
        waiting: How many more may wait; the next is asked to come again.
    """

    def __init__(self, name: str, threads: int = 8, waiting: int = 56) -> None:
        self._name = name
        self._most = threads + waiting
        self._threads = threads
        self._inside = 0
        self._limiter: CapacityLimiter | None = None

    async def work(self, work: Callable[[], T]) -> T:
        """Do some work in a thread.

        Raises:
            Refused: The lane is full.
        """
        if self._inside >= self._most:
            words = "changes" if self._name == "changing" else "requests"
            raise Refused(busy(f"{self._most} {words} are being worked on already"))
        if self._limiter is None:  # made inside the running loop, which it belongs to
            self._limiter = CapacityLimiter(self._threads)
        self._inside += 1
        came = time.perf_counter()
        began = 0.0

        def begin() -> T:
            nonlocal began
            began = time.perf_counter()
            LANE_WAIT.observe(began - came, self._name)
            LANE_WAITING.add(self._name, by=-1)
            LANE_WORKING.add(self._name)
            return work()

        LANE_WAITING.add(self._name)
        try:
            return await run_sync(begin, limiter=self._limiter)
        finally:
            self._inside -= 1
            (LANE_WORKING if began else LANE_WAITING).add(self._name, by=-1)  # who hung up while waiting never began


class Intake:
    """Reads bodies, none beyond the limit and not more at once than memory is set aside for.

    Args:
        limit: Largest body in bytes.
        at_once: How many largest bodies may be in memory together.
    """

    def __init__(self, limit: int, at_once: int = 4) -> None:
        self._limit = limit
        self._room = limit * at_once

    async def read(self, request: Request) -> bytes:
        """A request's body.

        Raises:
            Refused: It is too large, too slow, or there is no room now.
        """
        length = request.headers.get("content-length", "0")
        if length.isdigit() and int(length[:20]) > self._limit:
            raise Refused(self._too_large())
        parts: list[bytes] = []
        taken = 0
        try:
            async with asyncio.timeout(_BODY_SECONDS):
                async for part in request.stream():
                    taken += len(part)
                    self._room -= len(part)
                    parts.append(part)
                    if taken > self._limit:
                        raise Refused(self._too_large())
                    if self._room < 0:
                        raise Refused(busy("too many large bodies are arriving at once"))
            return b"".join(parts)
        except TimeoutError:
            raise Refused(
                reply_with(
                    "too-slow",
                    408,
                    what="the body did not arrive",
                    why=f"it took longer than {_BODY_SECONDS:.0f} seconds",
                    fix="send it again",
                )
            ) from None
        except ClientDisconnect:
            raise Refused(Reply(status=400, media_type=None)) from None  # nobody is there to read it
        finally:
            self._room += taken

    def _too_large(self) -> Reply:
        return reply_with(
            "too-large",
            413,
            what="the body is too large",
            why=f"it is larger than {self._limit // 1024 // 1024} MiB",
            fix="send less at once, or have CODMAN_MAX_BODY_MB raised",
            headers={"Connection": "close"},  # the rest of it is not read
        )


def busy(why: str) -> Reply:
    """Come again."""
    return reply_with(
        "busy",
        429,
        what="the server is busy",
        why=why,
        fix="wait as long as Retry-After says, then send it again",
        headers={"Retry-After": "1"},
    )


class Traffic:
    """Gives each request an id and a line in the log; what nobody foresaw becomes a plain 500 that says nothing.

    Args:
        app: What it stands around; it may be laid around several and each other, and counts a request once.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        if scope["type"] != "http" or _STATE in scope.get("state", {}):
            await self._app(scope, receive, send)
            return
        seen: dict[str, Any] = {"request": _id_of(scope), "route": None, "reader": None, "status": 500}
        scope.setdefault("state", {})[_STATE] = seen
        IN_FLIGHT.add()
        try:
            with tracer().span("request", "server", _header(scope, b"traceparent")) as span:
                await self._answered(scope, receive, send, seen, span)
        finally:
            IN_FLIGHT.add(by=-1)

    async def _answered(self, scope: Scope, receive: Receive, send: Send, seen: dict[str, Any], span: Span) -> None:
        began = time.perf_counter()
        started = False

        async def sending(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                seen["status"] = message["status"]
                message["headers"] = [*message.get("headers", ()), (b"x-request-id", seen["request"].encode())]
            await send(message)

        try:
            await self._app(scope, receive, sending)
        except Exception as error:  # noqa: BLE001 - the last door: whatever it is, the sender learns nothing of it
            # where, and of which type; never its message, which may quote what was sent
            where = traceback.extract_tb(error.__traceback__)[-1]
            log.error(_line(seen | {"error": type(error).__name__, "at": f"{where.filename}:{where.lineno}"}))
            if not started:
                await _fail(sending, seen["request"])
        finally:
            seconds = time.perf_counter() - began
            seen["route"] = seen["route"] or getattr(scope.get("route"), "path", None)
            _tell(scope, seen, seconds, span)
            trace = tracer().trace()
            traced = {} if trace is None else {"trace": trace}
            log.info(_line({**seen, **traced, "method": scope["method"], "ms": round(seconds * 1000, 1)}))


def _tell(scope: Scope, seen: Mapping[str, Any], seconds: float, span: Span) -> None:
    """Count a request, and name what was traced of it; by its route, never by its path."""
    method, status = scope["method"] if scope["method"] in METHODS else OTHER, seen["status"]
    route = seen["route"] or ("/static" if scope["path"].startswith("/static/") else "(none)")
    REQUESTS.observe(seconds, method, route, f"{status // 100}xx")
    if status in _PUT_OFF:
        REFUSED.add(str(status))
    span.call(f"{method} {route}")
    span.say({"http.request.method": method, "http.route": route, "http.response.status_code": status})
    if status >= 500:
        span.failed(str(status))


def state_of(scope: MutableMapping[str, Any]) -> dict[str, Any]:
    """What the log will say of a request."""
    seen: dict[str, Any] = scope["state"][_STATE]
    return seen


def _id_of(scope: Scope) -> str:
    given = _header(scope, b"x-request-id") or ""
    return given if _GIVEN_ID.fullmatch(given) else secrets.token_hex(8)


def _header(scope: Scope, name: bytes) -> str | None:
    given = dict(scope["headers"]).get(name)
    return None if given is None else given.decode("latin-1")


def _line(seen: dict[str, Any]) -> str:
    """Only these, in this order: no path, query, header or body ever reaches the log."""
    names = ("request", "trace", "method", "route", "status", "ms", "reader", "error", "at")
    return json.dumps({name: seen[name] for name in names if name in seen})


async def _fail(send: Send, request: str) -> None:
    reply = reply_with(
        "internal",
        500,
        what="the server failed",
        why="it met something it does not foresee; nothing was half done",
        fix="give the administrator this request's id, which stands in the server's log",
        instance=request,
    )
    headers = [(b"content-type", str(reply.media_type).encode()), (b"content-length", str(len(reply.body)).encode())]
    await send({"type": "http.response.start", "status": 500, "headers": headers})
    await send({"type": "http.response.body", "body": reply.body})
