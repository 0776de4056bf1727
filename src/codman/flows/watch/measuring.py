"""measure: a window's events in, the house's own statements out: performance at its age, drift, what staff did."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final, Literal

import numpy as np
import pyarrow.compute as pc

from codman.evaluate.run import run as evaluate
from codman.evaluate.suppression import FEWEST as FEWEST_PATIENTS
from codman.evidence.statements import build
from codman.flows.idle import refuse_names
from codman.flows.provenance import input_of, note_of, software, subject_of
from codman.flows.watch.asking import Asked
from codman.flows.watch.rows import KNOWN_AFTER, LABEL, SCORE, SHOWN, SUBJECT, TIME, EventRows
from codman.monitor.drift.run import MATTERS
from codman.monitor.drift.run import run as drift
from codman.monitor.drift.verdict import alarms
from codman.monitor.effect_of_care import Cause, Explanation, Seen, explain
from codman.monitor.estimate.observed import observed
from codman.monitor.estimate.read import read_current
from codman.monitor.estimate.run import estimate
from codman.monitor.process import Alerts, process_measures
from codman.spine.drift_spec import DriftSpec
from codman.spine.engine_statements import MonitoringPredicate
from codman.spine.estimate_spec import EstimateSpec
from codman.spine.evaluation_spec import EvaluationSpec
from codman.spine.measurement import SUPPRESSED, Measurement, Measurements, Window
from codman.spine.monitor_plan import MonitorPlan
from codman.spine.product import Version
from codman.spine.statement import EvaluationPredicate, Input, Kind, Origin, Rows, Statement
from codman.tables.source import Source

FEWEST_LABELLED: Final = 30  # reference rows with an outcome, under which nothing is learned from them
FEWEST: Final = 30  # rows, under which two times are not compared
ACTED: Final = frozenset({"acted", "accepted", "ordered", "treated", "followed"})
OVERRIDDEN: Final = frozenset({"overridden", "dismissed", "rejected", "ignored"})
State = Literal["quiet", "watch", "alarm", "blind"]


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What a window's statements are about."""

    monitor: str
    plan: MonitorPlan
    digest: str  # of the plan's words
    product: str  # names, as statements say them
    use: str
    use_id: str
    rule: str
    start: date
    end: date
    due_on: date
    version: Version | None
    versions: dict[str, int]  # what the events name, and how often
    at: str  # when it is measured

    @property
    def window(self) -> Window:
        """As measurements say it."""
        return Window(start=f"{self.start.isoformat()}T00:00:00Z", end=f"{self.end.isoformat()}T00:00:00Z")


@dataclass(frozen=True, slots=True)
class Measured:
    """What was computed of a window."""

    measurements: tuple[Measurement, ...]
    alarms: tuple[str, ...]
    notes: tuple[str, ...]
    care: Cause | None  # what explains a fall, where that could be asked
    rows: Rows
    spec: EstimateSpec | None
    reference: Window | None


def measure(about: About, asked: Asked, rows: EventRows, before: EventRows | None, now: datetime) -> Measured:
    """Everything the plan asks of a window.

    Args:
        about: The window.
        asked: What its requirements ask.
        rows: Its events.
        before: The reference's events; None where there are none.
        now: Labels known later do not count.
    """
    notes = [*rows.notes]
    known = {*rows.numbers, *rows.levels}
    groups = [list(one) for one in asked.by if {c.removesuffix("_band") for c in one} <= known or set(one) <= known]
    if len(groups) < len(asked.by):
        notes.append("some groups could not be formed: the events do not carry what they are made from")
    found: list[Measurement] = []
    spec: EstimateSpec | None = None
    said: tuple[str, ...] = ()
    reference: Window | None = None
    if rows.n:
        current = rows.source("current", about.use_id, *_span(about.start, about.end))
        spec = _estimate_spec(about, asked, rows, groups, now)
        if rows.binary:
            found += _performance(before, current, spec, notes)
        else:
            notes.append("outcomes are not events of 0 and 1: performance is not measured here")
        if before is not None and min(rows.n, before.n) >= FEWEST:
            more, said, reference = _drift(about, asked, rows, before, current, groups)
            found += more
        else:
            notes.append("there are too few earlier events to hold it against")
        found += _process(asked, rows)
        refuse_names(spec, Measurements(found), rows.n)
    care = care_of(asked, rows, before, about.plan.level)
    if care is not None:
        found += [_hidden(one) if one.n is not None and one.n < FEWEST_PATIENTS else one for one in care.measurements]
        notes.append(care.sentence)
    return Measured(
        measurements=tuple(_dated(one, about.window) for one in found),
        alarms=said,
        notes=tuple(notes),
        care=None if care is None else care.cause,
        rows=Rows(eligible=rows.n, scored=rows.n, evaluated=rows.n, patients=_patients(rows)),
        spec=spec,
        reference=reference,
    )


def monitoring_statement(
    about: About, measured: Measured, rows: EventRows, before: EventRows | None, alarms_: list[str], state: State
) -> Statement:
    """The window's monitoring statement, not yet signed."""
    subject, note = _subject(about, rows)
    inputs = [_input(rows, "current", about.use_id, *_span(about.start, about.end))]
    if before is not None:
        inputs.append(_input(before, "reference", about.use_id, *_reference_span(before)))
    settings: dict[str, Any] = {
        "monitor": about.monitor,
        "plan": about.plan.plan,
        "edition": about.plan.edition,
        "plan_sha256": about.digest,
        "window": about.rule,
        "due_on": about.due_on.isoformat(),
        "labelled": rows.labelled,
    }
    return build(
        Kind.MONITORING,
        subject,
        MonitoringPredicate(
            product=about.product,
            version=None if about.version is None else about.version.label,
            use=about.use,
            origin=Origin.LOCAL,
            evaluated_at=about.at,
            note=note_of(note, _versions(about), *measured.notes),
            inputs=inputs,
            rows=measured.rows,
            software=software("evaluate", "monitor"),
            measurements=list(measured.measurements),
            window=about.window,
            reference=measured.reference,
            alarms=[one[:2000] for one in alarms_[:1000]],
            state=state,
            settings=settings,
            spec=measured.spec,
        ),
    )


def evaluation_statement(about: About, asked: Asked, rows: EventRows) -> Statement | None:
    """The same window as an evaluation, for requirements that ask for one; None where no outcome is known."""
    if rows.labelled == 0 or not rows.binary:
        return None
    known = {*rows.numbers, *rows.levels}
    by = [list(one) for one in asked.by if {c.removesuffix("_band") for c in one} <= known or set(one) <= known]
    source = rows.source("predictions", about.use_id, *_span(about.start, about.end))
    spec = EvaluationSpec(
        task="binary",
        label=LABEL,
        score=SCORE,
        subject=SUBJECT,
        by=by,
        bands={column: edges for column, edges in asked.bands.items() if column in rows.numbers},
        thresholds=list(asked.thresholds),
        level=about.plan.level,
    )
    found = evaluate(source, spec)
    refuse_names(found.spec, found.measurements, found.rows.evaluated)
    subject, note = _subject(about, rows)
    predicate = EvaluationPredicate(
        product=about.product,
        version=None if about.version is None else about.version.label,
        use=about.use,
        origin=Origin.LOCAL,
        evaluated_at=about.at,
        note=note_of(note, _versions(about), *rows.notes),
        inputs=[_input(rows, "predictions", about.use_id, *_span(about.start, about.end))],
        rows=found.rows,
        spec=found.spec,
        software=software(),
        measurements=[_dated(one, about.window) for one in found.measurements],
        curves=found.curves,
    )
    return build(Kind.EVALUATION, subject, predicate)


def care_of(asked: Asked, rows: EventRows, before: EventRows | None, level: float) -> Explanation | None:
    """Whether the model got worse, or care changed the outcome; None where that cannot be asked.

    It needs a threshold from which staff act, and outcomes of both times.
    """
    if before is None or not asked.thresholds or not (rows.binary and before.binary):
        return None
    there, here = _seen(before), _seen(rows)
    if min(len(there.score), len(here.score)) < FEWEST:
        return None
    known = rows.labelled / rows.n if rows.n else 0.0
    return explain(there, here, threshold=asked.thresholds[0], known=known, level=level)


def _seen(rows: EventRows) -> Seen:
    """The rows whose outcome is known, as the comparison of care reads them."""
    known = np.asarray(rows.table[LABEL].is_valid())
    acts = rows.view.rows["actions"].to_pylist()
    acted = np.array([any(one["action"].lower() in ACTED for one in some or ()) for some in acts], dtype=bool)
    return Seen(
        score=np.asarray(rows.table[SCORE].to_numpy(), dtype=np.float64)[known],
        outcome=np.asarray(rows.table[LABEL].fill_null(0.0).to_numpy(), dtype=np.float64)[known] > 0,
        shown=np.asarray(rows.table[SHOWN].fill_null(True).to_numpy(), dtype=bool)[known],
        acted=acted[known] if len(acted) else np.zeros(int(known.sum()), dtype=bool),
    )


def _estimate_spec(about: About, asked: Asked, rows: EventRows, groups: list[list[str]], now: datetime) -> EstimateSpec:
    return EstimateSpec(
        label=LABEL,
        score=SCORE,
        timestamp=TIME,
        window=about.rule if about.rule in ("day", "week", "month") else f"rows:{rows.n}",
        thresholds=list(asked.thresholds),
        by=groups,
        bands={column: edges for column, edges in asked.bands.items() if column in rows.numbers},
        subject=SUBJECT,
        metrics=list(asked.estimates),
        delay=KNOWN_AFTER,
        as_of=now.strftime("%Y-%m-%dT%H:%M:%SZ"),
        level=about.plan.level,
    )


def _performance(
    before: EventRows | None, current: Source, spec: EstimateSpec, notes: list[str]
) -> Iterator[Measurement]:
    """By labels where they are here; estimated too where an earlier time says what a score means."""
    if before is not None and before.binary and before.labelled >= FEWEST_LABELLED:
        reference = before.source("reference", "", *_reference_span(before))
        found = estimate(reference, current, spec)
        if found.sentence:
            notes.append(found.sentence)
        yield from found.measurements
        return
    notes.append("nothing is estimated: no earlier outcomes say what a score means")
    rows = read_current(current, spec)
    yield from observed(rows, spec, [name for name in spec.metrics or () if name != "alert_rate"])


def _drift(
    about: About, asked: Asked, rows: EventRows, before: EventRows, current: Source, groups: list[list[str]]
) -> tuple[list[Measurement], tuple[str, ...], Window | None]:
    shared = [name for name in (*rows.numbers, *rows.levels) if name in {*before.numbers, *before.levels}]
    spec = DriftSpec(
        columns=[SCORE, *(name for name in shared if not asked.features or name in asked.features)],
        label=LABEL if rows.labelled and before.labelled and rows.binary and before.binary else None,
        score=SCORE,
        thresholds=list(asked.thresholds),
        by=[one for one in groups if all(column in shared for column in one)],
        subject=SUBJECT,
        timestamp=TIME,
        delta=dict(MATTERS),
        multivariate=asked.together,
        effect=before.labelled >= FEWEST_LABELLED and asked.together,
        level=about.plan.level,
    )
    reference = before.source("reference", about.use_id, *_reference_span(before))
    found = drift(reference, current, spec)
    return list(found.measurements), tuple(alarms(found.measurements)), found.reference


def _process(asked: Asked, rows: EventRows) -> Iterator[Measurement]:
    """What staff did with alerts, where events say it."""
    if not asked.thresholds:
        return
    threshold = asked.thresholds[0]
    acts = rows.view.rows["actions"].to_pylist()
    if not any(acts):
        return
    said = np.asarray(rows.table[TIME].cast("int64").to_numpy(), dtype=np.float64) / 3.6e9
    shown = rows.table[SHOWN].fill_null(True).to_numpy()
    alerted = np.flatnonzero((rows.table[SCORE].to_numpy() >= threshold) & shown)
    overridden, acted, hours = np.zeros(len(alerted), bool), np.zeros(len(alerted), bool), np.full(len(alerted), np.nan)
    for place, i in enumerate(alerted):
        for one in acts[i] or ():
            if one["action"].lower() in OVERRIDDEN:
                overridden[place] = True
            elif one["action"].lower() in ACTED:
                acted[place] = True
                after = one["acted_at"].timestamp() / 3600 - said[i]
                hours[place] = np.nanmin([hours[place], max(after, 0.0)])
    days = {(s, int(t // 24)) for s, t in zip(rows.table[SUBJECT].to_pylist(), said, strict=True)}
    yield from process_measures(
        Alerts(overridden=overridden, acted=acted, hours=hours, patient_days=float(len(days))), threshold=threshold
    )


def newest_version(rows: EventRows) -> dict[str, int]:
    """The versions that the events name, the most frequent first."""
    return dict(Counter(rows.table["version"].to_pylist()).most_common())


def _subject(about: About, rows: EventRows) -> Any:
    artefact = None if about.version is None or about.version.digest is None else f"sha256:{about.version.digest}"
    label = None if about.version is None else about.version.label
    source = rows.source("current", about.use_id, *_span(about.start, about.end))
    return subject_of(about.product, label, artefact, source.digest())


def _versions(about: About) -> str | None:
    if about.version is None and about.versions:
        return "the version that the events name is not in the book"
    if len(about.versions) > 1:
        return f"events of {len(about.versions)} versions; most are of {next(iter(about.versions))}"
    return None


def _input(rows: EventRows, name: str, use: str, start: str, end: str) -> Input:
    found = input_of(rows.source(name, use, start, end), name)
    version = rows.view.versions.get("predictions", -1)
    return found.model_copy(update={"table_version": version if version >= 0 else None})


def _dated(one: Measurement, window: Window) -> Measurement:
    params = {key: value for key, value in one.params.items() if key != "rows"}
    return one.model_copy(update={"window": window, "params": params})


def _hidden(one: Measurement) -> Measurement:
    """A number of too few patients, left out as everywhere."""
    lost = dict.fromkeys(("value", "lower", "upper", "level", "n", "positives"))
    return one.model_copy(update={**lost, "note": SUPPRESSED})


def _span(start: date, end: date) -> tuple[str, str]:
    return start.isoformat(), end.isoformat()


def _reference_span(before: EventRows) -> tuple[str, str]:
    if before.n == 0:
        return "-", "-"
    first, last = pc.min_max(before.table[TIME]).as_py().values()
    return first.date().isoformat(), (last.date() + timedelta(days=1)).isoformat()


def _patients(rows: EventRows) -> int | None:
    return len(set(rows.table[SUBJECT].to_pylist())) if rows.n else None
