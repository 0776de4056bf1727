"""Erasing people's own words from the log, by two people; legal hold, and what counsel's privilege covers."""

from __future__ import annotations

from starlette.responses import Response

from codman.flows import erasure
from codman.flows.audit_pages import read_entry
from codman.flows.fresh import NotFresh
from codman.registry.names import names_of
from codman.registry.records import BadField
from codman.registry.timeline import Asked, entries_of
from codman.web.topic import Topic
from codman.web.views.audit import written
from codman.web.views.erasures import erasures_view
from codman.web.views.history import event, ids_in
from codman.web.views.sent import Form
from codman.web.visit import FormDep, VisitDep

topic = Topic()


@topic.get("/audit/erasures")
def erasures_page(visit: VisitDep) -> Response:
    """Every request to erase, those that wait for a second person first."""
    cursor = visit.request.query_params.get("after") or None
    page = erasure.requests(visit.house, visit.reader, cursor=cursor)
    entries = {
        index: written(read_entry(visit.house, visit.reader, index)) for index in {e.log_index for e in page.items}
    }
    with visit.house.database.reading() as connection:
        people = [name for one in page.items for name in (one.asked_by, one.agreed_by) if name]
        named = names_of(connection, {*people, *ids_in(list(entries.values()))})
        asked = entries_of(connection, Asked(about=[one.id for one in page.items], limit=200)).items
    reasons = {
        one.value["about"]["id"]: one.texts.get("why") or "" for one in asked if one.value["action"] == "erasure.create"
    }
    told = {index: event(one, named) for index, one in entries.items()}
    view = erasures_view(page, told, named, reasons, visit.reader.person, after=cursor is not None)
    return visit.show("erasures.html", view, may_erase=visit.may("audit.erase", ["/"]))


@topic.post("/audit/{index}/erase")
def ask(visit: VisitDep, form: FormDep, index: int) -> Response:
    """Ask that words of an entry be erased; nothing is until somebody else agrees."""
    if form.get("why") is None:
        raise BadField("erasure", "why", "the second person needs a reason to agree to")
    erasure.ask(visit.house, visit.reader, index, field=_which(form), why=form.get("why"))
    return visit.go("/audit/erasures")


@topic.post("/audit/{index}/hold")
def hold(visit: VisitDep, form: FormDep, index: int) -> Response:
    """Put words of an entry on legal hold, or lift it."""
    on = form.get("on") == "yes"
    erasure.hold(visit.house, visit.reader, index, field=_which(form), on=on, why=form.get("why"))
    return visit.go(f"/audit/{index}#words")


@topic.post("/audit/{index}/privilege")
def privilege(visit: VisitDep, form: FormDep, index: int) -> Response:
    """Mark words of an entry as privileged, or not."""
    on = form.get("on") == "yes"
    erasure.privilege(visit.house, visit.reader, index, field=_which(form), on=on, why=form.get("why"))
    return visit.go(f"/audit/{index}#words")


@topic.post("/audit/erasures/{name}/agree")
def agree(visit: VisitDep, form: FormDep, name: str) -> Response:
    """Agree to somebody else's request, after proving once more who one is: the words are gone."""
    try:
        erasure.agree(visit.house, visit.reader, name, why=form.get("why"))
    except NotFresh:
        return visit.go("/sign-in/again?next=/audit/erasures")
    return visit.go("/audit/erasures")


@topic.post("/audit/erasures/{name}/withdraw")
def withdraw(visit: VisitDep, name: str) -> Response:
    """Take a request back."""
    erasure.withdraw(visit.house, visit.reader, name)
    return visit.go("/audit/erasures")


def _which(form: Form) -> str | None:
    """The one text that is meant; None is all of the entry's."""
    field = form.get("field")
    return None if field is None else field[:200]
