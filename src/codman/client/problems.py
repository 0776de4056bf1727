"""What a server answered when it did not do what was asked, as errors a person can act on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from codman.errors import BadInput, CodmanError, NotProven, Unreachable


class NoAnswer(Unreachable):
    """The server could not be reached, or went on failing."""

    def __init__(self, server: str, why: str) -> None:
        super().__init__(
            what=f"{server} does not answer",
            why=why,
            fix="see that it runs, that CODMAN_SERVER names it, and that nothing stands between",
        )


class NotJson(BadInput):
    """A body that cannot be sent as JSON."""

    def __init__(self, why: str) -> None:
        super().__init__(
            what="this cannot be sent as a statement", why=why, fix="give its JSON as bytes, as text or as a dict"
        )


class Refused(CodmanError):
    """The server said no, and why."""

    exit_code = 2

    def __init__(self, status: int, problem: Mapping[str, Any]) -> None:
        super().__init__(
            what=str(problem.get("title", f"the server answered {status}")),
            why=str(problem.get("detail", "it did not say why")),
            fix=str(problem.get("fix", "see the server's log")),
        )
        self.status = status
        self.type = str(problem.get("type", "about:blank"))
        self.errors: list[dict[str, str]] = list(problem.get("errors", ()))
        self.request = problem.get("instance")


class NotThere(Refused, BadInput):
    """There is no such record within reach."""


class NotYours(Refused):
    """The token is not good for this."""


class Conflict(Refused):
    """Something that may stand once stands already, or a key was used for another request."""


class ChangedMeanwhile(Refused):
    """Somebody else changed the record."""

    def __init__(self, status: int, problem: Mapping[str, Any]) -> None:
        super().__init__(status, problem)
        self.revision: int | None = problem.get("revision")


class NotTaken(Refused, NotProven):
    """Evidence whose signature, subject or numbers the server does not accept."""

    exit_code = 1


def refusal(status: int, problem: Mapping[str, Any]) -> CodmanError:
    """A reply that is a problem, as the error it stands for."""
    name = str(problem.get("type", "")).rpartition("/")[2]
    if name == "not-proven":
        return NotTaken(status, problem)
    kinds = {401: NotYours, 403: NotYours, 404: NotThere, 409: Conflict, 412: ChangedMeanwhile}
    return kinds.get(status, Refused)(status, problem)
