"""A product and what is known of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from starlette.responses import Response

from codman.flows import records
from codman.flows.filed import list_evidence
from codman.flows.inventory_match import decide
from codman.flows.rights import may_add_to, open_fields
from codman.registry.related import match_named
from codman.web.topic import Topic
from codman.web.views.product import product_view
from codman.web.visit import FormDep, VisitDep

topic = Topic()

_SHOWN = 12


@topic.get("/products/{product_id}")
def product_page(visit: VisitDep, product_id: str) -> Response:
    """One product: versions, uses, vendor and contract, what is said of it and what stands behind that."""
    product = records.get(visit.house, visit.reader, "product", product_id)
    filed: Sequence[Any] = ()
    if visit.may("evidence.read"):
        filed = list_evidence(visit.house, visit.reader, where={"product": [product_id]}, limit=_SHOWN).items
    with visit.house.database.reading() as connection:
        may_change = bool(open_fields(connection, visit.reader, "product", product))
        may_version = may_add_to(connection, visit.reader, "version", "product", product)
        view = product_view(
            connection,
            product,
            visit.reader,
            filed,
            today=visit.house.database.today().isoformat(),
            may_change=may_change,
            may_version=may_version,
        )
    return visit.show(
        "product.html",
        view,
        may_change=may_change,
        may_version=may_version,
        may_use=visit.may("use.create"),
        may_file=visit.may("document.create"),
        may_match=visit.may("match.decide", ["/"]),
        may_audit=visit.may("audit.read", ["/"]),
    )


@topic.post("/matches/{name}")
def decide_match(visit: VisitDep, form: FormDep, name: str) -> Response:
    """A person's word on whether a listed device is this product."""
    with visit.house.database.reading() as connection:
        match = match_named(connection, name)
    pair = f"{match.product}={match.submission}"
    decide(visit.house, visit.reader, match.list, pair, confirmed=form.get("decided") == "confirmed")
    return visit.go(f"/products/{match.product}")
