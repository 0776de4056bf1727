"""What needs attention."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from codman.web.views.attention import attention_view
from codman.web.visit import VisitDep

router = APIRouter()


@router.get("/attention")
def attention_page(visit: VisitDep) -> Response:
    """What lacks an owner, a decision, evidence, monitoring; how the backlog burns down."""
    with visit.house.database.reading() as connection:
        whole = "/" in visit.within
        by_day = visit.request.app.state.backlog.by_day(connection) if whole else None
        view = attention_view(connection, visit.within, by_day, visit.today())
    return visit.show("attention.html", view)
