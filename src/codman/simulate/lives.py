"""lives: what happened to each use over two years: found or proposed, reviewed, started, accepted, paused, ended."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from random import Random
from typing import Any, Final

from codman.simulate.history import Added, Changed, Event
from codman.simulate.places import Campus, Staff
from codman.simulate.plans import DAYS, WEEK, Plan
from codman.simulate.supply import Edition, ehr_build
from codman.spine.person import Role
from codman.spine.site import DeploymentFields, Mode
from codman.spine.use import RUNNING, Decision, Stage, UseFields

_MONITORING: Final = (
    "AUROC, calibration and alert rate each month by the analytics team; reviewed each quarter.",
    "Sensitivity and alert rate each quarter, by sex, age band and race.",
    "The vendor sends a yearly report; nobody here recomputes it.",
    "A random 50 cases a month are read by two clinicians.",
    "Users can report a problem with one click; reports are read weekly.",
    "Alert volume on a dashboard.",
)
_CONDITIONS: Final = (
    "approved on condition that sensitivity by race is shown within 90 days",
    "approved on condition that the downtime procedure is drilled",
    "approved on condition that it is evaluated again on local patients after six months",
)
_PAUSES: Final = (
    "calibration drifted after the laboratory changed its creatinine assay",
    "two near misses were reported in one week",
    "alerts tripled after the EHR upgrade",
)
_ENDS: Final = ("replaced by another product", "the vendor ended support", "nobody had opened its output for 90 days")
_CLINICIAN_OF: Final = {"imaging": 1, "laboratory": 1, "outpatient": 2, "administration": 2}
_MOST_SITES: Final = 9
HOURS: Final = {"books": 9, "uses": 10, "stages": 11, "deployments": 12, "modes": 13, "keys": 8, "evidence": 14}
_FACTS_HOUR, _ACCEPTED_HOUR = 15, 16


@dataclass(frozen=True, slots=True)
class Calendar:
    """The history's first day, and moments from it."""

    first: date

    def day(self, number: int) -> date:
        """The day so many after the first."""
        return self.first + timedelta(days=number)

    def at(self, number: int, hour: int) -> datetime:
        """An hour of that day, UTC."""
        return datetime.combine(self.day(number), time(hour), UTC)


@dataclass(slots=True)
class _Run:
    """One deployment while its events are written."""

    id: str
    campus: Campus
    start: int
    clinician: str | None
    mode: Mode


class Lives:
    """Writes the events of uses.

    Args:
        random: Chance.
        calendar: When.
        staff: Who.
        editions: Each product's versions, the oldest first.
    """

    def __init__(
        self, random: Random, calendar: Calendar, staff: Staff, editions: Mapping[str, Sequence[Edition]]
    ) -> None:
        self._random = random
        self._calendar = calendar
        self._staff = staff
        self._editions = editions
        self._officer = staff.by_role[Role.OFFICER][0]
        self._chair = staff.by_role[Role.CHAIR][0]
        self._deployments = 0

    def of(self, plan: Plan) -> Iterator[Event]:
        """Everything that happened to one use."""
        owner = self._owner(plan)
        day = plan.first_day
        why = "inventory: AI that already ran" if plan.found else "proposed through intake"
        yield self._event(day, "uses", self._officer, why, Added("use", plan.id, self._fields(plan, owner)))
        runs: list[_Run] = []
        for stage, when in sorted(plan.days.items(), key=lambda item: item[1]):
            if when > day:
                yield self._event(when, "stages", self._chair, *self._moved(plan, stage, when))
            yield from self._deployed(plan, stage, when, runs)
        if plan.stage is Stage.PROPOSED and plan.decision is not Decision.UNDECIDED:
            put_off = Changed("use", plan.id, {"decision": plan.decision})
            yield self._event(day + WEEK, "stages", self._chair, "put off: no owner could be named", put_off)
        for run in runs:
            yield from self._accepted(plan, run, run.start)
            yield from self._updated(plan, run)

    def _fields(self, plan: Plan, owner: str | None) -> UseFields:
        """As the use came into the book: much is blank in what was found."""
        random, sort = self._random, plan.offer.sort
        known = 0.7 if plan.found else 0.93

        def maybe(value: Any, chance: float = known) -> Any:
            return value if random.random() < chance else None

        monitored = maybe(random.choice(_MONITORING), 0.35 if plan.found else 0.75)
        return UseFields(
            product=plan.offer.id,
            name=plan.name,
            organisation=plan.organisation,
            site=plan.site,
            purpose=maybe(sort.purpose, 0.95),
            population=maybe(sort.population),
            care_setting=sort.setting,
            decision_role=maybe(sort.role),
            autonomy=maybe(sort.autonomy),
            users=maybe(sort.users, 0.9),
            alert_destination=maybe(sort.destination),
            downtime_procedure=maybe(sort.downtime, known - 0.25),
            demographic_inputs=maybe(list(sort.inputs), known - 0.1),
            stage=Stage.LIVE if plan.found else Stage.PROPOSED,
            stage_since=self._calendar.day(plan.first_day).isoformat(),
            impact=maybe(sort.impact, 0.75) if plan.found else None,
            tier=maybe(sort.tier, 0.6) if plan.found else None,
            decision=Decision.LEGACY if plan.found else Decision.UNDECIDED,
            owner=owner,
            monitoring=monitored,
            topic=sort.topic,
        )

    def _owner(self, plan: Plan) -> str | None:
        if self._random.random() < (0.4 if plan.found else 0.08):
            return None
        return self._random.choice(self._staff.by_role[Role.OWNER])

    def _moved(self, plan: Plan, stage: Stage, when: int) -> tuple[str, Changed]:
        """A use's next stage, with what the committee decided as it got there."""
        on = self._calendar.day(when)
        patch: dict[str, Any] = {"stage": stage, "stage_since": on.isoformat()}
        why = f"AI committee of {on:%Y-%m-%d}"
        if stage is Stage.TRIAGED:
            patch |= {"tier": plan.offer.sort.tier, "impact": plan.offer.sort.impact}
        deciding = stage is plan.stage or (stage is Stage.LIVE and plan.stage in (Stage.PAUSED, Stage.RETIRED))
        if deciding and not plan.found:
            patch["decision"] = plan.decision
            if plan.decision is Decision.CONDITIONAL and stage in RUNNING:
                why = f"{why}: {self._random.choice(_CONDITIONS)}"
        if stage is Stage.PAUSED:
            why = f"paused: {self._random.choice(_PAUSES)}"
        if stage is Stage.RETIRED:
            why = f"retired: {self._random.choice(_ENDS)}"
            if not plan.found:  # nothing is in force any more; what ran undecided was switched off undecided
                patch["decision"] = Decision.RETIRED
        return why, Changed("use", plan.id, patch)

    def _deployed(self, plan: Plan, stage: Stage, when: int, runs: list[_Run]) -> Iterator[Event]:
        """Where a use runs in a stage: one site or two until it is live, then wherever it was meant to."""
        if stage in (Stage.PAUSED, Stage.RETIRED):
            mode = Mode.PAUSED if stage is Stage.PAUSED else Mode.ENDED
            for run in runs:
                yield self._switched(run, mode, when)
            return
        if stage not in RUNNING:
            return
        mode = Mode(stage.value)
        for run in runs:
            yield self._switched(run, mode, when)
        wanted = min(len(plan.sites), _MOST_SITES if stage is Stage.LIVE else self._random.choice((1, 1, 2)))
        for site, campus in plan.sites[len(runs) : wanted]:
            yield self._started(plan, site, campus, mode, when, runs)

    def _started(self, plan: Plan, site: str, campus: Campus, mode: Mode, when: int, runs: list[_Run]) -> Event:
        self._deployments += 1
        clinicians = self._staff.clinicians[campus.id]
        answers = clinicians[_CLINICIAN_OF.get(plan.offer.sort.setting, 0)]
        clinician = None if self._random.random() < (0.35 if plan.found else 0.05) else answers
        if mode is Mode.LIVE and not plan.found and runs and self._random.random() < 0.15:
            mode = self._random.choice((Mode.SILENT, Mode.PILOT))  # one hospital starts later than the others
        run = _Run(f"deployment-demo-{self._deployments:03d}", campus, when, clinician, mode)
        runs.append(run)
        on = self._calendar.day(when)
        fields = DeploymentFields(
            use=plan.id,
            site=site,
            version=self._version(plan, when),
            mode=mode,
            since=on.isoformat(),
            clinician=clinician,
            ehr_build=ehr_build(on, self._calendar.first) if self._random.random() < 0.6 else None,
        )
        return self._event(when, "deployments", self._officer, None, Added("deployment", run.id, fields))

    def _switched(self, run: _Run, mode: Mode, when: int) -> Event:
        run.mode = mode
        patch = {"mode": mode, "since": self._calendar.day(when).isoformat()}
        return self._event(when, "modes", self._officer, None, Changed("deployment", run.id, patch))

    def _version(self, plan: Plan, when: int) -> str | None:
        if plan.found and self._random.random() < 0.2:
            return None  # it runs, and nobody knows which
        on = self._calendar.day(when)
        return [edition.id for edition in self._editions[plan.offer.id] if edition.known_on <= on][-1]

    def _accepted(self, plan: Plan, run: _Run, since: int) -> Iterator[Event]:
        """The clinician's acceptance, given on a round in the weeks after."""
        if run.clinician is None or self._random.random() > (0.3 if plan.found else 0.85):
            return
        rounds = 4 * WEEK  # a clinician signs what has gathered once in four weeks
        day = (since // rounds + self._random.choice((1, 1, 2))) * rounds
        if day > min(DAYS - 1, plan.days.get(Stage.RETIRED, DAYS)):
            return
        at = self._calendar.at(day, _ACCEPTED_HOUR)
        patch = {"accepted_at": f"{at:%Y-%m-%dT%H:%M:%S.%fZ}"}
        yield Event(at, run.clinician, "accepted for this site", Changed("deployment", run.id, patch))

    def _updated(self, plan: Plan, run: _Run) -> Iterator[Event]:
        """A new version reaches the site some weeks after it is known; its acceptance is asked for again."""
        for edition in self._editions[plan.offer.id]:
            known = (edition.known_on - self._calendar.first).days
            day = known + WEEK * self._random.choice((1, 2, 3))
            day -= day % WEEK
            if not run.start < day < min(DAYS, plan.days.get(Stage.RETIRED, DAYS)) or known <= run.start:
                continue
            if self._random.random() < 0.3:
                continue  # this site stays behind
            patch = {"version": edition.id, "accepted_at": None}
            patch |= {"ehr_build": edition.fields.ehr_build} if edition.fields.ehr_build else {}
            yield self._event(
                day, "modes", self._officer, "a new version was switched on", Changed("deployment", run.id, patch)
            )
            yield from self._accepted(plan, run, day)

    def _event(self, day: int, part: str, author: str | None, why: str | None, step: Added | Changed) -> Event:
        return Event(self._calendar.at(day, HOURS[part]), author, why, step)
