"""The web application: the open house in, an application out. Start here.

Every page is a function in pages/; what it asks of its reader stands in access.py, or the application does not start.
"""

from __future__ import annotations

from functools import cache
from typing import Final

from fastapi import APIRouter, Depends, FastAPI, Request
from starlette.responses import HTMLResponse
from starlette.routing import BaseRoute
from starlette.staticfiles import StaticFiles

from codman.flows.concerns.throttle import Throttle
from codman.flows.house import House
from codman.registry.attention import BacklogHistory
from codman.registry.kept import Kept
from codman.report.charts import FONTS
from codman.web import access, emergency, invitations, render, sign_in, tokens
from codman.web.pages import (
    attention,
    audit,
    changes,
    concern,
    condition_done,
    coverage,
    documents,
    doubts,
    erasures,
    errors,
    evidence,
    evidence_meaning,
    generated,
    home,
    incident_steps,
    incidents,
    intakes,
    inventory,
    keys,
    monitor,
    monitor_incidents,
    planning,
    plans,
    policies,
    posters,
    products,
    record_forms,
    registers,
    report_answer,
    reports,
    review_aftermath,
    review_opening,
    review_seats,
    review_steps,
    reviews,
    status,
    triage,
    uses,
)
from codman.web.security import install_security
from codman.web.visit import form_of

# `/uses/new` before `/uses/{use_id}`: the first that fits answers
_TOPICS: Final = (
    home.topic,
    inventory.topic,
    attention.topic,
    record_forms.topic,
    uses.topic,
    planning.topic,
    products.topic,
    documents.topic,
    doubts.topic,
    evidence.topic,
    evidence_meaning.topic,
    registers.topic,
    keys.topic,
    erasures.topic,  # before the entries: `/audit/erasures` is no number
    audit.topic,
    coverage.topic,
    policies.topic,
    intakes.topic,
    triage.topic,
    review_opening.topic,  # before `/reviews/{name}`
    review_seats.topic,
    review_steps.topic,
    review_aftermath.topic,
    condition_done.topic,
    changes.topic,
    plans.topic,
    reviews.topic,
    reports.topic,
    report_answer.topic,
    generated.topic,
    status.topic,
    concern.topic,
    posters.topic,
    incidents.topic,
    incident_steps.topic,
    monitor.topic,
    monitor_incidents.topic,
    sign_in.topic,
    tokens.topic,
    emergency.topic,
    invitations.topic,
)


def make_web(house: House) -> FastAPI:
    """The pages of an open house.

    Raises:
        UnlistedRoute: A route does not say what it asks of its reader.
    """
    app = FastAPI(title="Codman", docs_url=None, redoc_url=None, openapi_url=None, default_response_class=HTMLResponse)
    app.state.house = house
    app.state.templates = render.environment()
    app.state.backlog = BacklogHistory()
    app.state.coverage, app.state.attention, app.state.controls = Kept(), Kept(), Kept()
    app.state.concerns = Throttle(house.database.clock)
    app.router.routes.extend(_pages())
    app.mount("/static/fonts", StaticFiles(directory=FONTS))  # the letters of the reports
    app.mount("/static", StaticFiles(directory=render.STATIC))
    errors.catch(app)
    install_security(app, house)
    app.add_middleware(render.InTheHousesZone, zone=house.database.zone)
    access.check(app.routes)
    return app


@cache
def _pages() -> tuple[BaseRoute, ...]:
    """Every topic's pages in one list, so that every one of them is admitted and can be listed; no house is in it."""
    made = APIRouter(default_response_class=HTMLResponse)
    for topic in _TOPICS:
        for page in topic.pages:
            bounded = [] if page.takes_a_file or page.method == "GET" else [Depends(form_of)]
            made.add_api_route(
                page.path,
                page.answer,
                methods=[page.method],
                dependencies=[Depends(_admitted), *bounded],
                response_model=None,
            )
    return tuple(made.routes)


def _admitted(request: Request) -> None:
    request.state.reader = request.app.state.reader_of(request)
    access.admit(request.method, request.scope["route"].path, request.state.reader)
