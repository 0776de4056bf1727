"""`codman monitor estimate`: how a model does while its labels are awaited, come in, and are all here."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from codman.cli.flags import Band, Format, Level, Positive, Printed
from codman.spine.statement import Origin

Texts = list[str] | None


def estimate(
    reference: Annotated[str, typer.Option(metavar="A", help="Predictions of before, with their labels.")],
    current: Annotated[str, typer.Option(metavar="B", help="Predictions to be judged; labels where they are known.")],
    label: Annotated[str, typer.Option(metavar="COL", help="Column of what happened; empty where not known yet.")],
    score: Annotated[str, typer.Option(metavar="COL", help="Column of the score.")],
    window: Annotated[
        str, typer.Option(metavar="SIZE", help="month | week | day | rows:500; the last short window is kept.")
    ],
    timestamp: Annotated[
        str | None, typer.Option(metavar="COL", help="Column of when the model spoke, UTC without a zone.")
    ] = None,
    positive: Positive = None,
    threshold: Annotated[Texts, typer.Option(metavar="X", help="Flagged is score >= X. Repeat.")] = None,
    metrics: Annotated[str | None, typer.Option(metavar="A,B", help="Only these metrics.")] = None,
    by: Annotated[Texts, typer.Option(metavar="COL[,COL]", help="Also in each group. Repeat.")] = None,
    band: Band = None,
    subject: Annotated[
        str | None, typer.Option(metavar="COL", help="Column of the patient, where rows repeat.")
    ] = None,
    method: Annotated[
        str, typer.Option(metavar="METHOD", help="cbpe, or pape: the reference is weighted to each window's mix.")
    ] = "cbpe",
    feature: Annotated[Texts, typer.Option(metavar="COL", help="pape: a column the mix is told by. Repeat.")] = None,
    calibration: Annotated[
        str | None, typer.Option(metavar="KIND", help="isotonic | logistic | none; found out without it.")
    ] = None,
    delay: Annotated[
        str | None, typer.Option(metavar="COL", help="Days until the label was known, or the time when it was.")
    ] = None,
    delay_by: Annotated[Texts, typer.Option(metavar="COL", help="Delays are alike within its levels. Repeat.")] = None,
    horizon: Annotated[
        float | None, typer.Option(metavar="DAYS", help="The label is an event within DAYS; its absence is known then.")
    ] = None,
    verified: Annotated[
        str | None,
        typer.Option(metavar="COL", help="The chance with which a label was looked for: 1 after alerts, 0 never."),
    ] = None,
    as_of: Annotated[str | None, typer.Option(metavar="TIME", help="Labels known later do not count.")] = None,
    level: Level = 0.95,
    strict: Annotated[bool, typer.Option("--strict", help="Suppress as for what leaves the house.")] = False,
    reference_version: Annotated[int | None, typer.Option(metavar="N", help="Version of A, a Delta table.")] = None,
    current_version: Annotated[int | None, typer.Option(metavar="N", help="Version of B, a Delta table.")] = None,
    product: Annotated[str | None, typer.Option(metavar="NAME", help="The product's name.")] = None,
    version: Annotated[str | None, typer.Option(metavar="VERSION", help="Its version.")] = None,
    use: Annotated[str | None, typer.Option(metavar="TEXT", help="What it is used for, and where.")] = None,
    origin: Annotated[Origin, typer.Option(help="Whose word this is.")] = Origin.LOCAL,
    artifact: Annotated[str | None, typer.Option(metavar="FILE|sha256:…", help="The model, or its descriptor.")] = None,
    criteria: Annotated[Path | None, typer.Option(metavar="FILE", help="Criteria that were committed before.")] = None,
    key: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Your private key, PEM; signs the statement.")
    ] = None,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the monitoring statement here.")] = None,
    format_: Printed = Format.TEXT,
) -> None:
    """Say how a model does in each window of B: estimated without labels, partial while they come in, final.

    What a score means is learned on A. An estimate's interval says where the number will be once labels are known, as
    long as scores keep their meaning, which nobody can check without labels; where they are known, each estimate is set
    beside what came true.
    """
    from codman.cli import question as q
    from codman.cli.estimate_text import lines
    from codman.cli.statement_out import give_monitoring, signer_of
    from codman.flows.watch.estimate import watch_performance
    from codman.spine.estimate_spec import EstimateSpec
    from codman.tables.source import open_source

    signer = signer_of(key, out, reference, current, artifact, criteria)
    sources = (
        open_source(reference, name="reference", at_version=reference_version),
        open_source(current, name="current", at_version=current_version),
    )
    spec = q.spec_of(
        EstimateSpec,
        "codman monitor estimate",
        why={"window": "it is none of month, week, day, rows:500"},
        label=label,
        score=score,
        window=window,
        timestamp=timestamp,
        positive=positive,
        thresholds=[q.number("--threshold", one) for one in threshold or []],
        metrics=None if metrics is None else q.words("--metrics", metrics),
        by=[q.grouping(one, sources[0].columns) for one in by or []],
        bands={
            name: q.numbers("--band", edges) for name, edges in q.pairs("--band", band or [], "age=0,40,65").items()
        },
        subject=subject,
        method=q.one_of("--method", method, ("cbpe", "pape")),
        features=feature or [],
        calibration=None if calibration is None else q.one_of("--calibration", calibration, _CALIBRATIONS),
        delay=delay,
        delay_by=delay_by or [],
        horizon_days=horizon,
        verified=verified,
        as_of=as_of,
        level=level,
        suppression="strict" if strict else "standard",
    )
    statement = watch_performance(
        *sources, spec, product=product, version=version, use=use, origin=origin, artifact=artifact, criteria=criteria
    )
    give_monitoring(statement, signer, out, format_, lines)


_CALIBRATIONS = ("isotonic", "logistic", "none")
