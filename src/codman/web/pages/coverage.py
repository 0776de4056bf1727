"""Coverage of frameworks: the whole house, and one use."""

from __future__ import annotations

from starlette.responses import Response

from codman.flows import records
from codman.registry.coverage import coverage_of, house_coverage, tallies
from codman.web.topic import Topic
from codman.web.views.coverage import house_view, use_coverage
from codman.web.visit import VisitDep

topic = Topic()


@topic.get("/coverage")
def coverage_page(visit: VisitDep) -> Response:
    """Every field of every framework over all uses in reach."""
    with visit.house.database.reading() as connection:
        within = visit.within
        kept = visit.request.app.state.coverage
        view = house_view(kept.of(connection, within, lambda: house_coverage(connection, within)))
    return visit.show("coverage.html", view)


@topic.get("/uses/{use_id}/coverage")
def use_coverage_page(visit: VisitDep, use_id: str) -> Response:
    """Every field of every framework for one use: evidence, document, claim or missing."""
    use = records.get(visit.house, visit.reader, "use", use_id)
    with visit.house.database.reading() as connection:
        answers = coverage_of(connection, use_id)
    return visit.show("use_coverage.html", use_coverage(use.name, f"/uses/{use_id}", answers, tallies(answers)))
