"""The tier of a use: triaged by rules, set by people, lowered by two; and whether it is research."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.responses import Response

from codman.errors import CodmanError
from codman.flows.triage import agree, determine, refuse, set_tier, triage_again
from codman.flows.triage_record import look
from codman.registry.access import NotAllowed
from codman.registry.inventory import paths_of
from codman.registry.names import names_of
from codman.registry.records import BadField, NoSuchRecord, Stale
from codman.spine.intake import TriageRecord
from codman.spine.use import Tier
from codman.web.pages.errors import status_of
from codman.web.topic import Topic
from codman.web.views.forms import answers, unanswered
from codman.web.views.step import Refused, refused_by
from codman.web.views.triage import DETERMINATION, proposed_of, triage_view
from codman.web.visit import FormDep, Visit, VisitDep

topic = Topic()


@topic.get("/uses/{use_id}/triage")
def triage_page(visit: VisitDep, use_id: str) -> Response:
    """What its tier is, why, what is not known, and what waits for a second person."""
    return _page(visit, use_id)


@topic.post("/uses/{use_id}/triage")
def triage_use(visit: VisitDep, form: FormDep, use_id: str) -> Response:
    """Hold the rules against what the book says of it now."""
    triage_again(visit.house, visit.reader, use_id, why=form.get("why"))
    return visit.go(f"/uses/{use_id}/triage")


@topic.post("/uses/{use_id}/tier")
def set_use_tier(visit: VisitDep, form: FormDep, use_id: str) -> Response:
    """Set another tier: up at once, down once somebody else agrees."""
    chosen = form.get("tier")
    if chosen not in {one.value for one in Tier}:
        return _page(visit, use_id, form.values, {"tier": "choose one of the list"}, status=422)
    try:
        set_tier(visit.house, visit.reader, use_id, Tier(chosen), why=form.get("why"))
    except (NotAllowed, NoSuchRecord):
        raise
    except CodmanError as error:
        return _page(visit, use_id, form.values, refused=refused_by(error), status=max(status_of(error), 409))
    return visit.go(f"/uses/{use_id}/triage")


@topic.post("/uses/{use_id}/triage/{name}/agree")
def agree_to_tier(visit: VisitDep, form: FormDep, use_id: str, name: str) -> Response:
    """Agree to a lower tier as the second person."""
    return _answered(visit, use_id, lambda: agree(visit.house, visit.reader, name, _revision(form.get("revision"))))


@topic.post("/uses/{use_id}/triage/{name}/refuse")
def refuse_tier(visit: VisitDep, form: FormDep, use_id: str, name: str) -> Response:
    """Refuse a lower tier, or take one's own request back."""
    why = form.get("refusal")
    if why is None:
        said = Refused(what="Nothing was changed", why="a refusal says why", fix="say in a sentence why it stays")
        return _page(visit, use_id, refused=said, status=422)
    return _answered(
        visit, use_id, lambda: refuse(visit.house, visit.reader, name, _revision(form.get("revision")), why)
    )


@topic.post("/uses/{use_id}/determination")
def determine_research(visit: VisitDep, form: FormDep, use_id: str) -> Response:
    """Record who determined whether it is research or quality improvement."""
    said = {name: value for name, value in answers(DETERMINATION, form).items() if value is not None}
    errors = unanswered(DETERMINATION, form.values)
    if not errors:
        if str(said.get("exempt_category", "")).isdecimal():
            said["exempt_category"] = int(said["exempt_category"])
        try:
            determine(visit.house, visit.reader, use_id, said)
            return visit.go(f"/uses/{use_id}/triage#research")
        except BadField as error:
            whole = error.field == "all"  # what two answers make impossible together
            refused = refused_by(error) if whole else None
            errors = {} if whole else {error.field: error.why}
            return _page(visit, use_id, form.values, errors, refused, status=422)
    return _page(visit, use_id, form.values, errors, status=422)


def _answered(visit: Visit, use_id: str, step: object) -> Response:
    try:
        made = step() if callable(step) else None
    except (NotAllowed, NoSuchRecord):
        raise
    except CodmanError as error:
        status = 412 if isinstance(error, Stale) else 409
        return _page(visit, use_id, refused=refused_by(error), status=status)
    return visit.go(f"/uses/{made.use if isinstance(made, TriageRecord) else use_id}/triage")


def _page(
    visit: Visit,
    use_id: str,
    values: Mapping[str, str] | None = None,
    errors: Mapping[str, str] | None = None,
    refused: Refused | None = None,
    *,
    status: int = 200,
) -> Response:
    found = look(visit.house, visit.reader, use_id)
    people = [name for one in found.history for name in (one.asked_by, one.agreed_by)]
    with visit.house.database.reading() as connection:
        named = names_of(connection, people)
        places = list(paths_of(connection, found.use))
        proposed = proposed_of(connection, found.use)
    view = triage_view(
        found,
        named,
        visit.reader.person,
        may_agree=visit.may("triage.agree", places),
        emergency=visit.may("case.emergency", places),
        values=values or {},
        errors=errors or {},
        proposed=proposed,
    )
    return visit.show(
        "triage.html",
        view,
        refused=refused,
        may_triage=visit.may("use.triage", places),
        may_set=visit.may("triage.change", places) and found.standing is not None,
        may_propose=visit.may("intake.create"),
        may_open=visit.may("case.create", places),
        status=status,
    )


def _revision(text: str | None) -> int:
    return int(text) if text and text.isascii() and text.isdecimal() and len(text) < 10 else 0
