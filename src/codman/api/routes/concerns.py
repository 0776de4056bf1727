"""Concerns: somebody says that something is wrong; who has it, what is done about it, how it closes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from pydantic import BaseModel

from codman.api import replies
from codman.api.call import Call
from codman.api.openapi import Patch
from codman.api.operation import JSON, MERGE_PATCH, Answer, Body, Operation
from codman.api.replies import Reply
from codman.api.routes.concern_bodies import (
    ActionDone,
    ClockStep,
    ConcernExportQuestion,
    Finding,
    KnownByNow,
    NewAction,
    NewConcern,
    PauseStep,
    ReportStep,
)
from codman.api.routes.lists import listing
from codman.flows.concerns import actions, export, following, reading
from codman.flows.concerns.raising import Said, place_within, raise_concern
from codman.spine.concern import (
    Concern,
    CorrectiveAction,
    Pause,
)

_WHERE: Final = {"id": "The concern's id"}


def operations() -> Iterator[Operation]:
    """What can be done with concerns."""
    yield listing(
        "/concerns",
        "List concerns",
        "Those about uses and sites within the reader's reach, a page at a time.",
        reading.list_concerns,
        tag="concerns",
        action=reading.READ,
        of=Concern,
        filters=reading.FILTERS,
        orders=reading.ORDERS,
        first="-raised_at",
    )
    yield Operation(
        method="POST",
        path="/concerns",
        name="create_concern",
        tag="concerns",
        action="concern.create",
        summary="Say that something is wrong",
        description="It reaches a clinician by the time in `see_by`. The words stand in the record alone, where they "
        "can be erased; a statement with their salted hash is filed. A poster's code on a ward needs no token.",
        do=_raise,
        body=Body(NewConcern, "What is wrong, how bad it is, and where"),
        problems=(404, 409),
        once=True,
        answers=(Answer(201, "It is on its way to a clinician", Concern, headers=("ETag", "Location")),),
    )
    yield Operation(
        method="GET",
        path="/concerns/export",
        name="export_concerns",
        tag="concerns",
        action=export.EXPORT,
        summary="Blinded counts of concerns",
        description="By quarter, category and severity, for others to learn from (RUAIH element 5): no site, person, "
        "product, use, words or day; small counts are not told, and only quarters that are over.",
        do=_export,
        query=ConcernExportQuestion,
        answers=(
            Answer(
                200,
                "The counts",
                {"type": "object"},
                JSON,
                headers=("Content-Disposition",),
                others={"text/csv": {"type": "string"}},
            ),
        ),
    )
    yield Operation(
        method="GET",
        path="/concerns/{id}",
        name="get_concern",
        tag="concerns",
        action=reading.READ,
        summary="Read a concern",
        description="With its actions, whom it reached, and what keeps it from being closed.",
        do=_read,
        parameters=_WHERE,
        answers=(Answer(200, "The concern", reading.ConcernRead, headers=("ETag",)),),
    )
    yield Operation(
        method="PATCH",
        path="/concerns/{id}",
        name="change_concern",
        tag="concerns",
        action=reading.READ,
        summary="Put down what is known by now",
        description="How bad it was, what it is about, its number in the hospital's event system. Needs "
        "`concern.change`, or to be its clinician or the use's owner. Serious harm starts the clock of a duty to "
        "report.",
        do=_amend,
        parameters=_WHERE,
        body=Body(Patch(KnownByNow), "What changes", (MERGE_PATCH, JSON)),
        problems=(409,),
        edits=True,
        answers=(Answer(200, "The concern as it is now", Concern, headers=("ETag",)),),
    )
    yield from _steps()


def _steps() -> Iterator[Operation]:
    yield Operation(
        method="POST",
        path="/concerns/{id}/acknowledgement",
        name="acknowledge_concern",
        tag="concerns",
        action=reading.READ,
        summary="Say that one has it",
        description="The first who says so stands; reminders end. Needs `concern.change`, or to be its clinician or "
        "the use's owner.",
        do=lambda call: replies.record(
            following.acknowledge(call.house, call.reader, call.id("concern"), request=call.request)
        ),
        parameters=_WHERE,
        problems=(409,),
        answers=(Answer(200, "It is in hand", Concern, headers=("ETag",)),),
    )
    for step in _STEPS:
        yield Operation(
            method="POST",
            path=f"/concerns/{{id}}/{step.word}",
            name=step.name,
            tag="concerns",
            action=step.action,
            summary=step.summary,
            description=step.description,
            do=step.do,
            parameters=_WHERE,
            body=Body(step.body, step.summary),
            problems=(409,),
            edits=True,
            answers=(Answer(200, "It stands", Concern, headers=("ETag",)),),
        )
    yield Operation(
        method="POST",
        path="/concerns/{id}/actions",
        name="add_corrective_action",
        tag="concerns",
        action=reading.READ,
        summary="Give somebody an action",
        description="Corrective or preventive; its owner is told, and reminded as the day comes. Needs "
        "`concern.change`, or to be its clinician or the use's owner.",
        do=_give,
        parameters=_WHERE,
        body=Body(NewAction, "What is to be done, by whom, by when"),
        problems=(409,),
        answers=(Answer(200, "It is given", CorrectiveAction, headers=("ETag",)),),
    )
    yield Operation(
        method="POST",
        path="/actions/{id}/completion",
        name="finish_corrective_action",
        tag="concerns",
        action="action.change",
        summary="Say that an action is done",
        description="By its owner, or who may change concerns there.",
        do=_finish,
        parameters={"id": "The action's id"},
        body=Body(ActionDone, "What it did, and how that was checked"),
        problems=(409,),
        edits=True,
        answers=(Answer(200, "It is done", CorrectiveAction, headers=("ETag",)),),
    )


def _raise(call: Call) -> Reply:
    new = call.fields(NewConcern)
    said = Said.model_validate(new.model_dump(include=set(Said.model_fields)))
    raised = raise_concern(
        call.house,
        said,
        place_within(call.house, call.reader, new.use, new.site),
        reader=call.reader,
        named=new.named,
        once=call.once(),
        request=call.request,
    )
    return replies.record(raised.concern, status=201, location=f"/api/v1/concerns/{raised.concern.id}")


def _export(call: Call) -> Reply:
    found = export.cells(call.house, call.reader)
    kind = call.query.format
    headers = {"Content-Disposition": f'attachment; filename="concerns-by-quarter.{kind}"'}
    if kind == "csv":
        return Reply(body=export.as_csv(found), media_type="text/csv", headers=headers)
    return Reply(body=export.as_json(found), headers=headers)


def _read(call: Call) -> Reply:
    found = reading.read_concern(call.house, call.reader, call.id("concern"))
    return replies.plain(found, headers={"ETag": replies.revision_tag(found.concern.revision)})


def _amend(call: Call) -> Reply:
    return replies.record(
        following.amend(
            call.house,
            call.reader,
            call.id("concern"),
            call.patch(KnownByNow),
            call.revision(),
            why=call.reason(),
            request=call.request,
        )
    )


def _pause(call: Call) -> Reply:
    step, name, revision = call.fields(PauseStep), call.id("concern"), call.revision()
    reason = step.reason or ""
    if step.pause is Pause.PROPOSED:
        done = following.propose_pause(call.house, call.reader, name, revision, request=call.request)
    elif step.pause is Pause.TAKEN:
        done = following.take_pause(call.house, call.reader, name, revision, reason, request=call.request)
    else:
        done = following.decline_pause(call.house, call.reader, name, revision, reason, request=call.request)
    return replies.record(done)


def _clock(call: Call) -> Reply:
    step = call.fields(ClockStep)
    return replies.record(
        following.set_clock(
            call.house,
            call.reader,
            call.id("concern"),
            call.revision(),
            step.rule,
            step.why,
            aware_on=step.aware_on,
            request=call.request,
        )
    )


def _report(call: Call) -> Reply:
    on = call.fields(ReportStep).on
    return replies.record(
        following.meet_clock(
            call.house,
            call.reader,
            call.id("concern"),
            call.revision(),
            on,
            why=call.reason(),
            request=call.request,
        )
    )


def _close(call: Call) -> Reply:
    finding = call.fields(Finding).finding
    return replies.record(
        actions.close(call.house, call.reader, call.id("concern"), call.revision(), finding, request=call.request)
    )


def _give(call: Call) -> Reply:
    new = call.fields(NewAction)
    return replies.record(
        actions.add_action(
            call.house,
            call.reader,
            call.id("concern"),
            new.kind,
            new.sentence,
            new.owner,
            new.due_on,
            request=call.request,
        )
    )


def _finish(call: Call) -> Reply:
    result = call.fields(ActionDone).result
    return replies.record(
        actions.finish_action(
            call.house, call.reader, call.id("corrective_action"), call.revision(), result, request=call.request
        )
    )


class _Step(NamedTuple):
    """One thing people do with a concern."""

    word: str
    name: str
    action: str
    summary: str
    description: str
    body: type[BaseModel]
    do: Callable[[Call], Reply]


_STEPS: Final = (
    _Step(
        "pause",
        "pause_for_concern",
        reading.READ,
        "Propose, take or decline a pause of the use",
        "Taking it pauses the use everywhere it runs and needs `use.pause`; declining it needs `concern.change`.",
        PauseStep,
        _pause,
    ),
    _Step(
        "clock",
        "set_concern_clock",
        reading.CHANGE,
        "Say which duty to report runs",
        "The rules are dated data with their source; its last day counts work days from when the facility became "
        "aware.",
        ClockStep,
        _clock,
    ),
    _Step(
        "report",
        "meet_concern_clock",
        reading.CHANGE,
        "Put down that the report went out",
        "The clock stops on that day.",
        ReportStep,
        _report,
    ),
    _Step(
        "closing",
        "close_concern",
        reading.CHANGE,
        "Close a concern",
        "With a finding; nothing about it may be open, and nobody closes what they built or answer for.",
        Finding,
        _close,
    ),
)
