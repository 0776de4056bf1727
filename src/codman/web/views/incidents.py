"""Concerns for those who see to them: what waits, by when; and one of them with what is done about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from codman.flows.concerns.reading import ConcernRead, Duty, Overview, is_overdue
from codman.registry.records import Page
from codman.review.clocks import Rule
from codman.spine.concern import Concern, ConcernSeverity, ConcernState, CorrectiveAction, Pause
from codman.web.render import day, moment
from codman.web.views.concern import CATEGORIES, SEVERITIES
from codman.web.views.marks import Fact, Gap, Tag

SHOWN: Final = {"open": "Not closed", "repeats": "Repeated in a flood", "closed": "Closed", "all": "All"}
_NONE: Final = {  # what an empty list says
    "open": "None that you may read is open. What was closed stands under “Closed”.",
    "repeats": "None repeats another in a flood.",
    "closed": "None that you may read was closed.",
    "all": "There is none that you may read. No concern does not say that nothing went wrong: "
    "put posters where the tools are used, from each use's page.",
}
_STATES: Final[Mapping[ConcernState, Tag]] = {
    ConcernState.RAISED: Tag("Nobody has it yet", "unsure", "?"),
    ConcernState.ACKNOWLEDGED: Tag("In hand", "plain", "◐"),
    ConcernState.CLOSED: Tag("Closed", "met", "✓"),
}
_PAUSES: Final[Mapping[Pause, Tag]] = {
    Pause.PROPOSED: Tag("Pause proposed", "unsure", "‖"),
    Pause.TAKEN: Tag("Paused", "plain", "‖"),
    Pause.DECLINED: Tag("Pause declined", "plain", "–"),
}
_SEVERITIES: Final[Mapping[ConcernSeverity, Tag]] = {
    ConcernSeverity.NO_HARM: Tag("No harm", "plain", "○"),
    ConcernSeverity.NEAR_MISS: Tag("Near miss", "unsure", "△"),
    ConcernSeverity.HARM: Tag("Harm", "unmet", "!"),
    ConcernSeverity.SERIOUS: Tag("Serious harm or death", "unmet", "!"),
    ConcernSeverity.UNKNOWN: Tag("Harm not known", "unsure", "?"),
}
OVERDUE: Final = Tag("Overdue", "unmet", "!")


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One concern in the list."""

    href: str
    what: str
    number: str
    about: str
    tags: tuple[Tag, ...]
    raised_at: str
    see_by: str | None  # while nobody has it
    clock_due: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentsView:
    """The list."""

    sentence: str
    facts: tuple[Fact, ...]
    duties: tuple[str, ...]
    lines: tuple[Line, ...]
    shown: tuple[tuple[str, str, bool], ...]  # link, words, whether it is this one
    none: str  # what the list says when it is empty
    sought: str  # the number somebody looked for and did not find; empty where nobody did
    first: str
    next: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionLine:
    """One action."""

    id: str
    kind: str
    sentence: str
    owner: str
    due_on: str
    done_on: str | None
    result: str | None
    tag: Tag
    done_href: str  # empty where it is not the reader's to say so


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentView:
    """One concern."""

    id: str
    number: str
    title: str
    tags: tuple[Tag, ...]
    gaps: tuple[Gap, ...]
    facts: tuple[Fact, ...]
    words: str | None
    filed: bool  # words were filed with it; if they are not here, they were erased
    contact: str | None
    finding: str | None
    clock: tuple[Fact, ...]
    actions: tuple[ActionLine, ...]
    steps: tuple[tuple[str, str], ...]  # link, words
    own: str | None  # why the reader has a hand in the use, as `you …` continues
    may_take: bool
    statement: str | None


def incidents_view(
    page: Page[Concern],
    standing: Overview,
    named: Mapping[str, str],
    now: str,
    *,
    which: str,
    after: bool,
    sought: str = "",
) -> IncidentsView:
    """The list.

    Args:
        page: The concerns.
        standing: How all of them stand.
        named: Names by id.
        now: The time.
        which: One of SHOWN.
        after: Whether it is a later page.
        sought: The number that was looked for and is not there.
    """
    address = f"/incidents?show={which}"
    return IncidentsView(
        sentence=_sentence(standing),
        facts=(
            Fact("Not closed", f"{standing.open:,}"),
            Fact("Overdue", f"{standing.overdue:,}", "nobody said in time that they have it"),
            Fact("Pauses proposed", f"{standing.pauses:,}"),
            Fact("Duties to report that run", f"{standing.clocks:,}"),
            Fact("Actions not done", f"{standing.actions:,}", f"{standing.late_actions:,} of them late"),
        ),
        duties=tuple(map(_duty, standing.duties)),
        lines=tuple(_line(one, named, now) for one in page.items),
        shown=tuple(
            (f"/incidents?show={key}", words, key == which)
            for key, words in SHOWN.items()
            if key != "repeats" or standing.repeats or which == key
        ),
        none=_NONE[which],
        sought=sought,
        first=address if after else "",
        next=f"{address}&after={page.next}" if page.next else "",
    )


def incident_view(
    read: ConcernRead,
    named: Mapping[str, str],
    rule: Rule | None,
    *,
    steps: Sequence[tuple[str, str]],
    own: str | None,
    may_take: bool,
    finishes: frozenset[str],
    filed: bool,
    today: str,
) -> IncidentView:
    """One concern.

    Args:
        read: The concern with its actions.
        named: Names by id.
        rule: The rule whose clock runs.
        steps: What the reader may do: a link and its words.
        own: Why they have a hand in the use, as `you …` continues; None where they have none.
        may_take: Whether they may say that they have it.
        finishes: The actions of which they may say that they are done.
        filed: Whether its statement holds a hash of words.
        today: The day, ISO 8601.
    """
    one = read.concern
    return IncidentView(
        id=one.id,
        number=one.number or "",
        title=CATEGORIES[one.category],
        tags=_tags(one, overdue=read.overdue),
        gaps=tuple(Gap(f"{text[:1].upper()}{text[1:]}") for text in read.lacking),
        facts=_facts(read, named),
        words=one.words,
        filed=filed,
        contact=one.contact,
        finding=one.finding,
        clock=() if one.clock is None else _clock(one, rule),
        actions=tuple(_action(each, named, finishes, today) for each in read.actions),
        steps=tuple(steps),
        own=own,
        may_take=may_take,
        statement=one.statement,
    )


def about(one: Concern, named: Mapping[str, str]) -> str:
    """What it is about, by name."""
    parts = [named.get(name, name) for name in (one.use, one.site) if name] + ([one.ward] if one.ward else [])
    return ", ".join(parts) or "nobody could say which tool"


def _facts(read: ConcernRead, named: Mapping[str, str]) -> tuple[Fact, ...]:
    one = read.concern
    people = ", ".join(named.get(name, name) for name in read.people) or "nobody"
    if one.state is ConcernState.RAISED:
        seen = Fact("To be seen by", moment(one.see_by), f"{read.seen_by}: {people}")
    else:
        taken = named.get(one.acknowledged_by or "", one.acknowledged_by or "")
        seen = Fact("In hand since", moment(one.acknowledged_at), taken)
    who = "without a name" if one.raised_by is None else named.get(one.raised_by, one.raised_by)
    return (
        *((Fact("Number", one.number, "to say on the phone"),) if one.number else ()),
        Fact(
            "About",
            named.get(one.use or "", "not known"),
            ", ".join(part for part in (named.get(one.site or "", ""), one.ward) if part),
            f"/uses/{one.use}" if one.use else "",
        ),
        Fact("Was a patient harmed?", SEVERITIES[one.severity]),
        Fact("Raised", moment(one.raised_at), who),
        Fact("It happened on", day(one.happened_on)),
        seen,
        *_paused(one, named),
        Fact("In the hospital's event system", one.event_reference or "not said"),
        *((Fact("Came", "in a flood of concerns"),) if one.in_flood else ()),
        *((Fact("Repeats", "another one, word for word", "", f"/incidents/{one.repeats}"),) if one.repeats else ()),
        *((Fact("Went further", moment(one.escalated_at), "nobody had it in time"),) if one.escalated_at else ()),
        *((Fact("Closed", moment(one.closed_at)),) if one.closed_at else ()),
    )


def _paused(one: Concern, named: Mapping[str, str]) -> tuple[Fact, ...]:
    """What became of a pause: by whom, when, and why."""
    if one.pause is None:
        return ()
    by = "because of the harm" if one.pause_by is None else f"by {named.get(one.pause_by, one.pause_by)}"
    said = [by, *((one.pause_why,) if one.pause_why else ())]
    value = f"{_PAUSES[one.pause].text}{f', {moment(one.pause_at)}' if one.pause_at else ''}"
    return (Fact("Pause", value, ": ".join(said)),)


def _clock(one: Concern, rule: Rule | None) -> tuple[Fact, ...]:
    met = day(one.clock_met_on) if one.clock_met_on else "not yet"
    if rule is None:
        return (Fact("Rule", one.clock or ""), Fact("Due on", day(one.clock_due)), Fact("Went out on", met))
    source = rule.source[0]
    return (
        Fact("Rule", rule.title, f"{source.clause}; {source.citation}"),
        Fact("Report to", "; ".join(rule.to), rule.form),
        Fact("Due on", day(one.clock_due), f"{rule.work_days} work days from {rule.runs_from}"),
        Fact("Went out on", met),
    )


def _action(one: CorrectiveAction, named: Mapping[str, str], finishes: frozenset[str], today: str) -> ActionLine:
    if one.done_on is not None:
        tag = Tag("Done", "met", "✓")
    elif one.due_on < today:
        tag = Tag("Late", "unmet", "!")
    else:
        tag = Tag("To do", "plain", "○")
    return ActionLine(
        id=one.id,
        kind=one.kind.value,
        sentence=one.sentence,
        owner=named.get(one.owner, one.owner),
        due_on=one.due_on,
        done_on=one.done_on,
        result=one.result,
        tag=tag,
        done_href=f"/incidents/{one.concern}/actions/{one.id}/done" if one.id in finishes else "",
    )


def _line(one: Concern, named: Mapping[str, str], now: str) -> Line:
    return Line(
        href=f"/incidents/{one.id}",
        what=CATEGORIES[one.category],
        number=one.number or "",
        about=about(one, named),
        tags=_tags(one, overdue=is_overdue(one, now)),
        raised_at=one.raised_at,
        see_by=one.see_by if one.state is ConcernState.RAISED else None,
        clock_due=one.clock_due if one.clock is not None and one.clock_met_on is None else None,
    )


def _tags(one: Concern, *, overdue: bool) -> tuple[Tag, ...]:
    found = [_SEVERITIES[one.severity], OVERDUE if overdue else _STATES[one.state]]
    if one.pause is not None:
        found.append(_PAUSES[one.pause])
    if one.in_flood:
        found.append(Tag("In a flood" if one.repeats is None else "Repeated in a flood", "plain", "≋"))
    return tuple(found)


def _sentence(standing: Overview) -> str:
    if not standing.open:
        return "No concern is open."
    late = f", {standing.overdue:,} of them overdue" if standing.overdue else ""
    return f"{standing.open:,} concern{' is' if standing.open == 1 else 's are'} not closed{late}."


def _duty(one: Duty) -> str:
    source = one.rule.source[0]
    number = f"{one.concerns:,} concern{'' if one.concerns == 1 else 's'} of {one.year} may belong in it"
    note = f" {one.rule.note}" if one.rule.note else ""
    return f"{one.rule.title} ({one.rule.form}, {source.clause}) is due on {day(one.due_on)}; {number}.{note}"
