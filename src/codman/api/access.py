"""Who is at the API's door, and that every operation says what it takes to pass."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from codman.api.operation import OPEN, Operation
from codman.errors import CodmanError
from codman.flows.house import House
from codman.flows.records import require_any
from codman.registry.access import ACTIONS, NotSignedIn, Reader
from codman.registry.accounts import reader_of_token


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


def admit(house: House, operation: Operation, headers: Mapping[str, str]) -> Reader | None:
    """Whose token came with a request, if they may do this at all. Which record they may do it to, the flows decide.

    Returns:
        The reader; None where the operation is open to everybody.

    Raises:
        NotSignedIn: There is no token, or none that is good.
        NotAllowed: The token's owner, or the token, may do this nowhere.
    """
    if operation.action == OPEN:
        return None
    scheme, _, token = headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise NotSignedIn("no token came with the request")
    reader = reader_of_token(house.database, token.strip())
    require_any(reader, *operation.action.split("|"))
    return reader
