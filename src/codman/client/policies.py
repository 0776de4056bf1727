"""Policies: the packs there are, what one policy demands; frameworks and their controls."""

from __future__ import annotations

from codman.client.review_answers import FrameworkLine, FrameworkRead, PackLine, PolicyRead
from codman.client.sending import Sender


class Policies:
    """Packs of ready policies, and the hospital's own."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    def list(self, *, at: str | None = None) -> list[PackLine]:
        """Every pack with its policies, and how each stands on a day (YYYY-MM-DD; today without)."""
        reply = self._sender.send("GET", "/policies", query={"at": at}).json()
        return [PackLine.model_validate(one) for one in reply["items"]]

    def get(self, name: str, *, at: str | None = None) -> PolicyRead:
        """One policy, as it holds on a day.

        Raises:
            NotThere: No pack has it.
            Refused: It holds on other days.
        """
        return PolicyRead.model_validate(self._sender.send("GET", f"/policies/{name}", query={"at": at}).json())


class Frameworks:
    """What laws, regulators and standards ask, control by control."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    def list(self, *, at: str | None = None) -> list[FrameworkLine]:
        """Every framework, and how each stands on a day."""
        reply = self._sender.send("GET", "/frameworks", query={"at": at}).json()
        return [FrameworkLine.model_validate(one) for one in reply["items"]]

    def get(self, name: str, *, at: str | None = None) -> FrameworkRead:
        """One framework with its controls, as it holds on a day."""
        return FrameworkRead.model_validate(self._sender.send("GET", f"/frameworks/{name}", query={"at": at}).json())
