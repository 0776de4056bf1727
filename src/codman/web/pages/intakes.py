"""Proposing a use: a form page by page, saved at every step, found again on another day, and sent in."""

from __future__ import annotations

from starlette.responses import Response

from codman.errors import CodmanError
from codman.flows.intake import Opened, begin, keep, list_intakes, open_intake, title_of
from codman.flows.intake_sources import begin_from_file, begin_from_use
from codman.flows.intake_submit import IntakeIncomplete, LikelyDuplicate, submit
from codman.flows.intake_withdrawn import take_up, why_withdrawn, withdraw
from codman.registry.access import NotAllowed, paths_for
from codman.registry.names import names_of
from codman.registry.namesakes import Namesake
from codman.registry.places import out_of_sight
from codman.registry.records import BadField, NoSuchRecord, Stale
from codman.review.intake.question import Page
from codman.spine.intake import IntakeState
from codman.web.pages.errors import status_of
from codman.web.topic import Topic
from codman.web.upload import UploadDep
from codman.web.views.intake import form_page, intake_line, named_in, overview, sent_answers, sites_in
from codman.web.views.lists import Lists, is_search, searched
from codman.web.views.step import Refused, refused_by
from codman.web.visit import FormDep, Visit, VisitDep

topic = Topic()


@topic.get("/intakes")
def intakes_page(visit: VisitDep) -> Response:
    """Proposals: one's own, others' where one sees the whole house, and the ways to begin one."""
    return _list(visit)


@topic.post("/intakes")
def begin_intake(visit: VisitDep) -> Response:
    """Begin an empty proposal."""
    return _resumed(visit, begin(visit.house, visit.reader).id)


@topic.post("/intakes/from-file", takes_a_file=True)
def begin_intake_from_file(visit: VisitDep, upload: UploadDep) -> Response:
    """Begin a proposal from a model card, a model registry's answer or a list."""
    try:
        if not upload.name:
            raise BadField("intake", "file", "choose a file")
        row = upload.form.get("row")
        return visit.go(f"/intakes/{begin_from_file(visit.house, visit.reader, upload.data, row=row).id}")
    except NotAllowed:
        raise
    except CodmanError as error:
        return _list(visit, refused_by(error), row=upload.form.get("row") or "", status=422)


@topic.post("/uses/{use_id}/intake")
def begin_intake_from_use(visit: VisitDep, use_id: str) -> Response:
    """Begin a proposal from a use of the book."""
    return visit.go(f"/intakes/{begin_from_use(visit.house, visit.reader, use_id).id}")


@topic.get("/intakes/{name}")
def intake_page(visit: VisitDep, name: str) -> Response:
    """A proposal as a whole."""
    return _overview(visit, name)


@topic.get("/intakes/{name}/pages/{page_id}")
def intake_form_page(visit: VisitDep, name: str, page_id: str) -> Response:
    """One page of its questions."""
    found = open_intake(visit.house, visit.reader, name)
    if found.intake.state is not IntakeState.DRAFT or found.intake.owner != visit.reader.person:
        return visit.go(f"/intakes/{name}")
    more = visit.request.query_params.get("more", "")
    number = int(more) if more.isascii() and more.isdecimal() and len(more) < 4 else 0
    page = _page(found, page_id)
    return visit.show("intake_page.html", form_page(found, page, _lists(visit, found, {}), more=number))


@topic.post("/intakes/{name}/pages/{page_id}")
def keep_intake_page(visit: VisitDep, form: FormDep, name: str, page_id: str) -> Response:
    """Save one page, right or wrong, and go on, back or away."""
    before = open_intake(visit.house, visit.reader, name)
    page = _page(before, page_id)
    answers = sent_answers(page, form)
    try:
        keep(visit.house, visit.reader, name, answers, _revision(form.get("revision")))
    except Stale:
        found = open_intake(visit.house, visit.reader, name)
        view = form_page(found, _page(found, page_id), _lists(visit, found, form.values), typed=answers)
        return visit.show("intake_page.html", view, status=412)
    found = open_intake(visit.house, visit.reader, name)
    go = form.get("go")
    if go == "leave":
        return visit.go(f"/intakes/{name}")
    now = _page(found, page_id)
    lists = _lists(visit, found, form.values)
    if is_search(form):
        return visit.show("intake_page.html", form_page(found, now, lists))
    shown = form_page(found, now, lists, tell=True)
    if go == "back":
        return visit.go(shown.back)
    had = {question.id for question in page.questions}
    brought = [question for question in now.questions if question.id not in had]
    if brought:
        return visit.go(f"/intakes/{name}/pages/{page_id}?more={len(brought)}#f-{brought[0].id}")
    following = found.filled.next_page(page_id)
    if following is not None and following.id == page_id:
        return visit.show("intake_page.html", shown, status=422)
    return visit.go(f"/intakes/{name}" if following is None else f"/intakes/{name}/pages/{following.id}")


@topic.post("/intakes/{name}/submit")
def submit_intake(visit: VisitDep, form: FormDep, name: str) -> Response:
    """Send it in; it becomes a use with a tier."""
    try:
        done = submit(
            visit.house,
            visit.reader,
            name,
            _revision(form.get("revision")),
            another_use=form.get("another_use") is not None,
            another_product=form.get("another_product") is not None,
            why=form.get("why"),
        )
    except Namesake as error:
        return _overview(visit, name, refused_by(error), namesake=error.existing, status=409)
    except (Stale, IntakeIncomplete, LikelyDuplicate, BadField) as error:
        return _overview(visit, name, refused_by(error), status=status_of(error))
    return visit.go(f"/uses/{done.use.id}/triage")


@topic.post("/intakes/{name}/withdraw")
def withdraw_intake(visit: VisitDep, form: FormDep, name: str) -> Response:
    """Take it back before it is sent in."""
    try:
        withdraw(visit.house, visit.reader, name, _revision(form.get("revision")), why=form.get("why"))
    except (Stale, BadField) as error:
        return _overview(visit, name, refused_by(error), status=status_of(error))
    return visit.go("/intakes")


@topic.post("/intakes/{name}/take-up")
def take_up_intake(visit: VisitDep, form: FormDep, name: str) -> Response:
    """Take a withdrawn proposal up again."""
    try:
        take_up(visit.house, visit.reader, name, _revision(form.get("revision")))
    except (Stale, BadField) as error:
        return _overview(visit, name, refused_by(error), status=status_of(error))
    return visit.go(f"/intakes/{name}")


def _resumed(visit: Visit, name: str) -> Response:
    found = open_intake(visit.house, visit.reader, name)
    page = found.filled.next_page()
    return visit.go(f"/intakes/{name}" if page is None else f"/intakes/{name}/pages/{page.id}")


def _page(found: Opened, page_id: str) -> Page:
    page = next((one for one in found.filled.pages if one.id == page_id), None)
    if page is None:
        raise NoSuchRecord("page", page_id)
    return page


def _lists(visit: Visit, found: Opened, values: object) -> Lists:
    sent = dict(values) if isinstance(values, dict) else {}
    typed = {id_: str(answer) for id_, answer in found.filled.typed.items() if not isinstance(answer, list)}
    return Lists(house=visit.house, reader=visit.reader, values={**typed, **sent}, words=searched(sent))


def _overview(
    visit: Visit, name: str, refused: Refused | None = None, *, namesake: str = "", status: int = 200
) -> Response:
    found = open_intake(visit.house, visit.reader, name)
    with visit.house.database.reading() as connection:
        planned = sites_in(found)
        named = names_of(connection, [*named_in(found), *planned, namesake])
        named |= out_of_sight(connection, paths_for(visit.reader, "inventory.read"), planned)
        why = why_withdrawn(connection, found.intake)
    view = overview(found, visit.reader.person, named)
    return visit.show(
        "intake.html",
        view,
        refused=refused,
        why_withdrawn=why,
        namesake=namesake,
        namesake_called=named.get(namesake, namesake),
        may_change=visit.may("intake.change"),
        status=status,
    )


def _list(visit: Visit, refused: Refused | None = None, *, row: str = "", status: int = 200) -> Response:
    asked = visit.request.query_params
    page = list_intakes(visit.house, visit.reader, cursor=asked.get("cursor") or None)
    with visit.house.database.reading() as connection:
        named = names_of(connection, [one.owner for one in page.items])
    lines = [intake_line(one, title_of(one), named.get(one.owner, one.owner)) for one in page.items]
    return visit.show(
        "intakes.html",
        lines,
        refused=refused,
        row=row,
        following=page.next,
        first=asked.get("cursor") is not None,
        may_begin=visit.may("intake.create"),
        status=status,
    )


def _revision(text: str | None) -> int:
    """The revision a form was made on; 0, which no proposal has, where it says none."""
    return int(text) if text and text.isascii() and text.isdecimal() and len(text) < 10 else 0
