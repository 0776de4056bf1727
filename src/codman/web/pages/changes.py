"""Changes of a use, and pauses that are proposed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from starlette.responses import Response

from codman.flows import records
from codman.flows.before_deciding import nothing_decided
from codman.flows.change_control import not_shown_now, would_reopen
from codman.flows.review.pausing import ProposalSettled, confirm_pause, decline_pause
from codman.flows.review.plans import requirements_to_plan
from codman.flows.review.reading import as_told
from codman.flows.review.staging import CannotMove
from codman.registry import governance
from codman.registry.access import NotAllowed, paths_for, require
from codman.registry.inventory import paths_of
from codman.registry.nouns import USES
from codman.registry.records import BadField, Stale
from codman.spine.pausing import PauseProposal
from codman.spine.reopening import Changed
from codman.spine.use import Use
from codman.web.pages.errors import status_of
from codman.web.pages.review_steps import revision_in
from codman.web.render import day
from codman.web.topic import Topic
from codman.web.views.changes import changes_view
from codman.web.views.forms import Ask, unanswered
from codman.web.views.marks import Fact
from codman.web.views.step import Refused, refused_by, step_view
from codman.web.visit import FormDep, Visit, VisitDep

topic = Topic()

_WHY: Final = Ask(name="why", label="Why", kind="prose", needed=True, hint="Kept in the audit log")
_SAID: Final[Mapping[str, tuple[str, str, str]]] = {
    "confirm": (
        "Pause it, as proposed",
        "The use and its sites stop now; a committee chair can start them again.",
        "Pause it",
    ),
    "decline": ("Say why it goes on", "It goes on as it is, and the reason stays with it.", "It goes on"),
}
_ACTIONS: Final = {"confirm": "use.pause", "decline": "case.change"}


@topic.get("/uses/{use_id}/changes")
def changes_page(visit: VisitDep, use_id: str) -> Response:
    """What changed since a use was decided, and what a change would reopen."""
    use: Use = records.get(visit.house, visit.reader, "use", use_id)
    query = visit.request.query_params
    values = {name: query.get(name, "")[:300] for name in ("changed", "to")}
    errors: dict[str, str] = {}
    would, undecided = None, nothing_decided(visit.house, visit.reader, use_id)
    if "changed" in query:
        known = {one.value for one in Changed}
        if values["changed"] not in known:
            errors = {"changed": "choose one of the list"}
        else:
            asked = (visit.house, visit.reader, use_id, Changed(values["changed"]), values["to"] or None)
            try:
                would = would_reopen(*asked)
                undecided = nothing_decided(*asked)
            except BadField as error:
                errors = {error.field: error.why}
    called = requirements_to_plan(visit.house, visit.reader, use_id)
    with visit.house.database.reading() as connection:
        view = changes_view(
            connection,
            use,
            visit.reader,
            visit.today(),
            values,
            errors,
            would,
            undecided,
            called,
            not_shown_now(visit.house, connection, use_id),
        )
    return visit.show("changes.html", view, status=422 if errors else 200)


@topic.get("/pauses/{name}/confirm")
def confirm_page(visit: VisitDep, name: str) -> Response:
    """The form that pauses a use, as proposed."""
    return _step(visit, _open(visit, name, "confirm"), "confirm", {})


@topic.post("/pauses/{name}/confirm")
def confirm(visit: VisitDep, form: FormDep, name: str) -> Response:
    """Pause a use, as proposed."""
    return _settle(visit, form, name, "confirm")


@topic.get("/pauses/{name}/decline")
def decline_page(visit: VisitDep, name: str) -> Response:
    """The form that lets a use go on."""
    return _step(visit, _open(visit, name, "decline"), "decline", {})


@topic.post("/pauses/{name}/decline")
def decline(visit: VisitDep, form: FormDep, name: str) -> Response:
    """Let a use go on, and say why."""
    return _settle(visit, form, name, "decline")


def _settle(visit: Visit, form: FormDep, name: str, step: str) -> Response:
    one = _open(visit, name, step)
    errors = unanswered((_WHY,), form.values)
    refused: Refused | None = None
    status = 422
    if not errors:
        do = confirm_pause if step == "confirm" else decline_pause
        try:
            do(visit.house, visit.reader, name, revision_in(form), form.get("why") or "")
            return visit.go(f"/uses/{one.use}/changes#pauses")
        except BadField as error:
            errors = {error.field: error.why}
        except (NotAllowed, CannotMove, ProposalSettled, Stale) as error:
            refused, status = refused_by(error), status_of(error)
            one = _found(visit, name)
    return _step(visit, one, step, form.values, errors, refused, status=status)


def _found(visit: Visit, name: str) -> PauseProposal:
    with visit.house.database.reading() as connection:
        one: PauseProposal = governance.get(connection, "pause_proposal", name, paths_for(visit.reader, "review.read"))
        return as_told(connection, visit.reader, one)


def _open(visit: Visit, name: str, step: str) -> PauseProposal:
    """A proposal that they may settle like this."""
    one = _found(visit, name)
    with visit.house.database.reading() as connection:
        require(visit.reader, _ACTIONS[step], paths_of(connection, USES.get(connection, one.use)))
    return one


def _step(
    visit: Visit,
    one: PauseProposal,
    step: str,
    values: Mapping[str, str],
    errors: Mapping[str, str] | None = None,
    refused: Refused | None = None,
    *,
    status: int = 200,
) -> Response:
    with visit.house.database.reading() as connection:
        use = USES.get(connection, one.use)
    title, lead, submit = _SAID[step]
    view = step_view(
        title=title,
        lead=lead,
        back=(f"/uses/{one.use}", "Back to the use"),
        action=f"/pauses/{one.id}/{step}",
        submit=submit,
        asks=(_WHY,),
        values=values,
        errors=errors,
        hidden={"revision": str(one.revision)},
        facts=(
            Fact("Use", use.name, href=f"/uses/{use.id}"),
            Fact("Why a pause is proposed", one.because[:1].upper() + one.because[1:], detail=day(one.created_at)),
        ),
        refused=refused,
    )
    return visit.show("step.html", view, status=status)
