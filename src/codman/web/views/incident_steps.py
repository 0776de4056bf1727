"""The forms of a concern's steps: what each asks, and of whom."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from codman.flows.concerns.letting_off import as_grave
from codman.flows.concerns.reading import ConcernRead
from codman.review.clocks import Clocks
from codman.spine.concern import ActionKind, ConcernCategory, ConcernSeverity, Pause
from codman.spine.use import Stage, Use
from codman.web.render import day
from codman.web.views.concern import CATEGORIES, SEVERITIES
from codman.web.views.forms import Ask, Option
from codman.web.views.lists import Lists

NO_CLOCK: Final = "none"


@dataclass(frozen=True, slots=True)
class Before:
    """What a step's form is made for: the concern as it stands, and who looks at it."""

    read: ConcernRead
    lists: Lists
    clocks: Clocks
    own: str | None  # why the reader has a hand in the use, as `you …` continues
    lets_off: bool  # may say that it was less bad than was said, or about another use or site


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step: its words, what it asks, what the form says at first, and when it is offered."""

    name: str
    link: str
    title: str
    lead: str
    submit: str
    asks: Callable[[Before], tuple[Ask, ...]]
    first: Callable[[ConcernRead, str], Mapping[str, str]] = lambda _read, _today: {}
    offered: Callable[[ConcernRead, Use | None, bool], bool]  # the concern, the use it is about, and whether that runs
    theirs: bool = False  # also for its clinician and the use's owner
    impartial: bool = False  # lets the use off: for nobody who has a hand in it
    action: str = "concern.change"


_WHY: Final = Ask(
    name="why",
    label="Why",
    kind="prose",
    hint="Needed where it was less bad than was said, or about another tool or place. Kept in the audit log. "
    "Name no patient.",
)


def _known(before: Before) -> tuple[Ask, ...]:
    one, own, lists = before.read.concern, before.own, before.lists
    answers = own is None and (before.lets_off or one.severity is ConcernSeverity.UNKNOWN)
    less = "That it was less bad is for somebody else to say."
    return (
        Ask(
            name="severity",
            label="Was a patient harmed?",
            kind="choice",
            needed=True,
            hint="" if answers else less if own is None else f"You {own}. {less}",
            options=tuple(
                Option(severity.value, SEVERITIES[severity])
                for severity in (ConcernSeverity if answers else as_grave(one.severity))
            ),
        ),
        Ask(
            name="category",
            label="What is wrong?",
            kind="choice",
            needed=True,
            options=tuple(Option(category.value, CATEGORIES[category]) for category in ConcernCategory),
        ),
        *(
            lists.ask(kind, name=kind, label=label, unsaid="nobody can say")
            for kind, label, said in (("use", "Which tool", one.use), ("site", "Where", one.site))
            if before.lets_off or (said is None and None in (own, one.use))
        ),
        Ask(name="event_reference", label="Its number in the hospital's event system", hint="A number, no words."),
        *((_WHY,) if before.lets_off else ()),
    )


def _known_first(read: ConcernRead, _today: str) -> Mapping[str, str]:
    one = read.concern
    return {
        "severity": one.severity.value,
        "category": one.category.value,
        "use": one.use or "",
        "site": one.site or "",
        "event_reference": one.event_reference or "",
    }


def _reason(label: str) -> Callable[[Before], tuple[Ask, ...]]:
    asked = (Ask(name="reason", label=label, kind="prose", needed=True, hint="Name no patient."),)
    return lambda _before: asked


def _clock(before: Before) -> tuple[Ask, ...]:
    own, due = before.own, before.read.concern.clock_due
    rules = [Option(one.id, f"{one.title} ({one.source[0].clause})") for one in before.clocks.rules]
    if own is None:
        rules.append(Option(NO_CLOCK, "None: no device, or no part of it in what happened"))
    sooner = f" You {own}: it may end on {day(due)} or sooner." if own is not None and due is not None else ""
    return (
        Ask(
            name="rule",
            label="Which duty runs",
            kind="choice",
            needed=True,
            options=tuple(rules),
        ),
        Ask(
            name="aware_on",
            label="The day medical personnel became aware",
            kind="day",
            hint=f"The work days count from the day after.{sooner}",
        ),
        Ask(name="why", label="Why", kind="prose", needed=True, hint="Kept in the audit log. Name no patient."),
    )


def _action(before: Before) -> tuple[Ask, ...]:
    return (
        Ask(
            name="kind",
            label="Kind",
            kind="choice",
            needed=True,
            options=(
                Option(ActionKind.CORRECTIVE.value, "corrective: mends what went wrong"),
                Option(ActionKind.PREVENTIVE.value, "preventive: keeps it from happening elsewhere"),
            ),
        ),
        Ask(name="sentence", label="What is to be done", kind="prose", needed=True, hint="Name no patient."),
        before.lists.ask("person", name="owner", label="By whom", needed=True),
        Ask(name="due_on", label="By when", kind="day", needed=True),
    )


def _is_paused(use: Use | None) -> bool:
    return use is not None and use.stage is Stage.PAUSED


STEPS: Final = (
    Step(
        name="amend",
        link="Put down what is known by now",
        title="What is known by now",
        lead="Serious harm starts the clock of a duty to report.",
        submit="Keep it",
        asks=_known,
        first=_known_first,
        offered=lambda _read, _use, _runs: True,
        theirs=True,
    ),
    Step(
        name="propose-pause",
        link="Propose a pause",
        title="Propose that the use be paused",
        lead="The governance office is told at once; until somebody takes it, the use runs on.",
        submit="Propose it",
        asks=lambda _before: (),
        offered=lambda read, _use, runs: runs and read.concern.pause is not Pause.PROPOSED,
        theirs=True,
    ),
    Step(
        name="pause",
        link="Pause the use",
        title="Pause the use",
        lead="It stops everywhere it runs, now. What to do without it stands in its downtime procedure.",
        submit="Pause it everywhere",
        asks=_reason("Why it is paused"),
        offered=lambda read, use, runs: runs or (read.concern.pause is Pause.PROPOSED and _is_paused(use)),
        theirs=True,
        action="use.pause",
    ),
    Step(
        name="run-on",
        link="Decline the pause",
        title="Let the use run on",
        lead="The reason stands in the log under your name.",
        submit="Let it run on",
        asks=_reason("Why it can run on"),
        offered=lambda read, _use, _runs: read.concern.pause is Pause.PROPOSED,
        impartial=True,
    ),
    Step(
        name="clock",
        link="Say which duty to report runs, or that none does",
        title="A duty to report",
        lead="The rules are kept as data, with their source and the days between which they hold.",
        submit="Keep it",
        asks=_clock,
        first=lambda read, _today: {"rule": read.concern.clock or ""},
        offered=lambda _read, _use, _runs: True,
    ),
    Step(
        name="report",
        link="Put down that the report went out",
        title="The report went out",
        lead="The clock stops on that day.",
        submit="Stop the clock",
        asks=lambda _before: (Ask(name="on", label="The day it went out", kind="day", needed=True),),
        first=lambda _read, today: {"on": today},
        offered=lambda read, _use, _runs: read.concern.clock is not None and read.concern.clock_met_on is None,
    ),
    Step(
        name="actions",
        link="Give somebody an action",
        title="A corrective or preventive action",
        lead="They are told, and reminded as the day comes. The concern stays open until it is done.",
        submit="Give it",
        asks=_action,
        offered=lambda _read, _use, _runs: True,
        theirs=True,
    ),
    Step(
        name="close",
        link="Close it with a finding",
        title="Close the concern",
        lead="Nobody closes a concern about what they built or answer for; afterwards its finding is not changed.",
        submit="Close it",
        asks=lambda _before: (
            Ask(name="finding", label="What was found", kind="prose", needed=True, hint="Name no patient."),
        ),
        offered=lambda read, _use, _runs: not read.lacking,
        impartial=True,
    ),
)
DONE: Final = (
    Ask(
        name="result",
        label="What it did, and how that was checked",
        kind="prose",
        needed=True,
        hint="Name no patient.",
    ),
)
