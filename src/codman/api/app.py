"""The API: a FastAPI application made of the table of operations, each served, guarded and described by its entry."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from fastapi import FastAPI
from sqlalchemy.exc import DataError
from starlette.datastructures import QueryParams
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from codman import __version__
from codman.api import access, problems
from codman.api.call import Call, Invalid, WrongMediaType, read_as, refuse_unkeepable
from codman.api.openapi import document
from codman.api.operation import Operation
from codman.api.replies import Reply, content_tag, is_unchanged
from codman.api.routes.catalog import every_operation
from codman.api.traffic import Intake, Lane, Refused, Traffic, state_of
from codman.errors import BadInput, CodmanError
from codman.flows.house import House
from codman.telemetry import ROUTES

ROOT: Final = "/api/v1"
_LONG: Final = 64 * 1024  # a body above it is read only once its sender is known

# nothing here is a page that may load or frame anything; the documentation page alone has a style sheet
_SAFE: Final = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "private, no-cache",
    "Vary": "Authorization",
}


def make_api(house: House, operations: Sequence[Operation] | None = None) -> FastAPI:
    """The API of a house, under /api/v1, and the schemas of statements under /schemas.

    Args:
        house: The open house.
        operations: What it serves; everything there is without.

    Raises:
        Undeclared: An operation does not say who may use it.
    """
    served = list(every_operation() if operations is None else operations)
    access.check(served)
    app = FastAPI(
        title="Codman",
        version=__version__,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        exception_handlers={HTTPException: _nothing_here},
    )
    app.router.redirect_slashes = False
    app.openapi = lambda: document(served)  # type: ignore[method-assign]
    app.state.operations = served
    reading, changing, apart = Lane("reading"), Lane("changing"), Lane("service", threads=2, waiting=14)
    taking = Lane("events", threads=6, waiting=26)  # they come by the thousand, and must not keep a person waiting
    intake = Intake(house.settings.max_body_mb * 1024 * 1024)
    for one in served:
        path = one.path if one.at_root else ROOT + one.path
        methods = ["GET", "HEAD"] if one.method == "GET" else [str(one.method)]
        usual = reading if one.method == "GET" else changing
        lane = {"in line": usual, "events": taking}.get(one.waits, apart)
        # a long body's sender is looked up here
        before = {"in line": reading, "events": taking}.get(one.waits, apart)
        app.add_route(path, _endpoint(house, one, lane, before, intake), methods=methods, name=one.name)
        ROUTES.declare([path])
    app.add_middleware(Traffic)
    return app


def _endpoint(
    house: House, operation: Operation, lane: Lane, before: Lane, intake: Intake
) -> Callable[[Request], Awaitable[Response]]:
    secure = (house.settings.public_url or "").startswith("https://")
    template = operation.path if operation.at_root else ROOT + operation.path

    async def endpoint(request: Request) -> Response:
        seen = state_of(request.scope)
        seen["route"] = template
        try:
            if _is_long(request):  # room is set aside only for somebody who may send this at all
                refused = await before.work(lambda: _turned_away(house, operation, request, seen))
                if refused is not None:
                    return _response(request.method, refused, secure=secure)
            # what takes no body is not kept waiting for one
            body = b"" if operation.body is None and _is_long(request) else await intake.read(request)
            if operation.waits == "never":
                reply = _perform(house, operation, request, body, seen)
            else:
                reply = await lane.work(lambda: _perform(house, operation, request, body, seen))
        except Refused as error:
            reply = error.reply
        return _response(request.method, reply, secure=secure)

    return endpoint


def _address(request: Request) -> str | None:
    return None if request.client is None else request.client.host


def _is_long(request: Request) -> bool:
    """Whether a body is long, or does not say how long it is."""
    length = request.headers.get("content-length")
    if length is None:
        return "transfer-encoding" in request.headers
    return not length.isdecimal() or int(length[:20]) > _LONG


def _turned_away(house: House, operation: Operation, request: Request, seen: dict[str, Any]) -> Reply | None:
    try:
        access.admit(house, operation, request.headers, _address(request))
    except CodmanError as error:
        reply = problems.reply_of(error, seen["request"])
        return replace(reply, headers={**reply.headers, "Connection": "close"})  # the body is not read
    return None


def _perform(house: House, operation: Operation, request: Request, body: bytes, seen: dict[str, Any]) -> Reply:
    headers = {name: ", ".join(request.headers.getlist(name)) for name in request.headers}
    try:
        reader = access.admit(house, operation, headers, _address(request))
        seen["reader"] = None if reader is None else reader.person
        media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
        if operation.body is not None and not _reads(operation, media_type):
            raise WrongMediaType(media_type, operation.body.media_types)
        call = Call(
            house=house,
            who=reader,
            request=seen["request"],
            method=operation.method,
            url=request.url.path + ("?" + request.url.query if request.url.query else ""),
            path=request.path_params,
            query=_query(operation, request.query_params),
            headers=headers,
            body=body,
            media_type=media_type,
        )
        if operation.method != "GET":
            call.reason()  # a bad header is refused before anything is looked at
        if operation.edits:
            call.if_match()
        reply = operation.do(call)
    except CodmanError as error:
        return problems.reply_of(error, seen["request"])
    except DataError:  # text or a number that this database cannot hold; its message would quote it
        return problems.reply_of(
            BadInput(
                what="a value cannot be kept",
                why="the database cannot hold it in that field",
                fix="give a shorter text, or a number nearer to zero",
            ),
            seen["request"],
        )
    return _unless_known(reply, headers.get("if-none-match")) if operation.method == "GET" else reply


def _reads(operation: Operation, media_type: str) -> bool:
    assert operation.body is not None  # noqa: S101 - asked only where there is one
    takes = operation.body.media_types
    return media_type in takes or ("*/*" in takes and "/" in media_type)


def _query(operation: Operation, given: QueryParams) -> Any:
    if operation.query is None:
        if given:
            raise Invalid([{"pointer": f"/query/{next(iter(given))[:60]}", "detail": "this operation takes no query"}])
        return None
    values: dict[str, Any] = {}
    for name in given:
        field = operation.query.model_fields.get(name)
        many = given.getlist(name)
        if field is not None and field.default_factory is list:
            values[name] = many
        elif len(many) > 1:
            raise Invalid([{"pointer": f"/query/{name[:60]}", "detail": "it is given more than once"}])
        else:
            values[name] = many[0]
    refuse_unkeepable(values)
    return read_as(operation.query, values, "/query")


def _unless_known(reply: Reply, if_none_match: str | None) -> Reply:
    """With an ETag; without a body where the sender has it already."""
    if reply.status != 200:
        return reply
    tag = reply.headers.get("ETag") or content_tag(reply.body)
    headers: Mapping[str, str] = {**reply.headers, "ETag": tag}
    if is_unchanged(if_none_match, tag):
        return Reply(status=304, media_type=None, headers={"ETag": tag})
    return Reply(body=reply.body, media_type=reply.media_type, headers=headers)


def _response(method: str, reply: Reply, *, secure: bool = False) -> Response:
    response = Response(
        content=b"" if method == "HEAD" else reply.body, status_code=reply.status, headers=dict(reply.headers)
    )
    if reply.media_type is not None:
        response.headers["Content-Type"] = reply.media_type
    if method == "HEAD":
        response.headers["Content-Length"] = str(len(reply.body))
    if secure:
        response.headers["Strict-Transport-Security"] = "max-age=31536000"
    for name, value in _SAFE.items():
        response.headers.setdefault(name, value)
    return response


async def _nothing_here(request: Request, error: Exception) -> Response:
    """A path or a method that is not in the table: 404, or 405 with the methods there are."""
    there = [
        route
        for route in request.app.router.routes
        if (pattern := getattr(route, "path_regex", None)) is not None and pattern.match(request.url.path)
    ]
    # /concerns/export is a path of its own, although it looks like /concerns/{id} too
    fewest = min((route.path.count("{") for route in there), default=0)
    allowed = {method for route in there if route.path.count("{") == fewest for method in route.methods or ()}
    if isinstance(error, HTTPException) and error.status_code == 405:
        methods = ", ".join(sorted(allowed))
        reply = problems.reply_with(
            "no-such-method",
            405,
            what=f"{request.method[:20]} is not done here",
            why=f"this path takes {methods}",
            fix=f"see {ROOT}/docs for what there is",
            instance=state_of(request.scope)["request"],
            headers={"Allow": methods},
        )
    else:
        reply = problems.reply_with(
            "not-found",
            404,
            what="there is nothing here",
            why="the API has no such path",
            fix=f"see {ROOT}/docs for what there is",
            instance=state_of(request.scope)["request"],
        )
    return _response(request.method, reply)
