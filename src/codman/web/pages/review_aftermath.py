"""After a decision: conditions closed by hand or given another day; a use taken to another stage."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from starlette.responses import Response

from codman.flows import records
from codman.flows.review.conditions import ConditionClosed, close_by_hand, hand_back, prolong
from codman.flows.review.reading import list_conditions
from codman.flows.review.staging import CannotMove, move, ways
from codman.registry import governance
from codman.registry.access import NotAllowed, paths_for, require
from codman.registry.inventory import paths_of
from codman.registry.names import names_of
from codman.registry.nouns import USES
from codman.registry.records import BadField, Stale
from codman.spine.review import Condition, ConditionState
from codman.spine.use import Stage, Use
from codman.web.pages.errors import status_of
from codman.web.pages.review_steps import revision_in
from codman.web.render import day
from codman.web.topic import Topic
from codman.web.views.forms import Ask, unanswered
from codman.web.views.marks import Fact
from codman.web.views.sent import Form
from codman.web.views.step import Refused, refused_by, step_view
from codman.web.views.use_review import stage_option
from codman.web.visit import FormDep, Visit, VisitDep

topic = Topic()

_NOTE: Final = Ask(name="note", label="What shows that it is done", kind="prose", needed=True)
_DUE: Final = Ask(name="due_on", label="The new day", kind="day", needed=True)
_WHY: Final = Ask(
    name="why", label="Why", kind="prose", needed=True, hint="Kept with the condition and in the audit log"
)
_STEPS: Final[Mapping[str, tuple[str, str, tuple[Ask, ...]]]] = {
    "close": ("Say that a condition is met", "It is met", (_NOTE,)),
    "return": ("Give a condition back to who owes it", "Give it back", (_WHY,)),
    "prolong": ("Give a condition another day", "Give it that day", (_DUE, _WHY)),
}
_REASON: Final = Ask(
    name="reason", label="Why", kind="prose", hint="Needed to stop, to go back and to retire; kept in the audit log"
)


@topic.get("/conditions/{name}/close")
def close_page(visit: VisitDep, name: str) -> Response:
    """The form that closes a condition which no evidence can close."""
    return _condition(visit, _open(visit, name, "condition.change", waits=True), "close", {})


@topic.post("/conditions/{name}/close")
def close(visit: VisitDep, form: FormDep, name: str) -> Response:
    """Say that a condition is met, and what shows it."""

    def done() -> None:
        close_by_hand(visit.house, visit.reader, name, revision_in(form), form.get("note") or "")

    return _kept(visit, form, _open(visit, name, "condition.change", waits=True), "close", (_NOTE,), done)


@topic.get("/conditions/{name}/return")
def return_page(visit: VisitDep, name: str) -> Response:
    """The form that gives a condition back: its document, or its owner's word."""
    return _condition(visit, _open(visit, name, "case.change", waits=True), "return", {})


@topic.post("/conditions/{name}/return")
def return_it(visit: VisitDep, form: FormDep, name: str) -> Response:
    """Not accept the document, or the word that it is done, with a reason."""

    def done() -> None:
        hand_back(visit.house, visit.reader, name, revision_in(form), form.get("why") or "")

    return _kept(visit, form, _open(visit, name, "case.change", waits=True), "return", (_WHY,), done)


@topic.get("/conditions/{name}/prolong")
def prolong_page(visit: VisitDep, name: str) -> Response:
    """The form that gives a condition another day."""
    return _condition(visit, _open(visit, name, "case.change"), "prolong", {})


@topic.post("/conditions/{name}/prolong")
def prolong_it(visit: VisitDep, form: FormDep, name: str) -> Response:
    """Give a condition another day, with a reason."""

    def done() -> None:
        due_on, why = form.get("due_on") or "", form.get("why") or ""
        prolong(visit.house, visit.reader, name, revision_in(form), due_on, why)

    return _kept(visit, form, _open(visit, name, "case.change"), "prolong", (_DUE, _WHY), done)


def _open(visit: Visit, name: str, action: str, *, waits: bool = False) -> Condition:
    """A condition that is open, or whose document waits, and that they may change."""
    with visit.house.database.reading() as connection:
        one: Condition = governance.get(connection, "condition", name, paths_for(visit.reader, "review.read"))
        sites = governance.CASES.get(connection, one.case).sites
        require(visit.reader, action, paths_of(connection, USES.get(connection, one.use), sites))
    if one.state is not ConditionState.OPEN and not (waits and one.state is ConditionState.HANDED_IN):
        raise ConditionClosed(one.state)
    return one


def _kept(
    visit: Visit, form: Form, one: Condition, step: str, asks: tuple[Ask, ...], done: Callable[[], None]
) -> Response:
    errors = unanswered(asks, form.values)
    refused: Refused | None = None
    status = 422
    if not errors:
        try:
            done()
            return visit.go(f"/reviews/{one.case}#conditions")
        except BadField as error:
            errors = {error.field: error.why}
        except (NotAllowed, ConditionClosed, Stale) as error:
            refused, status = refused_by(error), status_of(error)
            with visit.house.database.reading() as connection:
                one = governance.get(connection, "condition", one.id, paths_for(visit.reader, "review.read"))
    return _condition(visit, one, step, form.values, errors, refused, status=status)


def _condition(
    visit: Visit,
    one: Condition,
    step: str,
    values: Mapping[str, str],
    errors: Mapping[str, str] | None = None,
    refused: Refused | None = None,
    *,
    status: int = 200,
) -> Response:
    with visit.house.database.reading() as connection:
        named = names_of(connection, [one.owner, one.use, one.handed_in_by])
    title, submit, asks = _STEPS[step]
    if step == "close" and one.state is ConditionState.HANDED_IN:
        title, submit = "Accept the document of a condition", "Accept it"
    view = step_view(
        title=title,
        lead=f"“{one.sentence}”",
        back=(f"/reviews/{one.case}#conditions", "Back to the case"),
        action=f"/conditions/{one.id}/{step}",
        submit=submit,
        asks=asks,
        values=values,
        errors=errors,
        hidden={"revision": str(one.revision)},
        facts=(
            Fact("Use", named.get(one.use, one.use)),
            Fact("Owed by", named.get(one.owner, one.owner)),
            Fact("Due", day(one.due_on)),
            *_paper(one, named),
        ),
        refused=refused,
    )
    return visit.show("step.html", view, status=status)


def _paper(one: Condition, named: Mapping[str, str]) -> tuple[Fact, ...]:
    """What waits to be closed: the document and who filed it, or what its owner says was done."""
    if one.said_done is not None:
        shown = (
            ("what shows it", f"/evidence/{one.shown_by}") if one.shown_by else ("nothing is named that shows it", "")
        )
        said = Fact("Its owner says", one.said_done, detail=f"on {day((one.said_done_at or '')[:10])}")
        return (said, Fact("Shown by", shown[0], href=shown[1]))
    if one.handed_in is None:
        return ()
    by = named.get(one.handed_in_by or "", "nobody with an account")
    return (Fact("Handed in", one.document or "a document", detail=f"by {by}, {day((one.handed_in_at or '')[:10])}"),)


@topic.get("/uses/{use_id}/stage")
def stage_page(visit: VisitDep, use_id: str) -> Response:
    """The form that takes a use to another stage."""
    use: Use = records.get(visit.house, visit.reader, "use", use_id)
    return _stage(visit, use, {"to": visit.request.query_params.get("to", "")[:40]})


@topic.post("/uses/{use_id}/stage")
def stage(visit: VisitDep, form: FormDep, use_id: str) -> Response:
    """Take a use to another stage, where a decision in force and the rest allow it."""
    use: Use = records.get(visit.house, visit.reader, "use", use_id)
    errors, status = unanswered(_stage_asks(visit, use), form.values), 422
    refused: Refused | None = None
    to = form.get("to") or ""
    if not errors and to not in {one.value for one in Stage}:
        errors = {"to": "choose one of the list"}
    if not errors:
        try:
            move(visit.house, visit.reader, use_id, Stage(to), revision_in(form), reason=form.get("reason"))
            return visit.go(f"/uses/{use_id}#stands")
        except BadField as error:
            errors = {error.field: error.why}
        except (NotAllowed, CannotMove, Stale) as error:
            refused, status = refused_by(error), status_of(error)
            use = records.get(visit.house, visit.reader, "use", use_id)
    return _stage(visit, use, form.values, errors, refused, status=status)


def _stage_asks(visit: Visit, use: Use) -> tuple[Ask, ...]:
    with visit.house.database.reading() as connection:
        places = paths_of(connection, use)
    options = stage_option(visit.reader, use, places)
    return (Ask(name="to", label="To which stage", kind="choice", options=options, needed=True), _REASON)


def _stage(
    visit: Visit,
    use: Use,
    values: Mapping[str, str],
    errors: Mapping[str, str] | None = None,
    refused: Refused | None = None,
    *,
    status: int = 200,
) -> Response:
    facts = [Fact("Stands at", use.stage.value.replace("-", " "), detail=f"since {day(use.stage_since)}")]
    for way in ways(visit.house, visit.reader, use.id).ways:
        if way.to.value == values.get("to"):
            facts.append(Fact(f"To {way.to.value} it lacks", "; ".join(way.lacks) or "Nothing"))
    owed = list_conditions(visit.house, visit.reader, where={"use": [use.id], "state": ["open"]}, limit=1)
    if owed.items:
        facts.append(Fact("Conditions", "Some are open", href=f"/reviews/{owed.items[0].case}#conditions"))
    view = step_view(
        title=f"Take {use.name} to another stage",
        lead="Its sites follow where the decision names them and their clinicians accepted. A stop needs a reason and "
        "nothing else.",
        back=(f"/uses/{use.id}#stands", "Back to the use"),
        action=f"/uses/{use.id}/stage",
        submit="Take it there",
        asks=_stage_asks(visit, use),
        values=values,
        errors=errors,
        hidden={"revision": str(use.revision)},
        facts=facts,
        refused=refused,
    )
    return visit.show("step.html", view, status=status)
