"""Where a use is to run: its planned sites, each with the mode meant there."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.responses import Response

from codman.flows import records
from codman.flows.planning import instead, yet_to_run
from codman.flows.rollout import deployments_of
from codman.registry.access import paths_for
from codman.registry.records import BadField
from codman.registry.register import tree
from codman.review.intake.answer import planned_in
from codman.spine.use import Use
from codman.web.topic import Topic
from codman.web.views.planning import planning
from codman.web.visit import FormDep, Visit, VisitDep

topic = Topic()


@topic.get("/uses/{use_id}/planned")
def planning_page(visit: VisitDep, use_id: str) -> Response:
    """The form that says where a use is to run."""
    use: Use = records.get_to_change(visit.house, visit.reader, "use", use_id)
    with visit.house.database.reading() as connection:
        planned = yet_to_run(connection, use)
    return _form(visit, use, {site: mode.value for site, mode in planned.items()}, use.revision)


@topic.post("/uses/{use_id}/planned")
def plan(visit: VisitDep, form: FormDep, use_id: str) -> Response:
    """Keep where a use is to run: what is not among it is planned no more."""
    use: Use = records.get(visit.house, visit.reader, "use", use_id)
    said = planned_in(item for item in form.every.get("planned", []) if item)
    text = form.get("revision") or ""
    revision = int(text[:9]) if text.isascii() and text.isdecimal() else 0
    with visit.house.database.reading() as connection:
        patch = instead(connection, visit.reader, use_id, said)
    try:
        records.change(visit.house, visit.reader, "use", use_id, {"planned": patch}, revision, why=form.get("why"))
    except BadField as error:
        return _form(visit, use, said, revision, error.why, status=422)
    return visit.go(f"/uses/{use_id}#where")


def _form(
    visit: Visit, use: Use, chosen: Mapping[str, str], revision: int, error: str = "", *, status: int = 200
) -> Response:
    there = {one.site: one.mode for one in deployments_of(visit.house, visit.reader, use.id)}
    within = paths_for(visit.reader, "inventory.read")
    with visit.house.database.reading() as connection:
        view = planning(use, tree(connection, within), within, there, chosen, revision, error)
    return visit.show("planning.html", view, status=status)
