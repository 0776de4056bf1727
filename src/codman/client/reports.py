"""Reports by teams and vendors: who owes which, how each stands, and sending one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from codman.client.answers import Answered
from codman.client.collections import Readable
from codman.spine.partner_report import ExpectedReport, Schedule
from codman.spine.record import Fields

_MERGE = "application/merge-patch+json"
_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


class ReportRead(Answered):
    """A report as it stands today."""

    report: ExpectedReport
    use_name: str
    partner_name: str
    owner: str
    standing: str
    sentence: str


class ReportLink(Answered):
    """A link for one report, the one time it is known."""

    link: str | None  # None where it went by mail
    sent_to: str | None
    expires_at: str


class Schedules(Readable[Schedule]):
    """Who reports about which use, and how often."""

    def create(self, fields: Fields | Mapping[str, Any], *, why: str | None = None) -> Schedule:
        """Have somebody report about a use; sent again after a lost connection, it is one schedule.

        Raises:
            Refused: A field cannot be kept.
        """
        body = fields.model_dump(mode="json") if isinstance(fields, Fields) else dict(fields)
        return self._read(self._sender.send("POST", self._path, json=body, why=why, once=True))

    def change(self, schedule: Schedule, patch: Mapping[str, Any], *, why: str | None = None) -> Schedule:
        """Change who reports, where to, what, how late it may be; where nobody else did meanwhile.

        Raises:
            Stale: Somebody changed it.
            Refused: The use and the rhythm stay as they were made.
        """
        reply = self._sender.send(
            "PATCH",
            f"{self._path}/{schedule.id}",
            json=dict(patch),
            media_type=_MERGE,
            etag=f'"{schedule.revision}"',
            why=why,
        )
        return self._read(reply)

    def end(self, schedule: Schedule, *, why: str | None = None) -> Schedule:
        """Await nothing more under it; what is overdue stays overdue."""
        path = f"{self._path}/{schedule.id}/end"
        return self._read(self._sender.send("POST", path, etag=f'"{schedule.revision}"', why=why))


class Reports(Readable[ReportRead]):
    """What is awaited, and what came."""

    def send(self, name: str, envelope: bytes) -> ExpectedReport:
        """Send a signed monitoring statement as the answer; the same again changes nothing.

        Raises:
            Refused: It does not answer this report, or its key may not say this.
            Conflict: Another answer came before.
        """
        path = f"{self._path}/{name}/statement"
        reply = self._sender.send("POST", path, content=envelope, media_type="application/json")
        return ExpectedReport.model_validate(reply.json())

    def workbook(self, name: str) -> bytes:
        """The workbook to send to whoever owes it."""
        return self._sender.send("GET", f"{self._path}/{name}/workbook").content

    def send_workbook(self, name: str, body: bytes) -> ExpectedReport:
        """File a workbook that came back, as the claim of whoever filled it in.

        Raises:
            Refused: Cells of it need another look; `errors` names each.
        """
        path = f"{self._path}/{name}/workbook"
        return ExpectedReport.model_validate(self._sender.send("POST", path, content=body, media_type=_XLSX).json())

    def make_link(self, name: str) -> ReportLink:
        """A link for somebody without an account: it went by mail, or is shown here alone; it works once."""
        return ReportLink.model_validate(self._sender.send("POST", f"{self._path}/{name}/links").json())

    def revoke_links(self, name: str) -> int:
        """Make every unused link of a report worthless; how many there were."""
        links: int = self._sender.send("DELETE", f"{self._path}/{name}/links").json()["links"]
        return links

    def excuse(self, report: ExpectedReport, why: str) -> ExpectedReport:
        """Await it no longer."""
        return self._step(report, "excuse", why)

    def heed(self, report: ExpectedReport, follows: str) -> ExpectedReport:
        """Say what follows from the incidents or changes it tells of."""
        return self._step(report, "heed", follows)

    def await_again(self, report: ExpectedReport, why: str) -> ExpectedReport:
        """Await it once more; what came first stays in the book."""
        return self._step(report, "await", why)

    def _step(self, report: ExpectedReport, word: str, why: str) -> ExpectedReport:
        path = f"{self._path}/{report.id}/{word}"
        reply = self._sender.send("POST", path, json={"why": why}, etag=f'"{report.revision}"')
        return ExpectedReport.model_validate(reply.json())
