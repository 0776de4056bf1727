"""A use's monitor: its plan in words, its numbers at every age with their limits, drift, care, what is missing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from codman.flows.watch.ages import UseWatched
from codman.flows.watched import REACHES_PATIENTS
from codman.report import words as said
from codman.spine.watching import IncidentState, Look, MonitorState, WatchState
from codman.web.render import day
from codman.web.views import marks
from codman.web.views.marks import Fact, Gap, Tag
from codman.web.views.monitor_drift import CareLine, Drifted, care_lines, drifted, told_apart, weight, window_of
from codman.web.views.monitor_marks import incident_tag, window_tag, window_words
from codman.web.views.monitor_panels import Panel, ordered, panel, place, warnings_of
from codman.web.views.monitor_plan import Asks, asks_of


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowLine:
    """One look: what came in, and what it came to."""

    window: str
    due_on: str
    predictions: int
    known: int
    tag: Tag
    sentences: tuple[str, ...]
    well: bool  # something was judged, and all of it is met
    statements: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentLine:
    """An incident of the use."""

    href: str
    title: str
    tags: tuple[Tag, ...]
    opened_at: str
    holder: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UseMonitorView:
    """The whole page."""

    id: str
    name: str
    tags: tuple[Tag, ...]
    lead: str
    watched: bool
    facts: tuple[Fact, ...]
    gaps: tuple[Gap, ...]
    asks: tuple[Asks, ...]
    first: str
    last: str
    rules: tuple[tuple[str, str, bool], ...]  # value, words, whether it is shown
    download: str
    warnings: tuple[str, ...]  # what the numbers themselves say beside their values
    panels: tuple[Panel, ...]
    groups: tuple[Panel, ...]  # the same by group of patients
    drifted: tuple[Drifted, ...]
    drift_window: str
    together: str  # how well its patients are told from earlier ones, from all columns
    drift_panels: tuple[Panel, ...]
    care: tuple[CareLine, ...]
    care_window: str
    sentences: tuple[str, ...]
    sentences_href: str
    windows: tuple[WindowLine, ...]
    notes: tuple[tuple[int, str, str, str], ...]  # number, day, words, link
    incidents: tuple[IncidentLine, ...]


def use_monitor_view(
    found: UseWatched, named: Mapping[str, str], first: str, last: str, today: str, softer: Sequence[str] = ()
) -> UseMonitorView:
    """The page of a use's monitor.

    Args:
        found: What is known.
        named: Names of people by id.
        first: The first day that is shown.
        last: The last.
        today: The day, on which something is late.
        softer: What its plan asks less of than the use's policy.
    """
    use = found.use
    windows = list(dict.fromkeys((look.starts_on, look.ends_on) for look in found.looks))
    panels = [panel(f"p{i}", one, windows, found.notes) for i, one in enumerate(ordered(found.performance))]
    groups = [
        panel(f"g{i}", one, windows, found.notes)
        for i, one in enumerate(sorted((t for t in found.performance if t.slice), key=place))
    ]
    drifts = [t for t in found.drift if t.metric == "psi" and not t.slice]
    query = urlencode({"from": first, "to": last, **({"window": found.rule} if found.rule else {})})
    return UseMonitorView(
        id=use.id,
        name=use.name,
        tags=(marks.mode(use.stage), _watched_tag(found, today)),
        lead=_lead(found, today),
        watched=_begun(found, today),
        facts=tuple(_facts(found, named, today)),
        gaps=(*_gaps(found, today), *(Gap(f"The plan asks less than the use's policy: {words}") for words in softer)),
        asks=tuple(asks_of(found)),
        first=first,
        last=last,
        rules=tuple((rule, f"by {rule}", rule == found.rule) for rule in found.rules),
        download=f"/uses/{use.id}/monitor/numbers.csv?{query}",
        warnings=warnings_of(found.performance),
        panels=tuple(panels),
        groups=tuple(groups),
        drifted=tuple(drifted(found, drifts)),
        drift_window=window_of(drifts),
        together=told_apart(found),
        drift_panels=tuple(
            panel(f"d{i}", one, windows, found.notes) for i, one in enumerate(sorted(drifts, key=weight))
        ),
        care=tuple(care_lines(found)),
        care_window=window_of(found.care),
        sentences=tuple(one for note in found.sentences for one in _about_care(note.words)),
        sentences_href=next((one.href for one in found.sentences), ""),
        windows=tuple(_line(look) for look in reversed(found.looks)),
        notes=tuple((number, one.on, one.words, one.href) for number, one in enumerate(found.notes, 1)),
        incidents=tuple(
            IncidentLine(
                href=f"/monitor/incidents/{one.id}", title=one.title, tags=incident_tag(one), opened_at=one.opened_at,
                holder=named.get(one.holder, one.holder),
            )
            for one in found.incidents
        ),
    )  # fmt: skip


def rows_of(found: UseWatched) -> Iterator[list[str]]:
    """Every number that is shown as rows of a table, its header first."""
    yield [
        "metric", "threshold", "column", "patients", "window_start", "window_end", "age", "value", "lower", "upper",
        "level", "n", "at_least", "at_most", "note", "statement",
    ]  # fmt: skip
    for track in (*found.performance, *found.drift, *found.effects, *found.care):
        for one in track.numbers:
            m = one.m
            yield [
                m.metric, _plain(track.threshold), track.feature or "", said.group(m.slice), one.starts_on, one.ends_on,
                one.age, _plain(m.value), _plain(m.lower), _plain(m.upper), _plain(m.level), _plain(m.n),
                _plain(track.low), _plain(track.high), m.note or "", f"sha256:{one.statement}",
            ]  # fmt: skip


def _plain(number: float | None) -> str:
    return "" if number is None else f"{number:.10g}"


def _about_care(note: str) -> list[str]:
    """What a statement's note says of care: its other sentences tell of its making, or stand beside each number."""
    parts = note.replace(".; ", ".\n").replace("; ", "\n").split("\n")
    return [part for part in parts if part[:1].isupper() and not part.startswith("Of ")]


def _begun(found: UseWatched, today: str) -> bool:
    """Whether a plan is followed and its first day has come."""
    monitor = found.monitor
    return monitor is not None and monitor.state is MonitorState.ACTIVE and monitor.starts_on <= today


def _lead(found: UseWatched, today: str) -> str:
    if found.monitor is None:
        where = "It reaches patients, and nobody" if found.use.stage in REACHES_PATIENTS else "Nobody"
        return f"{where} would notice here if it got worse: it has no monitoring plan in the book."
    if found.monitor.state is MonitorState.PLANNED:
        return "Its plan is in the book and is followed from its pilot or go-live on."
    if found.monitor.state is MonitorState.STOPPED:
        return "Its plan is followed no more; what was seen stays."
    if not _begun(found, today):
        return f"It reaches patients, and its plan watches nothing before {day(found.monitor.starts_on)}."
    counted = {word: sum(one.word == word for one in found.standings) for word in ("met", "not-met")}
    other = len(found.standings) - sum(counted.values())
    if not found.standings:
        return "It is watched; no window of its plan has come due yet."
    worst = [f"{counted['not-met']} not met"] if counted["not-met"] else []
    worst += [f"{other} not decided"] if other else []
    text = ", ".join([*worst, f"{counted['met']} met"])
    newest = _newest(found)
    blind = (
        "When it was last looked at, nothing could be computed. " if newest and newest.state is WatchState.BLIND else ""
    )
    return f"{blind}Of {said.many(len(found.standings), 'requirement')} {text} when last judged."


def _newest(found: UseWatched) -> Look | None:
    return max(found.looks, key=lambda one: (one.due_on, one.ends_on), default=None)


def _watched_tag(found: UseWatched, today: str) -> Tag:
    if found.monitor is None:
        return Tag("Not watched", "unmet", "×")
    if found.monitor.state is MonitorState.ACTIVE and not _begun(found, today):
        return Tag(f"Not watched before {day(found.monitor.starts_on)}", "unmet", "×")
    return {
        MonitorState.ACTIVE: Tag("Watched", "met", "✓"),
        MonitorState.PLANNED: Tag("Planned, not yet followed", "unsure", "○"),
        MonitorState.STOPPED: Tag("Followed no more", "unmet", "×"),
    }[found.monitor.state]


def _facts(found: UseWatched, named: Mapping[str, str], today: str) -> Iterator[Fact]:
    monitor = found.monitor
    if monitor is None:
        return
    newest = _newest(found)
    yield Fact(
        "Last window",
        "none in this span" if newest is None else window_words(newest.starts_on, newest.ends_on),
        detail="" if newest is None else f"looked at {day(newest.looked_at)}",
    )
    if found.next_due:
        yield Fact("Next due", day(found.next_due), detail="overdue" if found.next_due < today else "")
    yield Fact(
        "Hears of it", named.get(monitor.owner, monitor.owner), detail="the monitor's owner",
        href=f"/people/{monitor.owner}",
    )  # fmt: skip
    yield Fact(
        "Plan",
        monitor.edition,
        detail=f"followed {'since' if monitor.starts_on <= today else 'from'} {day(monitor.starts_on)}",
    )


def _gaps(found: UseWatched, today: str) -> Iterator[Gap]:
    for one in found.missing:
        yield Gap(one.sentence)
    if found.next_due and found.next_due < today:
        yield Gap(f"A window was due on {day(found.next_due)} and was not looked at: the server's round has not run")
    awaited = [look for look in found.looks if look.state is WatchState.BLIND]
    if awaited:
        yield Gap(f"{said.many(len(awaited), 'look')} found nothing that could be computed")
    for standing in found.standings:
        if standing.word in ("missing", "stale", "unverifiable"):
            yield Gap(f"{standing.requirement}: {standing.sentence}")
    if found.performance and not any(one.age == "final" for t in found.performance for one in t.numbers):
        yield Gap("No window of this span has its outcomes yet: nothing final can be said")


def _line(look: Look) -> WindowLine:
    fine = {"met", "not-applicable"}
    return WindowLine(
        window=window_words(look.starts_on, look.ends_on),
        due_on=look.due_on,
        predictions=look.events,
        known=look.labelled,
        tag=window_tag(look.state),
        sentences=tuple(look.sentences.get(name, "") for name, word in look.outcomes.items() if word not in fine),
        well=bool(look.outcomes) and set(look.outcomes.values()) <= fine and look.state is not WatchState.BLIND,
        statements=tuple(look.statements),
    )


def unresolved(found: UseWatched) -> int:
    """How many incidents are not resolved."""
    return sum(one.state is not IncidentState.RESOLVED for one in found.incidents)
