"""Reports by teams and vendors: schedules, what is awaited, and the three ways a report comes in."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import BaseModel, Field

from codman.api import replies
from codman.api.call import Call, Invalid
from codman.api.operation import MERGE_PATCH, Answer, Body, Operation
from codman.api.replies import Reply
from codman.api.routes.lists import CONFIG, asked, list_of, listing, wanted
from codman.flows.reporting import office, receiving, schedules
from codman.flows.reporting.answers import Answered, read_answers
from codman.flows.reporting.office import MadeLinkRead, Owed
from codman.flows.reporting.paper import workbook_for
from codman.flows.reporting.receiving import Original
from codman.flows.reporting.workbook import MEDIA_TYPE, read_report_workbook
from codman.spine.partner_report import ExpectedReport, Schedule, ScheduleFields, Way
from codman.spine.record import Prose


class TakenBack(BaseModel):
    """How many links were made worthless."""

    model_config = CONFIG

    links: int = Field(ge=0)


class Reason(BaseModel):
    """Why."""

    model_config = CONFIG

    why: Prose


class SchedulePatch(BaseModel):
    """What of a schedule can be changed; its use and its rhythm stay."""

    model_config = CONFIG

    partner_name: str | None = None
    vendor: str | None = None
    email: str | None = None
    owner: str | None = None
    grace_days: int | None = None
    metrics: list[str] | None = None


def operations() -> Iterator[Operation]:
    """What can be done with reports and their schedules."""
    yield from _of_schedules()
    yield from _of_reports()
    yield from _of_answers()


def _of_schedules() -> Iterator[Operation]:
    where = {"id": "The schedule's id"}
    yield listing(
        "/schedules",
        "List schedules",
        "Who reports about which use, how often, and to whom in the house it matters.",
        office.list_schedules,
        tag="reports",
        action="report.read",
        of=Schedule,
        filters=("use", "partner", "vendor", "owner"),
        orders=("created_at", "first_due"),
        first="created_at",
    )
    yield Operation(
        method="POST",
        path="/schedules",
        name="create_schedule",
        tag="reports",
        action="schedule.create",
        summary="Have somebody report about a use",
        description="The reports that are due in the next 60 days are awaited at once; later ones are added by the "
        "clock. A report is about the months before its day.",
        do=_make_schedule,
        body=Body(ScheduleFields, "Who, what about, how often, from when"),
        problems=(404,),
        once=True,
        answers=(Answer(201, "It is made", Schedule, headers=("ETag", "Location")),),
    )
    yield Operation(
        method="GET",
        path="/schedules/{id}",
        name="get_schedule",
        tag="reports",
        action="report.read",
        summary="Read a schedule",
        description="As it is now.",
        do=lambda call: replies.record(office.read_schedule(call.house, call.reader, call.id("schedule"))),
        parameters=where,
        answers=(Answer(200, "The schedule", Schedule, headers=("ETag",)),),
    )
    yield Operation(
        method="PATCH",
        path="/schedules/{id}",
        name="change_schedule",
        tag="reports",
        action="schedule.change",
        summary="Change a schedule",
        description="Who reports, where to, which metrics, how late it may be. Its use and rhythm stay as they were "
        "made: end it, and make another.",
        do=_change_schedule,
        parameters=where,
        body=Body(SchedulePatch, "The fields that change", (MERGE_PATCH,)),
        edits=True,
        problems=(409,),
        answers=(Answer(200, "The schedule as it is now", Schedule, headers=("ETag",)),),
    )
    yield Operation(
        method="POST",
        path="/schedules/{id}/end",
        name="end_schedule",
        tag="reports",
        action="schedule.change",
        summary="End a schedule",
        description="Nothing more is awaited; what is overdue stays overdue. A report whose time has begun is excused "
        "only where who ends it may excuse reports and has no hand in the use. Say why in the header Codman-Reason.",
        do=_end_schedule,
        parameters=where,
        edits=True,
        problems=(409,),
        answers=(Answer(200, "The schedule as it is now", Schedule, headers=("ETag",)),),
    )


def _of_reports() -> Iterator[Operation]:
    where = {"id": "The awaited report's id"}
    yield Operation(
        method="GET",
        path="/reports",
        name="list_reports",
        tag="reports",
        action="report.read",
        summary="List reports",
        description="What is awaited and what came. `standing` is worked out from today's day: `missing` is not "
        "reported, which is never the same as nothing to report.",
        do=_list_reports,
        query=asked(
            "ReportQuestion", filters=office.FILTERS, orders=("due_on", "received_at"), words=False, first="due_on"
        ),
        answers=(Answer(200, "A page of them", list_of(Owed, "ReportList")),),
    )
    yield Operation(
        method="GET",
        path="/reports/{id}",
        name="get_report",
        tag="reports",
        action="report.read",
        summary="Read how a report stands",
        description="Its period, its day, whether and how it came; `statement` is read at /evidence/{digest}.",
        do=_read,
        parameters=where,
        answers=(Answer(200, "The report", Owed, headers=("ETag",)),),
    )
    yield Operation(
        method="POST",
        path="/reports/{id}/links",
        name="create_report_link",
        tag="reports",
        action="schedule.change",
        summary="Make a link that answers a report",
        description="For somebody without an account; it works once, for 30 days. Where the schedule has an address "
        "and mail is set up, it goes there and is shown to nobody; else it is shown here alone, and whoever made it "
        "has a hand in the use by what comes by it.",
        do=_link,
        parameters=where,
        problems=(409,),
        answers=(Answer(201, "The link", MadeLinkRead),),
    )
    yield Operation(
        method="DELETE",
        path="/reports/{id}/links",
        name="revoke_report_links",
        tag="reports",
        action="schedule.change",
        summary="Take back the links of a report",
        description="Every unused one becomes worthless.",
        do=lambda call: replies.plain(
            TakenBack(links=office.take_back_links(call.house, call.reader, _id(call), request=call.request))
        ),
        parameters=where,
        answers=(Answer(200, "How many there were", TakenBack),),
    )
    yield Operation(
        method="POST",
        path="/reports/{id}/excuse",
        name="excuse_report",
        tag="reports",
        action="report.excuse",
        summary="Excuse a report",
        description="It is awaited no longer; the reason stands beside it.",
        do=_excuse,
        parameters=where,
        body=Body(Reason, "Why it need not come"),
        edits=True,
        problems=(409,),
        answers=(Answer(200, "The report as it is now", ExpectedReport, headers=("ETag",)),),
    )
    yield Operation(
        method="POST",
        path="/reports/{id}/heed",
        name="heed_report",
        tag="reports",
        action="report.excuse",
        summary="Say what follows from a report",
        description="Of one that tells of incidents or changes; by the office, and by nobody with a hand in the use.",
        do=_heed,
        parameters=where,
        body=Body(Reason, "What follows, or why nothing does"),
        edits=True,
        answers=(Answer(200, "The report as it is now", ExpectedReport, headers=("ETag",)),),
    )
    yield Operation(
        method="POST",
        path="/reports/{id}/await",
        name="await_report_again",
        tag="reports",
        action="schedule.change",
        summary="Await a report again",
        description="What came is to be corrected, or an excuse holds no longer. What came first stays in the book.",
        do=_await_again,
        parameters=where,
        body=Body(Reason, "Why it must come again"),
        edits=True,
        answers=(Answer(200, "The report as it is now", ExpectedReport, headers=("ETag",)),),
    )


def _of_answers() -> Iterator[Operation]:
    where = {"id": "The awaited report's id"}
    filed = (Answer(200, "The report as it is now", ExpectedReport, headers=("ETag",)),)
    yield Operation(
        method="POST",
        path="/reports/{id}/statement",
        name="send_report",
        tag="reports",
        action="report.create",
        summary="Send a signed report",
        description="A monitoring statement in its signed envelope, about this use and period, with `report` filled "
        "in. It counts as far as its key does. The same again changes nothing.",
        do=_signed,
        parameters=where,
        body=Body({"type": "object"}, "The DSSE envelope"),
        problems=(409, 413),
        answers=filed,
    )
    yield Operation(
        method="GET",
        path="/reports/{id}/workbook",
        name="get_report_workbook",
        tag="reports",
        action="report.read",
        summary="Download the workbook of a report",
        description="An XLSX file to fill in and to send back.",
        do=_workbook,
        parameters=where,
        problems=(409,),
        answers=(Answer(200, "The workbook", {"type": "string", "format": "binary"}, MEDIA_TYPE),),
    )
    yield Operation(
        method="POST",
        path="/reports/{id}/workbook",
        name="send_report_workbook",
        tag="reports",
        action="report.create",
        summary="Send a workbook that came back",
        description="Filed as the claim of whoever filled it in, with the file attached. What is wrong with it is "
        "told cell by cell, all at once, and nothing is filed.",
        do=_send_workbook,
        parameters=where,
        body=Body({"type": "string", "format": "binary"}, "The workbook", (MEDIA_TYPE,)),
        problems=(409,),
        answers=filed,
    )


def _id(call: Call) -> str:
    return call.id("expected_report")


def _make_schedule(call: Call) -> Reply:
    made = schedules.make_schedule(
        call.house,
        call.reader,
        call.fields(ScheduleFields).model_dump(mode="json"),
        why=call.reason(),
        request=call.request,
        once=call.once(),
    )
    return replies.record(made, status=201, location=f"/api/v1/schedules/{made.id}")


def _change_schedule(call: Call) -> Reply:
    return replies.record(
        schedules.change_schedule(
            call.house,
            call.reader,
            call.id("schedule"),
            call.patch(ScheduleFields),
            call.revision(),
            why=call.reason(),
            request=call.request,
        )
    )


def _end_schedule(call: Call) -> Reply:
    name, revision = call.id("schedule"), call.revision()
    ended = schedules.end_schedule(call.house, call.reader, name, revision, why=call.reason(), request=call.request)
    return replies.record(ended)


def _list_reports(call: Call) -> Reply:
    return replies.listed(*office.list_reports(call.house, call.reader, **wanted(call, office.FILTERS)))


def _read(call: Call) -> Reply:
    found = office.read_report(call.house, call.reader, _id(call))
    return replies.plain(found, headers={"ETag": replies.revision_tag(found.report.revision)})


def _link(call: Call) -> Reply:
    made = office.hand_out_link(call.house, call.reader, _id(call), request=call.request)
    return replies.plain(made, status=201)


def _excuse(call: Call) -> Reply:
    name, revision, why = _id(call), call.revision(), call.fields(Reason).why
    return replies.record(office.excuse(call.house, call.reader, name, revision, why, request=call.request))


def _heed(call: Call) -> Reply:
    name, revision, why = _id(call), call.revision(), call.fields(Reason).why
    return replies.record(office.heed(call.house, call.reader, name, revision, why, request=call.request))


def _await_again(call: Call) -> Reply:
    name, revision, why = _id(call), call.revision(), call.fields(Reason).why
    return replies.record(office.await_again(call.house, call.reader, name, revision, why, request=call.request))


def _signed(call: Call) -> Reply:
    return replies.record(receiving.receive_signed(call.house, call.reader, _id(call), call.body, request=call.request))


def _workbook(call: Call) -> Reply:
    name = _id(call)
    body = workbook_for(call.house, receiving.awaited_for(call.house, call.reader, name, "report.read"))
    headers = {"Content-Disposition": f'attachment; filename="{name}.xlsx"'}
    return Reply(body=body, media_type=MEDIA_TYPE, headers=headers)


def _send_workbook(call: Call) -> Reply:
    name = _id(call)
    found = receiving.awaited_for(call.house, call.reader, name, "report.create")
    sheet = read_report_workbook(call.body, name)
    answered = read_answers(sheet.typed, found.schedule.metrics)
    faults = sheet.faults_of({} if isinstance(answered, Answered) else answered)
    if faults or not isinstance(answered, Answered):
        raise Invalid([{"pointer": f"/{one.cell}", "detail": one.why} for one in faults])
    original = Original(Way.WORKBOOK, call.body, MEDIA_TYPE)
    return replies.record(
        receiving.receive_by_hand(call.house, call.reader, name, answered, original, request=call.request)
    )
