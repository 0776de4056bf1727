"""What a reader sees when something went wrong: what happened, why, and what to do; never what is inside."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import urlencode

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from codman.errors import CodmanError, Unreachable
from codman.evidence.store import NotInStore
from codman.flows.concerns.actions import CannotClose
from codman.flows.concerns.following import ConcernClosed, NothingToPause
from codman.flows.concerns.throttle import TooManyConcerns
from codman.flows.reporting.receiving import NotTheSender
from codman.flows.reporting.refusals import NotAwaited, PeriodRuns
from codman.flows.reporting.schedules import ScheduleEnded
from codman.flows.review.cases import CaseClosed
from codman.flows.review.conditions import ConditionClosed
from codman.flows.review.deciding import CannotDecide
from codman.flows.review.excluding import ExclusionSettled, MustApply
from codman.flows.review.pausing import ProposalSettled
from codman.flows.review.staging import CannotMove
from codman.registry.access import ACTIONS, WHOLE_HOUSE, NotAllowed, NotSignedIn
from codman.registry.database import NotRecorded
from codman.registry.erasure import OnHold, SamePerson
from codman.registry.inventory import BadFilter
from codman.registry.links import LinkSpent, TooManyTried
from codman.registry.log import NoSuchEntry
from codman.registry.records import AlreadyThere, BadField, NoSuchRecord, Stale
from codman.review.packs.catalog import NoSuchPack
from codman.review.packs.framework import NoSuchFramework
from codman.web.upload import FileTooLarge
from codman.web.views.frame import ROLES
from codman.web.visit import FormTooLarge, form_of, visit_of

_LOG: Final = logging.getLogger("codman.web")
_ASKING: Final = frozenset({"GET", "HEAD"})

# The first that fits says the status
STATUS: Final[Mapping[type[CodmanError], int]] = {
    NotAllowed: 403,
    NotTheSender: 403,
    SamePerson: 403,
    OnHold: 409,
    NoSuchRecord: 404,
    NotInStore: 404,
    NoSuchEntry: 404,
    NoSuchPack: 404,
    NoSuchFramework: 404,
    LinkSpent: 404,
    TooManyTried: 429,
    NotAwaited: 409,
    PeriodRuns: 409,
    ScheduleEnded: 409,
    AlreadyThere: 409,
    Stale: 412,
    FileTooLarge: 413,
    FormTooLarge: 413,
    CaseClosed: 409,
    ExclusionSettled: 409,
    MustApply: 409,
    ConditionClosed: 409,
    CannotDecide: 409,
    CannotMove: 409,
    ProposalSettled: 409,
    ConcernClosed: 409,
    CannotClose: 409,
    NothingToPause: 409,
    TooManyConcerns: 429,
    BadField: 422,
    BadFilter: 400,
    NotRecorded: 503,
    Unreachable: 503,
}


# What has a page of its own, with steps below it
_THINGS: Final[Mapping[str, str]] = {
    "uses": "The use",
    "reviews": "The review",
    "incidents": "The concern",
    "intakes": "The proposal",
    "reports": "The report",
    "plans": "The change plan",
    "products": "The product",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """An error as its page says it."""

    status: int
    what: str
    why: str
    fix: str
    above: str = ""  # the address of the thing that the page is about, and what it is called
    called: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """A form that was sent after the session had ended: nothing of it is lost."""

    action: str
    fields: list[tuple[str, str]]
    sign_in: str


def catch(app: FastAPI) -> None:
    """Answer every error with a page."""
    app.add_exception_handler(CodmanError, _codman)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _malformed)
    app.add_exception_handler(Exception, _unforeseen)


async def _codman(request: Request, error: Exception) -> Response:
    assert isinstance(error, CodmanError)  # noqa: S101 (registered for nothing else)
    if isinstance(error, NotSignedIn):
        return await _sign_in(request)
    status = status_of(error)
    if status >= 500:
        _LOG.error("%s: %s", error.what, error.why)
    why = _whose(error) if isinstance(error, NotAllowed) else error.why
    return _page(request, Trouble(status=status, what=error.what, why=why, fix=error.fix))


def status_of(error: CodmanError) -> int:
    """The status that an error is answered with."""
    return next((status for kind, status in STATUS.items() if isinstance(error, kind)), 400)


def _whose(error: NotAllowed) -> str:
    """Whose it is, by the roles' names; the table's own words where it does not know the action."""
    roles = sorted(ROLES[role] for role in ACTIONS.get(error.action, ()))
    if not roles or len(roles) == len(ROLES):
        return error.why
    where = "for the whole house" if error.action in WHOLE_HOUSE else "at each site it belongs to"
    return f"it is for those who hold, {where}, one of the roles: {', '.join(roles)}"


async def _http(request: Request, error: Exception) -> Response:
    status = getattr(error, "status_code", 500)
    with suppress(CodmanError):  # no page's own way in was taken: who it is decides where they can go on
        request.state.reader = request.app.state.reader_of(request)
    if status == 404:
        trouble = Trouble(
            status=404,
            what="there is no such page",
            why="nothing stands at this address",
            fix="go on from here, and look for it by name in the inventory",
        )
    elif status == 405:
        trouble = Trouble(
            status=405,
            what="this page cannot be asked for like that",
            why=f"it does not answer {request.method}",
            fix="go back and use the page's own links and buttons",
        )
    else:
        trouble = Trouble(
            status=status,
            what="the request was refused",
            why=str(getattr(error, "detail", "it cannot be read"))[:200],
            fix="go back and try again",
        )
    return _page(request, trouble)


async def _malformed(request: Request, _error: Exception) -> Response:
    return _page(
        request,
        Trouble(
            status=400,
            what="the request cannot be read",
            why="a part of its address or form has another shape than the page expects",
            fix="go back and use the page's own links and buttons",
        ),
    )


async def _unforeseen(request: Request, error: Exception) -> Response:
    _LOG.error("an error nobody foresaw at %s", request.url.path, exc_info=error)
    return _page(
        request,
        Trouble(
            status=500,
            what="something went wrong here",
            why="the server met an error that nobody foresaw; it is in the server's log",
            fix="try again; if it stays, tell whoever runs this server when it happened",
        ),
    )


async def _sign_in(request: Request) -> Response:
    here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    if request.method in _ASKING:
        return RedirectResponse("/sign-in?" + urlencode({"next": here}), status_code=303)
    if request.headers.get("content-type", "").startswith("multipart/"):
        return _page(
            request,
            Trouble(
                status=401,
                what="your session has ended",
                why="the file was not kept: only what is written into a form is shown again here",
                fix="sign in, and choose the file once more",
            ),
        )
    try:
        sent = await form_of(request)
    except FormTooLarge as error:
        return await _codman(request, error)
    fields = [(name, value) for name, values in sent.every.items() for value in values]
    view = Ended(action=request.url.path, fields=fields, sign_in="/sign-in?" + urlencode({"next": "/account"}))
    return visit_of(request).show("ended.html", view, status=401)


def _page(request: Request, trouble: Trouble) -> Response:
    kind, _, rest = request.url.path.strip("/").partition("/")
    name, _, further = rest.partition("/")
    if kind in _THINGS and further and trouble.status != 404:
        trouble = replace(trouble, above=f"/{kind}/{name}", called=_THINGS[kind])
    answer = visit_of(request).show("trouble.html", trouble, status=trouble.status)
    if trouble.status == 503:
        answer.headers["Retry-After"] = "5"
    return answer
