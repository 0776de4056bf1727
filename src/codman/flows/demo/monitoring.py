"""Monitoring of the demo hospital: half a year of events, looked at by the same run as any hospital's.

One model that gets worse as a feed breaks, one whose patients change and that stays as good, one that looks worse
because staff act on it. Every other use that reaches patients is watched by nobody, and the pages say so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

from sqlalchemy import Connection, select

from codman.flows.demo.monitoring_events import Feature, Stream, Turn, events
from codman.flows.events.opening import open_table
from codman.flows.events.sending import send_opened
from codman.flows.house import House
from codman.flows.watch.incidents import acknowledge, resolve
from codman.flows.watch.keeping import plan_use
from codman.flows.watch.running import run_due
from codman.registry import governance
from codman.registry.access import Held, Reader
from codman.registry.schema import deployments, people, uses
from codman.registry.schema_watch import incidents
from codman.spine.person import Role
from codman.spine.site import Mode
from codman.spine.use import Stage
from codman.spine.watching import IncidentState

MONTHS: Final = 6  # that are watched
_FEW_MONTHS: Final = 2
_REFERENCE_MONTHS: Final = 2
_WHY: Final = "What the ward asked to be told of; the report to the committee holds the rest of the policy"
_LOOKS_AFTER: Final = (1, 14)  # days after a month's end: no outcome is missing for most by the second


@dataclass(frozen=True, slots=True, kw_only=True)
class _Story:
    """What is watched, how often, and what happens to it."""

    about: str  # the beginning of the use's name
    turn: Turn
    turns_after: int  # months
    a_day: int
    delay_days: int
    base: float
    threshold: float
    features: tuple[Feature, ...]
    finding: str | None = None  # with which its incidents are closed
    taken: bool = False  # its holder has it in hand


@dataclass(frozen=True, slots=True)
class _Watched:
    """A use to which a story happens."""

    story: _Story
    use: str
    name: str
    owner: Reader
    version: str


_BREAKS: Final = _Story(
    about="Acute kidney injury warning",
    turn=Turn.FEED_BREAKS,
    turns_after=4,
    a_day=45,
    delay_days=14,
    base=-1.9,
    threshold=0.3,
    features=(
        Feature(name="creatinine", centre=88.0, spread=24.0, weight=1.3),
        Feature(name="age", centre=66.0, spread=13.0, weight=0.4),
        Feature(name="systolic_pressure", centre=124.0, spread=17.0, weight=-0.5),
    ),
)
_AGES: Final = _Story(
    about="Readmission within 30 days",
    turn=Turn.PATIENTS_AGE,
    turns_after=3,
    a_day=45,
    delay_days=30,
    base=-1.6,
    threshold=0.3,
    features=(
        Feature(name="stays_last_year", centre=1.6, spread=0.9, weight=1.3),
        Feature(name="age", centre=63.0, spread=15.0, weight=0.5),
        Feature(name="haemoglobin", centre=128.0, spread=16.0, weight=-0.6),
    ),
    finding="A ward for older patients was opened. Each month since then the scores rank and foretell as before.",
)
_ACTS: Final = _Story(
    about="Sepsis early warning",
    turn=Turn.STAFF_ACT,
    turns_after=2,
    a_day=100,
    delay_days=14,
    base=-1.7,
    threshold=0.3,
    features=(
        Feature(name="lactate", centre=1.9, spread=0.7, weight=1.2),
        Feature(name="age", centre=67.0, spread=14.0, weight=0.3),
        Feature(name="respiratory_rate", centre=18.0, spread=4.0, weight=0.9),
    ),
    taken=True,
)


_FEW: Final = replace(
    _BREAKS,
    about="Sepsis early warning",
    turns_after=1,
    features=(Feature(name="lactate", centre=1.9, spread=0.7, weight=1.3), *_BREAKS.features[1:]),
)


def add_monitoring(house: House, until: date, *, small: bool = False) -> int:
    """Watch some uses of the demo hospital, and look at everything that came due in half a year.

    Args:
        house: The open house, its history loaded.
        until: The last day of its history.
        small: One use, and a few months of it.

    Returns:
        How many uses are watched.
    """
    months = _FEW_MONTHS if small else MONTHS
    starts = _month(until, -months)
    with house.database.reading() as connection:
        found = _chosen(connection, (_FEW,) if small else (_BREAKS, _AGES, _ACTS))
    for number, one in enumerate(found):
        plan_use(house, one.owner, one.use, text=_plan(one, starts), why=_WHY)
        stream = Stream(
            use=one.use, version=one.version, first=_month(starts, -_REFERENCE_MONTHS),
            turns_on=_month(starts, one.story.turns_after), until=until, a_day=one.story.a_day, turn=one.story.turn,
            features=one.story.features, base=one.story.base, delay_days=one.story.delay_days,
            threshold=one.story.threshold,
        )  # fmt: skip
        for table in events(stream, 1 + number):
            refused = send_opened(house, open_table(table, {}), one.owner).refused
            assert not refused, refused[0].why  # noqa: S101 (they are invented here)
    # as a clock would have looked: what a window came to rests on what was known by that day
    for ended in (_month(starts, number) for number in range(1, months + 1)):
        for days in _LOOKS_AFTER:
            if ended + timedelta(days=days) <= until:
                run_due(house, datetime.combine(ended + timedelta(days=days), time(6), UTC))
    for one in found:
        _seen_to(house, one)
    return len(found)


def _chosen(connection: Connection, stories: Sequence[_Story]) -> list[_Watched]:
    """For each story the first use of its name that is live, and that somebody answers for."""
    rows = connection.execute(
        select(uses.c.id, uses.c.name, uses.c.owner, people.c.name.label("person"), deployments.c.version)
        .join(people, people.c.id == uses.c.owner)
        .join(deployments, deployments.c.use == uses.c.id)
        .where(
            uses.c.stage == Stage.LIVE.value, deployments.c.mode == Mode.LIVE.value, deployments.c.version.is_not(None)
        )
        .order_by(uses.c.id, deployments.c.id)
    ).all()
    found = []
    for story in stories:
        row = next((one for one in rows if one.name.startswith(story.about)), None)
        if row is not None:
            owner = Reader(row.owner, row.person, (Held(Role.OWNER),))
            found.append(_Watched(story, row.id, row.name, owner, row.version))
    return found


def _plan(one: _Watched, starts: date) -> bytes:
    """The plan as its team would have written it."""
    story = one.story
    drifts = "".join(
        _DRIFT.format(id=f"mix-{feature.name.replace('_', '-')}", feature=feature.name) for feature in story.features
    )
    return _PLAN.format(
        name=one.name, edition=f"{starts:%Y-%m}", use=one.use, delay=story.delay_days, starts=starts,
        first=_month(starts, -_REFERENCE_MONTHS), threshold=story.threshold, drifts=drifts,
    ).encode()  # fmt: skip


def _month(day: date, further: int) -> date:
    """The first day of a month, so many months further."""
    months = day.year * 12 + day.month - 1 + further
    return date(months // 12, months % 12 + 1, 1)


def _seen_to(house: House, one: _Watched) -> None:
    """What people did about the incidents of a use."""
    with house.database.reading() as connection:
        open_ones = (incidents.c.use == one.use, incidents.c.state == IncidentState.OPEN.value)
        found = governance.every(connection, "incident", *open_ones, order="opened_at")
    for incident in found:
        if one.story.finding is not None or one.story.taken:
            incident = acknowledge(house, one.owner, incident.id, incident.revision)
        if one.story.finding is not None:
            resolve(house, one.owner, incident.id, incident.revision, one.story.finding)


_PLAN: Final = """\
plan: {name}
edition: "{edition}"
use: {use}
label_delay_days: {delay}
starts_on: {starts}
thresholds: [{threshold}]
bands: {{age: [65]}}
reference: {{start: {first}, end: {starts}}}
silence_days: 14
requires:
  - id: ranks
    title: Ranks patients with the event above those without
    evidence: monitoring
    measurement: {{metric: auroc, at_least: 0.75}}
    watch: {{window: month, due_days: 0, actions: [signal, tell, propose-pause]}}
  - id: foretells
    title: Foretells as many events as there are
    evidence: monitoring
    severity: warn
    measurement: {{metric: oe_ratio, at_least: 0.7, at_most: 1.35}}
    watch: {{window: month, due_days: 0, actions: [signal, tell]}}
  - id: ranks-women
    title: Ranks women as well
    evidence: monitoring
    severity: warn
    measurement: {{metric: auroc, slice: {{sex: F}}, at_least: 0.7}}
    watch: {{window: month, due_days: 0}}
  - id: expected
    title: Is expected to rank them, before outcomes are known
    evidence: monitoring
    severity: warn
    measurement: {{metric: estimated_auroc, at_least: 0.75}}
    watch: {{window: month, age: estimated, due_days: 1}}
  - id: alerts
    title: Alerts for a bearable share of patients
    evidence: monitoring
    severity: warn
    measurement: {{metric: alert_rate, threshold: {threshold}, at_most: 0.4}}
    watch: {{window: month, age: estimated, due_days: 1}}
  - id: mix
    title: Sees patients who cannot be told from those of before
    evidence: monitoring
    severity: warn
    measurement: {{metric: domain_auroc, at_most: 0.65}}
    watch: {{window: month, age: estimated, due_days: 1}}
{drifts}"""
_DRIFT: Final = """\
  - id: {id}
    title: Sees patients like those of before, by {feature}
    evidence: monitoring
    severity: warn
    measurement: {{metric: psi, feature: {feature}, at_most: 0.1}}
    watch: {{window: month, age: estimated, due_days: 1}}
"""
