"""Status: what waits to be sent, what was given up and why, and what is done by the clock."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from codman.flows.outbox import given_up, standing, try_again
from codman.web.views.status import status_view
from codman.web.visit import VisitDep

router = APIRouter()


@router.get("/status")
def status_page(visit: VisitDep) -> Response:
    """How the outbox and the schedule stand."""
    parked = given_up(visit.house, visit.reader)
    return visit.show("status.html", status_view(standing(visit.house), parked), may_send=visit.may("outbox.send"))


@router.post("/status/messages/{name}/again")
def send_again(visit: VisitDep, name: str) -> Response:
    """Send a message that was given up once more."""
    try_again(visit.house, visit.reader, name)
    return visit.go("/status#given-up")
