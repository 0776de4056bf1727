"""Answering a report without an account: one page behind a link that works once. It tells nobody else anything."""

from __future__ import annotations

from typing import Final

from starlette.responses import Response

from codman.flows.concerns.raising import may_identify
from codman.flows.reporting.answers import Answered, read_answers
from codman.flows.reporting.calendar import days_after
from codman.flows.reporting.paper import prefilled, workbook_for
from codman.flows.reporting.receiving import Awaited, Original, by_link, original_of_form, receive_by_link
from codman.flows.reporting.workbook import LARGEST, MEDIA_TYPE, NoWorkbook, in_words, read_report_workbook
from codman.registry.links import Link, LinkSpent, count_failure
from codman.spine.partner_report import Way
from codman.web.session import browser_of
from codman.web.topic import Topic
from codman.web.upload import SmallUploadDep
from codman.web.views.report_answer import answer_view
from codman.web.visit import FormDep, Visit, VisitDep

topic = Topic()

_SURE: Final = "sure"


@topic.get("/report/{token}")
def report_form(visit: VisitDep, token: str) -> Response:
    """The form, with what to measure in it already, and last time's numbers beside."""
    _, found = _opened(visit, token)
    return _shown(visit, token, found, None, {}, status=200)


@topic.post("/report/{token}")
def answer_report(visit: VisitDep, form: FormDep, token: str) -> Response:
    """File what was typed, as the sender's claim; or show all of it again with what is wrong."""
    link, found = _opened(visit, token)
    typed = {name: text[:_LONGEST] for name, text in form.values.items()}  # too long is told, never dropped
    answered = read_answers(typed, found.schedule.metrics)
    if not isinstance(answered, Answered):
        return _shown(visit, token, found, typed, answered, status=422)
    if not typed.get(_SURE) and may_identify(typed.get("words", "")):
        return _shown(visit, token, found, typed, {}, status=422, looks=True)
    return _received(visit, link, found, answered, original_of_form(found, typed))


@topic.get("/report/{token}/workbook")
def report_workbook(visit: VisitDep, token: str) -> Response:
    """The same as a workbook, to fill in elsewhere."""
    _, found = _opened(visit, token)
    return workbook_answer(workbook_for(visit.house, found), found.report.id)


@topic.post("/report/{token}/workbook", takes_a_file=True)
def answer_by_workbook(visit: VisitDep, upload: SmallUploadDep, token: str) -> Response:
    """File a workbook that came back; or show what could be read of it, with each fault by its cell."""
    link, found = _opened(visit, token)
    try:
        sheet = read_report_workbook(upload.data, found.report.id)
    except NoWorkbook as error:
        refused = "no file was chosen" if not upload.data else error.why
        return _shown(visit, token, found, None, {}, status=422, refused=refused)
    answered = read_answers(sheet.typed, found.schedule.metrics)
    errors = {} if isinstance(answered, Answered) else answered
    faults = tuple(in_words(sheet.faults_of(errors)))
    if faults or not isinstance(answered, Answered):
        return _shown(visit, token, found, sheet.typed, errors, status=422, faults=faults)
    return _received(visit, link, found, answered, Original(Way.WORKBOOK, upload.data, MEDIA_TYPE))


def workbook_answer(body: bytes, name: str) -> Response:
    """A workbook as a download."""
    headers = {"Content-Disposition": f'attachment; filename="{name}.xlsx"'}
    return Response(body, media_type=MEDIA_TYPE, headers=headers)


_LONGEST: Final = 20_000


def _opened(visit: Visit, token: str) -> tuple[Link, Awaited]:
    """The report behind a link.

    Raises:
        LinkSpent: There is none that could still be used.
        NotTheSender: It is a vendor's, and they are signed in here.
        TooManyTried: Too many from this address were none.
    """
    try:
        return by_link(visit.house, token, visit.who)
    except LinkSpent:
        count_failure(visit.house.database, token, browser_of(visit.request).address)
        raise


def _received(visit: Visit, link: Link, found: Awaited, answered: Answered, original: Original) -> Response:
    came = receive_by_link(visit.house, link, answered, original)
    return visit.show("report_answered.html", came, found=found, last_day=days_after(came.period_end, -1))


def _shown(
    visit: Visit,
    token: str,
    found: Awaited,
    typed: dict[str, str] | None,
    errors: dict[str, str],
    *,
    status: int,
    faults: tuple[str, ...] = (),
    refused: str = "",
    looks: bool = False,
) -> Response:
    ready = prefilled(visit.house, found)
    view = answer_view(
        found,
        ready,
        ready.typed if typed is None else typed,
        errors,
        action=f"/report/{token}",
        today=visit.today(),
        faults=faults,
        refused=refused,
        looks=looks,
        largest=LARGEST,
    )
    return visit.show("report_answer.html", view, status=status)
