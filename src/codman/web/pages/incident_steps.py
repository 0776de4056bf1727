"""Steps of a concern, one form each; a refusal shows the form again with what was typed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

from starlette.responses import Response

from codman.errors import CodmanError
from codman.flows.concerns import actions, following
from codman.flows.concerns.letting_off import NotImpartial, lets_off, own_work
from codman.flows.concerns.reading import read_concern
from codman.registry.access import NotAllowed
from codman.registry.names import names_of
from codman.registry.records import BadField, NoSuchRecord
from codman.review.clocks import clocks
from codman.spine.concern import ActionKind, ConcernState
from codman.web.pages.errors import status_of
from codman.web.pages.incidents import may_step
from codman.web.topic import Topic
from codman.web.views.forms import unanswered
from codman.web.views.incident_steps import DONE, NO_CLOCK, STEPS, Before, Step
from codman.web.views.incidents import about
from codman.web.views.lists import Lists, is_search, searched
from codman.web.views.marks import Fact
from codman.web.views.sent import Form
from codman.web.views.step import Refused, refused_by, step_view
from codman.web.visit import FormDep, Visit, VisitDep

topic = Topic()

_KINDS: Final = {one.value: one for one in ActionKind}


def _page(step: Step) -> Callable[[VisitDep, str], Response]:
    def step_page(visit: VisitDep, name: str) -> Response:
        before = _begun(visit, name, step)
        return _shown(visit, before, step, step.first(before.read, visit.today()))

    step_page.__doc__ = f"{step.title}: its form."
    return step_page


def _take(step: Step) -> Callable[[VisitDep, FormDep, str], Response]:
    def take(visit: VisitDep, form: FormDep, name: str) -> Response:
        before = _begun(visit, name, step, form.values)
        if is_search(form):
            return _shown(visit, before, step, form.values)
        errors = unanswered(step.asks(before), form.values)
        if not errors:
            try:
                _DO[step.name](visit, name, form)
                return visit.go(f"/incidents/{name}")
            except BadField as error:
                errors = {error.field: error.why}
            except NoSuchRecord as error:
                errors = {"": error.why}
            except CodmanError as error:
                # as somebody else left it
                before = replace(before, read=read_concern(visit.house, visit.reader, name))
                return _shown(visit, before, step, form.values, refused=refused_by(error), status=status_of(error))
        return _shown(visit, before, step, form.values, errors, status=422)

    take.__doc__ = f"{step.title}."
    return take


@topic.get("/incidents/{name}/actions/{action}/done")
def done_page(visit: VisitDep, name: str, action: str) -> Response:
    """Say that an action is done: its form."""
    return _done(visit, name, action, {})


@topic.post("/incidents/{name}/actions/{action}/done")
def done(visit: VisitDep, form: FormDep, name: str, action: str) -> Response:
    """Say that an action is done."""
    errors = unanswered(DONE, form.values)
    if not errors:
        try:
            actions.finish_action(visit.house, visit.reader, action, _revision(form), form.get("result") or "")
            return visit.go(f"/incidents/{name}#actions")
        except BadField as error:
            errors = {error.field: error.why}
        except NoSuchRecord:
            raise
        except CodmanError as error:
            return _done(visit, name, action, form.values, refused=refused_by(error), status=status_of(error))
    return _done(visit, name, action, form.values, errors, status=422)


def _done(
    visit: Visit,
    name: str,
    action: str,
    values: Mapping[str, str],
    errors: Mapping[str, str] | None = None,
    refused: Refused | None = None,
    *,
    status: int = 200,
) -> Response:
    found = actions.read_action(visit.house, visit.reader, action)
    if found.concern != name:
        raise NoSuchRecord("corrective_action", action)
    view = step_view(
        title="This action is done",
        lead=found.sentence,
        back=(f"/incidents/{name}#actions", "Back to the concern"),
        action=f"/incidents/{name}/actions/{action}/done",
        submit="It is done",
        asks=DONE,
        values=values,
        errors=errors,
        hidden={"revision": str(found.revision)},
        refused=refused,
    )
    return visit.show("step.html", view, status=status)


def _begun(visit: Visit, name: str, step: Step, values: Mapping[str, str] | None = None) -> Before:
    """The concern, for somebody who may take this step: nobody fills in what cannot be kept."""
    read = read_concern(visit.house, visit.reader, name)
    if read.concern.state is ConcernState.CLOSED:
        raise following.ConcernClosed
    with visit.house.database.reading() as connection:
        if not may_step(visit, connection, read, step):
            raise NotAllowed(step.action, "at this site")
        own = own_work(connection, visit.reader, read.concern)
        off = lets_off(connection, visit.reader, read.concern)
    if step.impartial and own is not None:
        raise NotImpartial("do that", own)
    typed = values or step.first(read, visit.today())
    lists = Lists(house=visit.house, reader=visit.reader, values=typed, words=searched(typed))
    return Before(read, lists, clocks(visit.house.settings.concern_clocks), own, off)


def _shown(
    visit: Visit,
    before: Before,
    step: Step,
    values: Mapping[str, str],
    errors: Mapping[str, str] | None = None,
    refused: Refused | None = None,
    *,
    status: int = 200,
) -> Response:
    read, one = before.read, before.read.concern
    with visit.house.database.reading() as connection:
        named = names_of(connection, [one.use, one.site])
    facts = [Fact("Concern", about(one, named), one.category.value)]
    if read.lacking and step.name == "close":
        facts.append(Fact("Still open", str(len(read.lacking)), "; ".join(read.lacking)))
    view = step_view(
        title=step.title,
        lead=step.lead,
        back=(f"/incidents/{one.id}", "Back to the concern"),
        action=f"/incidents/{one.id}/{step.name}",
        submit=step.submit,
        asks=step.asks(before),
        values=values,
        errors=errors,
        hidden={"revision": values.get("revision", "")[:10] if status == 422 else str(one.revision)},
        facts=facts,
        refused=refused,
    )
    return visit.show("step.html", view, status=status)


def _revision(form: Form) -> int:
    text = form.get("revision") or ""
    if not (text.isascii() and text.isdecimal() and len(text) < 10):
        raise BadField("concern", "revision", "the form does not say which revision was read: open the page again")
    return int(text)


def _amend(visit: Visit, name: str, form: Form) -> None:
    patch = {field: form.get(field) for field in following.CHANGEABLE if field in form.values}
    following.amend(visit.house, visit.reader, name, patch, _revision(form), why=form.get("why"))


def _propose(visit: Visit, name: str, form: Form) -> None:
    following.propose_pause(visit.house, visit.reader, name, _revision(form))


def _pause(visit: Visit, name: str, form: Form) -> None:
    following.take_pause(visit.house, visit.reader, name, _revision(form), form.get("reason") or "")


def _run_on(visit: Visit, name: str, form: Form) -> None:
    following.decline_pause(visit.house, visit.reader, name, _revision(form), form.get("reason") or "")


def _clock(visit: Visit, name: str, form: Form) -> None:
    rule = form.get("rule")
    following.set_clock(
        visit.house,
        visit.reader,
        name,
        _revision(form),
        None if rule == NO_CLOCK else rule,
        form.get("why") or "",
        aware_on=form.get("aware_on"),
    )


def _report(visit: Visit, name: str, form: Form) -> None:
    following.meet_clock(visit.house, visit.reader, name, _revision(form), form.get("on") or "")


def _give(visit: Visit, name: str, form: Form) -> None:
    kind = _KINDS.get(form.get("kind") or "")
    if kind is None:
        raise BadField("corrective_action", "kind", "choose one of the list")
    actions.add_action(
        visit.house,
        visit.reader,
        name,
        kind,
        form.get("sentence") or "",
        form.get("owner") or "",
        form.get("due_on") or "",
    )


def _close(visit: Visit, name: str, form: Form) -> None:
    actions.close(visit.house, visit.reader, name, _revision(form), form.get("finding") or "")


_DO: Final[Mapping[str, Callable[[Visit, str, Form], None]]] = {
    "amend": _amend,
    "propose-pause": _propose,
    "pause": _pause,
    "run-on": _run_on,
    "clock": _clock,
    "report": _report,
    "actions": _give,
    "close": _close,
}
for _step in STEPS:
    topic.add("GET", f"/incidents/{{name}}/{_step.name}", _page(_step))
    topic.add("POST", f"/incidents/{{name}}/{_step.name}", _take(_step))
