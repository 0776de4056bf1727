"""Change control: what changes reopened, what a change would reopen, change plans, proposed pauses."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict

from codman.client.collections import Addable, Readable
from codman.spine.pausing import PauseProposal
from codman.spine.reopening import Changed, ChangePlan, Reopening


class WouldReopen(BaseModel):
    """One requirement that a change would reopen."""

    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)

    policy: str
    requirement: str
    title: str
    because: str
    evidence: str | None
    plan: str | None


class Reopenings(Readable[Reopening]):
    """Requirements that must be shown again."""

    def would(self, use: str, changed: Changed | str, to: str | None = None) -> list[WouldReopen]:
        """What a change of a use would reopen; nothing is written.

        Args:
            use: Which use.
            changed: What would change: version, site, population, threshold, data source, EHR build.
            to: What it would become.
        """
        query: dict[str, Any] = {"changed": str(changed), "to": to}
        found = self._sender.send("GET", f"/uses/{use}/reopening", query=query).json()
        return [WouldReopen.model_validate(one) for one in found["items"]]


class ChangePlans(Addable[ChangePlan]):
    """Predetermined change control plans."""

    def lay_before(self, plan: ChangePlan, case: str) -> ChangePlan:
        """Lay a draft before a case, before its reviewers vote."""
        path = f"{self._path}/{plan.id}/case"
        return self._read(self._sender.send("POST", path, json={"case": case}, etag=f'"{plan.revision}"'))


class PauseProposals(Readable[PauseProposal]):
    """Pauses that are proposed."""

    def confirm(self, proposal: PauseProposal, why: str) -> PauseProposal:
        """Pause the use."""
        return self._settle(proposal, "confirmation", why)

    def decline(self, proposal: PauseProposal, why: str) -> PauseProposal:
        """Let the use go on, and say why."""
        return self._settle(proposal, "refusal", why)

    def _settle(self, proposal: PauseProposal, word: str, why: str) -> PauseProposal:
        path = f"{self._path}/{proposal.id}/{word}"
        return self._read(self._sender.send("POST", path, json={"why": why}, etag=f'"{proposal.revision}"'))
