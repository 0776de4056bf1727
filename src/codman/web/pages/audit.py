"""The audit log: what happened in the house, with the proof."""

from __future__ import annotations

from datetime import date, timedelta

from starlette.responses import PlainTextResponse, Response

from codman.flows.audit_pages import inclusion_of, list_entries, read_entry
from codman.flows.receipts import checkpoint
from codman.registry.access import require
from codman.registry.erasure import marks_of
from codman.registry.log import size_of
from codman.registry.names import names_of
from codman.registry.records import BadField
from codman.web.topic import Topic
from codman.web.views.audit import FILTERS, audit_view, entry_view, written
from codman.web.views.erasures import words_lines
from codman.web.views.history import ids_in
from codman.web.views.lists import Lists, searched
from codman.web.visit import VisitDep

topic = Topic()


@topic.get("/audit")
def audit_page(visit: VisitDep) -> Response:
    """The log, the newest first."""
    asked = visit.request.query_params
    values = {name: (asked.get(name) or "").strip() for name in (*FILTERS, "since", "until")}
    where = {name: [values[name]] for name in FILTERS if values[name]}
    page = list_entries(
        visit.house,
        visit.reader,
        where=where,
        since=_day(values["since"], "since", 0),
        until=_day(values["until"], "until", 1),
        cursor=asked.get("after") or None,
    )
    lists = Lists(house=visit.house, reader=visit.reader, values=values, words=searched(asked))
    actor = lists.ask("person", name="actor", label="By whom", unsaid="anybody")
    with visit.house.database.reading() as connection:
        named = names_of(connection, ids_in([written(one) for one in page.items]))
        size = size_of(connection)
    return visit.show("audit.html", audit_view(page, values, named, actor, size=size, after="after" in asked))


@topic.get("/audit/checkpoint")
def checkpoint_file(visit: VisitDep) -> Response:
    """The log's state now, signed: to be kept elsewhere."""
    require(visit.reader, "audit.export", ["/"])
    return PlainTextResponse(
        checkpoint(visit.house), headers={"Content-Disposition": 'attachment; filename="checkpoint.txt"'}
    )


@topic.get("/audit/{index}")
def entry_page(visit: VisitDep, index: int) -> Response:
    """One entry, and the proof that it is in the log."""
    entry = read_entry(visit.house, visit.reader, index)
    proof = inclusion_of(visit.house, visit.reader, index, None)
    with visit.house.database.reading() as connection:
        named = names_of(connection, ids_in([written(entry)]))
        marks = marks_of(connection, index)
    sealed = words_lines(marks, privileged_to_reader=visit.may("privileged.read", ["/"]))
    return visit.show(
        "audit_entry.html",
        entry_view(entry, proof, named, sealed),
        may_erase=visit.may("audit.erase", ["/"]),
        may_hold=visit.may("audit.hold", ["/"]),
        may_privilege=visit.may("privileged.read", ["/"]),
    )


def _day(text: str, name: str, later: int) -> str | None:
    """The beginning of a day as the book writes times.

    Raises:
        BadField: It is no day.
    """
    if not text:
        return None
    try:
        return (date.fromisoformat(text) + timedelta(days=later)).isoformat() + "T00:00:00.000000Z"
    except (ValueError, OverflowError):
        raise BadField("entry", name, "it is not a day, e.g. 2026-11-20") from None
