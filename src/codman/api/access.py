"""Who is at the API's door, and that every operation says what it takes to pass."""

from __future__ import annotations

import ipaddress
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

from codman.api.operation import OPEN, Operation
from codman.errors import CodmanError
from codman.evidence.canonical import sha256
from codman.flows.house import House
from codman.registry.access import ACTIONS, NotSignedIn, Reader, require_any
from codman.registry.accounts import reader_of_token
from codman.registry.database import DatabaseAway
from codman.settings import Settings

_FORWARDED: Final = ("x-forwarded-for", "x-forwarded-host", "x-real-ip", "forwarded", "via")


class Undeclared(CodmanError):
    """An operation that nobody decided who may use: the API does not start with one."""

    def __init__(self, operation: str, why: str) -> None:
        super().__init__(
            what=f"the operation {operation} cannot be served",
            why=why,
            fix="declare its action, one of registry.access.ACTIONS, and give it a path and a name of its own",
        )


def check(operations: Sequence[Operation]) -> None:
    """Refuse a table in which an operation has no action, or shares its name or place with another.

    Raises:
        Undeclared: There is one.
    """
    names = Counter(one.name for one in operations)
    places = Counter((one.method, one.path) for one in operations)
    for one in operations:
        unknown = [action for action in one.action.split("|") if action != OPEN and action not in ACTIONS]
        if unknown:
            raise Undeclared(one.name, f"its action {unknown[0]!r} is not in the table of who may do what")
        if names[one.name] > 1 or places[one.method, one.path] > 1:
            raise Undeclared(one.name, f"{one.method} {one.path} or its name is declared twice")


def admit(house: House, operation: Operation, headers: Mapping[str, str], address: str | None = None) -> Reader | None:
    """Whose token came with a request, if they may do this at all. Which record they may do it to, the flows decide.

    Args:
        house: The open house.
        operation: What is asked for.
        headers: The request's, by name in lower case.
        address: Where it comes from.

    Returns:
        The reader; None where the operation is open to everybody, or to this machine.

    Raises:
        NotSignedIn: There is no token, or none that is good.
        NotAllowed: The token's owner, or the token, may do this nowhere.
    """
    if operation.action == OPEN or (operation.on_this_machine and is_this_machine(house.settings, headers, address)):
        return None
    scheme, _, token = headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise NotSignedIn("no token came with the request")
    try:
        reader = reader_of_token(house.database, token.strip())
    except DatabaseAway:
        if operation.waits == "apart" and _LATELY.knows(house, operation, token.strip()):
            return None
        raise
    require_any(reader, *operation.action.split("|"))
    if operation.waits == "apart":
        _LATELY.note(house, operation, token.strip())
    return reader


class Lately:
    """Whose token was good a while ago: what the server tells of itself is needed most while its database is away.

    Args:
        seconds: For how long it is remembered.
        most: How many are; beyond that all are forgotten.
    """

    def __init__(self, seconds: float = 900.0, most: int = 100) -> None:
        self._seconds, self._most = seconds, most
        self._noted: dict[str, float] = {}

    def note(self, house: House, operation: Operation, token: str) -> None:
        """It is good now."""
        if len(self._noted) >= self._most:
            self._noted = {}
        self._noted[self._key(house, operation, token)] = time.monotonic()

    def knows(self, house: House, operation: Operation, token: str) -> bool:
        """Whether it was good lately, for this."""
        at = self._noted.get(self._key(house, operation, token))
        return at is not None and time.monotonic() - at < self._seconds

    def _key(self, house: House, operation: Operation, token: str) -> str:
        return sha256(f"{house.log_origin}\n{operation.name}\n{token}".encode())


_LATELY: Final = Lately()


def is_this_machine(settings: Settings, headers: Mapping[str, str], address: str | None) -> bool:
    """Whether a request that needs no token from this machine comes from it, with nobody in between.

    A proxy here would make everybody's requests look like this machine's own, and so would a page in a browser here
    whose name leads to loopback: where there is a public address, a forwarding header or another host's name, it is no.
    """
    if not settings.metrics_on_loopback or settings.public_url is not None or any(n in headers for n in _FORWARDED):
        return False
    host = headers.get("host", "").rpartition(":")[0] or headers.get("host", "")
    return _is_loopback(address or "") and (host == "localhost" or _is_loopback(host.strip("[]")))


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False
