"""Uses and where they run: all sites of a use as one action, acceptance, documents made of a use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import httpx
from pydantic import BaseModel, ConfigDict

from codman.client.collections import Collection
from codman.client.review_answers import Coverage, Ways
from codman.spine.site import Deployment
from codman.spine.use import Stage, Use


class Challenged(BaseModel):
    """What came of a look at a challenger; fields that this client does not know are passed over."""

    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)

    digest: str
    filed: bool
    statement: dict[str, Any]


class Deployments(Collection[Deployment]):
    """Where uses run."""

    def accept(self, deployment: Deployment, *, on: str | None = None, why: str | None = None) -> Deployment:
        """Accept one, as the clinician it names; `on` is the case of the decision they read.

        Raises:
            ChangedMeanwhile: Another decision is in force there than `on`, or the deployment was changed.
        """
        path, tag = f"{self._path}/{deployment.id}/acceptance", f'"{deployment.revision}"'
        reply = self._sender.send("POST", path, query={"on": on}, etag=tag, why=why)
        return self._read(reply)


class Uses(Collection[Use]):
    """Uses, and where each runs."""

    def deployments(self, use: str) -> list[Deployment]:
        """Every deployment of a use within reach."""
        return self._all(self._sender.send("GET", f"{self._path}/{use}/deployments"))

    def deploy(
        self, use: str, sites: Sequence[str], fields: Mapping[str, Any], *, why: str | None = None
    ) -> list[Deployment]:
        """Deploy a use at many sites as one action; where it runs already, nothing changes."""
        body = {"sites": list(sites), "fields": dict(fields)}
        return self._all(self._sender.send("POST", f"{self._path}/{use}/deployments", json=body, why=why, again=True))

    def change_everywhere(
        self, use: str, patch: Mapping[str, Any], *, sites: Sequence[str] | None = None, why: str | None = None
    ) -> list[Deployment]:
        """Change a use at all its sites within reach, or at some, as one action on what is there now."""
        now = self._sender.send("GET", f"{self._path}/{use}/deployments").headers["ETag"]
        body = {"sites": None if sites is None else list(sites), "patch": dict(patch)}
        return self._all(self._sender.send("PATCH", f"{self._path}/{use}/deployments", json=body, etag=now, why=why))

    def ways(self, use: str) -> Ways:
        """Its stage, and for each way on from it what is still lacking."""
        return Ways.model_validate(self._sender.send("GET", f"{self._path}/{use}/stage").json())

    def move(self, use: Use, to: Stage | str, *, why: str | None = None) -> Use:
        """Take it to another stage; its deployments follow.

        Raises:
            Conflict: No way leads there, or something is lacking: each is named.
            ChangedMeanwhile: It was changed since it was read.
        """
        path = f"{self._path}/{use.id}/stage"
        return self._read(self._sender.send("POST", path, json={"to": to}, etag=f'"{use.revision}"', why=why))

    def controls(self, use: str, *, at: str | None = None, framework: str | None = None) -> Coverage:
        """How each control of each framework stands for it on a day (YYYY-MM-DD; today without), and why."""
        query = {"at": at, "framework": framework}
        return Coverage.model_validate(self._sender.send("GET", f"{self._path}/{use}/controls", query=query).json())

    def challenge(self, use: str, challenger: str, planned: int, **more: Any) -> Challenged:
        """Look at a version in shadow, or beside the one in use, on the events of both.

        Args:
            use: Which use.
            challenger: The version to judge, by its label or id.
            planned: Patients you expect by the decision; fixed at the first look.
            more: champion, design, margins, thresholds, within_minutes, at, file.

        Raises:
            Refused: A version is not known, events have nothing in common, or the look was planned otherwise.
        """
        body = {"challenger": challenger, "planned": planned, **more}
        path = f"{self._path}/{use}/challenges"
        return Challenged.model_validate(self._sender.send("POST", path, json=body, once=True).json())

    def made_document(self, use: str, document: str) -> bytes:
        """A document made of a use from the registry as it stands.

        Args:
            use: Which use.
            document: chai (XML), hti-1 (JSON), hti-1.html or cyclonedx (JSON).
        """
        return self._sender.send("GET", f"{self._path}/{use}/documents/{document}").content

    def _all(self, reply: httpx.Response) -> list[Deployment]:
        return [Deployment.model_validate(one) for one in reply.json()["items"]]
