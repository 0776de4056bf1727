"""What people do with an incident: acknowledge, snooze with a reason, escalate, resolve. A pure state machine."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from codman.errors import CodmanError
from codman.monitor.alarms.stream import WatchImpossible


class Standing(StrEnum):
    """Where an incident stands."""

    OPEN = "open"  # nobody has taken it
    ACKNOWLEDGED = "acknowledged"  # somebody has
    SNOOZED = "snoozed"  # quiet until a time, for a reason
    RESOLVED = "resolved"


class NotNow(CodmanError):
    """An incident cannot go this way from where it stands."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing that happened to an incident, and who did it."""

    at: datetime
    did: str  # "opened", "acknowledged", "snoozed", "woke", "escalated", "resolved", "reopened", "worsened"
    by: str  # a person, or "codman" where time did it
    why: str = ""
    until: datetime | None = None
    to: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ladder:
    """Who is told next when nobody answers, and how long each may take."""

    wait: timedelta = timedelta(hours=24)
    severe_wait: timedelta = timedelta(hours=1)
    rungs: tuple[str, ...] = ()  # after the owner, in order
    longest_snooze: timedelta = timedelta(days=30)
    longest_severe_snooze: timedelta = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Duty:
    """An incident on somebody's desk. Every function here gives a new one; the history only grows."""

    incident: str  # its id
    owner: str
    severe: bool
    standing: Standing
    holder: str  # who is expected to answer: the owner, or the rung it was escalated to
    rung: int  # how often it was escalated
    due: datetime | None  # by when somebody must answer, or when a snooze ends; None: nothing is due
    history: tuple[Step, ...]

    def written(self) -> dict[str, Any]:
        """As plain JSON types."""
        return {
            "incident": self.incident, "owner": self.owner, "severe": self.severe, "standing": self.standing.value,
            "holder": self.holder, "due": None if self.due is None else self.due.isoformat(),
            "history": [
                {"at": one.at.isoformat(), "did": one.did, "by": one.by}
                | ({"why": one.why} if one.why else {})
                | ({"until": one.until.isoformat()} if one.until else {})
                | ({"to": one.to} if one.to else {})
                for one in self.history
            ],
        }  # fmt: skip


def opened(incident: str, owner: str, at: datetime, ladder: Ladder, *, severe: bool = False) -> Duty:
    """A new incident, on its owner's desk.

    Raises:
        WatchImpossible: It has no owner, or the time has no zone.
    """
    if not owner:
        raise WatchImpossible(what="an incident has no owner", why="nobody would answer", fix="name one for the stream")
    _zoned(at)
    return Duty(
        incident=incident, owner=owner, severe=severe, standing=Standing.OPEN, holder=owner, rung=0,
        due=at + _wait(ladder, severe=severe), history=(Step(at=at, did="opened", by="codman"),),
    )  # fmt: skip


def acknowledge(duty: Duty, by: str, at: datetime) -> Duty:
    """Somebody takes it: it is no longer escalated.

    Raises:
        NotNow: It is resolved, or the person has it already.
    """
    if duty.standing is Standing.RESOLVED or (duty.standing is Standing.ACKNOWLEDGED and duty.holder == by):
        raise _not(duty, "acknowledged", "it is already taken or done")
    return _then(duty, Step(at=at, did="acknowledged", by=by), standing=Standing.ACKNOWLEDGED, holder=by, due=None)


def snooze(duty: Duty, by: str, at: datetime, until: datetime, why: str, ladder: Ladder) -> Duty:
    """Quiet until a time, for a reason that stays on record.

    Raises:
        NotNow: It is resolved.
        WatchImpossible: No reason, an end that is not later, or one further off than the ladder allows.
    """
    if duty.standing is Standing.RESOLVED:
        raise _not(duty, "snoozed", "it is resolved")
    _zoned(until)
    longest = ladder.longest_severe_snooze if duty.severe else ladder.longest_snooze
    if not why.strip():
        raise WatchImpossible(what="a snooze needs a reason", why="others will ask", fix="say why it can wait")
    if not at < until <= at + longest:
        raise WatchImpossible(
            what="this snooze cannot be", why=f"it must end after now and within {longest}", fix="choose another end"
        )
    step = Step(at=at, did="snoozed", by=by, why=why.strip(), until=until)
    return _then(duty, step, standing=Standing.SNOOZED, due=until)


def resolve(duty: Duty, by: str, at: datetime, why: str) -> Duty:
    """Done, with what was found.

    Raises:
        NotNow: It is resolved already.
        WatchImpossible: Nothing is said.
    """
    if duty.standing is Standing.RESOLVED:
        raise _not(duty, "resolved", "it is already")
    if not why.strip():
        raise WatchImpossible(what="nothing is said of what was found", why="others will learn from it", fix="say it")
    return _then(duty, Step(at=at, did="resolved", by=by, why=why.strip()), standing=Standing.RESOLVED, due=None)


def reopen(duty: Duty, by: str, at: datetime, why: str, ladder: Ladder) -> Duty:
    """Back on the owner's desk.

    Raises:
        NotNow: It is not resolved.
        WatchImpossible: No reason is given.
    """
    if duty.standing is not Standing.RESOLVED:
        raise _not(duty, "reopened", "it is not resolved")
    if not why.strip():
        raise WatchImpossible(what="reopening needs a reason", why="it had been closed with one", fix="say why")
    step = Step(at=at, did="reopened", by=by, why=why.strip())
    return _then(
        duty, step, standing=Standing.OPEN, holder=duty.owner, rung=0, due=at + _wait(ladder, severe=duty.severe)
    )


def worsened(duty: Duty, at: datetime, why: str, ladder: Ladder, *, severe: bool) -> Duty:
    """More alarms have joined it: a snooze ends, and what was resolved opens again. An acknowledged one stays so."""
    now_severe = duty.severe or severe
    step = Step(at=at, did="worsened", by="codman", why=why)
    if duty.standing is Standing.ACKNOWLEDGED and now_severe == duty.severe:
        return _then(duty, step)
    return _then(
        duty, step, severe=now_severe, standing=Standing.OPEN, due=at + _wait(ladder, severe=now_severe)
    )  # fmt: skip


def passed(duty: Duty, now: datetime, ladder: Ladder) -> Duty:
    """What time alone does by `now`: a snooze that ends, a rung that nobody answered on. As often as is due."""
    _zoned(now)
    while duty.due is not None and duty.due <= now:
        at = duty.due
        if duty.standing is Standing.SNOOZED:
            step = Step(at=at, did="woke", by="codman")
            duty = _then(duty, step, standing=Standing.OPEN, due=at + _wait(ladder, severe=duty.severe))
        elif duty.rung < len(ladder.rungs):
            duty = escalate(duty, "codman", at, "nobody answered in time", ladder)
        else:
            duty = replace(duty, due=None)  # the ladder ends here
    return duty


def escalate(duty: Duty, by: str, at: datetime, why: str, ladder: Ladder) -> Duty:
    """On to the next rung, by a person or by time.

    Raises:
        NotNow: It is resolved, or there is no further rung.
    """
    if duty.standing is Standing.RESOLVED or duty.rung >= len(ladder.rungs):
        raise _not(duty, "escalated", "it is resolved, or there is nobody further up")
    to = ladder.rungs[duty.rung]
    return _then(
        duty, Step(at=at, did="escalated", by=by, why=why, to=to), standing=Standing.OPEN, holder=to,
        rung=duty.rung + 1, due=at + _wait(ladder, severe=duty.severe),
    )  # fmt: skip


def _then(duty: Duty, step: Step, **changed: Any) -> Duty:
    _zoned(step.at)
    if step.at < duty.history[-1].at:
        raise _not(duty, step.did, "something has happened to it since")
    return replace(duty, history=(*duty.history, step), **changed)


def _wait(ladder: Ladder, *, severe: bool) -> timedelta:
    return ladder.severe_wait if severe else ladder.wait


def _zoned(at: datetime) -> None:
    if at.tzinfo is None:
        raise WatchImpossible(what="a time has no zone", why="two clocks would disagree", fix="give it with its zone")


def _not(duty: Duty, what: str, why: str) -> NotNow:
    return NotNow(
        what=f"the incident cannot be {what}", why=f"it is {duty.standing.value}: {why}", fix="look at it anew"
    )
