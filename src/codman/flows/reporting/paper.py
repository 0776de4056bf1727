"""What stands before anybody types: the form or workbook of a report, prefilled from the last one."""

from __future__ import annotations

from typing import NamedTuple

from codman.flows.house import House
from codman.flows.reporting.answers import first_typed
from codman.flows.reporting.calendar import days_after
from codman.flows.reporting.office import last_measured
from codman.flows.reporting.receiving import Awaited
from codman.flows.reporting.refusals import refuse_unawaited
from codman.flows.reporting.workbook import write_report_workbook


class Prefilled(NamedTuple):
    """A form before it is filled in."""

    typed: dict[str, str]
    last: dict[str, str]  # by metric: what it was last time
    last_day: str | None  # when the last period ended


def prefilled(house: House, found: Awaited) -> Prefilled:
    """What a report's form holds already: what to measure and how, with last time's numbers beside.

    Args:
        house: The open house.
        found: The report.
    """
    with house.database.reading() as connection:
        last = last_measured(house, connection, found.schedule.id)
    ended, measured = last if last is not None else (None, [])
    told = {one.metric: str(one)[:200] for one in measured if not one.slice}
    return Prefilled(first_typed(found.schedule.metrics, measured), told, ended)


def workbook_for(house: House, found: Awaited) -> bytes:
    """The workbook that answers a report.

    Raises:
        NotAwaited: It came, or is excused.
    """
    refuse_unawaited(found.report)
    ready = prefilled(house, found)
    return write_report_workbook(
        report=found.report.id,
        use=found.use.name,
        span=span_of(found),
        due_on=found.report.due_on,
        typed=ready.typed,
        last=ready.last,
    )


def span_of(found: Awaited) -> str:
    """The period, in words; its end is the last day in it."""
    return f"{found.report.period_start} to {days_after(found.report.period_end, -1)}"
