"""Monitoring: all uses that run, the worst first; and one use's numbers between two days."""

from __future__ import annotations

import csv
import io
from datetime import date, timedelta
from typing import Final

from fastapi import APIRouter
from starlette.responses import Response

from codman.flows.watch.ages import UseWatched, use_watched
from codman.flows.watch.overview import overview
from codman.registry.names import names_of
from codman.web.views.monitor_home import monitor_home_view
from codman.web.views.use_monitor import rows_of, use_monitor_view
from codman.web.visit import Visit, VisitDep

router = APIRouter()

_USUAL: Final = timedelta(days=184)  # half a year


@router.get("/monitor")
def monitor_page(visit: VisitDep) -> Response:
    """Every use that is live, in pilot or silent: whether it is watched, how it stands, what is due next."""
    found = overview(visit.house, visit.reader)
    with visit.house.database.reading() as connection:
        named = names_of(connection, [incident.holder for one in found for incident in one.incidents])
    now = visit.house.database.clock().isoformat()
    return visit.show("monitor.html", monitor_home_view(found, named, visit.request.query_params, now))


@router.get("/uses/{use_id}/monitor")
def use_monitor_page(visit: VisitDep, use_id: str) -> Response:
    """One use: its plan, and its numbers at every age between two days."""
    first, last = _span(visit)
    found = _read(visit, use_id, first, last)
    with visit.house.database.reading() as connection:
        people = [one.holder for one in found.incidents]
        named = names_of(connection, [*people, None if found.monitor is None else found.monitor.owner])
    view = use_monitor_view(found, named, first, last, visit.today())
    return visit.show("use_monitor.html", view, may_audit=visit.may("audit.read"))


@router.get("/uses/{use_id}/monitor/numbers.csv")
def use_monitor_numbers(visit: VisitDep, use_id: str) -> Response:
    """The same numbers as a table of comma-separated values."""
    first, last = _span(visit)
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator="\r\n").writerows(
        [_safe(cell) for cell in row] for row in rows_of(_read(visit, use_id, first, last))
    )
    named = {"Content-Disposition": f'attachment; filename="monitor-{use_id}-{first}-{last}.csv"'}
    return Response(out.getvalue(), media_type="text/csv; charset=utf-8", headers=named)


def _read(visit: Visit, use: str, first: str, last: str) -> UseWatched:
    return use_watched(visit.house, visit.reader, use, first, last, visit.request.query_params.get("window"))


def _span(visit: Visit) -> tuple[str, str]:
    """The days that the address asks for; half a year to today where it says nothing that can be read."""
    today = visit.house.database.clock().date()
    asked = visit.request.query_params
    last = _day(asked.get("to")) or today
    first = _day(asked.get("from")) or last - _USUAL
    return min(first, last).isoformat(), max(first, last).isoformat()


def _day(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text) if text and len(text) == len("2026-11-21") else None
    except ValueError:
        return None


def _safe(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula; a number stays one."""
    if cell[:1] not in ("=", "+", "-", "@", "\t", "\r"):
        return cell
    try:
        float(cell)
    except ValueError:
        return f"'{cell}"
    return cell
