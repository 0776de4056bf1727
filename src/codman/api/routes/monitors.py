"""Monitoring: a use's plan, the windows that were looked at, what was seen, and what people do about it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Final

from pydantic import BaseModel, Field, StrictBool

from codman.api import replies
from codman.api.call import Call
from codman.api.operation import Answer, Body, Operation
from codman.api.replies import Reply
from codman.api.routes.edits import Because, edit
from codman.api.routes.lists import CONFIG, listing
from codman.flows.watch import incidents, keeping, rolling_back
from codman.flows.watch.incidents import IncidentRead
from codman.flows.watch.planning import Planned
from codman.spine.record import Day, Id, Line, Prose
from codman.spine.statement import Instant
from codman.spine.watching import Incident, Look, Monitor, Signal, WatchStep

_TAG: Final = "monitoring"
_STEP: Final = "The step's id, as its incident names it"


class NewMonitor(BaseModel):
    """A use's monitoring plan: as somebody edited it, or the one that follows from its policy."""

    model_config = CONFIG

    use: Id
    plan: Annotated[str, Field(min_length=1, max_length=1024 * 1024)] | None = Field(
        default=None, description="The plan, YAML; without it, the one that follows from the use's policy"
    )
    owner: Id | None = Field(default=None, description="Who hears of what it sees; whom the plan names without")
    label_delay_days: Annotated[int, Field(ge=0, le=3650)] = Field(
        default=0, description="Days from a prediction to its known outcome, where no plan is given"
    )
    partner: Line | None = Field(default=None, description="Who computes what the policy wants from outside the house")
    starts_on: Day | None = Field(default=None, description="The first day that is watched, where no plan is given")
    why: Prose | None = Field(default=None, description="Why the plan asks less than the use's policy, where it does")


class Snooze(BaseModel):
    """Quiet until a time, for a reason."""

    model_config = CONFIG

    until: Instant
    why: Prose


class Found(BaseModel):
    """What was found."""

    model_config = CONFIG

    finding: Prose


class Permission(BaseModel):
    """The decision that lets a use go back to an earlier version."""

    model_config = CONFIG

    case: Id
    why: Prose = Field(description="Where the decision says so")
    unattended: StrictBool = Field(default=False, description="It lets it happen before a person confirms it")


def operations() -> Iterator[Operation]:
    """What can be done about monitoring."""
    yield from _monitors()
    yield listing(
        "/looks",
        "List windows that were looked at",
        "Each window of a plan once: what was filed of it, and what each requirement came to.",
        incidents.list_looks,
        tag=_TAG,
        action="monitor.read",
        of=Look,
        filters=incidents.LOOK_FILTERS,
    )
    yield listing(
        "/signals",
        "List signals",
        "What was seen that a person may have to act on: a requirement not met, drift, missing events or outcomes.",
        incidents.list_signals,
        tag=_TAG,
        action="monitor.read",
        of=Signal,
        filters=incidents.SIGNAL_FILTERS,
    )
    yield from _incidents()
    yield from _steps()


def _monitors() -> Iterator[Operation]:
    yield listing(
        "/monitors",
        "List monitors",
        "Monitoring plans of uses: planned, active or stopped.",
        keeping.list_monitors,
        tag=_TAG,
        action="monitor.read",
        of=Monitor,
        filters=keeping.MONITOR_FILTERS,
    )
    yield Operation(
        method="POST",
        path="/monitors",
        name="create_monitor",
        tag=_TAG,
        action="monitor.create",
        summary="Put a use's monitoring plan into the book",
        description="A new plan takes the place of the one before. It is followed once the use reaches patients.",
        do=_plan,
        body=Body(NewMonitor, "The plan"),
        problems=(404, 409),
        once=True,
        answers=(Answer(201, "It is in the book", Monitor, headers=("ETag", "Location")),),
    )
    yield Operation(
        method="GET",
        path="/monitors/{id}",
        name="get_monitor",
        tag=_TAG,
        action="monitor.read",
        summary="Read a monitor",
        description="With its plan, word for word.",
        do=lambda call: replies.record(keeping.read_monitor(call.house, call.reader, call.id("monitor"))),
        parameters={"id": "The monitor's id"},
        answers=(Answer(200, "The monitor", Monitor, headers=("ETag",)),),
    )
    yield edit(
        "/monitors/{id}/stop",
        "monitor",
        "stop_monitor",
        "Follow a plan no more, and say why",
        "A use that reaches patients without a monitor is shown as unwatched.",
        keeping.stop_monitor,
        tag=_TAG,
        action="monitor.change",
        parameter="The monitor's id",
        body=Body(Because, "Why"),
        answer=Answer(200, "It is stopped", Monitor, headers=("ETag",)),
    )
    yield edit(
        "/monitors/{id}/rollback-permission",
        "monitor",
        "allow_rollback",
        "Put down that a decision lets the use go back to an earlier version",
        "By who presides and has no hand in the use; the plan must name the action roll-back.",
        keeping.allow_rollback,
        tag=_TAG,
        action="monitor.allow",
        parameter="The monitor's id",
        body=Body(Permission, "The decision"),
        answer=Answer(200, "It is put down", Monitor, headers=("ETag",)),
    )


def _incidents() -> Iterator[Operation]:
    yield listing(
        "/incidents",
        "List monitoring incidents",
        "Signals that belong together, on somebody's desk.",
        incidents.list_incidents,
        tag=_TAG,
        action="incident.read",
        of=Incident,
        filters=incidents.INCIDENT_FILTERS,
    )
    yield Operation(
        method="GET",
        path="/incidents/{id}",
        name="get_incident",
        tag=_TAG,
        action="incident.read",
        summary="Read an incident",
        description="With its signals, its history, and what was done about it.",
        do=lambda call: replies.plain(incidents.read_incident(call.house, call.reader, call.id("incident"))),
        parameters={"id": "The incident's id"},
        answers=(Answer(200, "The incident", IncidentRead),),
    )
    for word, name, summary, body, do in (
        ("acknowledgement", "acknowledge_incident", "Take an incident", None, incidents.acknowledge),
        (
            "snooze",
            "snooze_incident",
            "Put an incident off, and say why",
            Body(Snooze, "Until when, and why"),
            incidents.snooze,
        ),
        (
            "escalation",
            "escalate_incident",
            "Hand an incident up, and say why",
            Body(Because, "Why"),
            incidents.escalate,
        ),
        ("resolution", "resolve_incident", "Say what was found", Body(Found, "What was found"), incidents.resolve),
        ("reopening", "reopen_incident", "Reopen an incident, and say why", Body(Because, "Why"), incidents.reopen),
    ):
        yield edit(
            f"/incidents/{{id}}/{word}",
            "incident",
            name,
            summary,
            "By who has it, its owner, who answers for the use, or who presides.",
            do,
            tag=_TAG,
            action=incidents.CHANGE,
            parameter="The incident's id",
            body=body,
            answer=Answer(200, "It is done", Incident, headers=("ETag",)),
        )


def _steps() -> Iterator[Operation]:
    for word, name, summary, description, do in (
        (
            "confirmation", "confirm_rollback", "Order a rollback that is proposed",
            "Only to a version that is still approved; the order goes out as a signed webhook.",
            rolling_back.confirm_rollback,
        ),
        (
            "refusal", "decline_rollback", "Stay with the version that runs, and say why",
            "The incident stays open.", rolling_back.decline_rollback,
        ),
        (
            "completion", "finish_rollback", "Say that a rollback was carried out",
            "The deployments say the earlier version from now on.", rolling_back.finish_rollback,
        ),
    ):  # fmt: skip
        yield edit(
            f"/watch-steps/{{id}}/{word}",
            "watch_step",
            name,
            summary,
            description,
            do,
            tag=_TAG,
            action=rolling_back.CONFIRM,
            parameter=_STEP,
            body=Body(Because, "Why"),
            answer=Answer(200, "It is settled", WatchStep, headers=("ETag",)),
        )
    yield Operation(
        method="POST",
        path="/watch-steps/{id}/acknowledgement",
        name="acknowledge_step",
        tag=_TAG,
        action="incident.change",
        summary="Say that one knows of a rollback",
        description="By who was told of it.",
        do=lambda call: replies.record(
            rolling_back.acknowledge_step(call.house, call.reader, call.id("watch_step"), request=call.request)
        ),
        parameters={"id": _STEP},
        answers=(Answer(200, "It is put down", WatchStep, headers=("ETag",)),),
    )


def _plan(call: Call) -> Reply:
    asked_for = call.fields(NewMonitor)
    made = keeping.plan_use(
        call.house,
        call.reader,
        asked_for.use,
        text=None if asked_for.plan is None else asked_for.plan.encode(),
        said=Planned(
            partner=asked_for.partner,
            label_delay_days=asked_for.label_delay_days,
            starts_on=asked_for.starts_on,
        ),
        owner=asked_for.owner,
        why=asked_for.why,
        request=call.request,
        once=call.once(),
    )
    return replies.record(made, status=201, location=f"/api/v1/monitors/{made.id}")
