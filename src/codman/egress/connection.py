"""One connection: the name is looked up once, and the address that was judged is the one connected to."""

from __future__ import annotations

import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Final

import httpcore

from codman.egress.origin import Origin
from codman.egress.policy import Address, EgressPolicy
from codman.errors import Unreachable

LookUp = Callable[[str, int], Sequence[str]]  # a name and a port in, addresses in digits out
_MOST_ADDRESSES: Final = 8


class NoAnswerOutside(Unreachable):
    """Somebody else's server does not answer, or not within its bounds."""

    def __init__(self, to: str, why: str) -> None:
        super().__init__(
            what=f"{to} does not answer",
            why=why,
            fix="see that it runs and that this machine may reach it",
        )


class Deadline:
    """A moment by which a whole call must be over."""

    def __init__(self, seconds: float, to: str) -> None:
        self._until = time.monotonic() + seconds
        self._seconds, self._to = seconds, to

    def left(self, most: float | None = None) -> float:
        """Seconds left, or fewer where `most` is less.

        Raises:
            NoAnswerOutside: None.
        """
        left = self._until - time.monotonic()
        if left <= 0:
            raise NoAnswerOutside(self._to, f"it took longer than {self._seconds:g} seconds")
        return left if most is None else min(left, most)


def look_up(host: str, port: int) -> list[str]:
    """The addresses of a name, in the order in which the system would try them."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(each[4][0]) for each in found))


def addresses_of(origin: Origin, policy: EgressPolicy, deadline: Deadline, ask: LookUp = look_up) -> list[Address]:
    """Where a call may go. One address that must not be called makes all of them doubtful.

    Raises:
        EgressRefused: One is private or reserved, and not named.
        NoAnswerOutside: The name is not known.
    """
    try:
        found = [ipaddress.ip_address(origin.host)]
    except ValueError:
        found = [ipaddress.ip_address(each) for each in _in_time(lambda: ask(origin.host, origin.port), deadline)]
    if not found:
        raise NoAnswerOutside(str(origin), "its name is not known")
    for address in found:
        policy.require_address(origin, address)
    return found[:_MOST_ADDRESSES]


class Pinned(httpcore.NetworkBackend):
    """Connects to addresses that were judged, whatever name it is given; the name is still what TLS must prove."""

    def __init__(self, addresses: Sequence[Address], deadline: Deadline) -> None:
        self._addresses, self._deadline = addresses, deadline
        self._sockets = httpcore.SyncBackend()
        self.reached: Address | None = None  # the one that answered

    def connect_tcp(
        self,
        host: str,  # noqa: ARG002  it was looked up already
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect to the first address that answers."""
        for address in self._addresses[:-1]:
            try:
                return self._connect(address, port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                continue
        return self._connect(self._addresses[-1], port, timeout, local_address, socket_options)

    def _connect(
        self,
        address: Address,
        port: int,
        timeout: float | None,
        local_address: str | None,
        options: Iterable[httpcore.SOCKET_OPTION] | None,
    ) -> httpcore.NetworkStream:
        left = self._deadline.left(timeout)
        stream = self._sockets.connect_tcp(str(address), port, left, local_address, options)
        self.reached = address
        return _InTime(stream, self._deadline)


class _InTime(httpcore.NetworkStream):
    """A connection on which nothing lasts beyond the call's deadline, however slowly it comes."""

    def __init__(self, stream: httpcore.NetworkStream, deadline: Deadline) -> None:
        self._stream, self._deadline = stream, deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, self._deadline.left(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._deadline.left(timeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        secured = self._stream.start_tls(ssl_context, server_hostname, self._deadline.left(timeout))
        return _InTime(secured, self._deadline)

    def get_extra_info(self, info: str) -> object:
        return self._stream.get_extra_info(info)


def _in_time(work: Callable[[], Sequence[str]], deadline: Deadline) -> Sequence[str]:
    """What a look-up finds; the system's own has no time limit, so it is left behind when time is over."""
    found: list[str] = []

    def look() -> None:
        try:
            found.extend(work())
        except (OSError, UnicodeError):
            found.clear()

    thread = threading.Thread(target=look, daemon=True, name="egress-look-up")
    thread.start()
    thread.join(deadline.left())
    if thread.is_alive():
        deadline.left(0)
    return tuple(found)
