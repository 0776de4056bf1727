"""drift: a reference and current rows in, a monitoring statement out, with everything needed to compute it again."""

from __future__ import annotations

from pathlib import Path

from codman.compute.map_reduce import Place
from codman.evidence.statements import build
from codman.flows.idle import IdleArgument, refuse_identifiers, refuse_names
from codman.flows.provenance import criteria_of, provenance_of
from codman.monitor.drift.run import DriftReport, run
from codman.monitor.drift.verdict import alarms, state
from codman.monitor.summaries.run import run as summed
from codman.spine.drift_spec import DriftSpec
from codman.spine.engine_statements import MonitoringPredicate
from codman.spine.statement import Kind, Origin, Statement
from codman.tables.source import Source


def watch_drift(
    reference: Source,
    current: Source,
    spec: DriftSpec,
    *,
    product: str | None = None,
    version: str | None = None,
    use: str | None = None,
    origin: Origin = Origin.LOCAL,
    artifact: str | None = None,
    criteria: Path | None = None,
    at: str | None = None,
    on: Place | None = None,
) -> Statement:
    """Compare current rows with a reference and write down what was found.

    Args:
        reference: What is normal.
        current: What came lately.
        spec: What was asked.
        product: The product's name; without one, the current file's.
        version: Its version.
        use: What it is used for, and where.
        origin: Whose word this is.
        artifact: The model's file or `sha256:…`; without it the subject is pinned by the current rows, and a note
            says so.
        criteria: The criteria statement that was committed before this run.
        at: When, ISO 8601 with a zone; now without it.
        on: Where rows are counted, of a spec that asks for sums; in this process without it.

    Returns:
        The monitoring statement, not yet signed; its inputs are named `reference` and `current`.

    Raises:
        BadInput: A column, a value, a file or an argument cannot be used.
    """
    refuse_identifiers(spec, spec.subject)
    if spec.window is not None and not spec.summed:
        raise IdleArgument("--window", "exact statistics judge all of B together", "add --on here, or leave it out")
    known = provenance_of(
        (("reference", reference), ("current", current)), current, product=product, version=version, use=use,
        origin=origin, artifact=artifact, criteria=criteria_of(criteria), at=at,
    )  # fmt: skip
    found = measure(reference, current, spec, on)
    refuse_names(spec, found.measurements, found.rows.evaluated)
    predicate = MonitoringPredicate(
        **known.said(*reference.notes, *current.notes, *found.notes, engines=("evaluate", "monitor")),
        rows=found.rows,
        measurements=list(found.measurements),
        window=found.window,
        reference=found.reference,
        alarms=alarms(found.measurements, windows=spec.window is not None),
        state=state(found.measurements),
        spec=found.spec,
    )
    return build(Kind.MONITORING, known.subject, predicate)


def measure(reference: Source, current: Source, spec: DriftSpec, on: Place | None = None) -> DriftReport:
    """The drift report that a spec asks for: from the rows themselves, or from counts that add up.

    Args:
        reference: What is normal.
        current: What came lately.
        spec: What was asked.
        on: Where rows are counted; in this process without it.
    """
    return summed(reference, current, spec, on) if spec.summed else run(reference, current, spec)
