"""Is it there, what can it do, what may a statement say: open to everybody."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Final, Literal

from pydantic import BaseModel, Field

from codman import __version__
from codman.api import replies
from codman.api.call import Call
from codman.api.documentation import documentation
from codman.api.openapi import document
from codman.api.operation import OPEN, Answer, Operation
from codman.api.replies import Reply
from codman.api.routes import service_watch
from codman.api.routes.lists import CONFIG
from codman.evidence.schemas import schema
from codman.registry.log import size_of
from codman.registry.records import NoSuchRecord
from codman.spine.statement import Kind

_STYLE: Final = Path(__file__).parent.parent / "static" / "documentation.css"
_SCHEMA: Final = {"type": "object", "description": "JSON Schema 2020-12"}
_HTML: Final = {"type": "string"}

_reading: Final = partial(Operation, method="GET", tag="service", action=OPEN)


class Health(BaseModel):
    """That the server and its database answer."""

    model_config = CONFIG

    status: Literal["ok"] = Field(description="It answers, and so does its database")
    version: str = Field(description="The release that runs")


def operations(table: Sequence[Operation]) -> Iterator[Operation]:
    """What needs no sign-in.

    Args:
        table: Every operation, these among them once they are added: what the documentation is about.
    """

    @cache
    def described() -> bytes:
        return replies.plain(document(table)).body

    @cache
    def page() -> bytes:
        return documentation(document(table)).encode()

    yield _reading(
        path="/health",
        name="get_health",
        summary="Whether it is there",
        description="Answers once the server and its database do.",
        do=_health,
        answers=(Answer(200, "It is there", Health),),
    )
    yield from service_watch.operations()
    yield _reading(
        path="/openapi.json",
        name="get_openapi",
        summary="This document",
        description="The OpenAPI 3.1 document of everything the API does.",
        do=lambda _call: Reply(body=described()),
        answers=(Answer(200, "An OpenAPI document", {"type": "object"}),),
    )
    yield _reading(
        path="/docs",
        name="get_documentation",
        summary="This document as a page",
        description="Every operation as one page to read; it loads nothing from elsewhere.",
        do=lambda _call: Reply(body=page(), media_type="text/html; charset=utf-8"),
        answers=(Answer(200, "A page", _HTML, media_type="text/html"),),
    )
    yield _reading(
        path="/docs.css",
        name="get_documentation_style",
        summary="The page's style sheet",
        description="How the documentation page looks.",
        do=lambda _call: Reply(body=_STYLE.read_bytes(), media_type="text/css; charset=utf-8"),
        answers=(Answer(200, "A style sheet", _HTML, media_type="text/css"),),
    )
    yield _reading(
        path="/schemas/{kind}/v1.json",
        name="get_statement_schema",
        summary="What a kind of statement may say",
        description=f"The JSON Schema of a kind of statement: {', '.join(kind.value for kind in Kind)}.",
        do=_schema,
        parameters={"kind": "The kind, e.g. evaluation"},
        at_root=True,
        answers=(Answer(200, "A JSON Schema", _SCHEMA, media_type="application/schema+json"),),
    )


def _health(call: Call) -> Reply:
    with call.house.database.reading() as connection:
        size_of(connection)
    return replies.plain(Health(status="ok", version=__version__))


def _schema(call: Call) -> Reply:
    name = call.path["kind"]
    if name not in {kind.value for kind in Kind}:
        raise NoSuchRecord("schema", name)
    return Reply(body=replies.plain(schema(Kind(name))).body, media_type="application/schema+json")
