"""Monitoring: all uses that run, the worst first; and one use's numbers between two days."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Final

from starlette.responses import Response

from codman.errors import CodmanError
from codman.flows import records
from codman.flows.watch.ages import UseWatched, use_watched
from codman.flows.watch.keeping import plan_use, softer_plan
from codman.flows.watch.overview import overview
from codman.flows.watch.planning import Planned
from codman.registry.access import NotAllowed
from codman.registry.inventory import paths_of
from codman.registry.names import names_of, told_apart
from codman.registry.records import BadField, NoSuchRecord
from codman.spine.watching import MonitorState
from codman.web.pages.errors import status_of
from codman.web.topic import Topic
from codman.web.views.forms import Ask, unanswered
from codman.web.views.marks import Fact
from codman.web.views.monitor_home import monitor_home_view
from codman.web.views.step import Refused, refused_by, step_view
from codman.web.views.use_monitor import rows_of, use_monitor_view
from codman.web.visit import FormDep, Visit, VisitDep

topic = Topic()

PLAN: Final = "monitor.create"
_USUAL: Final = timedelta(days=184)  # half a year
_LONGEST: Final = 3650  # days until an outcome is known
_ASKS: Final = (
    Ask(
        name="label_delay_days",
        label="Days from a prediction to its known outcome",
        kind="amount",
        needed=True,
        hint="0 where it is known at once. No number is final before.",
    ),
    Ask(name="starts_on", label="The first day that is watched", kind="day", hint="Today where it is left open."),
    Ask(
        name="why",
        label="Why it asks less than the policy",
        kind="prose",
        hint="Only where it does: it begins later, or waits longer for outcomes. It stands in the history.",
    ),
)


@topic.get("/monitor")
def monitor_page(visit: VisitDep) -> Response:
    """Every use that is live, in pilot or silent: whether it is watched, how it stands, what is due next."""
    found = overview(visit.house, visit.reader)
    with visit.house.database.reading() as connection:
        named = names_of(connection, [incident.holder for one in found for incident in one.incidents])
        named |= told_apart(connection, {one.use.id: one.use.name for one in found})
    now = visit.house.database.clock().isoformat()
    return visit.show("monitor.html", monitor_home_view(found, named, visit.request.query_params, now))


@topic.get("/uses/{use_id}/monitor")
def use_monitor_page(visit: VisitDep, use_id: str) -> Response:
    """One use: its plan, and its numbers at every age between two days."""
    first, last = _span(visit)
    found = _read(visit, use_id, first, last)
    with visit.house.database.reading() as connection:
        people = [one.holder for one in found.incidents]
        named = names_of(connection, [*people, None if found.monitor is None else found.monitor.owner])
    running = found.plan is not None and found.monitor is not None and found.monitor.state is not MonitorState.STOPPED
    softer = softer_plan(visit.house, visit.reader, use_id, found.plan) if running and found.plan is not None else ()
    view = use_monitor_view(found, named, first, last, visit.today(), softer)
    may_plan = not view.asks and visit.may(PLAN, _places(visit, use_id))
    return visit.show("use_monitor.html", view, may_audit=visit.may("audit.read"), may_plan=may_plan)


@topic.get("/uses/{use_id}/monitor/plan")
def plan_page(visit: VisitDep, use_id: str) -> Response:
    """The form that puts the plan which follows from a use's policy into the book."""
    return _plan_form(visit, use_id, {})


@topic.post("/uses/{use_id}/monitor/plan")
def plan(visit: VisitDep, form: FormDep, use_id: str) -> Response:
    """Put that plan into the book; it is followed at once where the use reaches patients."""
    errors = unanswered(_ASKS, form.values)
    days = (form.get("label_delay_days") or "").removesuffix(".0")
    if not errors and not (days.isascii() and days.isdecimal() and len(days) < 5 and int(days) <= _LONGEST):
        errors = {"label_delay_days": f"a whole number of days, {_LONGEST:,} at most"}
    starts = form.get("starts_on")
    if starts and _day(starts) is None:
        errors["starts_on"] = "this is no day"
    if not errors:
        try:
            said = Planned(label_delay_days=int(days), starts_on=starts or None)
            plan_use(visit.house, visit.reader, use_id, said=said, why=(form.get("why") or "").strip() or None)
            return visit.go(f"/uses/{use_id}/monitor")
        except BadField as error:
            errors = {error.field: error.why}
        except NoSuchRecord:
            raise
        except CodmanError as error:
            return _plan_form(visit, use_id, form.values, refused=refused_by(error), status=status_of(error))
    return _plan_form(visit, use_id, form.values, errors, status=422)


def _plan_form(
    visit: Visit,
    use_id: str,
    values: Mapping[str, str],
    errors: Mapping[str, str] | None = None,
    refused: Refused | None = None,
    *,
    status: int = 200,
) -> Response:
    use = records.get(visit.house, visit.reader, "use", use_id)
    if not visit.may(PLAN, _places(visit, use_id)):
        raise NotAllowed(PLAN, "for this use")
    view = step_view(
        title="Plan its monitoring",
        lead="The plan follows from the use's monitoring policy; its owner hears of what is seen. "
        "Who wants to edit it first writes it with the command line, and sends it from there.",
        back=(f"/uses/{use_id}/monitor", "Back to its monitor"),
        action=f"/uses/{use_id}/monitor/plan",
        submit="Put it into the book",
        asks=_ASKS,
        values=values,
        errors=errors,
        facts=[Fact("Use", use.name)],
        refused=refused,
    )
    return visit.show("step.html", view, status=status)


def _places(visit: Visit, use_id: str) -> list[str]:
    use = records.get(visit.house, visit.reader, "use", use_id)
    with visit.house.database.reading() as connection:
        return list(paths_of(connection, use))


@topic.get("/uses/{use_id}/monitor/numbers.csv")
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
    today = visit.house.database.today()
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
