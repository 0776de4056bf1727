"""How long until a fall is noticed at this volume, and how many false alarms that costs: by the same alarms."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np

from codman.evaluate.distributions import beta_ppf, chi2_ppf
from codman.evaluate.estimates import FloatArray, IntArray
from codman.monitor.alarms.distance_looks import DISTANCES
from codman.monitor.alarms.evidence import Evidence, over_memory
from codman.monitor.alarms.score_looks import SHARES, ScoreCounts
from codman.monitor.alarms.stream import WatchImpossible
from codman.monitor.alarms.watch import Rules, Watch
from codman.monitor.power.looks import NEEDS_LABEL, look_at
from codman.monitor.power.rules import A_MONTH, rules_for
from codman.monitor.power.shifts import FEW_BINS, SAYS, shifted, value_of
from codman.monitor.power.world import World

PROMISED: Final = 0.9  # share of runs in which a promised delay is kept
_SURE: Final = 1.645  # sigmas: the promise is kept with 95 % confidence in spite of the simulation's own chance
_BATCH: Final = 100  # runs at once: memory stays flat
_BINS: Final = 40  # of a ranking: its ties cost less than 0.001 of an AUROC
_Setting = tuple[float, float]  # level, δ
LEVELS: Final = (0.01, 0.05, 0.2, 0.5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is to be noticed, and at which volume."""

    metric: str
    fall: float  # how far the metric falls; negative is a rise; of a distance, how far off
    per_week: float  # patients scored a week, in the slice in question
    delta: float | None = None  # the largest shift that does not matter; half of the fall unless said
    delay_days: float = 0.0  # until a patient's label is final
    window_days: float = 7.0
    streams: int = 1  # watched in all: features × slices × metrics that share the level
    reference: float | None = None  # patients of the reference; half a year of this volume unless said
    budget: float | None = None  # incidents a month that the owner will look at
    weeks_before: float = 32.0  # of quiet before the fall, as memory has it
    weeks_after: float = 52.0  # in which it may be noticed
    level: float = 0.05
    rules: Rules | None = None  # those for the window's length unless said
    runs: int = 400
    seed: int = 7

    def __post_init__(self) -> None:
        for name, value, must, good in (
            ("fall", self.fall, "differ from 0", self.fall != 0 and math.isfinite(self.fall)),
            ("per-week", self.per_week, "be above 0", self.per_week > 0),
            ("delta", self.delta, "lie from 0 to below the fall", 0 <= (self.delta or 0) < abs(self.fall)),
            ("delay", self.delay_days, "be at least 0", self.delay_days >= 0),
            ("streams", self.streams, "be at least 1", self.streams >= 1),
            ("reference", self.reference, "be at least 11 patients", self.reference is None or self.reference >= 11),
            ("owner-budget", self.budget, "be at least 0", (self.budget or 0) >= 0),
            ("weeks", self.weeks_after, "be above 0", self.weeks_after > 0 and self.weeks_before >= 0),
            ("runs", self.runs, "be at least 20", self.runs >= 20),
        ):
            if not good:
                raise WatchImpossible(what=f"{name} cannot be used", why=f"it is {value}", fix=f"it must {must}")

    @property
    def tolerated(self) -> float:
        """δ: the largest shift that does not matter."""
        return abs(self.fall) / 2 if self.delta is None else self.delta

    @property
    def by(self) -> Rules:
        """The rules of the alarms."""
        return rules_for(self.window_days, level=self.level) if self.rules is None else self.rules


@dataclass(frozen=True, slots=True, kw_only=True)
class Noticed:
    """What one set of rules gives: how often and how soon the fall is noticed, and what false alarms come along."""

    level: float
    delta: float
    found: float  # share of runs
    found_lower: float  # its 95 % interval (Clopper–Pearson)
    found_upper: float
    median_days: float | None  # None where half of the runs do not notice
    promised_days: float | None  # at least 90 % of runs notice within; None: it cannot be promised
    false_per_month: float  # over all streams, measured where nothing has moved
    false_per_month_at_most: float  # upper end of its 95 % interval

    def written(self) -> dict[str, Any]:
        """As plain JSON types."""
        return {
            "level": self.level, "delta": self.delta, "found": self.found, "found_lower": self.found_lower,
            "found_upper": self.found_upper, "median_days": self.median_days, "days_90": self.promised_days,
            "false_alarms_per_month": self.false_per_month,
            "false_alarms_per_month_upper": self.false_per_month_at_most,
        }  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The question, what was found, and what it would take."""

    question: Question
    value: float  # of the metric before
    after: float  # and after the fall
    says: str  # how the fall was planted
    patients_a_window: float
    noticed: Noticed
    at_levels: tuple[Noticed, ...]  # the same for other levels: what a false-alarm rate buys
    at_deltas: tuple[Noticed, ...]  # and for a smaller δ: what tolerating less buys
    possible: bool  # 90 % can be promised
    needed_per_week: float | None  # patients a week at which it could be; None where it can, or nobody has so many
    delays: FloatArray = field(repr=False)  # (runs,) days; infinite where not noticed

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader should know."""
        q, found = self.question, self.noticed
        notes = [f"the fall is planted so: {self.says}"]
        if not self.possible:
            need = (
                "no volume up to 1,000 times as large would do"
                if self.needed_per_week is None
                else f"about {self.needed_per_week:,.0f} a week would do"
            )
            notes.append(f"nobody could meet this at {q.per_week:,.0f} patients a week: {need}")
        if q.budget is not None and found.false_per_month > q.budget:
            notes.append(
                f"{found.false_per_month:.2g} false alarms a month are expected and the owner will look at "
                f"{q.budget:g}: the others wait for the digest"
            )
        if q.streams > 1:
            notes.append(
                f"{q.streams:,} streams share the level; their false alarms are counted as {q.streams:,} like this one"
            )
        return tuple(notes)

    def written(self) -> dict[str, Any]:
        """As plain JSON types."""
        q = self.question
        return {
            "metric": q.metric, "fall": q.fall, "delta": q.tolerated, "value": self.value, "after": self.after,
            "per_week": q.per_week, "per_window": self.patients_a_window, "window_days": q.window_days,
            "any_false_alarm_a_year_at_most": q.by.level,
            "label_delay_days": q.delay_days if q.metric in NEEDS_LABEL else 0.0, "streams": q.streams,
            "reference": _reference(q), "owner_budget": q.budget, "weeks_after": q.weeks_after,
            "rules": q.by.written(), "runs": q.runs, "seed": q.seed, "possible": self.possible,
            "needed_per_week": self.needed_per_week, **self.noticed.written(),
            "at_levels": [one.written() for one in self.at_levels],
            "at_deltas": [one.written() for one in self.at_deltas], "notes": list(self.notes),
        }  # fmt: skip


def notice(world: World, question: Question) -> Answer:
    """How long until the fall is noticed.

    Args:
        world: How scores and outcomes are spread before it.
        question: What falls by how much, at which volume, watched how.

    Raises:
        WatchImpossible: The metric cannot fall so far, or the question cannot be asked.
    """
    changed = shifted(world, question.metric, question.fall)
    level, delta = question.by.level, question.tolerated
    levels = [(one, delta) for one in sorted({level, *LEVELS})]
    deltas = [(level, one) for one in sorted({delta, abs(question.fall) / 4})]
    at = _simulated(world, changed, question, list(dict.fromkeys([*levels, *deltas])))
    noticed, delays = at[level, delta]
    possible = noticed.promised_days is not None
    return Answer(
        question=question,
        value=value_of(question.metric, world),
        after=value_of(question.metric, changed) if question.metric not in DISTANCES else abs(question.fall),
        says=SAYS[question.metric],
        patients_a_window=question.per_week * question.window_days / 7,
        noticed=noticed,
        at_levels=tuple(at[one][0] for one in levels),
        at_deltas=tuple(at[one][0] for one in deltas),
        possible=possible,
        needed_per_week=None if possible else _needed(world, changed, question),
        delays=delays,
    )


def _needed(world: World, changed: World, question: Question) -> float | None:
    """Patients a week at which nine in ten runs notice it: found by doubling, then halving the step."""

    def enough(times: float) -> bool:
        more = replace(question, per_week=question.per_week * times, runs=min(question.runs, 100))
        of = question.by.level, question.tolerated
        return _simulated(world, changed, more, [of], nulls=False)[of][0].promised_days is not None

    times, step = 2.0, 2.0
    while not enough(times):
        times *= step
        if times > 1000:
            return None
    low, high = times / step, times
    for _ in range(3):
        middle = math.sqrt(low * high)
        low, high = (low, middle) if enough(middle) else (middle, high)
    return question.per_week * high


def _simulated(
    world: World, changed: World, question: Question, settings: Sequence[_Setting], *, nulls: bool = True
) -> dict[_Setting, tuple[Noticed, FloatArray]]:
    """For each (level, δ) what is noticed and (runs,) the days it took; without `nulls` no false alarm is counted."""
    random = np.random.default_rng(question.seed)
    before = round(question.weeks_before * 7 / question.window_days)
    after = max(round(question.weeks_after * 7 / question.window_days), 1)
    late = question.delay_days if question.metric in NEEDS_LABEL else 0.0
    delays: dict[_Setting, list[float]] = {one: [] for one in settings}
    false = dict.fromkeys(settings, 0)
    for done in range(0, question.runs, _BATCH):
        runs = min(_BATCH, question.runs - done)
        into = random.random(runs)  # how far into its window the fall comes
        quiet = _counts(world, world, question, random, before, after, into) if nulls else None
        fallen = _counts(world, changed, question, random, before, after, into)
        for delta in dict.fromkeys(one for _, one in settings):
            still = None if quiet is None else _evidence(*quiet, question, delta)
            moved = _evidence(*fallen, question, delta)
            for setting in (one for one in settings if one[1] == delta):
                rules = replace(question.by, level=setting[0])
                for run in range(runs):
                    false[setting] += 0 if still is None else _alarms(still, run, rules, question.streams)
                    at = _first(moved, run, rules, question.streams, before)
                    wait = math.inf if at is None else (at + 1 - before - into[run]) * question.window_days
                    delays[setting].append(wait + late)
    months = question.runs * (before + after) * question.window_days / A_MONTH
    waited = {one: np.array(delays[one]) for one in settings}
    return {one: (_said(waited[one], one, false[one], months, question), waited[one]) for one in settings}


def _counts(
    world: World, changed: World, question: Question, random: np.random.Generator, before: int, after: int,
    into: FloatArray,
) -> tuple[ScoreCounts, ScoreCounts]:  # fmt: skip
    """Patients of (windows, runs): quiet windows, one in which the change comes, changed ones; and of the reference."""
    which = _grouping(question.metric, world)
    quiet, moved = world.grouped(which), changed.grouped(which)
    a_window = question.per_week * question.window_days / 7
    since = np.concatenate([np.zeros(before), [np.nan], np.ones(after)])
    part = np.where(np.isnan(since)[:, None], 1 - into[None, :], np.nan_to_num(since)[:, None])  # (T, runs) changed

    def drawn(one: World, patients: FloatArray) -> tuple[FloatArray, FloatArray]:
        event, other = one.prevalence * one.event, (1 - one.prevalence) * one.other
        return (
            random.poisson(patients[..., None] * event).astype(np.float64),
            random.poisson(patients[..., None] * other).astype(np.float64),
        )

    first, then = drawn(quiet, a_window * (1 - part)), drawn(moved, a_window * part)
    held = drawn(quiet, np.full(len(into), _reference(question)))
    # the bins stand for the scores of the world as it was: what a score says does not change, what happens does
    now = ScoreCounts(event=first[0] + then[0], other=first[1] + then[1], score=quiet.score, alerted=quiet.alerted)
    return now, ScoreCounts(event=held[0], other=held[1], score=quiet.score, alerted=quiet.alerted)


def _evidence(now: ScoreCounts, reference: ScoreCounts, question: Question, delta: float) -> Evidence:
    rules = question.by
    look = look_at(question.metric, now, reference, delta)
    return over_memory(look, delta, memory=rules.memory, quiet=rules.quiet, off=rules.off)


def _grouping(metric: str, world: World) -> IntArray:
    """As few bins as the metric can tell apart: two sides of the threshold for a share, deciles for a distance."""
    if metric in SHARES:
        return np.unique(world.alerted, return_inverse=True)[1].astype(np.int64)
    return world.grouping(FEW_BINS if metric in DISTANCES else _BINS)


def _reference(question: Question) -> float:
    return 26 * question.per_week if question.reference is None else question.reference


def _alarms(evidence: Evidence, run: int, rules: Rules, streams: int) -> int:
    """Alarms of one run in which nothing moves."""
    if not _may(evidence, run, rules, streams).any():
        return 0
    watch, count = Watch.start(rules, np.ones(1), others=streams - 1), 0
    for t in range(len(evidence.e)):
        one = slice(run, run + 1)
        watch, raised, _ = watch.after(evidence.e[t, one], evidence.beyond[t, one], evidence.back[t, one])
        count += int(raised[0])
    return count


def _first(evidence: Evidence, run: int, rules: Rules, streams: int, since: int) -> int | None:
    """The window at whose end the first alarm since the fall goes on; None: none does."""
    if not _may(evidence, run, rules, streams).any():
        return None
    watch, one = Watch.start(rules, np.ones(1), others=streams - 1), slice(run, run + 1)
    for t in range(len(evidence.e)):
        watch, raised, _ = watch.after(evidence.e[t, one], evidence.beyond[t, one], evidence.back[t, one])
        if raised[0] and t >= since:
            return t
    return None


def _may(evidence: Evidence, run: int, rules: Rules, streams: int) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """(T,) whether a first alarm could go on: the evidence a single stream needs before anything has been called."""
    part = 1.0 if rules.period is None else 1 / rules.period
    return np.asarray(evidence.e[:, run] * rules.level * part / streams >= 1)


def _said(delays: FloatArray, setting: _Setting, false: int, months: float, question: Question) -> Noticed:
    runs, found = len(delays), int(np.isfinite(delays).sum())
    ordered = np.sort(delays)
    kept = math.ceil(PROMISED * runs + _SURE * math.sqrt(PROMISED * (1 - PROMISED) * runs))
    promised = float(ordered[kept - 1]) if kept <= runs and math.isfinite(ordered[kept - 1]) else None
    middle = float(ordered[math.ceil(runs / 2) - 1])
    rate = question.streams / months
    return Noticed(
        level=setting[0], delta=setting[1], found=found / runs,
        found_lower=0.0 if found == 0 else beta_ppf(0.025, found, runs - found + 1),
        found_upper=1.0 if found == runs else beta_ppf(0.975, found + 1, runs - found),
        median_days=middle if math.isfinite(middle) else None, promised_days=promised,
        false_per_month=false * rate, false_per_month_at_most=_poisson_upper(false) * rate,
    )  # fmt: skip


def _poisson_upper(count: int) -> float:
    """Upper end of the exact 95 % interval of a Poisson mean. Source: Garwood 1936, doi:10.1093/biomet/28.3-4.437."""
    return chi2_ppf(0.975, 2 * (count + 1)) / 2
