"""All uses that run and how their monitoring stands, the worst first; what is asked for stands in the address."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

from codman.flows.watch.overview import Standing, WatchedUse
from codman.flows.watched import REACHES_PATIENTS
from codman.report import words as said
from codman.spine.use import Tier
from codman.spine.watching import Incident, IncidentState, MonitorState
from codman.web.render import day, moment
from codman.web.views import marks
from codman.web.views.marks import Fact, Tag
from codman.web.views.monitor_marks import incident_tag, standing_tag, window_words

SHOWN: Final = 50  # of one page
_BARE: Final = 5  # unwatched uses that stand above all others
_TIERS: Final = {Tier.HIGH: 0, Tier.MEDIUM: 1, Tier.LOW: 2, None: 1}
_STAGES: Final = ("live", "pilot", "silent")
_DECIDED: Final = frozenset({"met", "not-met", "not-applicable"})
_SHOWS: Final[Mapping[str, tuple[str, Callable[[WatchedUse], bool]]]] = {
    "all": ("All that run", lambda _one: True),
    "unwatched": ("Unwatched, reaching patients", lambda one: one.rank == "unwatched"),
    "not-met": ("A requirement not met", lambda one: _breaks(one)),
    "incidents": ("Open incidents", lambda one: bool(one.incidents)),
    "undecided": ("Not decided or not reported", lambda one: _unknown(one)),
    "watched": ("Watched", lambda one: one.watched),
}
_TOLD: Final = 4  # requirements that are not met, named in a line


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenIncident:
    """An incident of a use, who has it, and until when."""

    href: str
    title: str
    tags: tuple[Tag, ...]
    holder: str
    clock: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One use."""

    href: str
    name: str
    tags: tuple[Tag, ...]
    counts: tuple[Tag, ...]
    wrong: tuple[tuple[str, Tag, str], ...]  # a requirement that is not met or not decided: its window, state, sentence
    last: str
    next_due: str
    incidents: tuple[OpenIncident, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MonitorHomeView:
    """The whole page."""

    sentence: str
    facts: tuple[Fact, ...]
    shows: tuple[tuple[str, str, int, bool], ...]  # link, words, how many, whether it is shown
    stages: tuple[tuple[str, str, int, bool], ...]
    bare: tuple[Line, ...]  # uses that reach patients and that nobody watches: the first of them, by tier
    all_bare: str  # where the rest of them stand
    lines: tuple[Line, ...]
    first: str
    next: str


def monitor_home_view(
    found: Sequence[WatchedUse], named: Mapping[str, str], asked: Mapping[str, str], now: str
) -> MonitorHomeView:
    """The page for what the address asks.

    Args:
        found: Every use that runs, the worst first.
        named: Names of people and of the uses by id.
        asked: `show`, `stage` and `page` of the address.
        now: The moment, ISO 8601, after which an answer is late.
    """
    show = asked.get("show", "all")
    show = show if show in _SHOWS else "all"
    stage = asked.get("stage", "")
    stage = stage if stage in _STAGES else ""
    staged = [one for one in found if not stage or one.use.stage.value == stage]
    listed = [one for one in staged if _SHOWS[show][1](one)]
    bare = sorted((one for one in listed if one.rank == "unwatched"), key=lambda one: _TIERS[one.use.tier])
    if show == "all":  # a few of them lead, so that they do not bury what is wrong with those that are watched
        listed = [one for one in listed if one.rank != "unwatched"]
    elif show == "unwatched":
        listed = bare
    text = asked.get("page", "1")
    page = min(int(text), 10_000) if text.isascii() and text.isdecimal() and len(text) < 6 else 1
    start = max(0, page - 1) * SHOWN
    return MonitorHomeView(
        sentence=_sentence(found),
        facts=_facts(found),
        shows=tuple(
            (_address(name, stage), words, sum(map(keeps, staged)), name == show)
            for name, (words, keeps) in _SHOWS.items()
        ),
        stages=tuple(
            (_address(show, name), name or "any stage", sum(not name or one.use.stage.value == name for one in found),
             name == stage)
            for name in ("", *_STAGES)
        ),
        bare=tuple(_line(one, named, now) for one in bare[:_BARE]) if show == "all" and not start else (),
        all_bare=_address("unwatched", stage) if len(bare) > _BARE else "",
        lines=tuple(_line(one, named, now) for one in listed[start : start + SHOWN]),
        first=_address(show, stage) if start else "",
        next=_address(show, stage, page + 1) if len(listed) > start + SHOWN else "",
    )  # fmt: skip


def _address(show: str, stage: str, page: int = 1) -> str:
    asked = {"show": show if show != "all" else "", "stage": stage, "page": str(page) if page > 1 else ""}
    query = urlencode({name: value for name, value in asked.items() if value})
    return f"/monitor?{query}" if query else "/monitor"


def _sentence(found: Sequence[WatchedUse]) -> str:
    if not found:
        return "No use runs, as far as you see: there is nothing to watch."
    bare = sum(one.rank == "unwatched" for one in found)
    reach = sum(one.use.stage in REACHES_PATIENTS for one in found)
    parts = []
    if bare:
        is_ = "is" if bare == 1 else "are"
        parts.append(f"{bare:,} of {said.many(reach, 'use')} that reach patients {is_} watched by nobody.")
    if wrong := sum(map(_breaks, found)):
        parts.append(f"{said.many(wrong, 'use')} {'breaks' if wrong == 1 else 'break'} a bound of the plan.")
    if unknown := sum(_unknown(one) and not _breaks(one) for one in found):
        parts.append(f"Of {said.many(unknown, 'use')} it is not known whether the plan is met.")
    if not bare:
        well = "" if wrong or unknown else ", and meets its plan where that was looked at"
        parts.append(f"Every use that reaches patients is watched{well}: {reach:,} of them.")
    return " ".join(parts)


def _breaks(one: WatchedUse) -> bool:
    return any(standing.word == "not-met" for standing in one.standings)


def _unknown(one: WatchedUse) -> bool:
    return one.rank == "blind" or any(standing.word not in _DECIDED for standing in one.standings)


def _facts(found: Sequence[WatchedUse]) -> tuple[Fact, ...]:
    opened = [incident for one in found for incident in one.incidents]
    waiting = sum(one.state is IncidentState.OPEN for one in opened)
    wrong = sum(map(_breaks, found))
    return (
        Fact("Watched", said.count(sum(one.watched for one in found)), detail=f"of {len(found):,} that run"),
        Fact("With a requirement not met", said.count(wrong), href="/monitor?show=not-met" if wrong else ""),
        Fact(
            "Open incidents", said.count(len(opened)), detail=f"{waiting:,} wait for an answer" if waiting else "",
            href="/monitor?show=incidents" if opened else "",
        ),
    )  # fmt: skip


def _line(one: WatchedUse, named: Mapping[str, str], now: str) -> Line:
    counted = Counter(standing.word for standing in one.standings)
    overdue = one.next_due is not None and one.next_due.isoformat() < now[:10]
    return Line(
        href=f"/uses/{one.use.id}/monitor",
        name=named[one.use.id],
        tags=(marks.mode(one.use.stage), *([Tag(f"Tier {one.use.tier.value}")] if one.use.tier else []), _watch(one)),
        counts=tuple(_counted(word, number) for word, number in counted.items()),
        wrong=tuple(_wrong(s) for s in one.standings if s.word not in ("met", "not-applicable"))[:_TOLD],
        last="" if one.last is None else window_words(one.last.starts_on, one.last.ends_on),
        next_due="" if one.next_due is None else f"{day(one.next_due.isoformat())}{', overdue' if overdue else ''}",
        incidents=tuple(
            OpenIncident(
                href=f"/monitor/incidents/{incident.id}", title=incident.title, tags=incident_tag(incident),
                holder=named.get(incident.holder, incident.holder), clock=clock(incident, now),
            )
            for incident in one.incidents
        ),
    )  # fmt: skip


def clock(one: Incident, now: str) -> str:
    """Until when an incident waits for an answer, or that this has passed."""
    if one.answer_by is None or one.state is IncidentState.RESOLVED:
        return ""
    if one.state is IncidentState.SNOOZED:
        return f"quiet until {moment(one.answer_by)}"
    if one.answer_by <= now:
        return f"an answer was due {moment(one.answer_by)}"
    return f"answer due {moment(one.answer_by)}"


def _watch(one: WatchedUse) -> Tag:
    if one.watched:
        return Tag("Watched", "met", "✓") if one.last is not None else Tag("Watched, nothing due yet", "plain", "○")
    if one.monitor is not None and one.rank == "unwatched" and one.monitor.state is MonitorState.ACTIVE:
        return Tag(f"Not watched before {day(one.monitor.starts_on)}", "unmet", "×")
    if one.monitor is not None:
        return Tag("Planned", "unsure", "○")
    return Tag("Not watched", "unmet" if one.use.stage in REACHES_PATIENTS else "unsure", "×")


def _counted(word: str, number: int) -> Tag:
    tag = standing_tag(word)
    return Tag(f"{number} {tag.text[:1].lower()}{tag.text[1:]}", tag.tone, tag.sign)


def _wrong(one: Standing) -> tuple[str, Tag, str]:
    return window_words(one.starts_on, one.ends_on), standing_tag(one.word), one.sentence
