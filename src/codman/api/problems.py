"""Problems: every error as RFC 9457 problem details, with what happened, why, and what to do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from codman.api.call import BadRequest, Invalid, NotTheSame, PreconditionNeeded, WrongMediaType
from codman.api.replies import Reply, plain, revision_tag
from codman.errors import BadInput, CodmanError, MissingExtra, NotProven, Undecided, Unreachable
from codman.evidence.canonical import NotJson
from codman.evidence.store import EvidenceTampered, NotInStore
from codman.flows.concerns.actions import CannotClose
from codman.flows.concerns.following import ConcernClosed, NothingToPause
from codman.flows.events.refusals import EventReused
from codman.flows.filing import TooLarge
from codman.flows.intake import IntakeClosed
from codman.flows.intake_submit import IntakeIncomplete
from codman.flows.packs import NoSuchPolicy
from codman.flows.records import BadListing
from codman.flows.reporting.refusals import NotAwaited, PeriodRuns
from codman.flows.reporting.schedules import ScheduleEnded
from codman.flows.review.cases import CaseClosed
from codman.flows.review.conditions import ConditionClosed
from codman.flows.review.deciding import CannotDecide
from codman.flows.review.excluding import ExclusionSettled, MustApply
from codman.flows.review.pausing import ProposalSettled
from codman.flows.review.staging import CannotMove
from codman.flows.triage import NothingAsked, NotTriaged
from codman.flows.watch.keeping import MonitorStopped
from codman.flows.watch.refusals import NoRetraining, OtherwisePlanned
from codman.flows.watch.rolling_back import StepSettled
from codman.monitor.alarms.duty import NotNow
from codman.registry.access import NotAllowed, NotSignedIn
from codman.registry.database import NotRecorded
from codman.registry.inventory import BadFilter
from codman.registry.log import NoSuchEntry
from codman.registry.records import AlreadyThere, BadField, NoSuchRecord, Stale
from codman.registry.requests import KeyReused
from codman.review.packs.framework import NoSuchFramework
from codman.tables.events.away import EventsCrowded, EventsDamaged

MEDIA_TYPE: Final = "application/problem+json"
ROOT: Final = "https://codman.dev/problems/"
RETRY_SECONDS: Final = 2


class FieldError(BaseModel):
    """One fault, and where it is."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    pointer: str = Field(description="JSON pointer into the body, or /query/NAME, /header/NAME")
    detail: str = Field(description="Why it cannot be used")


class Problem(BaseModel):
    """What went wrong, by RFC 9457."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    type: str = Field(description="A URL that names the kind of problem and never changes")
    title: str = Field(description="What happened, in one clause")
    status: Annotated[int, Field(ge=400, le=599, description="The HTTP status")]
    detail: str = Field(description="Why")
    fix: str = Field(description="What to do next")
    instance: str | None = Field(default=None, description="The request, as the server's log names it")
    errors: list[FieldError] = Field(default_factory=list, description="Each fault with its place")
    revision: int | None = Field(default=None, description="Of a stale edit: the revision that is there now")


class Sort(NamedTuple):
    """A kind of problem: its name in the type URL and its status."""

    name: str
    status: int


# the most particular first: an error is of the first kind it is an instance of
_SORTS: Final[Mapping[type[CodmanError], Sort]] = {
    NotSignedIn: Sort("not-signed-in", 401),
    NotAllowed: Sort("not-allowed", 403),
    NoSuchRecord: Sort("not-found", 404),
    NotInStore: Sort("not-found", 404),
    NoSuchPolicy: Sort("not-found", 404),
    NoSuchFramework: Sort("not-found", 404),
    NoSuchEntry: Sort("no-such-entry", 422),
    AlreadyThere: Sort("already-there", 409),
    CaseClosed: Sort("case-closed", 409),
    ConditionClosed: Sort("condition-closed", 409),
    CannotDecide: Sort("cannot-decide", 409),
    CannotMove: Sort("cannot-move", 409),
    NotNow: Sort("not-now", 409),
    MonitorStopped: Sort("monitor-stopped", 409),
    StepSettled: Sort("step-settled", 409),
    NoRetraining: Sort("no-retraining", 409),
    OtherwisePlanned: Sort("otherwise-planned", 409),
    ProposalSettled: Sort("proposal-settled", 409),
    ConcernClosed: Sort("concern-closed", 409),
    CannotClose: Sort("cannot-close", 409),
    NothingToPause: Sort("nothing-to-pause", 409),
    NotAwaited: Sort("not-awaited", 409),
    PeriodRuns: Sort("period-runs", 409),
    ScheduleEnded: Sort("schedule-ended", 409),
    IntakeClosed: Sort("intake-closed", 409),
    ExclusionSettled: Sort("exclusion-settled", 409),
    MustApply: Sort("must-apply", 409),
    NothingAsked: Sort("nothing-asked", 409),
    NotTriaged: Sort("not-triaged", 409),
    KeyReused: Sort("key-reused", 409),
    EventReused: Sort("event-reused", 409),
    Stale: Sort("stale", 412),
    NotTheSame: Sort("stale", 412),
    TooLarge: Sort("too-large", 413),
    WrongMediaType: Sort("wrong-media-type", 415),
    PreconditionNeeded: Sort("precondition-needed", 428),
    BadRequest: Sort("bad-request", 400),
    NotJson: Sort("not-json", 400),
    Invalid: Sort("invalid", 422),
    IntakeIncomplete: Sort("intake-incomplete", 422),
    BadField: Sort("invalid", 422),
    BadListing: Sort("invalid", 422),
    BadFilter: Sort("invalid", 422),
    NotRecorded: Sort("not-recorded", 503),
    EvidenceTampered: Sort("evidence-tampered", 500),
    EventsDamaged: Sort("events-damaged", 500),
    EventsCrowded: Sort("busy", 429),
    Unreachable: Sort("unavailable", 503),
    MissingExtra: Sort("not-installed", 501),
    BadInput: Sort("refused", 422),
    NotProven: Sort("not-proven", 422),
    Undecided: Sort("undecided", 422),
    CodmanError: Sort("refused", 422),
}


def problem_of(error: CodmanError) -> Problem:
    """An error as a problem."""
    sort = next(sort for kind, sort in _SORTS.items() if isinstance(error, kind))
    return Problem(
        type=ROOT + sort.name,
        title=error.what,
        status=sort.status,
        detail=error.why,
        fix=error.fix,
        errors=[FieldError(**fault) for fault in _faults(error)],
        revision=error.current if isinstance(error, Stale) else None,
    )


def reply_of(error: CodmanError, instance: str | None) -> Reply:
    """An error as a reply."""
    problem = problem_of(error).model_copy(update={"instance": instance})
    headers = {}
    if problem.status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="codman"'
    if problem.status in (429, 503):
        headers["Retry-After"] = str(RETRY_SECONDS)
    if problem.revision is not None:
        headers["ETag"] = revision_tag(problem.revision)
    return _reply(problem, headers)


def reply_with(
    name: str,
    status: int,
    *,
    what: str,
    why: str,
    fix: str,
    instance: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> Reply:
    """A problem that is no error of ours: no such path, too many requests."""
    problem = Problem(type=ROOT + name, title=what, status=status, detail=why, fix=fix, instance=instance)
    return _reply(problem, headers or {})


def _reply(problem: Problem, headers: Mapping[str, str]) -> Reply:
    body = plain(problem.model_dump(exclude_none=True)).body
    return Reply(status=problem.status, body=body, media_type=MEDIA_TYPE, headers=headers)


def _faults(error: CodmanError) -> list[dict[str, Any]]:
    if isinstance(error, Invalid):
        return error.errors
    if isinstance(error, IntakeIncomplete):
        return [{"pointer": f"/answers/{fault.question}", "detail": fault.message} for fault in error.faults]
    if isinstance(error, BadListing):
        return [{"pointer": f"/query/{error.field}", "detail": error.why}]
    if isinstance(error, BadFilter):
        return [{"pointer": f"/query/{error.field}", "detail": error.why}]
    if isinstance(error, BadField):
        query = error.field in ("cursor", "order")
        return [{"pointer": ("/query/" if query else "/") + error.field.replace(".", "/"), "detail": error.why}]
    return []
