"""plans: which product is used where, how far each use has come, and the days on which it moved."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Final

from codman.simulate.places import HOUSE, Campus, Places
from codman.simulate.supply import Offer
from codman.spine.use import Decision, Stage

DAYS: Final = 730
WEEK: Final = 7
_USES: Final = 140
_SMALL_USES: Final = 12

# Where 140 uses stand today. The first row is what an office finds when it first looks: AI that ran unasked
_STANDINGS: Final = (
    (Stage.LIVE, Decision.LEGACY, 38),
    (Stage.LIVE, Decision.APPROVED, 26),
    (Stage.LIVE, Decision.CONDITIONAL, 16),
    (Stage.SILENT, Decision.UNDECIDED, 8),
    (Stage.SILENT, Decision.APPROVED, 4),
    (Stage.PILOT, Decision.CONDITIONAL, 8),
    (Stage.PILOT, Decision.UNDECIDED, 2),
    (Stage.PAUSED, Decision.APPROVED, 4),
    (Stage.PAUSED, Decision.CONDITIONAL, 2),
    (Stage.RETIRED, Decision.APPROVED, 8),
    (Stage.RETIRED, Decision.LEGACY, 2),
    (Stage.PROPOSED, Decision.UNDECIDED, 8),
    (Stage.PROPOSED, Decision.DEFERRED, 2),
    (Stage.TRIAGED, Decision.UNDECIDED, 4),
    (Stage.IN_REVIEW, Decision.UNDECIDED, 4),
    (Stage.IN_REVIEW, Decision.DEFERRED, 2),
    (Stage.IN_REVIEW, Decision.REJECTED, 2),
)
_SMALL_STANDINGS: Final = (
    (Stage.LIVE, Decision.LEGACY, 3),
    (Stage.LIVE, Decision.APPROVED, 2),
    (Stage.LIVE, Decision.CONDITIONAL, 1),
    (Stage.SILENT, Decision.UNDECIDED, 1),
    (Stage.PILOT, Decision.CONDITIONAL, 1),
    (Stage.PAUSED, Decision.APPROVED, 1),
    (Stage.RETIRED, Decision.APPROVED, 1),
    (Stage.PROPOSED, Decision.UNDECIDED, 1),
    (Stage.IN_REVIEW, Decision.REJECTED, 1),
)
_PATH: Final = (Stage.PROPOSED, Stage.TRIAGED, Stage.IN_REVIEW, Stage.SILENT, Stage.PILOT, Stage.LIVE)
# days from one stage to the next: shortest and longest
_STEPS: Final = {
    Stage.TRIAGED: (7, 21),
    Stage.IN_REVIEW: (14, 42),
    Stage.SILENT: (14, 35),
    Stage.PILOT: (42, 70),
    Stage.LIVE: (42, 70),
}


@dataclass(frozen=True, slots=True)
class Plan:
    """One use: of what, where, how far it came, and when."""

    id: str
    offer: Offer
    name: str
    organisation: str
    site: str
    sites: tuple[tuple[str, Campus], ...]  # where it may run
    stage: Stage
    decision: Decision
    days: dict[Stage, int] = field(default_factory=dict)  # from the history's first day, one a stage it passed

    @property
    def first_day(self) -> int:
        """When the book heard of it."""
        return min(self.days.values())

    @property
    def found(self) -> bool:
        """Whether it ran before anybody asked."""
        return self.decision is Decision.LEGACY


def make_plans(random: Random, offers: Sequence[Offer], places: Places, *, small: bool) -> tuple[Plan, ...]:
    """Every use of the system: each product at least once, some at several hospitals or regions."""
    count = _SMALL_USES if small else _USES
    standings = [
        (stage, decision) for stage, decision, n in (_SMALL_STANDINGS if small else _STANDINGS) for _ in range(n)
    ]
    random.shuffle(standings)
    rest = [offer for offer in offers if len(offer.sort.units) > 1 or offer.sort.tier != "low"]
    chosen = list(offers)[:count]
    chosen += random.sample(rest, count - len(chosen)) if count - len(chosen) <= len(rest) else []
    taken: Counter[tuple[str, str]] = Counter()
    plans = []
    for number, (offer, (stage, decision)) in enumerate(zip(chosen, standings, strict=True), 1):
        organisation, site, sites = _scope(random, offer, places, taken)
        taken[offer.id, site] += 1
        name = offer.sort.use if site == HOUSE else f"{offer.sort.use}, {organisation}"
        days = _days(random, stage, decision)
        plans.append(Plan(f"use-demo-{number:03d}", offer, name, organisation, site, sites, stage, decision, days))
    return tuple(plans)


def _scope(
    random: Random, offer: Offer, places: Places, taken: Counter[tuple[str, str]]
) -> tuple[str, str, tuple[tuple[str, Campus], ...]]:
    """Who answers for it, and the units where it runs: the whole system's, a region's or one hospital's."""
    able = [campus for campus in places.hospitals if any(unit in campus.units for unit in offer.sort.units)]
    regions = {campus.region: campus.name.partition(" ")[0] + " Region" for campus in able}
    choices = [(HOUSE, "Demo Health System", able)] * 3
    choices += [(at, title, [c for c in able if c.region == at]) for at, title in regions.items()]
    choices += [(campus.id, campus.name, [campus]) for campus in able]
    free = [choice for choice in choices if not taken[offer.id, choice[0]]]
    site, organisation, there = random.choice(free)
    sites = [(campus.units[unit], campus) for campus in there for unit in offer.sort.units if unit in campus.units]
    return organisation, site, tuple(sites)


def _days(random: Random, stage: Stage, decision: Decision) -> dict[Stage, int]:
    """The day it came to each stage it passed; things move once a week, when the office meets."""
    if decision is Decision.LEGACY:
        found = random.choice((random.randint(8, 60), random.randint(60, 420)))
        days = {Stage.LIVE: _week(found)}
    else:
        last = stage if stage in _PATH else Stage.LIVE
        passed = _PATH[1 : _PATH.index(last) + 1]
        gaps = [random.randint(*_STEPS[step]) for step in passed]
        # it reached its last stage some time ago: long ago where it lives, lately where it waits
        ago = random.randint(100, 540) if last is Stage.LIVE else random.randint(10, 75)
        day = max(8, DAYS - ago - sum(gaps))
        days = {Stage.PROPOSED: _week(day)}
        for step, gap in zip(passed, gaps, strict=True):
            day += gap
            days[step] = _week(day)
    if stage in (Stage.PAUSED, Stage.RETIRED):
        days[stage] = _week(DAYS - random.randint(10, 80))
    return days


def _week(day: int) -> int:
    return day - day % WEEK
