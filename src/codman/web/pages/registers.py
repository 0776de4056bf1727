"""People, sites, vendors: the house's registers."""

from __future__ import annotations

from urllib.parse import urlencode

from starlette.responses import Response

from codman.flows import records
from codman.registry.register import tree
from codman.web.topic import Topic
from codman.web.views.registers import people_view, person_view, site_nodes, vendor_view, vendors_view
from codman.web.visit import VisitDep

topic = Topic()


@topic.get("/people")
def people_page(visit: VisitDep) -> Response:
    """Everybody, with their roles."""
    asked = visit.request.query_params
    words = (asked.get("q") or "").strip()[:200]
    after = asked.get("after") or None
    page = records.page(visit.house, visit.reader, "person", words=words or None, order="name", cursor=after)
    query = {"q": words} if words else {}
    with visit.house.database.reading() as connection:
        view = people_view(
            connection,
            page.items,
            words,
            first="/people" + (f"?{urlencode(query)}" if query else "") if after else "",
            next_page=f"/people?{urlencode({**query, 'after': page.next})}" if page.next else "",
        )
    return visit.show("people.html", view, may_add=visit.may("person.create"))


@topic.get("/people/{person_id}")
def person_page(visit: VisitDep, person_id: str) -> Response:
    """One person and their roles."""
    person = records.get(visit.house, visit.reader, "person", person_id)
    administers = visit.may("person.change")
    with visit.house.database.reading() as connection:
        view = person_view(connection, person, visit.reader, with_email=administers or person_id == visit.reader.person)
    return visit.show("person.html", view, may_change=administers, may_grant=visit.may("grant.create"))


@topic.get("/sites")
def sites_page(visit: VisitDep) -> Response:
    """The hierarchy of sites."""
    with visit.house.database.reading() as connection:
        view = site_nodes(tree(connection, visit.within), visit.reader)
    return visit.show("sites.html", view, may_add=visit.may("site.create"))


@topic.get("/vendors")
def vendors_page(visit: VisitDep) -> Response:
    """Every vendor, the contract that ends soonest first."""
    with visit.house.database.reading() as connection:
        view = vendors_view(connection, visit.today())
    return visit.show("vendors.html", view, may_add=visit.may("vendor.create"))


@topic.get("/vendors/{vendor_id}")
def vendor_page(visit: VisitDep, vendor_id: str) -> Response:
    """One vendor: the contract, and what they supply."""
    vendor = records.get(visit.house, visit.reader, "vendor", vendor_id)
    may_change = visit.may("vendor.change", ["/"])
    with visit.house.database.reading() as connection:
        view = vendor_view(connection, vendor, visit.within, visit.today(), may_change=may_change)
    return visit.show("vendor.html", view, may_change=may_change, may_audit=visit.may("audit.read", ["/"]))
