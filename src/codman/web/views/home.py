"""My work: what waits for the reader, the uses they answer for with what is missing, what they did lately."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from sqlalchemy import Connection

from codman.flows.accepting import ToAccept, to_accept
from codman.flows.task import Duty, Task
from codman.registry.access import Reader, may
from codman.registry.accounts_emergency import path_of, unreviewed
from codman.registry.attention import Backlog, backlog
from codman.registry.erasure import waiting as waiting_erasures
from codman.registry.mine import how_granted, owned_by, runs_of, with_evidence
from codman.registry.names import names_of
from codman.registry.nouns import SITES
from codman.registry.undecided import somewhere_uncovered
from codman.spine.day import written_moment
from codman.web.access import opens
from codman.web.views import marks
from codman.web.views.accepting import Accepts, accepts
from codman.web.views.lately import Deed, lately
from codman.web.views.marks import Gap, Tag
from codman.web.views.registers import vendors_view
from codman.web.views.use import gaps


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A site to accept."""

    id: str
    use: str
    href: str
    site: str
    mode: Tag
    revision: int
    accepts: Accepts


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskLine:
    """Something else that waits for the reader."""

    sentence: str
    href: str
    words: str
    due_on: str | None
    when: str  # where hours matter: how long there is, and the moment; else empty
    since: str
    began: bool  # False: `since` is when it was saved last
    late: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Owned:
    """A use the reader answers for."""

    href: str
    name: str
    stage: Tag
    decision: Tag
    gaps: tuple[Gap, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class HomeView:
    """The whole page."""

    sentence: str
    tasks: tuple[TaskLine, ...]
    waiting: tuple[Waiting, ...]
    owned: tuple[Owned, ...]
    backlog: Backlog | None  # of the whole office, for who keeps it
    office: tuple[Gap, ...]  # what waits for anybody of the office
    deeds: tuple[Deed, ...]
    only_looks: bool  # they do none of it: buttons are left out
    starts: tuple[Gap, ...] | None  # of an empty book: what the reader can begin with; None where it holds uses


def home_view(
    connection: Connection, reader: Reader, within: Sequence[str], now: datetime, tasks: Sequence[Task], *, empty: bool
) -> HomeView:
    """The page of one reader.

    Args:
        connection: Where to read.
        reader: Who.
        within: Paths of the sites whose uses they may see.
        now: The time in the house's zone: what is late by it, and for contracts that end.
        tasks: What waits for them; sites are accepted on the page itself.
        empty: Whether the book holds no use at all.
    """
    today = now.date().isoformat()
    seen = replace(reader, read_only=False)  # who may only look around in a role reads what the role reads
    waiting = _to_accept(connection, seen, now)
    owned = owned_by(connection, reader.person, within)
    evidence = with_evidence(connection, [use.id for use in owned])
    runs = runs_of(connection, [use.id for use in owned])
    granted = how_granted(connection, [use.id for use in owned], today)
    bare = somewhere_uncovered(connection, [use.id for use in owned], today)
    listed = [*(one.deployment.use for one in waiting), *(use.id for use in owned)]
    named = names_of(connection, [*listed, *_sites_named(waiting)])
    reads = may(reader, "review.read")
    shown = [
        Owned(
            href=f"/uses/{use.id}",
            name=named[use.id],
            stage=marks.mode(use.stage),
            decision=marks.decision(use.decision, granted.get(use.id), partly=use.id in bare),
            gaps=tuple(gaps(use, runs.get(use.id, []), has_evidence=use.id in evidence)),
        )
        for use in owned
    ]
    shown.sort(key=lambda one: -len(one.gaps))
    keeps = may(seen, "use.decide") or may(seen, "site.create")
    return HomeView(
        sentence=_sentence(len(shown), sum(bool(one.gaps) for one in shown), tasks, now),
        tasks=tuple(_task(one, now, reader) for one in tasks if one.duty is not Duty.SITE),
        waiting=tuple(
            Waiting(
                id=one.deployment.id,
                use=named.get(one.deployment.use, one.deployment.use),
                href=f"/uses/{one.deployment.use}",
                site=named.get(one.deployment.site, one.deployment.site),
                mode=marks.mode(one.deployment.mode),
                revision=one.deployment.revision,
                accepts=accepts(one, named, reads=reads),
            )
            for one in waiting
        ),
        owned=tuple(shown),
        backlog=backlog(connection, within, today) if keeps else None,
        office=_office(connection, seen, today),
        deeds=lately(connection, reader.person, within),
        starts=_starts(reader) if empty else None,
        only_looks=reader.read_only,
    )


def _starts(reader: Reader) -> tuple[Gap, ...]:
    """What somebody can do on the pages while the book is empty."""
    ways = (
        ("intake.create", "Propose the first use of a tool", "/intakes"),
        ("use.create", "Put down a use that runs already", "/uses/new"),
        ("site.create", "Add the hospitals and units", "/sites/new"),
        ("person.create", "Invite the people who answer for them", "/invitations"),
    )
    return tuple(Gap(text, href) for action, text, href in ways if may(reader, action))


def _to_accept(connection: Connection, reader: Reader, now: datetime) -> Sequence[ToAccept]:
    """The sites that name the reader as their clinician, that are within their reach and that they may accept."""
    if not may(reader, "deployment.accept"):
        return []
    waiting = to_accept(connection, reader.person, now.isoformat(), now.tzinfo or UTC)
    places = SITES.get_many(connection, [one.deployment.site for one in waiting])
    return [one for one in waiting if may(reader, "deployment.accept", [places[one.deployment.site].path])]


def _sites_named(waiting: Sequence[ToAccept]) -> set[str]:
    return {one.deployment.site for one in waiting}


def _office(connection: Connection, reader: Reader, today: str) -> tuple[Gap, ...]:
    """What waits for whoever of the office comes first: emergencies, second signatures, contracts."""
    found = []
    if may(reader, "emergency.review"):
        mine = [one for one in unreviewed(connection) if one.person != reader.person]
        seen = [one for one in mine if may(reader, "emergency.review", [path_of(connection, one)])]
        if seen:
            found.append(Gap(f"{_many(len(seen), 'emergency', 'emergencies')} to review", "/emergency"))
    theirs = [one for one in waiting_erasures(connection) if one.asked_by != reader.person]
    if theirs and may(reader, "audit.erase", ["/"]):
        said = f"{_many(len(theirs), 'request', 'requests')} to erase words, to agree to or not"
        found.append(Gap(said, "/audit/erasures"))
    if may(reader, "vendor.change", ["/"]):
        ending = sum(bool(line.soon) for line in vendors_view(connection, today).lines)
        if ending:
            said = f"{_many(ending, 'contract has', 'contracts have')} ended or will within 90 days"
            found.append(Gap(said, "/vendors"))
    return tuple(found)


def _many(number: int, one: str, more: str) -> str:
    return f"{number:,} {one if number == 1 else more}"


def _task(one: Task, now: datetime, reader: Reader) -> TaskLine:
    href = one.at if opens(one.at, reader) else f"/uses/{one.use}" if one.use is not None else ""
    left = one.hours(now)
    at = "" if one.due_at is None else written_moment(datetime.fromisoformat(one.due_at), now.tzinfo or UTC)
    return TaskLine(
        sentence=one.sentence,
        href=href,
        words=one.words,
        due_on=one.due_on,
        when="" if left is None else f"{left[:1].upper()}{left[1:]}: {at}",
        since=one.since,
        began=one.began,
        late=one.late(now),
    )


def _sentence(owned: int, with_gaps: int, tasks: Sequence[Task], now: datetime) -> str:
    if not tasks and not owned:
        return "Nothing waits for you, and you answer for no use."
    parts = []
    if tasks:
        late = sum(one.late(now) for one in tasks)
        said = f", {late} of them late" if late else ""
        parts.append(f"{len(tasks)} thing{'' if len(tasks) == 1 else 's'} wait{'s' * (len(tasks) == 1)} for you{said}")
    if owned:
        gap = "none with anything missing" if not with_gaps else f"{with_gaps} with something missing"
        parts.append(f"you answer for {owned} use{'' if owned == 1 else 's'}, {gap}")
    text = "; ".join(parts)
    return f"{text[:1].upper()}{text[1:]}."
