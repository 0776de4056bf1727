"""Forms that add and change records: one flow for every kind, with an optimistic lock on every change."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from fastapi import APIRouter
from starlette.responses import Response

from codman.flows import records
from codman.flows.record_rules import KINDS
from codman.registry.records import AlreadyThere, BadField, Stale
from codman.web.views.editing import editing
from codman.web.views.forms import answers, as_text, what_is_wrong
from codman.web.views.papers import PAPERS, Paper, every_ask, lists_for
from codman.web.views.sent import Form
from codman.web.visit import FormDep, Visit, VisitDep

router = APIRouter()

_BACK: Final = {
    "product": "/inventory",
    "version": "/inventory",
    "vendor": "/vendors",
    "site": "/sites",
    "person": "/people",
    "grant": "/people",
    "use": "/inventory",
    "deployment": "/inventory",
}
_AT_FIRST: Final[Mapping[str, Mapping[str, str]]] = {
    "use": {"stage": "proposed", "decision": "undecided"},
    "person": {"active": "true"},
}
_CHANGED: Final = frozenset(PAPERS) - {"grant"}  # a grant is given or taken back, never rewritten


def _new(paper: Paper) -> Callable[[VisitDep], Response]:
    def new_page(visit: VisitDep) -> Response:
        groups = paper.groups(lists_for(visit.house, visit.reader))
        known = {ask.name for ask in every_ask(groups)}
        given = {name: value[:300] for name, value in visit.request.query_params.items() if name in known}
        values = {**_AT_FIRST.get(paper.kind, {}), **given}
        view = editing(paper, groups, values, action=f"/{paper.plural}/new", back=_BACK[paper.kind])
        return visit.show("record_form.html", view)

    new_page.__doc__ = f"An empty form for a {paper.noun}."
    return new_page


def _add(paper: Paper) -> Callable[[VisitDep, FormDep], Response]:
    def add(visit: VisitDep, form: FormDep) -> Response:
        return add_record(visit, form, paper)

    add.__doc__ = f"Put a {paper.noun} into the book."
    return add


def add_record(visit: Visit, form: Form, paper: Paper) -> Response:
    """Put a record into the book, or show the form again with what is wrong."""
    groups = paper.groups(lists_for(visit.house, visit.reader))
    values = {name: value for name, value in answers(every_ask(groups), form).items() if value is not None}
    errors = what_is_wrong(KINDS[paper.kind].records, values)
    if not errors:
        try:
            made = records.create(visit.house, visit.reader, paper.kind, values, why=form.get("why"))
            return visit.go(paper.here(made.model_dump(mode="json")))
        except BadField as error:
            errors = {error.field: error.why}
        except AlreadyThere as error:
            errors = {"": error.why}
    action, back = f"/{paper.plural}/new", _BACK[paper.kind]
    view = editing(paper, groups, form.values, action=action, back=back, errors=errors)
    return visit.show("record_form.html", view, status=422)


def _edit(paper: Paper) -> Callable[[VisitDep, str], Response]:
    def edit_page(visit: VisitDep, name: str) -> Response:
        record = records.get_to_change(visit.house, visit.reader, paper.kind, name)
        groups = paper.groups(lists_for(visit.house, visit.reader))
        plain = record.model_dump(mode="json")
        view = editing(
            paper,
            groups,
            as_text(every_ask(groups), plain),
            action=f"/{paper.plural}/{name}/edit",
            back=paper.here(plain),
            revision=record.revision,
        )
        return visit.show("record_form.html", view)

    edit_page.__doc__ = f"The form of a {paper.noun} that is there."
    return edit_page


def _change(paper: Paper) -> Callable[[VisitDep, FormDep, str], Response]:
    def change(visit: VisitDep, form: FormDep, name: str) -> Response:
        return change_record(visit, form, paper, name)

    change.__doc__ = f"Change a {paper.noun}, where nobody else did meanwhile."
    return change


def change_record(visit: Visit, form: Form, paper: Paper, name: str) -> Response:
    """Change a record; show the form again with what is wrong, or both versions after a conflict."""
    rules = KINDS[paper.kind]
    now = records.get_to_change(visit.house, visit.reader, paper.kind, name)
    groups = paper.groups(lists_for(visit.house, visit.reader))
    asks = every_ask(groups)
    plain = rules.records.plain(now)
    patch = _only_changed(answers(asks, form), plain, as_text(asks, plain), form)
    revision = _whole(form.get("revision"))
    errors = what_is_wrong(rules.records, {**plain, **patch})
    theirs: dict[str, Any] | None = None
    status = 422
    if revision is None:
        errors = errors or {"": "the form does not say which revision it changes; read the page again"}
    if revision is not None and revision != now.revision:
        theirs, errors, status = plain, {}, 412
    elif not errors and revision is not None:
        try:
            kept = records.change(visit.house, visit.reader, paper.kind, name, patch, revision, why=form.get("why"))
            return visit.go(paper.here(kept.model_dump(mode="json")))
        except BadField as error:
            errors = {error.field: error.why}
        except AlreadyThere as error:
            errors = {"": error.why}
        except Stale:  # between our reading and our writing
            now = records.get(visit.house, visit.reader, paper.kind, name)
            theirs, status = rules.records.plain(now), 412
    view = editing(
        paper,
        groups,
        form.values,
        action=f"/{paper.plural}/{name}/edit",
        back=paper.here(now.model_dump(mode="json")),
        revision=now.revision,
        errors=errors,
        theirs=theirs,
    )
    return visit.show("record_form.html", view, status=status)


def _only_changed(
    values: Mapping[str, Any], plain: Mapping[str, Any], text: Mapping[str, str], form: Form
) -> dict[str, Any]:
    """The answers that differ from the record, so that an untouched field asks for no right to change it."""
    return {
        name: value
        for name, value in values.items()
        if form.values[name].replace("\r\n", "\n").strip() != text[name].strip() and value != plain.get(name)
    }


def _whole(text: str | None) -> int | None:
    return int(text) if text is not None and text.isascii() and text.isdecimal() and len(text) < 10 else None


@router.post("/grants/{name}/remove")
def take_back(visit: VisitDep, form: FormDep, name: str) -> Response:
    """Take a role back."""
    grant = records.get(visit.house, visit.reader, "grant", name)
    revision = _whole(form.get("revision")) or grant.revision
    records.remove(visit.house, visit.reader, "grant", name, revision, why=form.get("why"))
    return visit.go(f"/people/{grant.person}")


for _paper in PAPERS.values():
    router.add_api_route(f"/{_paper.plural}/new", _new(_paper), methods=["GET"])
    router.add_api_route(f"/{_paper.plural}/new", _add(_paper), methods=["POST"])
    if _paper.kind in _CHANGED:
        router.add_api_route(f"/{_paper.plural}/{{name}}/edit", _edit(_paper), methods=["GET"])
        router.add_api_route(f"/{_paper.plural}/{{name}}/edit", _change(_paper), methods=["POST"])
