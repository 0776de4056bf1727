"""The OpenAPI 3.1 document, made of what the operations declare, so that it cannot say anything else than they do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from http import HTTPStatus
from typing import Any, Final, NamedTuple

from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from codman import __version__
from codman.api.call import KEY, REASON
from codman.api.naming import described
from codman.api.operation import OPEN, Answer, Operation
from codman.api.problems import MEDIA_TYPE, Problem
from codman.spine.record import ID_PATTERN

_REF: Final = "#/components/schemas/{model}"
_EVERY_PROBLEM: Final = (400, 408, 413, 429, 500, 503)
_SIGNED_IN: Final = (401, 403)

HEADERS: Final[Mapping[str, str]] = {
    "ETag": "The revision, strong: send it back as If-Match with an edit, or as If-None-Match to ask for news",
    "Location": "Where the new record is",
    "Retry-After": "How many seconds to wait before the next try",
    "X-Request-Id": "The request's id, as the server's log and the audit log name it",
    "WWW-Authenticate": "How to sign in: with a bearer token",
    "Content-Disposition": "The file's name",
    "Allow": "The methods this path takes",
}
_PROBLEMS: Final[Mapping[int, str]] = {
    400: "The request is not well formed",
    401: "No token came with the request, or none that is good",
    403: "The token's owner, or the token, may not do this",
    404: "There is no such record within the reader's reach",
    408: "The body did not arrive in time",
    409: "The id or the Idempotency-Key was used for something else",
    412: "The record was changed meanwhile; `revision` says which one is there now",
    413: "The body is too large",
    415: "The body's media type is not read here",
    422: "A field, a parameter or a statement cannot be used; `errors` says which and why",
    428: "If-Match is missing",
    429: "The server is busy; come again after Retry-After",
    500: "The server failed; nothing was half done",
    503: "The database does not answer; nothing was changed; come again after Retry-After",
}
TAGS: Final[Mapping[str, str]] = {
    "products": "What was built or bought",
    "versions": "Each edition of a product, by its artefact's digest or by a signed descriptor",
    "vendors": "Who supplies products, and what the contracts say",
    "uses": "One product, for one purpose and population, with one role in the decision",
    "deployments": "Where a use runs, in which mode, and which clinician accepted it there",
    "sites": "The hierarchy of the health system",
    "people": "People, the roles they hold and where, and their tokens",
    "documents": "Files about a product, a version or a use, by digest",
    "facts": "Answers to frameworks' questions, and whose word each is",
    "evidence": "Signed statements: send, list, read, verify",
    "events": "What models said, what then happened, what was done: taken durably, each once",
    "keys": "Whose signatures count, and for what",
    "inventory": "All uses at once: rows, facets, export, import",
    "mappings": "What the columns of a file mean: the ready mappings, and those saved here",
    "views": "Saved questions to the inventory",
    "intakes": "A use is proposed: questions that ask only what earlier answers make necessary",
    "triage": "The tier of a use with its reasons; another one, set by people; whether it is research",
    "reviews": "A use before a checkpoint: its requirements beside the evidence, who asks, votes and decides",
    "decisions": "What was decided, and the conditions it set",
    "monitoring": "Plans of what is watched, windows that were looked at, signals, and incidents on people's desks",
    "changes": "What changed of a use, what that reopens, and plans that allow it",
    "reports": "What teams and vendors report about a use: schedules, links, what came and what is missing",
    "concerns": "What somebody says is wrong, who has seen it, and what was done",
    "policies": "Packs of policies and frameworks of controls with their dates, and how a use covers them",
    "audit": "The append-only Merkle log of every change",
    "service": "Health, this document, and the schemas of statements",
}
_ABOUT: Final = """\
The book of record of a hospital's AI: what exists, who answers for it, and what is proven about it.

Lists give `{"items": […], "next": cursor}`; send `cursor` to go on, until `next` is null. Errors are problem details
(RFC 9457) that say what happened, why, and what to do. Every edit needs `If-Match` with the record's ETag. A POST with
an `Idempotency-Key` may be sent again: it is done once. The reason for a change goes into the header `Codman-Reason`.
"""


class Patch(NamedTuple):
    """The body of a JSON Merge Patch of some fields."""

    fields: type[BaseModel]


def document(operations: Sequence[Operation]) -> dict[str, Any]:
    """The OpenAPI document of these operations."""
    schemas = _schemas(operations)
    paths: dict[str, dict[str, Any]] = {}
    for one in operations:
        path = one.path if one.at_root else "/api/v1" + one.path
        paths.setdefault(path, {})[one.method.lower()] = _operation(one, schemas)
    used = {one.tag for one in operations}
    return {
        "openapi": "3.1.0",
        "jsonSchemaDialect": "https://json-schema.org/draft/2020-12/schema",
        "info": {
            "title": "Codman",
            "version": __version__,
            "summary": "The book of record of clinical AI",
            "description": _ABOUT,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/", "description": "This server"}],
        "tags": [{"name": name, "description": line} for name, line in TAGS.items() if name in used],
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "A token: codman token create, or POST /api/v1/people/{id}/tokens",
                }
            },
            "headers": {name: {"description": line, "schema": {"type": "string"}} for name, line in HEADERS.items()},
            "responses": {f"Problem{status}": _problem(status) for status in _PROBLEMS},
        },
    }


def _operation(one: Operation, schemas: Mapping[str, Any]) -> dict[str, Any]:
    needs = "nothing: it is open" if one.action == OPEN else " or ".join(f"`{a}`" for a in one.action.split("|"))
    described: dict[str, Any] = {
        "operationId": one.name,
        "tags": [one.tag],
        "summary": one.summary,
        "description": f"{one.description}\n\nNeeds {needs}.",
        "parameters": list(_parameters(one, schemas)),
        "responses": {str(answer.status): _answer(one, answer) for answer in one.answers},
    }
    if one.action == OPEN:
        described["security"] = []
    if one.body is not None:
        schema = _schema_of(one.body.schema)
        content = {media: {"schema": schema} for media in one.body.media_types}
        for entry in content.values():
            if one.body.examples:
                entry["examples"] = {name: {"value": value} for name, value in one.body.examples.items()}
        described["requestBody"] = {"description": one.body.description, "required": True, "content": content}
    if one.method == "GET":
        described["responses"]["304"] = {
            "description": "Nothing has changed since the ETag that If-None-Match names",
            "headers": {name: {"$ref": f"#/components/headers/{name}"} for name in ("ETag", "X-Request-Id")},
        }
    for status in sorted(_statuses(one)):
        described["responses"][str(status)] = {"$ref": f"#/components/responses/Problem{status}"}
    return described


def _statuses(one: Operation) -> set[int]:
    """Every problem this operation can answer with."""
    statuses = {*_EVERY_PROBLEM, *one.problems}
    if one.action != OPEN:
        statuses |= set(_SIGNED_IN)
    if one.parameters:
        statuses.add(404)
    if one.body is not None:
        statuses |= {415, 422}
    if one.edits or one.replaces:
        statuses |= {412, 428}
    if one.once:
        statuses.add(409)
    return statuses | {422}  # an unknown query parameter


def _parameters(one: Operation, schemas: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for name, line in one.parameters.items():
        schema: dict[str, Any] = {"type": "integer", "minimum": 0} if name == "index" else {"type": "string"}
        if name not in ("digest", "kind", "index"):
            schema["pattern"] = ID_PATTERN
        yield {"name": name, "in": "path", "required": True, "description": line, "schema": schema}
    if one.query is not None:
        shape = schemas[one.query.__name__]
        for name, schema in shape["properties"].items():
            plain = {key: value for key, value in schema.items() if key not in ("title", "description")}
            yield {
                "name": name,
                "in": "query",
                "required": name in shape.get("required", ()),
                "description": schema["description"],
                "schema": _not_null(plain),
            }
    if one.edits or one.replaces:
        line = "The ETag of the revision that is changed" + ("" if one.edits else "; left out where there is none yet")
        yield _header("If-Match", line, required=one.edits, example='"3"')
    if one.once:
        yield _header(
            "Idempotency-Key", "A fresh name for this request: sent again, it is done once", pattern=f"^{KEY.pattern}$"
        )
    if one.method == "GET":
        yield _header("If-None-Match", "An ETag: the reply is 304 where nothing has changed")
    if one.method != "GET" and one.action != OPEN:
        yield _header(
            "Codman-Reason",
            "Why, for the audit log: percent-encoded UTF-8, at most 2,000 characters",
            pattern=f"^{REASON.pattern}$",
        )


def _header(
    name: str, line: str, *, required: bool = False, pattern: str | None = None, example: str | None = None
) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string"} | ({} if pattern is None else {"pattern": pattern})
    header = {"name": name, "in": "header", "required": required, "description": line, "schema": schema}
    return header | ({} if example is None else {"example": example})


def _answer(one: Operation, answer: Answer) -> dict[str, Any]:
    names = ("X-Request-Id", *answer.headers, *(("ETag",) if one.method == "GET" else ()))
    described: dict[str, Any] = {
        "description": answer.description,
        "headers": {name: {"$ref": f"#/components/headers/{name}"} for name in dict.fromkeys(names)},
    }
    if answer.model is not None:
        shapes = {answer.media_type: answer.model, **answer.others}
        described["content"] = {media: {"schema": _schema_of(shape)} for media, shape in shapes.items()}
    return described


def _problem(status: int) -> dict[str, Any]:
    headers = ["X-Request-Id"]
    headers += ["Retry-After"] if status in (429, 503) else []
    headers += ["WWW-Authenticate"] if status == 401 else []
    headers += ["ETag"] if status == 412 else []
    return {
        "description": _PROBLEMS.get(status, HTTPStatus(status).phrase),
        "headers": {name: {"$ref": f"#/components/headers/{name}"} for name in headers},
        "content": {MEDIA_TYPE: {"schema": {"$ref": _REF.format(model="Problem")}}},
    }


def _schema_of(shape: Any) -> dict[str, Any]:
    if isinstance(shape, Patch):
        return {"$ref": _REF.format(model=_patch_name(shape))}
    if isinstance(shape, type):
        return {"$ref": _REF.format(model=shape.__name__)}
    plain: dict[str, Any] = shape
    return plain


def _schemas(operations: Sequence[Operation]) -> dict[str, Any]:
    """Every model that goes in or out, once, by its name."""
    wanted: dict[type[BaseModel], JsonSchemaMode] = {Problem: "serialization"}
    patches: dict[str, Patch] = {}
    bodies: set[type[BaseModel]] = set()
    for one in operations:
        for answer in one.answers:
            if isinstance(answer.model, type):
                wanted[answer.model] = "serialization"
        if one.query is not None:
            wanted.setdefault(one.query, "validation")
        if one.body is not None and isinstance(one.body.schema, Patch):
            patches[_patch_name(one.body.schema)] = one.body.schema
            wanted.setdefault(one.body.schema.fields, "validation")
            bodies.add(one.body.schema.fields)
        elif one.body is not None and isinstance(one.body.schema, type):
            wanted.setdefault(one.body.schema, "validation")
            bodies.add(one.body.schema)
    _, made = models_json_schema(list(wanted.items()), ref_template=_REF)
    schemas: dict[str, Any] = made["$defs"]
    for body in bodies:
        described(schemas[body.__name__])
    for name, patch in patches.items():
        shape = deepcopy(schemas[patch.fields.__name__])
        shape.pop("required", None)
        for field in shape["properties"].values():
            field.pop("default", None)
        shape["title"] = name
        shape["description"] = "A JSON Merge Patch (RFC 7396): what is left out stays, null empties a field"
        schemas[name] = shape
    return dict(sorted(schemas.items()))


def _patch_name(patch: Patch) -> str:
    return patch.fields.__name__.removesuffix("Fields") + "Patch"


def _not_null(schema: dict[str, Any]) -> dict[str, Any]:
    """A query parameter is there or is not; it is never null."""
    options = [option for option in schema.get("anyOf", ()) if option.get("type") != "null"]
    if len(options) == 1 and len(schema["anyOf"]) == 2:
        rest = {key: value for key, value in schema.items() if key not in ("anyOf", "default")}
        return {**options[0], **rest}
    return schema
