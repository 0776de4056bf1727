"""Reviews: the list, one case with each requirement beside its evidence, the decision to file, the minutes."""

from __future__ import annotations

from typing import Final

from starlette.responses import Response

from codman.flows.review.beside import lay_out
from codman.flows.review.minutes import minutes
from codman.flows.review.reading import list_cases
from codman.registry.names import names_of
from codman.spine.review import CaseState
from codman.web.topic import Topic
from codman.web.views.decision import decision_view
from codman.web.views.planning import may_replan
from codman.web.views.review import review_view
from codman.web.views.review_list import SHOWN, review_list
from codman.web.visit import VisitDep

topic = Topic()

_STATES: Final = {
    "": (CaseState.OPEN, CaseState.VOTING),
    "decided": (CaseState.DECIDED,),
    "withdrawn": (CaseState.WITHDRAWN,),
    "all": tuple(CaseState),
}


@topic.get("/reviews")
def reviews_page(visit: VisitDep) -> Response:
    """Cases of the uses one sees: those that are open first, others when asked for."""
    asked = visit.request.query_params
    which = asked.get("show", "") if asked.get("show", "") in _STATES else ""
    where = {"state": [state.value for state in _STATES[which]]}
    if use := asked.get("use"):
        where["use"] = [use[:64]]
    cursor = asked.get("after") or None
    page = list_cases(visit.house, visit.reader, where=where, limit=SHOWN, cursor=cursor)
    with visit.house.database.reading() as connection:
        named = names_of(connection, [name for one in page.items for name in (one.use, one.chair, one.version)])
    view = review_list(page, named, which, use[:64] if use else "", after=cursor is not None, today=visit.today())
    return visit.show("review_list.html", view, may_open=visit.may("case.create"))


@topic.get("/reviews/{name}")
def review_page(visit: VisitDep, name: str) -> Response:
    """One case: what is not known first, then each requirement beside what meets it."""
    found = lay_out(visit.house, visit.reader, name)
    view = review_view(found, visit.reader)
    return visit.show("review.html", view, may_replan=may_replan(found, visit.reader))


@topic.get("/reviews/{name}/decision")
def decision_page(visit: VisitDep, name: str) -> Response:
    """The decision as a page to print and file; the minutes of a case that nobody has decided yet."""
    found = lay_out(visit.house, visit.reader, name)
    if found.decided is None:
        return visit.go(f"/reviews/{found.docket.case.id}/minutes")
    view = decision_view(found, minutes(visit.house, visit.reader, name), visit.today())
    return visit.show("decision.html", view)


@topic.get("/reviews/{name}/minutes")
def minutes_page(visit: VisitDep, name: str) -> Response:
    """What was asked, answered, voted and decided, written by itself."""
    found = lay_out(visit.house, visit.reader, name)
    view = decision_view(found, minutes(visit.house, visit.reader, name), visit.today())
    return visit.show("minutes.html", view)


@topic.get("/reviews/{name}/minutes.md")
def minutes_file(visit: VisitDep, name: str) -> Response:
    """The same as a file."""
    text = minutes(visit.house, visit.reader, name).markdown()
    shown = {"Content-Disposition": f'attachment; filename="minutes-{name}.md"'}
    return Response(text, media_type="text/markdown; charset=utf-8", headers=shown)
