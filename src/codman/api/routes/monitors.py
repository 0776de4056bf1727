"""Monitoring: a use's plan, the windows that were looked at, what was seen, and what people do about it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Annotated, Any, Final

from pydantic import BaseModel, Field

from codman.api import replies
from codman.api.call import Call
from codman.api.operation import Answer, Body, Operation
from codman.api.replies import Reply
from codman.api.routes.lists import CONFIG, asked, filters_of, list_of, order_of
from codman.flows.watch import incidents, keeping, rolling_back
from codman.flows.watch.incidents import IncidentRead
from codman.flows.watch.planning import Planned
from codman.registry.records import Page
from codman.spine.record import Day, Id, Line, Prose
from codman.spine.statement import Instant
from codman.spine.watching import Incident, Look, Monitor, Signal, WatchStep

_ORDERS: Final = ("created_at", "updated_at")


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


class Because(BaseModel):
    """Why."""

    model_config = CONFIG

    why: Prose


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
    unattended: bool = Field(default=False, description="It lets it happen before a person confirms it")


def operations() -> Iterator[Operation]:
    """What can be done about monitoring."""
    yield from _monitors()
    yield _listing(
        "/looks", "list_looks", "List windows that were looked at",
        "Each window of a plan once: what was filed of it, and what each requirement came to.",
        incidents.list_looks, incidents.LOOK_FILTERS, Look, "monitor.read",
    )  # fmt: skip
    yield _listing(
        "/signals", "list_signals", "List signals",
        "What was seen that a person may have to act on: a requirement not met, drift, missing events or outcomes.",
        incidents.list_signals, incidents.SIGNAL_FILTERS, Signal, "monitor.read",
    )  # fmt: skip
    yield from _incidents()
    yield from _steps()


def _monitors() -> Iterator[Operation]:
    yield _listing(
        "/monitors", "list_monitors", "List monitors",
        "Monitoring plans of uses: planned, active or stopped.",
        keeping.list_monitors, keeping.MONITOR_FILTERS, Monitor, "monitor.read",
    )  # fmt: skip
    yield Operation(
        method="POST",
        path="/monitors",
        name="create_monitor",
        tag="monitoring",
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
        tag="monitoring",
        action="monitor.read",
        summary="Read a monitor",
        description="With its plan, word for word.",
        do=lambda call: replies.record(keeping.read_monitor(call.house, call.reader, call.id("monitor"))),
        parameters={"id": "The monitor's id"},
        answers=(Answer(200, "The monitor", Monitor, headers=("ETag",)),),
    )
    yield Operation(
        method="POST",
        path="/monitors/{id}/stop",
        name="stop_monitor",
        tag="monitoring",
        action="monitor.change",
        summary="Follow a plan no more, and say why",
        description="A use that reaches patients without a monitor is shown as unwatched.",
        do=_stop,
        parameters={"id": "The monitor's id"},
        body=Body(Because, "Why"),
        edits=True,
        problems=(409,),
        answers=(Answer(200, "It is stopped", Monitor, headers=("ETag",)),),
    )
    yield Operation(
        method="POST",
        path="/monitors/{id}/rollback-permission",
        name="allow_rollback",
        tag="monitoring",
        action="monitor.allow",
        summary="Put down that a decision lets the use go back to an earlier version",
        description="By who presides and has no hand in the use; the plan must name the action roll-back.",
        do=_allow,
        parameters={"id": "The monitor's id"},
        body=Body(Permission, "The decision"),
        edits=True,
        problems=(409,),
        answers=(Answer(200, "It is put down", Monitor, headers=("ETag",)),),
    )


def _incidents() -> Iterator[Operation]:
    yield _listing(
        "/incidents", "list_incidents", "List monitoring incidents",
        "Signals that belong together, on somebody's desk.",
        incidents.list_incidents, incidents.INCIDENT_FILTERS, Incident, "incident.read",
    )  # fmt: skip
    yield Operation(
        method="GET",
        path="/incidents/{id}",
        name="get_incident",
        tag="monitoring",
        action="incident.read",
        summary="Read an incident",
        description="With its signals, its history, and what was done about it.",
        do=lambda call: replies.plain(incidents.read_incident(call.house, call.reader, call.id("incident"))),
        parameters={"id": "The incident's id"},
        answers=(Answer(200, "The incident", IncidentRead),),
    )
    for word, name, summary, body, do in (
        ("acknowledgement", "acknowledge_incident", "Take an incident", None, _acknowledge),
        ("snooze", "snooze_incident", "Put an incident off, and say why", Body(Snooze, "Until when, and why"), _snooze),
        ("escalation", "escalate_incident", "Hand an incident up, and say why", Body(Because, "Why"), _escalate),
        ("resolution", "resolve_incident", "Say what was found", Body(Found, "What was found"), _resolve),
        ("reopening", "reopen_incident", "Reopen an incident, and say why", Body(Because, "Why"), _reopen),
    ):
        yield Operation(
            method="POST",
            path=f"/incidents/{{id}}/{word}",
            name=name,
            tag="monitoring",
            action=incidents.CHANGE,
            summary=summary,
            description="By who has it, its owner, who answers for the use, or who presides.",
            do=do,
            parameters={"id": "The incident's id"},
            body=body,
            edits=True,
            problems=(409,),
            answers=(Answer(200, "It is done", Incident, headers=("ETag",)),),
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
        yield Operation(
            method="POST",
            path=f"/watch-steps/{{id}}/{word}",
            name=name,
            tag="monitoring",
            action=rolling_back.CONFIRM,
            summary=summary,
            description=description,
            do=_settling(do),
            parameters={"id": "The step's id, as its incident names it"},
            body=Body(Because, "Why"),
            edits=True,
            problems=(409,),
            answers=(Answer(200, "It is settled", WatchStep, headers=("ETag",)),),
        )
    yield Operation(
        method="POST",
        path="/watch-steps/{id}/acknowledgement",
        name="acknowledge_step",
        tag="monitoring",
        action="incident.change",
        summary="Say that one knows of a rollback",
        description="By who was told of it.",
        do=lambda call: replies.record(
            rolling_back.acknowledge_step(call.house, call.reader, call.id("watch_step"), request=call.request)
        ),
        parameters={"id": "The step's id, as its incident names it"},
        answers=(Answer(200, "It is put down", WatchStep, headers=("ETag",)),),
    )


def _settling(do: Callable[..., WatchStep]) -> Callable[[Call], Reply]:
    def settle(call: Call) -> Reply:
        why = call.fields(Because).why
        name, revision = call.id("watch_step"), call.revision()
        return replies.record(do(call.house, call.reader, name, revision, why, request=call.request))

    return settle


def _listing(
    path: str,
    name: str,
    summary: str,
    description: str,
    find: Callable[..., Page[Any]],
    filters: tuple[str, ...],
    model: type[BaseModel],
    action: str,
) -> Operation:
    def do(call: Call) -> Reply:
        order, descending = order_of(call.query)
        page = find(
            call.house,
            call.reader,
            where=filters_of(call.query, filters),
            order=order,
            descending=descending,
            limit=call.query.limit,
            cursor=call.query.cursor,
        )
        return replies.listed(page.items, page.next)

    return Operation(
        method="GET",
        path=path,
        name=name,
        tag="monitoring",
        action=action,
        summary=summary,
        description=description,
        do=do,
        query=asked(f"{model.__name__}Question", filters=filters, orders=_ORDERS, words=False, first="-created_at"),
        answers=(Answer(200, "A page of them", list_of(model, f"{model.__name__}List")),),
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
        request=call.request,
        once=call.once(),
    )
    return replies.record(made, status=201, location=f"/api/v1/monitors/{made.id}")


def _stop(call: Call) -> Reply:
    why, name = call.fields(Because).why, call.id("monitor")
    return replies.record(
        keeping.stop_monitor(call.house, call.reader, name, call.revision(), why, request=call.request)
    )


def _allow(call: Call) -> Reply:
    said, name = call.fields(Permission), call.id("monitor")
    return replies.record(
        keeping.allow_rollback(
            call.house, call.reader, name, call.revision(), said.case, said.why, unattended=said.unattended,
            request=call.request,
        )
    )  # fmt: skip


def _acknowledge(call: Call) -> Reply:
    name = call.id("incident")
    return replies.record(incidents.acknowledge(call.house, call.reader, name, call.revision(), request=call.request))


def _snooze(call: Call) -> Reply:
    said, name = call.fields(Snooze), call.id("incident")
    done = incidents.snooze(call.house, call.reader, name, call.revision(), said.until, said.why, request=call.request)
    return replies.record(done)


def _escalate(call: Call) -> Reply:
    why, name = call.fields(Because).why, call.id("incident")
    return replies.record(incidents.escalate(call.house, call.reader, name, call.revision(), why, request=call.request))


def _resolve(call: Call) -> Reply:
    finding, name = call.fields(Found).finding, call.id("incident")
    return replies.record(
        incidents.resolve(call.house, call.reader, name, call.revision(), finding, request=call.request)
    )


def _reopen(call: Call) -> Reply:
    why, name = call.fields(Because).why, call.id("incident")
    return replies.record(incidents.reopen(call.house, call.reader, name, call.revision(), why, request=call.request))
