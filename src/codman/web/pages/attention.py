"""What needs attention."""

from __future__ import annotations

from starlette.responses import Response

from codman.web.topic import Topic
from codman.web.views.attention import AttentionView, attention_view
from codman.web.visit import VisitDep

topic = Topic()


@topic.get("/attention")
def attention_page(visit: VisitDep) -> Response:
    """What lacks an owner, a decision, evidence, monitoring; how the backlog burns down."""
    state, within, today = visit.request.app.state, visit.within, visit.today()
    with visit.house.database.reading() as connection:

        def work() -> AttentionView:
            by_day = state.backlog.by_day(connection) if "/" in within else None
            return attention_view(visit.house, connection, within, by_day)

        view = state.attention.of(connection, (today, *within), work)
    return visit.show("attention.html", view, may_settle=visit.may("evidence.settle"))
