"""Monitoring: plans, windows that were looked at, signals, and incidents on people's desks."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict

from codman.client.collections import Readable
from codman.spine.watching import Incident, Look, Monitor, Signal, WatchStep


class IncidentRead(BaseModel):
    """An incident with its signals and what was done; fields that this client does not know are passed over."""

    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)

    incident: Incident
    signals: list[Signal]
    steps: list[WatchStep]


class Monitors(Readable[Monitor]):
    """Monitoring plans of uses."""

    def create(self, use: str, plan: str | None = None, **more: Any) -> Monitor:
        """Put a use's plan into the book; sent again after a lost connection, it is put there once.

        Args:
            use: The use's id.
            plan: The plan as YAML; without it, the one that follows from the use's policy.
            more: owner, label_delay_days, partner, starts_on; why, where it asks less than the use's policy.

        Raises:
            Refused: It is no plan, or nobody answers for the use.
        """
        body = {"use": use, "plan": plan, **more}
        return self._read(self._sender.send("POST", self._path, json=body, once=True))

    def stop(self, monitor: Monitor, why: str) -> Monitor:
        """Follow a plan no more."""
        return self._step(monitor, "stop", {"why": why})

    def allow_rollback(self, monitor: Monitor, case: str, why: str, *, unattended: bool = False) -> Monitor:
        """Put down that a decision lets the use go back to an earlier version."""
        return self._step(monitor, "rollback-permission", {"case": case, "why": why, "unattended": unattended})

    def _step(self, monitor: Monitor, word: str, body: dict[str, Any]) -> Monitor:
        path = f"{self._path}/{monitor.id}/{word}"
        return self._read(self._sender.send("POST", path, json=body, etag=f'"{monitor.revision}"'))


class Looks(Readable[Look]):
    """Windows that were looked at; they are listed, each is small."""


class Signals(Readable[Signal]):
    """What was seen."""


class Incidents(Readable[Incident]):
    """Signals that belong together, on somebody's desk."""

    def get(self, name: str) -> Incident:
        """The incident alone."""
        return self.read(name).incident

    def read(self, name: str) -> IncidentRead:
        """The incident with its signals, and what was done about it."""
        return IncidentRead.model_validate(self._sender.send("GET", f"{self._path}/{name}").json())

    def acknowledge(self, incident: Incident) -> Incident:
        """Take it."""
        return self._step(incident, "acknowledgement", None)

    def snooze(self, incident: Incident, until: str, why: str) -> Incident:
        """Quiet until a time, for a reason."""
        return self._step(incident, "snooze", {"until": until, "why": why})

    def escalate(self, incident: Incident, why: str) -> Incident:
        """Hand it up."""
        return self._step(incident, "escalation", {"why": why})

    def resolve(self, incident: Incident, finding: str) -> Incident:
        """Done, with what was found."""
        return self._step(incident, "resolution", {"finding": finding})

    def reopen(self, incident: Incident, why: str) -> Incident:
        """Back on its owner's desk."""
        return self._step(incident, "reopening", {"why": why})

    def confirm_rollback(self, step: WatchStep, why: str) -> WatchStep:
        """Order a rollback that is proposed."""
        return self._settle(step, "confirmation", {"why": why})

    def decline_rollback(self, step: WatchStep, why: str) -> WatchStep:
        """Stay with the version that runs."""
        return self._settle(step, "refusal", {"why": why})

    def finish_rollback(self, step: WatchStep, why: str) -> WatchStep:
        """Say that it was carried out."""
        return self._settle(step, "completion", {"why": why})

    def propose_retraining(self, incident: Incident) -> WatchStep:
        """Propose an update where the model got worse; asked again, it is the proposal that stands.

        Raises:
            Refused: It is not settled that the model got worse, or nothing is there to learn from.
        """
        reply = self._sender.send("POST", f"{self._path}/{incident.id}/retraining", again=True)
        return WatchStep.model_validate(reply.json())

    def file_retraining(self, step: WatchStep, why: str) -> WatchStep:
        """Bring it before the change checkpoint; its case reviews it."""
        return self._settle(step, "retraining-review", {"why": why})

    def decline_retraining(self, step: WatchStep, why: str) -> WatchStep:
        """Leave the model as it is."""
        return self._settle(step, "retraining-refusal", {"why": why})

    def acknowledge_step(self, step: WatchStep) -> WatchStep:
        """Say that one knows of it."""
        return self._settle(step, "acknowledgement", None)

    def _settle(self, step: WatchStep, word: str, body: dict[str, Any] | None) -> WatchStep:
        reply = self._sender.send("POST", f"/watch-steps/{step.id}/{word}", json=body, etag=f'"{step.revision}"')
        return WatchStep.model_validate(reply.json())

    def _step(self, incident: Incident, word: str, body: dict[str, Any] | None) -> Incident:
        path = f"{self._path}/{incident.id}/{word}"
        return self._read(self._sender.send("POST", path, json=body, etag=f'"{incident.revision}"'))
