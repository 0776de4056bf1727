"""compare: two prediction files of the same patients in, a comparison statement out."""

from __future__ import annotations

from pathlib import Path

from codman.evaluate.compare.run import run
from codman.evidence.statements import build
from codman.flows.idle import refuse_identifiers, refuse_names
from codman.flows.provenance import criteria_of, provenance_of
from codman.spine.comparison_spec import ComparisonSpec
from codman.spine.comparison_statement import ComparisonPredicate
from codman.spine.statement import Kind, Origin, Statement
from codman.tables.source import Source


def compare(
    a: Source,
    b: Source,
    spec: ComparisonSpec,
    *,
    product: str | None = None,
    version: str | None = None,
    use: str | None = None,
    origin: Origin = Origin.LOCAL,
    artifact: str | None = None,
    criteria: Path | None = None,
    at: str | None = None,
) -> Statement:
    """Measure how much better or worse model B is than A on the same patients, and write down what was found.

    Args:
        a: Predictions of model A, the one in use.
        b: Predictions of model B, the challenger, which the statement is about.
        spec: What was asked.
        product: The product's name; without one, B's file's.
        version: B's version.
        use: What it is used for, and where.
        origin: Whose word this is.
        artifact: Model B's file or `sha256:…`; without it the subject is pinned by B's predictions, and a note says so.
        criteria: The criteria statement that was committed before this run.
        at: When, ISO 8601 with a zone; now without it.

    Returns:
        The comparison statement, not yet signed; its inputs are named `a` and `b`.

    Raises:
        BadInput: The rows cannot be paired, or a column, a value, a file or an argument cannot be used.
    """
    # what can be refused without reading the tables is refused first
    refuse_identifiers(spec, spec.id, spec.subject)
    known = provenance_of(
        (("a", a), ("b", b)), b, product=product, version=version, use=use, origin=origin,
        artifact=artifact, criteria=criteria_of(criteria), at=at,
    )  # fmt: skip
    found = run(a, b, spec)
    refuse_names(spec, found.measurements, found.rows.evaluated)
    predicate = ComparisonPredicate(
        **known.said(*a.notes, *b.notes),
        rows=found.rows,
        spec=found.spec,
        measurements=list(found.measurements),
    )
    return build(Kind.COMPARISON, known.subject, predicate)
