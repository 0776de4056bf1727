"""An incident that monitoring opened: what was seen, what probably moved first, what was done, what can be done now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from codman.flows.watch.incidents import IncidentRead
from codman.spine.use import Use
from codman.spine.watching import CareVerdict, Incident, IncidentState, IncidentStep, Signal, StepTaken, WatchStep
from codman.web.render import moment
from codman.web.views.forms import Ask
from codman.web.views.marks import Fact, Tag
from codman.web.views.monitor_home import clock
from codman.web.views.monitor_marks import incident_tag, window_words

_DID: Final[Mapping[str, str]] = {
    "opened": "opened it",
    "told": "told",
    "digest": "left it to the digest of",
    "worsened": "saw more of it",
    "acknowledged": "took it",
    "snoozed": "put it off",
    "woke": "brought it back",
    "escalated": "handed it up to",
    "resolved": "resolved it",
    "reopened": "opened it again",
}
_CARE: Final[Mapping[CareVerdict, Tag]] = {
    CareVerdict.WORSENED: Tag("The model got worse", "unmet", "×"),
    CareVerdict.CARE: Tag("Care changed the outcome", "met", "✓"),
    CareVerdict.UNRESOLVED: Tag("Care or model: not resolved", "unsure", "?"),
}
_CARE_SAID: Final[Mapping[CareVerdict, str]] = {
    CareVerdict.WORSENED: "It is worse where staff never saw its scores too: no care explains that.",
    CareVerdict.CARE: "Where staff never saw its scores it is as good as it was: what it foretells is prevented.",
    CareVerdict.UNRESOLVED: (
        "It cannot be told yet whether the model got worse or care prevents what it foretells; rollback and retraining "
        "wait for that."
    ),
}
_STATES: Final[Mapping[str, Tag]] = {
    "proposed": Tag("Proposed", "unsure", "?"),
    "confirmed": Tag("Ordered", "unsure", "◐"),
    "declined": Tag("Declined", "plain", "×"),
    "done": Tag("Done", "met", "✓"),
    "failed": Tag("Failed", "unmet", "×"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """A step of an incident as a form of its own: its words, and what it asks."""

    name: str
    link: str
    title: str
    lead: str
    submit: str
    asks: tuple[Ask, ...]
    states: frozenset[IncidentState]  # in which it can be taken


_WAITS: Final = frozenset({IncidentState.OPEN, IncidentState.ACKNOWLEDGED, IncidentState.SNOOZED})
_NO_PATIENT: Final = "Name no patient."
FORMS: Final = (
    Form(
        name="snooze",
        link="Put it off until a day",
        title="Put the incident off",
        lead="It is quiet until that day and then comes back: at most 30 days, one day for a severe one.",
        submit="Put it off",
        asks=(
            Ask(name="until", label="Quiet until", kind="day", needed=True, hint="It comes back at noon, UTC."),
            Ask(name="why", label="Why it can wait", kind="prose", needed=True, hint=_NO_PATIENT),
        ),
        states=_WAITS - {IncidentState.SNOOZED},
    ),
    Form(
        name="escalate",
        link="Hand it up",
        title="Hand the incident up",
        lead="It goes to who answers for the use, then to the officers of its site. They are told.",
        submit="Hand it up",
        asks=(Ask(name="why", label="Why it goes further up", kind="prose", needed=True, hint=_NO_PATIENT),),
        states=_WAITS,
    ),
    Form(
        name="resolve",
        link="Resolve it with what was found",
        title="Resolve the incident",
        lead="What was found stands here and in the log. A pause that monitoring proposed is withdrawn.",
        submit="Resolve it",
        asks=(Ask(name="finding", label="What was found", kind="prose", needed=True, hint=_NO_PATIENT),),
        states=_WAITS,
    ),
    Form(
        name="reopen",
        link="Open it again",
        title="Open the incident again",
        lead="It stands on the owner's desk again.",
        submit="Open it again",
        asks=(Ask(name="why", label="Why it is open again", kind="prose", needed=True, hint=_NO_PATIENT),),
        states=frozenset({IncidentState.RESOLVED}),
    ),
)
WHY: Final = (Ask(name="why", label="Why", kind="prose", needed=True, hint=_NO_PATIENT),)


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """One thing that happened to it."""

    at: str
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalLine:
    """One thing that was seen."""

    sentence: str
    kind: str
    window: str
    severe: bool
    ended_at: str | None
    statement: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StepLine:
    """One action that followed, and what can be done about it."""

    id: str
    title: str
    tag: Tag
    lines: tuple[str, ...]
    links: tuple[tuple[str, str], ...]
    acknowledge: bool  # the reader was told, and has not said that they know


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentView:
    """The whole page."""

    id: str
    revision: int
    title: str
    use: str
    use_name: str
    tags: tuple[Tag, ...]
    facts: tuple[Fact, ...]
    cause: str
    care: str
    signals: tuple[SignalLine, ...]
    steps: tuple[StepLine, ...]
    history: tuple[Done, ...]
    why: str
    finding: str
    may_take: bool
    forms: tuple[tuple[str, str], ...]


def incident_view(
    read: IncidentRead,
    use: Use,
    named: Mapping[str, str],
    now: str,
    *,
    reader: str,
    theirs: bool,
    confirms: bool,
    pause: str | None,
) -> IncidentView:
    """The page of an incident.

    Args:
        read: The incident with its signals and steps.
        use: Its use.
        named: Names of people and versions by id.
        now: The moment, ISO 8601.
        reader: Who looks, by id.
        theirs: Whether they may work on it.
        confirms: Whether they may say whether it goes back.
        pause: A pause that it proposed and that waits, where the reader may say whether it happens.
    """
    one = read.incident
    mine = one.state is IncidentState.ACKNOWLEDGED and one.holder == reader
    return IncidentView(
        id=one.id,
        revision=one.revision,
        title=one.title,
        use=use.id,
        use_name=use.name,
        tags=(*incident_tag(one), *([_CARE[one.care]] if one.care else [])),
        facts=_facts(one, named, now),
        cause=one.cause or "",
        care=_CARE_SAID[one.care] if one.care else "",
        signals=tuple(_signal(signal) for signal in reversed(read.signals)),
        steps=tuple(_step(step, named, reader, confirms=confirms, pause=pause) for step in read.steps),
        history=tuple(_done(step, named) for step in reversed(one.steps)),
        why=one.why or "",
        finding=one.finding or "",
        may_take=theirs and one.state is not IncidentState.RESOLVED and not mine,
        forms=tuple(
            (f"/monitor/incidents/{one.id}/{form.name}", form.link) for form in FORMS if one.state in form.states
        )
        if theirs
        else (),
    )


def _facts(one: Incident, named: Mapping[str, str], now: str) -> tuple[Fact, ...]:
    facts = [
        Fact(
            "Who has it", named.get(one.holder, one.holder), href=f"/people/{one.holder}",
            detail="" if one.holder == one.owner else f"handed up from {named.get(one.owner, one.owner)}",
        ),
        Fact("Opened", moment(one.opened_at)),
    ]  # fmt: skip
    if said := clock(one, now):
        facts.append(Fact("Clock", said[:1].upper() + said[1:]))
    if one.resolved_at:
        facts.append(Fact("Resolved", moment(one.resolved_at)))
    return tuple(facts)


def _signal(one: Signal) -> SignalLine:
    return SignalLine(
        sentence=one.sentence,
        kind=one.kind.value,
        window="" if one.window is None else window_words(one.window.start[:10], one.window.end[:10]),
        severe=one.severe,
        ended_at=one.ended_at,
        statement=one.statement,
    )


def _done(step: IncidentStep, named: Mapping[str, str]) -> Done:
    who = "Codman" if step.by == "codman" else named.get(step.by, step.by)
    words = f"{who} {_DID.get(step.did, step.did)}"
    if step.to is not None:
        words += f" {named.get(step.to, step.to)}"
    if step.until is not None:
        words += f" until {moment(step.until)}"
    return Done(at=step.at, words=words)


def _step(one: WatchStep, named: Mapping[str, str], reader: str, *, confirms: bool, pause: str | None) -> StepLine:
    rollback = one.kind is StepTaken.ROLLBACK
    where = "the written downtime procedure" if one.to_version is None else f"version {named.get(one.to_version, '')}"
    lines = []
    if one.told:
        lines.append(f"Told: {_names(one.told, named)}")
        lines.append(f"Who say they know: {_names(one.acknowledged, named) or 'nobody yet'}")
    if one.decided_by is not None:
        lines.append(
            f"Decided by {named.get(one.decided_by, one.decided_by)}" + (f": {one.reason}" if one.reason else "")
        )
    links = []
    if rollback and confirms and one.state == "proposed":
        links = [("confirm", "Confirm the way back"), ("decline", "Decline it")]
    elif rollback and confirms and one.state == "confirmed":
        links = [("done", "Say that it was carried out"), ("decline", "Take it back")]
    found = [(f"/monitor/steps/{one.id}/{name}", words) for name, words in links]
    if one.kind is StepTaken.PAUSE and pause is not None:
        # its own page says who may confirm and who may decline it
        found.append((f"/uses/{one.use}/changes#pauses", "The pause that is proposed"))
    return StepLine(
        id=one.id,
        title=f"Back to {where}" if rollback else one.kind.value.capitalize(),
        tag=_STATES[one.state],
        lines=tuple(lines),
        links=tuple(found),
        acknowledge=reader in one.told and reader not in one.acknowledged,
    )


def _names(people: Sequence[str], named: Mapping[str, str]) -> str:
    return ", ".join(named.get(one, one) for one in people)
