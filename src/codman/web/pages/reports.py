"""Reports by teams and vendors as the house sees them: what is awaited, one report, the schedules of a use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import select
from starlette.responses import Response

from codman.flows import records
from codman.flows.reporting import office, receiving, schedules
from codman.flows.reporting.answers import Answered, read_answers
from codman.flows.reporting.paper import workbook_for
from codman.flows.reporting.receiving import Original
from codman.flows.reporting.workbook import LARGEST, MEDIA_TYPE, NoWorkbook, in_words, read_report_workbook
from codman.registry.governance import SCHEDULES
from codman.registry.inventory import paths_of
from codman.registry.links import Link
from codman.registry.records import BadField, Stale
from codman.registry.schema import people, vendors
from codman.spine.partner_report import Schedule, Way
from codman.spine.use import Use
from codman.web.pages.report_answer import workbook_answer
from codman.web.topic import Topic
from codman.web.upload import SmallUploadDep
from codman.web.views.forms import Option, answers, as_text, shown, unanswered, what_is_wrong
from codman.web.views.reports import ScheduleForm, report_view, reports_view, schedule_asks
from codman.web.views.sent import Form
from codman.web.visit import FormDep, Visit, VisitDep

topic = Topic()


@topic.get("/reports")
def reports_page(visit: VisitDep) -> Response:
    """What is awaited and what came, what has not come first."""
    owed = office.owed(visit.house, visit.reader)
    with visit.house.database.reading() as connection:
        view = reports_view(connection, owed, None, (), may_add=False, may_change=False)
    return visit.show("reports.html", view)


@topic.get("/uses/{use_id}/reports")
def reports_of_use(visit: VisitDep, use_id: str) -> Response:
    """The schedules of a use, and what came under them."""
    use: Use = records.get(visit.house, visit.reader, "use", use_id)
    owed = office.owed(visit.house, visit.reader, use=use_id)
    found = office.list_schedules(visit.house, visit.reader, where={"use": [use_id]}, limit=500).items
    with visit.house.database.reading() as connection:
        paths = paths_of(connection, use)
        may_add, may_change = visit.may("schedule.create", paths), visit.may("schedule.change", paths)
        view = reports_view(connection, owed, use, found, may_add=may_add, may_change=may_change)
    return visit.show("reports.html", view)


@topic.get("/reports/{name}")
def report_page(visit: VisitDep, name: str) -> Response:
    """One report: how it stands, how it came, what can be done."""
    return _report(visit, name)


@topic.post("/reports/{name}/link")
def make_report_link(visit: VisitDep, name: str) -> Response:
    """A link for somebody without an account: it goes by mail, or is shown on this page and never again."""
    made = office.hand_out_link(visit.house, visit.reader, name)
    return _report(visit, name, link=made.link or "", link_ends=made.expires_at, sent_to=made.sent_to or "")


@topic.post("/reports/{name}/links/revoke")
def revoke_report_links(visit: VisitDep, name: str) -> Response:
    """Make every unused link of a report worthless."""
    office.take_back_links(visit.house, visit.reader, name)
    return visit.go(f"/reports/{name}")


@topic.post("/reports/{name}/excuse")
def excuse_report(visit: VisitDep, form: FormDep, name: str) -> Response:
    """Await it no longer, with a reason."""
    try:
        office.excuse(visit.house, visit.reader, name, _revision(form), form.get("why") or "")
    except BadField as error:
        return _report(visit, name, errors={"why": error.why}, status=422)
    return visit.go(f"/reports/{name}")


@topic.post("/reports/{name}/heed")
def heed_report(visit: VisitDep, form: FormDep, name: str) -> Response:
    """Say what follows from the incidents or changes it tells of."""
    try:
        office.heed(visit.house, visit.reader, name, _revision(form), form.get("follows") or "")
    except BadField as error:
        return _report(visit, name, errors={"follows": error.why}, status=422)
    return visit.go(f"/reports/{name}")


@topic.post("/reports/{name}/await")
def await_report_again(visit: VisitDep, form: FormDep, name: str) -> Response:
    """Await it once more, with a reason."""
    try:
        office.await_again(visit.house, visit.reader, name, _revision(form), form.get("again") or "")
    except BadField as error:
        return _report(visit, name, errors={"again": error.why}, status=422)
    return visit.go(f"/reports/{name}")


@topic.get("/reports/{name}/workbook")
def workbook_of_report(visit: VisitDep, name: str) -> Response:
    """The workbook to send to whoever owes the report."""
    found = receiving.awaited_for(visit.house, visit.reader, name, "report.read")
    return workbook_answer(workbook_for(visit.house, found), name)


@topic.post("/reports/{name}/workbook", takes_a_file=True)
def file_workbook(visit: VisitDep, upload: SmallUploadDep, name: str) -> Response:
    """File a workbook that came back by mail; or say what is wrong with it, cell by cell."""
    found = receiving.awaited_for(visit.house, visit.reader, name, "report.create")
    try:
        sheet = read_report_workbook(upload.data, name)
    except NoWorkbook as error:
        return _report(visit, name, faults=[error.why if upload.data else "no file was chosen"], status=422)
    answered = read_answers(sheet.typed, found.schedule.metrics)
    faults = in_words(sheet.faults_of({} if isinstance(answered, Answered) else answered))
    if faults or not isinstance(answered, Answered):
        return _report(visit, name, faults=faults, status=422)
    original = Original(Way.WORKBOOK, upload.data, MEDIA_TYPE)
    receiving.receive_by_hand(visit.house, visit.reader, name, answered, original)
    return visit.go(f"/reports/{name}")


@topic.get("/schedules/new")
def new_schedule_page(visit: VisitDep) -> Response:
    """An empty form for who is to report about a use."""
    use: Use = records.get(visit.house, visit.reader, "use", (visit.request.query_params.get("use") or "")[:64])
    at_first = {"owner": use.owner or "", "every_months": "3", "days_to_report": "14", "grace_days": "14"}
    return _form(visit, use, None, at_first, {}, status=200)


@topic.post("/schedules/new")
def make_schedule(visit: VisitDep, form: FormDep) -> Response:
    """Have somebody report about a use."""
    use: Use = records.get(visit.house, visit.reader, "use", (form.get("use") or "")[:64])
    said, errors = _said(form, new=True)
    fields = {**said, "use": use.id}
    errors = what_is_wrong(SCHEDULES, fields) | errors
    if not errors:
        try:
            schedules.make_schedule(visit.house, visit.reader, fields, why=form.get("why"))
            return visit.go(f"/uses/{use.id}/reports")
        except BadField as error:
            errors = {error.field: error.why}
    return _form(visit, use, None, form.values, errors, status=422)


@topic.get("/schedules/{name}/edit")
def schedule_page(visit: VisitDep, name: str) -> Response:
    """The form of a schedule that is there."""
    schedule, use = _there(visit, name)
    return _form(visit, use, schedule, _texts(schedule), {}, status=200)


@topic.post("/schedules/{name}/edit")
def change_schedule(visit: VisitDep, form: FormDep, name: str) -> Response:
    """Change who reports, where to, what, and how late it may be."""
    schedule, use = _there(visit, name)
    said, errors = _said(form, new=False)
    patch: dict[str, Any] = {
        field: said.get(field) for field in schedules.CHANGEABLE if field in said or field in ("vendor", "email")
    }
    errors = what_is_wrong(SCHEDULES, {**SCHEDULES.plain(schedule), **patch}) | errors
    if not errors:
        try:
            schedules.change_schedule(visit.house, visit.reader, name, patch, _revision(form), why=form.get("why"))
            return visit.go(f"/uses/{use.id}/reports")
        except BadField as error:
            errors = {error.field: error.why}
        except Stale as error:
            general = "Somebody changed it meanwhile. What you wrote is below: send it again to put it over theirs."
            return _form(visit, use, schedule, form.values, {}, status=412, general=general, revision=error.current)
    return _form(visit, use, schedule, form.values, errors, status=422, revision=_revision(form))


@topic.post("/schedules/{name}/end")
def end_schedule(visit: VisitDep, form: FormDep, name: str) -> Response:
    """Await nothing more under it."""
    schedule, use = _there(visit, name)
    schedules.end_schedule(visit.house, visit.reader, schedule.id, _revision(form), why=form.get("why"))
    return visit.go(f"/uses/{use.id}/reports")


def _there(visit: Visit, name: str) -> tuple[Schedule, Use]:
    schedule = office.read_schedule(visit.house, visit.reader, name)
    with visit.house.database.reading() as connection:
        return schedule, schedules.use_to(connection, visit.reader, schedule.use, "schedule.change")


def _report(
    visit: Visit,
    name: str,
    *,
    link: str = "",
    link_ends: str = "",
    sent_to: str = "",
    faults: Sequence[str] = (),
    errors: Mapping[str, str] | None = None,
    status: int = 200,
) -> Response:
    one = office.read_report(visit.house, visit.reader, name)
    with visit.house.database.reading() as connection:
        paths = paths_of(connection, receiving.awaited(connection, name).use)
    may_change = visit.may("schedule.change", paths)
    links: Sequence[Link] = office.links_of(visit.house, visit.reader, name) if may_change else ()
    schedule = office.read_schedule(visit.house, visit.reader, one.report.schedule)
    goes_to = office.link_goes_to(visit.house, schedule) or ""
    waits = one.report.tells and one.report.heeded_at is None
    now = visit.house.database.clock().isoformat()
    with visit.house.database.reading() as connection:
        view = report_view(
            connection,
            one,
            links,
            now,
            goes_to=goes_to,
            link=link,
            link_ends=link_ends,
            sent_to=sent_to,
            faults=faults,
            errors=errors,
            largest=LARGEST,
        )
    return visit.show(
        "report.html",
        view,
        status=status,
        may_change=may_change,
        # what tells of something, and nobody has said what follows, is not the owner's to have written anew
        may_await=may_change and (not waits or visit.may("report.excuse", paths)),
        may_excuse=visit.may("report.excuse", paths),
        may_file=visit.may("report.create", paths),
    )


def _said(form: Form, *, new: bool) -> tuple[dict[str, Any], dict[str, str]]:
    asks = schedule_asks((), (), new=new)
    said = {name: value for name, value in answers(asks, form).items() if value is not None}
    errors = {name: why for name, why in unanswered(asks, form.values).items() if name != "why"}
    for name in ("every_months", "days_to_report", "grace_days"):
        text = str(said.get(name, ""))
        if text.isascii() and text.isdigit() and len(text) < 5:
            said[name] = int(text)
        elif text:
            errors[name] = "write a whole number"
    return said, errors


def _texts(schedule: Schedule) -> dict[str, str]:
    return as_text(schedule_asks((), (), new=False), schedule.model_dump(mode="json"))


def _form(
    visit: Visit,
    use: Use,
    schedule: Schedule | None,
    values: Mapping[str, str],
    errors: Mapping[str, str],
    *,
    status: int,
    general: str = "",
    revision: int | None = None,
) -> Response:
    with visit.house.database.reading() as connection:
        works = connection.execute(
            select(people.c.id, people.c.name).where(people.c.active).order_by(people.c.name).limit(1000)
        )
        known = [Option(row.id, row.name) for row in works]
        supplying = connection.execute(select(vendors.c.id, vendors.c.name).order_by(vendors.c.name).limit(1000))
        sold_by = [Option(row.id, row.name) for row in supplying]
    asks = schedule_asks(known, sold_by, new=schedule is None)
    title = "Have somebody report" if schedule is None else "Change a schedule"
    view = ScheduleForm(
        title=title,
        use=use.id,
        use_name=use.name,
        action="/schedules/new" if schedule is None else f"/schedules/{schedule.id}/edit",
        revision=None if schedule is None else revision or schedule.revision,
        asked=shown(asks, values, errors),
        submit="Await these reports" if schedule is None else "Change it",
        general=general or errors.get("", ""),
    )
    return visit.show("schedule_form.html", view, status=status)


def _revision(form: Form) -> int:
    text = form.get("revision") or ""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0
