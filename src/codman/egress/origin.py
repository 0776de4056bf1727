"""Whom a call is meant for: scheme, host and port, written one way only."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

PORTS: Final = {"https": 443, "http": 80}
_NUMBER: Final = re.compile(r"(.*\.)?(\d+|0x[0-9a-f]*)")  # 2130706433, 0x7f.1: some systems take these for 127.0.0.1
_NAME: Final = re.compile(r"(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]*[a-z0-9])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9])?)*")


@dataclass(frozen=True, slots=True, order=True)
class Origin:
    """The part of an address that says who is called.

    Source: RFC 6454.
    """

    scheme: str
    host: str  # small letters; an IP address in its shortest form, without brackets
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"


def read_origin(text: str) -> Origin:
    """What a line of the allow list names: `https://HOST`, `http://HOST:PORT`, or `HOST:PORT`, which is https.

    Raises:
        ValueError: It is something else, or more than that; the message says what.
    """
    try:
        parts = urlsplit(text if "://" in text else f"https://{text}")
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise ValueError(f"{text[:80]!r} is no address") from None
    if parts.scheme not in PORTS:
        raise ValueError(f"{text[:80]!r} is neither https nor http")
    if parts.username is not None or parts.password is not None:
        raise ValueError("a password does not belong into an address")
    if parts.path not in ("", "/") or parts.query or parts.fragment or text != text.strip():
        raise ValueError(f"{text[:80]!r} is more than a host and a port")
    return origin_of(parts.scheme, host, port)


def origin_of(scheme: str, host: str, port: int | None) -> Origin:
    """The origin of parts that were read from an address.

    Raises:
        ValueError: The scheme is not known, or the host is neither a name in ASCII nor an IP address.
    """
    if scheme not in PORTS:
        raise ValueError(f"{scheme[:20]!r} is neither https nor http")
    if port == 0:
        raise ValueError("nobody answers at port 0")
    host = host.lower()
    try:
        host = ipaddress.ip_address(host).compressed
    except ValueError:
        # one way to write a name: no wildcard, no final dot, no letters beyond ASCII
        if not _NAME.fullmatch(host) or _NUMBER.fullmatch(host):
            raise ValueError(f"{host[:80]!r} is no host name in ASCII") from None
    return Origin(scheme, host, port or PORTS[scheme])
