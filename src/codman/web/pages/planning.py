"""Where a use is to run: its planned sites, each with the mode meant there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from starlette.responses import Response

from codman.flows import records
from codman.flows.planning import as_words, instead, yet_to_run
from codman.flows.review.beside import LaidOut, lay_out
from codman.flows.review.cases import NotYours
from codman.flows.review.planned import replan
from codman.flows.rollout import deployments_of
from codman.registry.access import paths_for
from codman.registry.records import BadField
from codman.registry.register import tree
from codman.review.intake.answer import planned_in
from codman.spine.use import Use
from codman.web.topic import Topic
from codman.web.views.planning import SiteRow, may_replan, planning, site_rows
from codman.web.views.sent import Form
from codman.web.visit import FormDep, Visit, VisitDep

topic = Topic()


_OF_A_USE: Final = (
    "Say at which sites it is planned, and how it is meant to run there. Nothing begins by this: a review takes the "
    "planned sites over, and what it decides is then set up."
)
_OF_A_CASE: Final = (
    "The decision will name these sites beside those where it runs. Whoever voted already is asked to vote again."
)


@topic.get("/uses/{use_id}/planned")
def planning_page(visit: VisitDep, use_id: str) -> Response:
    """The form that says where a use is to run."""
    use: Use = records.get_to_change(visit.house, visit.reader, "use", use_id)
    with visit.house.database.reading() as connection:
        chosen = as_words(yet_to_run(connection, use))
    return _of_a_use(visit, use, chosen, use.revision)


@topic.post("/uses/{use_id}/planned")
def plan(visit: VisitDep, form: FormDep, use_id: str) -> Response:
    """Keep where a use is to run: what is not among it is planned no more."""
    use: Use = records.get(visit.house, visit.reader, "use", use_id)
    said, revision = _said(form), _revision(form)
    with visit.house.database.reading() as connection:
        patch = instead(connection, visit.reader, use.planned, said)
    try:
        records.change(visit.house, visit.reader, "use", use_id, {"planned": patch}, revision, why=form.get("why"))
    except BadField as error:
        return _of_a_use(visit, use, said, revision, error.why, status=422)
    return visit.go(f"/uses/{use_id}#where")


@topic.get("/reviews/{name}/planned")
def replanning_page(visit: VisitDep, name: str) -> Response:
    """The form that changes where a case plans its use to run."""
    found = lay_out(visit.house, visit.reader, name)
    if not may_replan(found, visit.reader):
        raise NotYours("who submitted it changes its planned sites until somebody voted, then who presides")
    case = found.docket.case
    return _of_a_case(visit, found, as_words(case.planned), case.revision)


@topic.post("/reviews/{name}/planned")
def replan_case(visit: VisitDep, form: FormDep, name: str) -> Response:
    """Keep where a case plans its use to run."""
    found = lay_out(visit.house, visit.reader, name)
    said, revision = _said(form), _revision(form)
    with visit.house.database.reading() as connection:
        patch = instead(connection, visit.reader, found.ahead, said)
    try:
        replan(visit.house, visit.reader, name, revision, patch, why=form.get("why"))
    except BadField as error:
        return _of_a_case(visit, found, said, revision, error.why, status=422)
    return visit.go(f"/reviews/{name}#sites")


def _said(form: Form) -> dict[str, str]:
    return planned_in(item for item in form.every.get("planned", []) if item)


def _revision(form: Form) -> int:
    """The revision a form was made on; 0, which no record has, where it says none."""
    text = form.get("revision") or ""
    return int(text[:9]) if text.isascii() and text.isdecimal() else 0


def _of_a_use(
    visit: Visit, use: Use, chosen: Mapping[str, str], revision: int, error: str = "", *, status: int = 200
) -> Response:
    rows = _rows(visit, use.id, chosen)
    there = f"/uses/{use.id}"
    view = planning(rows, lead=_OF_A_USE, over=use.name, back=there, revision=revision, error=error)
    return visit.show("planning.html", view, status=status)


def _of_a_case(
    visit: Visit, found: LaidOut, chosen: Mapping[str, str], revision: int, error: str = "", *, status: int = 200
) -> Response:
    case, use = found.docket.case, found.docket.use
    rows = _rows(visit, use.id, chosen)
    over = f"{use.name}, {case.checkpoint.value}"
    there = f"/reviews/{case.id}"
    view = planning(rows, lead=_OF_A_CASE, over=over, back=there, revision=revision, error=error)
    return visit.show("planning.html", view, status=status)


def _rows(visit: Visit, use: str, chosen: Mapping[str, str]) -> tuple[SiteRow, ...]:
    there = {one.site: one.mode for one in deployments_of(visit.house, visit.reader, use)}
    within = paths_for(visit.reader, "inventory.read")
    with visit.house.database.reading() as connection:
        return site_rows("planned", tree(connection, within), within, chosen, there)
