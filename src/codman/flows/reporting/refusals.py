"""Why a report is not taken: it is not awaited, or its period still runs."""

from __future__ import annotations

from codman.errors import CodmanError
from codman.flows.reporting.calendar import runs_until
from codman.spine.day import written_day
from codman.spine.partner_report import ExpectedReport, ReportState


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
