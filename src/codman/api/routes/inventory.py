"""The inventory as people see it: rows with names in them, counts by facet, and a file for others; saved views."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final, Literal

from pydantic import BaseModel, Field, create_model

from codman.api import replies
from codman.api.call import Call, NotTheSame
from codman.api.operation import Answer, Body, Operation
from codman.api.replies import Reply
from codman.api.routes.lists import CONFIG, Asked, asked, list_of
from codman.api.routes.uses import FILTER_NAMES, question_of
from codman.flows.inventory import exported, list_uses
from codman.flows.views import View, ViewFields, forget_view, list_views, read_view, save_view
from codman.registry.access import paths_for, require
from codman.registry.inventory import ORDERS, facets, search
from codman.spine.use import Listed

_MEDIA: Final = {
    "csv": "text/csv",
    "json": "application/json",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
_OTHER_FILES: Final = {_MEDIA["json"]: {"type": "object"}, _MEDIA["xlsx"]: {"type": "string", "format": "binary"}}
_Format = Literal["csv", "json", "xlsx"]
_QUESTION: Final = asked(
    "InventoryQuestion", filters=FILTER_NAMES, orders=tuple(ORDERS), words=True, first="name", opposites=True
)
_EXPORT: Final = create_model(
    "ExportQuestion",
    __base__=_QUESTION,
    __doc__="Which uses, as which kind of file. All of them: there are no pages.",
    format=(_Format, Field(default="csv", description="The kind of file")),
)


class Count(BaseModel):
    """How many uses have a value."""

    model_config = CONFIG

    value: str = Field(description="`(missing)` is an empty field")
    count: int = Field(ge=0)


class Facets(BaseModel):
    """How many uses each value of each facet would leave."""

    model_config = CONFIG

    total: int = Field(ge=0, description="Uses that answer the question")
    facets: dict[str, list[Count]]


def operations() -> Iterator[Operation]:
    """What can be asked of the inventory, and kept as a view."""
    yield Operation(
        method="GET",
        path="/inventory",
        name="list_inventory",
        tag="inventory",
        action="inventory.read",
        summary="List the inventory's rows",
        description="Uses with the names of their product, vendor, owner and sites.",
        do=_rows,
        query=_QUESTION,
        answers=(Answer(200, "A page of them", list_of(Listed, "InventoryList")),),
    )
    yield Operation(
        method="GET",
        path="/inventory/facets",
        name="get_inventory_facets",
        tag="inventory",
        action="inventory.read",
        summary="Count the inventory",
        description="How many uses each value of each facet would leave; a facet's own filter does not bind it.",
        do=_facets,
        query=_QUESTION,
        answers=(Answer(200, "The counts", Facets),),
    )
    yield Operation(
        method="GET",
        path="/inventory/export",
        name="export_inventory",
        tag="inventory",
        action="inventory.export",
        summary="Export the inventory",
        description="Every use that answers the question as a file. In CSV and XLSX, a cell that a spreadsheet "
        "would take for a formula has a ' before it.",
        do=_export,
        query=_EXPORT,
        answers=(Answer(200, "The file", {"type": "string"}, _MEDIA["csv"], ("Content-Disposition",), _OTHER_FILES),),
    )
    yield from _views()


def _views() -> Iterator[Operation]:
    yield Operation(
        method="GET",
        path="/views",
        name="list_views",
        tag="views",
        action="view.save",
        summary="List saved views",
        description="One's own and the shared ones, by name.",
        do=_list_views,
        query=Asked,
        answers=(Answer(200, "A page of them", list_of(View, "ViewList")),),
    )
    yield Operation(
        method="POST",
        path="/views",
        name="create_view",
        tag="views",
        action="view.save",
        summary="Save a view",
        description="Keeps a question to the inventory, for oneself or for everybody.",
        do=_save,
        body=Body(ViewFields, "The question"),
        answers=(Answer(201, "It is kept", View, headers=("ETag", "Location")),),
    )
    where = {"id": "The view's id"}
    yield Operation(
        method="GET",
        path="/views/{id}",
        name="get_view",
        tag="views",
        action="view.save",
        summary="Read a view",
        description="One saved question.",
        do=lambda call: _view(read_view(call.house, call.reader, call.id("view"))),
        parameters=where,
        answers=(Answer(200, "The view", View),),
    )
    yield Operation(
        method="DELETE",
        path="/views/{id}",
        name="delete_view",
        tag="views",
        action="view.save",
        summary="Forget a view",
        description="Only whose view it is can.",
        do=_forget,
        parameters=where,
        edits=True,
        answers=(Answer(204, "It is gone"),),
    )


def _rows(call: Call) -> Reply:
    with call.house.database.reading() as connection:
        found = search(
            connection, question_of(call.query, call.house.database.today()), paths_for(call.reader, "inventory.read")
        )
    return replies.listed(found.items, found.next)


def _facets(call: Call) -> Reply:
    question = question_of(call.query, call.house.database.today())
    within = paths_for(call.reader, "inventory.read")
    with call.house.database.reading() as connection:
        total = search(connection, replace(question, limit=1, cursor=None), within).total
        counted = facets(connection, question, within)
    shown: dict[str, Any] = {
        name: [Count(value=value, count=count) for value, count in values] for name, values in counted.items()
    }
    return replies.plain(Facets(total=total, facets=shown))


def _export(call: Call) -> Reply:
    require(call.reader, "inventory.export")
    kind = call.query.format
    body = exported(
        list_uses(call.house, call.reader, question_of(call.query, call.house.database.today())), f".{kind}"
    )
    charset = "; charset=utf-8" if kind == "csv" else ""
    name = {"Content-Disposition": f'attachment; filename="inventory.{kind}"'}
    return Reply(body=body, media_type=_MEDIA[kind] + charset, headers=name)


def _list_views(call: Call) -> Reply:
    found = list_views(call.house, call.reader, limit=call.query.limit, cursor=call.query.cursor)
    return replies.listed(found.items, found.next)


def _save(call: Call) -> Reply:
    made = save_view(call.house, call.reader, call.fields(ViewFields))
    reply = _view(made)
    return Reply(status=201, body=reply.body, headers={**reply.headers, "Location": f"/api/v1/views/{made.id}"})


def _forget(call: Call) -> Reply:
    given = call.if_match()
    tag = _view(read_view(call.house, call.reader, call.id("view"))).headers["ETag"]
    if given != tag:
        raise NotTheSame(tag)
    forget_view(call.house, call.reader, call.id("view"))
    return replies.nothing()


def _view(view: View) -> Reply:
    body = replies.plain(view).body
    return Reply(body=body, headers={"ETag": replies.content_tag(body)})
