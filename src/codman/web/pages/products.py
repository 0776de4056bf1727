"""A product and what is known of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from codman.flows import records
from codman.flows.filed import list_evidence
from codman.web.views.product import product_view
from codman.web.visit import VisitDep

router = APIRouter()

_SHOWN = 12


@router.get("/products/{product_id}")
def product_page(visit: VisitDep, product_id: str) -> Response:
    """One product: versions, uses, vendor and contract, what is said of it and what stands behind that."""
    product = records.get(visit.house, visit.reader, "product", product_id)
    filed: Sequence[Any] = ()
    if visit.may("evidence.read"):
        filed = list_evidence(visit.house, visit.reader, where={"product": [product_id]}, limit=_SHOWN).items
    with visit.house.database.reading() as connection:
        view = product_view(connection, product, visit.within, filed)
    return visit.show(
        "product.html",
        view,
        may_change=visit.may("product.change"),
        may_version=visit.may("version.create"),
        may_use=visit.may("use.create"),
        may_audit=visit.may("audit.read", ["/"]),
    )
