"""Status: what waits to be sent, what was given up and why, what is done by the clock, and how the server stands."""

from __future__ import annotations

from starlette.responses import Response

from codman.flows.operations.upkeep import DROP, RUN, drop, run_again, upkeep
from codman.flows.outbox import given_up, standing, try_again
from codman.web.topic import Topic
from codman.web.views.status import status_view
from codman.web.visit import FormDep, VisitDep

topic = Topic()


@topic.get("/status")
def status_page(visit: VisitDep) -> Response:
    """How the outbox and the schedule stand."""
    parked = given_up(visit.house, visit.reader)
    view = status_view(standing(visit.house), parked, upkeep(visit.house), visit.house.database.clock())
    return visit.show(
        "status.html", view, may_send=visit.may("outbox.send"), may_drop=visit.may(DROP), may_run=visit.may(RUN)
    )


@topic.post("/status/messages/{name}/again")
def send_again(visit: VisitDep, name: str) -> Response:
    """Send a message that was given up once more."""
    try_again(visit.house, visit.reader, name)
    return visit.go("/status#given-up")


@topic.post("/status/messages/{name}/drop")
def drop_message(visit: VisitDep, form: FormDep, name: str) -> Response:
    """Give a message up for good."""
    drop(visit.house, visit.reader, name, form.get("why") or "")
    return visit.go("/status#given-up")


@topic.post("/status/jobs/{name}/again")
def run_job_again(visit: VisitDep, name: str) -> Response:
    """Have a job that failed tried by the next round."""
    run_again(visit.house, visit.reader, name)
    return visit.go("/status#jobs")
