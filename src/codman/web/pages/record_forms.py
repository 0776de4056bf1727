"""Forms that add and change records: one flow for every kind, with an optimistic lock on every change."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from starlette.responses import Response

from codman.flows import records
from codman.flows.record_rules import KINDS
from codman.flows.recorded import follow
from codman.flows.rights import fields_to_add, modes_refused, open_fields
from codman.registry.access import NotAllowed
from codman.registry.namesakes import Namesake
from codman.registry.records import AlreadyThere, BadField, NoSuchRecord, Stale
from codman.spine.site import Mode
from codman.web.topic import Topic
from codman.web.views.editing import Namesaken, editing
from codman.web.views.forms import answers, as_text, unanswered, what_is_wrong
from codman.web.views.lists import Lists, is_search, searched
from codman.web.views.modes import with_modes
from codman.web.views.papers import PAPERS, Paper, every_ask, offered, ran_or_proposed, without_decisions
from codman.web.views.sent import Form
from codman.web.visit import FormDep, Visit, VisitDep

topic = Topic()

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
_PLACED_BY: Final[Mapping[str, str]] = {  # the answer that says where a record belongs
    "version": "product",
    "site": "parent",
    "use": "site",
    "deployment": "site",
    "grant": "site",
}
_OUT_OF_REACH: Final = "this is not yours to do there"
_CHANGED: Final = frozenset(PAPERS) - {"grant"}  # a grant is given or taken back, never rewritten


def _new(paper: Paper) -> Callable[[VisitDep], Response]:
    def new_page(visit: VisitDep) -> Response:
        sent = visit.request.query_params
        values = {**_AT_FIRST.get(paper.kind, {}), **{name: value[:300] for name, value in sent.items()}}
        return _adding(visit, paper, values)

    new_page.__doc__ = f"An empty form for a {paper.noun}."
    return new_page


def _add(paper: Paper) -> Callable[[VisitDep, FormDep], Response]:
    def add(visit: VisitDep, form: FormDep) -> Response:
        return add_record(visit, form, paper)

    add.__doc__ = f"Put a {paper.noun} into the book."
    return add


def add_record(visit: Visit, form: Form, paper: Paper) -> Response:
    """Put a record into the book, or show the form again with what is wrong."""
    if is_search(form):
        return _adding(visit, paper, form.values)
    asks = every_ask(paper.groups(_lists(visit, KINDS[paper.kind].create, form.values)))
    values = {name: value for name, value in answers(asks, form).items() if value is not None}
    errors = what_is_wrong(KINDS[paper.kind].records, values) | unanswered(asks, form.values)
    if not errors:
        try:
            another = form.get("another") == "yes"
            made = records.create(visit.house, visit.reader, paper.kind, values, why=form.get("why"), another=another)
            if paper.kind == "deployment":
                follow(visit.house, visit.reader, made.use)
            return visit.go(paper.here(made.model_dump(mode="json")))
        except BadField as error:
            errors = {error.field: error.why}
        except Namesake as error:
            return _adding(visit, paper, form.values, status=409, namesake=_namesake(visit, form, error.existing))
        except AlreadyThere as error:
            errors = {"": error.why}
        except NotAllowed as error:
            if error.action == "use.decide" and ran_or_proposed(values):
                errors = {"decision": "undecided goes with proposed, undecided (legacy) with what runs or ran already"}
            elif error.action == KINDS[paper.kind].create:  # theirs to do, but not there
                errors = {_PLACED_BY.get(paper.kind, ""): _OUT_OF_REACH}
            else:
                raise
    return _adding(visit, paper, form.values, errors, status=422)


def _namesake(visit: Visit, form: Form, name: str) -> Namesaken:
    there = records.get(visit.house, visit.reader, "product", name)
    return Namesaken(name=there.name, href=f"/products/{name}", ticked=form.get("another") == "yes")


def _adding(
    visit: Visit,
    paper: Paper,
    values: Mapping[str, str],
    errors: Mapping[str, str] | None = None,
    *,
    status: int = 200,
    namesake: Namesaken | None = None,
) -> Response:
    rules = KINDS[paper.kind]
    groups = paper.groups(_lists(visit, rules.create, values))
    groups = offered(groups, fields_to_add(visit.reader, paper.kind))
    if paper.kind == "use" and not visit.may("use.decide"):
        groups = without_decisions(groups)
    if paper.kind == "deployment" and values.get("use"):
        groups = with_modes(groups, _refused(visit, values["use"], ()))
    view = editing(
        paper,
        groups,
        values,
        action=f"/{paper.plural}/new",
        back=_BACK[paper.kind],
        errors=errors,
        namesake=namesake,
    )
    return visit.show("record_form.html", view, status=status)


def _edit(paper: Paper) -> Callable[[VisitDep, str], Response]:
    def edit_page(visit: VisitDep, name: str) -> Response:
        record = records.get_to_change(visit.house, visit.reader, paper.kind, name)
        return _changing(visit, paper, record, None)

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
    if is_search(form):
        return _changing(visit, paper, now, form)
    # every question, not those offered alone: what was not offered and comes all the same is refused
    asks = every_ask(paper.groups(_lists(visit, rules.change, form.values)))
    plain = rules.records.plain(now)
    text = as_text(asks, plain)
    patch = _only_changed(answers(asks, form), plain, text, form)
    revision = _whole(form.get("revision"))
    errors = what_is_wrong(rules.records, {**plain, **patch})
    errors |= unanswered([ask for ask in asks if text[ask.name] and ask.name in form.values], form.values)
    theirs: dict[str, Any] | None = None
    status = 422
    if revision is None:
        errors = errors or {"": "the form does not say which revision it changes; read the page again"}
    if revision is not None and revision != now.revision:
        theirs, errors, status = plain, {}, 412
    elif not errors and not patch:
        return visit.go(paper.here(now.model_dump(mode="json")))
    elif not errors and revision is not None:
        try:
            kept = records.change(visit.house, visit.reader, paper.kind, name, patch, revision, why=form.get("why"))
            if paper.kind == "deployment":
                follow(visit.house, visit.reader, kept.use)
            return visit.go(paper.here(kept.model_dump(mode="json")))
        except BadField as error:
            errors = {error.field: error.why}
        except AlreadyThere as error:
            errors = {"": error.why}
        except NotAllowed:
            if not patch.keys() <= _open(visit, paper, now):
                raise
            errors = {_PLACED_BY.get(paper.kind, ""): _OUT_OF_REACH}  # theirs, but not where it would go
        except Stale:  # between our reading and our writing
            now = records.get(visit.house, visit.reader, paper.kind, name)
            theirs, status = rules.records.plain(now), 412
    return _changing(visit, paper, now, form, errors, theirs, status=status)


def _changing(
    visit: Visit,
    paper: Paper,
    now: Any,
    form: Form | None,
    errors: Mapping[str, str] | None = None,
    theirs: Mapping[str, Any] | None = None,
    *,
    status: int = 200,
) -> Response:
    """The form of a record as it is now, or as somebody has filled it in."""
    rules = KINDS[paper.kind]
    plain = rules.records.plain(now)
    fields = _open(visit, paper, now)
    said = {name: value for name, value in plain.items() if isinstance(value, str)}
    values = said if form is None else {**said, **form.values}
    groups = offered(paper.groups(_lists(visit, rules.change, values)), fields)
    if paper.kind == "deployment":
        groups = with_modes(groups, _refused(visit, now.use, (now,)))
    view = editing(
        paper,
        groups,
        as_text(every_ask(groups), plain) if form is None else form.values,
        action=f"/{paper.plural}/{now.id}/edit",
        back=paper.here(now.model_dump(mode="json")),
        revision=(_whole(form.get("revision")) if form is not None and is_search(form) else None) or now.revision,
        errors=errors,
        theirs=theirs,
    )
    return visit.show("record_form.html", view, status=status)


def _open(visit: Visit, paper: Paper, record: Any) -> frozenset[str]:
    with visit.house.database.reading() as connection:
        return open_fields(connection, visit.reader, paper.kind, record)


def _refused(visit: Visit, use: str, runs: Sequence[Any]) -> Mapping[Mode, str]:
    """Why a use may not be put in a mode there; nothing of a use that is not theirs to see."""
    try:
        found = records.get(visit.house, visit.reader, "use", use)
    except NoSuchRecord:
        return {}
    with visit.house.database.reading() as connection:
        return modes_refused(visit.house, connection, found, runs)


def _lists(visit: Visit, action: str, values: Mapping[str, str]) -> Lists:
    return Lists(house=visit.house, reader=visit.reader, action=action, values=values, words=searched(values))


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


@topic.post("/grants/{name}/remove")
def take_back(visit: VisitDep, form: FormDep, name: str) -> Response:
    """Take a role back."""
    grant = records.get(visit.house, visit.reader, "grant", name)
    revision = _whole(form.get("revision")) or grant.revision
    records.remove(visit.house, visit.reader, "grant", name, revision, why=form.get("why"))
    return visit.go(f"/people/{grant.person}")


for _paper in PAPERS.values():
    topic.add("GET", f"/{_paper.plural}/new", _new(_paper))
    topic.add("POST", f"/{_paper.plural}/new", _add(_paper))
    if _paper.kind in _CHANGED:
        topic.add("GET", f"/{_paper.plural}/{{name}}/edit", _edit(_paper))
        topic.add("POST", f"/{_paper.plural}/{{name}}/edit", _change(_paper))
