"""Why a report is not taken: it is not awaited, its period still runs, or it is not the partner's."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection

from codman.errors import BadInput, CodmanError
from codman.flows.reporting.calendar import runs_until
from codman.registry.keys import Key, OwnerKind
from codman.registry.nouns import VENDORS
from codman.spine.day import written_day
from codman.spine.partner_report import ExpectedReport, Partner, ReportState, Schedule


class NotThisReport(BadInput):
    """A signed statement that does not answer this report."""

    def __init__(self, why: str) -> None:
        super().__init__(
            what="this statement does not answer the report",
            why=why,
            fix="make a monitoring statement about this use and period with `report` filled in, sign it and send it",
        )


class NotAwaited(CodmanError):
    """An answer to a report that came already, or was excused."""

    exit_code = 2

    def __init__(self, state: ReportState) -> None:
        super().__init__(
            what="this report is not awaited",
            why=f"it is {state.value}",
            fix="to correct it, have the house await it again; what came first stays in the book",
        )


class PeriodRuns(CodmanError):
    """A report about a period that is not over: it would stand for days of which nobody knows anything yet."""

    exit_code = 2

    def __init__(self, last_day: str) -> None:
        super().__init__(
            what="this report cannot be filed yet",
            why=f"it is about a period that runs until {written_day(last_day)}",
            fix="send it once that day is over; what cannot wait is told to the governance office, or as a concern",
        )


def refuse_unawaited(report: ExpectedReport) -> None:
    """Refuse an answer to a report that came, or was excused.

    Raises:
        NotAwaited: It is not awaited.
    """
    if report.state is not ReportState.DUE:
        raise NotAwaited(report.state)


def refuse_running(report: ExpectedReport, today: str) -> None:
    """Refuse an answer to a report whose period is not over.

    Raises:
        PeriodRuns: It is not.
    """
    if (last := runs_until(report, today)) is not None:
        raise PeriodRuns(last)


def refuse_another_signer(connection: Connection, schedule: Schedule, signed_by: Sequence[Key]) -> None:
    """Refuse a vendor's report that no key of that vendor signed: another's key does not give the vendor's word.

    Args:
        connection: An open connection.
        schedule: Who was to report.
        signed_by: The registered keys whose signatures are good.

    Raises:
        NotThisReport: No key of the vendor is among them.
    """
    if schedule.partner is not Partner.VENDOR:
        return
    called = {schedule.partner_name}
    if schedule.vendor is not None:
        vendor = VENDORS.get(connection, schedule.vendor)
        called = {vendor.id, vendor.name}
    theirs = {one.casefold() for one in called}
    if not any(key.owner_kind is OwnerKind.VENDOR and key.owner.casefold() in theirs for key in signed_by):
        raise NotThisReport(f"no key of {schedule.partner_name} signed it, and the report is theirs")
