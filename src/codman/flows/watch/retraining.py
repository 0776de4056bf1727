"""Retraining, proposed for an incident in which the model got worse: what changed, how much was learned, what it gains.

Never while it is open whether care changed the outcome: a model fitted to treated patients unlearns whom to treat. A
person files it for review, or declines it; nothing is trained here.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

import numpy as np
from sqlalchemy import Connection, select

from codman.evaluate.run import run as evaluate
from codman.flows.house import House
from codman.flows.review.opening import open_for
from codman.flows.review.plans import approved
from codman.flows.watch.keeping import plan_in
from codman.flows.watch.refusals import PROPOSE, NoRetraining
from codman.flows.watch.rolling_back import StepSettled
from codman.flows.watch.rows import LABEL, SCORE, SUBJECT, TIME, EventRows, bring_in, reference_rows, rows_seen
from codman.flows.watch.steps import step_name
from codman.flows.watch.versions import version_named
from codman.jobs.times import read_instant
from codman.monitor.drift.run import MATTERS
from codman.monitor.drift.run import run as drift
from codman.monitor.retraining import Recent, expected_gains
from codman.registry import governance
from codman.registry.access import Reader, paths_for, require
from codman.registry.database import Change
from codman.registry.governance import MONITORS, WATCH_STEPS
from codman.registry.inventory import paths_of
from codman.registry.nouns import USES
from codman.registry.records import BadField, Stale
from codman.registry.requests import Once
from codman.registry.schema_review import change_plans
from codman.registry.schema_watch import signals
from codman.spine.drift_spec import DriftSpec
from codman.spine.evaluation_spec import EvaluationSpec
from codman.spine.measurement import Measurement
from codman.spine.monitor_plan import MonitorPlan
from codman.spine.policy import Checkpoint
from codman.spine.reopening import Changed, ChangePlan
from codman.spine.retraining import Retraining
from codman.spine.review import Case
from codman.spine.use import Use
from codman.spine.watching import CareVerdict, Incident, Monitor, Signal, SignalKind, StepTaken, WatchStep
from codman.spine.watching import WatchStepFields as Fields

FEWEST: Final = 30  # rows of either time, under which they are not held against each other
_METRICS: Final = ("auroc", "brier", "log_loss", "calibration_slope", "calibration_intercept", "prevalence")
_MOVED: Final = 40


def propose_retraining(
    house: House, reader: Reader, incident: str, *, at: datetime | None = None, request: str | None = None
) -> WatchStep:
    """Put what speaks for an update before those who decide; asked again, it is the one that stands.

    Args:
        house: The open house.
        reader: Who proposes it.
        incident: In which the model got worse.
        at: Outcomes observed later are not known; now without.
        request: The request it came with, for the log.

    Raises:
        NoSuchRecord: There is no such incident within their reach.
        NotAllowed: They may not, for this use.
        NoRetraining: It is not settled that the model got worse, or nothing is there to learn from.
        BadInput: Events hold something that cannot be measured.
    """
    with house.database.reading() as connection:
        one: Incident = governance.get(connection, "incident", incident, paths_for(reader, "incident.read"))
        use = USES.get(connection, one.use)
        require(reader, PROPOSE, paths_of(connection, use))
        if (there := _there(connection, one)) is not None:
            return there
        _worsened(one)
        fell = _signals(connection, one)
        monitor = MONITORS.get(connection, fell[0].monitor)
    now = (at or house.database.clock()).astimezone(UTC)
    bring_in(house)
    said = _speaks_for_it(house, use, monitor, plan_in(monitor), fell, now)
    with house.database.changing(reader.author(request), "a retraining was proposed") as change:
        if (there := _there(change.connection, one)) is not None:
            return there
        named, words = covering_plan(change.connection, use, change.today)
        whole = said.model_copy(update={"plan": named, "plan_says": words})
        fields = Fields(incident=one.id, use=use.id, kind=StepTaken.RETRAINING, state="proposed", proposal=whole)
        made: WatchStep = WATCH_STEPS.add(change, fields, step_name(one, StepTaken.RETRAINING))
        return made


def file_retraining(
    house: House, reader: Reader, step: str, revision: int, why: str, *, request: str | None = None
) -> WatchStep:
    """Bring it before the change checkpoint: a case is opened that reviews it.

    Raises:
        NoSuchRecord: There is no such step within their reach.
        NotAllowed: They may not, for this use.
        StepSettled: It is filed or declined already.
        AlreadyThere: A change of this use is under review.
        BadField: No reason is given.
        Stale: It was changed since they looked.
    """
    with house.database.reading() as connection:
        one = _step(connection, reader, step, revision, why)
    # cut off between the two, the same person finds the case that was opened
    once = Once(source=f"retraining:{reader.person}", key=one.id, body_digest=f"{one.revision:064d}")
    case: Case = open_for(house, reader, one.use, Checkpoint.CHANGE, why=why.strip(), request=request, once=once)
    with house.database.changing(reader.author(request), why) as change:
        _step(change.connection, reader, step, revision, why)
        return _settled(change, reader, one, {"state": "confirmed", "case": case.id}, why)


def decline_retraining(
    house: House, reader: Reader, step: str, revision: int, why: str, *, request: str | None = None
) -> WatchStep:
    """Leave the model as it is, with a reason; the same may raise as of `file_retraining`, but for a case."""
    with house.database.changing(reader.author(request), why) as change:
        one = _step(change.connection, reader, step, revision, why)
        return _settled(change, reader, one, {"state": "declined"}, why)


def covering_plan(connection: Connection, use: Use, day: str) -> tuple[str | None, str]:
    """The approved change plan that speaks of new versions, the newest first, and what it allows."""
    found: list[ChangePlan] = governance.every(connection, "change_plan", change_plans.c.use == use.id)
    for plan in reversed(found):
        if Changed.VERSION.value in plan.modifications and approved(connection, plan, day):
            allowed = plan.allows.get(Changed.VERSION.value)
            which = ", ".join(map(str, allowed)) if isinstance(allowed, list) else "those it names"
            ends = "" if plan.valid_to is None else f", until {plan.valid_to}"
            again = ", ".join(plan.requirements)
            return plan.id, f"an approved change plan allows versions {which}{ends}, if it meets again: {again}"[:1000]
    return None, "no approved change plan speaks of new versions: an update needs a decision"


def _worsened(one: Incident) -> None:
    if one.care is CareVerdict.WORSENED:
        return
    if one.care is None:
        raise NoRetraining(
            "nobody asked whether the model got worse or care changed the outcome",
            "wait for a window with known outcomes, and name a threshold in the plan",
        )
    why = {
        CareVerdict.UNRESOLVED: "it is open whether the model got worse or care changed the outcome",
        CareVerdict.CARE: "care changed the outcome: a model fitted to treated patients unlearns whom to treat",
    }[one.care]
    raise NoRetraining(why, "compare with a silent period, or with patients whose alert nobody acted on")


def _signals(connection: Connection, one: Incident) -> list[Signal]:
    """What was seen to be worse, the earliest window first."""
    found: list[Signal] = governance.every(connection, "signal", signals.c.incident == one.id)
    measured = [s for s in found if s.kind is SignalKind.PERFORMANCE and s.window is not None]
    if not measured:
        raise NoRetraining("no window of the incident says since when it is worse", "propose it by hand, as a change")
    return sorted(measured, key=lambda s: s.window.start if s.window else "")


def _speaks_for_it(
    house: House, use: Use, monitor: Monitor, plan: MonitorPlan, fell: list[Signal], now: datetime
) -> Retraining:
    assert fell[0].window is not None  # noqa: S101 (only such were taken)
    since = read_instant(fell[0].window.start)
    rows = rows_seen(house, use.id, since, now, now)
    if rows.labelled == 0 or not rows.binary:
        raise NoRetraining("no outcome of 0 or 1 is known since then", "send outcomes, then propose it again")
    before = reference_rows(house, monitor, plan, since)
    notes = list(rows.notes)
    moved = _moved(use, plan, before, rows, notes)
    known = rows.take(np.asarray(rows.table[LABEL].is_valid()))
    recent = _recent(known)
    gains = expected_gains(recent, plan.thresholds)
    spec = EvaluationSpec(
        task="binary", label=LABEL, score=SCORE, subject=SUBJECT, thresholds=list(plan.thresholds), metrics=[*_METRICS]
    )
    found = evaluate(known.source("recent", use.id, since.date().isoformat(), now.date().isoformat()), spec)
    with house.database.reading() as connection:
        named = max(set(names), key=names.count) if (names := known.table["version"].to_pylist()) else None
        version = version_named(connection, use.product, named)
    few = min(recent.of_a_class) < FEWEST
    return Retraining(
        since=fell[0].window.start,
        until=now.strftime("%Y-%m-%dT%H:%M:%SZ"),
        version=None if version is None else version.id,
        rows=rows.n,
        labelled=rows.labelled,
        patients=found.rows.patients,
        events=None if few else int(recent.event.sum()),
        moved=moved,
        now=list(found.measurements)[:50],
        gains=list(gains.measurements),
        plan_says="",
        notes=[*notes, *gains.notes],
    )


def _moved(
    use: Use, plan: MonitorPlan, before: EventRows | None, rows: EventRows, notes: list[str]
) -> list[Measurement]:
    """What is distributed otherwise than in the reference, by how much, and what that alone does to performance."""
    if before is None or min(before.n, rows.n) < FEWEST:
        notes.append("there are too few earlier events to say what changed")
        return []
    shared = [name for name in (*rows.numbers, *rows.levels) if name in {*before.numbers, *before.levels}]
    spec = DriftSpec(
        columns=[SCORE, *shared],
        label=LABEL if before.labelled and before.binary else None,
        score=SCORE,
        thresholds=list(plan.thresholds),
        subject=SUBJECT,
        timestamp=TIME,
        delta=dict(MATTERS),
        multivariate=False,
        effect=before.labelled >= FEWEST and before.binary,
    )
    sources = [one.source(name, use.id, "-", "-") for name, one in (("reference", before), ("current", rows))]
    found = drift(sources[0], sources[1], spec).measurements
    distances = [m for m in found if m.metric == "psi" and m.value is not None]
    effects = [m for m in found if m.metric == "estimated_auroc_change"]
    events = [m for m in found if m.metric == "prevalence_difference"]
    distances.sort(key=lambda m: -(m.value or 0.0))
    return [*events, *effects, *distances][:_MOVED]


def _recent(known: EventRows) -> Recent:
    table = known.table
    _, subject = np.unique(np.asarray(table[SUBJECT].to_pylist(), dtype=str), return_inverse=True)
    return Recent(
        event=np.asarray(table[LABEL].to_numpy(), dtype=np.float64) > 0,
        score=np.asarray(table[SCORE].to_numpy(), dtype=np.float64),
        subject=subject.astype(np.int32),
        numbers={name: np.asarray(table[name].to_numpy(), dtype=np.float64) for name in known.numbers},
        levels={name: table[name].to_pylist() for name in known.levels},
    )


def _there(connection: Connection, one: Incident) -> WatchStep | None:
    table = WATCH_STEPS.table
    row = connection.execute(select(table).where(table.c.id == step_name(one, StepTaken.RETRAINING))).one_or_none()
    return None if row is None else WATCH_STEPS.read(row)


def _step(connection: Connection, reader: Reader, name: str, revision: int, why: str) -> WatchStep:
    one: WatchStep = governance.get(connection, "watch_step", name, paths_for(reader, "incident.read"))
    require(reader, PROPOSE, paths_of(connection, USES.get(connection, one.use)))
    if one.kind is not StepTaken.RETRAINING:
        raise BadField("watch_step", "kind", "it is no retraining", fix="choose a step that proposes a retraining")
    if one.revision != revision:
        raise Stale("watch_step", name, revision, one.revision)
    if one.state != "proposed":
        raise StepSettled(one.state)
    if not why.strip():
        raise BadField("watch_step", "why", "say why")
    return one


def _settled(change: Change, reader: Reader, one: WatchStep, patch: dict[str, str], why: str) -> WatchStep:
    whole = {**patch, "decided_by": reader.person, "reason": why.strip()}
    done: WatchStep = WATCH_STEPS.change(change, one.id, whole, one.revision)
    return done
