"""Proposals and tiers: a use is proposed by answers, looked at, sent in; its tier read, set and agreed to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from codman.client.collections import Readable
from codman.client.sending import Sender
from codman.spine.determination import Determination
from codman.spine.intake import Intake, TriageRecord
from codman.spine.use import Tier


class Intakes(Readable[Intake]):
    """Proposals, drafts and those that were sent in."""

    def begin(self, answers: Mapping[str, Any] | None = None, *, use: str | None = None) -> Intake:
        """Begin a proposal, with first answers, or from a use of the book; sent again, it is one proposal."""
        body = {"answers": dict(answers or {}), "use": use}
        return self._read(self._sender.send("POST", self._path, json=body, once=True))

    def begin_from_file(self, body: bytes, *, row: str | None = None, mapping: str | None = None) -> Intake:
        """Begin a proposal from a CHAI card, a model registry's answer, a bill of materials or a list.

        Args:
            body: The file.
            row: The name of the use or model, where the file has several.
            mapping: The mapping to read it by; the one that fits without.

        Raises:
            Refused: No reader takes the file, or it has several uses and none was named.
        """
        query = {"row": row, "mapping": mapping}
        path = f"{self._path}/from-file"
        return self._read(
            self._sender.send("POST", path, query=query, content=body, media_type="application/octet-stream", once=True)
        )

    def get(self, name: str) -> Intake:
        """The proposal alone."""
        return Intake.model_validate(self.read(name)["intake"])

    def read(self, name: str) -> dict[str, Any]:
        """The proposal with what it asks now, what is wrong or missing, and likely duplicates."""
        found: dict[str, Any] = self._sender.send("GET", f"{self._path}/{name}").json()
        return found

    def answer(self, name: str, answers: Mapping[str, Any], *, revision: int) -> dict[str, Any]:
        """Give all answers of a proposal; they are kept right or wrong.

        Raises:
            Stale: It was changed meanwhile.
        """
        reply = self._sender.send("PUT", f"{self._path}/{name}/answers", json=dict(answers), etag=f'"{revision}"')
        read: dict[str, Any] = reply.json()
        return read

    def submit(
        self,
        name: str,
        *,
        revision: int,
        another_use: bool = False,
        another_product: bool = False,
        why: str | None = None,
    ) -> dict[str, Any]:
        """Send a proposal in; the intake, the use it became, and its tier.

        Raises:
            Conflict: The book has likely ones, and nobody said that it is another.
            Refused: Answers are missing, unclear, or contradict each other.
        """
        body = {"another_use": another_use, "another_product": another_product}
        path = f"{self._path}/{name}/submission"
        sent: dict[str, Any] = self._sender.send("POST", path, json=body, etag=f'"{revision}"', why=why).json()
        return sent

    def withdraw(self, name: str, *, revision: int, why: str) -> Intake:
        """Take a proposal back before it is sent in, with the reason; `take_up` undoes it."""
        return self._read(self._sender.send("POST", f"{self._path}/{name}/withdrawal", etag=f'"{revision}"', why=why))

    def take_up(self, name: str, *, revision: int) -> Intake:
        """Take a withdrawn proposal up again, with its answers as they were."""
        return self._read(self._sender.send("POST", f"{self._path}/{name}/resumption", etag=f'"{revision}"'))

    def questions(self, edition: str) -> list[dict[str, Any]]:
        """Every question of an edition, in order."""
        found: list[dict[str, Any]] = self._sender.send("GET", f"/intake-questions/{edition}").json()
        return found


class Triage:
    """Tiers of uses.

    Args:
        sender: How requests go out.
    """

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    def read(self, use: str) -> dict[str, Any]:
        """What holds, what waits for a second person, and what the rules would give today."""
        found: dict[str, Any] = self._sender.send("GET", f"/uses/{use}/triage").json()
        return found

    def again(self, use: str, *, why: str | None = None) -> TriageRecord:
        """Hold the rules against what the book says now."""
        return TriageRecord.model_validate(self._sender.send("POST", f"/uses/{use}/triage", why=why).json())

    def set(self, use: str, tier: Tier | str, *, why: str | None = None) -> TriageRecord:
        """Set another tier: up at once, down once a second person agrees."""
        body = {"tier": tier, "why": why}
        return TriageRecord.model_validate(self._sender.send("POST", f"/uses/{use}/tier", json=body).json())

    def agree(self, name: str, *, revision: int) -> TriageRecord:
        """Agree to a lower tier as the second person."""
        reply = self._sender.send("POST", f"/triages/{name}/agreement", etag=f'"{revision}"')
        return TriageRecord.model_validate(reply.json())

    def refuse(self, name: str, why: str, *, revision: int) -> TriageRecord:
        """Refuse a lower tier, or take one's own request back."""
        reply = self._sender.send("POST", f"/triages/{name}/refusal", json={"why": why}, etag=f'"{revision}"')
        return TriageRecord.model_validate(reply.json())

    def determine(self, use: str, **fields: Any) -> Determination:
        """Record whether a use is research, as somebody determined it."""
        return Determination.model_validate(
            self._sender.send("POST", f"/uses/{use}/determinations", json=fields).json()
        )
