"""assess: predictions and a question in, an evaluation statement out, with everything needed to check it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from codman.errors import BadInput
from codman.evaluate.run import run
from codman.evidence.statements import build
from codman.flows.idle import refuse_idle, refuse_names, refuse_unmeasured
from codman.flows.provenance import criteria_of, now, provenance_of
from codman.spine.evaluation_spec import EvaluationSpec
from codman.spine.statement import EvaluationPredicate, Kind, Origin, Statement, when
from codman.tables.source import Source


def assess(
    source: Source,
    spec: EvaluationSpec,
    *,
    product: str | None = None,
    version: str | None = None,
    use: str | None = None,
    origin: Origin = Origin.LOCAL,
    artifact: str | None = None,
    criteria: Path | None = None,
    others: Mapping[str, Source] | None = None,
    at: str | None = None,
) -> Statement:
    """Measure a model's predictions and write down what was found, of which rows, by which software.

    Args:
        source: The predictions.
        spec: What was asked.
        product: The product's name; without one, the file's.
        version: Its version.
        use: What it is used for, and where.
        origin: Whose word this is.
        artifact: The model's file or `sha256:…`; without it the subject is pinned by
            the predictions, and a note says so.
        criteria: The criteria statement that was committed before this run.
        others: Other inputs by the name the spec gives them.
        at: When, ISO 8601 with a zone; now without it.

    Returns:
        The evaluation statement, not yet signed.

    Raises:
        BadInput: A column, a value, a file or an argument cannot be used.
    """
    # what can be refused without reading the table is refused first
    refuse_idle(spec, source)
    cited = criteria_of(criteria)
    if cited is not None and when(cited.committed_at) > when(at or now()):
        raise BadInput(
            what=f"{criteria} was committed after this evaluation",
            why=f"it says {cited.committed_at}, and what is promised must be promised before the run",
            fix="cite criteria that were committed before, or leave --criteria out",
        )
    others = dict(others or {})
    known = provenance_of(
        ((source.name, source), *others.items()), source, product=product, version=version, use=use, origin=origin,
        artifact=artifact, criteria=cited, at=at,
    )  # fmt: skip
    found = run(source, spec, others=others)
    refuse_unmeasured(spec, found.measurements)
    refuse_names(spec, found.measurements, found.rows.evaluated)
    predicate = EvaluationPredicate(
        **known.said(*source.notes),
        rows=found.rows,
        spec=found.spec,
        measurements=list(found.measurements),
        curves=found.curves,
    )
    return build(Kind.EVALUATION, known.subject, predicate)
