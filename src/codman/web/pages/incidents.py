"""Concerns for those who see to them: the list, one of them, and the counts that others may learn from."""

from __future__ import annotations

from sqlalchemy import Connection
from starlette.exceptions import HTTPException
from starlette.responses import Response

from codman.flows.concerns import export, following
from codman.flows.concerns.devices import against_the_record
from codman.flows.concerns.letting_off import own_work
from codman.flows.concerns.people import places
from codman.flows.concerns.reading import (
    CHANGE,
    ConcernRead,
    can_pause,
    concern_of_number,
    is_answerable,
    list_concerns,
    overview,
    read_concern,
    rule_of,
    use_of,
)
from codman.registry.access import may
from codman.registry.inventory import paths_of
from codman.registry.names import names_of
from codman.registry.records import NoSuchRecord
from codman.spine.concern import ConcernState
from codman.web.topic import Topic
from codman.web.views.incident_steps import STEPS, Step
from codman.web.views.incidents import SHOWN, incident_view, incidents_view
from codman.web.visit import Visit, VisitDep

topic = Topic()

_OPEN = [ConcernState.RAISED.value, ConcernState.ACKNOWLEDGED.value]
_CLOSED = [ConcernState.CLOSED.value]


@topic.get("/incidents")
def incidents_page(visit: VisitDep) -> Response:
    """What waits; those to be seen soonest are the newest that nobody has."""
    asked = visit.request.query_params
    which = asked.get("show", "open")
    which = which if which in SHOWN else "open"
    sought = asked.get("number", "").strip()[:60]
    if sought:
        try:
            return visit.go(f"/incidents/{concern_of_number(visit.house, visit.reader, sought)}")
        except NoSuchRecord:
            which = "all"  # said above the list, in the same words whether there is one elsewhere or none
    where = {"open": {"state": _OPEN}, "repeats": {"state": _OPEN}, "closed": {"state": _CLOSED}}.get(which, {})
    repeats = {"open": False, "repeats": True}.get(which)
    cursor = asked.get("after") or None
    page = list_concerns(visit.house, visit.reader, where=where, repeats=repeats, cursor=cursor)
    standing = overview(visit.house, visit.reader)
    with visit.house.database.reading() as connection:
        named = names_of(connection, [name for one in page.items for name in (one.use, one.site)])
    now = visit.house.database.clock().isoformat()
    view = incidents_view(page, standing, named, now, which=which, after=cursor is not None, sought=sought)
    return visit.show("incidents.html", view, may_export=visit.may("concern.export"))


@topic.get("/incidents/export.{form}")
def export_page(visit: VisitDep, form: str) -> Response:
    """Blinded counts by quarter, as CSV or JSON."""
    if form not in ("csv", "json"):
        raise HTTPException(404)
    found = export.cells(visit.house, visit.reader)
    body, kind = (
        (export.as_csv(found), "text/csv; charset=utf-8")
        if form == "csv"
        else (export.as_json(found), "application/json")
    )
    named = {"Content-Disposition": f'attachment; filename="concerns-by-quarter.{form}"'}
    return Response(body, media_type=kind, headers=named)


@topic.get("/incidents/{name}")
def incident_page(visit: VisitDep, name: str) -> Response:
    """One concern with what is done about it."""
    read = read_concern(visit.house, visit.reader, name)
    one = read.concern
    people = [
        one.raised_by,
        one.acknowledged_by,
        one.pause_by,
        *read.people,
        *(action.owner for action in read.actions),
    ]
    with visit.house.database.reading() as connection:
        named = names_of(connection, [one.use, one.site, *people])
        open_ = one.state is not ConcernState.CLOSED
        against = against_the_record(connection, one) if open_ and one.clock_met_on is None else ""
        own = own_work(connection, visit.reader, one) if open_ else None
        steps = _steps(visit, connection, read, own) if open_ else []
        changes = may(visit.reader, CHANGE, places(connection, one))
        take = one.state is ConcernState.RAISED and (changes or is_answerable(connection, visit.reader, one, CHANGE))
    mine = {action.id for action in read.actions if action.owner == visit.reader.person and not visit.reader.read_only}
    finishes = {action.id for action in read.actions if action.done_on is None and (changes or action.id in mine)}
    filed = one.words is not None or _has_words(visit, one.statement)
    view = incident_view(
        read,
        named,
        rule_of(visit.house, one),
        steps=steps,
        own=own,
        may_take=take,
        finishes=frozenset(finishes if open_ else ()),
        filed=filed,
        today=visit.today(),
    )
    return visit.show("incident.html", view, against=against, may_audit=visit.may("audit.read"))


@topic.post("/incidents/{name}/acknowledge")
def acknowledge(visit: VisitDep, name: str) -> Response:
    """Say that one has it."""
    following.acknowledge(visit.house, visit.reader, name)
    return visit.go(f"/incidents/{name}")


def may_step(visit: Visit, connection: Connection, read: ConcernRead, step: Step) -> bool:
    """Whether a step is the reader's to take, leaving aside a hand they have in the use; the flow itself asks again."""
    one = read.concern
    if step.action != CHANGE:
        use = use_of(
            connection, one
        )  # a step on the use is asked for where the use is, not where the concern came from
        if not may(visit.reader, step.action, places(connection, one) if use is None else paths_of(connection, use)):
            return False
    if step.theirs and is_answerable(connection, visit.reader, one, CHANGE):
        return True
    return may(visit.reader, CHANGE, places(connection, one))


def _steps(visit: Visit, connection: Connection, read: ConcernRead, own: str | None) -> list[tuple[str, str]]:
    use = use_of(connection, read.concern)
    runs = can_pause(connection, use)
    return [
        (f"/incidents/{read.concern.id}/{step.name}", step.link)
        for step in STEPS
        if step.offered(read, use, runs)
        and not (step.impartial and own is not None)
        and may_step(visit, connection, read, step)
    ]


def _has_words(visit: Visit, statement: str | None) -> bool:
    """Whether words were sent with it, as its statement says: they may be erased since."""
    if statement is None:
        return False
    return visit.house.store.get(statement).statement.predicate.get("words") is not None
