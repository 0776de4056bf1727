"""Concerns: say that something is wrong, take it in hand, see to it, close it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from codman.client.collections import Readable
from codman.spine.concern import Concern, CorrectiveAction, Pause

_MERGE = "application/merge-patch+json"


class ConcernRead(BaseModel):
    """A concern with what is done about it; fields that this client does not know are passed over."""

    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)

    concern: Concern
    actions: list[CorrectiveAction]
    seen_by: str
    people: list[str]
    overdue: bool
    lacking: list[str]


class Concerns(Readable[Concern]):
    """What somebody said is wrong."""

    def create(self, category: str, severity: str = "unknown", **more: Any) -> Concern:
        """Raise one; sent again after a lost connection, it is one concern.

        Args:
            category: What is wrong, as the API's documentation names it.
            severity: What happened to a patient.
            more: use, site, words, contact, happened_on, event_reference, named. Name no patient.

        Raises:
            Refused: A field cannot be kept, or a day is yet to come.
        """
        body = {"category": category, "severity": severity, **more}
        return self._read(self._sender.send("POST", self._path, json=body, once=True))

    def get(self, name: str) -> Concern:
        """The concern alone."""
        return self.read(name).concern

    def read(self, name: str) -> ConcernRead:
        """The concern with its actions, whom it reached, and what keeps it from being closed."""
        return ConcernRead.model_validate(self._sender.send("GET", f"{self._path}/{name}").json())

    def acknowledge(self, name: str) -> Concern:
        """Say that one has it."""
        return self._read(self._sender.send("POST", f"{self._path}/{name}/acknowledgement"))

    def change(self, concern: Concern, patch: Mapping[str, Any], *, why: str | None = None) -> Concern:
        """Put down what is known by now: severity, category, use, site, event_reference."""
        reply = self._sender.send(
            "PATCH",
            f"{self._path}/{concern.id}",
            json=dict(patch),
            media_type=_MERGE,
            etag=f'"{concern.revision}"',
            why=why,
        )
        return self._read(reply)

    def pause(self, concern: Concern, pause: Pause | str, reason: str | None = None) -> Concern:
        """Propose, take or decline a pause of its use."""
        return self._step(concern, "pause", {"pause": pause, "reason": reason})

    def set_clock(self, concern: Concern, rule: str | None, why: str, *, aware_on: str | None = None) -> Concern:
        """Say which duty to report runs; None says that none applies."""
        return self._step(concern, "clock", {"rule": rule, "why": why, "aware_on": aware_on})

    def report_sent(self, concern: Concern, on: str) -> Concern:
        """Put down the day on which the report went out."""
        return self._step(concern, "report", {"on": on})

    def add_action(self, name: str, kind: str, sentence: str, *, owner: str, due_on: str) -> CorrectiveAction:
        """Give somebody a corrective or preventive action."""
        body = {"kind": kind, "sentence": sentence, "owner": owner, "due_on": due_on}
        reply = self._sender.send("POST", f"{self._path}/{name}/actions", json=body)
        return CorrectiveAction.model_validate(reply.json())

    def finish_action(self, action: CorrectiveAction, result: str) -> CorrectiveAction:
        """Say that an action is done, what it did, and how that was checked."""
        path, etag = f"/actions/{action.id}/completion", f'"{action.revision}"'
        return CorrectiveAction.model_validate(
            self._sender.send("POST", path, json={"result": result}, etag=etag).json()
        )

    def close(self, concern: Concern, finding: str) -> Concern:
        """Close it with a finding."""
        return self._step(concern, "closing", {"finding": finding})

    def export(self, format: Literal["csv", "json"] = "json") -> bytes:  # noqa: A002  as the API calls it
        """Blinded counts by quarter."""
        return self._sender.send("GET", f"{self._path}/export", query={"format": format}).content

    def _step(self, concern: Concern, word: str, body: Mapping[str, Any]) -> Concern:
        path = f"{self._path}/{concern.id}/{word}"
        return self._read(self._sender.send("POST", path, json=dict(body), etag=f'"{concern.revision}"'))
