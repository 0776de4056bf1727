"""estimate: a labelled reference and current rows in, a monitoring statement of every window's performance out."""

from __future__ import annotations

from pathlib import Path

from codman.evidence.statements import build
from codman.flows.idle import refuse_identifiers, refuse_names
from codman.flows.provenance import criteria_of, provenance_of
from codman.monitor.estimate.run import estimate
from codman.spine.engine_statements import MonitoringPredicate
from codman.spine.estimate_spec import EstimateSpec
from codman.spine.statement import Kind, Origin, Statement
from codman.tables.source import Source


def watch_performance(
    reference: Source,
    current: Source,
    spec: EstimateSpec,
    *,
    product: str | None = None,
    version: str | None = None,
    use: str | None = None,
    origin: Origin = Origin.LOCAL,
    artifact: str | None = None,
    criteria: Path | None = None,
    at: str | None = None,
) -> Statement:
    """Estimate how a model does in each window, measure it where labels are here, and write down what was found.

    Args:
        reference: Rows with labels, from before.
        current: Rows to be judged.
        spec: What was asked.
        product: The product's name; without one, the current file's.
        version: Its version.
        use: What it is used for, and where.
        origin: Whose word this is.
        artifact: The model's file or `sha256:…`; without it the subject is pinned by the current rows, and a note
            says so.
        criteria: The criteria statement that was committed before this run.
        at: When, ISO 8601 with a zone; now without it.

    Returns:
        The monitoring statement, not yet signed; its inputs are named `reference` and `current`. Its note says how good
        the estimates have been, where labels came true.

    Raises:
        BadInput: A column, a value, a file or an argument cannot be used.
    """
    refuse_identifiers(spec, spec.subject)
    known = provenance_of(
        (("reference", reference), ("current", current)), current, product=product, version=version, use=use,
        origin=origin, artifact=artifact, criteria=criteria_of(criteria), at=at,
    )  # fmt: skip
    found = estimate(reference, current, spec)
    refuse_names(spec, found.measurements, found.rows.evaluated)
    predicate = MonitoringPredicate(
        **known.said(*reference.notes, *current.notes, found.sentence, engines=("evaluate", "monitor")),
        rows=found.rows,
        measurements=list(found.measurements),
        window=found.window,
        reference=found.reference,
        spec=found.spec,
    )
    return build(Kind.MONITORING, known.subject, predicate)
