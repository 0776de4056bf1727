"""Evidence that may mean several products or uses, or that the book does not know: a person says which."""

from __future__ import annotations

from starlette.responses import Response

from codman.flows.settling import names_unknown, settle, to_settle
from codman.web.topic import Topic
from codman.web.views.doubts import doubts_view
from codman.web.visit import FormDep, Visit, VisitDep

topic = Topic()


@topic.get("/doubts")
def doubts_page(visit: VisitDep) -> Response:
    """The statements that wait for a person to say what they mean."""
    return _page(visit)


@topic.post("/doubts/{digest}")
def say(visit: VisitDep, form: FormDep, digest: str) -> Response:
    """Say which product, and which use, a statement means."""
    settle(visit.house, visit.reader, digest, form.get("product") or "", form.get("use"), why=form.get("why"))
    return visit.go("/doubts")


def _page(visit: Visit) -> Response:
    waiting = to_settle(visit.house, visit.reader)
    with visit.house.database.reading() as connection:
        return visit.show("doubts.html", doubts_view(connection, waiting, names_unknown(connection)))
