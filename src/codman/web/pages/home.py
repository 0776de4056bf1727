"""My work: where everybody starts."""

from __future__ import annotations

from starlette.responses import Response

from codman.flows.work import waiting
from codman.registry.inventory import Question, search
from codman.web.topic import Topic
from codman.web.views.home import home_view
from codman.web.visit import VisitDep

topic = Topic()


@topic.get("/")
def home_page(visit: VisitDep) -> Response:
    """What waits for the reader."""
    tasks = waiting(visit.house, visit.reader)
    with visit.house.database.reading() as connection:
        empty = search(connection, Question(limit=1)).total == 0
        now = visit.house.database.clock().astimezone(visit.house.settings.zone)
        view = home_view(connection, visit.reader, visit.within, now, tasks, empty=empty)
    return visit.show("home.html", view, may_audit=visit.may("audit.read", ["/"]), may_import=visit.may("site.create"))
