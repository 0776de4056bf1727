"""The web application and the API as one, and the server that runs them."""

from __future__ import annotations

import asyncio
import gc
import importlib
import ipaddress
import logging
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from types import FrameType
from typing import Any, Final

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from codman.api.app import make_api
from codman.api.traffic import Traffic
from codman.errors import BadInput
from codman.flows.address import answering_at
from codman.flows.house import House
from codman.flows.rounds import making_rounds
from codman.telemetry import CONNECTIONS, ROUTES
from codman.wiring import traced

_API: Final = ("/api/", "/schemas/")
_WATCH: Final = frozenset({"/healthz", "/readyz", "/metrics"})
_GRACE_SECONDS: Final = 10
_MOST_CONNECTIONS: Final = 1000


class BadAddress(BadInput):
    """An address that cannot be served on."""

    def __init__(self, host: str, port: int, why: str) -> None:
        super().__init__(
            what=f"{host}:{port} cannot be served on",
            why=why,
            fix="give another --host or --port; port 0 takes any free one",
        )


class OpenToTheNetwork(BadInput):
    """A server that others could listen to, because nothing encrypts what it says."""

    def __init__(self, host: str) -> None:
        super().__init__(
            what=f"{host} is reachable from other machines, and nothing here encrypts the connection",
            why="passwords and tokens would cross the network in the clear",
            fix="put a TLS proxy in front, set CODMAN_PUBLIC_URL to its https address and give --behind-proxy; "
            "or serve on 127.0.0.1",
        )


class Pages:
    """The pages, loaded while the API answers already: who asks for one before that waits for it.

    Args:
        house: The open house.
    """

    def __init__(self, house: House) -> None:
        self._house = house
        self._made: Future[ASGIApp] = Future()
        self._begun = threading.Lock()

    def load(self, then: Callable[[Future[ASGIApp]], None] = lambda _made: None) -> None:
        """Begin to load them, once, in a thread of its own.

        Args:
            then: Told when they are there, or why not.
        """
        self._made.add_done_callback(then)  # also where a request was quicker to begin it
        if self._begun.acquire(blocking=False):
            threading.Thread(target=self._load, name="pages", daemon=True).start()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request for a page."""
        if not self._made.done():
            self.load()
            await asyncio.wait([asyncio.wrap_future(self._made)])
        await self._made.result()(scope, receive, send)

    def _load(self) -> None:
        try:
            web: Any = importlib.import_module("codman.web.app")
            made = web.make_web(self._house)
            ROUTES.declare(path for route in made.routes if (path := getattr(route, "path", None)))
            self._made.set_result(made)
        except BaseException as error:  # noqa: BLE001 - whoever waits must be told, whatever it was
            self._made.set_exception(error)


def application(house: House, pages: Pages | None = None) -> ASGIApp:
    """The API under /api and /schemas, what looks after servers at the root, the pages everywhere else.

    Args:
        house: The open house.
        pages: Its pages; without, they are loaded when the first is asked for.
    """
    api, web = make_api(house), pages or Pages(house)

    async def both(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            return
        for_machines = scope["path"].startswith(_API) or scope["path"] in _WATCH
        await (api if for_machines else web)(scope, receive, send)

    return Traffic(both)


def settle() -> None:
    """Leave all that was loaded out of the garbage collector's rounds: going over it held single requests up."""
    gc.collect()
    gc.freeze()
    gc.enable()


def serve(
    house: House,
    host: str,
    port: int,
    *,
    behind_proxy: bool = False,
    ready: Callable[[str], None] = lambda _address: None,
) -> None:
    """Serve the house until it is told to stop; what is being worked on is finished first.

    Args:
        house: The open house.
        host: Where to listen.
        port: On which port; 0 takes any free one.
        behind_proxy: A proxy in front terminates TLS and says who asks.
        ready: Told the address once it answers.

    Raises:
        OpenToTheNetwork: Others can reach the address and nothing encrypts it.
        BadAddress: The address is taken, or not this machine's.
        ServedAlready: Another server has this workspace.
    """
    public = house.settings.public_url or ""
    if not is_loopback(host) and not (behind_proxy or public.startswith("https://")):
        raise OpenToTheNetwork(host)
    listening = _listen(host, port)
    _log_to_stderr()
    pages = Pages(house)
    config = uvicorn.Config(
        application(house, pages),
        log_config=None,
        access_log=False,
        server_header=False,
        lifespan="off",
        ws="none",
        proxy_headers=behind_proxy,
        timeout_graceful_shutdown=_GRACE_SECONDS,
        limit_concurrency=_MOST_CONNECTIONS,
    )
    shown = f"[{host}]" if ":" in host else host
    local = f"http://{shown}:{listening.getsockname()[1]}"
    address = (house.settings.public_url or local).rstrip("/")
    answering = answering_at(house.settings.workspace, local, alone=house.database.sqlite)
    with listening, answering, traced(house.settings), making_rounds(house):
        server = _Server(config, lambda: _open(pages, server, lambda: ready(address)))
        server.run(sockets=[listening])
    if server.fault is not None:
        raise server.fault


def _open(pages: Pages, server: _Server, ready: Callable[[], None]) -> None:
    """Say that the API answers, and have the pages follow; a server whose pages cannot be made ends."""

    def loaded(made: Future[ASGIApp]) -> None:
        server.fault = made.exception()
        if server.fault is not None:
            server.should_exit = True
        settle()

    ready()
    pages.load(loaded)


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach an address."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class _Server(uvicorn.Server):
    """Says when it answers; told to stop, it ends as any command that is done."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready
        self.fault: BaseException | None = None
        CONNECTIONS.follow(lambda: len(self.server_state.connections))

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._ready()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        def stop(number: int, frame: FrameType | None) -> None:
            self.handle_exit(number, frame)

        before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def _listen(host: str, port: int) -> socket.socket:
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family, backlog=2048)
    except (OSError, OverflowError) as error:
        raise BadAddress(host, port, getattr(error, "strerror", None) or str(error)) from None


def _log_to_stderr() -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(message)s"))
    for name, level in (
        ("codman.access", logging.INFO),
        ("codman.egress", logging.INFO),
        ("uvicorn.error", logging.WARNING),
    ):
        log = logging.getLogger(name)
        log.handlers, log.propagate = [handler], False
        log.setLevel(level)
