"""A use, its deployments, and one change to all of its sites."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from starlette.responses import Response

from codman.flows import records
from codman.flows.change_control import not_shown_now
from codman.flows.filed import list_evidence
from codman.flows.planning import may_set_up, yet_to_run
from codman.flows.recorded import follow
from codman.flows.review.staging import ways
from codman.flows.rights import changeable, may_add_to, modes_refused, open_fields
from codman.flows.rollout import SeenOtherwise, change_everywhere, deploy_at, deployments_of, state_tag
from codman.registry.access import paths_for
from codman.registry.records import BadField
from codman.registry.register import tree
from codman.web.topic import Topic
from codman.web.views.changes import proposed_pauses
from codman.web.views.deploying import SAID_FOR_ALL, Ahead, clinicians, deploying
from codman.web.views.lists import Lists, is_search, searched
from codman.web.views.planning import ahead_lines
from codman.web.views.sites_at_once import CHANGED_AT_ONCE, sites_at_once
from codman.web.views.triage import proposed_of
from codman.web.views.use import SHOWN_STATEMENTS, open_concerns, use_view
from codman.web.views.use_review import use_review
from codman.web.visit import FormDep, Visit, VisitDep

topic = Topic()


@topic.get("/uses/{use_id}")
def use_page(visit: VisitDep, use_id: str) -> Response:
    """One use: what it is for, where it runs, who answers, what is known and what is missing."""
    use = records.get(visit.house, visit.reader, "use", use_id)
    filed: Sequence[Any] = ()
    if visit.may("evidence.read"):
        where = {"use": [use_id]}
        filed = list_evidence(visit.house, visit.reader, where=where, limit=SHOWN_STATEMENTS + 1).items
    ahead = ways(visit.house, visit.reader, use_id)
    with visit.house.database.reading() as connection:
        fields = open_fields(connection, visit.reader, "use", use)
        now = visit.house.database.clock().astimezone(visit.house.database.zone)
        view = use_view(connection, use, visit.reader, fields, filed, now)
        may_file = may_add_to(connection, visit.reader, "document", "use", use)
        pauses = proposed_pauses(connection, use, visit.reader)
        sent = proposed_of(connection, use) if visit.may("review.read") else None
        harm = open_concerns(connection, use, visit.reader)
        ready = may_set_up(connection, use, now.isoformat(), visit.house.database.zone)
        planned = ahead_lines(connection, use, visit.reader, ready)
        failing = not_shown_now(visit.house, connection, use_id)
        review = use_review(connection, use, visit.reader, ahead, visit.today(), failing)
    return visit.show(
        "use.html",
        view,
        review=review,
        planned=planned,
        may_plan="planned" in fields,
        pauses=pauses,
        sent=sent,
        harm=harm,
        may_change=bool(fields),
        may_add=visit.may("deployment.create"),
        may_file=may_file,
        may_audit=visit.may("audit.read"),
    )


@topic.post("/deployments/{name}/accept")
def accept(visit: VisitDep, form: FormDep, name: str) -> Response:
    """The accountable clinician accepts the use at their site."""
    revision = form.get("revision") or ""
    if not (revision.isascii() and revision.isdecimal()):
        raise BadField("deployment", "revision", "it says which revision was read")
    kept = records.accept_deployment(
        visit.house, visit.reader, name, int(revision[:9]), on=form.get("on"), why=form.get("why")
    )
    return visit.go("/" if form.get("next") == "/" else f"/uses/{kept.use}#where")


@topic.get("/uses/{use_id}/sites/new")
def deploy_page(visit: VisitDep, use_id: str) -> Response:
    """The form that puts a use at many sites at once."""
    chosen = set(visit.request.query_params.getlist("site"))
    return _deploy_form(visit, use_id, {}, {}, chosen or None, status=200)


@topic.post("/uses/{use_id}/sites/new")
def deploy(visit: VisitDep, form: FormDep, use_id: str) -> Response:
    """Put a use at the chosen sites: at all of them or, where one cannot be, at none."""
    chosen = form.every.get("site", [])
    if is_search(form):
        return _deploy_form(visit, use_id, dict(form.values), {}, set(chosen), status=200)
    fields = {name: form.get(name) for name in SAID_FOR_ALL if form.get(name) is not None}
    errors = {}
    if not chosen:
        errors["site"] = "choose at least one"
    if "mode" not in fields:
        errors["mode"] = "this is needed"
    if not errors:
        try:
            deploy_at(visit.house, visit.reader, use_id, chosen, fields, why=form.get("why"))
            follow(visit.house, visit.reader, use_id)
            return visit.go(f"/uses/{use_id}#where")
        except BadField as error:
            errors = {error.field: error.why}
    return _deploy_form(visit, use_id, dict(form.values), errors, set(chosen), status=422)


def _deploy_form(
    visit: Visit, use_id: str, values: dict[str, str], errors: dict[str, str], chosen: set[str] | None, *, status: int
) -> Response:
    """The form as it was sent; as nothing was yet, with the planned sites that were decided for one mode."""
    use = records.get(visit.house, visit.reader, "use", use_id)
    there = {one.site: one.mode for one in deployments_of(visit.house, visit.reader, use_id)}
    within = paths_for(visit.reader, "deployment.create")
    clinician = clinicians(Lists(house=visit.house, reader=visit.reader, values=values, words=searched(values)))
    with visit.house.database.reading() as connection:
        places = tree(connection, within)
        now, zone = visit.house.database.clock().isoformat(), visit.house.database.zone
        ahead = Ahead(
            planned=yet_to_run(connection, use),
            ready=may_set_up(connection, use, now, zone),
            refused=modes_refused(visit.house, connection, use, ()),
        )
        if chosen is None:
            paths = {place.id: place.path for place in places}
            chosen, values = ahead.first(within, paths)
        view = deploying(connection, use, places, there, within, clinician, values, errors, chosen, ahead)
    return visit.show("deploying.html", view, status=status)


@topic.get("/uses/{use_id}/sites")
def sites_page(visit: VisitDep, use_id: str) -> Response:
    """The form that changes many sites of a use at once."""
    return _sites_form(visit, use_id, {}, {}, None, status=200)


@topic.post("/uses/{use_id}/sites")
def change_sites(visit: VisitDep, form: FormDep, use_id: str) -> Response:
    """Change the chosen sites of a use: all of them or, where one cannot be, none."""
    chosen = form.every.get("site", [])
    patch = {name: form.get(name) for name in CHANGED_AT_ONCE if form.get(name) is not None}
    errors, status = {}, 422
    if not chosen:
        errors["site"] = "choose at least one site"
    if not patch:
        errors["mode"] = "say at least one thing that is to change"
    if not errors:
        try:
            change_everywhere(
                visit.house, visit.reader, use_id, patch, sites=chosen, state=form.get("state"), why=form.get("why")
            )
            follow(visit.house, visit.reader, use_id)
            return visit.go(f"/uses/{use_id}#where")
        except SeenOtherwise as error:
            errors, status = {"site": error.why}, 412
        except BadField as error:
            errors = {error.field: error.why}
    return _sites_form(visit, use_id, dict(form.values), errors, set(chosen), status=status)


def _sites_form(
    visit: Visit, use_id: str, values: dict[str, str], errors: dict[str, str], chosen: set[str] | None, *, status: int
) -> Response:
    use = records.get(visit.house, visit.reader, "use", use_id)
    runs = deployments_of(visit.house, visit.reader, use_id)
    with visit.house.database.reading() as connection:
        theirs = changeable(connection, visit.reader, "deployment", runs)
        offered = [one for one in runs if one.id in theirs]
        refused = modes_refused(visit.house, connection, use, offered)
        view = sites_at_once(connection, use, offered, state_tag(runs), values, errors, chosen, refused)
    return visit.show("sites_at_once.html", view, status=status)
