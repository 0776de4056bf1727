"""`codman monitor drift`: whether what a model sees and says has changed, and what that does to it."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from codman.cli.flags import Band, Format, Positive, Printed
from codman.spine.statement import Origin

if TYPE_CHECKING:
    from codman.spine.statement import Statement

Texts = list[str] | None


class On(StrEnum):
    """Where rows are counted."""

    HERE = "here"
    SPARK = "spark"


class Every(StrEnum):
    """How long a window is."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"


class FailOn(StrEnum):
    """What makes the exit code 1."""

    NOTHING = "nothing"
    DRIFT = "drift"
    EFFECT = "effect"


def drift(
    reference: Annotated[str, typer.Option(metavar="A", help="What is normal: predictions and features of before.")],
    current: Annotated[str, typer.Option(metavar="B", help="What came lately, with the same columns.")],
    column: Annotated[
        Texts, typer.Option(metavar="COL", help="Compare this column. Repeat; none: all of them.")
    ] = None,
    categorical: Annotated[Texts, typer.Option(metavar="COL", help="Read numbers as categories. Repeat.")] = None,
    numeric: Annotated[Texts, typer.Option(metavar="COL", help="Read few whole numbers as numbers. Repeat.")] = None,
    label: Annotated[
        str | None, typer.Option(metavar="COL", help="Column of what happened, where it is known.")
    ] = None,
    score: Annotated[str | None, typer.Option(metavar="COL", help="Column of the score.")] = None,
    positive: Positive = None,
    threshold: Annotated[Texts, typer.Option(metavar="X", help="Flagged is score >= X. Repeat.")] = None,
    by: Annotated[Texts, typer.Option(metavar="COL[,COL]", help="Also in each group. Repeat.")] = None,
    band: Band = None,
    subject: Annotated[
        str | None, typer.Option(metavar="COL", help="Column of the patient, where rows repeat.")
    ] = None,
    timestamp: Annotated[str | None, typer.Option(metavar="COL", help="Column of when a row was scored.")] = None,
    reference_window: Annotated[
        str,
        typer.Option(metavar="RULE", help="all | same-month-last-year | same-month | last:90 | START/END of A."),
    ] = "all",
    delta: Annotated[
        Texts, typer.Option(metavar="STATISTIC=X", help="A shift above X matters: psi=0.1 (the default). Repeat.")
    ] = None,
    importance: Annotated[
        Path | None, typer.Option(metavar="FILE", help="How much the model relies on each column: JSON, or CSV rows.")
    ] = None,
    multivariate: Annotated[bool | None, typer.Option(help="Also judge all columns together; not with --on.")] = None,
    effect: Annotated[
        bool | None, typer.Option(help="Also estimate what the shift does to performance; not with --on.")
    ] = None,
    on: Annotated[
        On | None, typer.Option(help="Count rows piece by piece instead of holding them: here, or on Apache Spark.")
    ] = None,
    window: Annotated[
        Every | None, typer.Option(help="With --on: judge each day, week or month of B by itself.")
    ] = None,
    level: Annotated[float | None, typer.Option(metavar="X", help="Of the intervals; 0.95.")] = None,
    seed: Annotated[int | None, typer.Option(metavar="N", help="Of folds and Fourier features; 7.")] = None,
    reference_version: Annotated[int | None, typer.Option(metavar="N", help="Version of A, a Delta table.")] = None,
    current_version: Annotated[int | None, typer.Option(metavar="N", help="Version of B, a Delta table.")] = None,
    product: Annotated[str | None, typer.Option(metavar="NAME", help="The product's name.")] = None,
    version: Annotated[str | None, typer.Option(metavar="VERSION", help="Its version.")] = None,
    use: Annotated[str | None, typer.Option(metavar="TEXT", help="What it is used for, and where.")] = None,
    origin: Annotated[Origin, typer.Option(help="Whose word this is.")] = Origin.LOCAL,
    artifact: Annotated[str | None, typer.Option(metavar="FILE|sha256:…", help="The model, or sha256:…")] = None,
    criteria: Annotated[Path | None, typer.Option(metavar="FILE", help="Criteria that were committed before.")] = None,
    key: Annotated[Path | None, typer.Option(metavar="FILE", help="Your private key, PEM; signs it.")] = None,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the monitoring statement here.")] = None,
    fail_on: Annotated[
        FailOn, typer.Option(help="Exit 1 on a shift that matters (drift), or one that costs AUROC (effect).")
    ] = FailOn.NOTHING,
    format_: Printed = Format.TEXT,
) -> None:
    """Say whether B has moved away from A, column by column and all together, and what that does to performance.

    Every statistic is exact, over all rows; with --on, KS and Wasserstein say how wrong they can be. A shift matters
    where its whole interval lies above --delta. The exit code is 0 whatever was found, unless --fail-on says otherwise.
    """
    from codman.cli import question as q
    from codman.cli.drift_text import lines
    from codman.cli.statement_out import give_monitoring, signer_of
    from codman.flows.watch.drift import watch_drift
    from codman.flows.watch.importance import read_importance
    from codman.flows.watch.places import place_of, source_at
    from codman.spine.drift_spec import DriftSpec

    signer = signer_of(key, out, reference, current, importance, artifact, criteria)
    place = None if on is None else place_of(on.value)
    sources = (
        source_at(reference, place, name="reference", at_version=reference_version),
        source_at(current, place, name="current", at_version=current_version),
    )
    spec = q.spec_of(
        DriftSpec,
        "codman monitor drift",
        columns=column or [],
        categorical=categorical or [],
        numeric=numeric or [],
        label=label,
        positive=positive,
        score=score,
        thresholds=[q.number("--threshold", one) for one in threshold or []],
        by=[q.grouping(one, sources[0].columns) for one in by or []],
        bands={
            name: q.numbers("--band", edges) for name, edges in q.pairs("--band", band or [], "age=0,40,65").items()
        },
        subject=subject,
        timestamp=timestamp,
        reference_window=reference_window,
        delta=_delta(delta),
        importance=None if importance is None else read_importance(importance),
        multivariate=on is None if multivariate is None else multivariate,
        effect=on is None if effect is None else effect,
        summed=on is not None,
        window=None if window is None else window.value,
        level=level,
        seed=seed,
    )
    statement = watch_drift(
        *sources, spec, product=product, version=version, use=use, origin=origin, artifact=artifact, criteria=criteria,
        on=place,
    )  # fmt: skip
    give_monitoring(statement, signer, out, format_, lines)
    if fail_on is not FailOn.NOTHING and _fails(statement, fail_on):
        raise typer.Exit(1)


def _delta(given: Texts) -> dict[str, float]:
    from codman.cli import question as q
    from codman.monitor.drift.run import MATTERS

    named = {name: q.number("--delta", x) for name, x in q.pairs("--delta", given or [], "psi=0.1").items()}
    for name in named:
        q.one_of("--delta", name, ("ks", "psi", "js_distance", "hellinger", "wasserstein"))
    return named or dict(MATTERS)


def _fails(statement: Statement, on: FailOn) -> bool:
    from codman.monitor.drift.verdict import costs, drifted
    from codman.spine.engine_statements import MonitoringPredicate

    found = MonitoringPredicate.model_validate(statement.predicate).measurements
    return bool(drifted(found) if on is FailOn.DRIFT else costs(found))
