"""Evidence: what is filed, and one statement with its numbers, its verification and its origin."""

from __future__ import annotations

from starlette.responses import Response

from codman.evidence.store import NotInStore
from codman.evidence.verify import Verification, verify
from codman.flows.filed import Held, list_evidence, read_evidence
from codman.flows.papers import paper_with
from codman.flows.settling import SETTLE, names_unknown, put_aside
from codman.registry.keys import every_key
from codman.registry.names import names_of
from codman.registry.newer import newer_than
from codman.web.topic import Topic
from codman.web.views.evidence import evidence_view
from codman.web.views.evidence_list import evidence_list
from codman.web.visit import Visit, VisitDep

topic = Topic()

_FILTERS = ("kind", "origin", "standing", "product", "version", "use")


@topic.get("/evidence")
def evidence_page(visit: VisitDep) -> Response:
    """What is filed, the newest first."""
    params = visit.request.query_params
    where = {name: params.getlist(name) for name in _FILTERS if any(params.getlist(name))}
    page = list_evidence(visit.house, visit.reader, where=where, cursor=params.get("after") or None)
    mentioned = [one.use_id for one in page.items] + [value for values in where.values() for value in values]
    with visit.house.database.reading() as connection:
        named = names_of(connection, mentioned)
    return visit.show("evidence_list.html", evidence_list(page, where, named, after=bool(params.get("after"))))


@topic.get("/evidence/{digest}")
def statement_page(visit: VisitDep, digest: str) -> Response:
    """One statement; the file, where what is cited is a document."""
    try:
        held = read_evidence(visit.house, visit.reader, digest)
    except NotInStore:
        paper = paper_with(visit.house, visit.reader, digest)
        if paper is None:
            raise
        return visit.go(f"/documents/{paper}/content")
    with visit.house.database.reading() as connection:
        newer = newer_than(connection, digest)
        named = names_of(connection, [held.filed.use_id, held.filed.filed_by])
        waits = next(iter(names_unknown(connection, digest)), None)
        aside = None if waits is None else put_aside(connection, digest)
    may_say = visit.may(SETTLE)
    view = evidence_view(held, _checked(visit, held), named, newer=newer, waits=waits, put_aside=aside, may_say=may_say)
    return visit.show("evidence.html", view, may_audit=visit.may("audit.read", ["/"]))


@topic.get("/evidence/{digest}/statement.json")
def statement_file(visit: VisitDep, digest: str) -> Response:
    """The statement's own bytes, whose sha256 is its name."""
    held = read_evidence(visit.house, visit.reader, digest)
    return _file(held.read.body, f"{digest[:12]}.json", "application/json")


@topic.get("/evidence/{digest}/envelope.json")
def envelope_file(visit: VisitDep, digest: str) -> Response:
    """The signed envelope (DSSE) it came in."""
    held = read_evidence(visit.house, visit.reader, digest)
    if not held.envelopes:
        return visit.go(f"/evidence/{digest}")
    return _file(held.envelopes[0].to_bytes(), f"{digest[:12]}.dsse.json", "application/vnd.dsse.envelope.v1+json")


def _checked(visit: Visit, held: Held) -> Verification | None:
    """The envelope held against the registered keys, now."""
    if not held.envelopes:
        return None
    with visit.house.database.reading() as connection:
        keys = [key.verifying for key in every_key(connection)]
    return verify(held.envelopes[0], keys, name=f"evidence {held.filed.digest[:12]}…")


def _file(body: bytes, name: str, media_type: str) -> Response:
    return Response(body, media_type=media_type, headers={"Content-Disposition": f'attachment; filename="{name}"'})
