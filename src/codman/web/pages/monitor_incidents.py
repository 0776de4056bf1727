"""An incident that monitoring opened, and the steps people take about it, one form each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from sqlalchemy import select
from starlette.responses import Response

from codman.errors import CodmanError
from codman.flows.watch import incidents, rolling_back
from codman.flows.watch.incidents import IncidentRead, is_theirs, read_incident
from codman.registry import governance
from codman.registry.access import NotAllowed, may, paths_for
from codman.registry.inventory import paths_of
from codman.registry.names import names_of
from codman.registry.nouns import USES
from codman.registry.records import BadField, NoSuchRecord
from codman.registry.schema_review import pause_proposals
from codman.spine.pausing import PauseState
from codman.spine.watching import WatchStep
from codman.web.pages.errors import status_of
from codman.web.topic import Topic
from codman.web.views.forms import unanswered
from codman.web.views.marks import Fact
from codman.web.views.monitor_incident import FORMS, WHY, Form, incident_view
from codman.web.views.sent import Form as Sent
from codman.web.views.step import Refused, refused_by, step_view
from codman.web.visit import FormDep, Visit, VisitDep

topic = Topic()

_NOON: Final = "T12:00:00Z"


@topic.get("/monitor/incidents/{name}")
def incident_page(visit: VisitDep, name: str) -> Response:
    """What was seen, what probably moved first, what was done about it, and what can be done now."""
    read = read_incident(visit.house, visit.reader, name)
    one = read.incident
    told = [person for step in read.steps for person in (*step.told, *step.acknowledged, step.decided_by)]
    acted = [person for step in one.steps for person in (step.by, step.to)]
    with visit.house.database.reading() as connection:
        use = USES.get(connection, one.use)
        places = paths_of(connection, use)
        named = names_of(connection, [one.owner, one.holder, *told, *acted, *(s.to_version for s in read.steps)])
        waits = (pause_proposals.c.incident == name, pause_proposals.c.state == PauseState.OPEN.value)
        pause = connection.execute(select(pause_proposals.c.id).where(*waits)).scalars().first()
        view = incident_view(
            read,
            use,
            named,
            visit.house.database.clock().isoformat(),
            reader=visit.reader.person,
            theirs=is_theirs(connection, visit.reader, one, use) and not visit.reader.read_only,
            confirms=may(visit.reader, rolling_back.CONFIRM, places),
            pause=pause if may(visit.reader, "use.pause", places) else None,
        )
    return visit.show("monitor_incident.html", view, may_audit=visit.may("audit.read"))


@topic.post("/monitor/incidents/{name}/acknowledge")
def acknowledge(visit: VisitDep, form: FormDep, name: str) -> Response:
    """Take it: nobody is reminded any more, and it is no longer handed up."""
    incidents.acknowledge(visit.house, visit.reader, name, _revision(form, "incident"))
    return visit.go(f"/monitor/incidents/{name}")


@topic.post("/monitor/steps/{name}/acknowledge")
def acknowledge_step(visit: VisitDep, name: str) -> Response:
    """Say that one knows that it goes back."""
    step = rolling_back.acknowledge_step(visit.house, visit.reader, name)
    return visit.go(f"/monitor/incidents/{step.incident}")


def _page(step: Form) -> Callable[[VisitDep, str], Response]:
    def step_page(visit: VisitDep, name: str) -> Response:
        return _shown(visit, _begun(visit, name), step, {})

    step_page.__doc__ = f"{step.title}: its form."
    return step_page


def _take(step: Form) -> Callable[[VisitDep, FormDep, str], Response]:
    def take(visit: VisitDep, form: FormDep, name: str) -> Response:
        read = _begun(visit, name)
        errors = unanswered(step.asks, form.values)
        if not errors:
            try:
                _DO[step.name](visit, name, form)
                return visit.go(f"/monitor/incidents/{name}")
            except BadField as error:
                errors = {error.field: error.why}
            except CodmanError as error:
                read = read_incident(visit.house, visit.reader, name)  # as somebody else left it
                return _shown(visit, read, step, form.values, refused=refused_by(error), status=status_of(error))
        return _shown(visit, read, step, form.values, errors, status=422)

    take.__doc__ = f"{step.title}."
    return take


def _begun(visit: Visit, name: str) -> IncidentRead:
    """The incident, for somebody who may work on it: nobody fills in what cannot be kept."""
    read = read_incident(visit.house, visit.reader, name)
    with visit.house.database.reading() as connection:
        if not is_theirs(connection, visit.reader, read.incident, USES.get(connection, read.incident.use)):
            raise NotAllowed(incidents.CHANGE, "of an incident that is on somebody else's desk")
    return read


def _shown(
    visit: Visit,
    read: IncidentRead,
    step: Form,
    values: Mapping[str, str],
    errors: Mapping[str, str] | None = None,
    refused: Refused | None = None,
    *,
    status: int = 200,
) -> Response:
    one = read.incident
    view = step_view(
        title=step.title,
        lead=step.lead,
        back=(f"/monitor/incidents/{one.id}", "Back to the incident"),
        action=f"/monitor/incidents/{one.id}/{step.name}",
        submit=step.submit,
        asks=step.asks,
        values=values,
        errors=errors,
        hidden={"revision": values.get("revision", "")[:10] if status == 422 else str(one.revision)},
        facts=[Fact("What was seen", one.title)],
        refused=refused,
    )
    return visit.show("step.html", view, status=status)


def _snooze(visit: Visit, name: str, form: Sent) -> None:
    until = form.get("until") or ""
    incidents.snooze(
        visit.house, visit.reader, name, _revision(form, "incident"), f"{until}{_NOON}", form.get("why") or ""
    )


def _escalate(visit: Visit, name: str, form: Sent) -> None:
    incidents.escalate(visit.house, visit.reader, name, _revision(form, "incident"), form.get("why") or "")


def _resolve(visit: Visit, name: str, form: Sent) -> None:
    incidents.resolve(visit.house, visit.reader, name, _revision(form, "incident"), form.get("finding") or "")


def _reopen(visit: Visit, name: str, form: Sent) -> None:
    incidents.reopen(visit.house, visit.reader, name, _revision(form, "incident"), form.get("why") or "")


_DO: Final[Mapping[str, Callable[[Visit, str, Sent], None]]] = {
    "snooze": _snooze,
    "escalate": _escalate,
    "resolve": _resolve,
    "reopen": _reopen,
}
for _form in FORMS:
    topic.add("GET", f"/monitor/incidents/{{name}}/{_form.name}", _page(_form))
    topic.add("POST", f"/monitor/incidents/{{name}}/{_form.name}", _take(_form))

_ROLLBACK: Final[Mapping[str, tuple[str, str, str, Callable[..., WatchStep]]]] = {
    "confirm": (
        "Confirm the way back",
        "The order goes out to who runs the model. What runs says the earlier version once they say that it is done.",
        "Order it",
        rolling_back.confirm_rollback,
    ),
    "decline": (
        "Decline the way back",
        "It stays with the version that runs. The reason stands in the log under your name.",
        "Stay with what runs",
        rolling_back.decline_rollback,
    ),
    "done": (
        "It was carried out",
        "From now on the book says that the earlier version runs.",
        "It is done",
        rolling_back.finish_rollback,
    ),
}


def _step_page(way: str) -> Callable[[VisitDep, str], Response]:
    def step_page(visit: VisitDep, name: str) -> Response:
        return _step_shown(visit, name, way, {})

    step_page.__doc__ = f"{_ROLLBACK[way][0]}: its form."
    return step_page


def _take_step(way: str) -> Callable[[VisitDep, FormDep, str], Response]:
    def take(visit: VisitDep, form: FormDep, name: str) -> Response:
        errors = unanswered(WHY, form.values)
        if not errors:
            try:
                do = _ROLLBACK[way][3]
                done = do(visit.house, visit.reader, name, _revision(form, "watch_step"), form.get("why") or "")
                return visit.go(f"/monitor/incidents/{done.incident}")
            except BadField as error:
                errors = {error.field: error.why}
            except NoSuchRecord:
                raise
            except CodmanError as error:
                return _step_shown(visit, name, way, form.values, refused=refused_by(error), status=status_of(error))
        return _step_shown(visit, name, way, form.values, errors, status=422)

    take.__doc__ = f"{_ROLLBACK[way][0]}."
    return take


def _step_shown(
    visit: Visit,
    name: str,
    way: str,
    values: Mapping[str, str],
    errors: Mapping[str, str] | None = None,
    refused: Refused | None = None,
    *,
    status: int = 200,
) -> Response:
    title, lead, submit, _ = _ROLLBACK[way]
    with visit.house.database.reading() as connection:
        one: WatchStep = governance.get(connection, "watch_step", name, paths_for(visit.reader, "incident.read"))
        use = USES.get(connection, one.use)
        if not may(visit.reader, rolling_back.CONFIRM, paths_of(connection, use)):
            raise NotAllowed(rolling_back.CONFIRM, "for this use")
        named = names_of(connection, [one.to_version])
    to = "the written downtime procedure" if one.to_version is None else f"version {named.get(one.to_version, '')}"
    view = step_view(
        title=title,
        lead=lead,
        back=(f"/monitor/incidents/{one.incident}", "Back to the incident"),
        action=f"/monitor/steps/{name}/{way}",
        submit=submit,
        asks=WHY,
        values=values,
        errors=errors,
        hidden={"revision": values.get("revision", "")[:10] if status == 422 else str(one.revision)},
        facts=[Fact("Use", use.name), Fact("Back to", to)],
        refused=refused,
    )
    return visit.show("step.html", view, status=status)


for _way in _ROLLBACK:
    topic.add("GET", f"/monitor/steps/{{name}}/{_way}", _step_page(_way))
    topic.add("POST", f"/monitor/steps/{{name}}/{_way}", _take_step(_way))


def _revision(form: Sent, kind: str) -> int:
    text = form.get("revision") or ""
    if not (text.isascii() and text.isdecimal() and len(text) < 10):
        raise BadField(kind, "revision", "the form does not say which revision was read: open the page again")
    return int(text)
