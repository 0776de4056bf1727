"""What lacks an owner, a decision, evidence, monitoring; and the backlog, by risk, by owner and over time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Final

from sqlalchemy import Connection

from codman.flows.change_control import not_shown_of
from codman.flows.house import House
from codman.flows.proposed import waiting_proposals
from codman.flows.review.counting import EmergencyAct, decisions_counted, emergency_acts
from codman.flows.urgent import urgent
from codman.flows.watched import unanswered, unwatched
from codman.registry.attention import Reopened, backlog, reopened_uses
from codman.registry.inventory import search
from codman.review.stages_counted import Counted
from codman.spine.day import end_of
from codman.spine.verdict import Outcome, Result
from codman.web.render import day
from codman.web.views import marks
from codman.web.views.inventory import address, asked
from codman.web.views.marks import Gap, Tag

SHOWN: Final = 5
_RUNS: Final = "stage=live&stage=pilot&stage=silent"
UNDECIDED: Final = "runs=without a decision"
_RISKS: Final = {"high": "high tier or high impact", "medium": "medium tier", "low": "low tier"}
_WIDTH: Final = 560.0
_HEIGHT: Final = 120.0

# What is lacking; what one use does, what several do; the question that finds them
LACKS: Final = (
    (
        "A decision",
        ("runs, somewhere or as a whole, without a decision", "run, somewhere or as a whole, without a decision"),
        UNDECIDED,
    ),
    ("An owner", ("runs and nobody answers for it", "run and nobody answers for them"), f"{_RUNS}&owner=(missing)"),
    (
        "Evidence",
        ("runs and no evidence is filed for it", "run and no evidence is filed for them"),
        f"{_RUNS}&evidence=(missing)",
    ),
    (
        "Monitoring",
        ("runs and nothing says how it is watched", "run and nothing says how they are watched"),
        f"{_RUNS}&monitoring=(missing)",
    ),
    ("A risk tier", ("runs without a risk tier", "run without a risk tier"), f"{_RUNS}&tier=(missing)"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One use that lacks it."""

    href: str
    name: str
    tier: str
    stage: Tag
    owner: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Lack:
    """What is lacking, for how many, and the first of them."""

    key: str
    title: str
    said: str
    href: str
    total: int
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row of the backlog."""

    name: str
    number: int
    risky: int
    href: str
    share: str  # of the largest, as a bar's width in a drawing of 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Burndown:
    """The backlog over time."""

    points: str
    area: str
    alt: str
    first_day: str
    last_day: str
    most: int
    rows: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AttentionView:
    """The whole page."""

    sentence: str
    lacks: tuple[Lack, ...]
    total: int
    by_risk: tuple[Row, ...]
    by_owner: tuple[Row, ...]
    burndown: Burndown | None
    watching: tuple[Gap, ...]  # what monitoring asks of somebody
    proposed: tuple[Gap, ...]  # proposals that nobody has gone on with
    urgent: tuple[Gap, ...]  # uses about which something stands open that cannot wait
    reopened: tuple[Gap, ...]  # uses of which a change has reopened something
    decided: tuple[Counted, ...]  # by procedure; none where nothing was ever decided here
    emergencies: tuple[EmergencyAct, ...]  # of a year, each by name


def attention_view(
    house: House, connection: Connection, within: Sequence[str], by_day: Mapping[str, int] | None
) -> AttentionView:
    """The page.

    Args:
        house: The open house; its day is the last of the drawing.
        connection: Where to read.
        within: Paths of the sites whose uses the reader may see.
        by_day: The backlog at the end of each day on which it changed; None for who sees a part of the house.
    """
    today, zone = house.database.today().isoformat(), house.database.zone
    lacks = tuple(_lack(connection, within, today, *one) for one in LACKS)
    waits = backlog(connection, within, today)
    decided = decisions_counted(connection, within, end_of(today, zone).isoformat(), zone)
    worst = max(lacks, key=lambda lack: lack.total)
    reopened = reopened_uses(connection, within)
    newest = not_shown_of(house, connection, [one.use for one in reopened])
    fails = {use: [one for one in found.values() if one.outcome is Outcome.NOT_MET] for use, found in newest.items()}
    failing = {use: found for use, found in fails.items() if found}
    open_now = urgent(connection, within, today)
    return AttentionView(
        sentence=(
            _said_first(lacks, worst)
            if worst.total
            else "No use runs."
            if not _any_runs(connection, within, today)
            else "Every use that runs has an owner, a decision, evidence, monitoring and a tier."
        )
        + _said_of_urgent(len(open_now))
        + _said_of_changes(len(reopened), len(failing)),
        lacks=lacks,
        total=waits.total,
        by_risk=_rows([(_RISKS.get(name, name), number, 0, _risk_href(name)) for name, number in waits.by_risk]),
        by_owner=_rows(
            [
                (name or "nobody", number, risky, f"{_address()}&owner={owner or '(missing)'}")
                for owner, name, number, risky in waits.by_owner
            ]
        ),
        burndown=_burndown(by_day, today) if by_day else None,
        watching=_watching(connection, within, today),
        proposed=_proposed(connection, within),
        urgent=tuple(Gap(f"{one.name}: {', '.join(one.said)}", f"/uses/{one.use}") for one in open_now),
        reopened=_reopened(reopened, failing),
        decided=decided if any(one.given for one in decided) else (),
        emergencies=emergency_acts(connection, within, end_of(today, zone).isoformat()),
    )


def _proposed(connection: Connection, within: Sequence[str]) -> tuple[Gap, ...]:
    """Proposals that were sent in and that nobody has gone on with: how many, and each emergency by its name."""
    found = waiting_proposals(connection, within)
    if not found:
        return ()
    urgent = [Gap(f"{one.name} is proposed {one.asked}", f"/uses/{one.use}/triage") for one in found if one.emergency]
    said = "proposal was sent in and no case is" if len(found) == 1 else "proposals were sent in and no case is"
    return (*urgent, Gap(f"{len(found):,} {said} opened since", "/inventory?stage=proposed&stage=triaged"))


def _any_runs(connection: Connection, within: Sequence[str], today: str) -> bool:
    return search(connection, replace(asked(_RUNS), limit=1, today=today), within).total > 0


def _said_of_urgent(number: int) -> str:
    if not number:
        return ""
    one = number == 1
    return f" About {number:,} use{'' if one else 's'} something stands open that cannot wait."


def _reopened(reopened: Sequence[Reopened], failing: Mapping[str, Sequence[Result]]) -> tuple[Gap, ...]:
    """Uses of which a change has reopened requirements; those first whose newest evidence does not meet them."""
    found = []
    for one in sorted(reopened, key=lambda one: one.use not in failing):
        number = len({each.id for each in failing.get(one.use, ())})
        again = f"{one.requirements:,} requirement{'' if one.requirements == 1 else 's'} to be shown again"
        fails = f"newest evidence does not meet {number:,} of " if number else ""
        found.append(Gap(f"{one.name}: {fails}{again}, since {day(one.since)}", f"/uses/{one.use}#again"))
    return tuple(found)


def _said_of_changes(number: int, failing: int) -> str:
    if not number:
        return ""
    met = f"; newest evidence does not meet them of {failing:,}" if failing else ""
    return f" A change has reopened requirements of {number:,} use{'' if number == 1 else 's'}{met}."


def _watching(connection: Connection, within: Sequence[str], today: str) -> tuple[Gap, ...]:
    """Uses that reach patients unwatched, and incidents that nobody has answered."""
    found = []
    bare = len(unwatched(connection, within, today))
    if bare:
        reach = "use reaches" if bare == 1 else "uses reach"
        found.append(Gap(f"{bare:,} {reach} patients and no monitor follows", "/monitor?show=unwatched"))
    waiting = unanswered(connection, within)
    if waiting:
        said = "incident that monitoring opened waits" if waiting == 1 else "incidents that monitoring opened wait"
        found.append(Gap(f"{waiting:,} {said} for an answer", "/monitor?show=incidents"))
    return tuple(found)


def _said_first(lacks: Sequence[Lack], worst: Lack) -> str:
    """The commonest lack, then the decision that nobody took, which is the gravest."""
    undecided = lacks[0]
    if worst is undecided or not undecided.total:
        return worst.said
    return f"{undecided.said} {worst.said}"


def _lack(
    connection: Connection, within: Sequence[str], today: str, title: str, does: tuple[str, str], query: str
) -> Lack:
    question = replace(asked(query), order="tier", limit=SHOWN, today=today)
    found = search(connection, question, within)
    return Lack(
        key=title.split()[-1].lower(),
        title=title,
        said=f"{found.total:,} use{'' if found.total == 1 else 's'} {does[found.total != 1]}.",
        href=address(replace(question, order="name")),
        total=found.total,
        lines=tuple(
            Line(
                href=f"/uses/{item.id}",
                name=item.name,
                tier=item.tier or "not set",
                stage=marks.mode(item.stage),
                owner=item.owner or "nobody",
            )
            for item in found.items
        ),
    )


def _address() -> str:
    return address(asked(UNDECIDED))


def _risk_href(name: str) -> str:
    """The list of them; high by tier or by impact is two questions, and no list asks both."""
    return "" if name not in ("medium", "low") else f"{_address()}&tier={name}"


def _rows(found: Sequence[tuple[str, int, int, str]]) -> tuple[Row, ...]:
    most = max((number for _, number, _, _ in found), default=1)
    return tuple(
        Row(name=name, number=number, risky=risky, href=href, share=f"{100 * number / most:.1f}")
        for name, number, risky, href in found
    )


def _burndown(by_day: Mapping[str, int], today: str) -> Burndown:
    # it ends today, whatever day another clock wrote into the log
    by_day = {name: by_day[name] for name in sorted(by_day) if name <= today} | {today: by_day[max(by_day)]}
    last = date.fromisoformat(today)
    first = min(date.fromisoformat(min(by_day)), last - timedelta(days=1))
    span = (last - first).days
    most = max(by_day.values())
    top = most or 1  # of an empty drawing, which has a height all the same
    corners: list[tuple[float, float]] = []
    before = 0
    for name in sorted(by_day):
        x = (date.fromisoformat(name) - first).days / span * _WIDTH
        corners += [(x, _y(before, top)), (x, _y(by_day[name], top))]
        before = by_day[name]
    corners.append((_WIDTH, _y(before, top)))
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in corners[1:])
    start = corners[1][0]
    months: dict[str, int] = {}
    for name in sorted(by_day):
        months[name[:7]] = by_day[name]
    return Burndown(
        points=points,
        area=f"{start:.1f},{_HEIGHT:g} {points} {_WIDTH:g},{_HEIGHT:g}",
        alt=f"Uses that run undecided: {by_day[min(by_day)]:,} on {day(min(by_day))}, at most {most:,}, {before:,} now",
        first_day=first.isoformat(),
        last_day=last.isoformat(),
        most=most,
        rows=tuple(months.items()),
    )


def _y(number: int, most: int) -> float:
    return _HEIGHT - number / most * (_HEIGHT - 10)
