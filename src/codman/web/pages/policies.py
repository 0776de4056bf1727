"""Packs and their policies, frameworks and their controls; how the controls stand for a use and for the house."""

from __future__ import annotations

from datetime import date

from starlette.responses import Response

from codman.flows import records
from codman.flows.review.matrix import controls_of, day_asked
from codman.flows.review.matrix_house import controls_of_house
from codman.flows.review.opening import own_packs
from codman.registry.access import paths_for
from codman.registry.names import names_of
from codman.review.packs.catalog import every_pack, pack
from codman.review.packs.framework import every_framework, framework
from codman.web.topic import Topic
from codman.web.views.controls import SHOWN_USES, house_controls, standing_named, use_controls
from codman.web.views.policies import framework_view, pack_view, policies_view
from codman.web.visit import Visit, VisitDep

topic = Topic()


@topic.get("/policies")
def policies_page(visit: VisitDep) -> Response:
    """Every pack and every framework, with their days."""
    on = _day(visit, to_come=True)
    return visit.show("policies.html", policies_view(every_pack(own_packs(visit.house)), every_framework(), on))


@topic.get("/policies/{name}")
def pack_page(visit: VisitDep, name: str) -> Response:
    """A pack: each of its policies, what it demands in words."""
    on = _day(visit, to_come=True)
    return visit.show("pack.html", pack_view(pack(name, on, own_packs(visit.house)), on))


@topic.get("/frameworks/{name}")
def framework_page(visit: VisitDep, name: str) -> Response:
    """A framework: its controls, and which policies answer them."""
    on = _day(visit, to_come=True)
    found = framework(name, on)
    return visit.show("framework.html", framework_view(found, every_pack(own_packs(visit.house)), on))


@topic.get("/controls")
def controls_page(visit: VisitDep) -> Response:
    """Every control over all uses in reach, on a day; of one control and one standing, the uses."""
    asked = visit.request.query_params
    on = _day(visit)
    within = paths_for(visit.reader, "review.read")
    with visit.house.database.reading() as connection:
        kept = visit.request.app.state.controls
        found = kept.of(
            connection,
            (*within, on.isoformat(), visit.today()),
            lambda: controls_of_house(visit.house, visit.reader, connection, on),
        )
        chosen, standing = asked.get("control", "")[:200], standing_named(asked.get("standing", ""))
        which = found.where(chosen, standing)[: SHOWN_USES + 1] if standing is not None else ()
        named = names_of(connection, which[:SHOWN_USES])
    view = house_controls(found, on, asked.get("framework", "")[:100], chosen, standing, which, named)
    return visit.show("controls.html", view)


@topic.get("/uses/{use_id}/controls")
def use_controls_page(visit: VisitDep, use_id: str) -> Response:
    """Every control for one use on a day, and why it stands so."""
    on = _day(visit)
    use = records.get(visit.house, visit.reader, "use", use_id)
    return visit.show("use_controls.html", use_controls(use, controls_of(visit.house, visit.reader, use_id, on=on), on))


def _day(visit: Visit, *, to_come: bool = False) -> date:
    return day_asked(visit.house, visit.request.query_params.get("on") or None, to_come=to_come)
