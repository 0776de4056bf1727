"""The status page: queue, lag, messages that were given up, jobs by the clock, the server itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from codman.flows.operations.upkeep import Upkeep
from codman.flows.outbox import Standing
from codman.jobs.outbox import Parked
from codman.jobs.schedule import JobState
from codman.web.render import moment
from codman.web.views.marks import Tag

WAYS: Final[Mapping[str, str]] = {
    "mail": "mail",
    "webhook": "webhook",
    "servicenow": "ServiceNow",
    "jira": "Jira",
    "mlflow": "MLflow",
}
_JOBS: Final[Mapping[str, str]] = {
    "digest": "Mail people what waits for them",
    "overdue": "Tell other systems what is overdue",
    "reports": "Look for reports that are due, late or missing",
    "concerns": "Look for concerns that nobody has seen",
    "change-control": "Look at what changed, and at conditions and decisions that end",
    "triage": "Raise the tier of what answers made riskier",
    "forget-sent": "Blank what was sent long ago",
    "monitoring": "Measure what monitors watch",
    "incidents": "Pass on monitoring incidents that nobody took in hand",
}
_LATE_S: Final = 15 * 60  # the outbox is looked through every few seconds
_MINUTE_S: Final = 60
_OLD_BACKUP: Final = timedelta(days=2)  # one a day, and one that failed
_TIGHT: Final = 4  # times what the server needs to be ready


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """One number of the page, and what it means."""

    term: str
    value: str
    detail: str = ""
    href: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ParkedLine:
    """A message that was given up."""

    id: str
    way: str
    to: str
    queued_at: str
    parked_at: str
    attempts: int
    trouble: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JobLine:
    """Something done by the clock."""

    id: str
    name: str
    tag: Tag
    ran_at: str | None
    slot: str
    lag: str
    trouble: str
    failed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusView:
    """The page."""

    sentence: str
    ways: str
    numbers: tuple[Number, ...]
    server: tuple[Number, ...]
    parked: tuple[ParkedLine, ...]
    jobs: tuple[JobLine, ...]


def status_view(now: Standing, parked: Sequence[Parked], house: Upkeep, at: datetime) -> StatusView:
    """The page.

    Args:
        now: How the outbox and the schedule stand.
        parked: The messages that were given up, the newest first.
        house: How the server stands.
        at: The time.
    """
    queue = now.queue
    told = ", ".join(WAYS.get(way, way) for way in now.ways)
    return StatusView(
        sentence=_sentence(now, house, at),
        ways=f"Set up: {told}." if told else "No way to tell anybody outside is set up; messages wait until one is.",
        numbers=(
            Number(
                term="Waiting",
                value=f"{queue.waiting:,}",
                detail=f"{queue.failing:,} tried in vain so far" if queue.failing else "",
            ),
            Number(term="Oldest waits", value=_span(queue.lag_s) if queue.waiting else "–"),
            Number(term="For a way not set up", value=f"{queue.unsendable:,}"),
            Number(term="Given up", value=f"{queue.parked:,}", href="#given-up" if queue.parked else ""),
            Number(term="Sent", value=f"{queue.sent:,}"),
        ),
        server=_server(house, at),
        parked=tuple(
            ParkedLine(
                id=one.id,
                way=WAYS.get(one.kind, one.kind),
                to=one.to,
                queued_at=one.queued_at,
                parked_at=one.parked_at,
                attempts=one.attempts,
                trouble=one.trouble,
            )
            for one in parked
        ),
        jobs=tuple(_job(one) for one in now.jobs),
    )


def _server(house: Upkeep, at: datetime) -> tuple[Number, ...]:
    backup = "never" if house.backup_at is None else f"{_span((at - house.backup_at).total_seconds())} ago"
    when = "codman backup --out FILE makes one" if house.backup_at is None else moment(house.backup_at)
    return (
        Number(term="Last backup", value=backup, detail=when),
        Number(term="Disk", value=f"{_size(house.free)} free", detail=f"of {_size(house.total)}"),
        Number(term="Audit log", value=f"{house.log_entries:,} entries", href="/audit"),
        Number(term="Codman", value=house.codman, detail=f"Python {house.python}"),
        Number(term="Database", value=house.database, detail=f"tables at step {house.step}"),
    )


def _of_the_server(house: Upkeep, at: datetime) -> Iterator[str]:
    if house.rounds_missing:
        yield f"no longer made: {', '.join(house.rounds_missing)}; restart the server"
    if house.free < _TIGHT * max(house.least_free, 1):
        yield f"only {_size(house.free)} of disk are free"
    if house.backup_at is None:
        yield "no backup was ever made"
    elif at - house.backup_at > _OLD_BACKUP:
        yield f"the last backup is {_span((at - house.backup_at).total_seconds())} old"


def _sentence(now: Standing, house: Upkeep, at: datetime) -> str:
    queue = now.queue
    failing = [one for one in now.jobs if one.attempts]
    troubles = []
    if queue.parked:
        troubles.append(f"{queue.parked:,} message{'' if queue.parked == 1 else 's'} given up")
    if queue.waiting > queue.unsendable and queue.lag_s > _LATE_S:
        troubles.append(f"the oldest message has waited {_span(queue.lag_s)}")
    if queue.unsendable:
        waiting = "message waits" if queue.unsendable == 1 else "messages wait"
        troubles.append(f"{queue.unsendable:,} {waiting} for a way that is not set up")
    if failing:
        troubles.append(f"{len(failing)} job{'' if len(failing) == 1 else 's'} failing")
    troubles += _of_the_server(house, at)
    if not troubles:
        return "Everything that was to be sent or done is."
    said = "; ".join(troubles)
    return f"{said[:1].upper()}{said[1:]}."


def _job(one: JobState) -> JobLine:
    if one.attempts:
        tag = Tag("Failed", "unmet", "×")
    elif one.due:
        tag = Tag("Due", "unsure", "?")
    else:
        tag = Tag("Done", "met", "✓")
    times = f"{one.attempts} time{'' if one.attempts == 1 else 's'}"
    return JobLine(
        id=one.job,
        name=_JOBS.get(one.job, one.job),
        tag=tag,
        ran_at=one.ran_at,
        slot=one.slot or "",
        lag=_span(one.lag_s) if one.lag_s >= _MINUTE_S else "",
        failed=bool(one.attempts),
        trouble=f"{one.trouble}, {times}; it is tried again" if one.attempts else "",
    )


def _size(count: int) -> str:
    """Bytes as people say them."""
    for shift, word in ((40, "TiB"), (30, "GiB")):
        if count >> shift >= 1:
            return f"{count / (1 << shift):,.1f} {word}"
    return f"{count >> 20:,} MiB"


def _span(seconds: float) -> str:
    """A length of time as people say it, rounded down."""
    for length, word in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        if seconds >= length:
            number = int(seconds // length)
            return f"{number} {word}{'' if number == 1 else 's'}"
    return "less than a minute"
