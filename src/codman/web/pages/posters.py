"""Posters of a use: one for each site where it runs, made and taken back."""

from __future__ import annotations

from starlette.responses import Response

from codman.flows import records
from codman.flows.concerns.posters import made_for, make_poster, take_back_posters
from codman.flows.rollout import deployments_of
from codman.registry.names import names_of
from codman.registry.records import NoSuchRecord
from codman.spine.site import Deployment, Mode
from codman.web.topic import Topic
from codman.web.visit import FormDep, Visit, VisitDep

topic = Topic()


@topic.get("/uses/{use_id}/posters")
def posters_page(visit: VisitDep, use_id: str) -> Response:
    """The sites where a use runs, and how many posters of each work."""
    use = records.get(visit.house, visit.reader, "use", use_id)
    runs = [one for one in deployments_of(visit.house, visit.reader, use_id) if one.mode is not Mode.ENDED]
    counted = made_for(visit.house, [one.id for one in runs])
    with visit.house.database.reading() as connection:
        named = names_of(connection, [one.site for one in runs])
    lines = [(one.id, named.get(one.site, one.site), counted.get(one.id, 0)) for one in runs]
    return visit.show("posters.html", use, lines=lines, public=visit.house.settings.public_url is not None)


@topic.post("/uses/{use_id}/posters")
def make(visit: VisitDep, form: FormDep, use_id: str) -> Response:
    """Make a poster's link; the sheet is printed from the page it leads to."""
    token = make_poster(visit.house, visit.reader, _run(visit, form.get("deployment"), use_id).id)
    return visit.go(f"/concern/{token}/poster")


@topic.post("/uses/{use_id}/posters/take-back")
def take_back(visit: VisitDep, form: FormDep, use_id: str) -> Response:
    """Make every poster of a site worthless."""
    take_back_posters(visit.house, visit.reader, _run(visit, form.get("deployment"), use_id).id)
    return visit.go(f"/uses/{use_id}/posters")


def _run(visit: Visit, name: str | None, use: str) -> Deployment:
    found: Deployment = records.get(visit.house, visit.reader, "deployment", name or "none")
    if found.use != use:
        raise NoSuchRecord("deployment", found.id)
    return found
