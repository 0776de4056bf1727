"""Mappings: what the columns of a kind of file mean, under a name that imports use."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from codman.api import replies
from codman.api.call import Call, Invalid, PreconditionNeeded, refuse_unkeepable
from codman.api.operation import JSON, YAML, Answer, Body, Operation
from codman.api.replies import Reply
from codman.api.routes.lists import Asked, list_of
from codman.flows import inventory_mappings as flow
from codman.registry.imports.mapping import Mapping, parse_mapping
from codman.registry.imports.saved import body_of
from codman.registry.records import AlreadyThere

_NAME: Final = {"name": "The mapping's name"}


def operations() -> Iterator[Operation]:
    """What can be done with mappings."""
    yield Operation(
        method="GET",
        path="/mappings",
        name="list_mappings",
        tag="mappings",
        action="mapping.read",
        summary="List mappings",
        description="Those that come with Codman and those saved here, by name.",
        do=_list,
        query=Asked,
        answers=(Answer(200, "A page of them", list_of(flow.NamedMapping, "MappingList")),),
    )
    yield Operation(
        method="GET",
        path="/mappings/{name}",
        name="get_mapping",
        tag="mappings",
        action="mapping.read",
        summary="Read a mapping",
        description="What it says, as it may be sent back; what says nothing beyond the usual is left out.",
        do=_read,
        parameters=_NAME,
        answers=(Answer(200, "The mapping", Mapping),),
    )
    yield Operation(
        method="PUT",
        path="/mappings/{name}",
        name="put_mapping",
        tag="mappings",
        action="mapping.save",
        summary="Save a mapping",
        description="Keeps a mapping under its name, which its key `mapping` repeats; JSON or YAML. If-Match names the "
        "revision it replaces. A ready mapping stays as it is.",
        do=_put,
        parameters=_NAME,
        body=Body(Mapping, "The mapping", (JSON, YAML)),
        replaces=True,
        answers=(
            Answer(200, "It is replaced", Mapping, headers=("ETag",)),
            Answer(201, "It is kept", Mapping, headers=("ETag", "Location")),
        ),
    )
    yield Operation(
        method="DELETE",
        path="/mappings/{name}",
        name="delete_mapping",
        tag="mappings",
        action="mapping.save",
        summary="Remove a mapping",
        description="What was imported by it stays, and is known again under its name.",
        do=_remove,
        parameters=_NAME,
        edits=True,
        answers=(Answer(204, "It is gone"),),
    )


def _list(call: Call) -> Reply:
    found = flow.list_mappings(call.house, call.reader, limit=call.query.limit, cursor=call.query.cursor)
    return replies.listed(found.items, found.next)


def _read(call: Call) -> Reply:
    mapping, revision = flow.read_named(call.house, call.reader, call.id("mapping", "name"))
    # a ready one has no revision: its ETag is that of its bytes
    return replies.plain(body_of(mapping), headers={} if revision is None else {"ETag": replies.revision_tag(revision)})


def _put(call: Call) -> Reply:
    mapping = _sent(call)
    seen = call.revision() if "if-match" in call.headers else None
    try:
        revision = flow.put_mapping(call.house, call.reader, mapping, seen, why=call.reason(), request=call.request)
    except AlreadyThere:
        raise PreconditionNeeded("there is a mapping of that name, and no If-Match header") from None
    headers = {"ETag": replies.revision_tag(revision)}
    if seen is not None:
        return replies.plain(body_of(mapping), headers=headers)
    headers["Location"] = f"/api/v1/mappings/{mapping.mapping}"
    return replies.plain(body_of(mapping), status=201, headers=headers)


def _sent(call: Call) -> Mapping:
    name = call.id("mapping", "name")
    mapping = call.fields(Mapping) if call.media_type == JSON else parse_mapping(call.body, "the body")
    refuse_unkeepable(body_of(mapping))
    if mapping.mapping != name:
        raise Invalid([{"pointer": "/mapping", "detail": f"the path names {name!r}"}])
    return mapping


def _remove(call: Call) -> Reply:
    name = call.id("mapping", "name")
    flow.remove_mapping(call.house, call.reader, name, call.revision(), why=call.reason(), request=call.request)
    return replies.nothing()
