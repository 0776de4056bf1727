"""The inventory: searched, filtered, saved as a view, exported."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from starlette.responses import Response

from codman.flows.inventory import exported, list_uses
from codman.flows.views import ViewFields, forget_view, list_views, save_view
from codman.registry.access import require
from codman.registry.inventory import MOST_A_PAGE
from codman.registry.names import names_of
from codman.registry.records import BadField, NoSuchRecord
from codman.web.topic import Topic
from codman.web.views.inventory import Link, asked, inventory_view, names_asked, written
from codman.web.visit import FormDep, Visit, VisitDep

topic = Topic()

_LONGEST_NAME: Final = 200


@topic.get("/inventory")
def inventory_page(visit: VisitDep) -> Response:
    """The uses that answer a question, and what else could be asked."""
    question = replace(asked(visit.request.url.query), today=visit.today())
    with visit.house.database.reading() as connection:
        named = names_of(connection, names_asked(question))
        view = inventory_view(connection, question, visit.within, _saved(visit), named=named)
    return visit.show(
        "inventory.html",
        view,
        may_add=visit.may("use.create"),
        may_add_product=visit.may("product.create"),
        may_save=visit.may("view.save"),
        may_share=visit.may("view.share"),
    )


_FILES: Final[Mapping[str, str]] = {
    "csv": "text/csv; charset=utf-8",
    "json": "application/json",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


@topic.get("/inventory/export.{form}")
def export(visit: VisitDep, form: str) -> Response:
    """The uses that answer a question, as a file."""
    if form not in _FILES:
        raise NoSuchRecord("export", form)
    require(visit.reader, "inventory.export")
    question = replace(asked(visit.request.url.query), today=visit.today(), limit=MOST_A_PAGE, cursor=None)
    body = exported(list_uses(visit.house, visit.reader, question), f".{form}")
    name = f"inventory-{visit.today()}.{form}"
    return Response(body, media_type=_FILES[form], headers={"Content-Disposition": f'attachment; filename="{name}"'})


@topic.post("/inventory/views")
def save(visit: VisitDep, form: FormDep) -> Response:
    """Keep a question under a name, for oneself or, for who may decide, for everybody."""
    name, query = form.get("name"), form.get("query") or ""
    if name is None or len(name) > _LONGEST_NAME:
        raise BadField("view", "name", "a view needs a name of at most 200 characters")
    shared = form.get("shared") == "yes" and visit.may("view.share")
    written(asked(query))  # a query that cannot be read is not kept
    save_view(visit.house, visit.reader, ViewFields(name=name, query=query[:4000], shared=shared))
    return visit.go(f"/inventory?{query}" if query else "/inventory")


@topic.post("/inventory/views/{view_id}/remove")
def forget(visit: VisitDep, view_id: str) -> Response:
    """Let go of a view of one's own."""
    forget_view(visit.house, visit.reader, view_id)
    return visit.go("/inventory")


def _saved(visit: Visit) -> list[Link]:
    if not visit.may("view.save"):
        return []
    return [
        Link(
            text=one.name,
            href=f"/inventory?{one.query}",
            here=False,
            remove=f"/inventory/views/{one.id}/remove" if one.person == visit.reader.person else "",
        )
        for one in list_views(visit.house, visit.reader, limit=100).items
    ]
